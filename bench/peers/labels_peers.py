"""Times the usual k-means tools of Python on raw photos, for bench/labels.ts.

usage: labels_peers.py CLUSTERS FILE...   (each file: 512*512*3 bytes of RGB)
Prints one JSON object: tool -> list of {ms, centres}, a file each. CPU time on one thread; centres are RGB.
"""

import json
import sys
import time
import warnings

import numpy as np


def timed(cluster, pixels):
    start = time.process_time()
    centres = cluster(pixels)
    return {"ms": 1000 * (time.process_time() - start), "centres": np.asarray(centres, float).tolist()}


def tools(k):
    found = {}
    try:
        import cv2

        cv2.setNumThreads(1)
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
        found["cv2 one start"] = lambda x: cv2.kmeans(x, k, None, criteria, 1, cv2.KMEANS_PP_CENTERS)[2]
        found["cv2 best of 10"] = lambda x: cv2.kmeans(x, k, None, criteria, 10, cv2.KMEANS_RANDOM_CENTERS)[2]
    except ImportError:
        pass
    try:
        from sklearn.cluster import KMeans, MiniBatchKMeans

        found["sklearn KMeans one start"] = lambda x: KMeans(k, n_init=1, random_state=0).fit(x).cluster_centers_
        found["sklearn MiniBatchKMeans"] = lambda x: MiniBatchKMeans(k, n_init=3, random_state=0).fit(x).cluster_centers_
    except ImportError:
        pass
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    photos = [np.fromfile(path, np.uint8).reshape(-1, 3).astype(np.float32) for path in sys.argv[2:]]
    found = tools(int(sys.argv[1]))
    for cluster in found.values():
        cluster(photos[0][::16])
    print(json.dumps({name: [timed(cluster, pixels) for pixels in photos] for name, cluster in found.items()}))

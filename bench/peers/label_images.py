"""Labels photos one by one with the usual k-means tools of Python, for bench/goodness.ts.

usage: label_images.py TOOL CLUSTERS FILE...   (TOOL: cv2 or sklearn; each file: 512*512*3 bytes of RGB)
Writes FILE.TOOL beside each: one byte a pixel, ids from the darkest centre to the brightest. One k-means++ start each.
"""

import sys
import warnings

import numpy as np


def label(tool, pixels, k):
    if tool == "cv2":
        import cv2

        cv2.setNumThreads(1)
        cv2.setRNGSeed(1)
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
        _, ids, centres = cv2.kmeans(pixels, k, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
        return ids.ravel(), centres
    from sklearn.cluster import KMeans

    fitted = KMeans(k, n_init=1, random_state=0).fit(pixels)
    return fitted.labels_, fitted.cluster_centers_


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tool, k = sys.argv[1], int(sys.argv[2])
    for path in sys.argv[3:]:
        ids, centres = label(tool, np.fromfile(path, np.uint8).reshape(-1, 3).astype(np.float32), k)
        rank = np.empty(k, np.uint8)
        rank[np.argsort(centres @ [0.299, 0.587, 0.114])] = np.arange(k)
        rank[ids].tofile(f"{path}.{tool}")

"""Times OpenCV's filters, components and superpixels, for bench/coherence.ts.

usage: coherence_peers.py FILE...   (each file: 512*512*3 bytes of RGB, then 512*512 label ids)
Prints one JSON object: tool -> CPU milliseconds on one thread, the mean over the files.
"""

import json
import sys
import time

import cv2
import numpy as np

SIZE = 512
ROUNDS = 10


def components(photo, labels):
    for label in np.unique(labels):
        cv2.connectedComponentsWithStats((labels == label).astype(np.uint8), connectivity=4)


def slic(photo, labels):
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)
    superpixels = cv2.ximgproc.createSuperpixelSLIC(lab, cv2.ximgproc.SLIC, 16, 10.0)
    superpixels.iterate(5)
    superpixels.enforceLabelConnectivity(25)
    return superpixels.getLabels()


if __name__ == "__main__":
    cv2.setNumThreads(1)
    files = [np.fromfile(path, np.uint8) for path in sys.argv[1:]]
    split = 3 * SIZE * SIZE
    images = [(data[:split].reshape(SIZE, SIZE, 3), data[split:].reshape(SIZE, SIZE)) for data in files]
    tools = {
        "medianBlur 3": lambda photo, _: cv2.medianBlur(photo, 3),
        "medianBlur 5": lambda photo, _: cv2.medianBlur(photo, 5),
        "bilateralFilter 5": lambda photo, _: cv2.bilateralFilter(photo, 5, 20, 2),
        "connectedComponentsWithStats": components,
    }
    if hasattr(cv2, "ximgproc"):
        tools["ximgproc SLIC"] = slic
    times = {}
    for name, tool in tools.items():
        for image in images:
            tool(*image)
        rounds = 2 if name == "ximgproc SLIC" else ROUNDS
        start = time.process_time()
        for _ in range(rounds):
            for image in images:
                tool(*image)
        times[name] = 1000 * (time.process_time() - start) / rounds / len(images)
    print(json.dumps(times))

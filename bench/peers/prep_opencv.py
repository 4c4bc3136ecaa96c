"""The OpenCV script of the usual tutorial: imread, resize, cv2.kmeans best of 10, imwrite.

Usage: prep_opencv.py OUT_DIR K PHOTO...      prints the seconds it took, without start-up.
"""
import os
import sys
import time

import cv2
import numpy as np

out, k, photos = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
os.makedirs(out, exist_ok=True)
start = time.perf_counter()
for n, path in enumerate(photos):
    image = cv2.resize(cv2.imread(path), (512, 512), interpolation=cv2.INTER_AREA)
    pixels = image.reshape(-1, 3).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    _, labels, centres = cv2.kmeans(pixels, k, None, criteria, 10, cv2.KMEANS_PP_CENTERS)
    segmented = centres.astype(np.uint8)[labels.flatten()].reshape(image.shape)
    cv2.imwrite(os.path.join(out, f"{n:05d}.jpg"), image)
    cv2.imwrite(os.path.join(out, f"{n:05d}_label.png"), segmented)
print(time.perf_counter() - start)

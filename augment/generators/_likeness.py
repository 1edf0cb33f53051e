"""Groups of like images, each large enough not to stand for one of them."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from augment._typing import FloatArray, IntArray

__all__ = ["LEADING", "MIN_IMAGES", "alike"]

IMAGES_PER_GROUP = 8
"""Images that a group holds, about."""
MIN_IMAGES = 5
"""Images that a group holds at least: the mean of fewer would tell too much of each."""
LEADING = 12
"""Leading axes by which images are found to be alike, beside continuous conditions."""


def alike(codes: FloatArray, given: FloatArray, seed: int) -> IntArray:
    """Group like images by k-means; groups that are too small join the nearest.

    Parameters
    ----------
    codes : ndarray of float64 (n, k)
        Principal scores, the leading ones first.
    given : ndarray of float64 (n, q)
        Continuous conditions.
    seed : int
        Of the first centers.

    Returns
    -------
    ndarray of int64 (n,)
        The group of each image, from 0.
    """
    n = len(codes)
    wanted = max(1, min(round(n / IMAGES_PER_GROUP), n // MIN_IMAGES))
    leading = codes[:, :LEADING]
    leading = np.concatenate([leading, given * leading.std(axis=0).max(initial=0)], axis=1)
    if wanted == 1 or not leading.shape[1]:
        return np.zeros(n, dtype=np.int64)
    label = KMeans(wanted, n_init=10, random_state=seed % 2**32).fit(leading).labels_
    while True:
        number, counts = np.unique(label, return_counts=True)
        if len(number) == 1 or counts.min() >= MIN_IMAGES:
            return np.searchsorted(number, label).astype(np.int64)
        lone = number[counts.argmin()]
        centers = np.stack([leading[label == part].mean(axis=0) for part in number])
        apart = np.square(centers - centers[counts.argmin()]).sum(axis=1)
        apart[counts.argmin()] = np.inf
        label = np.where(label == lone, number[apart.argmin()], label)

"""Groups of like images, each large enough not to stand for one of them."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from augment._typing import BoolArray, FloatArray, IntArray

__all__ = ["LEADING", "MIN_IMAGES", "MIN_PATIENTS", "alike"]

IMAGES_PER_GROUP = 8
"""Images that a group holds, about."""
MIN_IMAGES = 5
"""Images that a group holds at least: the mean of fewer would tell too much of each."""
MIN_PATIENTS = 5
"""Patients that a group shows at least, where they are named: slices of one patient are alike."""
LEADING = 12
"""Leading axes by which images are found to be alike, beside continuous conditions."""


def alike(
    codes: FloatArray, given: FloatArray, seed: int, owners: IntArray | None = None
) -> IntArray:
    """Group like images by k-means; groups of too few images or patients join the nearest.

    Parameters
    ----------
    codes : ndarray of float64 (n, k)
        Principal scores, the leading ones first.
    given : ndarray of float64 (n, q)
        Continuous conditions.
    seed : int
        Of the first centers.
    owners : ndarray of int64 (n,) or None
        The patient of each image. Without them each image counts as a patient.

    Returns
    -------
    ndarray of int64 (n,)
        The group of each image, from 0. All are in one group where they are too few for two.
    """
    n = len(codes)
    wanted = max(1, min(round(n / IMAGES_PER_GROUP), n // MIN_IMAGES))
    leading = codes[:, :LEADING]
    leading = np.concatenate([leading, given * leading.std(axis=0).max(initial=0)], axis=1)
    if wanted == 1 or not leading.shape[1]:
        return np.zeros(n, dtype=np.int64)
    label = KMeans(wanted, n_init=10, random_state=seed % 2**32).fit(leading).labels_
    while True:
        number = np.unique(label)
        counts = np.array([_fullness(label == part, owners) for part in number])
        if len(number) == 1 or counts.min() >= 1:
            return np.searchsorted(number, label).astype(np.int64)
        lone = number[counts.argmin()]
        centers = np.stack([leading[label == part].mean(axis=0) for part in number])
        apart = np.square(centers - centers[counts.argmin()]).sum(axis=1)
        apart[counts.argmin()] = np.inf
        label = np.where(label == lone, number[apart.argmin()], label)


def _fullness(here: BoolArray, owners: IntArray | None) -> float:
    """Give the size of a group in units of the least that it must have: images, and patients."""
    images = int(here.sum()) / MIN_IMAGES
    return images if owners is None else min(images, len(np.unique(owners[here])) / MIN_PATIENTS)

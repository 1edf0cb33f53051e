"""Anomalies in images: simple maps to stand beside any other, figures of merit, pasted lesions."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score
from sklearn.neighbors import NearestNeighbors

from augment._random import rng_for
from augment._typing import BoolArray, FloatArray

__all__ = [
    "IMAGE_BASELINES",
    "baseline_maps",
    "best_dice",
    "confounds",
    "dice_at",
    "image_scores",
    "paste_lesions",
    "pixel_auprc",
]

IMAGE_BASELINES = {
    "intensity": "Blurred intensity",
    "intensity_two_sided": "Intensity, both tails",
    "pixel_gaussian": "Gaussian at each pixel",
    "pca": "PCA, residual",
    "knn": "Distance to the 5th neighbours",
}
"""Names of the baselines, and how to write them."""
SMOOTHING = 1 / 64
N_AXES, N_NEIGHBORS = 16, 5
TOP = 0.02


def baseline_maps(train: FloatArray, new: FloatArray) -> dict[str, FloatArray]:
    """Give a map of every baseline that has one.

    Parameters
    ----------
    train, new : ndarray of shape (n, channels, height, width)
        Scaled alike; `train` holds normal images.

    Returns
    -------
    dict of ndarray of float64 (m, channels, height, width)
        Higher is more unusual. One-sided (brighter than normal) unless the name says otherwise.
    """
    center, spread = train.mean(axis=0), train.std(axis=0)
    spread = spread + 0.3 * spread[spread > 0].mean() if (spread > 0).any() else spread + 1.0
    flat, shape = train.reshape(len(train), -1), new.shape
    pca = PCA(min(N_AXES, len(train) - 1), svd_solver="full").fit(flat)
    seen = pca.inverse_transform(pca.transform(new.reshape(len(new), -1))).reshape(shape)
    middle = np.median(train[train != 0]) if (train != 0).any() else 0.0
    return {
        "intensity": _smooth(new),
        "intensity_two_sided": _smooth(np.abs(new - middle)),
        "pixel_gaussian": _smooth((new - center) / spread),
        "pca": _smooth(new - seen),
    }


def confounds(images: FloatArray, inside: BoolArray) -> dict[str, FloatArray]:
    """Give what should not tell normal from abnormal, by image: mean intensity and area."""
    total = np.maximum(inside.sum(axis=(1, 2)), 1)
    mean = (images.mean(axis=1) * inside).sum(axis=(1, 2)) / total
    return {"mean intensity": mean, "area": inside.sum(axis=(1, 2)).astype(np.float64)}


def image_scores(train: FloatArray, new: FloatArray, inside: BoolArray) -> dict[str, FloatArray]:
    """Score images with every baseline: the brightest 2 % of its map, or a distance.

    Parameters
    ----------
    train, new : ndarray of shape (n, channels, height, width)
    inside : ndarray of bool (m, height, width)
        Where to look in `new`.

    Returns
    -------
    dict of ndarray of float64 (m,)
    """
    scores = {name: top_mean(maps, inside) for name, maps in baseline_maps(train, new).items()}
    k = min(N_NEIGHBORS, len(train) - 1)
    neighbors = NearestNeighbors(n_neighbors=k).fit(train.reshape(len(train), -1))
    scores["knn"] = neighbors.kneighbors(new.reshape(len(new), -1))[0][:, -1]
    return scores


def top_mean(maps: FloatArray, inside: BoolArray) -> FloatArray:
    """Give the mean of the largest 2 % of each map, inside the object."""
    values = np.empty(len(maps))
    for i, (each, mask) in enumerate(zip(maps, inside, strict=True)):
        found = np.sort(each[:, mask].ravel())
        values[i] = found[-max(1, round(TOP * len(found))) :].mean() if found.size else 0.0
    return values


def pixel_auprc(maps: FloatArray, lesions: BoolArray) -> float:
    """Give the average precision of single pixels, all images together."""
    return float(average_precision_score(lesions.ravel(), maps.ravel()))


def best_dice(maps: FloatArray, lesions: BoolArray) -> float:
    """Give the Dice coefficient at the threshold that is best in hindsight."""
    order = np.argsort(-maps.ravel(), kind="stable")
    hits = np.cumsum(lesions.ravel()[order])
    return float((2 * hits / (np.arange(1, len(order) + 1) + lesions.sum())).max())


def dice_at(maps: FloatArray, lesions: BoolArray, threshold: float | FloatArray) -> float:
    """Give the Dice coefficient at a threshold that was set beforehand."""
    found = maps > threshold
    return float(2 * (found & lesions).sum() / max(found.sum() + lesions.sum(), 1))


def paste_lesions(
    images: FloatArray,
    inside: BoolArray,
    *,
    diameter: float,
    contrast: float,
    seed: int,
) -> tuple[FloatArray, BoolArray]:
    """Paste a soft round lesion into each image.

    Parameters
    ----------
    images : ndarray of shape (n, channels, height, width)
    inside : ndarray of bool (n, height, width)
        Where its center may lie.
    diameter : float
        In pixels.
    contrast : float
        What it adds, in interquartile ranges of the inside; negative is darker.
    seed : int
        Decides the places.

    Returns
    -------
    images : ndarray of the shape of `images`
    lesions : ndarray of bool (n, height, width)
        Pixels that are changed by at least half of the contrast.

    Examples
    --------
    >>> images, inside = np.zeros((2, 1, 32, 32)), np.ones((2, 32, 32), dtype=bool)
    >>> images[:, :, ::2] = 1.0
    >>> pasted, lesions = paste_lesions(images, inside, diameter=6, contrast=2, seed=0)
    >>> lesions.sum(axis=(1, 2)).tolist(), float((pasted - images).max())
    ([29, 29], 2.0)
    """
    height, width = images.shape[2:]
    y, x = np.mgrid[:height, :width]
    pasted, lesions = np.array(images, dtype=np.float64), np.zeros(inside.shape, dtype=bool)
    for i, mask in enumerate(inside):
        rng = rng_for(seed, i)
        places = np.argwhere(mask)
        if not len(places):
            continue
        row, column = places[int(rng.integers(len(places)))]
        distance = np.hypot(y - row, x - column)
        soft = np.clip((diameter / 2 + 0.5 - distance), 0.0, 1.0)
        low, high = np.quantile(images[i][:, mask], [0.25, 0.75])
        pasted[i] += contrast * (high - low) * soft
        lesions[i] = soft >= 0.5
    return pasted, lesions


def _smooth(maps: FloatArray) -> FloatArray:
    sigma = SMOOTHING * min(maps.shape[-2:])
    return np.asarray(ndimage.gaussian_filter(np.asarray(maps, np.float64), (0, 0, sigma, sigma)))

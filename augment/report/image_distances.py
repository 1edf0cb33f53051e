"""How near synthetic images come to real ones, in units of how near other real images come."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from augment._random import rng_for
from augment._typing import FloatArray, IntArray
from augment.metrics._pixels import Pixels
from augment.metrics.fidelity import standardised
from augment.metrics.images import random_conv_features

__all__ = ["Nearest", "nearest_images"]

_MOST = 1000
_N_BINS = 24
_EXPECTED = 0.05


@dataclasses.dataclass(frozen=True)
class Nearest:
    """Each synthetic image, its nearest training image, and its nearest held-out one.

    Attributes
    ----------
    synthetic_rows, train_rows : ndarray of int64 (k,)
        Which image, and which training image is nearest to it.
    to_train : ndarray of float64 (k,)
        How far: 1 is the median of `others`.
    holdout_rows, to_holdout : ndarray or None
        The same of the held-out images, if there are any.
    others : ndarray of float64
        How far other real images lie from their nearest training image.
    """

    synthetic_rows: IntArray
    train_rows: IntArray
    to_train: FloatArray
    holdout_rows: IntArray | None
    to_holdout: FloatArray | None
    others: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Give shares and quantiles; no image and no row number."""
        threshold = float(np.quantile(self.others, _EXPECTED))
        top = float(np.quantile(np.concatenate([self.others, self.to_train]), 0.98))
        edges = np.linspace(0, max(top, 1.2), _N_BINS + 1)
        return {
            "edges": edges.tolist(),
            "synthetic": _shares(self.to_train, edges),
            "real": _shares(self.others, edges),
            "median_synthetic": float(np.median(self.to_train)),
            "smallest_synthetic": float(self.to_train.min()),
            "smallest_real": float(self.others.min()),
            "nearer": float((self.to_train < threshold).mean()),
            "expected": _EXPECTED,
            "by": "other patients" if self.to_holdout is None else "held-out images",
        }


def _shares(values: FloatArray, edges: FloatArray) -> list[float]:
    """Give the share of values in each bin; the last takes everything beyond it."""
    counts, _ = np.histogram(np.minimum(values, edges[-1]), edges)
    return [float(count) / len(values) for count in counts]


def nearest_images(
    real: Pixels,
    synthetic: Pixels,
    holdout: Pixels | None = None,
    *,
    groups: IntArray,
    seed: int,
) -> Nearest:
    """Find the nearest training and held-out image of each synthetic one.

    Parameters
    ----------
    real, synthetic, holdout : ndarray of float32 (n, channels, height, width)
        Of synthetic images 1,000 at most are looked at, drawn at random.
    groups : ndarray of int64 (n,)
        The patient of each real image.
    seed : int
        Which synthetic images.

    Returns
    -------
    Nearest
    """
    rows = np.sort(rng_for(seed, 0).permutation(len(synthetic))[:_MOST])
    parts = [real, synthetic[rows], *([] if holdout is None else [holdout])]
    features = standardised(*(random_conv_features(part, reference=real) for part in parts))
    to_train, train_rows = _nearest(features[0], features[1])
    if holdout is None:
        others, held = _to_other_patients(features[0], groups), None
    else:
        others, held = _nearest(features[0], features[2])[0], _nearest(features[2], features[1])
    middle = float(np.median(others))
    unit = middle if middle > 0 else 1.0
    return Nearest(
        rows,
        train_rows,
        to_train / unit,
        None if held is None else held[1],
        None if held is None else held[0] / unit,
        others / unit,
    )


def _nearest(known: FloatArray, asked: FloatArray) -> tuple[FloatArray, IntArray]:
    apart, place = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(asked)
    return apart[:, 0], place[:, 0].astype(np.int64)


def _to_other_patients(features: FloatArray, groups: IntArray) -> FloatArray:
    """Give each image's distance to the nearest one of another patient."""
    apart = np.full(len(features), np.nan)
    for group in np.unique(groups):
        own = groups == group
        if not own.all():
            apart[own] = _nearest(features[~own], features[own])[0]
    return apart if np.isfinite(apart).all() else np.ones(len(features))

"""What `evaluate_lift` does differently where the rows are images."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import Pipeline

from augment._errors import AugmentWarning, InvalidInputError, InvalidTypeError
from augment._random import rng_for, seed_from
from augment._typing import FloatArray, RandomState
from augment.evaluation.inputs import Cohort
from augment.evaluation.rows import Amount, TrainingSet

__all__ = [
    "AUTO_AMOUNT",
    "CoarsePixels",
    "ImageCopies",
    "check_images",
    "image_estimators",
    "missing_groups_note",
    "moves_images",
    "with_moved_copies",
]

AUTO_AMOUNT = Amount(ratio=2.0, weight=0.5)
"""Synthetic images where the user leaves it to us."""
N_MOVED = 4
"""Moved copies of each image, for classifiers that move no images themselves."""
_SIDE = 32


def check_images(X: Any) -> None:
    """Refuse images that no classifier could read.

    Raises
    ------
    InvalidTypeError
        If they are not numbers.
    InvalidInputError
        If the channel axis is missing, or pixels are not finite.
    """
    if X.dtype.kind not in "buif":
        raise InvalidTypeError(f"images must be numbers; X has the dtype {X.dtype}.")
    if X.ndim < 4:
        raise InvalidInputError(
            "images must have the shape (n, channels, height, width); X has the shape "
            f"{X.shape}. Grey images need a channel axis: X[:, None]."
        )
    bad = np.flatnonzero(~np.isfinite(X.reshape(len(X), -1)).all(axis=1))
    if bad.size:
        raise InvalidInputError(
            f"{bad.size} image(s) hold NaN or infinite pixels, the first is image {bad[0]}. "
            "Fill them, or leave these images out."
        )


def missing_groups_note(cohort: Cohort) -> list[str]:
    """Warn loudly where nobody said which images belong to one patient."""
    if cohort.groups is not None:
        return []
    text = (
        "No groups were given, so images are divided one by one. If any patient has several, "
        "training and test parts share patients, and every score is too good. Pass groups= with "
        "the patient of each image."
    )
    warnings.warn(text, AugmentWarning, stacklevel=4)
    return [text]


class ImageCopies(BaseEstimator):
    """Draws copies of training images, labels as often as they were: the control.

    Parameters
    ----------
    random_state : int or None
        Not used by `fit`, which draws nothing.
    """

    def __init__(self, random_state: RandomState = None) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the images."""
        self.X_, self.y_ = np.asarray(X), np.asarray(y)
        return self

    def sample(self, n_samples: int = 1, *, random_state: RandomState = None) -> tuple[Any, Any]:
        """Draw images: whole passes over all of them, and a random part of one more."""
        rng = rng_for(seed_from(random_state))
        n_passes = -(-n_samples // len(self.X_))
        rows = np.concatenate([rng.permutation(len(self.X_)) for _ in range(n_passes)])[:n_samples]
        return self.X_[rows], self.y_[rows]


class CoarsePixels(TransformerMixin, BaseEstimator):
    """Pixels, averaged to at most 32 a side, as columns.

    Parameters
    ----------
    side : int, default=32
        Pixels a side at most.
    """

    def __init__(self, side: int = _SIDE) -> None:
        self.side = side

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn's contract)
        """Learn nothing but the shape."""
        self.n_features_in_ = int(np.prod(np.shape(X)[1:]))
        return self

    def transform(self, X: Any) -> FloatArray:
        """Give a table of shape (n, columns)."""
        images = np.asarray(X, dtype=np.float64)
        for axis in range(2, images.ndim):
            images = _coarser(images, axis, self.side)
        return images.reshape(len(images), -1)


def _coarser(images: FloatArray, axis: int, side: int) -> FloatArray:
    """Average neighbouring pixels along an axis until it has at most `side`."""
    length = images.shape[axis]
    edges = np.unique(np.linspace(0, length, min(side, length) + 1).round().astype(int))
    widths = np.diff(edges).reshape([-1 if a == axis else 1 for a in range(images.ndim)])
    return np.asarray(np.add.reduceat(images, edges[:-1], axis=axis) / widths)


def image_estimators() -> dict[str, Any]:
    """Build the two default classifiers of images.

    A small convolutional network (`augment.ImageClassifier`), and a second family that shares
    nothing with it: extremely randomised trees (300, leaves of at least 2) on pixels averaged to
    32 a side.

    Returns
    -------
    dict of str to classifier
        Unfitted.

    Examples
    --------
    >>> list(image_estimators())
    ['small CNN', 'extra trees']
    """
    from augment.image_classifier import ImageClassifier

    trees = ExtraTreesClassifier(n_estimators=300, min_samples_leaf=2)
    return {
        "small CNN": ImageClassifier(),
        "extra trees": Pipeline([("pixels", CoarsePixels()), ("classify", trees)]),
    }


def moves_images(learner: Any) -> bool:
    """Tell whether a classifier augments images classically by itself."""
    return "augmentation" in learner.get_params(deep=False)


def with_moved_copies(data: TrainingSet, seed: int) -> TrainingSet:
    """Add copies that were moved, bent and disturbed; together an image counts as before."""
    if data.X.ndim != 4:
        raise InvalidInputError(
            "classical augmentation needs images of shape (n, channels, height, width); got "
            f"{data.X.shape}. Leave 'classical' out of baselines."
        )
    from augment.data.augmentations import augment_images  # loads torch, which tables need not

    spans = (float(data.X.min()), float(data.X.max()))
    moved = [
        augment_images(data.X, intensity_range=spans, random_state=rng_for(seed, i))
        for i in range(N_MOVED)
    ]
    n = N_MOVED + 1
    weight = np.ones(data.codes.size) if data.weight is None else data.weight
    return TrainingSet(
        np.concatenate([data.X, *moved]), np.tile(data.codes, n), weight=np.tile(weight / n, n)
    )

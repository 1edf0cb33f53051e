"""What `evaluate_lift` does differently where the rows are images."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from augment._errors import AugmentWarning, InvalidInputError, InvalidTypeError
from augment._random import rng_for, seed_from
from augment._typing import FloatArray, RandomState
from augment.evaluation.inputs import Cohort
from augment.evaluation.rows import Amount, TrainingSet
from augment.metrics._pixels import MIN_SIDE
from augment.metrics._random_convolutions import random_conv_responses

__all__ = [
    "AUTO_AMOUNT",
    "ConvolutionFeatures",
    "ImageCopies",
    "check_images",
    "image_estimators",
    "missing_groups_note",
    "moves_images",
    "with_moved_copies",
]

AUTO_AMOUNT = Amount(ratio=5.0, weight=0.2)
"""Synthetic images where the user leaves it to us."""
N_MOVED = 4
"""Moved copies of each real image, for classifiers that move no images themselves."""
_SIDE = 32
_KNOTS = (0.5, 99.5)
"""Percentiles of the training pixels that become 0 and 1."""


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


class ConvolutionFeatures(TransformerMixin, BaseEstimator):
    """Responses of fixed random filters, which learn nothing, as columns.

    Parameters
    ----------
    side : int, default=32
        Images whose longer side has twice as many pixels or more are averaged down until it has
        not.

    See Also
    --------
    augment.metrics.random_conv_features : The features.
    """

    def __init__(self, side: int = _SIDE) -> None:
        self.side = side

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn's contract)
        """Keep the range of intensities."""
        self.n_features_in_ = int(np.prod(np.shape(X)[1:]))
        self.reference_ = np.percentile(self._sized(X), _KNOTS, axis=(0, 2, 3))
        return self

    def transform(self, X: Any) -> FloatArray:
        """Give a table of shape (n, 192)."""
        images = self._sized(X)
        low, high = self.reference_[0], self.reference_[-1]
        span = np.where(high > low, high - low, 1.0)
        scaled = (images - low[:, None, None]) / span[:, None, None]
        return random_conv_responses(np.asarray(scaled, dtype=np.float32))

    def _sized(self, X: Any) -> FloatArray:
        """Average large images down, and repeat the pixels of very small ones."""
        images = np.asarray(X, dtype=np.float64)
        height, width = images.shape[2:]
        factor = min(max(1, max(height, width) // self.side), height, width)
        if factor > 1:
            images = images[:, :, : height // factor * factor, : width // factor * factor]
            blocks = images.reshape(*images.shape[:2], height // factor, factor, -1, factor)
            images = blocks.mean(axis=(3, 5))
        times = -(-MIN_SIDE // min(images.shape[2:]))
        return images.repeat(times, axis=2).repeat(times, axis=3) if times > 1 else images


def image_estimators() -> dict[str, Any]:
    """Build the two default classifiers of images.

    A small convolutional network (`augment.ImageClassifier`), and a second family that shares
    nothing with it: logistic regression (L2, C = 0.03) on the standardised responses of 192 fixed
    random filters.

    Returns
    -------
    dict of str to classifier
        Unfitted.

    Examples
    --------
    >>> list(image_estimators())
    ['small CNN', 'logistic regression']
    """
    from augment.image_classifier import ImageClassifier

    steps = [("filters", ConvolutionFeatures()), ("scale", StandardScaler())]
    linear = LogisticRegression(C=0.03, max_iter=2000)
    return {
        "small CNN": ImageClassifier(),
        "logistic regression": Pipeline([*steps, ("classify", linear)]),
    }


def moves_images(learner: Any) -> bool:
    """Tell whether a classifier augments images classically by itself."""
    return "augmentation" in learner.get_params(deep=False)


def with_moved_copies(data: TrainingSet, seed: int) -> TrainingSet:
    """Add moved copies of the real images, which count as one together with the image itself."""
    from augment.data.augmentations import augment_images  # loads torch, which tables need not

    if data.X.ndim != 4:
        raise InvalidInputError(
            "classical augmentation needs images of shape (n, channels, height, width); got "
            f"{data.X.shape}. Leave 'classical' out of baselines."
        )
    n = data.codes.size - data.n_added
    real, span = data.X[:n], (float(data.X.min()), float(data.X.max()))
    moved = [
        augment_images(real, intensity_range=span, random_state=rng_for(seed, i))
        for i in range(N_MOVED)
    ]
    weight = np.ones(data.codes.size) if data.weight is None else data.weight
    weight = np.where(np.arange(weight.size) < n, weight / (N_MOVED + 1), weight)
    return TrainingSet(
        np.concatenate([data.X, *moved]),
        np.concatenate([data.codes, np.tile(data.codes[:n], N_MOVED)]),
        weight=np.concatenate([weight, np.tile(weight[:n], N_MOVED)]),
    )

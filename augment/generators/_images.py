"""Generators of images: arrays in, arrays of the same kind out."""

from __future__ import annotations

import abc
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_sample_weight, check_consistent_length

from augment._errors import AugmentWarning, InvalidInputError, SmallDataWarning
from augment._random import seed_from
from augment._typing import FloatArray, IntArray, State
from augment.data.conditions import ConditionEncoder, Conditions
from augment.generators._base import BaseGenerator
from augment.generators._tabular import MIN_ROWS, patients

__all__ = ["ImageGenerator", "Images", "background_of"]

MOST_CHANNELS = 4
"""A last axis no longer than this, behind a longer one, is taken for channels."""
SMALL_IMAGES = 20
"""Below this, `fit` warns."""
RARE, FAR = 0.001, 20.0
"""`fit` warns where this share of the pixels reaches this many ranges of all others out."""


@dataclass(frozen=True)
class Images:
    """What a generator of images learns from.

    Attributes
    ----------
    pixels : ndarray of float64 (n, channels, height, width)
        From 0 to 1.
    conditions : Conditions
        Of each image.
    groups : ndarray of int64 (n,) or None
        The patient of each image.
    seed : int
        Of the fit.
    """

    pixels: FloatArray
    conditions: Conditions
    groups: IntArray | None
    seed: int


class ImageGenerator(BaseGenerator):
    """A generator of images `(n, channels, height, width)` of any intensity range.

    Attributes
    ----------
    image_shape_ : tuple of int
        Channels, height and width.
    n_features_in_ : int
        Pixels of an image, all channels.
    """

    random_state: Any
    image_shape_: tuple[int, ...]
    n_features_in_: int
    _rare_classes: ClassVar[str] = (
        "Their synthetic images are those of other classes that they are most like, changed by "
        "what their own images have in common beyond chance: all else of them is not learned."
    )

    @abc.abstractmethod
    def _fit_images(self, images: Images) -> None:
        """Learn the law of images given their conditions."""

    @abc.abstractmethod
    def _sample_images(self, conditions: Conditions, seed: int) -> FloatArray:
        """Give one image, from 0 to 1, for each condition."""

    @abc.abstractmethod
    def _get_law(self) -> State:
        """Give the fitted law of the images."""

    @abc.abstractmethod
    def _set_law(self, law: State) -> None:
        """Restore the fitted law of the images."""

    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> None:
        images = _checked(X)
        if y is not None:
            check_consistent_length(images, y)
        weight = _check_sample_weight(sample_weight, images, ensure_non_negative=True)
        codes = patients(groups, images)
        if np.ptp(weight[weight > 0]) > 0:
            raise InvalidInputError(
                "Generators of images weigh all images alike; sample_weight may only leave images "
                "out (weight 0). Repeat the images that should count more."
            )
        kept = np.flatnonzero(weight > 0)
        images, y = images[kept], None if y is None else _safe_indexing(y, kept)
        codes = None if codes is None else codes[kept]
        _check_number(len(images))
        self.image_shape_ = tuple(images.shape[1:])
        self.n_features_in_ = int(np.prod(self.image_shape_))
        self._dtype = images.dtype
        self._low, self._high = _ranges(images)
        if (self._low == self._high).all():
            raise InvalidInputError(
                f"X holds one intensity only, {self._low.flat[0]:g}: nothing can be learned from "
                "constant images. Check how they were read and scaled."
            )
        _warn_of_extremes(images)
        conditions = self._fit_conditions(y, np.ones(len(images)))
        seed = seed_from(self.random_state)
        self._fit_images(Images(self._scaled(images), conditions, codes, seed))

    def _sample_rows(self, conditions: Conditions, seed: int) -> np.ndarray:
        return self._restored(self._sample_images(conditions, seed))

    def _check_images(self, X: Any) -> FloatArray:
        """Give images that are like those of `fit`, from 0 to 1."""
        images = _checked(X)
        if images.shape[1:] != self.image_shape_:
            raise InvalidInputError(
                f"Images must have shape (n, {', '.join(map(str, self.image_shape_))}), as in "
                f"fit; got {images.shape}. Resize them, or fit another model."
            )
        return self._scaled(images)

    def _scaled(self, images: np.ndarray) -> FloatArray:
        """Bring the intensities of `fit` to 0 to 1, channel by channel."""
        width = self._high - self._low
        return (images.astype(np.float64) - self._low) / np.where(width > 0, width, 1.0)

    def _restored(self, pixels: FloatArray) -> np.ndarray:
        """Give pixels the range and dtype of `fit`."""
        images = self._low + np.clip(pixels, 0.0, 1.0) * (self._high - self._low)
        if np.issubdtype(self._dtype, np.integer):
            images = np.rint(images)
        return images.astype(self._dtype)

    def _get_state(self) -> State:
        return {
            "conditions": self.conditions_.get_state(),
            "image_shape": list(self.image_shape_),
            "dtype": self._dtype.name,
            "low": self._low.ravel(),
            "high": self._high.ravel(),
            "law": self._get_law(),
        }

    def _restore_state(self, state: State) -> None:
        self.conditions_ = ConditionEncoder.from_state(state["conditions"])
        self.image_shape_ = tuple(int(size) for size in state["image_shape"])
        self.n_features_in_ = int(np.prod(self.image_shape_))
        self._dtype = np.dtype(state["dtype"])
        # A file of an earlier version holds one range for all channels.
        self._low = np.asarray(state["low"], np.float64).reshape(-1, 1, 1)
        self._high = np.asarray(state["high"], np.float64).reshape(-1, 1, 1)
        if self.conditions_.kind == "labels":
            self.classes_ = self.conditions_.classes_
        self._set_law(state["law"])

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that images are wanted, not tables."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.required = False
        return tags


def _ranges(images: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Give the least and the largest intensity of each channel, `(channels, 1, 1)`.

    Channels may be of different kinds, T1 beside diffusion: each has units of its own.
    """
    over = (0, 2, 3)
    low, high = images.min(axis=over), images.max(axis=over)
    return low.astype(np.float64)[:, None, None], high.astype(np.float64)[:, None, None]


def background_of(pixels: FloatArray) -> list[float]:
    """Give the value of each channel at the edges of the images."""
    edges = np.concatenate(
        [
            pixels[:, :, [0, -1]].reshape(*pixels.shape[:2], -1),
            pixels[:, :, :, [0, -1]].reshape(*pixels.shape[:2], -1),
        ],
        axis=2,
    )
    return [float(value) for value in np.median(edges, axis=(0, 2))]


def _checked(X: Any) -> np.ndarray:
    """Give a finite array of four dimensions, or say what is wrong with it."""
    images = np.asarray(X)
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise InvalidInputError(
            "Images must be an array of shape (n, channels, height, width); got shape "
            f"{images.shape}. Grey images need a channel axis: X[:, None]."
        )
    if images.shape[3] <= MOST_CHANNELS < images.shape[1]:
        raise InvalidInputError(
            "Images must have shape (n, channels, height, width); these look as if the channels "
            f"came last: {images.shape}. Move them: X.transpose(0, 3, 1, 2)."
        )
    if images.dtype == bool:
        raise InvalidInputError("Images must hold numbers; got booleans. Try X.astype(float).")
    if not np.issubdtype(images.dtype, np.number):
        raise InvalidInputError(f"Images must hold real numbers; got dtype {images.dtype}.")
    if np.iscomplexobj(images):
        raise InvalidInputError("Images must hold real numbers; got complex ones.")
    bad = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
    if len(bad):
        raise InvalidInputError(
            f"{len(bad)} images hold NaN or infinite pixels, the first is image {bad[0]}. "
            "Fill them, or leave these images out."
        )
    return images


def _check_number(n_images: int) -> None:
    """Refuse too few images, and warn of few."""
    if n_images < MIN_ROWS:
        raise InvalidInputError(
            f"A generator needs at least {MIN_ROWS} images to learn from; got {n_images}."
        )
    if n_images < SMALL_IMAGES:
        warnings.warn(
            f"Only {n_images} images: what is learned from fewer than {SMALL_IMAGES} is mostly "
            "their mean.",
            SmallDataWarning,
            stacklevel=5,
        )


def _warn_of_extremes(images: np.ndarray) -> None:
    """Name the channels in which a few pixels lie far beyond all others."""
    for number in range(images.shape[1]):
        values = np.sort(images[:, number], axis=None).astype(np.float64)
        few = int(RARE * values.size)
        low, high = values[few], values[-1 - few]
        beyond = max(low - values[0], values[-1] - high)
        if high > low and beyond > FAR * (high - low):
            warnings.warn(
                f"Channel {number} of X: nearly all intensities lie between {low:g} and {high:g}, "
                f"but a few pixels reach from {values[0]:g} to {values[-1]:g}. What is learned "
                "will be mostly about them. If they are no tissue, clip them, "
                f"X.clip({low:g}, {high:g}), or leave these images out.",
                AugmentWarning,
                stacklevel=5,
            )

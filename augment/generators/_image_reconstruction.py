"""What an image generator with a linear encoder can say about given images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from augment._errors import InvalidInputError
from augment._typing import FloatArray
from augment.data.conditions import ConditionEncoder, Conditions
from augment.generators._image_law import ImageLaw

__all__ = ["ImageReconstructionMixin"]

_CONDITION_DRAWS = 16
"""Draws of continuous conditions that stand for their law where none is given."""


class ImageReconstructionMixin:
    """`encode`, `decode`, `reconstruct` and reconstruction errors of images.

    Where a conditional generator is given no `y`, the conditions are averaged over, each weighted
    by the nearness of its mean image; the axes are common to all conditions.
    """

    law_: ImageLaw
    conditions_: ConditionEncoder
    image_shape_: tuple[int, ...]
    _check_images: Callable[[Any], FloatArray]
    _decoded: Callable[[FloatArray, Conditions], FloatArray]
    _restored: Callable[[FloatArray], np.ndarray]

    def encode(self, X: Any, y: Any = None) -> FloatArray:
        """Give the latent code of each image.

        Parameters
        ----------
        X : array-like of shape (n, channels, height, width)
            Images of the shape of `fit`.
        y : array-like, DataFrame or None
            Their conditions.

        Returns
        -------
        ndarray of float64 (n, latent_dim)
            Coordinates along the principal axes, around the mean image of the conditions.
        """
        pixels, conditions = self._images_and_conditions(X, y)
        return self._codes(pixels, conditions)

    def decode(self, codes: FloatArray, y: Any = None) -> np.ndarray:
        """Give the expected image of each latent code, in the range and dtype of `fit`.

        Parameters
        ----------
        codes : ndarray of shape (n, latent_dim)
            As given by `encode`.
        y : array-like, DataFrame or None
            The condition of each image; needed if the generator was fitted with one.

        Returns
        -------
        ndarray of shape (n, channels, height, width)
            Images without noise.

        Raises
        ------
        InvalidInputError
            If `codes` has another width, or `y` is missing.
        """
        check_is_fitted(self)
        codes = np.asarray(codes, dtype=np.float64)
        if codes.ndim != 2 or codes.shape[1] != self.law_.path.latent_dim:
            raise InvalidInputError(
                f"codes must have shape (n, {self.law_.path.latent_dim}), as encode gives them; "
                f"got {codes.shape}."
            )
        if y is None and self.conditions_.kind != "none":
            raise InvalidInputError(
                "decode needs y, because this generator was fitted with conditions; pass the "
                "label or condition of each image."
            )
        return self._restored(self._decoded(codes, self._given(y, len(codes))))

    def reconstruct(self, X: Any, y: Any = None) -> np.ndarray:
        """Give each image as the model sees it: encoded and decoded.

        Parameters
        ----------
        X : array-like of shape (n, channels, height, width)
            Images of the shape of `fit`.
        y : array-like, DataFrame or None
            Their conditions.

        Returns
        -------
        ndarray of shape (n, channels, height, width)
            In the range and dtype of `fit`.
        """
        return self._restored(self._seen(*self._images_and_conditions(X, y)))

    def reconstruction_map(self, X: Any, y: Any = None) -> FloatArray:
        """Say how badly each pixel is reconstructed.

        Parameters
        ----------
        X : array-like of shape (n, channels, height, width)
            Images of the shape of `fit`.
        y : array-like, DataFrame or None
            Their conditions.

        Returns
        -------
        ndarray of float64 (n, channels, height, width)
            Squared residuals, in squared units of the intensity range of `fit`.

        Notes
        -----
        With as many axes as images, those of `fit` are reconstructed all but exactly, and new
        ones well: give a small `latent_dim` to a model that is to find anomalies.
        """
        pixels, conditions = self._images_and_conditions(X, y)
        return np.square(pixels - self._seen(pixels, conditions))

    def reconstruction_error(self, X: Any, y: Any = None) -> FloatArray:
        """Say how badly each image is reconstructed: the mean of its `reconstruction_map`.

        Parameters
        ----------
        X : array-like of shape (n, channels, height, width)
            Images of the shape of `fit`.
        y : array-like, DataFrame or None
            Their conditions.

        Returns
        -------
        ndarray of float64 (n,)
            Larger is worse.
        """
        return np.asarray(self.reconstruction_map(X, y).mean(axis=(1, 2, 3)))

    def _images_and_conditions(self, X: Any, y: Any) -> tuple[FloatArray, Conditions]:
        """Give images from 0 to 1, and what stands for their conditions."""
        check_is_fitted(self)
        pixels = self._check_images(X)
        if y is not None or self.conditions_.kind == "none":
            return pixels, self._given(y, len(pixels))
        return pixels, self._averaged(pixels)

    def _given(self, y: Any, n_images: int) -> Conditions:
        if y is None:
            return self.conditions_.draw(n_images, 0, seed=0)
        conditions = self.conditions_.encode(y)
        if len(conditions) != n_images:
            raise InvalidInputError(
                f"y must have one entry for each of the {n_images} images; got {len(conditions)}."
            )
        return conditions

    def _averaged(self, pixels: FloatArray) -> Conditions:
        """Average the conditions for each image, by how likely its code is around their means."""
        rows = self.law_.alignment.rows(pixels)
        candidates = self.conditions_.candidates(_CONDITION_DRAWS)
        features = np.concatenate([given.features for given, _ in candidates]).astype(np.float64)
        centers = self.law_.path.encode(self.law_.path.expected(features), features[:1])
        codes = self.law_.path.encode(rows, features[:1].repeat(len(rows), axis=0))
        variance = np.square(self.law_.mixtures[-1].common).sum(axis=0) + 1e-12
        log = np.log([p for _, p in candidates]) - 0.5 * (
            np.square(codes[:, None] - centers) / variance
        ).sum(axis=2)
        share = np.exp(log - log.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        strata = np.array([given.strata[0] for given, _ in candidates])[share.argmax(axis=1)]
        return Conditions(strata, share @ features)

    def _codes(self, pixels: FloatArray, conditions: Conditions) -> FloatArray:
        features = np.asarray(conditions.features, np.float64)
        return self.law_.encode(pixels, features, conditions.strata)

    def _seen(self, pixels: FloatArray, conditions: Conditions) -> FloatArray:
        """Give images as the model sees them, from 0 to 1."""
        return self._decoded(self._codes(pixels, conditions), conditions)

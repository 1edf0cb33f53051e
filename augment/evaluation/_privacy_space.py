"""Where rows are compared for privacy: features to measure distances in, and what makes rows equal.

Training and held-out rows are treated alike in everything, so that no figure tells them apart
unless the synthetic rows do.
"""

from __future__ import annotations

import abc
import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from augment._errors import AugmentWarning, InvalidInputError
from augment._typing import FloatArray, IntArray
from augment.data.columns import Column
from augment.data.schema import TableSchema
from augment.evaluation._fidelity_inputs import Samples
from augment.evaluation._fidelity_table import check_columns, joined
from augment.metrics.images import random_conv_features
from augment.metrics.privacy import match_probabilities

__all__ = ["Space", "space_of"]

_DIGITS = 9
_MOST_AXES = 32
# Beyond the real values a score grows by one for each such share of their range.
_BEYOND = 0.25
# Real values for each knot of the normal scores of a number; fewest and most knots.
_ROWS_IN_KNOT, _KNOTS = 8, (5, 40)


@dataclasses.dataclass(frozen=True)
class Space(abc.ABC):
    """Real rows as features, and the way there for others."""

    @abc.abstractmethod
    def features(self, X: Any, extra: pd.DataFrame | None = None) -> FloatArray:
        """Give the features of rows."""

    @abc.abstractmethod
    def identities(self, X: list[Any], extra: list[pd.DataFrame]) -> list[IntArray]:
        """Give each row a number that it shares with equal rows alone, over several samples."""

    @abc.abstractmethod
    def chances(self, rows: IntArray) -> FloatArray:
        """Give how likely a fresh row is to equal some of the training rows."""


@dataclasses.dataclass(frozen=True)
class _TableSpace(Space):
    """Tables: interpolated normal scores, levels at a distance of 1, missing entries."""

    schema: TableSchema
    real: pd.DataFrame
    known: FloatArray

    def features(self, X: Any, extra: pd.DataFrame | None = None) -> FloatArray:
        values = self._values(X, extra)
        parts = [
            _column_features(column, self.known[:, j], values[:, j])
            for j, column in enumerate(self.schema.columns)
        ]
        return np.concatenate(parts, axis=1)

    def identities(self, X: list[Any], extra: list[pd.DataFrame]) -> list[IntArray]:
        values = [self._values(*pair) for pair in zip(X, extra, strict=True)]
        return _numbered([_rounded(part) for part in values])

    def chances(self, rows: IntArray) -> FloatArray:
        return match_probabilities(_rounded(self.known), rows)

    def _values(self, X: Any, extra: pd.DataFrame | None) -> FloatArray:
        frame = joined(X, pd.DataFrame(index=range(len(X))) if extra is None else extra)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AugmentWarning)
            return np.asarray(self.schema.conform(frame[self.real.columns]).to_numpy())


@dataclasses.dataclass(frozen=True)
class _ImageSpace(Space):
    """Images: leading axes of the responses of random filters; equal if every pixel is."""

    reference: np.ndarray
    axes: FloatArray
    mean: FloatArray
    spread: FloatArray

    def features(
        self,
        X: Any,
        extra: pd.DataFrame | None = None,  # noqa: ARG002 (images have no further columns)
    ) -> FloatArray:
        responses = random_conv_features(X, reference=self.reference)
        return np.asarray((responses - self.mean) / self.spread @ self.axes)

    def identities(
        self,
        X: list[Any],
        extra: list[pd.DataFrame],  # noqa: ARG002 (images have no further columns)
    ) -> list[IntArray]:
        return _numbered([np.asarray(part, dtype=np.float32).reshape(len(part), -1) for part in X])

    def chances(self, rows: IntArray) -> FloatArray:
        flat = self.reference[rows].reshape(len(rows), -1)
        # An empty slice may be that of any patient.
        return np.where(np.ptp(flat, axis=1) == 0, 1.0, 0.0)


def space_of(samples: Samples) -> Space:
    """Build the space of training and held-out rows; ``samples`` holds a synthetic part between."""
    if samples.is_image:
        return _image_space(samples)
    frames = [joined(X, extra) for X, extra in zip(samples.X, samples.extra, strict=True)]
    for name, frame in zip(("synthetic", "holdout"), frames[1:], strict=True):
        check_columns(frames[0], frame, name)
    real = pd.concat([frames[0], frames[2][frames[0].columns]], ignore_index=True)
    every = pd.concat([real, frames[1][real.columns]], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AugmentWarning)
        # A synthetic row may have a level that no real row has.
        schema = TableSchema.infer(every)
        known = schema.conform(real).to_numpy()
    space = _TableSpace(schema, real, np.asarray(known))
    if not space.features(samples.X[0], samples.extra[0]).shape[1]:
        raise InvalidInputError("No column of the real rows varies; there is nothing to compare.")
    return space


def _image_space(samples: Samples) -> Space:
    real = np.concatenate([np.asarray(samples.X[i], dtype=np.float32) for i in (0, 2)])
    responses = random_conv_features(real)
    spread = responses.std(axis=0)
    mean, spread = responses.mean(axis=0), np.where(spread > 0, spread, np.inf)
    scaled = (responses - mean) / spread
    axes = np.linalg.svd(scaled, full_matrices=False)[2][: min(_MOST_AXES, len(real) - 1)]
    return _ImageSpace(real, axes.T, mean, spread)


def _column_features(column: Column, known: FloatArray, values: FloatArray) -> FloatArray:
    parts: list[FloatArray] = []
    seen = np.unique(known[~np.isnan(known)])
    if column.is_number and len(seen) > 1:
        parts.append(_scores(known[~np.isnan(known)], values))
    elif column.kind in ("categorical", "boolean") and len(seen) > 1:
        # Rows of two levels are a distance of 1 apart.
        parts += [np.sqrt(0.5) * (values == level) for level in seen]
    if np.isnan(known).any() and not np.isnan(known).all():
        parts.append(np.isnan(values).astype(np.float64))
    return np.column_stack(parts) if parts else np.empty((len(values), 0))


def _scores(known: FloatArray, values: FloatArray) -> FloatArray:
    """Give interpolated normal scores: small changes stay small, and outliers count for little.

    Few knots, so that real rows do not lie evenly between each other by construction: fresh rows
    fall between them as chance has it, and must not look nearer than they are.
    """
    chances = np.linspace(0, 1, int(np.clip(len(known) // _ROWS_IN_KNOT, *_KNOTS)) + 1)
    chances = np.clip(chances, 0.5 / len(known), 1 - 0.5 / len(known))
    quantiles = np.quantile(known, chances, method="hazen")
    points, place = np.unique(quantiles, return_inverse=True)
    scores = np.bincount(place, ndtri(chances)) / np.bincount(place)
    width = _BEYOND * (points[-1] - points[0])
    beyond = np.clip(values - points[-1], 0, None) - np.clip(points[0] - values, 0, None)
    moved = np.interp(values, points, scores) + np.clip(beyond / width, -3, 3)
    return np.where(np.isnan(values), 0.0, moved)


def _rounded(values: FloatArray) -> FloatArray:
    """Round to nine digits: writing a table to a file and back must not make a row another one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = _DIGITS - 1 - np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** np.where(np.isfinite(digits), np.clip(digits, -300, 300), 0)
    return np.asarray(np.round(values * scale) / scale + 0.0)


def _numbered(parts: list[np.ndarray]) -> list[IntArray]:
    rows = np.concatenate(parts)
    rows = np.where(np.isnan(rows), np.inf, rows)
    numbers = np.unique(rows, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    return np.split(numbers, np.cumsum([len(part) for part in parts])[:-1])

"""How the quantile function of a stratum is pulled towards the pooled one.

Location and shape have shares of their own: a class may differ in its spread alone. Values that
many rows share at an end of the range (zeros, a detection limit, a ceiling) are blended as
probabilities, because means of quantiles would turn the zeros of one stratum into small amounts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from augment._typing import BoolArray, FloatArray
from augment.data._pooling import MIN_STRATUM_ROWS
from augment.data._quantiles import knot_grid, quantiles, repeated_ends

__all__ = ["Blend"]

TRIM = 0.05


@dataclass(frozen=True)
class _Part:
    """Some rows: the mass at both ends, and the quantiles of what lies between."""

    low: float
    high: float
    inner: FloatArray
    n_inner: int


@dataclass(frozen=True)
class Blend:
    """The rows of one column, and their pooled quantile function.

    Attributes
    ----------
    values, weights : ndarray of shape (n,), float64
    n_knots : int
    pool : ndarray of shape (n_knots,), float64
        The pooled quantiles.
    ends : tuple of two floats
        What `repeated_ends` gives.

    Examples
    --------
    One stratum holds nothing but zeros, and keeps them where the other has none:

    >>> values, zero = np.r_[np.zeros(50), np.arange(1.0, 51.0)], np.arange(100) < 50
    >>> blend = Blend.of(values, np.ones(100), 101)
    >>> [float((blend.stratum(rows, 0.9, 0.9) == 0).mean().round(1)) for rows in (zero, ~zero)]
    [0.9, 0.1]
    """

    values: FloatArray
    weights: FloatArray
    n_knots: int
    pool: FloatArray
    ends: tuple[float, float]

    @classmethod
    def of(cls, values: FloatArray, weights: FloatArray, n_knots: int) -> Blend:
        """Look at all rows."""
        pool = quantiles(values, weights, n_knots)
        return cls(values, weights, n_knots, pool, repeated_ends(values, weights))

    def stratum(self, rows: BoolArray, share: float, shape: float) -> FloatArray:
        """Give the quantiles of a stratum.

        Parameters
        ----------
        rows : ndarray of shape (n,), bool
            Its rows.
        share : float
            Of its own location, between 0 and 1.
        shape : float
            Of its own shape and of its own mass at the ends; at least `share`.

        Returns
        -------
        ndarray of shape (n_knots,), float64
            Not decreasing, inside the pooled ends.
        """
        pool = self.pool
        whole = self._part(np.ones(len(rows), dtype=bool))
        if whole.low + whole.high > 0 and whole.n_inner >= MIN_STRATUM_ROWS:
            knots = self._with_ends(whole, self._part(rows), share, shape)
        else:
            own = quantiles(self.values[rows], self.weights[rows], self.n_knots)
            knots = _pulled(np.clip(own, pool[0], pool[-1]), pool, share, shape)
        # equal neighbours may differ by rounding after the blend
        return np.maximum.accumulate(np.clip(knots, pool[0], pool[-1]))

    def _with_ends(self, whole: _Part, own: _Part, share: float, shape: float) -> FloatArray:
        inner = whole.inner
        if own.n_inner >= MIN_STRATUM_ROWS:  # fewer would be told apart between the ends
            own_inner = np.clip(own.inner, inner[0], inner[-1])
            inner = np.clip(_pulled(own_inner, inner, share, shape), inner[0], inner[-1])
        low = shape * own.low + (1.0 - shape) * whole.low
        high = shape * own.high + (1.0 - shape) * whole.high
        grid = knot_grid(self.n_knots)
        between = max(1.0 - low - high, 1e-9)
        knots = np.interp((grid - low) / between, grid, np.maximum.accumulate(inner))
        knots = np.where(grid <= low, self.ends[0], knots) if low > 0 else knots
        return np.where(grid >= 1.0 - high, self.ends[1], knots) if high > 0 else knots

    def _part(self, rows: BoolArray) -> _Part:
        values, weights = self.values[rows], self.weights[rows]
        at_low, at_high = values == self.ends[0], values == self.ends[1]
        inside = ~(at_low | at_high) & (weights > 0)
        mass = weights.sum()
        inner = np.zeros(0)
        if inside.any():
            inner = quantiles(values[inside], weights[inside], self.n_knots)
        low, high = weights[at_low].sum() / mass, weights[at_high].sum() / mass
        return _Part(float(low), float(high), inner, int(inside.sum()))


def _pulled(own: FloatArray, pool: FloatArray, share: float, shape: float) -> FloatArray:
    """Blend shapes by one share, and locations by another."""
    blended = shape * own + (1.0 - shape) * pool
    if shape == share:
        return blended
    return blended - (shape - share) * (_location(own) - _location(pool))


def _location(knots: FloatArray) -> float:
    """Give the mean of what lies between the outer twentieths.

    A median would be at one of two humps, and a mean at the mercy of the tails.
    """
    grid = knot_grid(len(knots))
    inner = (grid >= TRIM) & (grid <= 1.0 - TRIM)
    return float(knots[inner].mean())

"""Margins: one column, per stratum, as intervals of a uniform variable, and back.

A *stratum* is a combination of categorical conditions (a class, mostly). Each column has one margin
for each stratum and one for all rows together, the pooled margin, at the last index. Strata are
pulled towards the pooled margin, see `augment.data._pooling`.

Numbers use an interpolated quantile function on a fixed grid. Its ends are means of the most
extreme values, and strata of very few rows use the pooled margin, so that no row can be read from
the knots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from augment._typing import FloatArray, IntArray, State
from augment.data._blend import Blend
from augment.data._pooling import Pooling
from augment.data._quantiles import (
    inverse,
    kernel_widths,
    knot_grid,
    reflected,
    rounded,
)

__all__ = ["LevelMargin", "NumericMargin", "margin_from_state", "nearest"]

# Pseudo-count, spread as the pooled frequencies, added to the levels of each stratum.
LEVEL_PRIOR = 0.5
# No level that occurs is rarer than this in any stratum, so that its interval has a finite score.
LEVEL_FLOOR = 1e-6
# Uniforms of numbers stay TAIL_MASS / n away from 0 and 1: half of the outermost plotting position.
TAIL_MASS = 0.25
# Half-width of the neighbourhood in which a numeric density is judged, as a share of the range.
NEIGHBOURHOOD = 0.03
# No value is less probable than this: a margin learned from few rows cannot say "never".
LEAST_MASS = 1e-3


@dataclass(frozen=True)
class LevelMargin:
    """Levels (or few-valued numbers) as neighbouring intervals of the unit interval.

    Attributes
    ----------
    values : ndarray of shape (n_levels,), float64
        Increasing canonical values; for categories 0, 1, ...
    edges : ndarray of shape (n_strata + 1, n_levels + 1), float64
        Cumulated probabilities, from 0 to 1, in the order of `order`; the last row is pooled.
    order : ndarray of shape (n_levels,), int64
        The level that owns each interval; rising for levels that have an order of their own.
    """

    values: FloatArray
    edges: FloatArray
    order: IntArray

    @classmethod
    def fit(
        cls,
        values: FloatArray,
        codes: IntArray,
        strata: IntArray,
        n_strata: int,
        weights: FloatArray,
        pooling: Pooling,
        *,
        ordered: bool = False,
        order: IntArray | None = None,
    ) -> LevelMargin:
        """Learn the frequencies per stratum; ``codes`` are positions in ``values``."""
        order = np.arange(len(values)) if order is None else order
        counts = np.zeros((n_strata, len(values)))
        np.add.at(counts, (strata, np.argsort(order)[codes]), weights)
        sizes = np.bincount(strata, minlength=n_strata).astype(np.float64)
        pool = counts.sum(0) / counts.sum()
        own = (counts + LEVEL_PRIOR * pool) / (counts.sum(1, keepdims=True) + LEVEL_PRIOR)
        share = pooling.shares_of_levels(counts, sizes, ordered=ordered)[:, None]
        frequencies = np.vstack([share * own + (1.0 - share) * pool, pool])
        frequencies = np.where(pool > 0, np.maximum(frequencies, LEVEL_FLOOR), 0.0)
        frequencies /= frequencies.sum(axis=1, keepdims=True)
        edges = np.hstack([np.zeros((n_strata + 1, 1)), np.cumsum(frequencies, axis=1)])
        # the last level that occurs ends at 1 exactly, and so do the empty ones after it
        last = int(np.flatnonzero(pool)[-1])
        edges[:, last + 1 :] = 1.0
        return cls(values, np.minimum(edges, 1.0), order)

    def interval(self, values: FloatArray, strata: IntArray) -> tuple[FloatArray, FloatArray]:
        """Give the probability interval of each value; between levels that of the nearest."""
        place = np.argsort(self.order)[nearest(self.values, values)]
        return self.edges[strata, place], self.edges[strata, place + 1]

    def decode(
        self,
        uniform: FloatArray,
        strata: IntArray,
        noise: FloatArray | None,  # noqa: ARG002 (levels have no kernel; as NumericMargin.decode)
    ) -> FloatArray:
        """Give the value whose interval holds each number of the unit interval."""
        inner = self.edges[:, 1:-1]
        place = np.zeros(len(uniform), dtype=np.int64)
        for level in range(inner.shape[1]):
            place += uniform >= inner[strata, level]
        # empty levels above the last one that occurs are never chosen, not even at 1
        return self.values[self.order[np.minimum(place, self._last())]]

    def log_mass(self, values: FloatArray, strata: IntArray) -> FloatArray:
        """Give the log probability of each value."""
        lower, upper = self.interval(values, strata)
        return np.log(np.maximum(upper - lower, LEAST_MASS))

    def _last(self) -> int:
        return int(np.flatnonzero(np.diff(self.edges[-1]) > 0)[-1])

    def get_state(self) -> State:
        """Give the margin as arrays."""
        return {
            "type": "levels",
            "values": self.values,
            "edges": self.edges,
            "order": self.order,
        }


@dataclass(frozen=True)
class NumericMargin:
    """Numbers through an interpolated quantile function on the grid of :func:`knot_grid`.

    Values are held divided by ``2 ** exponent``, so that neither sums nor slopes overflow.

    Attributes
    ----------
    knots : ndarray of shape (n_strata + 1, n_knots), float64
        Quantiles at the points of the grid; not decreasing. The last row is pooled.
    bandwidth : ndarray of shape (n_strata + 1, n_knots), float64
        Standard deviation of the decoding kernel at each knot.
    lower, upper : float
        The range of decoded values, unscaled.
    decimals : int or None
        Decoded values are rounded to so many places.
    exponent : int
    tail : float
        Encoded uniforms lie in [tail, 1 - tail].
    """

    knots: FloatArray
    bandwidth: FloatArray
    lower: float
    upper: float
    decimals: int | None
    exponent: int
    tail: float

    @classmethod
    def fit(
        cls,
        values: FloatArray,
        strata: IntArray,
        n_strata: int,
        weights: FloatArray,
        *,
        pooling: Pooling,
        n_knots: int,
        limits: tuple[float, float],
        decimals: int | None,
    ) -> NumericMargin:
        """Learn the quantile functions per stratum, and pool them.

        Parameters
        ----------
        values : ndarray of shape (n,), float64
            Without NaN.
        strata : ndarray of shape (n,), int64
        n_strata : int
        weights : ndarray of shape (n,), float64
        pooling : Pooling
        n_knots : int
        limits : tuple of two floats
            The range of decoded values.
        decimals : int or None
        """
        exponent = int(np.frexp(np.abs(values).max())[1])
        scaled = np.ldexp(values, -exponent)
        sizes = np.bincount(strata, minlength=n_strata).astype(np.float64)
        share, shape = pooling.shares_of_numbers(values, strata, n_strata, weights)
        blend = Blend.of(scaled, weights, n_knots)
        knots = np.tile(blend.pool, (n_strata + 1, 1))
        for stratum in np.flatnonzero(shape > 0):
            knots[stratum] = blend.stratum(strata == stratum, share[stratum], shape[stratum])
        own = np.append(np.where(shape > 0, sizes, len(values)), len(values))
        widths = [
            kernel_widths(row, rows, blend.ends) for row, rows in zip(knots, own, strict=True)
        ]
        bandwidth = np.array(widths)
        lower, upper = (float(limit) for limit in limits)
        return cls(knots, bandwidth, lower, upper, decimals, exponent, TAIL_MASS / len(values))

    def interval(self, values: FloatArray, strata: IntArray) -> tuple[FloatArray, FloatArray]:
        """Give the interval of uniforms that decode to each value, after rounding.

        Values beyond the ends are taken as the ends, so the map is monotone.
        """
        scaled = np.ldexp(values, -self.exponent)
        lower, upper = np.empty(len(values)), np.empty(len(values))
        half, grid = self._half_step(), knot_grid(self.knots.shape[1])
        for stratum in np.unique(strata):
            rows, knots = strata == stratum, self.knots[stratum]
            inside = np.clip(scaled[rows], knots[0], knots[-1])
            lower[rows] = inverse(grid, knots, np.maximum(inside - half, knots[0]), "left")
            upper[rows] = inverse(grid, knots, np.minimum(inside + half, knots[-1]), "right")
        low, high = self.tail, 1.0 - self.tail
        return np.clip(lower, low, high), np.clip(upper, low, high)

    def decode(self, uniform: FloatArray, strata: IntArray, noise: FloatArray | None) -> FloatArray:
        """Give the quantile at each number of the unit interval, moved by kernel noise if given."""
        n_knots = self.knots.shape[1]
        grid = knot_grid(n_knots)
        left = np.clip(np.searchsorted(grid, uniform, side="right") - 1, 0, n_knots - 2)
        part = (uniform - grid[left]) / np.diff(grid)[left]
        flat = self.knots.ravel()
        at = strata * n_knots + left
        below = flat[at]
        values = below + part * (flat[at + 1] - below)
        if noise is not None:
            values = values + self.bandwidth.ravel()[at] * noise
        lower, upper = np.ldexp([self.lower, self.upper], -self.exponent)
        values = np.ldexp(reflected(values, float(lower), float(upper)), self.exponent)
        return values if self.decimals is None else rounded(values, self.decimals)

    def log_mass(self, values: FloatArray, strata: IntArray) -> FloatArray:
        """Give the log probability of the neighbourhood of each value.

        The neighbourhood has the same width in all strata, so differences between strata are
        differences of log densities.
        """
        half = (self.knots[-1, -1] - self.knots[-1, 0]) * NEIGHBOURHOOD
        scaled, grid = np.ldexp(values, -self.exponent), knot_grid(self.knots.shape[1])
        mass = np.empty(len(values))
        for stratum in np.unique(strata):
            rows, knots = strata == stratum, self.knots[stratum]
            above = inverse(grid, knots, scaled[rows] + half, "right")
            mass[rows] = above - inverse(grid, knots, scaled[rows] - half, "left")
        return np.log(np.maximum(mass, LEAST_MASS))

    def _half_step(self) -> float:
        """Give half of the rounding step, a hair less so that the edges round inwards."""
        if self.decimals is None:
            return 0.0
        return float(np.ldexp(0.5 * 10.0**-self.decimals * (1.0 - 1e-6), -self.exponent))

    def get_state(self) -> State:
        """Give the margin as arrays and scalars."""
        return {
            "type": "numbers",
            "knots": self.knots,
            "bandwidth": self.bandwidth,
            "lower": self.lower,
            "upper": self.upper,
            "decimals": self.decimals,
            "exponent": self.exponent,
            "tail": self.tail,
        }


def margin_from_state(state: State) -> LevelMargin | NumericMargin:
    """Rebuild a margin from what ``get_state`` gave."""
    values: dict[str, Any] = {key: value for key, value in state.items() if key != "type"}
    if state["type"] != "levels":
        return NumericMargin(**values)
    # a file of an earlier version, in which levels lay in their natural order, does not say so
    return LevelMargin(**{"order": np.arange(len(values["values"])), **values})


def nearest(levels: FloatArray, values: FloatArray) -> IntArray:
    """Give the position of the level nearest to each value; ``levels`` increase."""
    if len(levels) == 1:
        return np.zeros(len(values), dtype=np.int64)
    middle = levels[:-1] + (levels[1:] - levels[:-1]) / 2
    return np.searchsorted(middle, values, side="left").astype(np.int64)

"""Margins: one column, per stratum, as intervals of a uniform variable, and back.

A *stratum* is a combination of categorical conditions (a class, mostly). Each column has one margin
for each stratum and one for all rows together, the pooled margin, at the last index. Strata are
pulled towards the pooled margin by a positive-part James-Stein factor per column [1]_,

    w = max(0, 1 - pooling / F),

with F the variance ratio of the column's normal scores between strata (chi-square over its degrees
of freedom for levels), because margins as fitted exaggerate the differences between small classes.

Numbers use an interpolated quantile function on a fixed grid, uniform and refined at its ends. Its ends are means of the most
extreme values, and strata under ``MIN_STRATUM_ROWS`` rows use the pooled margin, so that no single
row can be read from the knots.

References
----------
.. [1] W. James and C. Stein, "Estimation with quadratic loss", Proc. Fourth Berkeley Symposium on
   Mathematical Statistics and Probability, 1961.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from augment._typing import FloatArray, IntArray, State

__all__ = [
    "LevelMargin",
    "NumericMargin",
    "blend_weight_levels",
    "blend_weight_numbers",
    "knot_grid",
    "margin_from_state",
    "smoothed_ends",
]

# How many extreme values are averaged at each end of a quantile function.
END_ROWS = 5
# A stratum with fewer observed rows takes the pooled margin: its own would be its rows.
MIN_STRATUM_ROWS = 5
# Half-weight of the pooled margin in small strata: n / (n + STRATUM_PRIOR) is the stratum's share.
STRATUM_PRIOR = 1.0
# Pseudo-count, spread as the pooled frequencies, added to the levels of each stratum.
LEVEL_PRIOR = 0.5
# No level that occurs is rarer than this in any stratum, so that its interval has a finite score.
LEVEL_FLOOR = 1e-6
# How often the outermost cells of the grid are halved.
TAIL_KNOTS = 4
# Uniforms of numbers stay TAIL_MASS / n away from 0 and 1: half of the outermost plotting position.
TAIL_MASS = 0.25
# The decoding kernel's width: KERNEL × standard deviation × n ** (-1/5).
KERNEL = 0.2
# Half-width of the neighbourhood in which a numeric density is judged, as a share of the range.
NEIGHBOURHOOD = 0.03
# No value is less probable than this: a margin learned from few rows cannot say "never".
LEAST_MASS = 1e-3


def smoothed_ends(
    values: FloatArray, weights: FloatArray | None = None, n_end: int = END_ROWS
) -> tuple[float, float]:
    """Give the means of the most extreme values at both ends.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        Without NaN; n >= 1.
    weights : ndarray of shape (n,), optional
    n_end : int, default=5
        How many values are averaged; at most a quarter of them (rounded up).

    Returns
    -------
    lower, upper : float
        Inside the range of the values.

    Examples
    --------
    >>> import numpy as np
    >>> smoothed_ends(np.arange(100.0))
    (2.0, 97.0)
    """
    weights = np.ones(len(values)) if weights is None else weights
    values, weights = values[weights > 0], weights[weights > 0]
    order = np.argsort(values, kind="stable")
    count = min(n_end, -(-len(values) // 4))
    ends = []
    for rows in (order[:count], order[-count:]):
        share = weights[rows] / weights[rows].sum()
        # rounding of the mean must not leave the range
        mean = float((values[rows] * share).sum())
        ends.append(min(max(mean, values[rows].min()), values[rows].max()))
    return float(ends[0]), float(ends[1])


def blend_weight_numbers(
    values: FloatArray, strata: IntArray, weights: FloatArray, pooling: float
) -> float:
    """Give the share of the strata's own margins in a numeric column.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
    strata : ndarray of shape (n,), int64
    weights : ndarray of shape (n,), float64
    pooling : float
        0 keeps the strata as they are; larger pools more.

    Returns
    -------
    float
        Between 0 and 1.
    """
    groups, index = np.unique(strata, return_inverse=True)
    n, k = len(values), len(groups)
    if k < 2 or n <= k:
        return 0.0
    scores = ndtri((rankdata(values) - 0.5) / n)
    weights = weights * (n / weights.sum())
    size = np.bincount(index, weights)
    mean = np.bincount(index, weights * scores) / size
    grand = float((weights * scores).sum() / n)
    between = float((size * (mean - grand) ** 2).sum()) / (k - 1)
    within = float((weights * (scores - mean[index]) ** 2).sum()) / (n - k)
    return _positive_part(pooling * within, between)


def blend_weight_levels(counts: FloatArray, pooling: float) -> float:
    """Give the share of the strata's own frequencies in a column of levels.

    Parameters
    ----------
    counts : ndarray of shape (n_strata, n_levels), float64
    pooling : float

    Returns
    -------
    float
        Between 0 and 1.
    """
    counts = counts[np.ix_(counts.sum(1) > 0, counts.sum(0) > 0)]
    df = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    if df < 1:
        return 0.0
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    return _positive_part(pooling * df, float(((counts - expected) ** 2 / expected).sum()))


def _positive_part(noise: float, signal: float) -> float:
    return max(0.0, 1.0 - noise / signal) if signal > 0 else 0.0


def _stratum_weights(blend: float, sizes: FloatArray) -> FloatArray:
    """Give each stratum's share of its own margin: less for small ones, none for tiny ones."""
    share = blend * sizes / (sizes + STRATUM_PRIOR)
    return np.where(sizes >= MIN_STRATUM_ROWS, share, 0.0)


@dataclass(frozen=True)
class LevelMargin:
    """Levels (or few-valued numbers) as neighbouring intervals of the unit interval.

    Attributes
    ----------
    values : ndarray of shape (n_levels,), float64
        Increasing canonical values; for categories 0, 1, ...
    edges : ndarray of shape (n_strata + 1, n_levels + 1), float64
        Cumulated probabilities, from 0 to 1; the last row is pooled.
    """

    values: FloatArray
    edges: FloatArray

    @classmethod
    def fit(
        cls,
        values: FloatArray,
        codes: IntArray,
        strata: IntArray,
        n_strata: int,
        weights: FloatArray,
        pooling: float,
    ) -> LevelMargin:
        """Learn the frequencies per stratum; ``codes`` are positions in ``values``."""
        counts = np.zeros((n_strata, len(values)))
        np.add.at(counts, (strata, codes), weights)
        sizes = np.bincount(strata, minlength=n_strata).astype(np.float64)
        pool = counts.sum(0) / counts.sum()
        blend = blend_weight_levels(counts, pooling)
        own = (counts + LEVEL_PRIOR * pool) / (counts.sum(1, keepdims=True) + LEVEL_PRIOR)
        share = _stratum_weights(blend, sizes)[:, None]
        frequencies = np.vstack([share * own + (1.0 - share) * pool, pool])
        frequencies = np.where(pool > 0, np.maximum(frequencies, LEVEL_FLOOR), 0.0)
        frequencies /= frequencies.sum(axis=1, keepdims=True)
        edges = np.hstack([np.zeros((n_strata + 1, 1)), np.cumsum(frequencies, axis=1)])
        # the last level that occurs ends at 1 exactly, and so do the empty ones after it
        last = int(np.flatnonzero(pool)[-1])
        edges[:, last + 1 :] = 1.0
        return cls(values, np.minimum(edges, 1.0))

    def interval(self, values: FloatArray, strata: IntArray) -> tuple[FloatArray, FloatArray]:
        """Give the probability interval of each value; a number between levels goes to the nearest."""
        code = nearest(self.values, values)
        return self.edges[strata, code], self.edges[strata, code + 1]

    def decode(self, uniform: FloatArray, strata: IntArray, noise: FloatArray | None) -> FloatArray:
        """Give the value whose interval holds each number of the unit interval."""
        inner = self.edges[:, 1:-1]
        code = np.zeros(len(uniform), dtype=np.int64)
        for level in range(inner.shape[1]):
            code += uniform >= inner[strata, level]
        # empty levels above the last one that occurs are never chosen, not even at 1
        return self.values[np.minimum(code, self._last())]

    def log_mass(self, values: FloatArray, strata: IntArray) -> FloatArray:
        """Give the log probability of each value."""
        lower, upper = self.interval(values, strata)
        return np.log(np.maximum(upper - lower, LEAST_MASS))

    def _last(self) -> int:
        return int(np.flatnonzero(np.diff(self.edges[-1]) > 0)[-1])

    def get_state(self) -> State:
        """Give the margin as arrays."""
        return {"type": "levels", "values": self.values, "edges": self.edges}


@dataclass(frozen=True)
class NumericMargin:
    """Numbers through an interpolated quantile function on the grid of :func:`knot_grid`.

    Values are held divided by ``2 ** exponent``, so that neither sums nor slopes overflow.

    Attributes
    ----------
    knots : ndarray of shape (n_strata + 1, n_knots), float64
        Quantiles at the points of the grid; not decreasing. The last row is pooled.
    bandwidth : ndarray of shape (n_strata + 1,), float64
        Standard deviation of the decoding kernel.
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
        pooling: float,
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
        pooling : float
        n_knots : int
        limits : tuple of two floats
            The range of decoded values.
        decimals : int or None
        """
        exponent = int(np.frexp(np.abs(values).max())[1])
        scaled = np.ldexp(values, -exponent)
        sizes = np.bincount(strata, minlength=n_strata).astype(np.float64)
        share = _stratum_weights(blend_weight_numbers(values, strata, weights, pooling), sizes)
        pool = _quantiles(scaled, weights, n_knots)
        knots = np.tile(pool, (n_strata + 1, 1))
        for stratum in np.flatnonzero(share > 0):
            rows = strata == stratum
            own = np.clip(_quantiles(scaled[rows], weights[rows], n_knots), pool[0], pool[-1])
            knots[stratum] = share[stratum] * own + (1.0 - share[stratum]) * pool
        # equal neighbours may differ by rounding after the blend
        knots = np.maximum.accumulate(np.clip(knots, pool[0], pool[-1]), axis=1)
        rows_seen = np.append(np.where(sizes >= MIN_STRATUM_ROWS, sizes, len(values)), len(values))
        bandwidth = KERNEL * knots.std(axis=1) * np.maximum(rows_seen, 2.0) ** -0.2
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
            lower[rows] = _inverse(grid, knots, np.maximum(inside - half, knots[0]), "left")
            upper[rows] = _inverse(grid, knots, np.minimum(inside + half, knots[-1]), "right")
        low, high = self.tail, 1.0 - self.tail
        return np.clip(lower, low, high), np.clip(upper, low, high)

    def decode(self, uniform: FloatArray, strata: IntArray, noise: FloatArray | None) -> FloatArray:
        """Give the quantile at each number of the unit interval, with kernel noise if there is any."""
        n_knots = self.knots.shape[1]
        grid = knot_grid(n_knots)
        left = np.clip(np.searchsorted(grid, uniform, side="right") - 1, 0, n_knots - 2)
        part = (uniform - grid[left]) / np.diff(grid)[left]
        flat = self.knots.ravel()
        at = strata * n_knots + left
        below = flat[at]
        values = below + part * (flat[at + 1] - below)
        if noise is not None:
            values = values + self.bandwidth[strata] * noise
        lower, upper = np.ldexp([self.lower, self.upper], -self.exponent)
        values = np.ldexp(_reflected(values, float(lower), float(upper)), self.exponent)
        return values if self.decimals is None else np.round(values, self.decimals)

    def log_mass(self, values: FloatArray, strata: IntArray) -> FloatArray:
        """Give the log probability of the neighbourhood of each value.

        The neighbourhood has the same width in all strata, so differences between strata are
        differences of log densities.
        """
        half = (self.knots[-1, -1] - self.knots[-1, 0]) * NEIGHBOURHOOD
        scaled = np.ldexp(values, -self.exponent)
        mass = np.empty(len(values))
        for stratum in np.unique(strata):
            rows, knots = strata == stratum, self.knots[stratum]
            inside = np.clip(scaled[rows], knots[0], knots[-1])
            above = _inverse(knots, np.minimum(inside + half, knots[-1]), "right")
            mass[rows] = above - _inverse(knots, np.maximum(inside - half, knots[0]), "left")
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
    return LevelMargin(**values) if state["type"] == "levels" else NumericMargin(**values)


def nearest(levels: FloatArray, values: FloatArray) -> IntArray:
    """Give the position of the level nearest to each value; ``levels`` increase."""
    if len(levels) == 1:
        return np.zeros(len(values), dtype=np.int64)
    middle = levels[:-1] + (levels[1:] - levels[:-1]) / 2
    return np.searchsorted(middle, values, side="left").astype(np.int64)


def knot_grid(n_knots: int) -> FloatArray:
    """Give the points of the unit interval at which quantiles are kept.

    The grid is uniform, except that the cells at both ends are halved ``TAIL_KNOTS`` times (if
    there are knots enough), so that the few rows beyond the smoothed ends keep their own place.

    Examples
    --------
    >>> [round(float(point), 4) for point in knot_grid(101)[:7]]
    [0.0, 0.0007, 0.0014, 0.0027, 0.0054, 0.0109, 0.0217]
    """
    halvings = min(TAIL_KNOTS, max(0, (n_knots - 3) // 4))
    inner = np.linspace(0.0, 1.0, n_knots - 2 * halvings)
    ends = inner[1] * 0.5 ** np.arange(halvings, 0, -1)
    return np.concatenate([[0.0], ends, inner[1:-1], (1.0 - ends)[::-1], [1.0]])


def _quantiles(values: FloatArray, weights: FloatArray, n_knots: int) -> FloatArray:
    """Interpolate the sorted values at the grid, with smoothed ends."""
    lower, upper = smoothed_ends(values, weights)
    values, weights = values[weights > 0], weights[weights > 0]
    order = np.argsort(values, kind="stable")
    mass = weights[order] / weights.sum()
    place = np.cumsum(mass) - mass / 2
    return np.clip(np.interp(knot_grid(n_knots), place, values[order]), lower, upper)


def _inverse(
    grid: FloatArray, knots: FloatArray, values: FloatArray, side: Literal["left", "right"]
) -> FloatArray:
    """Invert a piecewise linear function; on a flat piece give its left or its right end."""
    last = len(knots) - 1
    index = np.searchsorted(knots, values, side=side)
    before, after = np.maximum(index - 1, 0), np.minimum(index, last)
    rise = knots[after] - knots[before]
    part = np.where(rise > 0, (values - knots[before]) / np.where(rise > 0, rise, 1.0), 0.0)
    place = grid[before] + part * (grid[after] - grid[before])
    return np.where(index == 0, 0.0, np.where(index > last, 1.0, place))


def _reflected(values: FloatArray, lower: float, upper: float) -> FloatArray:
    """Fold values back into a range; clipping would pile them up at its ends."""
    values = np.where(values < lower, 2 * lower - values, values)
    values = np.where(values > upper, 2 * upper - values, values)
    return np.clip(values, lower, upper)

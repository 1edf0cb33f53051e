"""Quantile functions with smoothed ends, on a fixed grid."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import ndtri

from augment._typing import FloatArray, IntArray

__all__ = [
    "are_grades",
    "few_levels",
    "inverse",
    "kernel_widths",
    "knot_grid",
    "quantiles",
    "reflected",
    "repeated_ends",
    "rounded",
    "smoothed_ends",
]

# How many extreme values are averaged at each end of a quantile function.
END_ROWS = 5
# A numeric column with so few values, each so often on average, decodes to observed values only.
MAX_LEVELS, MIN_REPEATS = 20, 3
# So few whole numbers so close together are grades or flags: rare extremes tell no patient apart.
SAFE_LEVELS, SAFE_RANGE = 5, 20
# How often the outermost cells of the grid are halved.
TAIL_KNOTS = 4
# The decoding kernel's width: KERNEL × n ** (-1/5) × the standard deviation, or × KERNEL_CAP × the
# local spread if that is less.
KERNEL, KERNEL_CAP = 0.4, 20.0
# How many knots to each side tell the local spread.
KERNEL_WINDOW = 5


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
        # scaled by a power of two, so that the sum of huge values stays finite
        exponent = int(np.frexp(np.abs(values[rows]).max())[1])
        scaled = np.ldexp(values[rows], -exponent)
        mean = float(np.ldexp((scaled * weights[rows]).sum() / weights[rows].sum(), exponent))
        # rounding of the mean must not leave the range
        ends.append(min(max(mean, values[rows].min()), values[rows].max()))
    return float(ends[0]), float(ends[1])


def few_levels(values: FloatArray) -> FloatArray | None:
    """Give the different values of a column that has few of them, increasing; else None.

    Examples
    --------
    >>> import numpy as np
    >>> few_levels(np.array([1.0, 0.0] * 3))
    array([0., 1.])
    """
    levels = np.unique(values)
    few = len(levels) <= MAX_LEVELS and len(values) >= MIN_REPEATS * len(levels)
    return levels if few else None


def are_grades(levels: FloatArray) -> bool:
    """Tell whether the increasing levels of a numeric column are grades, and no measurements."""
    whole = len(levels) <= SAFE_LEVELS and np.array_equal(levels, np.rint(levels))
    return whole and bool(levels[-1] - levels[0] <= SAFE_RANGE)


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


def quantiles(values: FloatArray, weights: FloatArray, n_knots: int) -> FloatArray:
    """Interpolate the sorted values at the grid, with smoothed ends."""
    lower, upper = smoothed_ends(values, weights)
    values, weights = values[weights > 0], weights[weights > 0]
    order = np.argsort(values, kind="stable")
    mass = weights[order] / weights.sum()
    place = np.cumsum(mass) - mass / 2
    return np.clip(np.interp(knot_grid(n_knots), place, values[order]), lower, upper)


def inverse(
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


def reflected(values: FloatArray, lower: float, upper: float) -> FloatArray:
    """Fold values back into a range; clipping would pile them up at its ends."""
    values = np.where(values < lower, 2 * lower - values, values)
    values = np.where(values > upper, 2 * upper - values, values)
    return np.clip(values, lower, upper)


def rounded(values: FloatArray, decimals: int) -> FloatArray:
    """Round to decimal places (negative ones are tens), without a negative zero."""
    return np.asarray(np.round(values, decimals) + 0.0, dtype=np.float64)


def repeated_ends(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Give the least and the greatest value if that many rows share it, else NaN.

    So many that the smoothed end is the value itself: zeros of a laboratory value, or a score at
    its ceiling.

    Examples
    --------
    >>> import numpy as np
    >>> repeated_ends(np.r_[np.zeros(6), np.arange(1.0, 30.0)], np.ones(35))
    (0.0, nan)
    """
    values = values[weights > 0]
    count = min(END_ROWS, -(-len(values) // 4))
    ends = values.min(), values.max()
    shared = [float(end) if (values == end).sum() >= count else np.nan for end in ends]
    return shared[0], shared[1]


def kernel_widths(
    knots: FloatArray, n_rows: float, repeated: tuple[float, float] = (np.nan, np.nan)
) -> FloatArray:
    """Give the standard deviation of the decoding kernel at each knot.

    It is KERNEL × standard deviation × n ** (-1/5), which calms the classifiers that learn from
    the rows more than a narrower kernel does; but 0 where values repeat (zeros, say), so that they
    stay what they are, and less where the local spread is very much smaller, so that the gap
    between two clusters is not filled.

    Parameters
    ----------
    knots : ndarray of shape (n_knots,), float64
        One quantile function.
    n_rows : float
        How many rows it was learned from.
    repeated : tuple of two floats
        What `repeated_ends` gives: there a flat end is no artefact of smoothing.

    Returns
    -------
    ndarray of shape (n_knots,), float64
    """
    grid = knot_grid(len(knots))
    mass = np.gradient(grid)
    mass /= mass.sum()
    spread = float(np.sqrt((mass * (knots - (mass * knots).sum()) ** 2).sum()))
    smoothed = knots[0] != repeated[0], knots[-1] != repeated[1]
    local = KERNEL_CAP * _local_spread(grid, knots, n_rows, smoothed)
    return KERNEL * n_rows**-0.2 * np.minimum(local, spread)


def _local_spread(
    grid: FloatArray, knots: FloatArray, n_rows: float, smoothed: tuple[bool, bool]
) -> FloatArray:
    """Give the slope over normal scores at each knot, on the side where it is flatter."""
    last = len(knots) - 1
    score = ndtri(np.clip(grid, 0.25 / n_rows, 1 - 0.25 / n_rows))
    at = np.arange(len(knots))
    left = _slope(score, knots, np.maximum(at - KERNEL_WINDOW, 0), at)
    right = _slope(score, knots, at, np.minimum(at + KERNEL_WINDOW, last))
    slope = np.minimum(left, right)
    # The smoothing of the ends makes them flat; only what is longer is truly repeated.
    artefact = 1.5 * END_ROWS / n_rows
    first, final = int((knots == knots[0]).sum()) - 1, last - int((knots == knots[-1]).sum()) + 1
    if smoothed[0] and first < last and grid[first] <= artefact:
        slope[: first + 1] = right[first]
    if smoothed[1] and final > 0 and 1 - grid[final] <= artefact:
        slope[final:] = left[final]
    return slope


def _slope(score: FloatArray, knots: FloatArray, start: IntArray, stop: IntArray) -> FloatArray:
    run = score[stop] - score[start]
    return np.where(run > 0, (knots[stop] - knots[start]) / np.where(run > 0, run, 1.0), np.inf)

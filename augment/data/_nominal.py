"""The order in which the levels of a category lie side by side in its score.

A category without an order still becomes one score, in which each level owns an interval. What a
linear dependence of scores can say of the category then hangs on which levels are neighbours: if
two levels that go with high blood pressure lie at both ends, nothing is left of it. The levels are
therefore laid out along the axis on which the other columns tell them apart best, the first of a
correspondence analysis [1]_ [2]_, if that axis says more than chance does.

References
----------
.. [1] M. Greenacre, "Correspondence Analysis in Practice", Chapman & Hall, 2017.
.. [2] A. Gifi, "Nonlinear Multivariate Analysis" (optimal scaling), Wiley, 1990.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csc_array
from scipy.special import ndtri
from scipy.stats import rankdata

from augment._random import rng_for
from augment._typing import FloatArray, IntArray

__all__ = ["level_order", "level_orders"]

N_PERMUTATIONS = 39
"""Shuffles of the levels that the axis of the real ones must beat, all of them."""
LEVEL_PRIOR = 2.0
"""Rows at the origin that stand beside those of a level when its place is estimated."""


def level_orders(
    entries: Mapping[int, FloatArray],
    nominal: Mapping[int, int],
    strata: IntArray,
    weights: FloatArray,
) -> dict[int, IntArray]:
    """Give the order of the levels of each category that has none of its own.

    Parameters
    ----------
    entries : mapping of int to ndarray of float64 (n,)
        The columns: codes of levels, or numbers; NaN where missing.
    nominal : mapping of int to int
        Which of them are categories without an order, and how many levels they have.
    strata : ndarray of int64 (n,)
    weights : ndarray of float64 (n,)

    Returns
    -------
    dict of int to ndarray of int64 (n_levels,)
        One permutation for each category.
    """
    if all(n_levels < 3 for n_levels in nominal.values()):
        return {i: np.arange(n_levels) for i, n_levels in nominal.items()}
    blocks = {
        i: _indicators(part) if i in nominal else _normal_ranks(part) for i, part in entries.items()
    }
    found = {}
    for i, n_levels in nominal.items():
        seen = ~np.isnan(entries[i])
        others = [block[seen] for j, block in blocks.items() if j != i]
        codes = entries[i][seen].astype(np.int64)
        found[i] = level_order(codes, n_levels, others, strata[seen], weights[seen])
    return found


def level_order(
    codes: IntArray,
    n_levels: int,
    others: Sequence[FloatArray],
    strata: IntArray,
    weights: FloatArray,
) -> IntArray:
    """Give the levels in the order in which they should lie side by side.

    Parameters
    ----------
    codes : ndarray of int64 (n,)
        Level of each row.
    n_levels : int
    others : sequence of ndarray (n, k)
        The other columns, as `normal_ranks` and `indicators` give them.
    strata : ndarray of int64 (n,)
        Differences between strata do not count: margins hold them.
    weights : ndarray of float64 (n,)

    Returns
    -------
    ndarray of int64 (n_levels,)
        A permutation; the natural order where chance may have made another.

    Examples
    --------
    >>> codes = np.tile([0, 1, 2], 40)
    >>> other = np.array([0.0, 5.0, 1.0])[codes][:, None]
    >>> level_order(codes, 3, [other], np.zeros(120, dtype=int), np.ones(120)).tolist()
    [0, 2, 1]
    """
    natural = np.arange(n_levels)
    if n_levels < 3 or not others:
        return natural
    _, groups = np.unique(strata, return_inverse=True)
    features = _centred(np.hstack(others), groups, weights)
    strength, axis = _first_axis(codes, n_levels, features, weights)
    rng = rng_for(0)
    for _ in range(N_PERMUTATIONS):
        shuffled = codes.copy()
        for group in range(int(groups.max()) + 1):
            own = np.flatnonzero(groups == group)
            shuffled[own] = codes[rng.permutation(own)]
        if _first_axis(shuffled, n_levels, features, weights)[0] >= strength:
            return natural
    backwards = (natural - natural.mean()) @ axis < 0
    return np.argsort(-axis if backwards else axis, kind="stable")


def _normal_ranks(values: FloatArray) -> FloatArray:
    """Give the normal scores of numbers as one column `(n, 1)`, 0 where missing."""
    seen = ~np.isnan(values)
    scores = np.zeros((len(values), 1))
    scores[seen, 0] = ndtri((rankdata(values[seen]) - 0.5) / max(1, int(seen.sum())))
    return scores


def _indicators(codes: FloatArray) -> FloatArray:
    """Give a column for each level that occurs, of equal weight together as one number has.

    Parameters
    ----------
    codes : ndarray of float64 (n,)
        NaN where missing.

    Returns
    -------
    ndarray of float64 (n, n_levels)
        Centred; 0 where missing.
    """
    seen = ~np.isnan(codes)
    levels = np.unique(codes[seen])
    hits = (codes[:, None] == levels).astype(np.float64)
    share = hits.sum(axis=0) / max(1, int(seen.sum()))
    scaled = (hits - share) / np.sqrt(share * max(1, len(levels) - 1))
    return np.where(seen[:, None], scaled, 0.0)


def _centred(features: FloatArray, groups: IntArray, weights: FloatArray) -> FloatArray:
    """Take the weighted means of groups away."""
    member = np.eye(int(groups.max()) + 1)[groups] * weights[:, None]
    means = (member.T @ features) / np.maximum(member.sum(axis=0), 1e-12)[:, None]
    return features - means[groups]


def _first_axis(
    codes: IntArray, n_levels: int, features: FloatArray, weights: FloatArray
) -> tuple[float, FloatArray]:
    """Give the strength of the axis that tells levels apart best, and the levels' places on it."""
    size = np.bincount(codes, weights, minlength=n_levels)
    member = csc_array((weights, codes, np.arange(len(codes) + 1)), shape=(n_levels, len(codes)))
    sums = member @ features
    scaled = sums / np.sqrt(size + LEVEL_PRIOR)[:, None]
    values, axes = np.linalg.eigh(scaled @ scaled.T)
    return float(values[-1]), axes[:, -1] / np.sqrt(size + LEVEL_PRIOR)

"""Draws of the normal scores behind tied, discrete and missing cells, given the rest of the row.

A category owns an interval of its normal score, not a point. A score that is drawn uniformly from
that interval knows nothing of the other cells of its row, so dependence fades: two flags with a
correlation of .5 look to a network as if it were .3, and come out of it with .1. Here the scores
are drawn from their intervals *given the row*, as a Gaussian copula of the table has it, in turns
with the copula itself: a Gibbs sampler for the extended rank likelihood [1]_.

References
----------
.. [1] P. D. Hoff, "Extending the rank likelihood for semiparametric copula estimation", Annals of
   Applied Statistics, 2007.
.. [2] U. Olsson, "Maximum likelihood estimation of the polychoric correlation coefficient",
   Psychometrika, 1979.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from augment._random import rng_for
from augment._typing import BoolArray, FloatArray, IntArray

__all__ = ["draw_scores"]

WIDE = 0.01
"""Probability that a cell may own before its score is drawn anew in each turn."""
TURNS, SETS, WORK = (10, 60), (4, 12), 3e6
"""Turns in which the copula is learned, and sets of draws: least and most. Between these, as many
as visit so many cells."""
THIN, FORGETTING = 2, 5
"""Turns between two sets of draws, and before the first."""
COPULA_ROWS = 5_000
"""Rows from which the copula is learned, at most."""
EFFECT_PRIOR = 2.0
"""Rows without effect that stand beside the real ones when effects of conditions are estimated."""
PAIR_PRIOR, COLUMN_PRIOR = 5.0, 1.0
"""Rows without dependence that stand beside the real ones: so many, and so many a column."""
EDGE = 5e-4
"""Probability beyond which no score of a missing cell is drawn."""
CLEAR = 2.0
"""Standard errors up to which a correlation is taken for chance, and is 0."""
LEAST_VARIANCE, LEAST_VALUE = 0.1, 0.02
"""Least variance of a score given the conditions; least eigenvalue of a correlation matrix."""
NARROW = 1e-4
"""Probability below which a cell is taken for a point."""
SLOWEST = 0.05
"""Least weight of the newest draws in the running estimate of the copula."""


def draw_scores(
    lower: FloatArray,
    upper: FloatArray,
    observed: BoolArray,
    features: FloatArray,
    weight: FloatArray,
    seed: int,
) -> NDArray[np.float32]:
    """Draw several sets of normal scores that agree with what was observed.

    Parameters
    ----------
    lower, upper : ndarray of float64 (n, d)
        Probability interval of each cell, inside (0, 1).
    observed : ndarray of bool (n, d)
        A missing cell may lie anywhere.
    features : ndarray of float64 (n, c)
        Conditions of each row; scores depend on them linearly.
    weight : ndarray of float64 (n,)
        Of the rows, 1 in the mean.
    seed : int

    Returns
    -------
    ndarray of float32 (n_sets, n, d)
        0 where nothing was observed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> both = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 2000) > 0
    >>> lower, ones = np.where(both, 0.5, 0.001), np.ones(2000)
    >>> upper, seen = np.where(both, 0.999, 0.5), np.ones((2000, 2), dtype=bool)
    >>> sets = draw_scores(lower, upper, seen, np.zeros((2000, 0)), ones, seed=0)
    >>> bool(abs(np.corrcoef(sets[0].T)[0, 1] - 0.8) < 0.05)
    True
    """
    n, d = lower.shape
    rng = rng_for(seed)
    some = np.sort(rng.permutation(n)[:COPULA_ROWS])
    chain = _Chain(lower[some], upper[some], observed[some], features[some], weight[some], rng)
    copula = chain.learn()
    if len(some) < n:
        chain = _Chain(lower, upper, observed, features, weight, rng)
    n_sets = _within(SETS, WORK / max(1, n * d))
    sets = np.empty((n_sets, n, d), dtype=np.float32)
    for number in range(n_sets):
        for _ in range(THIN if number else FORGETTING):
            chain.turn(copula)
        sets[number] = np.where(observed, chain.scores, 0.0)
    return sets


class _Chain:
    """Scores that are drawn in turns, each from its interval, given the others and the copula.

    Attributes
    ----------
    scores : ndarray of float64 (n, d)
        As they are now. Missing cells have one, too.
    """

    def __init__(
        self,
        lower: FloatArray,
        upper: FloatArray,
        observed: BoolArray,
        features: FloatArray,
        weight: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        self.lower = np.where(observed, lower, EDGE)
        self.upper = np.where(observed, upper, 1.0 - EDGE)
        self.low, self.high = ndtri(self.lower), ndtri(self.upper)
        self.weight, self.rng = weight, rng
        self.features = np.asarray(features, np.float64)
        weighted = (weight[:, None] * self.features).T
        prior = EFFECT_PRIOR * np.eye(self.features.shape[1])
        self.project = np.linalg.solve(weighted @ self.features + prior, weighted)
        is_wide = (self.upper - self.lower > WIDE).any(axis=0)
        self.wide, self.narrow = np.flatnonzero(is_wide), np.flatnonzero(~is_wide)
        self.scores = np.zeros(lower.shape)
        self._redraw(np.arange(lower.shape[1]))

    def learn(self) -> FloatArray:
        """Give the covariance of the scores around the effects of conditions, from many turns."""
        # Draws that know nothing of each other fade a correlation by the square of each
        # reliability: undone, that is a start from which few turns are enough.
        known = np.square(_middle(self.lower, self.upper))
        reliability = np.average(known, axis=0, weights=self.weight)
        copula = self._covariance(1.0 / np.maximum(reliability, LEAST_VARIANCE))
        n_turns = _within(TURNS, WORK / max(1, self.scores.size)) if len(self.wide) else 0
        for turn in range(1, n_turns + 1):
            self.turn(copula)
            step = max(1.0 / (1.0 + turn / 3.0), SLOWEST)
            copula = (1 - step) * copula + step * self._covariance()
        return copula

    def turn(self, copula: FloatArray) -> None:
        """Draw every score of a wide column anew, column by column."""
        precision = np.linalg.inv(copula)
        mean = self.features @ (self.project @ self.scores)
        residual = self.scores - mean
        for j in self.rng.permutation(self.wide):
            spread = precision[j, j] ** -0.5
            centre = mean[:, j] + residual[:, j] - residual @ precision[:, j] * spread**2
            low, high = ((end[:, j] - centre) / spread for end in (self.low, self.high))
            below, above = ndtr(low), ndtr(high)
            uniform = below + (above - below) * self.rng.random(len(centre))
            drawn = np.clip(ndtri(np.clip(uniform, 1e-15, 1 - 1e-15)), low, high)
            residual[:, j] = centre + spread * drawn - mean[:, j]
        self.scores = mean + residual
        self._redraw(self.narrow)

    def _redraw(self, columns: IntArray) -> None:
        """Draw scores of columns uniformly from their intervals."""
        low, width = self.lower[:, columns], (self.upper - self.lower)[:, columns]
        self.scores[:, columns] = ndtri(low + width * self.rng.random(low.shape))

    def _covariance(self, stretch: FloatArray | None = None) -> FloatArray:
        """Estimate the covariance of the scores around their effects, correlations shrunk."""
        residual = self.scores - self.features @ (self.project @ self.scores)
        n, d = residual.shape
        moments = (self.weight[:, None] * residual).T @ residual / n
        variance = np.clip(np.diag(moments), LEAST_VARIANCE, 1.0)
        scale = np.sqrt(np.maximum(np.diag(moments), 1e-9))
        correlation = moments / np.outer(scale, scale)
        if stretch is not None:
            correlation = np.clip(correlation * np.outer(stretch, stretch), -0.9, 0.9)
        # what may be chance is taken for chance: classifiers lose by noise in correlations
        chance = np.square(CLEAR) / (n * np.maximum(np.square(correlation), 1e-9))
        correlation *= np.maximum(0.0, 1.0 - chance) * (n / (n + PAIR_PRIOR + COLUMN_PRIOR * d))
        np.fill_diagonal(correlation, 1.0)
        values, axes = np.linalg.eigh(correlation)
        positive = (axes * np.maximum(values, LEAST_VALUE)) @ axes.T
        unit = np.sqrt(variance / np.diag(positive))
        return np.asarray(positive * np.outer(unit, unit))


def _middle(lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Give the expected normal score of cells that own a probability interval."""
    low, high, width = ndtri(lower), ndtri(upper), upper - lower
    is_tied = width > NARROW
    mass = np.exp(-0.5 * np.square(low)) - np.exp(-0.5 * np.square(high))
    expected = mass / (math.sqrt(2.0 * math.pi) * np.where(is_tied, width, 1.0))
    return np.where(is_tied, expected, 0.5 * (low + high))


def _within(limits: tuple[int, int], wanted: float) -> int:
    return int(min(max(wanted, limits[0]), limits[1]))

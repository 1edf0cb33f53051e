"""How far the margins of strata are pulled towards the pooled margin.

A column's share of its strata's own margins is a positive-part James-Stein factor [1]_, or its
soft relative,

    hard: w = separation × max(0, 1 - strength / F),
    soft: w = separation × F / (F + strength),

with F the variance ratio of the column's normal scores between strata (chi-square over its degrees
of freedom for levels), because margins as fitted exaggerate the differences between small classes.
Ordered levels are judged both ways, and the larger share holds: many levels dilute the chi-square
of a trend, which the normal scores see with one degree of freedom.

References
----------
.. [1] W. James and C. Stein, "Estimation with quadratic loss", Proc. Fourth Berkeley Symposium on
   Mathematical Statistics and Probability, 1961.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from augment._typing import FloatArray, IntArray

__all__ = ["MIN_STRATUM_ROWS", "Pooling"]

# A stratum with fewer observed rows takes the pooled margin: its own would be its rows.
MIN_STRATUM_ROWS = 5
# Half-weight of the pooled margin in small strata: n / (n + STRATUM_PRIOR) is the stratum's share.
STRATUM_PRIOR = 1.0


@dataclass(frozen=True)
class Pooling:
    """The rule by which strata share their margins.

    Attributes
    ----------
    strength : float
        0 keeps differences between strata as fitted; larger values pool more.
    separation : float
        One factor for all columns, between 0 and 1.
    soft : bool
        The soft rule never takes a difference away altogether.
    """

    strength: float = 1.0
    separation: float = 1.0
    soft: bool = False

    def shares_of_numbers(
        self, values: FloatArray, strata: IntArray, n_strata: int, weights: FloatArray
    ) -> FloatArray:
        """Give each stratum's share of its own margin in a numeric column.

        Parameters
        ----------
        values : ndarray of shape (n,), float64
            Without NaN.
        strata : ndarray of shape (n,), int64
        n_strata : int
        weights : ndarray of shape (n,), float64

        Returns
        -------
        ndarray of shape (n_strata,), float64
            Between 0 and 1; 0 below ``MIN_STRATUM_ROWS`` rows.
        """
        sizes = np.bincount(strata, minlength=n_strata).astype(np.float64)
        return self._shares(self._factor_of_numbers(values, strata, weights), sizes)

    def shares_of_levels(
        self, counts: FloatArray, sizes: FloatArray, *, ordered: bool = False
    ) -> FloatArray:
        """Give each stratum's share of its own frequencies in a column of levels.

        Parameters
        ----------
        counts : ndarray of shape (n_strata, n_levels), float64
            Weighted.
        sizes : ndarray of shape (n_strata,), float64
            Rows, not weighted.
        ordered : bool, default=False
            Whether the order of the levels means something.

        Returns
        -------
        ndarray of shape (n_strata,), float64
        """
        seen = counts[np.ix_(counts.sum(1) > 0, counts.sum(0) > 0)]
        df = (seen.shape[0] - 1) * (seen.shape[1] - 1)
        if df < 1:
            return np.zeros(len(counts))
        expected = seen.sum(1, keepdims=True) * seen.sum(0) / seen.sum()
        chi_square = float(((seen - expected) ** 2 / expected).sum())
        factor = self._factor(float(df), chi_square)
        if ordered:
            factor = max(factor, self._factor_of_trend(seen, int(sizes.sum())))
        return self._shares(factor, sizes)

    def _factor_of_trend(self, counts: FloatArray, n: int) -> float:
        """Judge the normal scores of ordered levels, `counts` (n_strata, n_levels) of n rows."""
        n_strata, n_levels = counts.shape
        pool = counts.sum(axis=0) / counts.sum()
        scores = np.tile(ndtri(np.cumsum(pool) - pool / 2), n_strata)
        strata = np.repeat(np.arange(n_strata), n_levels)
        return self._factor_of_scores(scores, strata, counts.ravel(), n)

    def _factor_of_numbers(
        self, values: FloatArray, strata: IntArray, weights: FloatArray
    ) -> float:
        index = np.unique(strata, return_inverse=True)[1]
        scores = ndtri((rankdata(values) - 0.5) / len(values))
        return self._factor_of_scores(scores, index, weights, len(values))

    def _factor_of_scores(
        self, scores: FloatArray, index: IntArray, weights: FloatArray, n: int
    ) -> float:
        """Judge weighted normal scores of n rows between the strata 0, 1, ... of `index`."""
        k = int(index.max()) + 1
        if k < 2 or n <= k:
            return 0.0
        weights = weights * (n / weights.sum())
        size = np.bincount(index, weights)
        mean = np.bincount(index, weights * scores) / size
        grand = float((weights * scores).sum() / n)
        between = float((size * (mean - grand) ** 2).sum()) / (k - 1)
        within = float((weights * (scores - mean[index]) ** 2).sum()) / (n - k)
        return self._factor(within, between)

    def _factor(self, noise: float, signal: float) -> float:
        noise = self.strength * noise
        if signal <= 0:
            return 0.0
        return signal / (signal + noise) if self.soft else max(0.0, 1.0 - noise / signal)

    def _shares(self, factor: float, sizes: FloatArray) -> FloatArray:
        share = self.separation * factor * sizes / (sizes + STRATUM_PRIOR)
        return np.where(sizes >= MIN_STRATUM_ROWS, share, 0.0)

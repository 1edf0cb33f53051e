"""How far the margins of strata are pulled towards the pooled margin.

A column's share of its strata's own margins is a positive-part James-Stein factor [1]_, or its
soft relative,

    hard: w = separation × max(0, 1 - strength / F),
    soft: w = separation × F / (F + strength),

with F the variance ratio of the column's normal scores between strata (chi-square over its degrees
of freedom for levels), because margins as fitted exaggerate the differences between small classes.
Ordered levels are judged both ways, and the larger share holds: many levels dilute the chi-square
of a trend, which the normal scores see with one degree of freedom.

The shape of a number's margin has a share of its own where it differs between strata by more than
chance: by the spread of its scores about the means of the strata [2]_, or by its counts in bins.
Then 1 - c / F, with c what chance exceeds in one column of twenty, is that share if it is larger;
the separation, which is how far held-out labels bear out where classes lie, says nothing of it.

References
----------
.. [1] W. James and C. Stein, "Estimation with quadratic loss", Proc. Fourth Berkeley Symposium on
   Mathematical Statistics and Probability, 1961.
.. [2] H. Levene, "Robust tests for equality of variances", in Contributions to Probability and
   Statistics, Stanford University Press, 1960.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import chi2, f, rankdata

from augment._typing import FloatArray, IntArray

__all__ = ["MIN_STRATUM_ROWS", "Pooling"]

# A stratum with fewer observed rows takes the pooled margin: its own would be its rows.
MIN_STRATUM_ROWS = 5
# Half-weight of the pooled margin in small strata: n / (n + STRATUM_PRIOR) is the stratum's share.
STRATUM_PRIOR = 1.0
# Shapes of strata differ if chance would make them differ so much in one column of twenty, by
# their spread or by their counts in so many bins.
CHANCE, BINS = 0.05, 8


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
    ) -> tuple[FloatArray, FloatArray]:
        """Give each stratum's share of its own location and shape in a numeric column.

        Parameters
        ----------
        values : ndarray of shape (n,), float64
            Without NaN.
        strata : ndarray of shape (n,), int64
        n_strata : int
        weights : ndarray of shape (n,), float64

        Returns
        -------
        share, shape : ndarray of shape (n_strata,), float64
            Between 0 and 1; 0 below ``MIN_STRATUM_ROWS`` rows. The shape's is never the smaller.
        """
        sizes = np.bincount(strata, minlength=n_strata).astype(np.float64)
        index = np.unique(strata, return_inverse=True)[1]
        scores = ndtri((rankdata(values) - 0.5) / len(values))
        factor = self.separation * self._factor_of_scores(scores, index, weights, len(values))
        shape = max(factor, self._factor_of_shape(scores, index, weights))
        return self._shares(factor, sizes), self._shares(shape, sizes)

    def _factor_of_shape(self, scores: FloatArray, index: IntArray, weights: FloatArray) -> float:
        """Judge whether strata differ in more than where they lie: beyond what chance does."""
        k, n = int(index.max()) + 1, len(scores)
        if k < 2 or n <= k or not self.strength:
            return 0.0
        middle = np.bincount(index, weights * scores) / np.bincount(index, weights)
        apart = scores - middle[index]  # from means: the median of two humps is one of them
        between, within = _variances(np.abs(apart), index, weights, n)
        by_spread = between / max(within, 1e-9) / f.isf(CHANCE, k - 1, n - k)
        bins = np.searchsorted(np.quantile(apart, np.linspace(0, 1, BINS + 1)[1:-1]), apart)
        counts = np.zeros((k, BINS))
        np.add.at(counts, (index, bins), weights * (n / weights.sum()))
        df, chi_square = _chi_square(_occupied(counts))
        by_form = chi_square / chi2.isf(CHANCE, df) if df else 0.0
        return max(0.0, 1.0 - 1.0 / max(by_spread, by_form, 1.0))

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
        seen = _occupied(counts)
        df, chi_square = _chi_square(seen)
        if df < 1:
            return np.zeros(len(counts))
        factor = self._factor(float(df), chi_square)
        if ordered:
            factor = max(factor, self._factor_of_trend(seen, int(sizes.sum())))
        return self._shares(self.separation * factor, sizes)

    def _factor_of_trend(self, counts: FloatArray, n: int) -> float:
        """Judge the normal scores of ordered levels, `counts` (n_strata, n_levels) of n rows."""
        n_strata, n_levels = counts.shape
        pool = counts.sum(axis=0) / counts.sum()
        scores = np.tile(ndtri(np.cumsum(pool) - pool / 2), n_strata)
        strata = np.repeat(np.arange(n_strata), n_levels)
        return self._factor_of_scores(scores, strata, counts.ravel(), n)

    def _factor_of_scores(
        self, scores: FloatArray, index: IntArray, weights: FloatArray, n: int
    ) -> float:
        """Judge weighted normal scores of n rows between the strata 0, 1, ... of `index`."""
        k = int(index.max()) + 1
        if k < 2 or n <= k:
            return 0.0
        between, within = _variances(scores, index, weights, n)
        return self._factor(within, between)

    def _factor(self, noise: float, signal: float) -> float:
        noise = self.strength * noise
        if signal <= 0:
            return 0.0
        return signal / (signal + noise) if self.soft else max(0.0, 1.0 - noise / signal)

    def _shares(self, factor: float, sizes: FloatArray) -> FloatArray:
        share = factor * sizes / (sizes + STRATUM_PRIOR)
        return np.where(sizes >= MIN_STRATUM_ROWS, share, 0.0)


def _variances(
    scores: FloatArray, index: IntArray, weights: FloatArray, n: int
) -> tuple[float, float]:
    """Give the variance of weighted scores of n rows between the strata of `index`, and within."""
    k = int(index.max()) + 1
    weights = weights * (n / weights.sum())
    size = np.bincount(index, weights)
    mean = np.bincount(index, weights * scores) / size
    grand = float((weights * scores).sum() / n)
    between = float((size * (mean - grand) ** 2).sum()) / (k - 1)
    within = float((weights * (scores - mean[index]) ** 2).sum()) / (n - k)
    return between, within


def _occupied(counts: FloatArray) -> FloatArray:
    """Give the table without rows and columns that hold nothing."""
    return counts[np.ix_(counts.sum(1) > 0, counts.sum(0) > 0)]


def _chi_square(counts: FloatArray) -> tuple[int, float]:
    """Give the degrees of freedom and chi-square of a table of counts."""
    df = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    if df < 1:
        return 0, 0.0
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    return df, float(((counts - expected) ** 2 / expected).sum())

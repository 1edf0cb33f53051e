"""The law of continuous conditions: a shrunk Gaussian per stratum, in normal scores.

Strata of fewer than `MIN_STRATUM_ROWS` rows take the law of all rows. While they hold fewer rows
than that all together, they have no part in the common law either: with the laws of the other
strata known, what is left over would be their rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from augment._typing import FloatArray, IntArray, State
from augment.data._pooling import MIN_STRATUM_ROWS

__all__ = ["StratumCopula"]

# A stratum's mean counts n / (n + PRIOR_ROWS); its covariance likewise, against the common one.
PRIOR_ROWS = 10.0


@dataclass(frozen=True)
class StratumCopula:
    """Gaussian scores with a mean and a covariance per stratum.

    Attributes
    ----------
    means : ndarray of shape (n_strata + 1, c), float64
        The last row is for strata never seen.
    factors : ndarray of shape (n_strata + 1, c, c), float64
        Lower triangular factors of the covariances.
    """

    means: FloatArray
    factors: FloatArray

    @classmethod
    def fit(
        cls, scores: FloatArray, strata: IntArray, n_strata: int, weights: FloatArray
    ) -> StratumCopula:
        """Learn the law; ``scores`` has shape (n, c)."""
        width = scores.shape[1]
        rows = np.bincount(strata[weights > 0], minlength=n_strata)
        small = rows < MIN_STRATUM_ROWS
        used = weights > 0
        if rows[small].sum() < MIN_STRATUM_ROWS and not small.all():
            used &= ~small[strata]
        scores, strata, weights = scores[used], strata[used], weights[used]
        n = len(scores)
        weights = weights * (n / weights.sum())
        size = np.bincount(strata, weights, minlength=n_strata)
        grand = np.average(scores, axis=0, weights=weights) if width else np.zeros(0)
        means = np.tile(grand, (n_strata + 1, 1))
        within = np.zeros((n_strata, width, width))
        for stratum in np.unique(strata):
            own, share = strata == stratum, size[stratum] / (size[stratum] + PRIOR_ROWS)
            if not small[stratum]:
                mean = np.average(scores[own], axis=0, weights=weights[own])
                means[stratum] = grand + share * (mean - grand)
            centred = scores[own] - means[stratum]
            within[stratum] = (weights[own, None] * centred).T @ centred
        # the common covariance, its correlations shrunk a little towards none
        common = within.sum(0) / n
        common += (np.diag(np.diag(common)) - common) * (PRIOR_ROWS / (n + PRIOR_ROWS))
        shared = (within + PRIOR_ROWS * common) / (size + PRIOR_ROWS)[:, None, None]
        shared[small] = common
        every = np.concatenate([shared, common[None]]) + 1e-9 * np.eye(width)
        factors: FloatArray = np.asarray(np.linalg.cholesky(every), dtype=np.float64)
        return cls(means, factors)

    def draw(self, strata: IntArray, noise: FloatArray) -> FloatArray:
        """Give scores of shape (n, c) from standard normal noise of that shape."""
        return self.means[strata] + np.einsum("nij,nj->ni", self.factors[strata], noise)

    def get_state(self) -> State:
        """Give the law as arrays."""
        return {"means": self.means, "factors": self.factors}

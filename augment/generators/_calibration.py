"""Putting the margins of decoded scores right, one score at a time."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from augment._typing import FloatArray, IntArray, State

__all__ = ["MarginCorrection"]

N_KNOTS = 201
"""Quantiles that describe a margin."""
_LEVELS = (np.arange(N_KNOTS) + 0.5) / N_KNOTS


class MarginCorrection:
    """A monotone map for each stratum and score that turns decoded margins into standard normals.

    A decoder gets dependence right before it gets margins right. Its own draws tell what each
    margin became; the map between their quantiles and those of the normal law repairs it. The
    map works row by row, so a row does not depend on what else was asked for.

    Parameters
    ----------
    knots : ndarray of shape (n_strata, n_scores, N_KNOTS)
        Quantiles of decoded draws.

    Examples
    --------
    >>> draws = np.random.default_rng(0).normal(3.0, 2.0, size=(4000, 1))
    >>> correction = MarginCorrection(MarginCorrection.knots_of(draws)[None])
    >>> corrected = correction.apply(draws, np.zeros(4000, dtype=np.int64))
    >>> bool(abs(corrected.mean()) < 0.01 and abs(corrected.std() - 1) < 0.01)
    True
    """

    def __init__(self, knots: FloatArray) -> None:
        self.knots = knots
        self.grid = ndtri(_LEVELS)

    @staticmethod
    def knots_of(draws: FloatArray) -> FloatArray:
        """Give the knots `(n_scores, N_KNOTS)` of draws of shape (n_draws, n_scores)."""
        knots = np.quantile(draws, _LEVELS, axis=0).T
        # Strictly rising knots keep the map invertible where a decoder is all but constant.
        return np.maximum.accumulate(knots, axis=1) + np.arange(N_KNOTS) * 1e-9

    def apply(self, scores: FloatArray, strata: IntArray) -> FloatArray:
        """Correct scores of shape (n, n_scores); beyond the outer knots the map is a shift."""
        corrected = np.empty_like(scores)
        for stratum in np.unique(strata):
            own = np.flatnonzero(strata == stratum)
            # Columns one after the other in memory: taking every d-th number of rows is slow.
            columns = np.ascontiguousarray(scores[own].T)
            for inside, knots in zip(columns, self.knots[stratum], strict=True):
                beyond = inside - np.clip(inside, knots[0], knots[-1])
                inside[:] = np.interp(inside, knots, self.grid) + beyond
            corrected[own] = columns.T
        return corrected

    def get_state(self) -> State:
        """Give the knots."""
        return {"knots": self.knots}

    @classmethod
    def from_state(cls, state: State) -> MarginCorrection:
        """Restore what `get_state` gave."""
        return cls(np.asarray(state["knots"]))

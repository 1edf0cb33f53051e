"""Conformal calibration of scores, by row or by patient, and the folds that give the scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from augment._errors import InvalidInputError
from augment._random import rng_for
from augment._typing import FloatArray, IntArray

__all__ = ["Calibration", "deal_folds"]

_ROUNDING = 1e-9
_POISSON = 2 / 3
"""The median of a Poisson law is its mean, less this, rounded up."""


@dataclass(frozen=True)
class Calibration:
    """Scores of normal rows that the model did not train on; higher is more normal.

    Attributes
    ----------
    scores : ndarray of float64 (m,)
        Increasing.
    mass : ndarray of float64 (m + 1,)
        Cumulated weights, from 0: each patient has weight 1, shared by the patient's rows.

    Notes
    -----
    Rows of one patient are not independent, but one row picked at random from each patient gives
    an exact p-value for a row of a new patient [2]_. Another pick gives another one; the p-value
    here is the median over all picks. How many picked rows look more unusual has nearly a Poisson
    law [3]_ whose mean is the mass, and its median follows. No p-value guarantees more than twice
    its level then; in simulations with 10 to 50 patients the level is kept. The mean over all
    picks, which weighs rows by patient, is far too cautious: with ten patients it flags 1.5 % to
    5 % instead of 9 %.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world", 2005.
    .. [2] R. Dunn, L. Wasserman and A. Ramdas, "Distribution-free prediction sets for two-layer
       hierarchical models", JASA, 2023.
    .. [3] K. P. Choi, "On the medians of gamma distributions and an equation of Ramanujan",
       Proceedings of the AMS, 1994.

    Examples
    --------
    >>> calibration = Calibration.of(np.arange(9.0))
    >>> calibration.p_values(np.array([-1.0, 0.0, 8.5])).tolist()
    [0.1, 0.2, 1.0]
    >>> calibration.threshold(0.2)
    1.0
    """

    scores: FloatArray
    mass: FloatArray

    @classmethod
    def of(cls, scores: FloatArray, groups: IntArray | None = None) -> Calibration:
        """Sort scores, and weigh them by patient where patients are named."""
        order = np.argsort(scores, kind="stable")
        weight = np.ones(len(scores))
        if groups is not None:
            _, place, size = np.unique(groups, return_inverse=True, return_counts=True)
            weight = 1.0 / size[place]
        return cls(scores[order], np.concatenate([[0.0], np.cumsum(weight[order])]))

    @property
    def n_units(self) -> float:
        """The number of patients, or of rows where patients are not named."""
        return float(np.rint(self.mass[-1]))

    def p_values(self, scores: FloatArray) -> FloatArray:
        """Give the conformal p-value of each score: at least 1 / (units + 1)."""
        mass = self.mass[np.searchsorted(self.scores, scores, side="right")]
        below = np.maximum(np.ceil(mass - _POISSON - _ROUNDING), 0.0)
        return np.asarray((1.0 + below) / (self.n_units + 1.0))

    def threshold(self, rate: float) -> float:
        """Give the score below which the p-value is at most `rate`; minus infinity if none is."""
        allowed = np.floor(rate * (self.n_units + 1.0) - 1.0 + _ROUNDING)
        if allowed < 0:
            return -np.inf
        place = int(np.searchsorted(self.mass[1:], allowed + _POISSON + _ROUNDING, side="right"))
        return float(self.scores[place]) if place < len(self.scores) else np.inf


def deal_folds(
    n_rows: int, groups: IntArray | None, n_folds: int, least: int, seed: int
) -> IntArray:
    """Deal rows into folds such that each fold leaves enough rows to learn from.

    Parameters
    ----------
    n_rows : int
    groups : ndarray of int64 (n_rows,) or None
        The patient of each row; rows of one patient stay together.
    n_folds : int
        As many as this, or more where rows are few.
    least : int
        Rows that must be left to learn from.
    seed : int

    Returns
    -------
    ndarray of int64 (n_rows,)
        The fold of each row.

    Raises
    ------
    InvalidInputError
        If there are too few rows or patients.

    Examples
    --------
    >>> np.bincount(deal_folds(12, None, 5, least=10, seed=0)).tolist()
    [2, 2, 2, 2, 2, 2]
    """
    units = np.arange(n_rows) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = int(units.max(initial=-1)) + 1
    sizes = np.bincount(units, minlength=n_units)
    rng = rng_for(seed, 0)
    order = np.argsort(rng.random(n_units), kind="stable")
    while n_folds <= n_units:
        fold_of = np.empty(n_units, dtype=np.int64)
        fold_of[order] = np.arange(n_units) % n_folds
        largest = np.bincount(fold_of, weights=sizes, minlength=n_folds).max()
        if n_rows - largest >= least:
            return fold_of[units]
        n_folds += 1
    if 1 < n_units < n_folds and n_rows - sizes.max() >= least:
        return units.astype(np.int64)
    raise InvalidInputError(
        f"Every row must be judged by a model that learned from {least} other rows (of other "
        f"patients, where groups are given); got n_samples={n_rows} of {n_units}. Collect more "
        "rows, or assume fewer of them abnormal (trim)."
    )

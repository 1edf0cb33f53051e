"""Which rows each member of an ensemble leaves out."""

from __future__ import annotations

import numpy as np

from augment._random import rng_for
from augment._typing import BoolArray, IntArray

__all__ = ["leave_out"]


def leave_out(
    strata: IntArray,
    groups: IntArray | None,
    n_members: int,
    fraction: float,
    seed: int,
) -> BoolArray:
    """Choose the rows that each member is judged on, and does not learn from.

    Rows are dealt into folds, stratum by stratum, so that each fold holds about the same mix;
    rows of one group stay together. Member `k` leaves out fold `k`; after the last fold the rows
    are dealt anew.

    Parameters
    ----------
    strata : ndarray of int64 (n,)
        Labels by which folds are balanced.
    groups : ndarray of int64 (n,) or None
        The patient of each row.
    n_members : int
        Members of the ensemble.
    fraction : float
        Share of rows that a member leaves out, about.
    seed : int
        Seed of the dealing.

    Returns
    -------
    ndarray of bool (n_members, n)
        True where a member leaves a row out. At least one row is left out, and one kept, by each.

    Examples
    --------
    >>> left = leave_out(np.zeros(10, dtype=np.int64), None, 5, 0.2, seed=0)
    >>> left.sum(axis=0).tolist()
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    units = np.arange(len(strata)) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = int(units.max()) + 1
    unit_stratum = np.zeros(n_units, dtype=np.int64)
    unit_stratum[units] = strata
    n_folds = min(max(2, round(1 / fraction)), n_units)
    left_out = np.zeros((n_members, len(strata)), dtype=bool)
    for member in range(n_members):
        deal, fold = divmod(member, n_folds)
        order = np.lexsort((rng_for(seed, deal).random(n_units), unit_stratum))
        fold_of = np.empty(n_units, dtype=np.int64)
        fold_of[order] = np.arange(n_units) % n_folds
        left_out[member] = fold_of[units] == fold
    if n_units == 1:  # one patient alone cannot be held out and learned from: judge in sample
        left_out[:] = False
    return left_out

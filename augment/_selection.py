"""How many synthetic rows to keep: the folds that compare, and the rule that decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from augment._random import spawn_seeds
from augment._typing import FloatArray, IntArray

__all__ = [
    "LOG_LOSS_PER_AUC",
    "N_ERRORS",
    "N_ERRORS_ALONE",
    "Fold",
    "choose",
    "evidence",
    "fold_gain",
    "n_repeats",
    "plan_folds",
    "row_gain",
    "unharmed",
]

Fold = tuple[IntArray, IntArray]
"""Positions of the rows to learn from, and of the rows to be judged on."""

N_ERRORS = 0.5
"""How many standard errors by rows a gain must be worth, where the ROC AUC guards the choice.

More asks for proof that 50 rows cannot give. It is the guard that keeps useless rows out."""

N_ERRORS_ALONE = 1.0
"""The same for a score of the user's, which has no guard, and an error by folds."""

LOG_LOSS_PER_AUC = 2.0
"""What one of ROC AUC counts in log loss: 0.005 of the one is worth 0.01 of the other."""

_ATTEMPTS = 20
# Rows are divided anew until about so many have been judged, at most six times. What an unstable
# classifier gains from a few rows depends on the division: for a decision tree on 40 rows it was
# the larger part of the noise.
_ROWS_JUDGED = 400
_MOST_REPEATS = 6
# Differences below this are rounding errors of equal scores.
_ROUNDING = 1e-12


def fold_gain(scores: FloatArray, test_train_ratio: float) -> tuple[FloatArray, FloatArray]:
    """Give the gain of each candidate over the first, and its corrected standard error, by folds.

    The variance of the mean is taken as ``(1 / J + n_test / n_train)`` times that of the ``J``
    paired differences, because training parts overlap (Nadeau and Bengio, Inference for the
    generalization error, Machine Learning 52, 2003).

    Parameters
    ----------
    scores : ndarray of shape (n_candidates, J)
        One score for each fold; higher is better.
    test_train_ratio : float
        Rows of a test part divided by rows of a training part.

    Returns
    -------
    gain, standard_error : ndarray of shape (n_candidates,)

    Examples
    --------
    >>> scores = np.array([[0.5] * 4, [0.51, 0.53, 0.52, 0.52]])
    >>> gain, error = fold_gain(scores, test_train_ratio=0.25)
    >>> gain.round(3).tolist(), error.round(4).tolist()
    ([0.0, 0.02], [0.0, 0.0058])
    """
    differences = _differences(scores)
    spread = differences.std(axis=-1, ddof=1)
    return differences.mean(axis=-1), spread * np.sqrt(1 / scores.shape[-1] + test_train_ratio)


def row_gain(
    scores: Sequence[FloatArray],
    tests: Sequence[IntArray],
    units: IntArray | None = None,
    weight: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Give the gain of each candidate over the first, and its standard error, by rows.

    A row's paired difference is its mean over the divisions in which it was judged, so that what
    depends on the division averages out; the error is that of a mean over rows (or patients).

    Parameters
    ----------
    scores : sequence of ndarray of shape (n_candidates, n_test)
        For each fold the score of each of its test rows; higher is better.
    tests : sequence of ndarray of int64 (n_test,)
        Positions of these rows.
    units : ndarray of int64 (n,), default=None
        The patient of each row; rows of one patient are no independent evidence.
    weight : ndarray of shape (n,), default=None
        How much each row counts.

    Returns
    -------
    gain, standard_error : ndarray of shape (n_candidates,)

    Examples
    --------
    >>> scores = [np.array([[0.1, 0.1], [0.2, 0.4]]), np.array([[0.3, 0.3], [0.5, 0.5]])]
    >>> gain, error = row_gain(scores, [np.array([0, 1]), np.array([2, 3])])
    >>> gain.round(3).tolist(), error.round(3).tolist()
    ([0.0, 0.2], [0.0, 0.041])
    >>> row_gain(scores, [np.array([0, 1]), np.array([1, 0])])[0].round(3).tolist()
    [0.0, 0.2]
    """
    rows, judged = np.unique(np.concatenate(tests), return_inverse=True)
    times = np.bincount(judged)
    differences = _differences(np.concatenate(scores, axis=1))
    by_row = np.stack([np.bincount(judged, weights=d) for d in differences]) / times
    share = np.ones(len(rows)) if weight is None else weight[rows]
    share = share / share.sum()
    gain = by_row @ share
    own = np.arange(len(rows)) if units is None else units[rows]
    owner = np.unique(own, return_inverse=True)[1]
    parts = (by_row - gain[:, None]) * share
    sums = np.stack([np.bincount(owner, weights=part) for part in parts])
    n_units = sums.shape[1]
    error = np.sqrt(np.square(sums).sum(axis=1) * n_units / max(n_units - 1, 1))
    return gain, error


def evidence(
    scores: Sequence[FloatArray],
    folds: Sequence[Fold],
    weight: FloatArray | None,
    groups: Any,
    *,
    by_row: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give the score of each candidate on each fold, its gain over the first, and the error of it.

    Parameters
    ----------
    scores : sequence of ndarray of shape (n_candidates, n_test) or (n_candidates, 1)
        For each fold a score of each test row, or, without ``by_row``, one of all of them.
    folds : sequence of Fold
    weight, groups : ndarray of shape (n,) or None
        How much each row counts, and its patient.
    by_row : bool
        Whether there is a score of each row.

    Returns
    -------
    columns : ndarray of shape (n_candidates, n_folds)
    gain, standard_error : ndarray of shape (n_candidates,)
    """
    if weight is None:
        weight = np.ones(1 + max(int(rows.max()) for fold in folds for rows in fold))
    if not by_row:
        columns = np.concatenate(scores, axis=1)
        share = np.mean([weight[test].sum() / weight[train].sum() for train, test in folds])
        return columns, *fold_gain(columns, float(share))
    tests = [test for _, test in folds]
    parts = zip(scores, tests, strict=True)
    columns = np.stack([np.average(p, axis=1, weights=weight[t]) for p, t in parts], axis=1)
    units = None if groups is None else np.unique(groups, return_inverse=True)[1]
    return columns, *row_gain(scores, tests, units, weight)


def _differences(scores: FloatArray) -> FloatArray:
    """Give paired differences to the first candidate, without rounding errors."""
    differences = scores - scores[0]
    return np.where(np.abs(differences) < _ROUNDING, 0.0, differences)


def choose(
    gain: FloatArray,
    error: FloatArray,
    allowed: Sequence[int],
    *,
    n_errors: float,
    bonus: FloatArray | None = None,
) -> int:
    """Choose how many rows to add; none, unless some are better.

    The allowed candidate with the largest sum of gain and bonus is kept if its gain exceeds
    ``n_errors`` times its standard error.

    Parameters
    ----------
    gain, error : ndarray of shape (n_candidates,)
        Gain over no rows at all, and its standard error. The first candidate adds no rows.
    allowed : sequence of int
        Positions of the candidates that take part; the first always does.
    n_errors : float
        How clear a gain must be.
    bonus : ndarray of shape (n_candidates,), default=None
        A second gain in the same units, which helps to tell candidates apart.

    Returns
    -------
    int
        Position of the chosen candidate.

    Examples
    --------
    >>> gain, error = np.array([0, 0.1, 0.3, 0.2]), np.array([0, 0.1, 0.2, 0.1])
    >>> [choose(gain, error, [0, 1, 2, 3], n_errors=n) for n in (0.5, 1, 2)]
    [2, 2, 0]
    >>> choose(gain, error, [1, 3], n_errors=1)
    3
    >>> choose(gain, error, [1, 2, 3], n_errors=1, bonus=np.array([0, 0, 0, 0.2]))
    3
    """
    kept = np.union1d(0, allowed).astype(np.int64)
    value = gain if bonus is None else gain + bonus
    best = int(kept[value[kept].argmax()])
    return best if gain[best] > n_errors * error[best] else 0


def unharmed(guarded: FloatArray, doses: Sequence[float]) -> list[int]:
    """Give the candidates that do not lower a second score.

    The largest dose shows harm most plainly. If it lowers the mean score, no candidate is left:
    few rows do less harm than many of the same kind, but also less than a few folds can show.

    Parameters
    ----------
    guarded : ndarray of shape (n_candidates, n_folds)
        Higher is better. The first candidate adds no rows.
    doses : sequence of n_candidates float
        Synthetic rows per real row, times what each counts.

    Returns
    -------
    list of int
        Positions; the first is always among them.

    Examples
    --------
    >>> unharmed(np.array([[0.7, 0.7], [0.6, 0.7], [0.7, 0.8]]), [0, 1, 5])
    [0, 2]
    >>> unharmed(np.array([[0.7, 0.7], [0.8, 0.7], [0.7, 0.6]]), [0, 1, 5])
    [0]
    """
    gains = (guarded - guarded[0]).mean(axis=1)
    if gains[np.argmax(doses)] < -_ROUNDING:
        return [0]
    return [int(i) for i in np.flatnonzero(gains > -_ROUNDING)]


def n_repeats(n_rows: int) -> int:
    """Say how often rows (or patients) are divided: ``400 / n_rows``, from once to six times.

    Examples
    --------
    >>> [n_repeats(n) for n in (50, 100, 150, 200, 300, 1000)]
    [6, 4, 3, 2, 1, 1]
    """
    return min(_MOST_REPEATS, max(1, round(_ROWS_JUDGED / max(1, n_rows))))


def plan_folds(
    X: Any, codes: IntArray, groups: Any, counted: IntArray, cv: Any, seed: int
) -> list[Fold]:
    """Divide the rows for the comparison.

    Parameters
    ----------
    X : table or array of n rows
        Read only by a splitter of the user's.
    codes : ndarray of int64 (n,)
        The class of each row.
    groups : ndarray of shape (n,) or None
        Rows of one group are never on both sides of a division.
    counted : ndarray of int64
        Positions of the rows that have any weight; no other is in a fold.
    cv : int, None, splitter or iterable
        A number of folds (None: 5) is divided here: stratified, shuffled, and with the rows of
        classes that have fewer rows (or groups) than folds in every training part. If fewer than
        two classes have enough, there are fewer folds. Few rows are divided up to six times.
    seed : int
        Of the shuffling.

    Returns
    -------
    list of Fold
        Empty if nothing can be compared. A row whose class is in no other part is not judged, and
        nothing is learned from one class alone.
    """
    if cv is None or isinstance(cv, int | np.integer):
        own = None if groups is None else groups[counted]
        n_folds = 5 if cv is None else int(cv)
        n_units = len(counted) if own is None else len(np.unique(own))
        folds = [
            (counted[train], counted[test])
            for repeat in spawn_seeds(seed, n_repeats(n_units))
            for train, test in _stratified(codes[counted], own, n_folds, repeat)
        ]
    else:
        given = check_cv(cv, codes, classifier=True).split(X, codes, groups)
        folds = [_only(counted, groups, train, test) for train, test in given]
    judged = [(train, test[np.isin(codes[test], codes[train])]) for train, test in folds]
    return [fold for fold in judged if len(np.unique(codes[fold[0]])) > 1 and len(fold[1])]


def _only(counted: IntArray, groups: Any, train: IntArray, test: IntArray) -> Fold:
    """Leave out rows without weight, and training rows of a group that is tested."""
    train, test = train[np.isin(train, counted)], test[np.isin(test, counted)]
    if groups is not None:
        train = train[~np.isin(groups[train], groups[test])]
    return train, test


def _stratified(codes: IntArray, groups: Any, n_folds: int, seed: int) -> list[Fold]:
    """Give stratified folds in which every common class is on both sides, where there are such."""
    units = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1]
    counts = np.array([len(np.unique(units[codes == code])) for code in np.unique(codes)])
    if len(counts) < 2 or np.sort(counts)[-2] < 2:
        return []
    n_folds = min(n_folds, int(np.sort(counts)[-2]))
    common = np.flatnonzero(np.isin(codes, np.unique(codes)[counts >= n_folds]))
    n_common = len(np.unique(codes[common]))
    tests: list[IntArray] = []
    for attempt in spawn_seeds(seed, _ATTEMPTS):
        tests = _test_parts(codes, units, common, n_folds, attempt)
        if all(len(np.unique(codes[test])) == n_common for test in tests):
            break
    return [(np.flatnonzero(~np.isin(units, units[test])), test) for test in tests]


def _test_parts(
    codes: IntArray, units: IntArray, common: IntArray, n_folds: int, seed: int
) -> list[IntArray]:
    """Cut the rows of common classes into test parts."""
    X, y = np.zeros(len(common)), codes[common]
    if len(np.unique(units)) == len(units):
        parts = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(X, y)
    else:
        grouped = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        parts = grouped.split(X, y, units[common])
    return [common[test] for _, test in parts]

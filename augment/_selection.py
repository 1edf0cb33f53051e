"""How many synthetic rows to keep: the folds that compare, and the rule that decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from augment._random import spawn_seeds
from augment._typing import FloatArray, IntArray

__all__ = ["Fold", "choose", "n_repeats", "paired_gain", "plan_folds", "unharmed"]

Fold = tuple[IntArray, IntArray]
"""Positions of the rows to learn from, and of the rows to be judged on."""

_ATTEMPTS = 20
# Rows are divided anew until about so many have been judged, at most three times. With fewer, the
# division itself decides too often; further ones add little, because training parts overlap.
_ROWS_JUDGED = 300
_MOST_REPEATS = 3
# Differences below this are rounding errors of equal scores.
_ROUNDING = 1e-12


def paired_gain(differences: FloatArray, test_train_ratio: float) -> tuple[FloatArray, FloatArray]:
    """Give the mean of paired differences, and its corrected standard error.

    The variance of the mean is taken as ``(1 / J + n_test / n_train)`` times that of the ``J``
    differences, because training parts overlap (Nadeau and Bengio, Inference for the
    generalization error, Machine Learning 52, 2003).

    Parameters
    ----------
    differences : ndarray of shape (..., J)
        One difference for each fold.
    test_train_ratio : float
        Rows of a test part divided by rows of a training part.

    Returns
    -------
    gain, standard_error : ndarray of shape (...)

    Examples
    --------
    >>> gain, error = paired_gain(np.array([0.01, 0.03, 0.02, 0.02]), test_train_ratio=0.25)
    >>> round(float(gain), 3), round(float(error), 4)
    (0.02, 0.0058)
    """
    values = np.where(np.abs(differences) < _ROUNDING, 0.0, differences)
    spread = values.std(axis=-1, ddof=1)
    error = spread * np.sqrt(1 / values.shape[-1] + test_train_ratio)
    return np.asarray(values.mean(axis=-1)), np.where(error < _ROUNDING, 0.0, error)


def choose(
    scores: FloatArray,
    ratios: Sequence[float],
    test_train_ratio: float,
    allowed: Sequence[int] | None = None,
) -> int:
    """Choose how many rows to add; none, unless some are clearly better.

    The candidate with the best mean is kept only if its paired gain over no rows at all exceeds
    one corrected standard error of that gain. Then the smallest ratio that is within one paired
    standard error of it is taken instead, with the better weight where there are several. That
    second error is the plain one: where rows help, the corrected one would give away much of it.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates, n_folds)
        Higher is better. The first candidate adds no rows.
    ratios : sequence of n_candidates float
        Synthetic rows per real row.
    test_train_ratio : float
        Rows of a test part divided by rows of a training part.
    allowed : sequence of int, default=None
        Positions of the candidates that take part; the first always does. None: all.

    Returns
    -------
    int
        Position of the chosen candidate.

    Examples
    --------
    >>> scores = np.array([[0.5, 0.6, 0.4], [0.6, 0.71, 0.5], [0.6, 0.72, 0.49]])
    >>> choose(scores, [0, 1, 5], test_train_ratio=0.5)
    1
    >>> choose(scores[:, :2] - [[0.0], [0.05], [0.1]], [0, 1, 5], test_train_ratio=1.0)
    1
    >>> choose(scores, [0, 1, 5], test_train_ratio=0.5, allowed=[2])
    2
    """
    kept = np.union1d(0, range(len(scores)) if allowed is None else allowed).astype(np.int64)
    best = kept[scores[kept].mean(axis=1).argmax()]
    gain, error = paired_gain(scores[best] - scores[0], test_train_ratio)
    if not gain > error:
        return 0
    behind, doubt = paired_gain(scores[best] - scores, 0.0)
    close = [int(i) for i in kept if i and behind[i] <= doubt[i]]
    return min(close, key=lambda i: (ratios[i], behind[i]))


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
    """Say how often rows (or patients) are divided: ``300 / n_rows``, from once to three times.

    Examples
    --------
    >>> [n_repeats(n) for n in (50, 100, 150, 200, 300, 1000)]
    [3, 3, 2, 2, 1, 1]
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
        two classes have enough, there are fewer folds. Few rows are divided up to three times.
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

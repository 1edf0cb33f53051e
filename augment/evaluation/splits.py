"""The splits: repeated, stratified, by patient, and aware of classes that are too rare."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from augment._errors import InvalidInputError, listed
from augment._random import rng_for
from augment._typing import IntArray
from augment.evaluation.inputs import Cohort

__all__ = ["Split", "nested_subset", "plan_splits", "scorable_classes"]

_ATTEMPTS = 50


@dataclasses.dataclass(frozen=True)
class Split:
    """One training and one test part.

    Attributes
    ----------
    repeat, split : int
        Which repetition, and which part of it.
    train, test : ndarray of int64
        Row positions. Together they may lack rows of rare classes whose patient is tested.
    """

    repeat: int
    split: int
    train: IntArray
    test: IntArray


def scorable_classes(cohort: Cohort, n_splits: int) -> IntArray:
    """Find the classes that can be in every test part.

    Parameters
    ----------
    cohort : Cohort
        The rows.
    n_splits : int
        Parts of one repetition.

    Returns
    -------
    ndarray of int64
        Classes with at least ``n_splits`` rows, in as many groups.

    Raises
    ------
    InvalidInputError
        If fewer than two are left.
    """
    units = np.arange(len(cohort)) if cohort.groups is None else cohort.groups
    counts = [np.unique(units[cohort.codes == k]).size for k in range(cohort.classes.size)]
    found = np.flatnonzero(np.array(counts) >= n_splits)
    if found.size < 2:
        what = "rows" if cohort.groups is None else "groups"
        table = {str(c): n for c, n in zip(cohort.classes, counts, strict=True)}
        raise InvalidInputError(
            f"at least two classes must have n_splits={n_splits} {what} or more, so that each can "
            f"be in every test part; {what} per class: {table}. Lower n_splits, or merge classes."
        )
    return np.asarray(found, dtype=np.int64)


def _folds(cohort: Cohort, rows: IntArray, n_splits: int, seed: int) -> list[IntArray]:
    """Cut the scorable rows into test parts."""
    codes = cohort.codes[rows]
    if cohort.groups is None:
        plain = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
        return [rows[test] for _, test in plain.split(np.zeros(rows.size), codes)]
    grouped = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    parts = grouped.split(np.zeros(rows.size), codes, cohort.groups[rows])
    return [rows[test] for _, test in parts]


def _complete(cohort: Cohort, rows: IntArray, folds: list[IntArray]) -> bool:
    """Tell whether every class is in every test part and in every training part."""
    wanted = set(np.unique(cohort.codes[rows]))
    return all(
        set(cohort.codes[test]) == wanted and set(cohort.codes[np.setdiff1d(rows, test)]) == wanted
        for test in folds
    )


def _training_rows(cohort: Cohort, test: IntArray) -> IntArray:
    """All rows but the tested ones, and no row of a tested patient."""
    if cohort.groups is None:
        return np.setdiff1d(np.arange(len(cohort)), test)
    return np.flatnonzero(~np.isin(cohort.groups, cohort.groups[test]))


def plan_splits(cohort: Cohort, n_splits: int, n_repeats: int, seed: int) -> list[Split]:
    """Draw all splits.

    Rows of classes that are not scorable are in every training part, unless their patient is in
    the test part.

    Parameters
    ----------
    cohort : Cohort
        The rows.
    n_splits, n_repeats : int
        Parts per repetition, and repetitions, each shuffled anew.
    seed : int
        Parent seed.

    Returns
    -------
    list of Split
        ``n_splits * n_repeats`` of them, repetition by repetition.

    Raises
    ------
    InvalidInputError
        If groups are so uneven that no division has every class in every part.
    """
    kept = scorable_classes(cohort, n_splits)
    rows = np.flatnonzero(np.isin(cohort.codes, kept))
    splits = []
    for repeat in range(n_repeats):
        for attempt in range(_ATTEMPTS):
            fold_seed = int(rng_for(seed, repeat, attempt).integers(2**31))
            folds = _folds(cohort, rows, n_splits, fold_seed)
            if _complete(cohort, rows, folds):
                break
        else:
            raise InvalidInputError(
                f"no division into n_splits={n_splits} parts by groups puts each of the classes "
                f"{listed(cohort.classes[kept].tolist())} in every part ({_ATTEMPTS} were tried). "
                "Lower n_splits."
            )
        splits += [
            Split(repeat, i, _training_rows(cohort, test), test) for i, test in enumerate(folds)
        ]
    return splits


def nested_subset(cohort: Cohort, rows: IntArray, sizes: list[int], seed: int) -> list[IntArray]:
    """Draw stratified subsets of ``rows``, each containing the smaller ones.

    Parameters
    ----------
    cohort : Cohort
        The rows; groups stay whole as far as sizes allow (see Notes).
    rows : ndarray of int64
        What to draw from.
    sizes : list of int
        Wanted numbers of rows.
    seed : int
        Seed of the order.

    Returns
    -------
    list of ndarray of int64
        One subset per size.

    Notes
    -----
    Rows are put in one order in which every prefix has nearly the class shares of the whole:
    within a class at random, across classes by rank. With groups, patients are ordered at random
    and their rows follow each other, so that a prefix is a number of patients. A class so rare that
    the smallest subset would lack it comes first, because no classifier learns from one class.
    """
    rng = rng_for(seed)
    shuffled = rng.permutation(rows)
    if cohort.groups is not None:
        first = {group: i for i, group in reversed(list(enumerate(cohort.groups[shuffled])))}
        place = np.array([first[group] for group in cohort.groups[shuffled]], dtype=np.float64)
    else:
        codes = cohort.codes[shuffled]
        place = np.empty(shuffled.size)
        for code in np.unique(codes):
            own = np.flatnonzero(codes == code)
            place[own] = (np.arange(own.size) + rng.uniform()) / own.size
    ordered = _all_classes_first(cohort, shuffled[np.argsort(place, kind="stable")], min(sizes))
    return [ordered[:size] for size in sizes]


def _all_classes_first(cohort: Cohort, rows: IntArray, size: int) -> IntArray:
    """Bring one patient of each class forward that the first ``size`` rows lack."""
    codes = cohort.codes[rows]
    lacking = np.setdiff1d(codes, codes[:size])
    if not lacking.size:
        return rows
    first = np.array([np.flatnonzero(codes == code)[0] for code in lacking])
    if cohort.groups is not None:
        owners = cohort.groups[rows]
        first = np.flatnonzero(np.isin(owners, owners[first]))
    return np.concatenate([rows[first], np.delete(rows, first)])

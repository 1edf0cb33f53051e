"""Slices to learn from, and slices of other subjects to judge by."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from augment._errors import AugmentWarning, InvalidInputError, listed
from augment._random import rng_for, seed_from
from augment._typing import IntArray, RandomState
from augment.data._labels import is_continuous
from augment.data._slice_set import SliceSet

__all__ = ["lone_classes", "split_slices"]

_ORDERS = 200
_LOST = 100.0
"""Misfit of a class that would be left with nothing to learn from."""


def split_slices(
    slices: SliceSet,
    *,
    holdout_fraction: float = 0.3,
    n_per_class: int | None = None,
    random_state: RandomState = None,
) -> tuple[SliceSet, SliceSet]:
    """Divide slices so that no subject is on both sides.

    Parameters
    ----------
    slices : SliceSet
        With ``groups``; without them each slice counts as a subject, with a warning.
    holdout_fraction : float
        Share of the slices that is held out, about; from 0.05 to 0.5. Classes are spread as
        evenly as whole subjects allow.
    n_per_class : int, optional
        Slices of each class to learn from, at most: subjects take turns in giving one.
    random_state : None, int, RandomState or Generator
        Seed.

    Returns
    -------
    train, holdout : SliceSet

    Raises
    ------
    InvalidInputError
        If there are fewer than two subjects, each class has one only, or a parameter is out of
        range.

    Warns
    -----
    AugmentWarning
        If nothing says which slices are of one subject.

    Examples
    --------
    >>> from augment.data import make_phantoms
    >>> slices = make_phantoms(n_subjects=10, n_slices=2, size=16, random_state=0)
    >>> train, holdout = split_slices(slices, holdout_fraction=0.4, random_state=0)
    >>> set(train.groups) & set(holdout.groups), len(train), len(holdout)
    (set(), 12, 8)
    """
    if not 0.05 <= holdout_fraction <= 0.5:
        raise InvalidInputError(
            f"holdout_fraction must lie between 0.05 and 0.5; got {holdout_fraction}."
        )
    if n_per_class is not None and n_per_class < 1:
        raise InvalidInputError(f"n_per_class must be at least 1; got {n_per_class}.")
    seed = seed_from(random_state)
    labels = np.zeros(len(slices)) if slices.y is None else np.asarray(slices.y)
    codes = np.unique(labels, return_inverse=True)[1]
    subjects = _subjects(slices)
    _check_classes(slices.y, subjects)
    held_out = _held_out(codes, subjects, holdout_fraction, seed)
    train = np.flatnonzero(~np.isin(np.arange(len(slices)), held_out))
    if n_per_class is not None:
        train = _taken_in_turns(train, codes, subjects, n_per_class, seed)
    return slices[train], slices[held_out]


def _subjects(slices: SliceSet) -> IntArray:
    if slices.groups is None:
        warnings.warn(
            "Nothing says which slices are of one subject, so slices are divided one by one. If "
            "any subject has several, both sides share subjects and every figure is too good. "
            "Give a table with a column of subjects.",
            AugmentWarning,
            stacklevel=4,
        )
        return np.arange(len(slices))
    codes: IntArray = np.unique(slices.groups, return_inverse=True)[1].astype(np.int64)
    if codes.max() == 0:
        raise InvalidInputError(
            f"All slices are of one subject ({slices.groups[0]!r}), so none can be held out. Read "
            "more subjects, or name another column of subjects."
        )
    return codes


def _check_classes(y: pd.Series | np.ndarray | None, subjects: IntArray) -> None:
    """Refuse classes of one subject each: whoever is held out takes the class along."""
    lone = lone_classes(y, subjects)
    if lone and len(lone) == len(np.unique(np.asarray(y))):
        raise InvalidInputError(
            f"Each class has one subject only ({listed(lone)}): whoever is held out takes the "
            "class along, so nothing can be judged. Read more subjects."
        )


def lone_classes(y: pd.Series | np.ndarray | None, subjects: np.ndarray | None) -> list[str]:
    """Name the classes that have one subject only; a continuous label makes none."""
    if y is None or subjects is None:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AugmentWarning)
        if is_continuous(pd.Series(y)):
            return []
    counts = pd.Series(subjects).groupby(np.asarray(y)).nunique()
    return [str(name) for name in counts.index[counts == 1]]


def _held_out(codes: IntArray, subjects: IntArray, fraction: float, seed: int) -> IntArray:
    """Choose subjects to hold out, so that each class comes near to the wanted share.

    Subjects are put in random orders; of all beginnings of all orders the best is taken.
    """
    counts = np.zeros((subjects.max() + 1, codes.max() + 1))
    np.add.at(counts, (subjects, codes), 1)
    total = counts.sum(axis=0)
    rng = rng_for(seed)
    best, least = np.empty(0, np.int64), np.inf
    for _ in range(_ORDERS):
        order = rng.permutation(len(counts))
        taken = counts[order].cumsum(axis=0)[:-1]
        misfit = np.abs(taken / (total * fraction) - 1).sum(axis=1)
        misfit += _LOST * (taken == total).sum(axis=1)
        at = int(misfit.argmin())
        if misfit[at] < least:
            best, least = order[: at + 1], float(misfit[at])
    return np.flatnonzero(np.isin(subjects, best))


def _taken_in_turns(
    rows: IntArray, codes: IntArray, subjects: IntArray, n_per_class: int, seed: int
) -> IntArray:
    """Take some rows of each class, as many of each subject as can be."""
    chosen = []
    for code in np.unique(codes[rows]):
        order = rng_for(seed, int(code)).permutation(rows[codes[rows] == code])
        turn = pd.Series(order).groupby(subjects[order]).cumcount().to_numpy()
        chosen.append(order[np.argsort(turn, kind="stable")][:n_per_class])
    return np.sort(np.concatenate(chosen))

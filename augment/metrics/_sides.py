"""Rows to compare: equal numbers a side and a class, no patient on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from augment._errors import InvalidInputError
from augment._random import rng_for
from augment._typing import IntArray

__all__ = ["Rows", "draw_sides", "group_codes", "halves", "label_codes"]


@dataclass(frozen=True)
class Rows:
    """The class and the patient of each row of one sample, as whole numbers."""

    labels: IntArray
    groups: IntArray

    def __len__(self) -> int:
        return len(self.labels)


def group_codes(groups: Any, n: int, name: str = "groups") -> IntArray:
    """Give the group of each row as a whole number; without groups each row is its own."""
    if groups is None:
        return np.arange(n)
    values = np.asarray(groups)
    if values.shape != (n,):
        raise InvalidInputError(
            f"{name} must have one value for each of the {n} rows; found shape {values.shape}."
        )
    return np.asarray(np.unique(values.astype(str), return_inverse=True)[1], dtype=np.int64)


def label_codes(labels: list[Any], sizes: list[int]) -> tuple[list[IntArray], list[Any]]:
    """Give the class of each row of several samples in one numbering, and the classes.

    A sample without labels is fine only if none has labels: then all rows are of one class.
    """
    if all(values is None for values in labels):
        return [np.zeros(n, dtype=np.int64) for n in sizes], []
    arrays = []
    for values, n in zip(labels, sizes, strict=True):
        array = None if values is None else np.asarray(values)
        if array is None or array.shape != (n,):
            found = "none" if array is None else f"shape {array.shape}"
            raise InvalidInputError(
                "Labels must be given for every sample or for none, one for each row; found "
                f"{found} for a sample of {n} rows."
            )
        arrays.append(array.astype(object))
    classes = sorted({value for array in arrays for value in array}, key=str)
    number = {value: i for i, value in enumerate(classes)}
    codes = [np.array([number[value] for value in array], dtype=np.int64) for array in arrays]
    return codes, classes


def halves(rows: Rows, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Split rows in two halves of different patients, class by class."""
    sides: tuple[list[int], list[int]] = ([], [])
    names, first = np.unique(rows.groups, return_index=True)
    kinds = rows.labels[first]
    for kind in np.unique(kinds):
        filled = [0, 0]
        for name in rng.permutation(names[kinds == kind]):
            members = np.flatnonzero(rows.groups == name)
            side = int(filled[1] < filled[0]) if filled[0] != filled[1] else int(rng.integers(2))
            sides[side].extend(members)
            filled[side] += len(members)
    return np.array(sides[0], dtype=np.int64), np.array(sides[1], dtype=np.int64)


def draw_sides(
    real: Rows, synthetic: Rows, holdout: Rows | None, *, n_repeats: int, seed: int
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Draw rows of the reference, of other real rows and of synthetic ones, repeatedly.

    The reference comes from the hold-out, or is one half of the real rows. All three have the
    same number of rows of each class; a class that one of them lacks is left out.
    """
    for repeat in range(n_repeats):
        rng = rng_for(seed, repeat)
        if holdout is None:
            reference, other = halves(real, rng)
            base = real
        else:
            reference, other, base = np.arange(len(holdout)), np.arange(len(real)), holdout
        drawn: tuple[list[int], list[int], list[int]] = ([], [], [])
        for kind in np.unique(synthetic.labels):
            pools = (
                reference[base.labels[reference] == kind],
                other[real.labels[other] == kind],
                np.flatnonzero(synthetic.labels == kind),
            )
            fewest = min(len(pool) for pool in pools)
            for side, pool in zip(drawn, pools, strict=True):
                side.extend(rng.permutation(pool)[:fewest])
        first, second, third = (np.array(sorted(side), dtype=np.int64) for side in drawn)
        yield first, second, third

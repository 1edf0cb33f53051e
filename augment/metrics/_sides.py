"""Rows to compare: equal numbers a side and a class, no patient on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError
from augment._random import rng_for
from augment._typing import IntArray

__all__ = [
    "Draws",
    "Rows",
    "Side",
    "draw_halves",
    "draw_pairs",
    "group_codes",
    "halves",
    "label_codes",
    "pooled",
]

# More rows a side change no figure that matters, and cost their square.
_MOST = 1000


@dataclass(frozen=True)
class Rows:
    """The class and the patient of each row of one sample, as whole numbers."""

    labels: IntArray
    groups: IntArray

    def __len__(self) -> int:
        return len(self.labels)


class Side(NamedTuple):
    """Some rows of one sample: 0 real, 1 synthetic, 2 hold-out, 3 real and hold-out together."""

    sample: int
    rows: IntArray


class Draws(NamedTuple):
    """What is compared with what: pairs of a reference and another side.

    Attributes
    ----------
    values : list of (Side, Side)
        Synthetic rows against the reference.
    floors : list of (Side, Side)
        Other real rows against the same reference.
    spread : list of (Side, Side)
        With a hold-out, two halves of all real patients: how much the floor owes to who happens to
        be on which side. Without one the floors are such halves themselves.
    """

    values: list[tuple[Side, Side]]
    floors: list[tuple[Side, Side]]
    spread: list[tuple[Side, Side]]

    @property
    def n(self) -> int:
        """Rows a side."""
        return len(self.values[0][0].rows)


def group_codes(groups: Any, n: int, name: str = "groups") -> IntArray:
    """Give the group of each row as a whole number; without groups each row is its own."""
    if groups is None:
        return np.arange(n)
    values = np.asarray(groups)
    if values.shape != (n,):
        raise InvalidInputError(
            f"{name} must have one value for each of the {n} rows; found shape {values.shape}."
        )
    missing = np.flatnonzero(pd.isna(values))
    if missing.size:
        raise InvalidInputError(
            f"{name} must name the patient of every row; {missing.size} are missing, the first in "
            f"row {missing[0]}. Fill them, or drop the rows."
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


def draw_pairs(rows: Sequence[Rows], *, n_repeats: int, seed: int) -> Draws:
    """Draw what is to be compared with what, repeatedly.

    Parameters
    ----------
    rows : sequence of Rows
        Of the real sample, the synthetic one, and perhaps the hold-out.
    n_repeats : int
    seed : int

    Returns
    -------
    Draws
        The reference comes from the hold-out, or is one half of the real rows. All sides have the
        same number of rows of each class, about 1,000 in all at most; a class that one of them
        lacks is left out.
    """
    draws = Draws([], [], [])
    held = len(rows) == 3
    pool = pooled(list(rows))[-1] if held else None
    for repeat in range(n_repeats):
        rng = rng_for(seed, repeat)
        if held:
            first, second = Side(2, np.arange(len(rows[2]))), Side(0, np.arange(len(rows[0])))
        else:
            first, second = (Side(0, chosen) for chosen in halves(rows[0], rng))
        synthetic = Side(1, np.arange(len(rows[1])))
        a, b, s = _matched(rows, [first, second, synthetic], rng)
        draws.values.append((a, s))
        draws.floors.append((a, b))
        if pool is not None:
            parts = [Side(3, chosen) for chosen in halves(pool, rng)]
            p, q, _ = _matched([*rows, pool], [*parts, a], rng)
            draws.spread.append((p, q))
    return draws


def draw_halves(
    rows: Sequence[Rows], draws: Draws, *, n_each: int, seed: int
) -> list[tuple[list[Side], list[Side]]]:
    """Deal the two sides of each draw anew, class by class: `n_each` pairs of mixed sides a draw.

    What differs between these is what differs between samples of one law.
    """
    found = []
    for k, pair in enumerate(draws.values):
        kinds = [rows[side.sample].labels[side.rows] for side in pair]
        owners = [rows[side.sample].groups[side.rows] for side in pair]
        # Synthetic rows are of no real patient.
        owners[1] = owners[1] + owners[0].max() + 1
        joined = Rows(np.concatenate(kinds), np.concatenate(owners))
        n = len(pair[0].rows)
        for repeat in range(n_each):
            dealt = halves(joined, rng_for(seed, k, repeat))
            mixed = [
                [
                    Side(pair[0].sample, pair[0].rows[half[half < n]]),
                    Side(pair[1].sample, pair[1].rows[half[half >= n] - n]),
                ]
                for half in dealt
            ]
            found.append((mixed[0], mixed[1]))
    return found


def _matched(rows: Sequence[Rows], sides: list[Side], rng: np.random.Generator) -> list[Side]:
    """Draw equally many rows of each class from each side."""
    drawn: list[list[int]] = [[] for _ in sides]
    for kind in np.unique(rows[sides[-1].sample].labels):
        pools = [side.rows[rows[side.sample].labels[side.rows] == kind] for side in sides]
        fewest = min(len(pool) for pool in pools)
        fewest = min(fewest, int(np.ceil(_MOST * len(pools[0]) / max(len(sides[0].rows), 1))))
        for chosen, pool in zip(drawn, pools, strict=True):
            chosen.extend(rng.permutation(pool)[:fewest])
    return [
        Side(side.sample, np.array(sorted(chosen), dtype=np.int64))
        for side, chosen in zip(sides, drawn, strict=True)
    ]


def pooled(parts: list[Any]) -> list[Any]:
    """Put real and held-out rows together as a fourth sample, if there is a hold-out."""
    if len(parts) < 3:
        return parts
    real, _, holdout = parts
    if not isinstance(real, Rows):
        return [*parts, np.concatenate([real, holdout])]
    # The hold-out is of other patients.
    groups = np.concatenate([real.groups, holdout.groups + real.groups.max() + 1])
    return [*parts, Rows(np.concatenate([real.labels, holdout.labels]), groups)]

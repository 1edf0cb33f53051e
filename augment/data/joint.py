"""Columns that say one thing together: dummies of one choice, and cells that go missing as one.

A table often holds a category as a flag for each level, of which exactly one is on, and columns
that were measured together, or not at all. Modelled one by one, such flags come out with two levels
on, or none, and such columns come out half measured. Here each set of columns has one score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from augment._typing import BoolArray, FloatArray, IntArray
from augment.data._scalars import plain, rebuilt
from augment.data.columns import Column

__all__ = ["Choice", "find_choices", "find_shared_masks"]

# Fewer rows prove nothing.
_MIN_ROWS = 30
# Where no level may be on: so many rows with two of them on are expected, and there is none.
_MIN_COINCIDENCES = 8.0
# So many rows are missing, and so many are there, in columns that go missing together.
_MIN_VARIED = 10


@dataclass(frozen=True)
class Choice:
    """Neighbouring flags of which one is on in each row.

    Attributes
    ----------
    columns : tuple
        Their names.
    is_optional : bool
        Whether there are rows in which none is on.

    Examples
    --------
    >>> choice = Choice(("site_a", "site_b"), is_optional=True)
    >>> choice.codes(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])).tolist()
    [1.0, 0.0, 2.0]
    >>> choice.flags(np.array([1, 2])).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """

    columns: tuple[Any, ...]
    is_optional: bool

    @property
    def levels(self) -> FloatArray:
        """The codes that there are: the place of each flag, then that of none."""
        return np.arange(len(self.columns) + self.is_optional, dtype=np.float64)

    def codes(self, flags: FloatArray) -> FloatArray:
        """Give the place of the flag that is on in each row of `flags` (n, k).

        NaN where a flag is missing, several are on, or none is although one should be.
        """
        is_on = flags == 1.0
        none = float(len(self.columns)) if self.is_optional else np.nan
        codes = np.where(is_on.any(axis=1), is_on.argmax(axis=1), none)
        is_odd = (is_on.sum(axis=1) > 1) | np.isnan(flags).any(axis=1)
        return np.where(is_odd, np.nan, codes)

    def flags(self, codes: IntArray) -> FloatArray:
        """Give the flags (n, k) of codes."""
        return np.eye(len(self.columns) + 1)[codes][:, :-1]

    def to_dict(self) -> dict[str, Any]:
        """Write the choice with JSON values alone."""
        return {
            "columns": [plain(name) for name in self.columns],
            "is_optional": self.is_optional,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Choice:
        """Read what :meth:`to_dict` wrote."""
        names = tuple(rebuilt(name) for name in values["columns"])
        return cls(names, bool(values["is_optional"]))


def find_choices(columns: Sequence[Column], values: FloatArray) -> tuple[Choice, ...]:
    """Find runs of three or more neighbouring flags that exclude each other.

    In a run that is a choice one flag is on in every row, or each flag would meet the others in
    several rows if it did not exclude them.

    Parameters
    ----------
    columns : sequence of Column
    values : ndarray of shape (n, n_columns), float64
        Canonical; NaN where missing.

    Returns
    -------
    tuple of Choice
        No column is in two of them. Empty when there are fewer than 30 rows.
    """
    if len(values) < _MIN_ROWS:
        return ()
    is_on = values == 1.0
    is_flag = [
        _is_number_or_flag(column) and _is_flag(values[:, i]) for i, column in enumerate(columns)
    ]
    found, start = [], 0
    while start < len(columns):
        stop, is_optional = _longest(is_on, is_flag, start)
        if stop - start >= 3:
            names = tuple(column.name for column in columns[start:stop])
            found.append(Choice(names, is_optional))
        start = max(stop, start + 1)
    return tuple(found)


def _is_number_or_flag(column: Column) -> bool:
    return column.kind in ("numeric", "boolean")


def _is_flag(values: FloatArray) -> bool:
    levels = np.unique(values)
    return np.array_equal(levels, [0.0, 1.0])


def _longest(is_on: BoolArray, is_flag: Sequence[bool], start: int) -> tuple[int, bool]:
    """Give the end of the longest choice that begins at a column, and whether it may be empty."""
    n_rows, width = is_on.shape
    taken = np.zeros(n_rows, dtype=bool)
    best, stop, is_proven = start, start, True
    while stop < width and is_flag[stop] and not (taken & is_on[:, stop]).any():
        if stop > start:
            expected = taken.sum() * is_on[:, stop].sum() / n_rows
            is_proven = is_proven and bool(expected >= _MIN_COINCIDENCES)
        taken = taken | is_on[:, stop]
        stop += 1
        if taken.all():
            return stop, False
        best = stop if is_proven else best
    return best, True


def find_shared_masks(columns: Sequence[Column], values: FloatArray) -> tuple[tuple[Any, ...], ...]:
    """Find columns whose entries are missing in the same rows, at least ten of them.

    Parameters
    ----------
    columns : sequence of Column
    values : ndarray of shape (n, n_columns), float64
        Canonical; NaN where missing.

    Returns
    -------
    tuple of tuple
        The names of each set of such columns, in order.
    """
    sets: dict[bytes, list[Any]] = {}
    absent = np.isnan(values)
    for i, column in enumerate(columns):
        n_absent = int(absent[:, i].sum())
        if column.kind != "missing" and _MIN_VARIED <= n_absent <= len(values) - _MIN_VARIED:
            sets.setdefault(absent[:, i].tobytes(), []).append(column.name)
    return tuple(tuple(names) for names in sets.values() if len(names) > 1)

"""Numbers that came as text: a laboratory's '<0.1', a unit, a time of day."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from augment._errors import InvalidInputError, listed
from augment.data.columns import Column

__all__ = ["TIMES_AS_HOURS", "levels_like_numbers", "refuse_numbers_in_text"]

TIMES_AS_HOURS = (
    "make them hours, pandas.to_timedelta(column.map(str, na_action='ignore'){}).dt.total_seconds()"
    " / 3600, or leave the column out (in a command: --ignore)"
)
"""What to do with times of day; with what is added to them where they have no seconds."""

# Text is taken for numbers if so large a share of it looks like one.
_MOSTLY = 0.6
# Fewer different numbers may well be codes.
_MANY = 12
# A number, perhaps with a sign before it and a unit behind.
_COMMA = re.compile(r"^\s*[+\-]?\d+,(\d{1,2}|\d{4,})\s*$")  # three digits may be thousands
_NUMBER = re.compile(r"^\s*[<>≤≥~+\-]?\s*\d+([.,']\d{3})*([.,]\d+)?\s*(%|\s\S.*)?$")
_TIME = re.compile(r"^\s*(?P<hours>\d{1,2}):\d{2}(?P<seconds>:\d{2}(\.\d+)?)?\s*$")
_POINTS = (
    "If these are amounts, write decimal points (column.str.replace(',', '.').astype(float)); in a "
    "file, or separate its cells by semicolons or tabs: then decimal commas are understood."
)


def refuse_numbers_in_text(name: Any, present: pd.Series) -> None:
    """Refuse a column of text that is numbers or times of day, and say how to make it so.

    Parameters
    ----------
    name : object
        Of the column.
    present : Series of shape (n,)
        Its entries.

    Raises
    ------
    InvalidInputError
        If most of them are numbers with something around, or all are times of day.
    """
    text = present.astype(str)
    times = text.str.extract(_TIME)
    if times["hours"].notna().all():
        seconds = " + ':00'" if times["seconds"].isna().all() else ""
        raise InvalidInputError(
            f"column {name!r} holds times of day, such as {text.iloc[0]!r}, which are not "
            f"supported; {TIMES_AS_HOURS.format(seconds)}."
        )
    if text.str.match(_NUMBER).mean() < _MOSTLY:
        return
    odd = _not_numbers(text)
    if text.str.match(_COMMA).any():
        raise InvalidInputError(f"column {name!r} holds numbers with a decimal comma. {_POINTS}")
    found = f"but also entries such as {listed(odd, 3)}" if odd else "written as text"
    raise InvalidInputError(
        f"column {name!r} holds numbers, {found}. Take units and signs such as '<' off, then make "
        "it numbers with pandas.to_numeric(column, errors='coerce'), which turns the rest into "
        "missing values. In a file, leave a cell without a number empty. If the numbers name "
        "patients or samples, drop the column."
    )


def levels_like_numbers(column: Column) -> str | None:
    """Say that levels may be meant as numbers; None if they are few, or no numbers.

    Parameters
    ----------
    column : Column
        A categorical one.

    Returns
    -------
    str or None
    """
    if len(column.levels) < _MANY or not all(isinstance(level, str) for level in column.levels):
        return None
    levels = pd.Series(column.levels, dtype=object)
    odd = _not_numbers(levels)
    commas = levels.str.match(_COMMA)
    if commas.any() and len(levels) - len(odd) + commas.sum() >= _MOSTLY * len(levels):
        return (
            f"column {column.name!r} holds different numbers with a decimal comma; it is taken for "
            f"a category. {_POINTS}"
        )
    if len(odd) > (1 - _MOSTLY) * len(column.levels):
        return None
    found = f"but also {listed(odd, 3)}" if odd else "written as text"
    return (
        f"column {column.name!r} holds {len(column.levels) - len(odd)} different numbers, {found}; "
        "it is taken for a category. If these are amounts, make them numbers with "
        "pandas.to_numeric(column, errors='coerce')."
    )


def _not_numbers(text: pd.Series) -> list[str]:
    """Give the different entries that cannot be read as numbers."""
    different = pd.Series(text.unique(), dtype=object)
    return different[pd.to_numeric(different, errors="coerce").isna()].tolist()

"""Codes for "unknown" that stand among numbers and dates: 999, -1, 1900-01-01, 9999-12-31."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from augment._errors import as_option
from augment._typing import FloatArray

__all__ = ["date_note", "sentinel_note"]

# What people write for "unknown": -1, or one digit of 7, 8 and 9 all through, with any sign.
_CODE = re.compile(r"-1|-?(7+|8+|9+)(\.(7+|8+|9+))?")
_REPEATS = 2
# With fewer different numbers beside them, negative ones may be grades: worse, equal, better.
_FEWEST = 5
# Where calendars of software begin and end, and what people write: the first or last day of these
# years (30 December 1899 is the zero of spreadsheets), or one digit all through.
_YEARS = {1, 1582, 1600, 1601, 1700, 1753, 1800, 1899, 1900, 1901, 1904, 1960, 1970}
_YEARS |= {2050, 2099, 2100, 2199, 2200, 2262, 2299, 2999, 3000, 8888, 9999}
_DAYS = {"01-01", "12-30", "12-31"}
_WHOLE = {"1111-11-11", "2222-02-22", "7777-07-07", "8888-08-08", "9999-09-09"}
# So many numbers that are no codes are needed to tell what is far from them.
_ROWS = 10


def sentinel_note(name: Any, values: FloatArray) -> str | None:
    """Say that a column of numbers holds what looks like a code for a missing value.

    A code is suspected where it is repeated, lies beyond all other numbers, and is either far
    from them (farther than 90 % of them are apart, and half their range; of fewer than five
    different ones, their range) or the only negative number among at least five different ones.

    Parameters
    ----------
    name : object
        Of the column.
    values : ndarray of shape (n,), float64
        Without NaN.

    Returns
    -------
    str or None

    Examples
    --------
    >>> ages = np.r_[np.arange(30.0, 80.0), 999.0, 999.0, 999.0]
    >>> sentinel_note("age", ages)[:71]
    "column 'age' holds 999 in 3 rows, far from all other numbers (30 to 79)"
    """
    different, counts = np.unique(values, return_counts=True)
    coded = np.array([_CODE.fullmatch(f"{value:.10g}") is not None for value in different])
    coded &= counts >= _REPEATS
    # codes stand at the ends: what has a number beyond it on the same side is a number
    ordinary = np.flatnonzero(~coded)
    if not len(ordinary):
        return None
    coded[ordinary[0] : ordinary[-1] + 1] = False
    rest = values[np.isin(values, different[~coded])]
    if len(rest) < _ROWS:
        return None
    found = [
        (value, count)
        for value, count in zip(different[coded], counts[coded], strict=True)
        if _beyond(float(value), rest)
    ]
    return _sentence(name, found, rest) if found else None


def date_note(name: Any, moments: np.ndarray) -> str | None:
    """Say that a column of dates holds what looks like a code for an unknown date.

    A code is suspected where it is repeated, lies beyond all other dates, and is more than a year
    and farther from them than any two neighbours among them are. Years alone, written as their
    first days, are left alone.

    Parameters
    ----------
    name : object
        Of the column.
    moments : ndarray of shape (n,), datetime64
        NaT where missing.

    Returns
    -------
    str or None

    Examples
    --------
    >>> seen = np.r_[np.arange("2019-01-01", "2019-02-20", dtype="M8[D]"),
    ...              np.array(["1900-01-01"] * 3, dtype="M8[D]")]
    >>> date_note("seen", seen)[:83]
    "column 'seen' holds 1900-01-01 in 3 rows, far from all other dates (2019-01-01 to 2"
    """
    days = moments[~np.isnat(moments)].astype("M8[D]")
    different, counts = np.unique(days, return_counts=True)
    texts = [str(day) for day in different]
    is_code = np.array([_is_code_of_dates(text) for text in texts], dtype=bool)
    ordinary = np.flatnonzero(~(is_code & (counts >= _REPEATS)))
    if not len(ordinary):
        return None
    rest = different[ordinary[0] : ordinary[-1] + 1]
    n_rest = int(counts[ordinary[0] : ordinary[-1] + 1].sum())
    if n_rest < _ROWS or sum(is_code[ordinary]) > len(ordinary) / 2 or _are_years(rest):
        return None
    widest = max([np.timedelta64(366, "D"), *np.diff(rest)])
    found = [
        f"{texts[i]} in {counts[i]} rows"
        for i in (*range(ordinary[0]), *range(ordinary[-1] + 1, len(different)))
        if max(rest[0] - different[i], different[i] - rest[-1]) > widest
    ]
    if not found:
        return None
    return (
        f"column {name!r} holds {' and '.join(found)}, far from all other dates ({rest[0]} to "
        f"{rest[-1]}): a code for 'unknown'? It is learned as a date. If it is a code, make those "
        "cells missing (in a file, leave them empty). If it is a date, say so: "
        f"schema={{{name!r}: 'datetime'}} (in a command: {as_option(name, 'datetime')})."
    )


def _is_code_of_dates(text: str) -> bool:
    """Tell whether a date (year-month-day) is one that stands for none."""
    year, _, day = text.partition("-")
    return text in _WHOLE or (day in _DAYS and year.isdigit() and int(year) in _YEARS)


def _are_years(days: np.ndarray) -> bool:
    """Tell whether dates are years, written as their first or last days."""
    return all(str(day)[-5:] in _DAYS for day in days)


def _beyond(value: float, rest: FloatArray) -> bool:
    """Tell whether a code lies where no measurement would."""
    low, high = float(rest.min()), float(rest.max())
    many = len(np.unique(rest)) >= _FEWEST
    if many and value < 0 <= low:
        return True
    bulk = float(np.subtract(*np.quantile(rest, [0.95, 0.05])))
    gap = max(low - value, value - high)
    return gap > (high - low) / (2 if many else 1) > 0 and gap >= bulk


def _sentence(name: Any, found: list[tuple[float, int]], rest: FloatArray) -> str:
    """Name the column, its codes, how often they are there, and what to do."""
    codes = " and ".join(f"{value:.10g} in {count} rows" for value, count in found)
    marks = ", ".join(f"{value:.10g}" for value, _ in found)
    return (
        f"column {name!r} holds {codes}, far from all other numbers ({rest.min():.10g} to "
        f"{rest.max():.10g}): a code for 'unknown'? It is learned as a number. If it is a code, "
        f"make those cells missing (X[{name!r}].replace([{marks}], float('nan')); in a file, leave "
        f"them empty). If it was measured, say so: schema={{{name!r}: 'numeric'}} (in a "
        f"command: {as_option(name, 'numeric')})."
    )

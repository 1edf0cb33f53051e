"""Codes for "unknown" that stand among the numbers: 999, -1, 9999."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from augment._typing import FloatArray

__all__ = ["sentinel_note"]

# What people write for "unknown": -1, or one digit of 7, 8 and 9 all through, with any sign.
_CODE = re.compile(r"-1|-?(7+|8+|9+)(\.(7+|8+|9+))?")
_REPEATS = 2
# With fewer different numbers beside them, negative ones may be grades: worse, equal, better.
_FEWEST = 5
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
        f"command: --set columns.{name}=numeric)."
    )

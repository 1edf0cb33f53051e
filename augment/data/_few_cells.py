"""Columns with so few filled cells that whatever is drawn from them belongs to a patient."""

from __future__ import annotations

import pandas as pd

from augment.data._quantiles import END_ROWS
from augment.data.columns import Column

__all__ = ["why_empty"]

# No generator learns from fewer rows; the few cells of a smaller table are not looked at.
LEARNABLE_ROWS = 10


def why_empty(column: Column, present: pd.Series, n_rows: int) -> str | None:
    """Say why nothing can be drawn from a column without giving a patient away, if so.

    Parameters
    ----------
    column : Column
        Its kind is known.
    present : Series
        The filled cells.
    n_rows : int
        Filled or not.

    Returns
    -------
    str or None
        To follow "the column has".

    Examples
    --------
    >>> lactate = Column("lactate", "numeric", "float64")
    >>> why_empty(lactate, pd.Series([2.1, 7.4]), 60)
    '2 filled cells in 60 rows, too few to learn amounts from'
    >>> why_empty(lactate, pd.Series([2.1, 7.4, 1.0, 3.3, 2.0]), 60) is None
    True
    """
    if not len(present):
        return "no value at all"
    if n_rows < LEARNABLE_ROWS or len(present) >= END_ROWS:
        return None
    if len(present) == 1:
        return f"one filled cell in {n_rows} rows, which would be that patient's value in all rows"
    # the ends of so few amounts are no means, but the amounts of single patients
    if column.is_number and present.nunique() > 1:
        return f"{len(present)} filled cells in {n_rows} rows, too few to learn amounts from"
    return None

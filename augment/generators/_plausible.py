"""Which rows of a table a detector learns from: not those whose cells are the strangest."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from augment._errors import AugmentWarning
from augment._typing import BoolArray
from augment.data.encoder import TableEncoder
from augment.data.schema import TableSchema
from augment.generators._cells import CellReader
from augment.generators._tabular import MIN_ROWS

__all__ = ["plausible_rows"]

DOUBTED = 0.1
"""Share of the rows that is not learned from."""
ROUNDS = 2
"""How often the strangest rows are chosen; the second time by the margins of the others."""


def plausible_rows(X: Any, schema: Any = None) -> tuple[BoolArray, CellReader]:
    """Mark the rows of a table whose cells lie where cells usually lie.

    Rows that are abnormal widen the margins that they are to be judged by, and teach a network
    their dependence. Nothing but the given rows is looked at, so what is held out stays held out.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n, n_columns)
    schema : mapping or None
        Corrections of column kinds, as for a generator.

    Returns
    -------
    kept : ndarray of bool (n,)
        True for nine tenths of the rows; for more of them where fewer than `MIN_ROWS` would stay.
    reader : CellReader
        What the margins of all rows say.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> X[7] = 9.0
    >>> kept, _ = plausible_rows(X)
    >>> int(kept.sum()), bool(kept[7])
    (45, False)
    """
    n_rows = len(X)
    n_kept = max(n_rows - int(DOUBTED * n_rows), min(MIN_ROWS, n_rows))
    kept = np.ones(n_rows, dtype=bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AugmentWarning)  # the fit itself will say it
        wide = reader = _reader(X, schema)
        for turn in range(ROUNDS if n_kept < n_rows else 0):
            if turn:
                reader = _reader(_safe_indexing(X, np.flatnonzero(kept)), schema)
            order = np.argsort(reader.read(X).strangeness.sum(axis=1), kind="stable")
            kept = np.zeros(n_rows, dtype=bool)
            kept[order[:n_kept]] = True
    return kept, wide


def _reader(X: Any, schema: Any) -> CellReader:
    known = TableSchema.infer(X, schema)
    strata = np.zeros(len(X), dtype=np.int64)
    return CellReader(known, TableEncoder(known).fit(known.conform(X), strata, 1), len(X))

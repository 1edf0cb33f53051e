"""What a private fit may know beforehand, and margins from noisy histograms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError, listed
from augment._typing import FloatArray, IntArray
from augment.data._containers import as_frame
from augment.data.columns import Column
from augment.data.schema import TableSchema

__all__ = ["check_rows", "pseudo_rows", "public_schema", "shares"]

_EXAMPLE_ROWS = 60
_FEWEST_BINS, _MOST_BINS, _ROWS_IN_BIN = 5, 20, 25


def public_schema(X: Any, declared: Mapping[Any, Any] | None) -> TableSchema:
    """Build a schema from dtypes and declarations alone.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n, n_columns)
        Only its container, names and dtypes are looked at; that its values keep to the
        declarations is checked later.
    declared : mapping
        The user's ``schema``: bounds of each number, levels of each category.

    Returns
    -------
    TableSchema
        Without relations.

    Raises
    ------
    InvalidInputError
        If a column is not declared in full; all of them are named.
    """
    frame, container, dtype = as_frame(X, warn=False)
    declared = declared or {}
    lacking = [name for name in frame.columns if not _is_declared(declared.get(name))]
    if lacking:
        raise InvalidInputError(
            f"With dp_epsilon nothing may be read off the table itself: {listed(lacking)} "
            "need public bounds or levels. Give them from what is known beforehand, such as "
            "schema={'age': {'lower': 18, 'upper': 100}, 'sex': {'levels': ['f', 'm']}}."
        )
    examples = {name: _example(frame[name].dtype, declared[name]) for name in frame.columns}
    known = TableSchema.infer(pd.DataFrame(examples), dict(declared))
    columns = tuple(_public(column, declared[column.name]) for column in known.columns)
    return TableSchema(columns, (), container, dtype)


def _is_declared(spec: Any) -> bool:
    return isinstance(spec, Mapping) and ("levels" in spec or {"lower", "upper"} <= set(spec))


def _example(dtype: Any, spec: Mapping[str, Any]) -> pd.Series:
    """Make up values that fill the declared range, with the dtype of the column."""
    if "levels" in spec:
        levels = list(spec["levels"])
        values = pd.Series((levels * _EXAMPLE_ROWS)[: max(_EXAMPLE_ROWS, len(levels))])
    else:
        values = pd.Series(np.linspace(float(spec["lower"]), float(spec["upper"]), _EXAMPLE_ROWS))
        if pd.api.types.is_integer_dtype(dtype):
            values = values.round()
    if pd.api.types.is_datetime64_any_dtype(dtype):
        raise InvalidInputError(
            "Dates are not served with dp_epsilon. Turn them into numbers, such as years."
        )
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = pd.CategoricalDtype(list(spec["levels"]), ordered=dtype.ordered)
    return values.astype(dtype)


def _public(column: Column, spec: Mapping[str, Any]) -> Column:
    if not column.is_number:
        return column
    whole = pd.api.types.is_integer_dtype(column.dtype)
    return replace(
        column,
        kind="numeric",
        decimals=0 if whole else None,
        lower=float(spec["lower"]),
        upper=float(spec["upper"]),
    )


def check_rows(frame: pd.DataFrame, schema: TableSchema) -> None:
    """Refuse missing values, and numbers beyond the declared bounds."""
    for column in schema.columns:
        values = frame[column.name].to_numpy()
        if np.isnan(values).any():
            raise InvalidInputError(
                f"column {column.name!r} has missing entries, which dp_epsilon does not serve. "
                "Fill them in, or declare a level of its own for them."
            )
        if column.is_number and not (
            column.limits[0] <= values.min() and values.max() <= column.limits[1]
        ):
            raise InvalidInputError(
                f"column {column.name!r} has values beyond its declared bounds "
                f"{list(column.limits)}. Clip them, or declare wider bounds."
            )


def shares(counts: FloatArray, n_rows: int, noise: float, rng: np.random.Generator) -> FloatArray:
    """Give noisy shares of a histogram: at least 0, and 1 in all.

    Parameters
    ----------
    counts : ndarray of shape (k,)
        Of which a row moves one by one.
    n_rows : int
        Public number of rows.
    noise : float
        Standard deviation of the noise.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (k,)
        The nearest shares to the noisy ones (L. Condat, "Fast projection onto the simplex",
        Mathematical Programming, 2016).
    """
    noisy = (counts + rng.normal(scale=noise, size=counts.shape)) / n_rows
    order = np.sort(noisy)[::-1]
    excess = (np.cumsum(order) - 1) / np.arange(1, len(order) + 1)
    cut = excess[np.flatnonzero(order > excess)[-1]]
    return np.maximum(noisy - cut, 0.0)


def pseudo_rows(
    schema: TableSchema,
    frame: pd.DataFrame,
    strata: IntArray,
    sizes: IntArray,
    noise: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, IntArray]:
    """Make up rows whose margins are those of noisy histograms.

    Parameters
    ----------
    schema : TableSchema
        Public.
    frame : DataFrame of float64, shape (n, n_columns)
        Canonical rows.
    strata : ndarray of shape (n,)
        The class of each row.
    sizes : ndarray of shape (n_strata,)
        Rows to make up of each class, private already.
    noise : float
        Standard deviation of the noise on each count. Each column costs one look at the table.
    rng : numpy.random.Generator
        Of the noise; nobody may know its seed.

    Returns
    -------
    frame : DataFrame of float64
        Canonical rows. Only the margins of a class mean anything.
    strata : ndarray
        Their classes.
    """
    columns = {}
    for column in schema.columns:
        edges = _edges(column, len(frame))
        values = frame[column.name].to_numpy()
        place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        counts = np.zeros((len(sizes), len(edges) - 1))
        np.add.at(counts, (strata, place), 1.0)
        noisy = shares(counts.ravel(), len(frame), noise, rng).reshape(counts.shape)
        pool = noisy.sum(axis=0)
        parts = [
            _spread(row if row.sum() > 0 else pool, edges, size, column)
            for row, size in zip(noisy, sizes, strict=True)
        ]
        columns[column.name] = np.concatenate(parts)
    return pd.DataFrame(columns), np.repeat(np.arange(len(sizes)), sizes)


def _edges(column: Column, n_rows: int) -> FloatArray:
    """Give the borders of the bins: one for each level, or equal ones by the public size."""
    if not column.is_number:
        return np.arange(len(column.levels) + 1, dtype=np.float64)
    lower, upper = column.limits
    n_bins = int(np.clip(n_rows // _ROWS_IN_BIN, _FEWEST_BINS, _MOST_BINS))
    if column.decimals == 0 and upper - lower < n_bins:
        return np.arange(lower, upper + 2) - 0.5
    return np.linspace(lower, upper, n_bins + 1)


def _spread(mass: FloatArray, edges: FloatArray, size: int, column: Column) -> FloatArray:
    """Give so many values at even quantiles of a histogram."""
    upto = np.concatenate([[0.0], np.cumsum(mass / mass.sum())])
    points = (np.arange(size) + 0.5) / size
    if not column.is_number:
        return np.clip(np.searchsorted(upto, points, side="left") - 1, 0, len(mass) - 1).astype(
            np.float64
        )
    kept = np.concatenate([[True], np.diff(upto) > 0])
    values = np.interp(points, upto[kept], edges[kept])
    return np.clip(values.round() if column.decimals == 0 else values, *column.limits)

"""One column to canonical float64 values and back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError, did_you_mean, listed
from augment._typing import FloatArray, IntArray
from augment.data._dates import as_moments, from_steps, to_steps
from augment.data.columns import MARKERS, Column, dtype_of

__all__ = ["from_codes", "to_codes"]


# How a number is written in an object column. The shortest text of a float is the decimal meant.
_ITEMS: dict[str, Callable[[float], Any]] = {
    "int64": int,
    "float64": float,
    "decimal": lambda value: Decimal(repr(value)),
}


def to_codes(column: Column, series: pd.Series) -> FloatArray:
    """Give the canonical values of a column.

    Parameters
    ----------
    column : Column
    series : Series of shape (n,)

    Returns
    -------
    ndarray of shape (n,), float64
        NaN where the entry is missing.

    Raises
    ------
    InvalidInputError
        Naming the column and the first value that does not fit.
    """
    if column.kind == "missing":
        return np.full(len(series), np.nan)
    if column.kind == "constant":
        return np.where(series.isna().to_numpy(), np.nan, 0.0)
    if column.kind == "numeric":
        return _numbers(column, series)
    if column.kind == "datetime":
        return to_steps(as_moments(column, series), column.unit)
    return _positions(column, series)


def _numbers(column: Column, series: pd.Series) -> FloatArray:
    try:
        as_objects = series.dtype == "category" or column.item == "decimal"
        values = series.astype(object) if as_objects else series
        numbers = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        bad = pd.to_numeric(series.astype(object), errors="coerce").isna() & series.notna()
        value = series[bad].iloc[0] if bad.any() else error
        raise InvalidInputError(
            f"column {column.name!r} must hold numbers; found {value!r}. Correct the value, or set "
            "it to NaN if it is unknown."
        ) from error
    infinite = np.isinf(numbers)
    if infinite.any():
        raise InvalidInputError(
            f"Input X contains infinity or a value too large for dtype('float64'): column "
            f"{column.name!r}, row {int(np.flatnonzero(infinite)[0])}. Replace infinite values by "
            "NaN or by a finite limit."
        )
    return numbers


def _positions(column: Column, series: pd.Series) -> FloatArray:
    codes, found = pd.factorize(series)
    known = pd.Index(list(column.levels), dtype=object)
    position = known.get_indexer(pd.Index(np.asarray(found, dtype=object), dtype=object))
    if (position < 0).any():
        value = np.asarray(found, dtype=object)[position < 0][0]
        raise InvalidInputError(
            f"column {column.name!r} has no level {value!r}; its levels are "
            f"{listed(column.levels)}.{did_you_mean(value, column.levels)}"
        )
    lookup = np.append(position.astype(np.float64), np.nan)
    return lookup[codes]


def from_codes(column: Column, codes: FloatArray) -> pd.Series:
    """Give the column with its dtype, from canonical values.

    Parameters
    ----------
    column : Column
    codes : ndarray of shape (n,), float64

    Returns
    -------
    Series of shape (n,)
        Missing entries are written as the dtype does (NaN, NA, NaT, None).
    """
    missing = np.isnan(codes)
    if column.kind == "missing" and column.dtype != "category":
        blank = np.full(len(codes), MARKERS[column.marker], dtype=object)
        return pd.Series(blank).astype(dtype_of(column))
    if column.kind == "numeric":
        return _to_numbers(column, codes, missing)
    if column.kind == "datetime":
        return from_steps(column, codes, missing)
    if column.kind == "constant":
        codes = np.full(len(codes), column.levels.index(column.value))
    return _to_levels(column, np.where(missing, -1, codes).astype(np.int64))


def _to_levels(column: Column, codes: IntArray) -> pd.Series:
    levels = column.levels
    if column.dtype == "category":
        categories = pd.Index(list(levels), dtype=column.item)
        dtype = pd.CategoricalDtype(categories, ordered=column.ordered)
        return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))
    if column.dtype == "object":
        pool = np.empty(len(levels) + 1, dtype=object)
        pool[:-1], pool[-1] = list(levels), MARKERS[column.marker]
        return pd.Series(pool[codes], dtype=object)
    values = pd.array(list(levels), dtype=dtype_of(column))
    return pd.Series(values.take(codes, allow_fill=bool((codes < 0).any())))


def _to_numbers(column: Column, codes: FloatArray, missing: np.ndarray) -> pd.Series:
    if column.item in _ITEMS:
        written = _ITEMS[column.item]
        items = [written(value) for value in np.where(missing, 0.0, codes).tolist()]
        values = np.array(items, dtype=object)
        values[missing] = MARKERS[column.marker]
        return pd.Series(values, dtype=object).astype(dtype_of(column))
    dtype = dtype_of(column)
    filled = np.where(missing, 0.0, codes)
    if pd.api.types.is_integer_dtype(dtype):
        numpy_type = getattr(dtype, "numpy_dtype", dtype)
        filled = _as_integers(filled, np.dtype(numpy_type))
    elif pd.api.types.is_bool_dtype(dtype):
        filled = filled >= 0.5
    if not missing.any():
        return pd.Series(filled).astype(dtype)
    if isinstance(dtype, np.dtype):
        return pd.Series(codes).astype(dtype)
    values = pd.array(filled, dtype=dtype)
    values[missing] = dtype.na_value
    return pd.Series(values)


def _as_integers(values: FloatArray, dtype: np.dtype) -> np.ndarray:
    """Round, and stay inside what the integer type can hold."""
    limits = np.iinfo(dtype)
    # float64 cannot hold 2**63 - 1: its neighbour below is the largest that converts back
    upper = np.nextafter(float(limits.max), 0.0) if limits.max > 2**53 else float(limits.max)
    return np.clip(np.rint(values), float(limits.min), upper).astype(dtype)

"""One column to canonical float64 values and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError, InvalidTypeError, did_you_mean, listed
from augment._typing import FloatArray, IntArray
from augment.data.columns import Column

__all__ = ["STEPS", "date_steps", "from_codes", "to_codes"]

# Datetime steps, coarse to fine, in nanoseconds.
STEPS = {
    "D": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_MARKERS: dict[str, Any] = {"nan": np.nan, "None": None, "NA": pd.NA, "NaT": pd.NaT}


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
        return date_steps(column, series) / STEPS[column.unit]
    return _positions(column, series)


def _numbers(column: Column, series: pd.Series) -> FloatArray:
    try:
        values = series.astype(object) if series.dtype == "category" else series
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


def date_steps(column: Column, series: pd.Series) -> FloatArray:
    """Give wall-clock nanoseconds since 1970 (or the length of a timedelta); NaN where missing."""
    values: Any
    try:
        if column.date_format is not None:
            values = pd.to_datetime(series, format=column.date_format)
        elif column.item == "timedelta" or series.dtype.kind == "m":
            values = pd.to_timedelta(series)
        else:
            values = pd.to_datetime(series)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f"column {column.name!r} must hold dates"
            f"{f' written as {column.date_format}' if column.date_format else ''}; {error}"
        ) from error
    if getattr(values.dt, "tz", None) is not None:
        values = values.dt.tz_localize(None)
    if values.dtype.kind not in "mM":
        raise InvalidTypeError(f"column {column.name!r} must hold dates; got {series.dtype}.")
    kind = f"{values.dtype.kind}8[ns]"
    whole = values.to_numpy().astype(kind).view(np.int64)
    # Whole days stay exact in float64; nanoseconds are exact to about a quarter of a microsecond.
    return np.where(values.isna().to_numpy(), np.nan, whole.astype(np.float64))


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
    if column.kind == "missing":
        blank = np.full(len(codes), _MARKERS[column.marker], dtype=object)
        return pd.Series(blank).astype(_dtype(column))
    if column.kind == "numeric":
        return _to_numbers(column, codes, missing)
    if column.kind == "datetime":
        return _to_dates(column, codes, missing)
    if column.kind == "constant":
        codes = np.full(len(codes), column.levels.index(column.value))
    return _to_levels(column, np.where(missing, -1, codes).astype(np.int64))


def _dtype(column: Column) -> Any:
    return pd.api.types.pandas_dtype(column.dtype)


def _to_levels(column: Column, codes: IntArray) -> pd.Series:
    levels = column.levels
    if column.dtype == "category":
        categories = pd.Index(list(levels), dtype=column.item)
        dtype = pd.CategoricalDtype(categories, ordered=column.ordered)
        return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))
    if column.dtype == "object":
        pool = np.empty(len(levels) + 1, dtype=object)
        pool[:-1], pool[-1] = list(levels), _MARKERS[column.marker]
        return pd.Series(pool[codes], dtype=object)
    values = pd.array(list(levels), dtype=_dtype(column))
    return pd.Series(values.take(codes, allow_fill=bool((codes < 0).any())))


def _to_numbers(column: Column, codes: FloatArray, missing: np.ndarray) -> pd.Series:
    if column.dtype == "object":
        whole = column.item == "int64"
        items = [int(value) if whole else float(value) for value in np.where(missing, 0.0, codes)]
        values = np.array(items, dtype=object)
        values[missing] = _MARKERS[column.marker]
        return pd.Series(values, dtype=object)
    dtype = _dtype(column)
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


def _to_dates(column: Column, codes: FloatArray, missing: np.ndarray) -> pd.Series:
    steps = np.rint(np.where(missing, 0.0, codes)).astype(np.int64)
    letter = "m" if column.item == "timedelta" else "M"
    values = steps.astype(f"{letter}8[{column.unit}]").astype(f"{letter}8[ns]")
    values[missing] = np.array("NaT", dtype=values.dtype)
    series = pd.Series(values)
    if column.date_format is not None:
        text = series.dt.strftime(column.date_format).astype(object)
        text[missing] = _MARKERS[column.marker]
        return text.astype(_dtype(column))
    if column.dtype == "object":
        dates = np.array([v.date() if column.item == "date" else v for v in series], dtype=object)
        dates[missing] = _MARKERS[column.marker]
        return pd.Series(dates, dtype=object)
    dtype = _dtype(column)
    if isinstance(dtype, pd.DatetimeTZDtype):
        # Times that a change of the clocks skips move on; of doubled ones the first is meant.
        doubled = np.ones(len(series), dtype=bool)
        local = series.dt.tz_localize(dtype.tz, ambiguous=doubled, nonexistent="shift_forward")
        return local.astype(dtype)
    return series.astype(dtype)

"""Dates, times and durations as whole steps, and back.

Times with a zone are taken by the clock on the wall: patients come in the morning, whatever the
season. A change of the clocks can thus move a restored time by an hour.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError
from augment._typing import BoolArray, FloatArray
from augment.data.columns import MARKERS, Column, dtype_of

__all__ = ["as_moments", "coarsest_unit", "from_steps", "to_steps"]

_UNITS = ("D", "h", "m", "s", "ms", "us", "ns")


def as_moments(column: Column, series: pd.Series) -> np.ndarray:
    """Give a datetime column as an array of datetime64 or timedelta64; NaT where missing."""
    values: Any
    try:
        with warnings.catch_warnings():
            # pandas says that it guesses the format of text; what it cannot read is refused below
            warnings.simplefilter("ignore", UserWarning)
            if column.item == "timedelta":
                values = pd.to_timedelta(series)
            else:
                values = pd.to_datetime(series, format=column.date_format)
    except (ValueError, TypeError) as error:
        written = f" written as {column.date_format}" if column.date_format else ""
        raise InvalidInputError(
            f"column {column.name!r} must hold dates{written}; {error}"
        ) from error
    if column.item == "timedelta":
        return values.to_numpy(dtype="m8[ns]", na_value=np.timedelta64("NaT"))
    if getattr(values.dt, "tz", None) is not None:
        values = values.dt.tz_localize(None)
    return values.to_numpy()


def coarsest_unit(moments: np.ndarray) -> str:
    """Give the longest step, from days to nanoseconds, in which all moments are whole.

    Examples
    --------
    >>> coarsest_unit(np.array(["2020-01-01T10:15", "NaT"], dtype="M8[us]"))
    'm'
    """
    moments = moments[~np.isnat(moments)]
    kind = moments.dtype.kind
    return next(unit for unit in _UNITS if (moments.astype(f"{kind}8[{unit}]") == moments).all())


def to_steps(moments: np.ndarray, unit: str) -> FloatArray:
    """Count steps since 1970 (or in a duration); NaN where missing."""
    whole = moments.astype(f"{moments.dtype.kind}8[{unit}]").view(np.int64)
    return np.where(np.isnat(moments), np.nan, whole.astype(np.float64))


def from_steps(column: Column, steps: FloatArray, missing: BoolArray) -> pd.Series:
    """Give a datetime column with its dtype, from whole steps."""
    kind = "m" if column.item == "timedelta" else "M"
    # pandas knows seconds and finer
    held = column.unit if column.unit in ("s", "ms", "us", "ns") else "s"
    values = np.rint(np.where(missing, 0.0, steps)).astype(np.int64)
    moments = values.astype(f"{kind}8[{column.unit}]").astype(f"{kind}8[{held}]")
    moments[missing] = np.array("NaT", dtype=moments.dtype)
    series = pd.Series(moments)
    if column.date_format is not None:
        text = series.dt.strftime(column.date_format).astype(object)
        text[missing] = MARKERS[column.marker]
        return text.astype(dtype_of(column))
    if column.dtype == "object":
        dates = np.array([v.date() if column.item == "date" else v for v in series], dtype=object)
        dates[missing] = MARKERS[column.marker]
        return pd.Series(dates, dtype=object)
    dtype = dtype_of(column)
    zone = getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)
    if zone is not None:
        # Times that a change of the clocks skips move on; of doubled ones the first is meant.
        doubled = np.ones(len(series), dtype=bool)
        local = series.dt.tz_localize(zone, ambiguous=doubled, nonexistent="shift_forward")
        return local.astype(dtype)
    return series.astype(dtype)

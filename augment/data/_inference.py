"""What one column is: its kind, levels, decimals and range, or why it cannot be modelled."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import AugmentWarning, InvalidInputError, InvalidTypeError, as_option, listed
from augment._typing import FloatArray
from augment.data._dates import as_moments, coarsest_unit, to_steps
from augment.data._few_cells import why_empty
from augment.data._number_text import TIMES_AS_HOURS, levels_like_numbers, refuse_numbers_in_text
from augment.data._quantiles import are_grades, few_levels, smoothed_ends
from augment.data._scalars import plain
from augment.data._sentinels import date_note, sentinel_note
from augment.data._values import from_codes, to_codes
from augment.data.columns import Column, dtype_name

__all__ = ["count_decimals", "infer_column"]

# A text column with this share of different values, on at least so many rows, names its rows.
_UNIQUE_SHARE, _UNIQUE_ROWS = 0.9, 20
# More levels than max(_FREE_LEVELS, rows / 2), or than _MOST_LEVELS at all, cannot be learned.
_FREE_LEVELS, _MOST_LEVELS = 50, 1000
_ID_NAME = re.compile(
    r"^(unnamed: ?\d+|index|row|uu?id|guid|mrn|ssn|id|(.*[_ .\-])?(id|uid|mrn|identifier)"
    r"|(patient|subject|case|record|sample|participant|study|row)[_ .\-]?"
    r"(id|no|nr|num|number|key|code)?"
    r"|id[_ .\-].*)$",
    re.IGNORECASE,
)
_MAX_DECIMALS = 10
# Beyond these magnitudes sums and squares elsewhere may overflow or vanish.
_LARGE, _SMALL = 1e30, 1e-30
_UNSUPPORTED = {
    "bytes": "decode them with .str.decode('utf-8')",
    "period": "convert them with .dt.to_timestamp()",
    "interval": "convert them with astype('category')",
    "time": TIMES_AS_HOURS.format(""),
}


def infer_column(series: pd.Series, spec: dict[str, Any], *, named: bool) -> Column:
    """Learn what a column is.

    Parameters
    ----------
    series : Series of shape (n,)
    spec : dict
        The user's correction: any of kind, levels, lower, upper.
    named : bool
        Whether the name is the user's own, so that it may tell an identifier.

    Returns
    -------
    Column

    Raises
    ------
    InvalidInputError
        For identifiers, free text, mixed types, infinite values and declarations that the data
        contradict.
    InvalidTypeError
        For entries that are neither text nor numbers.
    """
    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series.array), name=series.name)
    base = _described(series)
    if not spec and base.kind == "categorical":
        base = _as_date_text(base, series) or base
    base = _apply_kind(base, series, spec)
    present = series.dropna()
    emptied = None if spec.get("levels") else why_empty(base, present, len(series))
    if emptied is not None:
        _warn(f"column {base.name!r} has {emptied}; it comes out empty.")
        # unused categories must come back, so that dtype keeps its levels
        levels = tuple(series.cat.categories.tolist()) if base.dtype == "category" else ()
        return replace(base, kind="missing", has_missing=True, levels=levels, date_format=None)
    column = _levelled(base, present, spec) if not base.is_number else _measured(base, series, spec)
    if not spec:
        _refuse_identifier(column, present, named)
    return _constant_or(column, series, spec)


def _described(series: pd.Series) -> Column:
    """Give the kind and the dtype, from the dtype and (for objects) from the items."""
    dtype, name = series.dtype, series.name
    blank = Column(name, "numeric", dtype_name(dtype), has_missing=bool(series.isna().any()))
    if isinstance(dtype, pd.CategoricalDtype):
        item = str(dtype.categories.dtype)
        return replace(
            blank, kind="categorical", dtype="category", item=item, ordered=bool(dtype.ordered)
        )
    if pd.api.types.is_bool_dtype(dtype):
        return replace(blank, kind="boolean")
    if pd.api.types.is_complex_dtype(dtype):
        raise InvalidInputError(f"Complex data not supported: column {name!r} is {dtype}.")
    if pd.api.types.is_numeric_dtype(dtype):
        is_decimal = dtype.kind == "O"  # those of Arrow, the only numbers that are objects
        return replace(blank, item="decimal", marker="None") if is_decimal else blank
    if pd.api.types.is_timedelta64_dtype(dtype):
        return replace(blank, kind="datetime", item="timedelta")
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return replace(blank, kind="datetime")
    if isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        raise _unsupported(name, "period" if isinstance(dtype, pd.PeriodDtype) else "interval")
    if isinstance(dtype, pd.StringDtype) or dtype.kind == "U":
        return replace(blank, kind="categorical")
    return _described_objects(blank, series)


def _described_objects(blank: Column, series: pd.Series) -> Column:
    """Look at the items of a column whose dtype tells nothing."""
    blank = replace(blank, marker=_marker(series)) if blank.dtype == "object" else blank
    found = pd.api.types.infer_dtype(series, skipna=True)
    kinds = {
        "string": ("categorical", ""),
        "empty": ("categorical", ""),
        "boolean": ("boolean", ""),
        "integer": ("numeric", "int64"),
        "floating": ("numeric", "float64"),
        "mixed-integer-float": ("numeric", "float64"),
        "decimal": ("numeric", "decimal"),
        "datetime": ("datetime", "datetime"),
        "datetime64": ("datetime", "datetime"),
        "date": ("datetime", "date"),
        "timedelta": ("datetime", "timedelta"),
        "timedelta64": ("datetime", "timedelta"),
    }
    if found in kinds or not series.notna().any():
        kind, item = kinds.get(found, kinds["empty"])
        return replace(blank, kind=kind, item=item)
    if found in _UNSUPPORTED:
        raise _unsupported(blank.name, found)
    types = sorted({type(value).__name__ for value in series.dropna()})
    if found == "complex" or "complex" in types:
        raise InvalidInputError(f"Complex data not supported: column {blank.name!r}.")
    if set(types) - {"str", "int", "float", "bool", "float64", "int64", "bool_", "Decimal"}:
        raise InvalidTypeError(
            f"column {blank.name!r} holds entries of type {', '.join(types)}; each argument must "
            "be a string or a number. Turn the column into text or numbers, or drop it."
        )
    if len(types) < 2:
        raise InvalidTypeError(
            f"column {blank.name!r} has the dtype {series.dtype}, which is not supported. Convert "
            f"it with X[{blank.name!r}].astype('category') if it holds levels, else to numbers."
        )
    raise InvalidInputError(
        f"column {blank.name!r} mixes types: {', '.join(types)}. Make it one type, for example "
        "X[column].astype(str) for categories or pandas.to_numeric(X[column], errors='coerce')."
    )


def _unsupported(name: Any, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"column {name!r} holds {what} values, which are not supported; {_UNSUPPORTED[what]}."
    )


def _marker(series: pd.Series) -> str:
    """Tell how a missing object is written, from the first one."""
    missing = series[series.isna()]
    if not len(missing):
        return "nan"
    first = missing.iloc[0]
    if first is None:
        return "None"
    return "NA" if first is pd.NA else "NaT" if first is pd.NaT else "nan"


def _as_date_text(column: Column, series: pd.Series) -> Column | None:
    """Recognise dates written as text: year, month and day, all in one format."""
    present = series.dropna()
    if column.dtype == "category" or not len(present) or len(str(present.iloc[0])) < 8:
        return None
    for style in _date_styles(str(present.iloc[0])):
        parsed = pd.to_datetime(present, format=style, errors="coerce")
        if not parsed.isna().any() and (parsed.dt.strftime(style) == present.astype(str)).all():
            return replace(column, kind="datetime", date_format=style)
    return None


def _date_styles(text: str) -> list[str]:
    """Give the formats that a date may be written in: with dots, days probably come first."""
    dotted = bool(re.match(r"\d+\.\d+\.", text))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of day-first guesses; all rows are checked
        guess = pd.tseries.api.guess_datetime_format
        styles = [guess(text, dayfirst=day_first) for day_first in (dotted, not dotted)]
    parts = ("%Y", "%m", "%d")
    return [s for s in styles if s and "%z" not in s and all(part in s for part in parts)]


def _apply_kind(column: Column, series: pd.Series, spec: dict[str, Any]) -> Column:
    """Let the user's declaration win over what was inferred."""
    kind = spec.get("kind", "categorical" if "levels" in spec else column.kind)
    if kind == "ordinal":
        return replace(column, kind="categorical", ordered=True)
    if kind == "datetime" and column.kind != "datetime":
        dated = _as_date_text(column, series) if column.kind == "categorical" else None
        if dated is None:
            raise InvalidInputError(
                f"column {column.name!r} is declared a datetime, but its values are not dates in "
                f"one format with year, month and day; found {series.dropna().head(1).tolist()}. "
                "Convert it with pandas.to_datetime first."
            )
        return dated
    if kind == "numeric" and column.kind in ("categorical", "datetime"):
        raise InvalidInputError(
            f"column {column.name!r} is declared numeric but its dtype is {series.dtype}. "
            "Convert it with pandas.to_numeric first."
        )
    return replace(column, kind=kind)


def _levelled(column: Column, present: pd.Series, spec: dict[str, Any]) -> Column:
    """Fill in the levels of a categorical or boolean column."""
    if "levels" in spec:
        levels = tuple(spec["levels"])
    elif isinstance(present.dtype, pd.CategoricalDtype):
        levels = tuple(present.cat.categories.tolist())
    elif column.kind == "boolean" and pd.api.types.infer_dtype(present) == "boolean":
        levels = (False, True)
    else:
        levels = tuple(sorted(pd.unique(present).tolist()))
    if column.kind == "boolean" and len(levels) > 2:
        raise InvalidInputError(
            f"column {column.name!r} is declared boolean but has {len(levels)} values: "
            f"{listed(levels)}. Declare it categorical."
        )
    for level in levels:
        plain(level)  # refuses what a model file could not hold
    filled = replace(column, levels=levels)
    to_codes(filled, present)  # refuses values outside declared levels
    return filled


def _measured(column: Column, series: pd.Series, spec: dict[str, Any]) -> Column:
    """Fill in the unit, the decimals and the range of a numeric or datetime column."""
    moments = as_moments(column, series) if column.kind == "datetime" else None
    if moments is not None:
        column = replace(column, unit=coarsest_unit(moments))
    values = to_codes(column, series)
    values = values[~np.isnan(values)]
    single = series.dtype == np.float32
    decimals = 0 if column.kind == "datetime" else count_decimals(values, single=single)
    size = np.abs(values).max()
    if size > _LARGE or 0 < size < _SMALL:
        _warn(
            f"column {column.name!r} has values of magnitude {size:.0e}; they are served, but "
            "rescale the column to ordinary units if other tools fail on it."
        )
    if size > 2**53 and pd.api.types.is_integer_dtype(series.dtype):
        _warn(
            f"column {column.name!r} has whole numbers up to {size:.0e}; beyond 2**53 their last "
            "digits are lost. Codes of such a length are better declared categorical."
        )
    if not spec and (note := _note_of_codes(column, values, moments)) is not None:
        _warn(note)
    lower, upper = smoothed_ends(values)
    few = few_levels(values)
    if few is not None and not (column.kind == "numeric" and are_grades(few)):
        # an observed level: where values repeat, a mean would tell the lone one among them
        inside = few[(few >= lower) & (few <= upper)]
        lower, upper = (float(inside[0]), float(inside[-1])) if len(inside) else (lower, upper)
    lower, upper = _declared_range(column, values, spec, lower, upper)
    return replace(column, decimals=decimals, lower=lower, upper=upper)


def _note_of_codes(column: Column, values: FloatArray, moments: np.ndarray | None) -> str | None:
    """Say that numbers or dates hold what looks like a code for a missing one."""
    if moments is None:
        return sentinel_note(column.name, values)
    return None if column.item == "timedelta" else date_note(column.name, moments)


def _declared_range(
    column: Column, values: FloatArray, spec: dict[str, Any], lower: float, upper: float
) -> tuple[float, float]:
    bounds = {"lower": lower, "upper": upper}
    for key, sign in (("lower", 1), ("upper", -1)):
        if key not in spec:
            continue
        bounds[key] = _bound(column, spec[key], key)
        if (sign * values < sign * bounds[key]).any():
            worst = values.min() if sign == 1 else values.max()
            shown = from_codes(column, np.array([worst])).iloc[0]
            raise InvalidInputError(
                f"column {column.name!r} is declared with {key}={spec[key]!r}, but holds "
                f"{shown}. Correct the value or the declaration."
            )
    return bounds["lower"], bounds["upper"]


def _bound(column: Column, value: Any, key: str) -> float:
    """Give a declared bound in canonical units."""
    try:
        if column.kind == "numeric":
            return float(value)
        moment = pd.Timedelta(value) if column.item == "timedelta" else pd.Timestamp(value)
        return float(to_steps(np.array([moment.to_numpy()]), column.unit)[0])
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"column {column.name!r} is declared with {key}={value!r}, which is no "
            f"{'number' if column.kind == 'numeric' else 'date'}."
        ) from error


def count_decimals(values: FloatArray, *, single: bool = False) -> int | None:
    """Tell to how many decimal places numbers are written.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        Without NaN.
    single : bool, default=False
        Whether the numbers came from float32.

    Returns
    -------
    int or None
        0 for whole numbers, negative for multiples of tens (on at least 20 values), None when more
        than ten places are in use.

    Examples
    --------
    >>> import numpy as np
    >>> count_decimals(np.array([36.5, 37.0, 38.25]))
    2
    """
    cast = np.float32 if single else np.float64
    most = _MAX_DECIMALS
    if values.any():
        # what floating point holds, before and after the point together
        digits = (6 if single else 14) - np.log10(np.abs(values).max())
        most = int(np.clip(digits, 0, _MAX_DECIMALS))
    with np.errstate(over="ignore", invalid="ignore"):
        for places in range(most + 1):
            if np.array_equal(np.round(values, places).astype(cast), values.astype(cast)):
                break
        else:
            return None
    if places or len(values) < 20 or not values.any() or np.abs(values).max() > 2**53:
        return places
    while np.array_equal(np.round(values, places - 1), values):
        places -= 1
    return places


def _refuse_identifier(column: Column, present: pd.Series, named: bool) -> None:
    """Refuse a column that names its rows instead of describing them."""
    n, different = len(present), int(present.nunique())
    if column.kind == "categorical":
        unique = n >= _UNIQUE_ROWS and different >= _UNIQUE_SHARE * n
        if not unique and different <= min(max(_FREE_LEVELS, n / 2), _MOST_LEVELS):
            if (note := levels_like_numbers(column)) is not None:
                _warn(note)
            return
        reason = f"{different} different values in {n} rows"
        if not _ID_NAME.match(str(column.name).strip()):
            refuse_numbers_in_text(column.name, present)
    else:
        whole = column.kind == "numeric" and column.decimals is not None and column.decimals <= 0
        if not (named and whole and n >= _UNIQUE_ROWS and different == n):
            return
        if not _ID_NAME.match(str(column.name).strip()):
            return
        reason = f"a name like an identifier's and a different whole number in each of {n} rows"
    raise InvalidInputError(
        f"column {column.name!r} looks like an identifier or free text: it has {reason}. "
        f"Drop it (X.drop(columns=[{column.name!r}]); in a command: --ignore), or declare what it "
        f"is: schema={{{column.name!r}: {column.kind!r}}} "
        f"({as_option(column.name, column.kind)})."
    )


def _constant_or(column: Column, series: pd.Series, spec: dict[str, Any]) -> Column:
    """Call a column with one value constant, unless more was declared."""
    codes = to_codes(column, series)
    codes = codes[~np.isnan(codes)]
    if not len(codes) or codes.min() != codes.max() or "levels" in spec:
        return column
    value = series.dropna().iloc[0]
    value = value.item() if isinstance(value, np.generic) else value
    plain(value)
    levels = column.levels if column.dtype == "category" else (value,)
    bare = replace(column, decimals=None, lower=None, upper=None, unit="", date_format=None)
    return replace(bare, kind="constant", value=value, levels=levels)


def _warn(message: str) -> None:
    warnings.warn(message, AugmentWarning, stacklevel=5)

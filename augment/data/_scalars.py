"""Column names and category levels as JSON, and back.

Levels are whatever a pandas index may hold: strings and numbers mostly, but ``pandas.cut`` makes
intervals, and dates are common too. A value that cannot make the journey is refused at ``fit``,
so that ``save`` cannot fail later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidTypeError

__all__ = ["plain", "rebuilt"]

_TAG = "$type"


def plain(value: Any) -> Any:
    """Write one scalar with JSON values alone.

    Parameters
    ----------
    value : object
        None, str, bool, int, float, a numpy scalar, a pandas Timestamp, Timedelta or Interval, a
        date, a Decimal, bytes, or a tuple of these.

    Returns
    -------
    object
        A JSON scalar, or a dict with the key ``$type``.

    Raises
    ------
    InvalidTypeError
        For a value of another type.

    Examples
    --------
    >>> plain(("left", 2))
    {'$type': 'tuple', 'items': ['left', 2]}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, tuple):
        return {_TAG: "tuple", "items": [plain(item) for item in value]}
    if isinstance(value, pd.Interval):
        ends = [plain(value.left), plain(value.right)]
        return {_TAG: "interval", "ends": ends, "closed": value.closed}
    text = _as_text(value)
    if text is None:
        raise InvalidTypeError(
            f"names and levels must be strings, numbers, dates or intervals; got {value!r} of type "
            f"{type(value).__name__}. Convert them with astype(str)."
        )
    return text


def _as_text(value: Any) -> dict[str, str] | None:
    """Write a scalar that is rebuilt from one string."""
    if isinstance(value, pd.Timestamp | dt.datetime):
        return {_TAG: "timestamp", "text": pd.Timestamp(value).isoformat()}
    if isinstance(value, dt.date):
        return {_TAG: "date", "text": value.isoformat()}
    if isinstance(value, pd.Timedelta | dt.timedelta):
        return {_TAG: "timedelta", "text": pd.Timedelta(value).isoformat()}
    if isinstance(value, Decimal):
        return {_TAG: "decimal", "text": str(value)}
    if isinstance(value, bytes):
        return {_TAG: "bytes", "text": value.hex()}
    return None


def rebuilt(value: Any) -> Any:
    """Read what :func:`plain` wrote.

    Examples
    --------
    >>> rebuilt(plain(("left", 2)))
    ('left', 2)
    """
    if not isinstance(value, dict):
        return value
    if value[_TAG] == "tuple":
        return tuple(rebuilt(item) for item in value["items"])
    if value[_TAG] == "interval":
        left, right = (rebuilt(end) for end in value["ends"])
        return pd.Interval(left, right, closed=value["closed"])
    readers: dict[str, Callable[[str], Any]] = {
        "timestamp": pd.Timestamp,
        "timedelta": pd.Timedelta,
        "date": dt.date.fromisoformat,
        "decimal": Decimal,
        "bytes": bytes.fromhex,
    }
    return readers[value[_TAG]](value["text"])

"""The parts of a schema: a column, and an exact relation between columns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from augment._optional import optional_import
from augment.data._scalars import plain, rebuilt

__all__ = ["MARKERS", "Column", "LinearRelation", "dtype_name", "dtype_of"]

# How a missing entry of an object column may be written.
MARKERS: dict[str, Any] = {"nan": np.nan, "None": None, "NA": pd.NA, "NaT": pd.NaT}

_ARROW = "arrow:"
_ARROW_DECIMAL = re.compile(r"(decimal\d+)\((\d+), (\d+)\)")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : object
        As in the fitted frame; x0, x1, ... for arrays.
    kind : {"numeric", "boolean", "categorical", "datetime", "constant", "missing"}
        What the column is; see `augment.data.schema`.
    dtype : str
        The pandas dtype to restore, as `dtype_name` gives it.
    levels : tuple
        The values of a categorical, boolean or constant column, in order.
    ordered : bool
        Whether the levels have an order that means something.
    decimals : int or None
        Decimal places of a numeric column: 0 for whole numbers, -1 for tens, None for no limit.
    lower, upper : float or None
        The range of sampled values, in canonical units: the declared one, or else the means of the
        most extreme values (in a column of few values, the levels next inside), so that no single
        row's extreme is kept.
    has_missing : bool
        Whether any entry was missing.
    value : object
        The value of a constant column.
    item : str
        What the dtype alone does not tell: the dtype of categories, or of the items of an object
        column.
    unit : str
        The step of a datetime column: D, h, m, s, ms, us or ns.
    date_format : str or None
        How a datetime column that came as text is written.
    marker : {"nan", "None", "NA", "NaT"}
        How a missing entry of an object column is written.
    since : object
        A date that this one is never before: canonical values count from it, not from 1970.
    earliest, latest : float or None
        With `since`: the range of sampled dates, in steps since 1970.
    """

    name: Any
    kind: str
    dtype: str
    levels: tuple[Any, ...] = ()
    ordered: bool = False
    decimals: int | None = None
    lower: float | None = None
    upper: float | None = None
    has_missing: bool = False
    value: Any = None
    item: str = ""
    unit: str = ""
    date_format: str | None = None
    marker: str = "nan"
    since: Any = None
    earliest: float | None = None
    latest: float | None = None

    @property
    def is_number(self) -> bool:
        """Whether canonical values are amounts (numeric or datetime), not positions."""
        return self.kind in ("numeric", "datetime")

    @property
    def limits(self) -> tuple[float, float]:
        """The range of sampled values; infinite where there is none."""
        if self.kind == "boolean":
            return 0.0, 1.0
        lower = -math.inf if self.lower is None else self.lower
        return lower, math.inf if self.upper is None else self.upper

    def to_dict(self) -> dict[str, Any]:
        """Write the column with JSON values alone."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["levels"] = [plain(level) for level in self.levels]
        values |= {key: plain(values[key]) for key in ("name", "value", "since")}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Column:
        """Read what :meth:`to_dict` wrote."""
        levels = tuple(rebuilt(level) for level in values["levels"])
        others = {key: rebuilt(values[key]) for key in ("name", "value", "since")}
        return cls(**{**values, "levels": levels, **others})


@dataclass(frozen=True)
class LinearRelation:
    """An exact relation: target = intercept + the sum of coefficient × column.

    Examples
    --------
    >>> print(LinearRelation("incidence", (("tilt", 1.0), ("slope", 1.0)), 0.0))
    incidence = tilt + slope
    """

    target: Any
    terms: tuple[tuple[Any, float], ...]
    intercept: float = 0.0

    def __str__(self) -> str:
        text = ""
        for name, coefficient in self.terms:
            size = "" if abs(coefficient) == 1 else f"{abs(coefficient):.6g} × "
            text += f" {'-' if coefficient < 0 else '+'} {size}{name}"
        if self.intercept:
            text += f" {'-' if self.intercept < 0 else '+'} {abs(self.intercept):.6g}"
        return f"{self.target} = {text.removeprefix(' + ').strip()}"

    def to_dict(self) -> dict[str, Any]:
        """Write the relation with JSON values alone."""
        terms = [[plain(name), float(coefficient)] for name, coefficient in self.terms]
        return {"target": plain(self.target), "terms": terms, "intercept": float(self.intercept)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LinearRelation:
        """Read what :meth:`to_dict` wrote."""
        terms = tuple((rebuilt(name), float(number)) for name, number in values["terms"])
        return cls(rebuilt(values["target"]), terms, float(values["intercept"]))


def dtype_name(dtype: Any) -> str:
    """Give the name of a pandas dtype, from which `dtype_of` builds an equal one.

    pandas writes some dtypes alike that differ (text in Python or in Arrow), and cannot read
    all that it writes (decimals of Arrow).
    """
    if isinstance(dtype, pd.ArrowDtype):
        return f"{_ARROW}{dtype.pyarrow_dtype}"
    if isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA and dtype.storage == "python":
        return "string[python]"
    return str(dtype)


def dtype_of(column: Column) -> Any:
    """Give the pandas dtype that a column is restored to."""
    if not column.dtype.startswith(_ARROW):
        return pd.api.types.pandas_dtype(column.dtype)
    pyarrow = optional_import("pyarrow", extra="parquet", purpose="Giving columns of Arrow types")
    name = column.dtype.removeprefix(_ARROW)
    decimal = _ARROW_DECIMAL.fullmatch(name)
    if decimal is not None:
        kind, precision, scale = decimal.groups()
        return pd.ArrowDtype(getattr(pyarrow, kind)(int(precision), int(scale)))
    if name in ("string", "large_string"):  # whose name pandas takes for its own text
        return pd.ArrowDtype(getattr(pyarrow, name)())
    return pd.api.types.pandas_dtype(f"{name}[pyarrow]")

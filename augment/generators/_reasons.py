"""Why a row is unusual: in the units of its columns, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from augment._errors import InvalidInputError
from augment._typing import FloatArray
from augment.data._containers import as_frame
from augment.data.schema import TableSchema

__all__ = ["CellViews", "ReasonsMixin"]

NOTABLE = 1.0
"""Residuals smaller than this are no reason."""
FARTHEST = 10.0
"""Residuals beyond this are told as this."""
LINKED, MOST_LINKS = 0.25, 3
"""Least partial correlation of columns that an expectation is said to rest on, and their number."""
EXPLAINED = 0.5
"""Share of a column's variance from which on the others are said to determine it."""
RARE = 0.05
"""Share of normal rows below which a level is unusual whatever stands beside it."""


@dataclass(frozen=True)
class CellViews:
    """What a generator expects of the cells of rows; arrays are `(n, n_columns)` unless said.

    Attributes
    ----------
    value : ndarray of float64
        Canonical values; not a number where missing.
    expected, low, high : ndarray of float64
        Of numbers: what the other cells of the row let one expect, and its 95 % interval.
    usual_low, usual_high : ndarray of float64
        Of numbers: where 95 % of normal rows lie.
    share : ndarray of float64
        Share of normal rows that have the like.
    unseen, broken : ndarray of float64
        Not 0 for what no normal row had, and where an exact relation is broken.
    links : ndarray of float64 (n_columns, n_columns)
        Absolute partial correlations.
    explained : ndarray of float64 (n_columns,)
        Share of the variance of each column that the others explain.
    """

    value: FloatArray
    expected: FloatArray
    low: FloatArray
    high: FloatArray
    usual_low: FloatArray
    usual_high: FloatArray
    share: FloatArray
    unseen: FloatArray
    broken: FloatArray
    links: FloatArray
    explained: FloatArray

    @classmethod
    def mean(cls, views: Sequence[CellViews]) -> Self:
        """Average what several generators expect."""
        return cls(
            **{name: np.mean([getattr(v, name) for v in views], axis=0) for name in vars(views[0])}
        )

    def side(self, row: int, i: int) -> int:
        """Give 1 for a number above the usual range, -1 for one below, else 0."""
        value = self.value[row, i]
        return int(value > self.usual_high[row, i]) - int(value < self.usual_low[row, i])

    def linked(self, row: int, i: int) -> list[int]:
        """Give the columns that a cell's expectation rests on, if they all but determine it."""
        if self.explained[i] < EXPLAINED:
            return []
        order = np.argsort(-self.links[i], kind="stable")[:MOST_LINKS]
        others = [int(j) for j in order if self.links[i, j] >= LINKED]
        return [j for j in others if np.isfinite(self.value[row, j])]

    def related(self, row: int, i: int) -> list[int]:
        """Give the linked columns that contradict a number; none if they are unusual themselves."""
        value, linked = self.value[row, i], self.linked(row, i)
        fits = self.low[row, i] <= value <= self.high[row, i]
        return [] if fits or any(self.side(row, j) for j in linked) else linked

    def companions(self, row: int, i: int) -> list[int]:
        """Give the linked columns that are out of the usual range on the same side."""
        side = self.side(row, i)
        return [j for j in self.linked(row, i) if side and self.side(row, j) == side]


class ReasonsMixin:
    """`reasons` of a detector."""

    _cross: Any
    _container: Any
    explain: Any

    def reasons(self, X: Any, *, n_reasons: int = 3) -> pd.DataFrame:
        """Say in words, and in the units of the columns, why rows are unusual.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows with the columns of `fit`.
        n_reasons : int, default=3
            Reasons a row at most.

        Returns
        -------
        DataFrame
            A line for each reason, the farthest first. ``row``: position in `X`; ``column``;
            ``residual``: as in `explain`, but not beyond 10 in size; for numbers ``value``,
            ``expected``, ``low`` and ``high`` (what the other cells let one expect, with its 95 %
            interval), ``usual_low`` and ``usual_high`` (where 95 % of normal rows lie);
            ``related``: the columns that the expectation rests on, if they determine it; ``text``.

        Raises
        ------
        InvalidInputError
            If the detector was fitted on images.

        Notes
        -----
        Where columns all but determine each other, such as the radius and the area of a cell, it
        cannot be told which of them is wrong: one reason names them all. No interval is given for
        a cell whose related cells are themselves outside the usual range: nothing is known there.
        """
        check_is_fitted(self)
        X = self._container(X)
        if np.ndim(X) != 2:
            raise InvalidInputError(
                "reasons are for tables; of images, explain gives the map of unusual pixels."
            )
        frame = as_frame(X, warn=False)[0]
        schema, views = self._cross.views(X)
        residuals = np.asarray(self.explain(X), dtype=np.float64)
        lines = [
            line
            for row in range(len(frame))
            for line in _of_row(row, frame, schema, views, residuals[row], n_reasons)
        ]
        return pd.DataFrame(lines, columns=_FIELDS)


_NUMBERS = ("value", "expected", "low", "high", "usual_low", "usual_high")
_FIELDS = ["row", "column", "residual", *_NUMBERS, "related", "text"]


def _of_row(
    row: int,
    frame: pd.DataFrame,
    schema: TableSchema,
    views: CellViews,
    residuals: FloatArray,
    n_reasons: int,
) -> list[dict[str, Any]]:
    """Give the reasons of one row, those of one broken relation together."""
    lines: list[dict[str, Any]] = []
    told: set[int] = set()
    for i in np.argsort(-np.abs(residuals), kind="stable").tolist():
        if abs(residuals[i]) <= NOTABLE or len(lines) == n_reasons:
            break
        if i in told:
            continue
        related = views.related(row, i)
        told.update(related, views.companions(row, i))
        is_number = schema.columns[i].kind == "numeric" and np.isfinite(views.value[row, i])
        numbers = {n: getattr(views, n)[row, i] if is_number else np.nan for n in _NUMBERS}
        lines.append(
            {
                "row": row,
                "column": frame.columns[i],
                "residual": float(np.clip(residuals[i], -FARTHEST, FARTHEST)),
                **numbers,
                "related": ", ".join(str(frame.columns[j]) for j in related),
                "text": _sentence(row, i, frame, schema, views, residuals[i]),
            }
        )
    return lines


def _sentence(
    row: int,
    i: int,
    frame: pd.DataFrame,
    schema: TableSchema,
    views: CellViews,
    residual: float,
) -> str:
    """Say what is unusual about one cell."""
    cell: Any = frame.iloc[row, i]
    name, column = str(frame.columns[i]), schema.columns[i]
    share = f"{100 * views.share[row, i]:.0f} % of normal rows"
    if views.broken[row, i]:
        return f"{name} {_written(cell)} (does not fit {_relation(schema, i)})"
    if pd.isna(cell) or not column.is_number:
        text = f"{name} {'is missing' if pd.isna(cell) else _written(cell)}"
        if views.unseen[row, i]:
            return f"{text} (in no normal row)"
        beside = "" if views.share[row, i] < RARE else ", unusual beside the rest"
        return f"{text}{beside} (in {share})"
    size = f"more than {FARTHEST:.0f}" if abs(residual) > FARTHEST else f"{abs(residual):.1f}"
    high, low = ("late", "early") if column.kind == "datetime" else ("high", "low")
    text = f"{name} {_written(cell)}, {size} deviations {high if residual > 0 else low}"
    if column.kind == "datetime":
        return text
    parts, related = [], views.related(row, i)
    if views.side(row, i):
        ends = views.usual_low[row, i], views.usual_high[row, i]
        parts.append(f"95 % of normal rows: {_interval(*ends, column.decimals)}")
    if related:
        ends = views.low[row, i], views.high[row, i]
        names = _listed([str(frame.columns[j]) for j in related])
        parts.append(f"with this {names}: {_interval(*ends, column.decimals)}")
    text += f" ({', '.join(parts)})" if parts else ""
    companions = [str(frame.columns[j]) for j in views.companions(row, i)]
    return f"{text}, like {_listed(companions)}" if companions else text


def _relation(schema: TableSchema, i: int) -> str:
    """Write the first exact relation that a column is part of."""
    name = schema.names[i]
    for relation in schema.relations:
        if name == relation.target or name in dict(relation.terms):
            return str(relation)
    return "the other columns"


def _listed(names: list[str]) -> str:
    """Write names as a list."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _written(value: Any) -> str:
    """Write a value as it stands in the table, a number without the noise of its type."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return str(value).removesuffix(" 00:00:00")
    return f"{float(value):.10g}"


def _interval(low: float, high: float, decimals: int | None) -> str:
    """Write an interval with four digits, and no more decimals than the column has."""
    digits = 12 if decimals is None else decimals
    return " to ".join(f"{round(float(f'{end:.4g}'), digits):.10g}" for end in (low, high))

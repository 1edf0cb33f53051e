"""Exact linear relations between columns: found at ``fit``, kept on sampling.

Clinical tables hold columns that are computed from others: a sum of angles, a total of item grades,
a unit converted, a stay from admission to discharge, a flag that repeats another. A generator that
models all of them breaks the relation in every row. Here one column of each relation becomes
dependent: it is not modelled, but recomputed after decoding. Flags count as 0 and 1, and dates as
steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from augment._typing import FloatArray
from augment.data._quantiles import rounded
from augment.data.columns import Column, LinearRelation

__all__ = ["find_relations", "keep_relations"]

# Different complete rows needed: far more than chance could fit.
_MIN_ROWS, _ROWS_PER_COLUMN = 30, 3
# Each column of a relation differs from its most frequent value in so many rows.
_MIN_VARIED = 10
# A column that the earlier ones leave unexplained by less than this share is looked at closely.
_SUSPICIOUS = 0.1
# Rounding may explain such a share of the target's spread: with any coefficients; with simple ones;
# with simple ones and rounding of the target alone.
_SHARP, _SHARP_SIMPLE, _SHARP_OWN = 0.002, 0.02, 0.1
# A simple coefficient is a fraction of whole numbers up to this.
_MAX_WHOLE = 12


@dataclass(frozen=True)
class _Found:
    """The column ``target`` is ``intercept`` plus the sum of ``terms`` (column: coefficient)."""

    target: int
    terms: dict[int, float]
    intercept: float


@dataclass(frozen=True)
class _Rows:
    """The complete rows of the candidate columns.

    ``rounding`` is half a decimal step of each column, or what floating point loses.
    """

    values: FloatArray
    rounding: FloatArray
    spread: FloatArray
    decimals: list[int | None]


def find_relations(columns: Sequence[Column], values: FloatArray) -> tuple[LinearRelation, ...]:
    """Find the exact linear relations of a table.

    Columns are taken in order. One that the earlier ones explain in every complete row, up to the
    columns' rounding, is in a relation; its coefficients are those of least squares, made sparse,
    and simple fractions where these explain the rows as well. A sum is written with the total as
    its target.

    Parameters
    ----------
    columns : sequence of Column
    values : ndarray of shape (n, n_columns), float64
        Canonical; NaN where missing.

    Returns
    -------
    tuple of LinearRelation
        No target is a term of any relation. Empty when there are fewer than
        max(30, 3 × columns looked at) different complete rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> parts = rng.normal(size=(50, 2)).round(2)
    >>> X = np.column_stack([parts, parts.sum(axis=1).round(2)])
    >>> columns = [Column(name, "numeric", "float64", decimals=2) for name in "abt"]
    >>> [str(relation) for relation in find_relations(columns, X)]
    ['t = a + b']
    """
    chosen = _candidates(columns, values)
    if len(chosen) < 2:
        return ()
    table = _complete_rows([columns[i] for i in chosen], values[:, chosen])
    found: list[_Found] = []
    basis: list[int] = []
    span = np.full((1, len(table.values)), len(table.values) ** -0.5)
    for j in range(len(chosen)):
        rest = (table.values[:, j] - table.values[:, j].mean()) / table.spread[j]
        for _ in range(2):  # the second pass removes what rounding left over
            rest = rest - span.T @ (span @ rest)
        size = float(np.linalg.norm(rest))
        close = basis and size < _SUSPICIOUS * len(rest) ** 0.5
        relation = _explain(table, j, basis) if close else None
        if relation is None:
            basis.append(j)
            if size > 1e-9 * len(rest) ** 0.5:
                span = np.vstack([span, rest / size])
            continue
        relation = _with_total_as_target(relation, {k for other in found for k in other.terms})
        if relation.target != j:
            basis[basis.index(relation.target)] = j
        found.append(relation)
    names = [columns[i].name for i in chosen]
    return tuple(
        LinearRelation(
            names[r.target], tuple((names[k], c) for k, c in r.terms.items()), r.intercept
        )
        for r in found
    )


def _candidates(columns: Sequence[Column], values: FloatArray) -> list[int]:
    """Choose columns of amounts and flags that vary, and drop the emptiest until rows suffice."""
    chosen = []
    for i, column in enumerate(columns):
        seen = values[~np.isnan(values[:, i]), i]
        if (column.is_number or column.kind == "boolean") and len(seen) >= _MIN_ROWS:
            counts = np.unique(seen, return_counts=True)[1]
            if len(seen) - counts.max() >= _MIN_VARIED:
                chosen.append(i)
    missing = np.isnan(values[:, chosen]).sum(axis=0) if chosen else np.zeros(0)
    # plain numbers are given up last: most relations are between them
    other = np.array([columns[i].kind != "numeric" for i in chosen])
    order = [chosen[k] for k in np.lexsort((missing, other))]
    while order:
        complete = values[:, order][~np.isnan(values[:, order]).any(axis=1)]
        if len(np.unique(complete, axis=0)) >= max(_MIN_ROWS, _ROWS_PER_COLUMN * len(order)):
            break
        order.pop()
    return sorted(order)


def _complete_rows(columns: list[Column], values: FloatArray) -> _Rows:
    values = values[~np.isnan(values).any(axis=1)]
    size = np.abs(values).max(axis=0)
    loss = np.array([1e-6 if column.dtype == "float32" else 1e-12 for column in columns])
    decimals = [_places(column) for column in columns]
    steps = np.array([0.0 if places is None else 0.5 * 10.0**-places for places in decimals])
    return _Rows(values, steps + loss * size, values.std(axis=0), decimals)


def _places(column: Column) -> int | None:
    """Give the decimal places of a column; a flag has none."""
    return 0 if column.kind == "boolean" else column.decimals


def _explain(table: _Rows, target: int, basis: list[int]) -> _Found | None:
    """Find the sparsest relation of a column with earlier ones that holds in every row."""
    centred = table.values - table.values.mean(axis=0)
    full = np.linalg.lstsq(centred[:, basis] / table.spread[basis], centred[:, target], rcond=None)[
        0
    ]
    largest_first = [basis[k] for k in np.argsort(-np.abs(full), kind="stable")]
    for count in range(1, len(basis) + 1):
        terms = largest_first[:count]
        scaled = centred[:, terms] / table.spread[terms]
        fit = np.linalg.lstsq(scaled, centred[:, target], rcond=None)[0]
        if np.linalg.norm(centred[:, target] - scaled @ fit) > _SUSPICIOUS * np.linalg.norm(
            centred[:, target]
        ):
            continue
        exact = dict(zip(terms, (fit / table.spread[terms]).tolist(), strict=True))
        for coefficients, is_simple in _versions(exact):
            kept = {k: coefficients[k] for k in sorted(coefficients) if coefficients[k]}
            relation = _checked(table, target, kept, is_simple) if kept else None
            if relation is not None:
                return relation
    return None


def _versions(exact: dict[int, float]) -> Iterator[tuple[dict[int, float], bool]]:
    """Give the coefficients as simple fractions, with few digits, and as they are."""
    yield {k: _simple(coefficient) for k, coefficient in exact.items()}, True
    for digits in (2, 3, 4, 5, 6):
        yield {k: float(f"{coefficient:.{digits}g}") for k, coefficient in exact.items()}, False
    yield exact, False


def _simple(coefficient: float) -> float:
    """Give the fraction of small whole numbers nearest to a coefficient."""
    fraction = Fraction(coefficient).limit_denominator(_MAX_WHOLE)
    return float(fraction) if abs(fraction.numerator) <= _MAX_WHOLE else coefficient


def _checked(table: _Rows, target: int, terms: dict[int, float], is_simple: bool) -> _Found | None:
    """Add the intercept, and give the relation if rounding explains all that is left."""
    rest = table.values[:, target] - sum(c * table.values[:, k] for k, c in terms.items())
    tolerance = _tolerance(table, target, terms, is_simple)
    middle = float(rest.max() + rest.min()) / 2
    places = table.decimals[target]
    for intercept in (0.0, middle if places is None else round(middle, places), middle):
        if np.abs(rest - intercept).max() <= tolerance * (1 + 1e-6):
            return _Found(target, terms, intercept)
    return None


def _tolerance(table: _Rows, target: int, terms: dict[int, float], is_simple: bool) -> float:
    """Give the largest misfit that rounding explains and that chance does not."""
    spread = float(table.spread[target])
    own = float(table.rounding[target])
    # The total may have been rounded by itself, or computed from terms that were not yet rounded.
    both = own + sum(abs(c) * float(table.rounding[k]) for k, c in terms.items())
    allowed = 1e-9 * spread
    if own <= (_SHARP_OWN if is_simple else _SHARP) * spread:
        allowed = max(allowed, own)
    if both <= (_SHARP_SIMPLE if is_simple else _SHARP) * spread:
        allowed = max(allowed, both)
    return allowed


def _with_total_as_target(relation: _Found, taken: set[int]) -> _Found:
    """Turn c = t - a into t = a + c, unless t is already a term of another relation."""
    positive = [k for k, c in relation.terms.items() if c > 0]
    if len(positive) != 1 or len(relation.terms) < 2 or relation.terms[positive[0]] != 1.0:
        return relation
    total = positive[0]
    if total in taken:
        return relation
    terms = {k: -c for k, c in relation.terms.items() if k != total}
    terms[relation.target] = 1.0
    return _Found(total, {k: terms[k] for k in sorted(terms)}, -relation.intercept)


def keep_relations(
    columns: Sequence[Column], relations: Sequence[LinearRelation], values: FloatArray
) -> None:
    """Recompute the targets of all relations, in place.

    A total that leaves its range takes its terms along: they give way one after the other, inside
    their own ranges, so that both the relation and the ranges hold.

    Parameters
    ----------
    columns : sequence of Column
    relations : sequence of LinearRelation
    values : ndarray of shape (n_columns, n), float64
        Canonical, without NaN in the columns concerned.
    """
    names = [column.name for column in columns]
    for relation in relations:
        target = names.index(relation.target)
        terms = [(names.index(name), coefficient) for name, coefficient in relation.terms]
        total = _total(relation, terms, values)
        excess = np.clip(total, *columns[target].limits) - total
        for k, coefficient in terms:
            if not excess.any():
                break
            moved = _moved(columns[k], values[k], excess / coefficient)
            excess = np.where(
                np.sign(excess) == np.sign(left := excess - coefficient * (moved - values[k])),
                left,
                0.0,
            )
            values[k] = moved
    for relation in relations:
        target = names.index(relation.target)
        terms = [(names.index(name), coefficient) for name, coefficient in relation.terms]
        total, places = _total(relation, terms, values), _places(columns[target])
        values[target] = total if places is None else rounded(total, places)


def _total(
    relation: LinearRelation, terms: list[tuple[int, float]], values: FloatArray
) -> FloatArray:
    total = np.full(values.shape[1], relation.intercept)
    for k, coefficient in terms:
        total += coefficient * values[k]
    return total


def _moved(column: Column, values: FloatArray, change: FloatArray) -> FloatArray:
    """Change values by at least as much as asked, in decimal steps and inside their range."""
    (lower, upper), places = column.limits, _places(column)
    if places is not None:
        step = 10.0**-places
        change = np.sign(change) * np.ceil(np.abs(change) / step - 1e-6) * step
        lower, upper = np.ceil(lower / step - 1e-6) * step, np.floor(upper / step + 1e-6) * step
    moved = np.where(change == 0, values, np.clip(values + change, lower, upper))
    return moved if places is None else rounded(moved, places)

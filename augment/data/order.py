"""Dates that never come before another one, kept as the time since it.

Nobody is discharged before the admission. Modelled one by one, two dates that lie close together in
every row come out years apart, and half of them the wrong way round. Here the later one is held as
the steps since the earlier one, of which none is below 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from augment._typing import FloatArray
from augment.data._quantiles import smoothed_ends
from augment.data.columns import Column, LinearRelation

__all__ = ["absolute", "find_order", "keep_windows", "relative"]

# Steps in a day; finer ones than seconds lose digits in a float.
_STEPS = {"D": 1, "h": 24, "m": 1440, "s": 86400}
# Fewer rows prove nothing, nor does an order that pairs drawn at random would mostly have, too.
_MIN_ROWS, _MIN_BROKEN = 30, 10.0


def find_order(
    columns: Sequence[Column], values: FloatArray, relations: Sequence[LinearRelation]
) -> tuple[Column, ...]:
    """Find dates that are never before another, and give the columns with that said of them.

    Parameters
    ----------
    columns : sequence of Column
    values : ndarray of shape (n, n_columns), float64
        Canonical, each date since 1970; NaN where missing.
    relations : sequence of LinearRelation
        Columns that take part in one are left as they are.

    Returns
    -------
    tuple of Column
        A date with ``since`` has its range in steps since that column.
    """
    related = {name for r in relations for name in (r.target, *(term for term, _ in r.terms))}
    dates = [i for i, c in enumerate(columns) if c.unit in _STEPS and c.item != "timedelta"]
    dates = [i for i in dates if columns[i].kind == "datetime"]
    middle = {i: float(np.nanmean(values[:, i]) / _STEPS[columns[i].unit]) for i in dates}
    found = list(columns)
    for j in dates:
        if columns[j].name in related:
            continue
        earlier = [i for i in dates if middle[i] < middle[j] and not np.isnan(values[:, i]).any()]
        gaps = {i: values[:, j] - _steps(columns[i], columns[j], values[:, i]) for i in earlier}
        gaps = {i: gap for i, gap in gaps.items() if _is_order(gap, values[:, j])}
        if not gaps:
            continue
        nearest = min(gaps, key=lambda i: float(np.nanstd(gaps[i])))
        gap = gaps[nearest][~np.isnan(gaps[nearest])]
        lower, upper = smoothed_ends(gap)
        anchor, (first, last) = columns[nearest], columns[j].limits
        found[j] = replace(
            columns[j],
            lower=lower,
            upper=upper,
            since=anchor.name,
            earliest=first,
            latest=max(last, float(_steps(anchor, columns[j], anchor.limits[1]))),
        )
    return tuple(found)


def _is_order(gap: FloatArray, later: FloatArray) -> bool:
    """Tell whether no gap is below 0, although many would be if rows were paired at random."""
    seen = ~np.isnan(gap)
    gap, later = gap[seen], later[seen]
    if len(gap) < _MIN_ROWS or gap.min() < 0:
        return False
    earlier = np.sort(later - gap)
    broken = len(earlier) - np.searchsorted(earlier, later, side="right")
    return bool(broken.mean() >= _MIN_BROKEN)


def _steps(column: Column, like: Column, values: FloatArray | float) -> FloatArray:
    """Give whole steps of one column in those of another, rounded down."""
    factor = _STEPS[like.unit] / _STEPS[column.unit]
    return np.asarray(np.floor(np.asarray(values) * factor + 1e-9))


def relative(columns: Sequence[Column], values: FloatArray) -> FloatArray:
    """Turn dates since 1970 (n, n_columns) into dates since the columns they are held by."""
    chain = _chain(columns)
    result = values.copy() if chain else values
    for j, i in chain:
        result[:, j] -= _steps(columns[i], columns[j], values[:, i])
    return result


def absolute(columns: Sequence[Column], values: FloatArray) -> FloatArray:
    """Turn what :func:`relative` gave back."""
    chain = _chain(columns)
    result = values.copy() if chain else values
    for j, i in chain:
        result[:, j] += _steps(columns[i], columns[j], result[:, i])
    return result


def _chain(columns: Sequence[Column]) -> list[tuple[int, int]]:
    """Give each date that is held by another, and that other, the earlier dates first."""
    places = {column.name: i for i, column in enumerate(columns)}
    waiting = [j for j, column in enumerate(columns) if column.since is not None]
    chain: list[tuple[int, int]] = []
    while waiting:
        ready = [j for j in waiting if places[columns[j].since] not in waiting]
        chain += [(j, places[columns[j].since]) for j in ready]
        waiting = [j for j in waiting if j not in ready]
    return chain


def keep_windows(columns: Sequence[Column], values: FloatArray) -> None:
    """Change, in place, what would lead out of the range of its column.

    Parameters
    ----------
    columns : sequence of Column
    values : ndarray of shape (n_columns, n), float64
        Canonical, without NaN in the columns concerned.
    """
    chain = _chain(columns)
    dates = values.copy() if chain else values
    for j, i in chain:
        start = _steps(columns[i], columns[j], dates[i])
        inside = np.clip(start + values[j], columns[j].earliest, columns[j].latest)
        values[j] = np.maximum(inside - start, 0.0)
        dates[j] = start + values[j]

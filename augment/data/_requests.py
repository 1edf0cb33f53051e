"""The arguments of ``sample``, checked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augment._errors import AugmentWarning, InvalidInputError, InvalidTypeError
from augment._typing import FloatArray
from augment.data._values import from_codes
from augment.data.columns import Column

__all__ = ["check_n_samples", "counted_labels", "part_of_counts", "warn_of_far_values"]

# A request may leave the range by so much of its width before it is called far outside.
_MARGIN = 0.1


def check_n_samples(n_samples: Any) -> int:
    """Check a number of rows.

    Raises
    ------
    InvalidTypeError
        If it is no whole number (True and 2.0 are none).
    InvalidInputError
        If it is below 1.

    Examples
    --------
    >>> check_n_samples(5)
    5
    """
    if not isinstance(n_samples, int | np.integer) or isinstance(n_samples, bool):
        raise InvalidTypeError(
            f"n_samples must be an integer of at least 1; got n_samples={n_samples!r} "
            f"({type(n_samples).__name__})."
        )
    if n_samples < 1:
        raise InvalidInputError(
            f"n_samples must be an integer of at least 1; got n_samples={int(n_samples)}."
        )
    return int(n_samples)


def counted_labels(counts: Mapping[Any, Any]) -> list[Any]:
    """Give one label for each row, from counts per label.

    Examples
    --------
    >>> counted_labels({"malignant": 2, "benign": 1})
    ['malignant', 'malignant', 'benign']
    """
    for label, count in counts.items():
        if not isinstance(count, int | np.integer) or isinstance(count, bool):
            raise InvalidTypeError(
                f"y must give a whole number of rows for each label; got {count!r} for {label!r}."
            )
        if count < 0:
            raise InvalidInputError(
                f"y must give a number of rows for each label, 0 or more; got {count} for "
                f"{label!r}."
            )
    if not sum(counts.values()):
        raise InvalidInputError(f"y asks for no rows at all: {dict(counts)!r}.")
    return [label for label, count in counts.items() for _ in range(int(count))]


def part_of_counts(counts: Mapping[Any, int], start: int, stop: int) -> dict[Any, int]:
    """Give the counts of rows ``start`` to ``stop`` of those that `counted_labels` lists.

    Examples
    --------
    >>> part_of_counts({"malignant": 2, "benign": 3}, 1, 4)
    {'malignant': 1, 'benign': 2}
    """
    part, first = {}, 0
    for label, count in counts.items():
        inside = min(stop, first + count) - max(start, first)
        if inside > 0:
            part[label] = inside
        first += count
    return part


def warn_of_far_values(columns: Sequence[Column], values: FloatArray, *, frame: bool) -> None:
    """Warn of continuous conditions that are asked for far outside their range at ``fit``.

    Parameters
    ----------
    columns : sequence of k Column
    values : ndarray of shape (n, k), float64
        Canonical.
    frame : bool
        Whether the conditions have names; else the only one is the target.

    Warns
    -----
    AugmentWarning
        For each column with a value beyond the smoothed ends of the fitted rows by more than 10 %
        of their distance. Rows are made as for the end, because nothing is known beyond it.
    """
    for i, column in enumerate(columns):
        if not column.is_number:
            continue
        lower, upper = column.limits
        beyond = np.maximum(lower - values[:, i], values[:, i] - upper)
        far = beyond > _MARGIN * (upper - lower)
        if not far.any():
            continue
        what = f"condition {column.name!r}" if frame else "the target"
        worst, lowest, highest = (
            _shown(column, code) for code in (values[beyond.argmax(), i], lower, upper)
        )
        warnings.warn(
            f"y asks for {what} of {worst}, far outside the fitted range, {lowest} to {highest}; "
            f"{int(far.sum())} of {len(values)} rows are made as for the end of that range. Ask "
            "for values inside it, or fit on rows that reach further.",
            AugmentWarning,
            stacklevel=4,
        )


def _shown(column: Column, code: float) -> str:
    if column.kind == "datetime":
        return str(from_codes(column, np.array([np.rint(code)])).iloc[0])
    return f"{code:.6g}"

"""The arguments of ``sample``, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from augment._errors import InvalidInputError, InvalidTypeError

__all__ = ["check_n_samples", "counted_labels"]


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

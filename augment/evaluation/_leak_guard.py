"""Refuses a hold-out that a generator was fitted on."""

from __future__ import annotations

from typing import Any

import pandas as pd

from augment._errors import InvalidInputError
from augment.generators._seen import SeenRows

__all__ = ["refuse_leak"]


def refuse_leak(generator: Any, train: Any, holdout: Any) -> list[str]:
    """Refuse a hold-out of which the generator saw more than duplicates explain.

    Parameters
    ----------
    generator : generator
        Fitted in this process, or else nothing can be checked.
    train, holdout : DataFrame or ndarray of shape (n, ...)
        The features.

    Returns
    -------
    list of str
        What a careful reader should know.

    Raises
    ------
    InvalidInputError
        If the generator was fitted on more of the held-out rows than have a duplicate in `train`.
    """
    seen: SeenRows | None = getattr(generator, "_seen_rows", None)
    if seen is None:
        return [
            "Whether the generator saw held-out rows could not be checked: it was not fitted in "
            "this session. Fingerprints of rows are neither saved nor copied."
        ]
    n_seen = int(seen.matches(_like(train, holdout)).sum())
    n_twins = int(SeenRows(train).matches(holdout).sum())
    if n_seen > n_twins:
        raise InvalidInputError(
            f"The generator was fitted on {n_seen} of the {len(holdout)} held-out rows, and only "
            f"{n_twins} of them have a duplicate among the training rows: no figure would mean "
            "anything. Split first, fit the generator on the training part alone, and pass the "
            "other part as the hold-out."
        )
    n_strange = int((~seen.matches(train)).sum())
    if n_strange:
        return [
            f"{n_strange} of the {len(train)} training rows are not among the rows that the "
            "generator was fitted on. Pass the rows of the fit."
        ]
    return []


def _like(train: Any, holdout: Any) -> Any:
    """Bring the columns of the hold-out into the order of the training rows."""
    if isinstance(train, pd.DataFrame) and isinstance(holdout, pd.DataFrame):
        return holdout[train.columns]
    return holdout

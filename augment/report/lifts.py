"""The lifts of a study: which arm is judged against which, and where its numbers stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.report.words import DECIDING

__all__ = ["find", "judged_lift", "overall_lifts"]

EVERYONE = "all"
"""The mean over classifiers."""


def find(
    rows: Sequence[Mapping[str, Any]], arm: str, metric: str, estimator: str = EVERYONE
) -> Mapping[str, Any] | None:
    """Find an arm's line of the summary; of the mean over classifiers, if none is named."""
    wanted = (estimator, arm, metric)
    return next((r for r in rows if (r["estimator"], r["arm"], r["metric"]) == wanted), None)


def judged_lift(
    study: Mapping[str, Any], metric: str, estimator: str = EVERYONE
) -> Mapping[str, Any] | None:
    """Find the lift that the verdict is about.

    Parameters
    ----------
    study : mapping
        With ``roles``, ``comparisons`` and ``summary``.
    metric : str
        A metric.
    estimator : str
        A classifier; the mean over all by default.

    Returns
    -------
    mapping or None
        ``lift``, ``lower``, ``upper`` and, where patients are known, ``group_lower``,
        ``group_upper``.
    """
    roles = study["roles"]
    wanted = (estimator, roles["judged"], roles["reference"], metric)
    for row in study["comparisons"]:
        if (row["estimator"], row["arm"], row["reference"], row["metric"]) == wanted:
            return dict(row)
    return find(study["summary"], roles["judged"], metric, estimator)


def overall_lifts(study: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give lift and interval of the mean over classifiers, for each deciding metric."""
    found = {metric: judged_lift(study, metric) for metric in DECIDING}
    parts = ("lift", "lower", "upper")
    return {metric: {part: row[part] for part in parts} for metric, row in found.items() if row}

"""What a careful reader of a result should know, as plain sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from sklearn.utils.validation import has_fit_parameter

from augment.evaluation.arms import Plan
from augment.evaluation.worker import Report

__all__ = ["cohort_notes", "failed_pairs", "run_notes"]

_MAX_WARNINGS = 8


def cohort_notes(plan: Plan, n_twins: int) -> list[str]:
    """Name the classes that are not scored, duplicates, and who cannot weigh rows."""
    notes = []
    for k, label in enumerate(plan.cohort.classes.tolist()):
        if k not in plan.kept:
            n = int((plan.cohort.codes == k).sum())
            notes.append(
                f"Class {label!r} has {n} row(s), fewer than there are splits: it stays in every "
                "training part and is left out of scoring."
            )
    if n_twins:
        where = "" if plan.cohort.groups is None else " of another group"
        notes.append(
            f"{n_twins} rows have an exact duplicate{where}: where the two fall on different sides "
            "of a split, scores of all arms are a little too good. Drop duplicates, or pass groups."
        )
    notes.extend(
        f"{candidate.name} takes no sample_weight, so every row counts alike to it: synthetic ones "
        f"in full, and not {plan.weight:g} times as much as real ones."
        for candidate in plan.candidates
        if plan.weight != 1 and not has_fit_parameter(candidate.learner, "sample_weight")
    )
    return notes


def failed_pairs(reports: Sequence[Report]) -> dict[tuple[str, str | None], list[str]]:
    """Gather failures of all splits: (arm, classifier or None) to messages."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for report in reports:
        for arm, classifier, text in report.failures:
            found.setdefault((arm, classifier), []).append(text)
    return found


def _failure_notes(reports: Sequence[Report]) -> list[str]:
    notes = []
    for (arm, classifier), texts in failed_pairs(reports).items():
        what = f"Arm {arm!r}" if classifier is None else f"{classifier} in arm {arm!r}"
        often = f"{len(texts)} of {len(reports)} splits"
        notes.append(f"{what} is left out: it failed in {often}. {texts[0]}")
    return notes


def _warning_notes(reports: Sequence[Report]) -> list[str]:
    """Count warnings; texts that differ by numbers alone are one."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for report in reports:
        kinds = {re.sub(r"[-+]?\d[\d.e+-]*", "#", text): text for text in sorted(report.warnings)}
        counts.update(kinds.keys())
        for kind, text in kinds.items():
            first.setdefault(kind, text)
    return [
        f"{first[kind]} (in {count} of {len(reports)} splits)"
        for kind, count in counts.most_common(_MAX_WARNINGS)
    ]


def run_notes(reports: Sequence[Report]) -> list[str]:
    """Name what failed and what warned."""
    return _failure_notes(reports) + _warning_notes(reports)

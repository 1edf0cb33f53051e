"""The rule of the privacy verdict, and the result in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from augment.evaluation._plain_table import aligned, records
from augment.evaluation._privacy_copies import Copies

if TYPE_CHECKING:
    from augment.evaluation._privacy_result import PrivacyResult

__all__ = ["AUDIT", "LEAK_LEVEL", "NEARNESS_LEVEL", "judge", "privacy_table"]

AUDIT = "refits on halves"
LEAK_LEVEL, NEARNESS_LEVEL = 0.02, 0.005
"""The chance of the attacks, and of the test of all rows, to find a leak where there is none."""
_MOST_SHOWN = 5


def judge(
    copies: Copies,
    attacks: pd.DataFrame,
    strongest: dict[str, Any],
    nearest: dict[str, float],
    n_train: int,
) -> tuple[str, str]:
    """Apply the rule that `evaluate_privacy` states, and say why."""
    leaking = attacks[attacks["p_value"] <= LEAK_LEVEL]
    leak = ""
    if len(leaking):
        line = max(records(leaking), key=lambda line: float(line["auc"]))
        leak = (
            f"An attack ({line['attack']}) tells training rows from rows of other patients with an "
            f"AUC of {line['auc']:.2f}{_accusation(line)}."
        )
    elif nearest["p_value"] <= NEARNESS_LEVEL:
        leak = (
            "Synthetic rows lie nearer to training rows than chance explains: {share:.0%} are "
            "nearest to one, where {expected:.0%} would be by chance, or some lie much nearer."
        ).format(**nearest)
    if copies.n_evident:
        exact = f", {copies.n_exact} of them exactly" if copies.n_exact else ""
        text = (
            f"{copies.n_evident} of {len(copies.table)} synthetic rows repeat a training row more "
            f"closely than chance explains{exact}."
        )
        return "copies found", f"{text} {leak}".strip()
    if leak:
        return "memorisation found", leak
    return (
        "nothing found at this size",
        f"No copies that chance does not explain, and the strongest attack on {n_train} training "
        "rows has an AUC of "
        "{auc:.2f} [{lower:.2f}, {upper:.2f}], where 0.5 is guessing. Less than that cannot be "
        "seen with so few rows.".format(**strongest),
    )


def _accusation(line: dict[str, Any]) -> str:
    """Say how many an attack finds; with few patients it may accuse all of them."""
    if line["fpr"] >= 1:
        return ""
    return f", and finds {line['tpr']:.0%} of them while it accuses {line['fpr']:.0%} of the others"


def privacy_table(result: PrivacyResult) -> str:
    """Write the attacks as a table with the verdict under it.

    Parameters
    ----------
    result : PrivacyResult
        What to print.

    Returns
    -------
    str
        Several lines, without a trailing newline.
    """
    cells = [["attack", "AUC [95 %]", "found", "accused", "p"]]
    cells += [
        [
            str(line["attack"]),
            "{auc:.3f} [{lower:.3f}, {upper:.3f}]".format(**line),
            f"{line['tpr']:.0%}",
            f"{line['fpr']:.0%}",
            f"{line['p_value']:.2g}",
        ]
        for line in records(result.attacks)
    ]
    *rows, rule = aligned(cells)
    text = [rows[0], rule, *rows[1:], rule, f"Verdict: {result.verdict}. {result.reason}"]
    text.extend(_most_exposed(result.exposed))
    text.extend(f"Note: {note}" for note in result.notes)
    return "\n".join(text)


def _most_exposed(exposed: pd.DataFrame) -> list[str]:
    copied = exposed[exposed["n_copies"] > 0]
    if not len(copied):
        return []
    lines = records(copied.head(_MOST_SHOWN))
    shown = ", ".join("{row} ({n_copies})".format(**line) for line in lines)
    return [f"Training rows that are copied (how often): {shown}; {len(copied)} in all."]

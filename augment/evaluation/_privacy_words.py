"""The result of `evaluate_privacy` in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from augment.evaluation._plain_table import aligned, records

if TYPE_CHECKING:
    from augment.evaluation._privacy_result import PrivacyResult

__all__ = ["privacy_table"]

_MOST_SHOWN = 5


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

"""The result of `evaluate_fidelity` in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from augment.evaluation._plain_table import aligned, records

if TYPE_CHECKING:
    from augment.evaluation._fidelity_result import FidelityResult

__all__ = ["fidelity_table"]


def fidelity_table(result: FidelityResult) -> str:
    """Write the summary as a table with the verdict under it.

    Parameters
    ----------
    result : FidelityResult
        What to print.

    Returns
    -------
    str
        Several lines, without a trailing newline.
    """
    head = ["metric", "in", "synthetic", "real floor [range]", "better"]
    cells = [head]
    for line in records(result.summary):
        name = f"{line['metric']}, {line['label']}" if line["label"] else str(line["metric"])
        span = "{floor:.3f} [{floor_lower:.3f}, {floor_upper:.3f}]".format(**line)
        cells.append(
            [name, str(line["features"]), f"{line['value']:.3f}", span, str(line["better"])]
        )
    *rows, rule = aligned(cells)
    text = [rows[0], rule, *rows[1:], rule, f"Verdict: {result.verdict}. {result.reason}"]
    text.extend(_worst_column(result.by_column))
    text.extend(
        f"Relation {line['relation']}: kept in {line['synthetic']:.0%} of synthetic rows."
        for line in records(result.relations)
    )
    text.extend(f"Note: {note}" for note in result.notes)
    return "\n".join(text)


def _worst_column(by_column: pd.DataFrame) -> list[str]:
    """Name the column whose margin is furthest beyond its floor, if one is."""
    beyond = by_column[by_column["value"] > by_column["floor_upper"]]
    if not len(beyond):
        return []
    line = max(records(beyond), key=lambda line: line["value"] - line["floor"])
    return ["Worst column: {column} ({value:.3f}; floor {floor:.3f}).".format(**line)]

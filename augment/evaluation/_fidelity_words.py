"""The rule of the fidelity verdict, and the result in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from augment.evaluation._plain_table import aligned, records

if TYPE_CHECKING:
    from augment.evaluation._fidelity_result import FidelityResult

__all__ = ["fidelity_table", "judge"]

MIN_ROWS = 20
# A figure this much beyond its floor, or within the range of the floor, still counts as at it.
_TOLERANCE = 0.10
_FAR_AUC = 0.25
_FAR_SHARE = 0.5
_KEPT = 0.99


def judge(
    summary: pd.DataFrame, relations: pd.DataFrame, n: int, rows: str = "rows"
) -> tuple[str, str]:
    """Apply the rule that `evaluate_fidelity` states, and say why; `rows` is what they are."""
    if n < MIN_ROWS:
        return (
            "too few rows",
            f"{n} {rows} a side are fewer than {MIN_ROWS}: no figure means much.",
        )
    copied = summary[summary["metric"] == "copy rate"]
    worst = copied[copied["value"] > copied[["floor", "floor_upper"]].max(axis=1) + _TOLERANCE]
    if len(worst):
        line = max(records(worst), key=lambda line: line["value"])
        return (
            "copies",
            f"{line['value']:.0%} of the synthetic {rows} lie nearer to a real one than fresh "
            f"{rows} of other patients do ({line['floor']:.0%} would by themselves).",
        )
    beyond = _beyond_floor(summary, rows)
    lost = relations[relations["synthetic"] < _KEPT * relations["real"]]
    if not beyond and not len(lost):
        return "at the floor", f"No deciding figure is worse than that of other real {rows}."
    reasons = [text for text, _ in beyond]
    if len(lost):
        reasons.append(f"{len(lost)} exact relation(s) between columns are lost")
    far = any(is_far for _, is_far in beyond)
    verdict = "far from the floor" if far else "near the floor"
    text = "; ".join(reasons)
    return verdict, f"{text[0].upper()}{text[1:]}."


def _beyond_floor(summary: pd.DataFrame, rows: str) -> list[tuple[str, bool]]:
    """Give what is beyond the floor, in words, and whether it is far beyond."""
    found = []
    told = summary[summary["metric"].str.startswith("two-sample AUC")]
    for space, metric in dict.fromkeys(zip(told["features"], told["metric"], strict=True)):
        lines = told[(told["features"] == space) & (told["metric"] == metric)]
        value, floor, upper = (float(lines[c].mean()) for c in ("value", "floor", "floor_upper"))
        floor = max(floor, 0.5)
        if value > max(floor + _TOLERANCE, upper):
            found.append(
                (
                    f"a classifier tells synthetic from real {rows} with an AUC of {value:.2f} "
                    f"({metric.removeprefix('two-sample AUC').strip(' ()') or 'linear'}, {space}; "
                    f"floor {floor:.2f})",
                    bool(value > floor + _FAR_AUC),
                )
            )
    for line in records(summary[summary["metric"].isin(["recall", "coverage"])]):
        value, floor = line["value"], line["floor"]
        if value < min(floor - _TOLERANCE, line["floor_lower"]):
            text = f"{line['metric']} is {value:.2f} ({line['features']}; floor {floor:.2f})"
            found.append((text, bool(value < _FAR_SHARE * floor)))
    return found


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

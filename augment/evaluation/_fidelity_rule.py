"""The rule of the fidelity verdict: what is beyond the floor, and what is far beyond it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from augment.evaluation._plain_table import records

__all__ = ["FAR_LEVEL", "TOLERANCE", "judge"]

FAR_LEVEL = 0.025
"""The chance that any column of fresh rows is called far from its floor; of any pair, as well."""
TOLERANCE = 0.10
"""A figure this much beyond its floor, or within the range of the floor, still counts as at it."""
_MIN_ROWS = 20
_FAR_AUC = 0.25
_FAR_SHARE = 0.5
_FAR_MARGIN, _FAR_DEPENDENCE = 0.25, 0.5
_KEPT = 0.99
_MOST_NAMED = 3


def judge(
    summary: pd.DataFrame,
    by_column: pd.DataFrame,
    by_pair: pd.DataFrame,
    relations: pd.DataFrame,
    n: int,
    rows: str = "rows",
) -> tuple[str, str]:
    """Apply the rule that `evaluate_fidelity` states, and say why; `rows` is what they are."""
    if n < _MIN_ROWS:
        return (
            "too few rows",
            f"{n} {rows} a side are fewer than {_MIN_ROWS}: no figure means much.",
        )
    copied = summary[summary["metric"] == "copy rate"]
    worst = copied[copied["value"] > copied[["floor", "floor_upper"]].max(axis=1) + TOLERANCE]
    if len(worst):
        line = max(records(worst), key=lambda line: line["value"])
        return (
            "copies",
            f"{line['value']:.0%} of the synthetic {rows} lie nearer to a real one than fresh "
            f"{rows} of other patients do ({line['floor']:.0%} would by themselves).",
        )
    beyond = _beyond_floor(summary, rows) + _far_parts(by_column, by_pair)
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


def _far_parts(by_column: pd.DataFrame, by_pair: pd.DataFrame) -> list[tuple[str, bool]]:
    """Name the columns and pairs that are far from their floors, and say whether very far."""
    columns = records(by_column[by_column["far"].astype(bool)])
    named = {line["column"] for line in columns}
    # A column that is off by itself is off in its pairs, too.
    pairs = [
        line
        for line in records(by_pair[by_pair["far"].astype(bool)])
        if not named & {line["first"], line["second"]}
    ]
    found = []
    if columns:
        text = _named([(str(line["column"]), line) for line in columns])
        found.append((f"the distribution is off in {text}", _any_beyond(columns, _FAR_MARGIN)))
    if pairs:
        text = _named([("{first} with {second}".format(**line), line) for line in pairs])
        found.append((f"the dependence is off in {text}", _any_beyond(pairs, _FAR_DEPENDENCE)))
    return found


def _named(lines: list[tuple[str, dict[str, Any]]]) -> str:
    """Write the worst of these with their figures, and how many more there are."""
    lines = sorted(lines, key=lambda pair: pair[1]["floor"] - pair[1]["value"])
    shown = [
        f"{name} ({line['value']:.2f}; floor {line['floor']:.2f})"
        for name, line in lines[:_MOST_NAMED]
    ]
    more = len(lines) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _any_beyond(lines: list[dict[str, Any]], level: float) -> bool:
    return any(line["value"] > line["floor"] + level for line in lines)


def _beyond_floor(summary: pd.DataFrame, rows: str) -> list[tuple[str, bool]]:
    """Give what is beyond the floor, in words, and whether it is far beyond."""
    found = []
    told = summary[summary["metric"].str.startswith("two-sample AUC")]
    for space, metric in dict.fromkeys(zip(told["features"], told["metric"], strict=True)):
        lines = told[(told["features"] == space) & (told["metric"] == metric)]
        value, floor, upper = (float(lines[c].mean()) for c in ("value", "floor", "floor_upper"))
        floor = max(floor, 0.5)
        if value > max(floor + TOLERANCE, upper):
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
        if value < min(floor - TOLERANCE, line["floor_lower"]):
            text = f"{line['metric']} is {value:.2f} ({line['features']}; floor {floor:.2f})"
            found.append((text, bool(value < _FAR_SHARE * floor)))
    return found

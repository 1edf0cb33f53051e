"""The leaderboard as text: Markdown for a paper, and lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.benchmarking.ranking import MEASURES

__all__ = [
    "DECIDED",
    "DRAWN",
    "cost_table",
    "markdown_leaderboard",
    "panel_caption",
    "panel_table",
    "text_leaderboard",
]

DRAWN = ("roc_auc", "neg_log_loss", "balanced_accuracy", "kernel_distance", "frechet_distance")
"""The metrics that are drawn, and shown in a terminal."""
DECIDED = "Over fewer than six data sets no p-value of Wilcoxon's test can be below .05"
COSTS = (
    "What it cost: share of cells that failed or came back empty, and of the rows asked for that "
    "were given; medians of seconds and of peak memory, which counts the libraries that a process "
    "has loaded"
)


def markdown_leaderboard(board: Mapping[str, Any]) -> str:
    """Write every panel as a Markdown table, with what it counts above it.

    Parameters
    ----------
    board : mapping
        From `build_leaderboard`.

    Returns
    -------
    str
    """
    parts = ["# Leaderboard"]
    for panel in board["panels"]:
        parts += [f"## {panel['title']}", panel_caption(panel), _table(*panel_table(panel))]
        parts += [_versus(panel), f"{COSTS}:", _table(*cost_table(panel))]
    if board["failures"]:
        head = ["generator", "cells", "error", "first in"]
        rows = [
            [f["generator"], str(f["cells"]), f["error"], f["first"]] for f in board["failures"]
        ]
        parts += ["## Failures", _table(head, rows)]
    if board["classifier_failures"]:
        parts.append(_untrained(board))
    if board["notes"]:
        parts += ["## Left out", "\n".join(f"- {note}" for note in board["notes"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def text_leaderboard(board: Mapping[str, Any]) -> str:
    """Write what matters most of every panel in columns, for a terminal.

    Parameters
    ----------
    board : mapping
        From `build_leaderboard`.

    Returns
    -------
    str
    """
    parts = []
    for panel in board["panels"]:
        shown = {**panel, "metrics": [m for m in panel["metrics"] if m in DRAWN][:3]}
        head, rows = panel_table(shown, extremes=False)
        costs, spent = cost_table(panel)
        keep = [costs.index(name) for name in ("failed", "CPU, s")]
        head = [*head, *(costs[i] for i in keep)]
        rows = [[*row, *(own[i] for i in keep)] for row, own in zip(rows, spent, strict=True)]
        head = ["rank" if name.endswith(" rank") else name for name in head]
        parts.append(f"{panel['title']}. {panel_caption(panel)}\n\n{_columns(head, rows)}")
    for failure in board["failures"]:
        cells = counted(failure["cells"], "cell")
        parts.append(
            f"{failure['generator']} failed in {cells} (first {failure['first']}): "
            f"{failure['error']}"
        )
    if board["classifier_failures"]:
        parts.append(_untrained(board))
    if board["notes"]:
        parts.append("\n".join(f"Left out: {note}." for note in board["notes"]))
    return "\n\n".join(parts)


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in columns: names at the left, numbers at the right."""
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    lines = []
    for name, *cells in table:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("   ".join([name.ljust(widths[0]), *numbers]))
    return "\n".join(lines)


def _untrained(board: Mapping[str, Any]) -> str:
    """Say how many trainings failed."""
    trainings = counted(board["classifier_failures"], "training")
    return f"{trainings} of a classifier failed; scores.csv has the errors."


def panel_caption(panel: Mapping[str, Any]) -> str:
    """Say what a panel counts."""
    sizes = ", ".join(str(size) for size in panel["sizes"])
    many = f"{counted(panel['n_classifiers'], 'classifier')}, " if panel["n_classifiers"] else ""
    cells = panel["n_splits"] * max(1, panel["n_classifiers"])
    unit = "scores of classifiers in points (0.01)"
    against = "the real rows alone"
    if panel["kind"] == "images":
        against += ", or for figures of images against fresh real images of other patients"
    return (
        f"{counted(panel['n_datasets'], 'data set')}, "
        f"n = {sizes}, {many}{counted(panel['n_splits'], 'split')}: "
        f"{counted(cells, 'cell')} for each generator. Change against {against} with its 95 % "
        f"interval over data sets, {unit}, more is better; mean rank over data sets and sizes, "
        "1 is best."
    )


def counted(n: int, what: str) -> str:
    """Write a number of things."""
    return f"{n} {what}{'s' * (n != 1)}"


def panel_table(
    panel: Mapping[str, Any], *, extremes: bool = True
) -> tuple[list[str], list[list[str]]]:
    """Give heading and rows of a panel's table, as texts.

    Parameters
    ----------
    panel : mapping
        Of the leaderboard.
    extremes : bool, default=True
        With the lift of a random forest and of the best classifier, where there are any.
    """
    head = ["generator"]
    for metric in panel["metrics"]:
        name = MEASURES[metric].name
        head += [name, f"{name} rank"]
    found = [row["metrics"] for row in panel["rows"]]
    shown = []
    for metric in panel["metrics"] if extremes else ():
        for part, title in (("forest", "forest"), ("best", f"best of {panel['n_classifiers']}")):
            if any(own[metric].get(part) is not None for own in found):
                shown.append((metric, part))
                head.append(f"{title} {MEASURES[metric].name}")
    rows = []
    for row in panel["rows"]:
        cells = [row["generator"]]
        for metric in panel["metrics"]:
            own = row["metrics"][metric]
            cells += [_interval(own, metric), _number(own["rank"], "{:.2f}")]
        rows.append(cells + [_change(row["metrics"][m][part], m) for m, part in shown])
    return head, rows


def cost_table(panel: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Give heading and rows of what each generator cost, as texts."""
    head = ["generator", "failed", "empty", "rows given", "fit, s", "sample, s", "CPU, s"]
    rows = []
    for row in panel["rows"]:
        shares = (_number(row[name], "{:.0%}") for name in ("failed", "empty", "given"))
        cells = [row["generator"], *shares]
        cells += [_number(row[f"{name}_seconds"], "{:.2f}") for name in ("fit", "sample", "cpu")]
        rows.append([*cells, _number(row["peak_memory_mb"], "{:.0f}")])
    return [*head, "peak MB"], rows


def _interval(found: Mapping[str, Any], metric: str) -> str:
    """Write a lift with half the width of its interval."""
    if found["lift"] is None:
        return "-"
    text = _change(found["lift"], metric)
    if found["upper"] is None:
        return text
    scale, decimals = _unit(metric)
    return f"{text} ± {scale * (found['upper'] - found['lift']):.{decimals}f}"


def _change(value: float | None, metric: str) -> str:
    """Write a change with its sign."""
    scale, decimals = _unit(metric)
    return "-" if value is None else f"{scale * value:+.{decimals}f}"


def _unit(metric: str) -> tuple[float, int]:
    """Give the scale and the decimals of a metric."""
    return (100.0, 2) if MEASURES[metric].points else (1.0, 3)


def _number(value: float | None, form: str) -> str:
    """Write a number; a dash where there is none."""
    return "-" if value is None else form.format(value)


def _versus(panel: Mapping[str, Any]) -> str:
    """Compare the first of each ranking with the others, one line each."""
    lines = []
    for metric, found in panel["rankings"].items():
        first = next(iter(found["ranks"]), None)
        own = [pair for pair in found["pairs"] if pair["first"] == first]
        parts = [
            f"{pair['second']} {_interval({**pair, 'lift': pair['difference']}, metric)} "
            f"(p = {_number(pair['p_adjusted'], '{:.3f}')})"
            for pair in own
        ]
        gap = _number(found["critical_difference"], "{:.2f}")
        if parts:
            lines.append(
                f"- {found['name']}: {first} minus " + ", ".join(parts) + f". Critical difference "
                f"of ranks {gap}."
            )
    note = "The first of each ranking minus the others; p by Wilcoxon over data sets, Holm-adjusted"
    few = f". {DECIDED}" if panel["n_datasets"] < 6 else ""
    return "\n".join([f"{note}{few}:", "", *lines]) if lines else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; a bar inside a cell is escaped."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    texts = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([texts[0], "|" + "---|" * len(head), *texts[1:]])

"""The leaderboard as Markdown, for a paper or a page of documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.benchmarking.ranking import MEASURES

__all__ = ["markdown_leaderboard", "panel_caption", "panel_table"]


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
        head, rows = panel_table(panel)
        parts += [f"## {panel['title']}", panel_caption(panel), _table(head, rows), _versus(panel)]
    if board["failures"]:
        head = ["generator", "cells", "error", "first in"]
        rows = [
            [f["generator"], str(f["cells"]), f["error"], f["first"]] for f in board["failures"]
        ]
        parts += ["## Failures", _table(head, rows)]
    if board["notes"]:
        parts += ["## Left out", "\n".join(f"- {note}" for note in board["notes"])]
    return "\n\n".join(part for part in parts if part) + "\n"


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


def panel_table(panel: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Give heading and rows of a panel's table, as texts."""
    head = ["generator"]
    for metric in panel["metrics"]:
        name = MEASURES[metric].name
        head += [name, f"{name} rank"]
    extremes = [m for m in panel["metrics"] if "best" in panel["rows"][0]["metrics"][m]]
    many = panel["n_classifiers"]
    for metric in extremes:
        name = MEASURES[metric].name
        head += [f"forest {name}", f"best of {many} {name}"]
    head += ["failed", "empty", "fit, s", "sample, s", "CPU, s", "peak MB"]
    rows = [_row(row, panel["metrics"], extremes) for row in panel["rows"]]
    return head, rows


def _row(row: Mapping[str, Any], metrics: Sequence[str], extremes: Sequence[str]) -> list[str]:
    """Write one generator."""
    cells = [row["generator"]]
    for metric in metrics:
        found = row["metrics"][metric]
        cells += [_interval(found, metric), _number(found["rank"], "{:.2f}")]
    for metric in extremes:
        found = row["metrics"][metric]
        cells += [_change(found["forest"], metric), _change(found["best"], metric)]
    cells += [_number(row[name], "{:.0%}") for name in ("failed", "empty")]
    cells += [_number(row[f"{name}_seconds"], "{:.2f}") for name in ("fit", "sample", "cpu")]
    return [*cells, _number(row["peak_memory_mb"], "{:.0f}")]


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
    return "\n".join([f"{note}:", "", *lines]) if lines else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; a bar inside a cell is escaped."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    texts = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([texts[0], "|" + "---|" * len(head), *texts[1:]])

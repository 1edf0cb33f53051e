"""The figures of a leaderboard: mean ranks with the critical difference, and lifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.benchmarking.methods import REAL
from augment.benchmarking.ranking import MEASURES
from augment.report.style import BLUE, GREY, INK, MUTED, OCHRE, PALE, Drawing, drawing, quiet

__all__ = ["lift_figure", "rank_figure"]


def rank_figure(key: str, metric: str, found: Mapping[str, Any]) -> Drawing:
    """Draw mean ranks on a line, best at the left; bars join what does not differ.

    Parameters
    ----------
    key : str
        Unique in the page.
    metric : str
        What is ranked by.
    found : mapping
        ``ranks`` (best first) and ``critical_difference``.

    Returns
    -------
    Drawing
    """
    ranks, gap = found["ranks"], found["critical_difference"]
    groups = alike(list(ranks.values()), gap)
    name = MEASURES[metric].name
    parts = "; ".join(f"{who} {place:.2f}" for who, place in ranks.items())
    summary = f"Mean rank on {name}, 1 is best: {parts}."
    caption = "No critical difference." if gap is None else f"Critical difference {gap:.2f}."
    if groups:
        caption += " A bar joins generators that Nemenyi's test cannot tell apart."
    height = 0.9 + 0.2 * len(groups) + 0.22 * ((len(ranks) + 1) // 2)
    title = f"Mean rank: {name}"
    with drawing(key, title, summary, width=5.2, height=height, caption=caption) as (result, ax):
        _rank_axis(ax, len(ranks))
        for line, (first, last) in enumerate(groups):
            y = -0.35 - 0.32 * line
            ends = [list(ranks.values())[i] for i in (first, last)]
            ax.plot(ends, [y, y], color=INK, linewidth=3, solid_capstyle="round")
        _rank_labels(ax, ranks, -0.75 - 0.32 * len(groups))
    return result


def alike(places: Sequence[float], gap: float | None) -> list[tuple[int, int]]:
    """Find the longest runs of sorted ranks within a critical difference.

    Examples
    --------
    >>> alike([1.0, 1.5, 3.0, 3.2], 1.0)
    [(0, 1), (2, 3)]
    """
    if gap is None:
        return []
    runs: list[tuple[int, int]] = []
    for first, place in enumerate(places):
        last = max(i for i, other in enumerate(places) if other - place <= gap)
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return runs


def _rank_axis(ax: Any, n: int) -> None:
    """Draw the line of ranks at the top."""
    ax.set_xlim(0.9, n + 0.1)
    ax.set_ylim(top=0.35)
    ax.xaxis.tick_top()
    ax.set_xticks(range(1, n + 1))
    ax.spines["top"].set_visible(True)
    ax.spines["top"].set_position(("data", 0.0))
    ax.spines["bottom"].set_visible(False)
    ax.set_yticks([])
    quiet(ax, left=False)


def _rank_labels(ax: Any, ranks: Mapping[str, float], top: float) -> None:
    """Hang the names on the line: the better half at the left, the other at the right."""
    half = (len(ranks) + 1) // 2
    low, high = ax.get_xlim()
    for i, (name, place) in enumerate(ranks.items()):
        left = i < half
        y = top - 0.5 * (i if left else len(ranks) - 1 - i)
        end = low if left else high
        color = MUTED if name == REAL else BLUE
        ax.plot([place, place, end], [0, y, y], color=color, linewidth=1, clip_on=False)
        ax.plot([place], [0], marker="o", markersize=4, color=color, clip_on=False)
        ax.annotate(
            f"{name}  {place:.2f}",
            (end, y),
            xytext=(-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            color=INK,
            annotation_clip=False,
        )
    ax.set_ylim(bottom=top - 0.5 * half)


def lift_figure(key: str, metric: str, rows: Sequence[Mapping[str, Any]]) -> Drawing:
    """Draw the lift of each generator with its interval over data sets.

    Parameters
    ----------
    key : str
        Unique in the page.
    metric : str
        What is lifted.
    rows : sequence of mapping
        Rows of a panel, best first.

    Returns
    -------
    Drawing
        On one data set there is no interval over data sets: dots alone.
    """
    measure = MEASURES[metric]
    unit = "points" if measure.points else "own unit"
    shown = _lifts_of(metric, rows)
    parts = "; ".join(text for *_, text in shown)
    summary = f"Change of {measure.name} against real rows alone, {unit}: {parts}."
    caption = "No interval over data sets: too few. lifts.csv has intervals over repeats."
    if any(lower < upper for _, _, lower, upper, _ in shown):
        caption = "95 % intervals over data sets, unadjusted. Blue is clear of zero and better."
    size = {"width": 4.6, "height": 0.8 + 0.3 * len(shown)}
    title = f"Lift: {measure.name}"
    with drawing(key, title, summary, caption=caption, **size) as (result, ax):
        ax.axvline(0, color=MUTED, linewidth=0.9)
        for place, (_, lift, lower, upper, _) in enumerate(shown):
            clear = lower < upper and (lower > 0 or upper < 0)
            color = GREY if not clear else BLUE if lower > 0 else OCHRE
            ax.axhspan(-place - 0.4, -place + 0.4, color=PALE if place % 2 else "none", linewidth=0)
            ax.plot([lower, upper], [-place] * 2, color=color, solid_capstyle="round")
            ax.plot([lift], [-place], marker="o", markersize=5.5, color=color)
        ax.set_yticks([-i for i in range(len(shown))], [row[0] for row in shown], color=INK)
        ax.set_ylim(-len(shown) + 0.4, 0.6)
        ax.set_xlabel(f"worse   ←   {measure.name}, {unit}   →   better")
        quiet(ax, left=False)
    return result


def _lifts_of(
    metric: str, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, float, float, float, str]]:
    """Give name, lift, ends of the interval (both the lift where there is none) and words."""
    scale = 100.0 if MEASURES[metric].points else 1.0
    shown = []
    for row in rows:
        name, found = row["generator"], row["metrics"][metric]
        if name == REAL or found["lift"] is None:
            continue
        lift, text = scale * found["lift"], f"{name} {scale * found['lift']:+.2f}"
        ends = [lift, lift]
        if found["lower"] is not None:
            ends = [scale * found["lower"], scale * found["upper"]]
            text += f" ({ends[0]:+.2f} to {ends[1]:+.2f})"
        shown.append((name, lift, *ends, text))
    return shown

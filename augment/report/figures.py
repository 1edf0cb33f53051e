"""The figures of lift, equivalent rows and calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from augment.report.style import (
    BLUE,
    GREY,
    INK,
    MUTED,
    OCHRE,
    PALE,
    RULE,
    Drawing,
    drawing,
    quiet,
)
from augment.report.words import METRIC_NAMES, arm_name, plural, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "calibration_error",
    "calibration_figure",
    "curve_figure",
    "forest_figure",
]

_FEW = 10
_ARM_STYLE: dict[str, dict[str, Any]] = {
    "real": {"color": GREY, "marker": "o", "linestyle": "-"},
    "augmented": {"color": BLUE, "marker": "s", "linestyle": "-"},
    "synthetic": {"color": OCHRE, "marker": "^", "linestyle": "--"},
}


def forest_figure(
    key: str,
    title: str,
    rows: Sequence[Mapping[str, Any]],
    metric: str,
    rope: float,
    *,
    strong: str = "All classifiers",
) -> Drawing:
    """Draw lifts with their intervals, one line each.

    Parameters
    ----------
    key, title : str
        Identifier and title.
    rows : sequence of mapping
        ``label``, ``lift``, ``lower``, ``upper``, top to bottom.
    metric : str
        A deciding metric.
    rope : float
        Half width of the band of differences that do not matter.
    strong : str
        The label to emphasise.

    Returns
    -------
    Drawing
    """
    name = METRIC_NAMES[metric][0]
    parts = [
        f"{row['label']} {points(row['lift'])} ({points(row['lower'])} to {points(row['upper'])})"
        for row in rows
    ]
    summary = f"Gain in points of {name}, 95 % interval in brackets: {'; '.join(parts)}."
    clear = [str(row["label"]) for row in rows if _is_clear(row)]
    caption = f"Clear of zero: {', '.join(clear)}." if clear else "No interval is clear of zero."
    size = {"width": 4.3, "height": 0.75 + 0.3 * len(rows)}
    with drawing(key, title, summary, caption=caption, **size) as (result, ax):
        ax.axvspan(-100 * rope, 100 * rope, color=PALE, linewidth=0)
        ax.axvline(0, color=MUTED, linewidth=0.9)
        for place, row in enumerate(rows):
            _forest_line(ax, -place, row, emphasise=row["label"] == strong)
        ax.set_yticks(
            [-place for place in range(len(rows))], [str(row["label"]) for row in rows], color=INK
        )
        for tick, row in zip(ax.get_yticklabels(), rows, strict=True):
            tick.set_fontweight("bold" if row["label"] == strong else "normal")
        ax.set_ylim(-len(rows) + 0.4, 0.6)
        low, high = ax.get_xlim()
        ax.set_xlim(min(low, -1), max(high, 1))
        ax.set_xlabel(f"worse   ←   {name}, points   →   better")
        quiet(ax, left=False)
    return result


def _is_clear(row: Mapping[str, Any]) -> bool:
    """Tell whether an interval excludes zero."""
    return _hundred(row["lower"]) > 0 or _hundred(row["upper"]) < 0


def _forest_line(ax: Axes, y: float, row: Mapping[str, Any], *, emphasise: bool) -> None:
    """Draw one lift: interval, estimate, and the numbers at the right margin."""
    lift, lower, upper = (_hundred(row[part]) for part in ("lift", "lower", "upper"))
    clear = _is_clear(row)
    color = (BLUE if lower > 0 else OCHRE) if clear else GREY
    weight = 2.6 if emphasise else 1.6
    ax.plot([lower, upper], [y, y], color=color, linewidth=weight, solid_capstyle="round")
    ax.plot(
        [lift],
        [y],
        marker="D" if emphasise else "o",
        markersize=7.5 if emphasise else 5.5,
        color=color,
        markerfacecolor=color if clear else "white",
        markeredgewidth=1.4,
    )
    text = f"{points(row['lift'])}  [{points(row['lower'])}, {points(row['upper'])}]"
    ax.annotate(
        text,
        (1.02, y),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8.5,
        color=INK if emphasise else MUTED,
        fontweight="bold" if emphasise else "normal",
    )


def _hundred(value: float | None) -> float:
    """Turn a difference into points; NaN where there is none."""
    return float("nan") if value is None else 100 * value


def curve_figure(
    key: str, equivalent: Mapping[str, Any], metric: str, unit: str = "row"
) -> Drawing | None:
    """Draw the learning curve of the real rows and where the augmented score falls on it.

    Parameters
    ----------
    key : str
        Identifier.
    equivalent : mapping
        ``m``, ``curve`` (records ``arm``, ``n``, ``metric``, ``mean``, ``lower``, ``upper``) and
        ``by_metric`` (records ``metric``, ``estimate``, ``text``).
    metric : str
        Which metric.
    unit : str
        What a real thing is called.

    Returns
    -------
    Drawing or None
        None if the curve does not hold this metric.
    """
    name, sign, better = METRIC_NAMES[metric]
    records = [row for row in equivalent["curve"] if row["metric"] == metric]
    real = sorted((row for row in records if row["arm"] == "real"), key=lambda row: row["n"])
    grown = [row for row in records if row["arm"] == "augmented"]
    if not real:
        return None
    reading = next((r for r in equivalent["by_metric"] if r["metric"] == metric), None)
    rows = plural(unit)
    worth = f" Reading: {reading['text']}." if reading else ""
    ends = f"{sign * real[0]['mean']:.3f} at {real[0]['n']} {rows}"
    ends += f" to {sign * real[-1]['mean']:.3f} at {real[-1]['n']} {rows}"
    summary = f"{name} of classifiers trained on real {rows} only: {ends} ({better}).{worth}"
    with drawing(key, name, summary, width=4.3, height=3.1) as (result, ax):
        n = [row["n"] for row in real]
        mean, lower, upper = (
            [sign * _number(row[part]) for row in real] for part in ("mean", "lower", "upper")
        )
        ax.fill_between(n, lower, upper, color=GREY, alpha=0.16, linewidth=0)
        ax.plot(n, mean, label=f"Real {rows} only", markersize=4.5, **_ARM_STYLE["real"])
        for row in grown:
            _draw_reading(ax, row, sign, reading, rows)
        ax.set_xlabel(f"Real {rows} in training")
        ax.set_ylabel(f"{name} ({better})")
        ax.legend(loc="best")
        bottom, top = ax.get_ylim()  # no score lies beyond what it can reach
        ax.set_ylim(max(bottom, 0), min(top, 1) if metric == "roc_auc" else top)
        quiet(ax, grid="y")
    return result


def _draw_reading(
    ax: Axes, row: Mapping[str, Any], sign: int, reading: Mapping[str, Any] | None, rows: str
) -> None:
    """Draw the augmented score, and the arrow to the point of the curve that equals it."""
    x, y = row["n"], sign * _number(row["mean"])
    style = {**_ARM_STYLE["augmented"], "linestyle": "none"}
    low, high = sorted(sign * _number(row[part]) for part in ("lower", "upper"))
    ax.plot([x, x], [low, high], color=BLUE, linewidth=1.2)
    ax.plot([x], [y], label="Real + synthetic", markersize=7, **style)
    if reading and reading["estimate"]:
        end = x + float(reading["estimate"])
        ax.annotate(
            "",
            (end, y),
            (x, y),
            arrowprops={"arrowstyle": "-|>", "color": BLUE, "linewidth": 1.2, "shrinkA": 5},
        )
        label = f"{reading['estimate']:+.0f}".replace("-", "−")
        ax.annotate(
            f"{label} {rows}",
            ((x + end) / 2, y),
            xytext=(0, 5),
            textcoords="offset points",
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.6},
            ha="center",
            color=BLUE,
            fontsize=8.5,
        )


def _number(value: float | None) -> float:
    """Give NaN for None."""
    return float("nan") if value is None else float(value)


def calibration_figure(
    key: str, records: Sequence[Mapping[str, Any]], roles: Mapping[str, str]
) -> Drawing | None:
    """Draw predicted against observed frequencies for the arms that matter.

    Parameters
    ----------
    key : str
        Identifier.
    records : sequence of mapping
        ``arm``, ``bin``, ``predicted``, ``observed``, ``n``.
    roles : mapping
        Which arm is ``judged`` against which ``reference``.

    Returns
    -------
    Drawing or None
        None without data.
    """
    styles = dict(
        zip((roles["reference"], roles["judged"], "synthetic"), _ARM_STYLE.values(), strict=True)
    )
    arms = [arm for arm in styles if any(row["arm"] == arm for row in records)]
    if not arms:
        return None
    errors = {arm: calibration_error([r for r in records if r["arm"] == arm]) for arm in arms}
    parts = [f"{arm_name(arm).lower()} {100 * error:.1f}" for arm, error in errors.items()]
    title = "Predicted and observed risk"
    summary = f"Average distance from the diagonal, in points: {', '.join(parts)}."
    caption = (
        f"Marks grow with the number of predictions; bins with fewer than {_FEW} of them are left "
        "out."
    )
    size = {"width": 4.3, "height": 4.2}
    with drawing(key, title, summary, caption=caption, **size) as (result, ax):
        ax.plot([0, 1], [0, 1], color=RULE, linewidth=1.2)
        for arm in arms:
            rows = [r for r in records if r["arm"] == arm and r["n"] >= _FEW]
            style = styles[arm]
            x, y = [r["predicted"] for r in rows], [r["observed"] for r in rows]
            largest = max((r["n"] for r in rows), default=1)
            area = [16 + 70 * r["n"] / largest for r in rows]
            ax.plot(x, y, color=style["color"], linestyle=style["linestyle"], linewidth=1.1)
            ax.scatter(
                x,
                y,
                area,
                color=style["color"],
                marker=style["marker"],
                linewidths=0,
                label=arm_name(arm),
            )
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.02)
        ax.set_aspect("equal")
        ax.set_xlabel("Predicted probability")
        ax.set_ylabel("Observed frequency")
        ax.legend(loc="upper left")
        quiet(ax, grid="both")
    return result


def calibration_error(rows: Sequence[Mapping[str, Any]]) -> float:
    """Give the mean distance between predicted and observed, weighted by rows per bin."""
    kept = [row for row in rows if row["n"] and row["observed"] is not None]
    weights = np.array([row["n"] for row in kept], dtype=float)
    gaps = np.array([abs(row["predicted"] - row["observed"]) for row in kept])
    return float((weights * gaps).sum() / weights.sum()) if len(kept) else float("nan")

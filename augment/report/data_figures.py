"""The figures of columns, dependence and training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from augment._typing import FloatArray
from augment.report.style import BLUE, DIVERGING, GREY, INK, OCHRE, Drawing, drawing, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["column_figure", "dependence_figures", "history_figures"]


def column_figure(key: str, column: Mapping[str, Any]) -> Drawing:
    """Draw one column, real against synthetic: a histogram or bars.

    Parameters
    ----------
    key : str
        Identifier.
    column : mapping
        An entry of `augment.report.columns.compare_columns` that is not hidden.

    Returns
    -------
    Drawing
    """
    summary = (
        f"Share of rows that would have to move for the two to agree: {100 * column['gap']:.0f} %; "
        f"chance alone gives about {100 * column['chance']:.0f} %."
    )
    caption = f"{100 * column['gap']:.0f} % apart, {100 * column['chance']:.0f} % by chance"
    size = {"width": 1.85, "height": 1.3}
    with drawing(key, column["name"], summary, caption=caption, **size) as (result, ax):
        if column["kind"] == "number":
            _draw_histogram(ax, column)
        else:
            _draw_bars(ax, column)
        ax.set_yticks([])
        ax.tick_params(labelsize=8)
        quiet(ax, left=False)
        ax.set_ylim(bottom=0)
    return result


def _draw_histogram(ax: Axes, column: Mapping[str, Any]) -> None:
    """Draw densities as steps: real filled, synthetic as a line."""
    edges = np.array(column["edges"])
    widths = np.diff(edges)
    real, synthetic = np.array(column["real"]) / widths, np.array(column["synthetic"]) / widths
    ax.stairs(real, edges, fill=True, color=GREY, alpha=0.32)
    ax.stairs(synthetic, edges, color=BLUE, linewidth=1.5)
    ax.locator_params(axis="x", nbins=3)


def _draw_bars(ax: Axes, column: Mapping[str, Any]) -> None:
    """Draw shares per level: real filled, synthetic as a line across the bar."""
    places = np.arange(len(column["labels"]))
    ax.bar(places, column["real"], width=0.72, color=GREY, alpha=0.32, linewidth=0)
    for place, share in zip(places, column["synthetic"], strict=True):
        ax.plot([place - 0.36, place + 0.36], [share, share], color=BLUE, linewidth=2)
    labels = [str(label) for label in column["labels"]]
    room = max(2, 22 // max(len(labels), 1))
    short = [label if len(label) <= room else label[: room - 1] + "…" for label in labels]
    ax.set_xticks(places, short)
    ax.set_xlim(-0.6, len(labels) - 0.4)


def dependence_figures(key: str, dependence: Mapping[str, Any]) -> list[Drawing]:
    """Draw the three heat maps: real, synthetic, and their difference.

    Parameters
    ----------
    key : str
        Identifier.
    dependence : mapping
        As `augment.report.columns.compare_dependence` gives it.

    Returns
    -------
    list of Drawing
        Three drawings.
    """
    names = dependence["names"]
    real = np.array(dependence["real"], dtype=float)
    synthetic = np.array(dependence["synthetic"], dtype=float)
    change = synthetic - real
    summaries = (
        _strongest("Strongest", real, names),
        _strongest("Strongest", synthetic, names),
        _strongest("Largest difference", change, names),
    )
    titles = ("Real rows", "Synthetic rows", "Synthetic minus real")
    return [
        _heat_map(f"{key}-{i}", title, summary, matrix, names)
        for i, (title, summary, matrix) in enumerate(
            zip(titles, summaries, (real, synthetic, change), strict=True)
        )
    ]


def _strongest(word: str, matrix: FloatArray, names: Sequence[str]) -> str:
    """Name the pair with the largest value off the diagonal."""
    below = np.tril(np.nan_to_num(matrix), -1)
    i, j = (int(k) for k in np.unravel_index(np.argmax(np.abs(below)), below.shape))
    return f"{word}: {names[j]} and {names[i]}, {below[i, j]:+.2f}.".replace("-", "−")


def _heat_map(key: str, title: str, summary: str, matrix: Any, names: Sequence[str]) -> Drawing:
    """Draw one square matrix between -1 and 1."""
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("augment", DIVERGING)
    small = 8 if len(names) <= 14 else 6.5
    with drawing(key, title, summary, width=3.6, height=3.6) as (result, ax):
        shown = np.ma.masked_invalid(matrix)
        ax.pcolormesh(shown, cmap=colors, vmin=-1, vmax=1, edgecolors="white", linewidth=0.6)
        ax.invert_yaxis()
        ax.set_aspect("equal")
        middle = np.arange(len(names)) + 0.5
        short = [name if len(name) <= 16 else name[:15] + "…" for name in names]
        ax.set_xticks(middle, short, rotation=90, fontsize=small)
        ax.set_yticks(middle, short, fontsize=small)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
    return result


def history_figures(key: str, history: Sequence[Mapping[str, Any]]) -> list[Drawing]:
    """Draw how the losses moved in training, one panel per phase and one for held-out rows.

    Parameters
    ----------
    key : str
        Identifier.
    history : sequence of mapping
        ``name`` of the panel and ``lines``: name to a pair of lists (steps, values).

    Returns
    -------
    list of Drawing
        One per panel.
    """
    colors = (BLUE, OCHRE, GREY, INK)
    dashes = ("-", "--", ":", "-.")
    result = []
    for place, panel in enumerate(history):
        parts = [
            f"{name} {values[0]:.3g} to {values[-1]:.3g}"
            for name, (_, values) in panel["lines"].items()
        ]
        summary = f"From the first step to the last: {'; '.join(parts)}."
        with drawing(f"{key}-{place}", panel["name"], summary, width=4.3, height=2.6) as (made, ax):
            for i, (name, (steps, values)) in enumerate(panel["lines"].items()):
                (line,) = ax.plot(steps, values, label=name, linewidth=1.4)
                line.set(color=colors[i % 4], linestyle=dashes[i // 4 % 4])
            ax.set_xlabel("Training step")
            if len(panel["lines"]) > 1:
                ax.legend(loc="best", ncols=2)
            quiet(ax, grid="y")
        result.append(made)
    return result

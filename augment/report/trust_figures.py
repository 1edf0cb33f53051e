"""The figures of trust: measures beside their floors, and attacks beside guessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.report.style import BLUE, GREY, INK, MUTED, OCHRE, RULE, Drawing, drawing, quiet

__all__ = ["attack_figure", "floor_figure"]

GUESSING = 0.5
_TALLEST = 24


def floor_figure(key: str, title: str, lines: Sequence[Mapping[str, Any]]) -> Drawing:
    """Draw measures between 0 and 1 beside those of other real rows.

    Parameters
    ----------
    key, title : str
        Identifier and title.
    lines : sequence of mapping
        ``name``, ``value``, ``floor``, ``floor_lower``, ``floor_upper``, ``beyond`` (worse than
        the range of the floor); at most 24 are drawn.

    Returns
    -------
    Drawing
    """
    shown = lines[:_TALLEST]
    beyond = [str(line["name"]) for line in shown if line["beyond"]]
    parts = [f"{line['name']} {line['value']:.2f} (real {line['floor']:.2f})" for line in shown]
    summary = f"Synthetic, and other real ones in brackets: {'; '.join(parts)}."
    caption = (
        f"Worse than the range of the real ones: {', '.join(beyond)}."
        if beyond
        else "Nothing is worse than the range of the real ones."
    )
    size = {"width": 4.3, "height": 0.95 + 0.27 * len(shown)}
    with drawing(key, title, summary, caption=caption, **size) as (result, ax):
        for place, line in enumerate(shown):
            _floor_line(ax, -place, line)
        names = [str(line["name"]) for line in shown]
        ax.set_yticks([-place for place in range(len(shown))], names, color=INK)
        ax.set_ylim(-len(shown) + 0.4, 0.6)
        ax.set_xlim(-0.02, max(1.02, *(1.05 * line["value"] for line in shown)))
        ax.set_xlabel("grey: other real ones   ■ synthetic", fontsize=8.5)
        quiet(ax, grid="x", left=False)
    return result


def _floor_line(ax: Any, y: float, line: Mapping[str, Any]) -> None:
    """Draw one measure: the range of its floor, the floor, and the synthetic value."""
    ends = [line["floor_lower"], line["floor_upper"]]
    ax.plot([*ends], [y, y], color=RULE, linewidth=7, solid_capstyle="butt")
    ax.plot([line["floor"]], [y], marker="|", markersize=9, color=GREY, markeredgewidth=2)
    color = OCHRE if line["beyond"] else BLUE
    marker = {"marker": "s", "markersize": 6, "color": color, "markeredgewidth": 1.4}
    ax.plot([line["value"]], [y], markerfacecolor=color if line["beyond"] else "white", **marker)


def attack_figure(key: str, attacks: Sequence[Mapping[str, Any]]) -> Drawing:
    """Draw the AUC of each attack with its interval; 0.5 is guessing.

    Parameters
    ----------
    key : str
        Identifier.
    attacks : sequence of mapping
        ``attack``, ``auc``, ``lower``, ``upper``, ``strongest``.

    Returns
    -------
    Drawing
    """
    parts = [
        f"{line['attack']} {line['auc']:.2f} ({line['lower']:.2f} to {line['upper']:.2f})"
        for line in attacks
    ]
    summary = f"AUC with 95 % interval, 0.5 is guessing: {'; '.join(parts)}."
    clear = [str(line["attack"]) for line in attacks if line["lower"] > GUESSING]
    caption = (
        f"Interval above guessing: {', '.join(clear)}."
        if clear
        else "No interval lies above guessing."
    )
    title = "Attacks: was this patient in the training data?"
    size = {"width": 4.3, "height": 0.85 + 0.32 * len(attacks)}
    with drawing(key, title, summary, caption=caption, **size) as (result, ax):
        ax.axvline(GUESSING, color=MUTED, linewidth=0.9)
        for place, line in enumerate(attacks):
            _attack_line(ax, -place, line)
        names = [str(line["attack"]) for line in attacks]
        ax.set_yticks([-place for place in range(len(attacks))], names, color=INK)
        ax.set_ylim(-len(attacks) + 0.4, 0.6)
        ax.set_xlim(min(0.4, *(line["lower"] for line in attacks)) - 0.02, 1.02)
        ax.set_xlabel("AUC   (0.5: guessing, 1: always right)")
        quiet(ax, grid="x", left=False)
    return result


def _attack_line(ax: Any, y: float, line: Mapping[str, Any]) -> None:
    """Draw one attack."""
    clear = line["lower"] > GUESSING
    color = OCHRE if clear else GREY
    weight = 2.6 if line["strongest"] else 1.6
    ax.plot([line["lower"], line["upper"]], [y, y], color=color, linewidth=weight)
    ax.plot(
        [line["auc"]],
        [y],
        marker="o",
        markersize=6.5,
        color=color,
        markerfacecolor=color if clear else "white",
        markeredgewidth=1.4,
    )

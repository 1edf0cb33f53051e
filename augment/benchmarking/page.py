"""The leaderboard as one self-contained page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from augment.benchmarking.figures import lift_figure, rank_figure
from augment.benchmarking.markdown import DECIDED, DRAWN, cost_table, panel_caption, panel_table
from augment.benchmarking.ranking import MEASURES
from augment.report.pages import rendered

__all__ = ["render_leaderboard"]


def render_leaderboard(
    board: Mapping[str, Any],
    *,
    settings: Mapping[str, Any],
    environment: Mapping[str, Any],
    datasets: Mapping[str, Any],
    title: str = "Which generator helps most?",
) -> str:
    """Render the page.

    Parameters
    ----------
    board : mapping
        From `build_leaderboard`.
    settings, environment : mapping
        Of the run.
    datasets : mapping
        What `DataSet.describe` says of each.
    title : str
        The heading.

    Returns
    -------
    str
        One HTML document that needs no other file, no network and no script.
    """
    return rendered(
        "leaderboard.html.j2",
        package="augment.benchmarking",
        title=title,
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        panels=[_view(panel, f"p{i}") for i, panel in enumerate(board["panels"])],
        board=board,
        settings=settings,
        environment=environment,
        datasets=datasets,
    )


def _view(panel: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Make figures and texts of one panel."""
    head, rows = panel_table(panel)
    drawn = [metric for metric in panel["metrics"] if metric in DRAWN]
    return {
        "key": key,
        "title": panel["title"],
        "caption": panel_caption(panel),
        "head": head,
        "rows": rows,
        "costs": dict(zip(("head", "rows"), cost_table(panel), strict=True)),
        "few": f" {DECIDED}." if panel["n_datasets"] < 6 else "",
        "ranks": [
            rank_figure(f"{key}-rank-{metric}", metric, panel["rankings"][metric])
            for metric in drawn
        ],
        "lifts": [
            lift_figure(f"{key}-lift-{metric}", metric, panel["rows"])
            for metric in drawn
            if len(panel["rows"]) > 1
        ],
        "pairs": [_pairs(metric, panel["rankings"][metric]) for metric in drawn],
    }


def _pairs(metric: str, ranking: Mapping[str, Any]) -> dict[str, Any]:
    """Write the paired comparisons on one metric as texts."""
    scale, decimals = (100, 2) if MEASURES[metric].points else (1, 3)

    def number(value: float | None) -> str:
        return "-" if value is None else f"{scale * value:+.{decimals}f}"

    rows = [
        [
            pair["first"],
            pair["second"],
            number(pair["difference"]),
            f"{number(pair['lower'])} to {number(pair['upper'])}",
            str(pair["n_datasets"]),
            f"{pair['p_value']:.3f}",
            f"{pair['p_adjusted']:.3f}",
        ]
        for pair in ranking["pairs"]
    ]
    friedman = ranking["friedman_p"]
    return {
        "name": ranking["name"],
        "rows": rows,
        "friedman": "-" if friedman is None else f"{friedman:.4f}",
    }

"""The training history, sorted into panels and thinned to what a page can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["history_panels"]

_MAX_POINTS = 150


def history_panels(history: pd.DataFrame) -> list[dict[str, Any]]:
    """Sort the training history into panels: one per phase, and one for held-out rows.

    Parameters
    ----------
    history : DataFrame
        ``history_`` of a fitted generator.

    Returns
    -------
    list of dict
        ``name`` of the panel and ``lines``: name to a pair of lists (steps, values).
    """
    held_out = [name for name in history.columns if str(name).startswith("validation")]
    terms = [n for n in history.columns if n not in ("step", "phase", "member", *held_out)]
    phases = history["phase"].unique() if "phase" in history.columns else [None]
    panels = []
    for phase in phases:
        rows = history if phase is None else history[history["phase"] == phase]
        lines = {str(name): _thin(rows, name) for name in terms}
        name = "Training loss" if len(phases) == 1 else f"Training loss: {phase}"
        panels.append({"name": name, "lines": {k: v for k, v in lines.items() if v}})
    lines = {str(name): _thin(history, name) for name in held_out}
    panels.append({"name": "Loss on held-out rows", "lines": {k: v for k, v in lines.items() if v}})
    return [panel for panel in panels if panel["lines"]]


def _thin(rows: pd.DataFrame, name: Any) -> tuple[list[float], list[float]] | None:
    """Give at most 150 points of one line: means over stretches of steps."""
    from pandas.api import types

    if not types.is_numeric_dtype(rows[name]):
        return None
    line = rows.loc[rows[name].notna(), ["step", name]].groupby("step")[name].mean()
    line = line[np.isfinite(line.to_numpy(dtype=float))]
    if len(line) < 2:
        return None
    pieces = np.array_split(np.arange(len(line)), min(len(line), _MAX_POINTS))
    steps = [float(line.index[piece].to_numpy().mean()) for piece in pieces]
    return steps, [float(line.iloc[piece].mean()) for piece in pieces]

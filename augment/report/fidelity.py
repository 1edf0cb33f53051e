"""Fidelity in the report: from the result to JSON values, and from these to what is printed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from augment.report.fidelity_words import SPACES, fidelity_words, metric_words
from augment.report.trust_figures import floor_figure

if TYPE_CHECKING:
    import pandas as pd

    from augment.evaluation.fidelity import FidelityResult

__all__ = ["fidelity_card", "fidelity_view", "records", "summarise_fidelity"]

_MAX_PAIRS = 5
_FEWEST_LINES = 3
# Figures without an upper end have no place on an axis from 0 to 1.
_UNBOUNDED = ("kernel distance", "Frechet distance")
_SETTINGS = ("n_real", "n_synthetic", "n_holdout", "n_per_side", "n_repeats", "classes", "seed")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give a tidy frame as a list of records."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def summarise_fidelity(result: FidelityResult) -> dict[str, Any]:
    """Gather what the page says of likeness.

    Parameters
    ----------
    result : FidelityResult
        What `augment.evaluate_fidelity` returned.

    Returns
    -------
    dict
        Aggregates only.
    """
    beyond = result.by_column[result.by_column["value"] > result.by_column["floor_upper"]]
    pairs = result.by_pair[result.by_pair["value"] > result.by_pair["floor_upper"]]
    return {
        "verdict": result.verdict,
        "reason": result.reason,
        "summary": records(result.summary),
        "columns": records(beyond),
        "n_columns": len(result.by_column),
        "far_columns": list(result.by_column.loc[_is_far(result.by_column), "column"]),
        "far_pairs": records(result.by_pair.loc[_is_far(result.by_pair), ["first", "second"]]),
        "pairs": records(pairs.head(_MAX_PAIRS)),
        "n_pairs": len(result.by_pair),
        "n_pairs_beyond": len(pairs),
        "relations": records(result.relations),
        "settings": {name: result.settings[name] for name in _SETTINGS if name in result.settings},
        "notes": list(result.notes),
    }


def _is_far(parts: pd.DataFrame) -> pd.Series:
    return parts["far"].astype(bool)


def fidelity_card(fidelity: Mapping[str, Any]) -> dict[str, Any]:
    """Give the figures that matter, for the card."""
    parts = ("features", "metric", "label", "value", "floor", "floor_lower", "floor_upper")
    return {
        "verdict": fidelity["verdict"],
        "reason": fidelity["reason"],
        "far_columns": fidelity["far_columns"],
        "far_pairs": fidelity["far_pairs"],
        "figures": [{part: line[part] for part in parts} for line in fidelity["summary"]],
        "n_per_side": fidelity["settings"].get("n_per_side"),
        "n_holdout": fidelity["settings"].get("n_holdout"),
        "notes": fidelity["notes"],
    }


def fidelity_view(fidelity: Mapping[str, Any], key: str, unit: str) -> dict[str, Any]:
    """Prepare the section for the template.

    Parameters
    ----------
    fidelity : mapping
        From `summarise_fidelity`.
    key : str
        Prefixes every identifier.
    unit : str
        "row", "slice" or "image".

    Returns
    -------
    dict
        Texts, table rows and drawings.
    """
    lines = [_line(line) for line in fidelity["summary"]]
    panels: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        if line["bounded"]:
            panels.setdefault(_panel(line, lines), []).append(line)
    metrics = dict.fromkeys(line["metric"] for line in lines)
    explained = [(name, metric_words(name, unit)) for name in metrics]
    return {
        **fidelity,
        "reason": fidelity["reason"][:1].upper() + fidelity["reason"][1:],
        **{name: fidelity["settings"].get(name) for name in ("n_real", "n_holdout", "n_per_side")},
        "words": fidelity_words(fidelity["verdict"], unit),
        "lines": lines,
        "figures": [
            floor_figure(f"{key}-{i}", f"Beside the floor: {name}", found)
            for i, (name, found) in enumerate(panels.items())
        ],
        "explained": [{"name": name, **words} for name, words in explained if words],
    }


def _panel(line: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """Name the figure that a line is drawn in: what was measured in, or the rest."""
    alike = sum(other["features"] == line["features"] for other in lines)
    return str(line["space"]) if alike >= _FEWEST_LINES else "other measures"


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    """Write one figure beside its floor."""
    name = f"{line['metric']}, {line['label']}" if line["label"] else str(line["metric"])
    return {
        **line,
        "name": name,
        "space": SPACES.get(line["features"], line["features"]),
        "bounded": line["metric"] not in _UNBOUNDED,
        "beyond": _is_beyond(line),
        "shown": {part: _number(line[part]) for part in _PARTS},
    }


_PARTS = ("value", "floor", "floor_lower", "floor_upper")


def _is_beyond(line: Mapping[str, Any]) -> bool:
    """Tell whether a figure is worse than the range of its floor; "like floor": outside of it."""
    above, below = line["value"] > line["floor_upper"], line["value"] < line["floor_lower"]
    wrong = {"lower": above, "higher": below}.get(line["better"], above or below)
    return bool(wrong)


def _number(value: float | None) -> str:
    """Write a figure with three decimals, or more where they would all be 0."""
    if value is None or math.isnan(value):
        return "n/a"
    text = f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.1g}"
    return text.replace("-", "−")

"""From a study's numbers to what the template prints: texts, table rows and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.report.data_figures import column_figure, dependence_figures, history_figures
from augment.report.fidelity import fidelity_view
from augment.report.figures import (
    calibration_error,
    calibration_figure,
    curve_figure,
    forest_figure,
)
from augment.report.image_view import image_view
from augment.report.lifts import find, judged_lift
from augment.report.privacy import privacy_view
from augment.report.words import (
    ARM_NAMES,
    DECIDING,
    METRIC_NAMES,
    NOT_MEASURED,
    arm_name,
    plural,
    points,
    verdict_words,
    worth,
)

__all__ = ["study_view"]

_MAX_COLUMNS = 24


def study_view(study: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Prepare one study for the template.

    Parameters
    ----------
    study : mapping
        From `augment.report.summarise_study`.
    key : str
        Unique on the page; it prefixes every identifier of this study.

    Returns
    -------
    dict
        Texts, table rows and drawings.
    """
    unit = study["unit"]
    rope = {name: float(study["settings"].get("rope", {}).get(name, 0)) for name in DECIDING}
    rows = study["summary"]
    return {
        **study,
        "key": key,
        "measured": study["verdict"] != NOT_MEASURED,
        "rows": plural(unit),
        "words": verdict_words(study["verdict"], unit, study["roles"]["reference"]),
        "facts": {
            name: list(value) if name == "estimators" else value
            for name, value in study["settings"].items()
        },
        "tiles": _tiles(study),
        "detectable": _detectable(study["smallest_detectable_lift"]),
        "has_patients": any(row.get("group_lower") is not None for row in study["comparisons"]),
        "forests": _forests(f"{key}-lift", study, rope),
        "estimators": [_estimator_row(row) for row in study["by_estimator"]],
        "arm_forests": _arm_forests(f"{key}-arm", study, rope),
        "arms": _arm_table(rows, study["roles"]["judged"]),
        "metrics": [METRIC_NAMES[name] for name in METRIC_NAMES],
        "curves": _curves(key, study),
        "calibration_figure": calibration_figure(
            f"{key}-calibration", study["calibration"], study["roles"]
        ),
        "calibration_rows": _calibration_rows(study),
        "column_figures": _columns(key, study["columns"]),
        "hidden_columns": [c["name"] for c in study["columns"] if c["kind"] == "hidden"],
        "column_rows": [_column_row(column) for column in study["columns"]],
        "heat_maps": dependence_figures(f"{key}-heat", study["dependence"])
        if study["dependence"]
        else [],
        "training": history_figures(f"{key}-training", study["history"]),
        "outside": _external(key, study, rope),
        "fidelity": study["fidelity"] and fidelity_view(study["fidelity"], f"{key}-likeness", unit),
        "privacy": study["privacy"] and privacy_view(study["privacy"], f"{key}-privacy", unit),
        "images": study["images"] and image_view(study["images"], f"{key}-images", unit),
        "n_patient_pictures": study["images"]["n_patient_pictures"] if study["images"] else 0,
    }


def _arms(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the arms there are: the usual ones in their order, then any others."""
    there = dict.fromkeys(row["arm"] for row in rows)
    return [*(arm for arm in ARM_NAMES if arm in there), *(a for a in there if a not in ARM_NAMES)]


def _tiles(study: Mapping[str, Any]) -> list[dict[str, str]]:
    """Give the three figures that stand beside the verdict."""
    if study["verdict"] == NOT_MEASURED:
        return []
    tiles = []
    for metric, name in (("roc_auc", "ROC AUC"), ("neg_log_loss", "Log loss, improvement")):
        row = judged_lift(study, metric)
        if row:
            note = f"95 % interval {points(row['lower'])} to {points(row['upper'])}"
            tile = {"name": name, "value": points(row["lift"]), "unit": "points"}
            tiles.append({**tile, "note": note + _over_patients(row)})
    value, unit, note = worth(study["equivalent_rows"], study["unit"])
    tiles.append({"name": "Worth as much as", "value": value, "unit": unit, "note": note})
    return tiles


def _detectable(smallest: Mapping[str, float | None]) -> str:
    """Write the gain that the study would have found four times in five."""
    units = (("roc_auc", "points of ROC AUC"), ("neg_log_loss", "points of log loss"))
    found = [(smallest.get(name), text) for name, text in units]
    return " or ".join(f"{points(v).lstrip('+')} {text}" for v, text in found if v is not None)


def _over_patients(row: Mapping[str, Any]) -> str:
    """Write the interval over patients, where they are known."""
    if row.get("group_lower") is None:
        return ""
    return f"; over patients {points(row['group_lower'])} to {points(row['group_upper'])}"


def _forests(key: str, study: Mapping[str, Any], rope: Mapping[str, float]) -> list[Any]:
    """Draw the lifts of every classifier and of their mean, for both deciding metrics."""
    drawings = []
    for metric in DECIDING:
        lines = [
            {
                "label": row["estimator"],
                **{p: row[f"{p}_{metric}"] for p in ("lift", "lower", "upper")},
            }
            for row in study["by_estimator"]
        ]
        everyone = judged_lift(study, metric)
        if everyone:
            lines.append({**everyone, "label": "All classifiers"})
        title = f"{METRIC_NAMES[metric][0]}: gain by synthetic {plural(study['unit'])}"
        drawings.append(forest_figure(f"{key}-{metric}", title, lines, metric, rope[metric]))
    return drawings


def _arm_forests(key: str, study: Mapping[str, Any], rope: Mapping[str, float]) -> list[Any]:
    """Draw every arm's lift over the real rows alone, mean over classifiers."""
    drawings, rows = [], study["summary"]
    for metric in DECIDING:
        others = [arm for arm in _arms(rows) if arm != "real"]
        found = [(arm, find(rows, arm, metric)) for arm in others]
        lines = [{**row, "label": arm_name(arm)} for arm, row in found if row]
        title = f"{METRIC_NAMES[metric][0]}: gain over real {plural(study['unit'])} only"
        drawings.append(
            forest_figure(
                f"{key}-{metric}",
                title,
                lines,
                metric,
                rope[metric],
                strong=arm_name(study["roles"]["judged"]),
            )
        )
    return drawings


def _estimator_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write one classifier's line of the table."""
    p = row.get("p_adjusted")
    return {
        "name": row["estimator"],
        "verdict": row["verdict"],
        "mark": verdict_words(row["verdict"])["mark"],
        "p": "n/a" if p is None else ("< 0.001" if p < 0.001 else f"{p:.3f}"),
        "gains": [
            _gain({part: row[f"{part}_{m}"] for part in ("lift", "lower", "upper")})
            for m in DECIDING
        ],
    }


def _gain(row: Mapping[str, Any]) -> str:
    """Write a gain with its interval, in points."""
    return f"{points(row['lift'])} ({points(row['lower'])} to {points(row['upper'])})"


def _arm_table(rows: Sequence[Mapping[str, Any]], judged: str) -> list[dict[str, Any]]:
    """Write a line per arm: mean (SD) of every metric, and the gains of the deciding ones."""
    table = []
    for arm in _arms(rows):
        found = {metric: find(rows, arm, metric) for metric in METRIC_NAMES}
        if not any(found.values()):
            continue
        cells = []
        for metric, row in found.items():
            mean = None if row is None else row["mean"]
            sign = METRIC_NAMES[metric][1]
            cells.append(
                {
                    "mean": "n/a" if row is None or mean is None else f"{sign * mean:.3f}",
                    "sd": "" if row is None or row["sd"] is None else f"{row['sd']:.3f}",
                    "gain": _gain(row) if row and metric in DECIDING and arm != "real" else "",
                }
            )
        table.append({"name": arm_name(arm), "strong": arm == judged, "cells": cells})
    return table


def _curves(key: str, study: Mapping[str, Any]) -> list[Any]:
    """Draw the learning curves there are."""
    equivalent, unit = study["equivalent_rows"], study["unit"]
    if not equivalent:
        return []
    drawings = [curve_figure(f"{key}-curve-{m}", equivalent, m, unit) for m in DECIDING]
    return [made for made in drawings if made]


def _calibration_rows(study: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write a line per arm: distance from the diagonal and slope."""
    table, records, rows = [], study["calibration"], study["summary"]
    for arm in _arms(records):
        bins = [row for row in records if row["arm"] == arm]
        if not bins:
            continue
        slope = find(rows, arm, "calibration_slope")
        known = slope is not None and slope["mean"] is not None
        table.append(
            {
                "name": arm_name(arm),
                "strong": arm == study["roles"]["judged"],
                "distance": f"{100 * calibration_error(bins):.1f}",
                "slope": f"{slope['mean']:.2f}" if slope and known else "n/a",
            }
        )
    return table


def _columns(key: str, columns: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Draw the columns, those that differ most first if there are too many for the page."""
    shown = [(i, column) for i, column in enumerate(columns) if column["kind"] != "hidden"]
    if len(shown) > _MAX_COLUMNS:
        shown = sorted(shown, key=lambda pair: -pair[1]["gap"])[:_MAX_COLUMNS]
    return [column_figure(f"{key}-column-{i}", column) for i, column in shown]


def _column_row(column: Mapping[str, Any]) -> dict[str, Any]:
    """Write one column's line of the table."""

    def percent(share: float | None) -> str:
        return "n/a" if share is None else f"{100 * share:.1f}"

    return {
        "name": column["name"],
        "gap": percent(column["gap"]),
        "chance": percent(column["chance"]),
        "missing_real": percent(column["missing_real"]),
        "missing_synthetic": percent(column["missing_synthetic"]),
    }


def _external(
    key: str, study: Mapping[str, Any], rope: Mapping[str, float]
) -> dict[str, Any] | None:
    """Prepare the verdict on rows from elsewhere."""
    external, roles = study["external"], study["roles"]
    if not external:
        return None
    rows = external["summary"]
    outside = {**study, "summary": rows, "comparisons": []}
    names = dict.fromkeys(row["estimator"] for row in rows if row["estimator"] != "all")
    by_estimator = []
    for name in names:
        line: dict[str, Any] = {"estimator": name}
        for metric in DECIDING:
            row = judged_lift(outside, metric, name) or {}
            line.update({f"{p}_{metric}": row.get(p) for p in ("lift", "lower", "upper")})
        by_estimator.append(line)
    outside["by_estimator"] = by_estimator
    # Elsewhere gains are told over the real rows alone.
    told = roles["reference"] == "real"
    return {
        **external,
        "words": verdict_words(external["verdict"], study["unit"], roles["reference"]),
        "forests": _forests(f"{key}-external", outside, rope) if told else [],
        "arms": _arm_table(rows, roles["judged"]),
    }

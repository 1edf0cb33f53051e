"""From the pictures of a section to what the template prints, with words that stand for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.report.image_figures import nearest_figure
from augment.report.words import plural

__all__ = ["image_view"]


def image_view(section: Mapping[str, Any], key: str, unit: str) -> dict[str, Any]:
    """Prepare the pictures for the template.

    Parameters
    ----------
    section : mapping
        From `augment.report.image_section`.
    key : str
        Prefixes every identifier.
    unit : str
        "slice" or "image".

    Returns
    -------
    dict
        Pictures with ``alt`` texts, captions, and a drawing of the distances.
    """
    rows = plural(unit)
    return {
        **section,
        "sheets": [_sheet(sheet, rows) for sheet in section["sheets"]],
        "nearest_figure": nearest_figure(f"{key}-nearest", section["nearest"]),
        "pairs": None if section["pairs"] is None else _pairs(section["pairs"], unit),
        "paths": [_path(path, unit) for path in section["paths"]],
    }


def _alt(picture: Mapping[str, Any] | None, text: str) -> dict[str, Any] | None:
    return None if picture is None else {**picture, "alt": text}


def _of_class(label: str) -> str:
    return f" of class {label}" if label else ""


def _sheet(sheet: Mapping[str, Any], rows: str) -> dict[str, Any]:
    """Describe the sheet of one class: numbers shown, brightness and contrast."""
    which = _of_class(sheet["label"])
    light = [_light(values) for values in sheet["brightness"]]
    averages = sheet["averages"]
    return {
        **sheet,
        "title": sheet["label"] or f"All {rows}",
        "real": _alt(
            sheet["real"], f"Sheet of {sheet['n_real_shown']} real {rows}{which}. {light[0]}"
        ),
        "synthetic": _alt(
            sheet["synthetic"],
            f"Sheet of {sheet['n_synthetic_shown']} synthetic {rows}{which}. {light[1]}",
        ),
        "averages": averages
        and {
            "mean": _alt(
                averages["mean"],
                f"Average of all real {rows}{which}, and beside it of all synthetic ones.",
            ),
            "spread": _alt(
                averages["spread"],
                f"Where real {rows}{which} differ among themselves, and beside it where synthetic "
                "ones do.",
            ),
        },
        "light": light,
    }


def _light(values: Sequence[float] | None) -> str:
    if values is None:
        return ""
    brightness, contrast = (f"{100 * value:.0f} %" for value in values)
    return f"All: brightness {brightness} and contrast {contrast} of the window."


def _pairs(pairs: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Describe each synthetic image beside its nearest real ones."""
    shown = []
    for place, row in enumerate(pairs["rows"], start=1):
        text = f"training {unit} at {row['distances'][0]:.2f}"
        alt = f"Pair {place}: a synthetic {unit}, the nearest training {unit}"
        if len(row["distances"]) > 1:
            text += f", held-out one at {row['distances'][1]:.2f}"
            alt += f", and the nearest held-out {unit}"
        shown.append({"picture": _alt(row["picture"], f"{alt}: {text}."), "text": text})
    return {**pairs, "rows": shown}


def _path(path: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Describe a walk between two draws."""
    mean, most = (f"{100 * value:.1f} %" for value in path["change"])
    steps = f"Each step changes pixels by {mean} of the window on average, at most {most}."
    between = f"{path['n']} {plural(unit)} from one draw to another{_of_class(path['label'])}"
    return {
        **path,
        "title": path["label"] or "Between two draws",
        "picture": _alt(path["picture"], f"{between}. {steps}"),
        "text": steps,
    }

"""The report's sentences: what a verdict means, what it does not, methods, limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augment._errors import InvalidInputError, listed

__all__ = [
    "ARM_NAMES",
    "DECIDING",
    "METRIC_NAMES",
    "NOT_MEASURED",
    "arm_name",
    "fill",
    "plural",
    "points",
    "verdict_words",
    "worth",
]

DECIDING = ("roc_auc", "neg_log_loss")
NOT_MEASURED = "not measured"

ARM_NAMES = {
    "real": "Real only",
    "augmented": "Real + synthetic",
    "bootstrap": "Real + copies",
    "jitter": "Real + jittered copies",
    "smote": "Real + SMOTE",
    "class_weight": "Class weights",
    "classical": "Real, classically augmented",
    "classical_augmented": "Classical + synthetic",
    "classical_bootstrap": "Classical + copies",
    "synthetic": "Synthetic only",
}
# Name, sign that turns the stored number into the printed one, and which way is better.
METRIC_NAMES = {
    "roc_auc": ("ROC AUC", 1, "higher is better"),
    "neg_log_loss": ("Log loss", -1, "lower is better"),
    "balanced_accuracy": ("Balanced accuracy", 1, "higher is better"),
    "neg_brier": ("Brier score", -1, "lower is better"),
    "calibration_slope": ("Calibration slope", 1, "1 is ideal"),
}

# {rows} is what the table or the folder holds: rows, slices or images.
_VERDICTS: dict[str, dict[str, str]] = {
    "helps": {
        "mark": "▲",
        "headline": "Synthetic {rows} help.",
        "means": "Classifiers trained on the real and the synthetic {rows} together judged "
        "patients they had never seen better than classifiers trained on {alone}, by "
        "more than the luck of the splits explains, and by more than repeating the real {rows} "
        "achieves.",
        "not": "That every patient is judged better, that the gain carries over to another "
        "hospital, or that synthetic {rows} can stand in for recruiting patients.",
    },
    "no evidence": {
        "mark": "○",
        "headline": "No evidence that synthetic {rows} help.",
        "means": "The difference is too small or too unsteady to be told from the luck of the "
        "splits. Using {alone} is the simpler choice.",
        "not": "That synthetic {rows} are useless. A gain below the smallest one that this study "
        "could detect would have gone unseen.",
    },
    "harms": {
        "mark": "▼",
        "headline": "Synthetic {rows} do harm.",
        "means": "Classifiers trained with the synthetic {rows} judged unseen patients worse than "
        "those trained on {alone}. Do not add these {rows}.",
        "not": "That every generator, or fewer synthetic {rows}, would do harm on these data.",
    },
    "equivalent": {
        "mark": "=",
        "headline": "Synthetic {rows} make no practical difference.",
        "means": "Both deciding measures stay within the margin that was fixed beforehand as too "
        "small to matter.",
        "not": "That the synthetic {rows} look like patients, or that they are useful for anything "
        "else.",
    },
    NOT_MEASURED: {
        "mark": "–",
        "headline": "Whether synthetic {rows} help was not measured.",
        "means": "This page says what the synthetic {rows} are like. Whether a classifier gains by "
        "them takes a comparison on patients it never saw, which was not part of this run.",
        "not": "That they help, or that they do not. {Rows} that look right may be of no use, "
        "and {rows} that look wrong may help.",
    },
}
_PLURALS = {"row": "rows", "slice": "slices", "image": "images"}


def plural(unit: str) -> str:
    """Give the plural of what the synthetic things are called.

    Raises
    ------
    InvalidInputError
        If `unit` is none of "row", "slice" and "image".
    """
    if unit not in _PLURALS:
        raise InvalidInputError(f"unit must be one of {listed(_PLURALS)}; got {unit!r}.")
    return _PLURALS[unit]


def verdict_words(verdict: str, unit: str = "row", reference: str = "real") -> dict[str, str]:
    """Say what a verdict on the lift means, and what it does not.

    Parameters
    ----------
    verdict : str
        Of the comparison.
    unit : {"row", "slice", "image"}
        What a synthetic thing is called.
    reference : {"real", "classical"}
        The arm that synthetic things are added to.

    Examples
    --------
    >>> verdict_words("helps", "slice")["headline"]
    'Synthetic slices help.'
    """
    alone = f"the real {plural(unit)} alone"
    if reference == "classical":
        alone = f"the real {plural(unit)} with classical augmentation alone"
    return fill(_VERDICTS[verdict], unit, alone=alone)


def fill(words: Mapping[str, str], unit: str, **more: str) -> dict[str, str]:
    """Put the name of the unit into texts: ``{row}``, ``{rows}``, ``{Rows}``."""
    names = {"row": unit, "rows": plural(unit), "Rows": plural(unit).capitalize(), **more}
    return {key: text.format(**names) for key, text in words.items()}


def arm_name(arm: str) -> str:
    """Name an arm for people."""
    return ARM_NAMES.get(arm, arm.replace("_", " ").capitalize())


def points(value: float | None) -> str:
    """Write a difference in points, that is hundredths, with its sign.

    Examples
    --------
    >>> points(0.0123), points(-0.002), points(None)
    ('+1.2', '−0.2', 'n/a')
    """
    if value is None or value != value:
        return "n/a"
    text = f"{100 * value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def worth(equivalent: Mapping[str, Any] | None, unit: str = "row") -> tuple[str, str, str]:
    """Write the reading of equivalent rows for a tile: value, unit, note.

    Examples
    --------
    >>> worth({"estimate": 57.0, "lower": 8.0, "upper": 120.0, "m": 120})
    ('57', 'more real rows', '95 % interval 8 to 120, at 120 rows')
    """
    if not equivalent or equivalent["estimate"] is None:
        return "–", "", "not estimable from these data"
    m, value = equivalent["m"], round(equivalent["estimate"])
    bounds = [equivalent["lower"], equivalent["upper"]]
    interval = "" if None in bounds else f"95 % interval {bounds[0]:.0f} to {bounds[1]:.0f}, "
    shown = f"≥ {m}" if value >= m else str(value)
    rows = plural(unit)
    what = f"real {rows}" if value < 0 else f"more real {rows}"
    return shown.replace("-", "−"), what, f"{interval}at {m} {rows}".replace("-", "−")

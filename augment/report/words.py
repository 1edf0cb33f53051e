"""The report's sentences: what a verdict means, what it does not, methods, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "ARM_NAMES",
    "DECIDING",
    "METRIC_NAMES",
    "VERDICTS",
    "arm_name",
    "limits",
    "methods",
    "points",
    "worth",
]

DECIDING = ("roc_auc", "neg_log_loss")

ARM_NAMES = {
    "real": "Real rows only",
    "augmented": "Real + synthetic",
    "bootstrap": "Real + copies",
    "jitter": "Real + jittered copies",
    "smote": "Real + SMOTE",
    "class_weight": "Class weights",
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

VERDICTS: dict[str, dict[str, str]] = {
    "helps": {
        "mark": "▲",
        "headline": "Synthetic rows help.",
        "means": "Classifiers trained on the real and the synthetic rows together judged patients "
        "they had never seen better than classifiers trained on the real rows alone, by more than "
        "the luck of the splits explains, and by more than repeating the real rows achieves.",
        "not": "That every patient is judged better, that the gain carries over to another "
        "hospital, or that synthetic rows can stand in for recruiting patients.",
    },
    "no evidence": {
        "mark": "○",
        "headline": "No evidence that synthetic rows help.",
        "means": "The difference is too small or too unsteady to be told from the luck of the "
        "splits. Using the real rows alone is the simpler choice.",
        "not": "That synthetic rows are useless. A gain below the smallest one that this study "
        "could detect would have gone unseen.",
    },
    "harms": {
        "mark": "▼",
        "headline": "Synthetic rows do harm.",
        "means": "Classifiers trained with the synthetic rows judged unseen patients worse than "
        "those trained on the real rows alone. Do not add these rows.",
        "not": "That every generator, or fewer synthetic rows, would do harm on this table.",
    },
    "equivalent": {
        "mark": "=",
        "headline": "Synthetic rows make no practical difference.",
        "means": "Both deciding measures stay within the margin that was fixed beforehand as too "
        "small to matter.",
        "not": "That the synthetic rows look like patients, or that they are useful for anything "
        "else.",
    },
}


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


def worth(equivalent: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Write the reading of equivalent rows for a tile: value, unit, note.

    Examples
    --------
    >>> worth({"estimate": 57.0, "lower": 8.0, "upper": 120.0, "m": 120})
    ('57', 'more real rows', '95 % interval 8 to 120, at 120 rows')
    """
    if not equivalent or equivalent["estimate"] is None:
        return "–", "", "not estimable from this table"
    m, value = equivalent["m"], round(equivalent["estimate"])
    bounds = [equivalent["lower"], equivalent["upper"]]
    interval = "" if None in bounds else f"95 % interval {bounds[0]:.0f} to {bounds[1]:.0f}, "
    shown = f"≥ {m}" if value >= m else str(value)
    unit = "real rows" if value < 0 else "more real rows"
    return shown.replace("-", "−"), unit, f"{interval}at {m} rows".replace("-", "−")


def _settings_phrase(settings: Mapping[str, Any]) -> str:
    """Say how many rows, columns and classes."""
    counts = settings.get("classes", {})
    if isinstance(counts, Mapping):
        classes = ", ".join(f"{label} {count}" for label, count in counts.items())
    else:
        classes = ", ".join(str(label) for label in counts)
    left_out = ", ".join(settings.get("left_out_classes") or ())
    rest = f"; too rare to be scored: {left_out}" if left_out else ""
    return (
        f"{settings.get('n_rows')} rows with {settings.get('n_columns')} features "
        f"(classes: {classes}{rest})"
    )


def methods(name: str, study: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """Write a methods paragraph that can go into a paper as it stands.

    Parameters
    ----------
    name : str
        The generator's class.
    study : mapping
        A study of the report's dictionary.
    environment : mapping
        As `augment.workflow.describe_environment` gives it.

    Returns
    -------
    str
        Plain text.
    """
    s = study["settings"]
    rope = s.get("rope", {})
    version = environment.get("augment") or s.get("versions", {}).get("augment", "")
    controls = [
        arm_name(arm).replace("R", "r", 1).replace("C", "c", 1)
        for arm in s.get("arms", ())
        if arm not in ("real", "augmented", "synthetic")
    ]
    sentences = [
        f"We asked whether synthetic rows improve classifiers trained on {_settings_phrase(s)}.",
        f"Synthetic rows were drawn from a generator ({name}, Augment {version}) conditional on "
        "the class, with the class frequencies of the training part.",
        f"Performance was estimated by stratified {s.get('n_splits')}-fold cross-validation, "
        f"repeated {s.get('n_repeats')} times"
        + (" with all rows of a group on one side of every split" if s.get("groups") else "")
        + "; in each split the generator was fitted on the training part alone.",
        f"Each classifier ({', '.join(s.get('estimators', ()))}) was trained on the real training "
        f"rows (about {s.get('n_train')}) and on these together with about {s.get('n_synthetic')} "
        "synthetic rows, and both were scored on the same held-out real rows.",
        f"Controls, scored alike: {', '.join(controls)}." if controls else "",
        "Lifts are paired differences per split; their 95 % intervals use the corrected resampled "
        "t-test of Nadeau and Bengio and are not adjusted for multiplicity; verdicts of single "
        "classifiers are adjusted by Holm's method.",
        "Augmentation was said to help if the interval of the lift, averaged over classifiers, lay "
        "above zero for ROC AUC or log loss and above the negative equivalence margin for the "
        f"other (margins {rope.get('roc_auc')} and {rope.get('neg_log_loss')}), and if the same "
        "held against bootstrap copies of the real rows; this rule was fixed beforehand.",
        f"External validation used {study['external']['n_test']} rows of a second table; there, "
        "the classifiers of every split were scored."
        if study["external"]
        else "",
        f"The random seed was {s.get('random_state')}.",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def limits(study: Mapping[str, Any]) -> Sequence[str]:
    """List what this study cannot show.

    Parameters
    ----------
    study : mapping
        A study of the report's dictionary.

    Returns
    -------
    list of str
        One plain sentence each.
    """
    s = study["settings"]
    smallest = study["smallest_detectable_lift"]
    lines = [
        "Gains smaller than about "
        f"{points(smallest.get('roc_auc')).lstrip('+')} points of ROC AUC or "
        f"{points(smallest.get('neg_log_loss')).lstrip('+')} points of log loss would have been "
        "missed more than one time in five.",
        "Cross-validation reuses the same patients in every split. It tells how well the method "
        "works for tables like this one, not how a single fitted model will fare.",
        "The generator learned from this table and repeats its biases: who was recruited, how "
        "values were measured, which values are missing.",
        "Synthetic rows are not patients. Do not count them in a sample size or a table of "
        "baseline characteristics, and keep the mark that says they are synthetic.",
        "This page does not examine privacy. That rows are synthetic does not by itself mean that "
        "nothing about a patient can be learned from them.",
    ]
    if not study["external"]:
        lines.insert(
            2,
            "All rows come from one table. How the lift changes at another hospital is unknown; "
            "give a second table with --test to find out.",
        )
    if not s.get("groups"):
        lines.insert(
            2,
            "Each row was taken to be another patient. If patients have several rows, name their "
            "column with --groups, or the scores are too good.",
        )
    return lines

"""The report's longer texts: methods for a paper, and the limits of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.report.fidelity_words import fidelity_methods
from augment.report.privacy_words import privacy_limits, privacy_methods
from augment.report.words import NOT_MEASURED, arm_name, plural, points

__all__ = ["limits", "methods"]


def _settings_phrase(settings: Mapping[str, Any], unit: str) -> str:
    """Say how many rows, columns and classes."""
    counts = settings.get("classes", {})
    if isinstance(counts, Mapping):
        classes = ", ".join(f"{label} {count}" for label, count in counts.items())
    else:
        classes = ", ".join(str(label) for label in counts)
    left_out = ", ".join(settings.get("left_out_classes") or ())
    rest = f"; too rare to be scored: {left_out}" if left_out else ""
    features = f" with {settings.get('n_columns')} features" if unit == "row" else ""
    return f"{settings.get('n_rows')} {plural(unit)}{features} (classes: {classes}{rest})"


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
    version = environment.get("augment") or study["settings"].get("versions", {}).get("augment", "")
    sentences = []
    if study["verdict"] != NOT_MEASURED:
        sentences += _lift_methods(f"{name}, Augment {version}", study)
    else:
        sentences.append(
            f"Synthetic {plural(study['unit'])} were drawn from a generator ({name}, "
            f"Augment {version})."
        )
    sentences += fidelity_methods(study["fidelity"], study["unit"])
    sentences += privacy_methods(study["privacy"], study["unit"])
    return " ".join(sentence for sentence in sentences if sentence)


def _lift_methods(generator: str, study: Mapping[str, Any]) -> list[str]:
    """Say how the lift was measured."""
    s, rows, roles = study["settings"], plural(study["unit"]), study["roles"]
    rope, compared = s.get("rope", {}), {roles["judged"], roles["reference"]}
    controls = [
        arm_name(arm).replace("R", "r", 1).replace("C", "c", 1)
        for arm in s.get("arms", ())
        if arm not in {"real", "augmented", "synthetic"} | compared
    ]
    counted = s.get("synthetic_weight", 1)
    weighed = "" if counted == 1 else f", each counting {counted:g} times as much as a real one"
    moved = ", both with classical augmentation" if roles["reference"] == "classical" else ""
    return [
        f"We asked whether synthetic {rows} improve classifiers trained on "
        f"{_settings_phrase(s, study['unit'])}.",
        f"Synthetic {rows} were drawn from a generator ({generator}) conditional on "
        "the class, with the class frequencies of the training part.",
        f"Performance was estimated by stratified {s.get('n_splits')}-fold cross-validation"
        + (f", repeated {s['n_repeats']} times" if s.get("n_repeats", 1) > 1 else "")
        + (f" with all {rows} of a group on one side of every split" if s.get("groups") else "")
        + "; in each split the generator was fitted on the training part alone.",
        f"Each classifier ({', '.join(s.get('estimators', ()))}) was trained on the real training "
        f"{rows} (about {s.get('n_train')}) and on these together with about "
        f"{s.get('n_synthetic')} synthetic {rows}{weighed}{moved}, and scored on the same held-out "
        f"real {rows}.",
        f"Controls, scored alike: {', '.join(controls)}." if controls else "",
        "Lifts are paired differences per split; their 95 % intervals use the corrected resampled "
        "t-test of Nadeau and Bengio and are not adjusted for multiplicity; verdicts of single "
        "classifiers are adjusted by Holm's method.",
        "Augmentation was said to help if the interval of the lift, averaged over classifiers, lay "
        "above zero for ROC AUC or log loss and above the negative equivalence margin for the "
        f"other (margins {rope.get('roc_auc')} and {rope.get('neg_log_loss')}), and if the same "
        f"held against bootstrap copies of the real {rows}; this rule was fixed beforehand.",
        f"External validation used {study['external']['n_test']} {rows} of a second data set; "
        "there, the classifiers of every split were scored."
        if study["external"]
        else "",
        f"The random seed was {s.get('random_state')}.",
    ]


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
    lines = [] if study["verdict"] == NOT_MEASURED else _lift_limits(study)
    return [
        *lines,
        "The generator learned from these data and repeats their biases: who was recruited, how "
        "values were measured, which values are missing.",
        f"Synthetic {plural(study['unit'])} are not patients. Do not count them in a sample size "
        "or a table of baseline characteristics, and keep the mark that says they are synthetic.",
        *privacy_limits(study["privacy"], study["unit"]),
    ]


def _lift_limits(study: Mapping[str, Any]) -> list[str]:
    """List what the comparison of classifiers cannot show."""
    s, rows = study["settings"], plural(study["unit"])
    smallest = study["smallest_detectable_lift"]
    lines = [
        "Gains smaller than about "
        f"{points(smallest.get('roc_auc')).lstrip('+')} points of ROC AUC or "
        f"{points(smallest.get('neg_log_loss')).lstrip('+')} points of log loss would have been "
        "missed more than one time in five.",
        "Cross-validation reuses the same patients in every split. It tells how well the method "
        "works for data like these, not how a single fitted model will fare.",
    ]
    if not s.get("groups"):
        lines.append(
            f"Each {study['unit']} was taken to be another patient. If patients have several "
            f"{rows}, name their column with --groups, or the scores are too good."
        )
    if not study["external"]:
        lines.append(
            f"All {rows} come from one source. How the lift changes at another hospital is "
            "unknown; give a second table with --test to find out."
            if study["unit"] == "row"
            else f"All {rows} come from one source. How the lift changes at another hospital or "
            "scanner is unknown."
        )
    return lines

"""From what the workers brought back to a `LiftResult`."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import TrainingError
from augment._typing import FloatArray
from augment.evaluation._text import DECIDING
from augment.evaluation.arms import Plan
from augment.evaluation.by_group import compare
from augment.evaluation.external import external_result
from augment.evaluation.learning_curve import MIN_BOTTOM, CurvePoint, curve_sizes, read_curve
from augment.evaluation.notes import failed_pairs, run_notes
from augment.evaluation.parameters import versions
from augment.evaluation.results import EquivalentRows, ExternalResult, LiftResult
from augment.evaluation.roles import CLASSICAL
from augment.evaluation.scoring import PROBABILITY_FLOOR
from augment.evaluation.splits import Split
from augment.evaluation.study import Study
from augment.evaluation.trial import Trial

__all__ = ["Outcome", "assemble", "study_settings"]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the workers brought back, in the order of the splits."""

    trials: list[Trial]
    points: dict[int, CurvePoint]


def _without_failures(plan: Plan, outcome: Outcome) -> tuple[FloatArray, FloatArray | None]:
    """Stack scores; what failed in one split is left out of all of them."""
    values = np.stack([trial.values for trial in outcome.trials])
    outside = None
    if plan.external is not None:
        outside = np.stack([np.asarray(trial.external_values) for trial in outcome.trials])
    failures = failed_pairs([trial.report for trial in outcome.trials])
    names = [candidate.name for candidate in plan.candidates]
    for arm, classifier in failures:
        columns = slice(None) if classifier is None else names.index(classifier)
        rows = slice(None) if arm == "real" else plan.arms.index(arm)
        for scores in (values, outside):
            if scores is not None:
                scores[:, rows, columns] = np.nan
    deciding = [plan.metrics.index(name) for name in DECIDING]
    decided = [plan.arms.index(name) for name in (plan.roles.judged, plan.roles.reference)]
    if np.isnan(values[:, decided][..., deciding]).any(axis=(0, 1, 3)).all():
        texts = [text for texts in failures.values() for text in texts]
        raise TrainingError(f"no classifier could be fitted in every split. {texts[0]}")
    return values, outside


def assemble(
    plan: Plan, splits: list[Split], outcome: Outcome, ropes: tuple[float, float]
) -> LiftResult:
    """Turn scores into the result; settings and notes of the study are added later."""
    values, outside = _without_failures(plan, outcome)
    sizes = [(split.test.size, split.train.size) for split in splits]
    ratio = float(np.mean([n_test for n_test, _ in sizes]) / np.mean([n for _, n in sizes]))
    names = tuple(candidate.name for candidate in plan.candidates)
    study = Study(values, plan.arms, names, plan.metrics, ropes, ratio, plan.roles)
    judged = study.judge()
    equivalent, curve_notes = _equivalent_rows(plan, splits, outcome, study)
    reports = [trial.report for trial in outcome.trials]
    external = _external(outcome, study, outside, splits[-1].repeat + 1)
    return LiftResult(
        verdict=judged.verdict,
        reason=judged.reason,
        summary=study.summary(),
        by_estimator=study.by_estimator(),
        scores=_scores(study, splits, outcome),
        smallest_detectable_lift=study.smallest_detectable_lift(),
        equivalent_rows=equivalent,
        calibration=_calibration(study, outcome),
        external=external,
        settings={},
        notes=(*run_notes(reports), *curve_notes),
        comparisons=_comparisons(plan, splits, outcome, study),
    )


def _comparisons(plan: Plan, splits: list[Split], outcome: Outcome, study: Study) -> pd.DataFrame:
    """Compare arms over splits, and over patients where they are known."""
    if plan.cohort.groups is None:
        return compare(study, None, None)
    # What failed in one split is left out of all of them, as in the scores.
    gone = np.asarray(np.isnan(study.values).all(axis=(0, 3)))[:, :, None, None]
    influences = [np.where(gone, np.nan, trial.influences) for trial in outcome.trials]
    return compare(study, influences, [plan.cohort.groups[split.test] for split in splits])


def _external(
    outcome: Outcome, study: Study, outside: FloatArray | None, n_repeats: int
) -> ExternalResult | None:
    if outside is None:
        return None
    influences = np.zeros(outcome.trials[0].external_influences.shape)
    for trial in outcome.trials:
        influences += trial.external_influences / len(outcome.trials)
    # A classifier that failed at home is left out here too.
    influences[np.isnan(outside).all(axis=(0, 3))] = np.nan
    return external_result(dataclasses.replace(study, values=outside), influences, n_repeats)


def _equivalent_rows(
    plan: Plan, splits: list[Split], outcome: Outcome, study: Study
) -> tuple[EquivalentRows | None, list[str]]:
    """Read the learning curve off the classifiers that ran at all of its points."""
    if not outcome.points:
        least = 4 * MIN_BOTTOM
        return None, [f"No learning curve: training parts are smaller than {least}."]
    deciding = [plan.metrics.index(name) for name in DECIDING]
    at = list(outcome.points)
    full = study.values[at, study.arms.index(plan.roles.reference)][..., deciding]
    part = np.stack([point.real for point in outcome.points.values()])
    real = np.concatenate([part, full[:, None]], axis=1)
    augmented = np.stack([point.augmented for point in outcome.points.values()])
    usable = ~(np.isnan(real).any(axis=(0, 1, 3)) | np.isnan(augmented).any(axis=(0, 2)))
    notes = run_notes([point.report for point in outcome.points.values()])
    notes = [note for note in notes if note.startswith(("Arm", *study.classifiers))]
    if not usable.any():
        return None, [*notes, "No learning curve: no classifier ran at all of its points."]
    sizes = curve_sizes(round(float(np.mean([splits[i].train.size for i in at]))))
    result = read_curve(
        real[:, :, usable].mean(axis=2),
        augmented[:, usable].mean(axis=1),
        sizes,
        study.test_train_ratio,
        plan.seed,
    )
    return result, notes


def _scores(study: Study, splits: list[Split], outcome: Outcome) -> pd.DataFrame:
    """Write every score in a line of its own."""
    shape = study.values.shape
    j, arm, classifier, metric = (part.ravel() for part in np.indices(shape))
    n_synthetic = np.array([trial.n_synthetic for trial in outcome.trials])
    without = np.isin(study.arms, ("real", "class_weight", CLASSICAL))
    frame = pd.DataFrame(
        {
            "repeat": np.array([split.repeat for split in splits])[j],
            "split": np.array([split.split for split in splits])[j],
            "estimator": np.array(study.classifiers)[classifier],
            "arm": np.array(study.arms)[arm],
            "metric": np.array(study.metrics)[metric],
            "value": study.values.ravel(),
            "n_train": np.array([split.train.size for split in splits])[j],
            "n_synthetic": np.where(without[arm], 0, n_synthetic[j]),
        }
    )
    return frame[study.present()[arm, classifier]].reset_index(drop=True)


def _calibration(study: Study, outcome: Outcome) -> pd.DataFrame:
    """Tabulate the reliability curve of every arm that ran; empty bins are left out."""
    sums = np.sum([trial.bins for trial in outcome.trials], axis=0)
    rows = [
        {
            "arm": name,
            "bin": b,
            "predicted": sums[arm, b, 0] / sums[arm, b, 2],
            "observed": sums[arm, b, 1] / sums[arm, b, 2],
            "n": int(sums[arm, b, 2]),
        }
        for arm, name in enumerate(study.arms)
        for b in range(sums.shape[1])
        if sums[arm, b, 2] > 0 and study.present()[arm].any()
    ]
    return pd.DataFrame(rows)


def study_settings(
    plan: Plan, splits: list[Split], outcome: Outcome, n_splits: int, n_repeats: int
) -> dict[str, Any]:
    """Gather what a methods paragraph needs."""
    cohort, generator = plan.cohort, plan.generators["augmented"]
    labels, counts = cohort.classes.tolist(), np.bincount(cohort.codes).tolist()
    n_train = round(float(np.mean([split.train.size for split in splits])))
    seconds = pd.DataFrame([trial.report.seconds for trial in outcome.trials]).mean()
    unit = "row" if cohort.X.ndim == 2 else "image"
    return {
        "unit": unit,
        "n_rows": len(cohort),
        "n_columns": int(np.prod(cohort.X.shape[1:])),
        "columns": [str(c) for c in getattr(cohort.X, "columns", [])],
        "classes": {str(labels[k]): counts[k] for k in plan.kept},
        "left_out_classes": {str(c): counts[k] for k, c in enumerate(labels) if k not in plan.kept},
        "groups": None if cohort.groups is None else int(cohort.groups.max()) + 1,
        "n_splits": n_splits,
        "n_repeats": n_repeats,
        "n_train": n_train,
        "n_test": round(float(np.mean([split.test.size for split in splits]))),
        "ratio": plan.amount.ratio,
        "ratio_rule": plan.amount.text.replace("row", unit),
        "synthetic_weight": plan.amount.weight,
        "n_synthetic": plan.n_synthetic(n_train),
        "roles": dataclasses.asdict(plan.roles),
        "arms": list(plan.arms),
        "metrics": list(plan.metrics),
        "probability_floor": PROBABILITY_FLOOR,
        "estimators": {c.name: c.description for c in plan.candidates},
        "generator": type(generator).__name__,
        "generator_repr": " ".join(repr(generator).split()),
        "generator_params": {k: repr(v) for k, v in generator.get_params().items()},
        "n_external": None if plan.external is None else int(plan.external[1].size),
        "n_curve_splits": len(outcome.points),
        "random_state": plan.seed,
        "processor_seconds_per_split": {str(k): float(v) for k, v in seconds.items()},
        "versions": versions(),
    }

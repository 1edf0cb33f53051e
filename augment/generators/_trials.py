"""One inner fold: every ratio of synthetic rows tried with one fit of the generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import config_context
from sklearn.metrics import check_scoring, roc_auc_score
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from augment._errors import InvalidInputError
from augment._random import spawn_seeds
from augment._selection import Fold
from augment._typing import FloatArray, IntArray
from augment.generators._growth import Labels, fitted, joined, with_seed

__all__ = [
    "NOTHING",
    "RealRows",
    "Task",
    "draw",
    "find_scorer",
    "find_weight_name",
    "learn",
    "score_fold",
]

NOTHING = (0.0, None)
"""The candidate without synthetic rows: its ratio, and its weight."""

# A certain and wrong prediction costs -log(0.001) = 6.9 nats, as in `evaluate_lift`. Without a
# floor one such row decides about a fold, and a handful of folds decides about nothing.
_PROBABILITY_FLOOR = 1e-3


@dataclass(frozen=True)
class RealRows:
    """Real rows: table or images, labels, and what is known of each."""

    X: Any
    y: npt.NDArray[Any]
    weight: FloatArray | None
    groups: npt.NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: IntArray) -> RealRows:
        """Give some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        groups = None if self.groups is None else self.groups[rows]
        return RealRows(_safe_indexing(self.X, rows), self.y[rows], weight, groups)

    def grown(self, X_new: Any, y_new: npt.NDArray[Any], weight: float) -> RealRows:
        """Add synthetic rows that count `weight` times as much as the mean real row."""
        counted = None
        if self.weight is not None or weight != 1:
            real = np.ones(len(self)) if self.weight is None else self.weight
            counted = np.append(real, np.full(len(y_new), weight * real.mean()))
        return RealRows(joined(self.X, X_new), np.concatenate([self.y, y_new]), counted, None)


@dataclass(frozen=True)
class Task:
    """What every fold does in the same way."""

    estimator: Any
    generator: Any
    weight_name: str | None
    candidates: list[tuple[float, float | None]]
    scorer: Any
    draw: Any


def draw(
    generator: Any, rows: RealRows, n_rows: int, seed: int
) -> tuple[Any, Any, npt.NDArray[Any]]:
    """Fit a generator and draw from it: what `memory` keeps."""
    fit_seed, sample_seed = spawn_seeds(seed, 2)
    labels = Labels(rows.y)
    extra = {"sample_weight": rows.weight, "groups": rows.groups}
    grown = fitted(generator, rows.X, labels.told(rows.y), seed=fit_seed, **extra)
    X_new, y_new = grown.sample(n_rows, random_state=sample_seed)
    return grown, X_new, labels.restored(y_new)


def learn(estimator: Any, rows: RealRows, weight_name: str | None, seed: int) -> Any:
    """Fit a seeded clone of the estimator, weights given to the step that learns."""
    fresh = with_seed(estimator, seed)
    if rows.weight is None or weight_name is None:
        return fresh.fit(rows.X, rows.y)
    with config_context(enable_metadata_routing=False):  # the step is named: nothing to request
        return fresh.fit(rows.X, rows.y, **{weight_name: rows.weight})


def score_fold(task: Task, rows: RealRows, fold: Fold, seed: int) -> list[tuple[float, float]]:
    """Score every candidate on one fold, with one fit of the generator for all of them.

    Returns
    -------
    list of tuple of float
        What decides, and what must not fall.
    """
    real, tested = rows.take(fold[0]), rows.take(fold[1])
    draw_seed, learn_seed = spawn_seeds(seed, 2)
    X_new: Any = None
    scores = []
    for ratio, weight in task.candidates:
        train, n_new = real, round(ratio * len(real))
        if n_new and X_new is None:
            most = round(max(ratio for ratio, _ in task.candidates) * len(real))
            _, X_new, y_new = task.draw(task.generator, real, most, draw_seed)
        if n_new and weight is not None:
            train = real.grown(_safe_indexing(X_new, slice(n_new)), y_new[:n_new], weight)
        model = learn(task.estimator, train, task.weight_name, learn_seed)
        scores.append(task.scorer(model, tested))
    return scores


def find_weight_name(estimator: Any) -> str | None:
    """Name the `fit` argument by which the learner takes weights; None if it takes none."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = find_weight_name(last)
        resamples = any(hasattr(step, "fit_resample") for _, step in estimator.steps)
        return None if inner is None or resamples else f"{name}__{inner}"
    if isinstance(estimator, BaseSearchCV):
        return find_weight_name(estimator.estimator)
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None


def _log_loss_and_auc(model: Any, rows: RealRows) -> tuple[float, float]:
    """Give the mean log probability of the true class, floored, and the ROC AUC.

    The AUC is the mean of one class against the rest over the classes among the rows, or 0.5 if
    there is one class alone: then nothing can be ranked.
    """
    proba = np.asarray(model.predict_proba(rows.X), dtype=np.float64)
    codes = np.searchsorted(model.classes_, rows.y)
    true = proba[np.arange(len(rows)), codes]
    floored = np.where(true < _PROBABILITY_FLOOR, _PROBABILITY_FLOOR, true)  # keeps what is NaN
    score = float(np.average(np.log(floored), weights=rows.weight))
    present = np.unique(codes)
    if len(present) < 2 or not np.isfinite(proba).all():
        return score, 0.5
    judged = present[:1] if len(model.classes_) == 2 else present
    areas = [roc_auc_score(codes == k, proba[:, k], sample_weight=rows.weight) for k in judged]
    return score, float(np.mean(areas))


def find_scorer(estimator: Any, scoring: Any) -> Any:
    """Give a function of a fitted model and rows: what decides, and what must not fall.

    By default log loss decides, and the ROC AUC must not fall: an overconfident classifier gains
    log loss from any rows that flatten its probabilities, even if their labels are wrong. Another
    scoring stands alone.
    """
    if scoring == "neg_log_loss":
        if not hasattr(estimator, "predict_proba"):
            raise InvalidInputError(
                f"scoring='neg_log_loss' needs predict_proba, which {type(estimator).__name__} "
                "does not have. Give scoring='balanced_accuracy' or another, or wrap the estimator "
                "in CalibratedClassifierCV."
            )
        return _log_loss_and_auc
    scorer = check_scoring(estimator, scoring=scoring)
    weighs = getattr(scorer, "_accept_sample_weight", lambda: False)()

    def score(model: Any, rows: RealRows) -> tuple[float, float]:
        extra = {"sample_weight": rows.weight} if weighs and rows.weight is not None else {}
        return float(scorer(model, rows.X, rows.y, **extra)), 0.0

    return score

"""One split: train every classifier in every arm, and score it.

Everything in this file runs inside a worker process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import has_fit_parameter

from augment._errors import TrainingError
from augment._typing import FloatArray, IntArray
from augment.evaluation.arms import (
    Key,
    Plan,
    seed_for,
    training_sets,
    with_seed,
)
from augment.evaluation.classifiers import Candidate
from augment.evaluation.images import moves_images, with_moved_copies
from augment.evaluation.inputs import encode_labels, take
from augment.evaluation.rows import TrainingSet
from augment.evaluation.scoring import N_BINS, reliability, scorable_probabilities, score
from augment.evaluation.worker import Report, isolated

__all__ = ["Trial", "predictions", "run_split"]


@dataclasses.dataclass
class Trial:
    """The scores of one split.

    Attributes
    ----------
    values : ndarray of shape (n_arms, n_candidates, n_metrics)
        Not a number where an arm could not run.
    bins : ndarray of shape (n_arms, 10, 3)
        Sums for the reliability curve.
    external_values : ndarray, same shape as ``values``, or None
        Scores on the external rows.
    external_influences : ndarray of float32, ``values.shape + (n_external,)``, or None
        Influence of each external row on them.
    report : Report
        Failures, warnings, seconds.
    n_synthetic : int
        Rows that each generator added.
    influences : ndarray of float32, ``values.shape + (n_test,)``, or None
        Influence of each tested row on the scores, where rows belong to patients.
    """

    values: FloatArray
    bins: FloatArray
    external_values: FloatArray | None
    external_influences: Any
    report: Report
    n_synthetic: int
    influences: Any = None


def _fitted(plan: Plan, candidate: Candidate, data: TrainingSet, X: Any, key: Key) -> Any | None:
    """Fit one classifier; None where it cannot weigh classes."""
    learner = with_seed(candidate.learner, seed_for(plan, key, candidate.name))
    weights: dict[str, Any] = {}
    weighs = has_fit_parameter(learner, "sample_weight")
    if data.balanced and "class_weight" in learner.get_params(deep=False):
        learner.set_params(class_weight="balanced")
    elif data.balanced and weighs:
        weights["sample_weight"] = compute_sample_weight("balanced", data.codes)
    elif data.balanced:
        return None
    if data.weight is not None and weighs:
        weights["sample_weight"] = data.weight
    if plan.classical and moves_images(learner):
        learner.set_params(augmentation="classical" if data.classical else None)
    return learner.fit(X, plan.cohort.classes[data.codes], **weights)


def _probabilities(plan: Plan, learner: Any, X: Any) -> FloatArray:
    """Probabilities of the scored classes; a class that was not learned gets 0."""
    predicted = np.asarray(learner.predict_proba(X), dtype=np.float64)
    if not np.all(np.isfinite(predicted)):
        raise TrainingError("predict_proba gave values that are not finite.")
    proba = np.zeros((predicted.shape[0], plan.cohort.classes.size))
    proba[:, encode_labels(learner.classes_, plan.cohort.classes)] = predicted
    return scorable_probabilities(proba, plan.kept)


class Bench:
    """Trains the classifiers of one arm, each preparation fitted once."""

    def __init__(self, plan: Plan, data: TrainingSet, key: Key) -> None:
        self.plan, self.data, self.key = plan, data, key
        self._prepared: dict[str, tuple[Any, Any]] = {}
        self._moved: TrainingSet | None = None

    def predict(self, candidate: Candidate, tables: list[Any]) -> list[FloatArray] | None:
        """Fit a classifier and give its probabilities for some tables; None: it cannot run."""
        data = self._rows(candidate)
        transformer, X = self._prepare(candidate, data)
        learner = _fitted(self.plan, candidate, data, X, self.key)
        if learner is None:
            return None
        read = (lambda table: table) if transformer is None else transformer.transform
        return [_probabilities(self.plan, learner, read(table)) for table in tables]

    def _rows(self, candidate: Candidate) -> TrainingSet:
        """Give the rows of the arm; a classifier that moves no images is given moved copies."""
        if not self.data.classical or moves_images(candidate.learner):
            return self.data
        if self._moved is None:
            self._moved = with_moved_copies(
                self.data, seed_for(self.plan, self.key, "moved copies")
            )
        return self._moved

    def _prepare(self, candidate: Candidate, data: TrainingSet) -> tuple[Any, Any]:
        if candidate.prepare is None:
            return None, data.X
        name = candidate.preparation_key
        if name not in self._prepared:
            transformer = clone(candidate.prepare)
            X = transformer.fit_transform(data.X, self.plan.cohort.classes[data.codes])
            self._prepared[name] = (transformer, X)
        return self._prepared[name]


def predictions(
    plan: Plan, data: TrainingSet, tables: list[Any], key: Key, name: str, report: Report
) -> Iterator[tuple[int, list[FloatArray]]]:
    """Train every classifier on one training set, and predict some tables.

    Yields
    ------
    tuple
        Position of the candidate, and its probabilities of the scored classes for each table. A
        classifier that cannot weigh classes is passed over in such an arm; one that fails is
        reported.
    """
    bench = Bench(plan, data, key)
    for i, candidate in enumerate(plan.candidates):
        try:
            with report.timed(candidate.name):
                predicted = bench.predict(candidate, tables)
        except Exception as error:
            report.failed(name, candidate.name, error)
            continue
        if predicted is not None:
            yield i, predicted


def _empty_trial(plan: Plan, n_synthetic: int) -> Trial:
    """Give a trial without scores."""
    shape = (len(plan.arms), len(plan.candidates), len(plan.metrics))
    values = np.full(shape, np.nan)
    bins = np.zeros((shape[0], N_BINS, 3))
    if plan.external is None:
        return Trial(values, bins, None, None, Report(), n_synthetic)
    rows = np.full((*shape, plan.external[1].size), np.nan, dtype=np.float32)
    return Trial(values, bins, values.copy(), rows, Report(), n_synthetic)


def run_split(plan: Plan, train: IntArray, test: IntArray, key: Key) -> Trial:
    """Run all arms and classifiers on one split.

    Parameters
    ----------
    plan : Plan
        The study.
    train, test : ndarray of int64
        Row positions.
    key : tuple of int
        Repeat and split.

    Returns
    -------
    Trial
        Scores on the test part, and on the external rows if there are any.

    Raises
    ------
    AugmentError
        If the generator under test fails. Controls and classifiers that fail are reported.
    """
    trial = _empty_trial(plan, plan.n_synthetic(train.size))
    if plan.cohort.groups is not None:
        shape = (*trial.values.shape, test.size)
        trial.influences = np.full(shape, np.nan, dtype=np.float32)
    with isolated(trial.report):
        sets = training_sets(plan, train, trial.n_synthetic, key, trial.report)
        for arm, name in enumerate(plan.arms):
            if name in sets:
                _run_arm(plan, sets[name], test, key, (arm, name), trial)
    return trial


def _run_arm(
    plan: Plan, data: TrainingSet, test: IntArray, key: Key, arm: tuple[int, str], trial: Trial
) -> None:
    """Train and score the classifiers of one arm."""
    tables = [take(plan.cohort.X, test)] + ([plan.external[0]] if plan.external else [])
    codes = np.searchsorted(plan.kept, plan.cohort.codes[test])
    for i, predicted in predictions(plan, data, tables, key, arm[1], trial.report):
        trial.values[arm[0], i], moved = score(codes, predicted[0], plan.metrics)
        if trial.influences is not None:
            trial.influences[arm[0], i] = moved
        trial.bins[arm[0]] += reliability(codes, predicted[0])
        if plan.external is not None and trial.external_values is not None:
            outside = np.searchsorted(plan.kept, plan.external[1])
            values, influences = score(outside, predicted[1], plan.metrics)
            trial.external_values[arm[0], i] = values
            trial.external_influences[arm[0], i] = influences

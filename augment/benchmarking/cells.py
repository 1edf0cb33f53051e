"""One cell of a benchmark: a data set, a size, a repeat and a generator; all classifiers."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
import zlib
from contextlib import nullcontext
from typing import Any

import joblib
import numpy as np

from augment._random import rng_for
from augment._typing import IntArray
from augment.benchmarking.datasets import Part
from augment.benchmarking.images import image_scores
from augment.benchmarking.methods import REAL, Draw, OwnMethod, RivalMethod
from augment.evaluation.arms import Plan, TrainingSet, joined, n_synthetic_rows
from augment.evaluation.classifiers import Candidate
from augment.evaluation.inputs import encode_labels, take
from augment.evaluation.scoring import score
from augment.evaluation.trial import predictions
from augment.evaluation.worker import Report, isolated, message

__all__ = ["METRICS", "Cell", "Task", "run_cell"]

METRICS = ("roc_auc", "neg_log_loss", "balanced_accuracy", "neg_brier")
"""What classifiers are scored by."""

# Torch and the warnings of Python know one process, not its threads: what runs in this
# interpreter runs alone. Rivals run elsewhere and do not wait.
_ALONE = threading.Lock()


@dataclasses.dataclass(frozen=True, order=True)
class Cell:
    """Which cell.

    Attributes
    ----------
    dataset : str
    size : int
        Training rows.
    repeat : int
    generator : str
    """

    dataset: str
    size: int
    repeat: int
    generator: str

    @property
    def key(self) -> str:
        """A file name of its own."""
        parts = (self.dataset, f"n{self.size}", f"r{self.repeat}", self.generator)
        plain = "__".join(re.sub(r"[^A-Za-z0-9.=-]+", "_", part) for part in parts)
        return f"{plain}__{zlib.crc32(repr(parts).encode()):08x}"


@dataclasses.dataclass(frozen=True)
class Task:
    """All that a worker needs for one cell.

    Attributes
    ----------
    cell : Cell
    method : OwnMethod, RivalMethod or None
        None for real rows alone.
    part : Part
        The rows.
    candidates : tuple of Candidate
        The classifiers.
    ratio : float or "auto"
        Synthetic rows per training row.
    seed : int
        Of the split; classifiers, fits and draws follow from it.
    """

    cell: Cell
    method: OwnMethod | RivalMethod | None
    part: Part
    candidates: tuple[Candidate, ...]
    ratio: float | str
    seed: int
    kind: str = "table"


def run_cell(task: Task) -> dict[str, Any]:
    """Fit, draw, train and score; a failure becomes part of the record.

    What runs inside stays inside: on a Dask cluster, scikit-learn would otherwise send its own
    small jobs to the same workers, which wait for each other.

    Parameters
    ----------
    task : Task
        The cell.

    Returns
    -------
    dict
        JSON values: where, how many rows, times, memory, error and scores.
    """
    with joblib.parallel_config(backend="sequential"):
        return _record(task)


def _record(task: Task) -> dict[str, Any]:
    """Run a cell, and write down what came of it."""
    report, draw, error = Report(), None, None
    cohort, train = task.part.cohort, task.part.train
    n_wanted = 0 if task.method is None else n_synthetic_rows(train.size, task.ratio)
    if task.method is not None:
        try:
            draw = _draw(task, n_wanted, report)
        except Exception as caught:
            error = message(caught)
    start = time.perf_counter()
    scores: list[dict[str, Any]] = []
    if error is None:
        if draw is not None and not len(np.asarray(draw.y)):
            error = "the generator gave no rows."
        else:
            scores, error = _scores(task, draw, report)
            if scores and all(row["value"] is None for row in scores):
                why = next((row["error"] for row in scores if row["error"]), "scores without value")
                error = f"no classifier could learn: {why}"
    return {
        **dataclasses.asdict(task.cell),
        "n_train": int(train.size),
        "n_test": int(task.part.test.size),
        "n_classes": int(cohort.classes.size),
        "n_wanted": n_wanted,
        "n_synthetic": 0 if draw is None else len(np.asarray(draw.y)),
        "fit_seconds": draw and draw.fit_seconds,
        "sample_seconds": draw and draw.sample_seconds,
        "cpu_seconds": draw and draw.cpu_seconds,
        "score_seconds": time.perf_counter() - start,
        "peak_memory_mb": draw and draw.peak_memory_mb,
        "error": error,
        "warnings": sorted(report.warnings),
        "scores": scores,
    }


def _seed(task: Task, purpose: str) -> int:
    """Seed of one purpose in one cell, whatever else is in the benchmark."""
    return int(rng_for(task.seed, zlib.crc32(purpose.encode())).integers(2**31))


def _draw(task: Task, n_rows: int, report: Report) -> Draw:
    """Let the method learn from the training part, and draw."""
    assert task.method is not None
    cohort, train, name = task.part.cohort, task.part.train, task.cell.generator
    groups = None if cohort.groups is None else cohort.groups[train]
    here = isinstance(task.method, OwnMethod)
    seeds = (_seed(task, f"fit {name}"), _seed(task, f"sample {name}"))
    with _ALONE if here else nullcontext(), isolated(report) if here else nullcontext():
        return task.method.draw(take(cohort.X, train), take(cohort.y, train), groups, n_rows, seeds)


def _scores(
    task: Task, draw: Draw | None, report: Report
) -> tuple[list[dict[str, Any]], str | None]:
    """Score what was drawn; give rows and the error that stopped it, if any."""
    try:
        with _ALONE, isolated(report):
            rows = [] if task.kind == "table" else image_scores(task.part, draw, task.seed)
            return rows + _classifier_scores(task, draw, report), None
    except Exception as caught:
        return [], message(caught)


def _classifier_scores(task: Task, draw: Draw | None, report: Report) -> list[dict[str, Any]]:
    """Train every classifier on real and drawn rows, and score it on the test part."""
    part, cohort = task.part, task.part.cohort
    plan = Plan(cohort, part.kept, {}, False, task.candidates, METRICS, task.ratio, 0, None)
    data = plan.real(part.train)
    if draw is not None:
        codes = encode_labels(draw.y, cohort.classes)
        data = joined(data, TrainingSet(draw.X, codes))
    tables, key = [take(cohort.X, part.test)], (task.seed,)
    truth: IntArray = np.searchsorted(part.kept, cohort.codes[part.test])
    rows = []
    for i, predicted in predictions(plan, data, tables, key, REAL, report):
        values, _ = score(truth, predicted[0], METRICS)
        name = task.candidates[i].name
        rows += [_row(name, metric, v) for metric, v in zip(METRICS, values, strict=True)]
    rows += [
        {"classifier": classifier, "metric": metric, "value": None, "error": text}
        for _, classifier, text in report.failures
        for metric in METRICS
    ]
    return rows


def _row(classifier: str, metric: str, value: float) -> dict[str, Any]:
    """Write one score; what is not a number is missing."""
    number = float(value) if np.isfinite(value) else None
    return {"classifier": classifier, "metric": metric, "value": number, "error": None}

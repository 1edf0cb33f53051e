"""The arms of one split: what the classifiers learn from, besides the real rows.

Everything in this file runs inside a worker process and sees one training part at a time.
"""

from __future__ import annotations

import dataclasses
import inspect
import zlib
from typing import Any

import numpy as np
from sklearn.base import clone

from augment._errors import AugmentError, TrainingError
from augment._random import rng_for
from augment._typing import IntArray
from augment.evaluation.classifiers import Candidate
from augment.evaluation.inputs import Cohort, encode_labels, take
from augment.evaluation.roles import CLASSICAL, Roles
from augment.evaluation.rows import Amount, TrainingSet, joined, n_synthetic_rows
from augment.evaluation.worker import Report, message

__all__ = ["Plan", "draw", "reference_set", "training_sets"]

Key = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What all splits share.

    Attributes
    ----------
    cohort : Cohort
        All rows.
    kept : ndarray of int64
        Classes that are scored.
    generators : dict of str to generator
        "augmented" (the one that is judged), then the controls.
    class_weight : bool
        Whether the arm "class_weight" runs.
    candidates : tuple of Candidate
        The classifiers.
    metrics : tuple of str
        What is scored.
    ratio : float or "auto"
        Synthetic rows per training row.
    seed : int
        Parent of all seeds.
    external : tuple or None
        Table and codes of the external test rows, scorable ones alone.
    classical : bool
        Whether every arm also runs with classical augmentation of its images.
    weight : float
        How much a synthetic row counts beside a real one.
    """

    cohort: Cohort
    kept: IntArray
    generators: dict[str, Any]
    class_weight: bool
    candidates: tuple[Candidate, ...]
    metrics: tuple[str, ...]
    ratio: float | str
    seed: int
    external: tuple[Any, IntArray] | None
    classical: bool = False
    weight: float = 1.0

    @property
    def amount(self) -> Amount:
        """How many synthetic rows there are, and how much each counts."""
        return Amount(self.ratio, self.weight)

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of all arms, in the order of the results."""
        controls = [name for name in self.generators if name != "augmented"]
        weighted = ["class_weight"] if self.class_weight else []
        moved = [CLASSICAL, *(f"{CLASSICAL}_{name}" for name in self.generators)]
        classical = moved if self.classical else []
        return ("real", "augmented", *controls, *weighted, *classical, "synthetic")

    @property
    def roles(self) -> Roles:
        """Which arms the verdict is about."""
        return Roles.of_images() if self.classical else Roles()

    def n_synthetic(self, n_train: int) -> int:
        """Say how many synthetic rows a training part gets."""
        return n_synthetic_rows(n_train, self.amount.ratio)

    def real(self, rows: IntArray) -> TrainingSet:
        """Give real rows as a training set."""
        return TrainingSet(take(self.cohort.X, rows), self.cohort.codes[rows])


def seed_for(plan: Plan, key: Key, name: str) -> int:
    """Seed that depends on the split and on a name, not on the order of names."""
    return int(rng_for(plan.seed, *key, zlib.crc32(name.encode())).integers(2**31))


def with_seed(estimator: Any, seed: int) -> Any:
    """Clone an estimator with every ``random_state`` in it set."""
    fresh = clone(estimator)
    names = [n for n in fresh.get_params() if n == "random_state" or n.endswith("__random_state")]
    return fresh.set_params(**dict.fromkeys(names, seed))


def draw(plan: Plan, name: str, rows: IntArray, n_synthetic: int, key: Key) -> TrainingSet:
    """Fit a clone of one generator on some rows alone and draw from it.

    Parameters
    ----------
    plan : Plan
        The study.
    name : str
        Which generator.
    rows : ndarray of int64
        Training rows: the generator sees no other.
    n_synthetic : int
        Rows to draw, at the prevalence learned.
    key : tuple of int
        Where in the study this is; seeds follow from it.

    Returns
    -------
    TrainingSet
        Synthetic rows.
    """
    generator = with_seed(plan.generators[name], seed_for(plan, key, f"fit {name}"))
    extra: dict[str, Any] = {}
    groups = plan.cohort.groups
    if groups is not None and "groups" in inspect.signature(generator.fit).parameters:
        extra["groups"] = groups[rows]
    generator.fit(take(plan.cohort.X, rows), take(plan.cohort.y, rows), **extra)
    X, y = generator.sample(n_synthetic, random_state=seed_for(plan, key, f"sample {name}"))
    codes = encode_labels(y, plan.cohort.classes)
    if np.any(codes < 0):
        label = np.asarray(y)[codes < 0][0]
        raise TrainingError(f"the generator drew the label {label!r}, which y does not have.")
    return TrainingSet(X, codes)


def training_sets(
    plan: Plan, rows: IntArray, n_synthetic: int, key: Key, report: Report
) -> dict[str, TrainingSet]:
    """Build the training set of every arm; an arm that fails is reported and left out."""
    real = plan.real(rows)
    sets = {"real": real}
    if plan.class_weight:
        sets["class_weight"] = dataclasses.replace(real, balanced=True)
    for name in plan.generators:
        try:
            with report.timed(f"generator {name}"):
                new = draw(plan, name, rows, n_synthetic, key)
        except Exception as error:
            if name == "augmented":
                raise _explained(error, key) from error
            report.failed(name, None, error)
            continue
        sets[name] = joined(real, new, plan.amount.weight)
        if name == "augmented":
            sets["synthetic"] = new
    if plan.classical:
        sets[CLASSICAL] = dataclasses.replace(real, classical=True)
        for name in plan.generators.keys() & sets.keys():
            sets[f"{CLASSICAL}_{name}"] = dataclasses.replace(sets[name], classical=True)
    return sets


def reference_set(plan: Plan, real: TrainingSet, new: TrainingSet | None = None) -> TrainingSet:
    """Give real rows, or these and synthetic ones, as the verdict compares them."""
    both = real if new is None else joined(real, new, plan.amount.weight)
    return dataclasses.replace(both, classical=plan.classical)


def _explained(error: Exception, key: Key) -> AugmentError:
    """Say where the generator under test failed: without it there is nothing to judge."""
    where = f"in repeat {key[0]}, split {key[1]}"
    text = f"the generator failed {where}: {message(error)}"
    if isinstance(error, AugmentError):
        return type(error)(text)
    return TrainingError(f"{text}. Fit it on X and y alone to see the whole trace.")

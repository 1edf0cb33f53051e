"""A data set of a benchmark, and how it is divided."""

from __future__ import annotations

import dataclasses
from typing import Any

import joblib
import numpy as np

from augment._errors import InvalidInputError
from augment._random import rng_for
from augment._typing import IntArray
from augment.evaluation.inputs import Cohort, take

__all__ = ["SCORED_CLASS", "SPARE", "DataSet", "Part"]

SCORED_CLASS = 10
"""Classes with fewer rows stay in training and are not scored."""
SPARE = 1.3
"""A size runs where a data set has this many times as many rows; the rest is the test part."""
TEST_IMAGES = 600
"""Images in a test part at most."""
_ATTEMPTS = 50


@dataclasses.dataclass(frozen=True)
class Part:
    """The rows of one cell: what is learned from, and what is tested on.

    Attributes
    ----------
    cohort : Cohort
        The rows of both.
    train, test : ndarray of int64
        Positions in the cohort.
    kept : ndarray of int64
        Classes that are scored.
    """

    cohort: Cohort
    train: IntArray
    test: IntArray
    kept: IntArray


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A labelled table, or labelled images.

    Attributes
    ----------
    name : str
        Unique in a benchmark.
    kind : {"table", "images"}
        What a row is.
    cohort : Cohort
        The rows.
    """

    name: str
    kind: str
    cohort: Cohort

    @property
    def kept(self) -> IntArray:
        """Classes that are scored: with at least 10 rows."""
        return np.flatnonzero(np.bincount(self.cohort.codes) >= SCORED_CLASS)

    def describe(self) -> dict[str, Any]:
        """Give its size, its classes and a fingerprint of its content, as JSON values."""
        cohort = self.cohort
        shape = cohort.X.shape[1:]
        return {
            "kind": self.kind,
            "rows": len(cohort),
            "columns": int(shape[0]) if self.kind == "table" else "x".join(map(str, shape)),
            "classes": {
                str(label): int(n)
                for label, n in zip(cohort.classes, np.bincount(cohort.codes), strict=True)
            },
            "scored": [str(cohort.classes[k]) for k in self.kept],
            "patients": None if cohort.groups is None else int(cohort.groups.max()) + 1,
            "fingerprint": joblib.hash((cohort.X, np.asarray(cohort.y), cohort.groups)),
        }

    def serves(self, size: int) -> bool:
        """Tell whether ``size`` rows can be learned from and enough are left over."""
        return len(self.cohort) >= SPARE * size

    def split(self, size: int, repeat: int, seed: int) -> Part:
        """Draw a training part, stratified or by patient, and take the rest as the test part.

        Parameters
        ----------
        size : int
            Rows to learn from; with groups, as many whole patients as fit.
        repeat, seed : int
            The same numbers give the same split, whatever the generator.

        Returns
        -------
        Part

        Raises
        ------
        InvalidInputError
            If no division puts two scored classes on both sides.
        """
        rows = self._rows(size, repeat, seed)
        if rows is None:
            raise InvalidInputError(
                f"{self.undivided(size)} ({_ATTEMPTS} were tried). Use another size."
            )
        return self._part(*rows)

    def divides(self, size: int, repeats: int, seed: int) -> bool:
        """Tell whether every repeat puts all scored classes on both sides."""
        return all(self._rows(size, repeat, seed) is not None for repeat in range(repeats))

    def undivided(self, size: int) -> str:
        """Say that a size has no division."""
        text = (
            f"no division of '{self.name}' into {size} rows and the rest puts every scored class "
            "on both sides"
        )
        if self.cohort.groups is None:
            return text
        patients = np.bincount(self.cohort.groups)
        return (
            f"{text}, with its {patients.size} patients, of {patients.max()} rows at most, whole "
            "on one of them"
        )

    def _rows(self, size: int, repeat: int, seed: int) -> tuple[IntArray, IntArray] | None:
        """Find training and test rows with all scored classes in both; None if there are none."""
        for attempt in range(_ATTEMPTS):
            rng = rng_for(seed, size, repeat, attempt)
            train, test = self._divide(size, rng)
            test = test[np.isin(self.cohort.codes[test], self.kept)]
            wanted = set(self.kept.tolist())
            if all(wanted <= set(self.cohort.codes[rows].tolist()) for rows in (train, test)):
                return np.sort(train), np.sort(test)
        return None

    def _divide(self, size: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        """Divide all rows in two."""
        codes, groups = self.cohort.codes, self.cohort.groups
        if groups is None:
            from sklearn.model_selection import train_test_split

            counts = np.bincount(codes)
            layers = np.where(counts[codes] >= 2 * SCORED_CLASS, codes, -1)
            if np.unique(layers, return_counts=True)[1].min() < 2:
                layers = np.zeros(len(codes), dtype=np.int64)
            train, test = train_test_split(
                np.arange(len(codes)),
                train_size=size,
                random_state=int(rng.integers(2**31)),
                stratify=layers,
            )
        else:
            order = rng.permutation(groups.max() + 1)
            sizes = np.bincount(groups)[order]
            chosen = order[np.cumsum(sizes) <= size]
            inside = np.isin(groups, chosen)
            train, test = np.flatnonzero(inside), np.flatnonzero(~inside)
        if self.kind == "images" and len(test) > TEST_IMAGES:
            test = rng.permutation(test)[:TEST_IMAGES]
        return train, test

    def _part(self, train: IntArray, test: IntArray) -> Part:
        """Take the rows of one cell out of the cohort, so that a worker is sent no others."""
        rows = np.concatenate([train, test])
        whole = self.cohort
        groups = None if whole.groups is None else whole.groups[rows]
        cohort = Cohort(
            take(whole.X, rows), take(whole.y, rows), whole.codes[rows], whole.classes, groups
        )
        return Part(cohort, np.arange(len(train)), np.arange(len(train), len(rows)), self.kept)

"""Rows to learn from: real ones, synthetic ones, and both together."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from augment._typing import FloatArray, IntArray
from augment.evaluation.inputs import concatenate

__all__ = ["Amount", "TrainingSet", "joined", "n_synthetic_rows"]


@dataclasses.dataclass(frozen=True)
class TrainingSet:
    """What the classifiers of one arm learn from.

    Attributes
    ----------
    X : table or images
        The rows.
    codes : ndarray of int64 of shape (n,)
        Their classes.
    balanced : bool
        Whether classes are weighed inversely to their frequency.
    classical : bool
        Whether the images are augmented classically.
    weight : ndarray of float64 of shape (n,) or None
        How much each row counts; None where all count alike.
    n_added : int
        How many rows, the last ones, are synthetic or copies.
    """

    X: Any
    codes: IntArray
    balanced: bool = False
    classical: bool = False
    weight: FloatArray | None = None
    n_added: int = 0


def joined(real: TrainingSet, new: TrainingSet, weight: float = 1.0) -> TrainingSet:
    """Put synthetic rows under real ones, each counting `weight` times as much."""
    codes = np.concatenate([real.codes, new.codes])
    weights = None
    if weight != 1.0:
        weights = np.repeat([1.0, weight], [real.codes.size, new.codes.size])
    X = concatenate(real.X, new.X)
    return TrainingSet(X, codes, weight=weights, n_added=new.codes.size)


@dataclasses.dataclass(frozen=True)
class Amount:
    """How many synthetic rows there are, and how much each counts.

    Attributes
    ----------
    ratio : float or "auto"
        Synthetic rows per training row.
    weight : float
        How much a synthetic row counts beside a real one.
    """

    ratio: float | str
    weight: float = 1.0

    @property
    def text(self) -> str:
        """Say it in words."""
        if self.ratio == "auto":
            return "max(500, 5 n) synthetic rows for n training rows"
        counted = "" if self.weight == 1 else f", each counting {self.weight:g} times as much"
        return f"{self.ratio:g} synthetic rows per training row{counted}"


def n_synthetic_rows(n_train: int, ratio: float | str) -> int:
    """Say how many synthetic rows a training part gets.

    ``"auto"`` is ``max(500, 5 * n_train)``: for shrunken generators five rows per real one beat
    one, and fewer than 500 leave the draw itself as a source of noise.

    Examples
    --------
    >>> n_synthetic_rows(60, "auto"), n_synthetic_rows(240, "auto"), n_synthetic_rows(60, 0.5)
    (500, 1200, 30)
    """
    if isinstance(ratio, str):
        return max(500, 5 * n_train)
    return max(1, round(ratio * n_train))

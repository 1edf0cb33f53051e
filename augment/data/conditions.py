"""Conditions: what a generator is told about each row, as strata and features.

Labels, a continuous target, or a frame of conditions become (a) a *stratum* per row, one for each
combination of categorical conditions seen at ``fit``, and (b) *features*: one-hot columns of every
categorical condition, then normal scores of the continuous ones.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from augment._errors import AugmentWarning, InvalidInputError, InvalidTypeError
from augment._random import BLOCK, rng_for
from augment._typing import FloatArray, IntArray, State
from augment.data._condition_codec import ConditionCodec, Conditions
from augment.data._copula import StratumCopula
from augment.data._labels import YContainer, as_condition_frame, is_continuous
from augment.data._pooling import Pooling
from augment.data._requests import check_n_samples, counted_labels, warn_of_far_values
from augment.data.margins import NumericMargin, margin_from_state
from augment.data.schema import TableSchema

__all__ = ["ConditionEncoder", "Conditions", "stream_uniforms"]

# Keeps the streams of conditions apart from the generators' own, whose keys are (1, block).
_STREAM = 1_000_001
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class ConditionEncoder(ConditionCodec):
    """Turn ``y`` into strata and features, and back.

    A condition is continuous if its values are not whole, or whole with more than 20 different
    ones (with a warning), or dates; else it is categorical.

    Attributes
    ----------
    kind : {"none", "labels", "target", "frame"}
    classes_ : ndarray
        The sorted labels (kind "labels" only).
    n_strata, n_features : int

    Examples
    --------
    >>> encoder = ConditionEncoder().fit(["benign", "malignant", "benign"])
    >>> conditions = encoder.encode(["malignant"])
    >>> conditions.strata, conditions.features
    (array([1]), array([[0., 1.]], dtype=float32))
    >>> encoder.decode(conditions.strata, conditions.features).tolist()
    ['malignant']
    """

    def fit(self, y: Any = None, sample_weight: FloatArray | None = None) -> ConditionEncoder:
        """Learn the conditions.

        Parameters
        ----------
        y : None, array-like of shape (n,), or DataFrame of shape (n, k)
        sample_weight : ndarray of shape (n,), optional

        Returns
        -------
        ConditionEncoder
            Itself.

        Raises
        ------
        InvalidInputError
            For missing or infinite values and labels of mixed types.
        """
        if y is None:
            self._set_nothing()
            return self
        frame, self._container = as_condition_frame(y)
        continuous = [is_continuous(frame.iloc[:, i]) for i in range(frame.shape[1])]
        self.schema = _condition_schema(frame, continuous)
        values = self.schema.conform(frame).to_numpy()
        weights = (
            np.ones(len(values)) if sample_weight is None else np.asarray(sample_weight, float)
        )
        if self._container.kind == "frame":
            self.kind = "frame"
        else:
            self.kind = "target" if continuous[0] else "labels"
        self._set_columns()
        self._fit_strata(values, weights)
        self._margins = [self._fit_margin(values[:, i], weights, i) for i in self._numbers]
        scores = self._scores(values)
        strata = self._strata_of(values)
        self._copula = StratumCopula.fit(scores, strata, self.n_strata, weights)
        return self

    def _set_nothing(self) -> None:
        self.kind = "none"
        self.schema = TableSchema(())
        self._container = YContainer("none", None, "")
        self._set_columns()
        self._combinations = np.zeros((1, 0), dtype=np.int64)
        self._frequencies = np.ones(1)
        self._margins = []
        self._copula = StratumCopula(np.zeros((2, 0)), np.zeros((2, 0, 0)))

    def _fit_strata(self, values: FloatArray, weights: FloatArray) -> None:
        codes = values[:, self._levels].astype(np.int64)
        self._combinations, index = np.unique(codes, axis=0, return_inverse=True)
        mass = np.bincount(index.ravel(), weights, minlength=len(self._combinations))
        self._frequencies = mass / mass.sum()

    def _fit_margin(self, values: FloatArray, weights: FloatArray, index: int) -> NumericMargin:
        column = self.schema.columns[index]
        return NumericMargin.fit(
            values,
            np.zeros(len(values), dtype=np.int64),
            1,
            weights,
            pooling=Pooling(),
            n_knots=101,
            limits=column.limits,
            decimals=column.decimals,
        )

    def request(self, n_samples: int = 1, y: Any = None) -> Conditions | int:
        """Read the arguments of ``sample``.

        Parameters
        ----------
        n_samples : int, default=1
            At least 1. Beside arrays, counts and frames of ``y``, which say how many rows there
            are, it must be left at 1 or agree.
        y : optional
            One label or target (for all ``n_samples`` rows), a dict of counts per label, a dict
            with one value of each condition (for a model fitted on a frame), or an array or frame
            with one entry for each row.

        Returns
        -------
        Conditions or int
            The number of rows if their conditions are to be drawn.

        Raises
        ------
        InvalidInputError, InvalidTypeError

        Warns
        -----
        AugmentWarning
            For a continuous condition far outside the range at ``fit``: it comes back in ``y`` as
            it was asked for, and the rows are those of the end of the range.
        """
        n_samples = check_n_samples(n_samples)
        if y is None:
            return n_samples
        conditions = self._requested(n_samples, y)
        if conditions.values is not None:
            warn_of_far_values(self.schema.columns, conditions.values, frame=self.kind == "frame")
        return conditions

    def _requested(self, n_samples: int, y: Any) -> Conditions:
        if self.kind == "none":
            return self.encode(y)
        if isinstance(y, Mapping) and self.kind == "frame":
            return self.encode(self._fixed(y, n_samples))
        if self.kind != "frame" and (np.ndim(y) == 0 and not isinstance(y, Mapping)):
            return self.encode([y] * n_samples)
        if isinstance(y, Mapping):
            if self.kind == "target":
                raise InvalidTypeError(
                    "y is a dict of counts, which a continuous target does not have; pass one "
                    "value or an array of them."
                )
            y = counted_labels(y)
        conditions = self.encode(y)
        if n_samples not in (1, len(conditions)):
            raise InvalidInputError(
                f"y asks for {len(conditions)} rows and n_samples={n_samples} for another number. "
                "Leave n_samples out when y gives the rows."
            )
        return conditions

    def _fixed(self, y: Mapping[Any, Any], n_samples: int) -> pd.DataFrame:
        single = {name: [value] for name, value in y.items()}
        frame = self._in_order(pd.DataFrame(single))
        return frame.iloc[np.zeros(n_samples, dtype=np.int64)].reset_index(drop=True)

    def draw(self, n: int, start: int, seed: int) -> Conditions:
        """Draw conditions as they were at ``fit``: n rows of an endless stream, from ``start`` on.

        Combinations of categorical conditions come from a low-discrepancy sequence (multiples of
        the golden ratio, from a random origin), so that even a short request keeps the prevalence.

        Parameters
        ----------
        n, start : int
        seed : int

        Returns
        -------
        Conditions
            Row i of the stream depends on ``seed`` and i alone.
        """
        uniform = stream_uniforms(n, start, seed)
        edges = np.cumsum(self._frequencies)
        strata = np.minimum(np.searchsorted(edges, uniform, side="right"), self.n_strata - 1)
        return self._draw_continuous(strata, start, seed)

    def draw_stratum(self, stratum: int, n: int, seed: int) -> Conditions:
        """Draw n rows of one combination of categorical conditions, with continuous ones to match.

        Parameters
        ----------
        stratum : int
            In [0, n_strata).
        n : int
        seed : int

        Returns
        -------
        Conditions
        """
        return self._draw_continuous(np.full(n, stratum, dtype=np.int64), 0, seed)

    def candidates(self, n_draws: int) -> list[tuple[Conditions, float]]:
        """Give single conditions that stand for the whole law, and the probability of each.

        Every combination of categorical conditions is one; with continuous conditions each
        combination is ``n_draws`` of them, always the same ones.
        """
        n_draws = n_draws if self._numbers else 1
        found = []
        for stratum, frequency in enumerate(self._frequencies):
            drawn = self.draw_stratum(stratum, n_draws, seed=0)
            found += [(drawn.rows([row]), frequency / n_draws) for row in range(n_draws)]
        return [(given, float(p)) for given, p in found if p > 0]

    def _draw_continuous(self, strata: IntArray, start: int, seed: int) -> Conditions:
        """Give conditions with known strata, drawing their continuous parts."""
        n = len(strata)
        values = np.zeros((n, len(self.schema.columns)))
        values[:, self._levels] = self._combinations[strata]
        scores = self._copula.draw(strata, _block_noise(n, start, seed, len(self._numbers)))
        for k, (i, margin) in enumerate(zip(self._numbers, self._margins, strict=True)):
            pooled = np.zeros(n, dtype=np.int64)
            values[:, i] = margin.decode(ndtr(scores[:, k]), pooled, None)
        return dataclasses.replace(self._conditions(values), start=start)

    def get_state(self) -> State:
        """Give the fitted encoder as arrays and JSON values."""
        return {
            "kind": self.kind,
            "schema": self.schema.to_dict(),
            "container": self._container.to_dict(),
            "combinations": self._combinations,
            "frequencies": self._frequencies,
            "margins": [margin.get_state() for margin in self._margins],
            "copula": self._copula.get_state(),
        }

    @classmethod
    def from_state(cls, state: State) -> ConditionEncoder:
        """Rebuild an encoder from what :meth:`get_state` gave."""
        encoder = cls()
        encoder.kind = state["kind"]
        encoder.schema = TableSchema.from_dict(state["schema"])
        encoder._container = YContainer.from_dict(state["container"])
        encoder._set_columns()
        encoder._combinations = np.asarray(state["combinations"], dtype=np.int64)
        encoder._frequencies = np.asarray(state["frequencies"], dtype=np.float64)
        margins = [margin_from_state(margin) for margin in state["margins"]]
        encoder._margins = [margin for margin in margins if isinstance(margin, NumericMargin)]
        encoder._copula = StratumCopula(**state["copula"])
        return encoder


def stream_uniforms(n: int, start: int, seed: int) -> FloatArray:
    """Give uniforms that fill the unit interval evenly: n of an endless stream, from ``start`` on.

    Multiples of the golden ratio from a random origin, the steps by which
    `ConditionEncoder.draw` chooses the combination of each row.

    Parameters
    ----------
    n, start : int
    seed : int

    Returns
    -------
    ndarray of shape (n,), float64
        In [0, 1). Number i of the stream depends on ``seed`` and i alone.

    Examples
    --------
    >>> bool((stream_uniforms(3, 2, seed=0) == stream_uniforms(5, 0, seed=0)[2:]).all())
    True
    """
    rows = np.arange(start, start + n, dtype=np.float64)
    origin = rng_for(seed, _STREAM).random()
    return np.asarray((origin + rows * _GOLDEN) % 1.0, dtype=np.float64)


def _condition_schema(frame: pd.DataFrame, continuous: list[bool]) -> TableSchema:
    kinds = {}
    for i, name in enumerate(frame.columns):
        if not continuous[i]:
            # declared levels keep a single label a label, and not a constant
            levels = pd.unique(frame.iloc[:, i]).tolist()
            kinds[name] = {"kind": "categorical", "levels": _sorted_levels(levels, name)}
    with warnings.catch_warnings():
        # one class, or one value of a condition, is allowed here without a word
        warnings.simplefilter("ignore", AugmentWarning)
        return TableSchema.infer(frame, kinds, order_dates=False)


def _sorted_levels(levels: list[Any], name: Any) -> list[Any]:
    types = sorted({type(level).__name__ for level in levels})
    if len(types) > 1:
        raise InvalidInputError(
            f"{name!r} mixes types: {', '.join(types)}. Make the labels one type, for example with "
            "astype(str)."
        )
    return sorted(levels)


def _block_noise(n: int, start: int, seed: int, width: int) -> FloatArray:
    """Give standard normal rows start .. start + n - 1 of the stream of ``seed``."""
    if not width or not n:
        return np.zeros((n, width))
    first, last = start // BLOCK, (start + n - 1) // BLOCK
    blocks = [
        rng_for(seed, _STREAM, block).standard_normal((BLOCK, width))
        for block in range(first, last + 1)
    ]
    offset = start - first * BLOCK
    return np.vstack(blocks)[offset : offset + n]

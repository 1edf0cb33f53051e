"""Generators of tables: in canonical frames, and in normal scores."""

from __future__ import annotations

import abc
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, validate_data

from augment._errors import InvalidInputError, SmallDataWarning
from augment._random import seed_from
from augment._typing import BoolArray, FloatArray, IntArray, State
from augment.data.conditions import ConditionEncoder, Conditions
from augment.data.encoder import TableEncoder
from augment.data.schema import TableSchema
from augment.generators._base import BLOCK, BaseGenerator, Block, in_blocks
from augment.generators._effects import AdditiveEffects

__all__ = ["MIN_ROWS", "Rows", "ScoreGenerator", "TabularGenerator", "patients"]

MIN_ROWS = 10
"""Fewer rows than this carry no usable distribution, so `fit` refuses them."""
SMALL_ROWS = 30
"""Below this, `fit` warns."""


OUTER = 5e-4
"""Probability beyond which no score is learned from: 3.3 standard deviations."""


def _check_size(n_rows: int) -> None:
    """Refuse too few rows, and warn of few."""
    if n_rows < MIN_ROWS:
        raise InvalidInputError(
            f"A generator needs at least {MIN_ROWS} rows to learn from; got "
            f"n_samples={n_rows}. Collect more rows, or pool them with a similar cohort."
        )
    if n_rows < SMALL_ROWS:
        warnings.warn(
            f"Only {n_rows} rows: what is learned from fewer than {SMALL_ROWS} is mostly "
            "noise. Judge it with evaluate_lift before you use it.",
            SmallDataWarning,
            stacklevel=5,
        )


def patients(groups: Any, rows: Any) -> IntArray | None:
    """Give each row the number of its patient; refuse rows without one."""
    if groups is None:
        return None
    check_consistent_length(rows, groups)
    codes = pd.factorize(np.asarray(groups))[0].astype(np.int64)
    if (codes < 0).any():
        raise InvalidInputError(
            f"groups must name the patient of every row; {int((codes < 0).sum())} are missing, "
            f"the first in row {int(np.flatnonzero(codes < 0)[0])}. Fill them, or drop the rows."
        )
    return codes


@dataclass(frozen=True)
class Rows:
    """What a generator of tables learns from.

    Attributes
    ----------
    frame : DataFrame of float64, shape (n, n_columns)
        Canonical rows; see `augment.data.schema`.
    conditions : Conditions
        Of each row.
    weight : ndarray of float64 (n,)
        Positive, 1 in the mean.
    groups : ndarray of int64 (n,) or None
        The patient of each row.
    seed : int
        Of the fit.
    """

    frame: pd.DataFrame
    conditions: Conditions
    weight: FloatArray
    groups: IntArray | None
    seed: int


class TabularGenerator(BaseGenerator):
    """A generator of table rows.

    `fit` infers the schema and hands the canonical frame to `_fit_frame`; `sample` gets a
    canonical frame from `_sample_frame` and restores the user's container.

    Attributes
    ----------
    schema_ : TableSchema
        The columns as they were understood, with exact relations between them.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Their names, if all are strings.
    """

    schema: Any
    random_state: Any
    schema_: TableSchema

    @abc.abstractmethod
    def _fit_frame(self, rows: Rows) -> None:
        """Learn the law of canonical rows given their conditions."""

    @abc.abstractmethod
    def _sample_frame(self, conditions: Conditions, seed: int) -> pd.DataFrame:
        """Give one canonical row for each condition."""

    @abc.abstractmethod
    def _get_law(self) -> State:
        """Give the fitted law of the rows."""

    @abc.abstractmethod
    def _set_law(self, law: State) -> None:
        """Restore the fitted law of the rows."""

    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> None:
        frame = self._check_table(X)
        _check_size(len(frame))
        if y is not None:
            check_consistent_length(frame, y)
        weight = _check_sample_weight(sample_weight, frame, ensure_non_negative=True)
        codes = patients(groups, frame)
        counted = np.flatnonzero(weight > 0)
        if len(counted) < len(frame):  # a row without weight is a row that is not there
            frame, weight = frame.iloc[counted], weight[counted]
            y = None if y is None else _safe_indexing(y, counted)
            codes = None if codes is None else codes[counted]
        conditions = self._fit_conditions(y, weight)
        seed = self._fit_seed(frame, conditions)
        self._fit_frame(Rows(frame, conditions, weight / weight.mean(), codes, seed))

    def _fit_seed(
        self,
        frame: pd.DataFrame,  # noqa: ARG002 (networks look at both)
        conditions: Conditions,  # noqa: ARG002 (others look at them)
    ) -> int:
        """Give the seed of this fit."""
        return seed_from(self.random_state)

    def _check_table(self, X: Any) -> pd.DataFrame:
        """Infer the schema, and refuse what cannot be learned from."""
        schema = TableSchema.infer(X, self.schema)
        if isinstance(X, pd.DataFrame) and len({isinstance(name, str) for name in X.columns}) == 2:
            # scikit-learn refuses a mixture of string and other names; we only warned of it.
            self.n_features_in_ = X.shape[1]
        else:
            validate_data(self, X, skip_check_array=True)
        frame = schema.conform(X)
        self.schema_ = schema
        return frame

    def _sample_rows(self, conditions: Conditions, seed: int) -> Any:
        return self.schema_.restore(self._sample_frame(conditions, seed))

    def _get_state(self) -> State:
        return {
            "schema": self.schema_.to_dict(),
            "conditions": self.conditions_.get_state(),
            "n_features_in": int(self.n_features_in_),
            "feature_names_in": [str(name) for name in getattr(self, "feature_names_in_", [])],
            "law": self._get_law(),
        }

    def _restore_state(self, state: State) -> None:
        self.schema_ = TableSchema.from_dict(state["schema"])
        self.conditions_ = ConditionEncoder.from_state(state["conditions"])
        self.n_features_in_ = int(state["n_features_in"])
        if state["feature_names_in"]:
            self.feature_names_in_ = np.array(state["feature_names_in"], dtype=object)
        if self.conditions_.kind == "labels":
            self.classes_ = self.conditions_.classes_
        self._set_law(state["law"])

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what tables are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = False
        return tags


class ScoreGenerator(TabularGenerator):
    """A generator that knows normal scores: the frame goes through a `TableEncoder`.

    Attributes
    ----------
    encoder_ : TableEncoder
        Canonical frame to normal scores and back.
    effects_ : AdditiveEffects
        Where rare combinations of conditions lie.
    """

    encoder_: TableEncoder
    effects_: AdditiveEffects

    @abc.abstractmethod
    def _fit_scores(self, rows: Rows) -> None:
        """Learn the law of the scores of rows given their conditions."""

    @abc.abstractmethod
    def _sample_scores(self, block: Block) -> FloatArray:
        """Draw scores `(BLOCK, n_scores)` for one full block of rows."""

    @abc.abstractmethod
    def _get_score_law(self) -> State:
        """Give the fitted law of the scores."""

    @abc.abstractmethod
    def _set_score_law(self, law: State) -> None:
        """Restore the fitted law of the scores."""

    def _build_encoder(self, rows: Rows) -> TableEncoder:  # noqa: ARG002 (others look at them)
        """Build the encoder, not fitted yet."""
        return TableEncoder(self.schema_)

    def _fit_frame(self, rows: Rows) -> None:
        self.encoder_ = self._build_encoder(rows)
        strata, n_strata = rows.conditions.strata, self.conditions_.n_strata
        self.encoder_.fit(rows.frame, strata, n_strata, rows.weight)
        labels = self._labels(rows.conditions)
        self.effects_ = AdditiveEffects.fit(self.encoder_, rows.frame, labels, rows.weight)
        self._fit_scores(rows)

    def _scores(
        self,
        frame: pd.DataFrame,
        conditions: Conditions,
        rng: np.random.Generator | None = None,
    ) -> tuple[FloatArray, BoolArray]:
        """Give the scores of rows as the law knows them, and where they were observed."""
        scores, observed = self.encoder_.transform(frame, conditions.strata, rng)
        labels = self._labels(conditions)
        return self.effects_.remove(scores, conditions.strata, labels) * observed, observed

    def _intervals(
        self, frame: pd.DataFrame, conditions: Conditions
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Give the probability interval of each score as the law knows it, inside (0, 1)."""
        *ends, observed = self.encoder_.intervals(frame, conditions.strata)
        labels = self._labels(conditions)
        lower, upper = (
            ndtr(self.effects_.remove(ndtri(end), conditions.strata, labels)) for end in ends
        )
        return np.clip(lower, OUTER, 1 - OUTER), np.clip(upper, OUTER, 1 - OUTER), observed

    def _frame_of(
        self, scores: FloatArray, conditions: Conditions, noise: FloatArray | None = None
    ) -> pd.DataFrame:
        """Give the canonical rows that belong to scores as the law knows them."""
        strata = conditions.strata
        scores = self.effects_.restore(scores, strata, self._labels(conditions))
        return self.encoder_.inverse_transform(scores, strata, noise)

    def _sample_frame(self, conditions: Conditions, seed: int) -> pd.DataFrame:
        n_rows, n_scores = len(conditions.strata), self.encoder_.n_scores
        scores, noise = np.empty((n_rows, n_scores)), np.empty((n_rows, n_scores))
        start = 0
        for block in in_blocks(conditions, seed):
            stop = min(start + BLOCK, n_rows)
            scores[start:stop] = self._sample_scores(block)[: stop - start]
            noise[start:stop] = block.rng.standard_normal((BLOCK, n_scores))[: stop - start]
            start = stop
        return self._frame_of(scores, conditions, noise)

    def _get_law(self) -> State:
        return {
            "encoder": self.encoder_.get_state(),
            "effects": self.effects_.get_state(),
            "scores": self._get_score_law(),
        }

    def _set_law(self, law: State) -> None:
        self.encoder_ = TableEncoder.from_state(law["encoder"])
        self.effects_ = AdditiveEffects(**law["effects"])
        self._set_score_law(law["scores"])

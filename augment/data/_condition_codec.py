"""Conditions of single rows: containers of ``y`` to strata and features, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from augment._errors import InvalidInputError, did_you_mean, listed, shown
from augment._typing import FloatArray, IntArray
from augment.data._labels import YContainer, as_condition_frame
from augment.data.margins import NumericMargin
from augment.data.schema import TableSchema

__all__ = ["ConditionCodec", "Conditions", "Kind"]

Kind = Literal["none", "labels", "target", "frame"]


@dataclass(frozen=True)
class Conditions:
    """The conditions of n rows.

    Attributes
    ----------
    strata : ndarray of shape (n,), int64
        The combination of categorical conditions; ``n_strata`` for one never seen.
    features : ndarray of shape (n, c), float32
        One-hot levels of every categorical condition, then normal scores of the continuous ones.
    values : ndarray of shape (n, k), float64, or None
        The conditions themselves, canonical, so that a request comes back as it was made. Given
        by ``encode``, ``request`` and ``draw``.
    start : int
        The place of the first row in the request: noise follows from the place of a row.
    """

    strata: IntArray
    features: np.ndarray
    values: FloatArray | None = None
    start: int = 0

    def __len__(self) -> int:
        return len(self.strata)

    def rows(self, index: Any) -> Conditions:
        """Give some of the rows: by numbers, by a mask, or by a slice."""
        values = None if self.values is None else self.values[index]
        return Conditions(self.strata[index], self.features[index], values)


class ConditionCodec:
    """The part of a `ConditionEncoder` that looks at each row by itself.

    Attributes
    ----------
    kind : {"none", "labels", "target", "frame"}
    schema : TableSchema
        Of the conditions, as a frame.
    classes_ : ndarray
        The sorted labels (kind "labels" only).
    """

    kind: Kind
    schema: TableSchema
    classes_: np.ndarray
    _container: YContainer
    _combinations: IntArray
    _margins: list[NumericMargin]

    def _set_columns(self) -> None:
        columns = self.schema.columns
        self._levels = [i for i, c in enumerate(columns) if c.kind in ("categorical", "boolean")]
        self._numbers = [i for i, c in enumerate(columns) if c.is_number]
        if self.kind == "labels":
            self.classes_ = self._container.as_array(columns[0].levels)

    @property
    def n_strata(self) -> int:
        """The number of combinations of categorical conditions seen at fit; 1 if there are none."""
        return len(self._combinations)

    @property
    def n_features(self) -> int:
        """The number of features, c."""
        widths = (len(self.schema.columns[i].levels) for i in self._levels)
        return sum(widths) + len(self._numbers)

    @property
    def n_continuous(self) -> int:
        """The number of continuous conditions: the last features."""
        return len(self._numbers)

    def encode(self, y: Any) -> Conditions:
        """Give the strata and features of wanted or known conditions.

        Parameters
        ----------
        y : array-like of shape (n,) or DataFrame of shape (n, k)
            Of the kind seen at ``fit``; None only if fitted without y.

        Returns
        -------
        Conditions

        Raises
        ------
        InvalidInputError
            For unknown labels (the message lists the known ones), missing values and wrong columns.
        """
        if self.kind == "none":
            raise InvalidInputError(
                "y was given, but the model was fitted without y. Fit it with y, or leave y out."
            )
        frame, container = as_condition_frame(y)
        if (container.kind == "frame") != (self.kind == "frame"):
            wanted = "a DataFrame" if self.kind == "frame" else "one label or target for each row"
            raise InvalidInputError(f"y must be {wanted}, as at fit; got {type(y).__name__}.")
        if self.kind == "frame":
            frame = self._in_order(frame)
        else:
            frame.columns = pd.Index(self.schema.names)
        self._refuse_unknown(frame)
        return self._conditions(self.schema.conform(frame).to_numpy())

    def _in_order(self, frame: pd.DataFrame) -> pd.DataFrame:
        missing = [name for name in self.schema.names if name not in frame.columns]
        extra = [name for name in frame.columns if name not in self.schema.names]
        if missing or extra:
            raise InvalidInputError(
                f"y must have the conditions {listed(self.schema.names)}; "
                f"missing: {listed(missing)}; unexpected: {listed(extra)}."
            )
        return frame[self.schema.names]

    def _refuse_unknown(self, frame: pd.DataFrame) -> None:
        for i, column in enumerate(self.schema.columns):
            if column.is_number:
                continue
            for value in pd.unique(frame.iloc[:, i]):
                if value not in column.levels:
                    where = "label" if self.kind == "labels" else f"condition {column.name!r}"
                    raise InvalidInputError(
                        f"unknown {where} {shown(value)}; known are {listed(column.levels)}."
                        f"{did_you_mean(value, column.levels)}"
                    )

    def _conditions(self, values: FloatArray) -> Conditions:
        blocks = [
            np.eye(len(self.schema.columns[i].levels), dtype=np.float32)[
                values[:, i].astype(np.int64)
            ]
            for i in self._levels
        ]
        blocks.append(self._scores(values).astype(np.float32))
        return Conditions(self._strata_of(values), np.hstack(blocks), values)

    def _scores(self, values: FloatArray) -> FloatArray:
        """Give the continuous conditions as normal scores, the middle of each interval."""
        scores = np.zeros((len(values), len(self._numbers)))
        pooled = np.zeros(len(values), dtype=np.int64)
        for k, (i, margin) in enumerate(zip(self._numbers, self._margins, strict=True)):
            lower, upper = margin.interval(values[:, i], pooled)
            scores[:, k] = ndtri((lower + upper) / 2)
        return scores

    def _strata_of(self, values: FloatArray) -> IntArray:
        """Find each row's combination; ``n_strata`` where it was never seen."""
        codes = values[:, self._levels].astype(np.int64)
        known = {tuple(row): index for index, row in enumerate(self._combinations.tolist())}
        found, index = np.unique(codes, axis=0, return_inverse=True)
        strata = [known.get(tuple(row), self.n_strata) for row in found.tolist()]
        return np.array(strata, dtype=np.int64)[index.ravel()]

    def decode(
        self,
        strata: IntArray,  # noqa: ARG002 (the features say it all; kept for symmetry with encode)
        features: np.ndarray,
        values: FloatArray | None = None,
    ) -> Any:
        """Give ``y`` in the container, the name and the dtype of the fitted one.

        Parameters
        ----------
        strata : ndarray of shape (n,), int64
        features : ndarray of shape (n, c)
        values : ndarray of shape (n, k), optional
            ``Conditions.values``; with it continuous conditions come back exactly as requested,
            without it through their margin.

        Returns
        -------
        None, ndarray, Categorical, Series or DataFrame
        """
        if self.kind == "none":
            return None
        if values is None:
            values = self._values(np.asarray(features, dtype=np.float64))
        frame = pd.DataFrame(values, columns=pd.Index(self.schema.names))
        return self._container.restore(self.schema.restore_frame(frame))

    def _values(self, features: FloatArray) -> FloatArray:
        values = np.zeros((len(features), len(self.schema.columns)))
        start = 0
        for i in self._levels:
            stop = start + len(self.schema.columns[i].levels)
            values[:, i] = features[:, start:stop].argmax(axis=1)
            start = stop
        pooled = np.zeros(len(features), dtype=np.int64)
        for k, (i, margin) in enumerate(zip(self._numbers, self._margins, strict=True)):
            values[:, i] = margin.decode(ndtr(features[:, start + k]), pooled, None)
        return values

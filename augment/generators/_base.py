"""What every generator shares: the estimator contract, requests, blocks of noise, saving."""

from __future__ import annotations

import abc
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from augment._errors import SmallDataWarning, listed
from augment._random import BLOCK, rng_for, seed_from
from augment._typing import FloatArray, IntArray, RandomState, State
from augment.data._pooling import MIN_STRATUM_ROWS
from augment.data._requests import part_of_counts
from augment.data.conditions import ConditionEncoder, Conditions, stream_uniforms
from augment.generators._seen import SeenRows

__all__ = ["BLOCK", "RANDOM_STATE", "BaseGenerator", "Block", "in_blocks"]

RANDOM_STATE: list[Any] = [
    "random_state",
    np.random.Generator,
    Interval(Integral, 0, None, closed="left"),
]
"""What every generator accepts as `random_state`."""


class BaseGenerator(BaseEstimator, abc.ABC):
    """Base class of all generators, of tables and of images.

    A subclass fits itself in `_fit` and turns blocks of conditions into rows in `_sample_rows`.
    Everything a user sees of requests, seeds and files is here.

    Attributes
    ----------
    conditions_ : ConditionEncoder
        What `y` looked like, and the law that `sample` draws it from.
    classes_ : ndarray
        The labels, if `y` was labels.
    """

    conditions_: ConditionEncoder
    classes_: np.ndarray
    _seen_rows: SeenRows | None = None
    _rare_classes: ClassVar[str] = (
        "Nothing of their own can be learned safely; their synthetic rows are those of all "
        "classes, shifted."
    )

    @abc.abstractmethod
    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> None:
        """Learn from validated parameters; set every fitted attribute."""

    @abc.abstractmethod
    def _sample_rows(self, conditions: Conditions, seed: int) -> Any:
        """Give one row for each condition, in the container that `fit` saw."""

    @abc.abstractmethod
    def _get_state(self) -> State:
        """Give the fitted state as nested JSON values and arrays."""

    @abc.abstractmethod
    def _restore_state(self, state: State) -> None:
        """Restore what `_get_state` gave."""

    def _set_state(self, state: State) -> None:
        """Restore a fitted generator; `augment.load` calls it."""
        self._restore_state(state)
        self._is_fitted = True

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn the distribution of `X` given `y`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The real rows; at least 10. Sparse columns of a frame come out of `sample` dense.
        y : array-like of shape (n_samples,), DataFrame, or None
            Labels, a continuous target, or a frame of conditions.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        groups : array-like of shape (n_samples,), default=None
            The patient of each row. Rows of one patient are held out together.

        Returns
        -------
        self
            The fitted generator.

        Raises
        ------
        InvalidInputError
            If the data cannot be used; the message says which column or value, and what to do.
        """
        self._validate_params()
        self._is_fitted, self._seen_rows = False, None
        self._fit(X, y, sample_weight, groups)
        self._is_fitted, self._seen_rows = True, SeenRows(X)
        return self

    def sample(
        self, n_samples: int = 1, *, y: Any = None, random_state: RandomState = None
    ) -> tuple[Any, Any]:
        """Draw synthetic rows.

        Parameters
        ----------
        n_samples : int, default=1
            How many rows. Leave it out when `y` gives the number itself.
        y : label, dict, array-like, DataFrame, or None
            None draws conditions as they were in training. A label is for all rows. A dict gives
            counts per label, or one fixed condition for a generator fitted on a frame. An array
            or a frame gives the condition of each row.
        random_state : None, int, RandomState or Generator
            None draws fresh rows at each call; an int repeats them. Row `i` depends on the seed
            and on `i` alone, so a longer request begins with the rows of a shorter one.

        Returns
        -------
        X_new : DataFrame or ndarray
            Synthetic rows, with the container, column order, dtypes and levels of `fit`.
        y_new : Series, ndarray, DataFrame or None
            Their conditions; None if the generator was fitted without `y`.

        Raises
        ------
        InvalidInputError
            For an impossible `n_samples`, or a label or condition that `fit` never saw.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        seed = seed_from(random_state)
        request = self.conditions_.request(n_samples, y)
        if isinstance(request, Conditions):
            conditions = request
        else:
            conditions = self.conditions_.draw(request, 0, seed)
        rows = self._sample_rows(conditions, seed)
        return rows, self.conditions_.decode(
            conditions.strata, conditions.features, conditions.values
        )

    def _sample_part(self, start: int, stop: int, y: Any, seed: int) -> tuple[Any, Any]:
        """Give rows `start` to `stop` of ``sample(n, y=y, random_state=seed)``, and no others.

        `start` is a multiple of `BLOCK`. `y` is None, one label or fixed condition, or counts.
        """
        if y is None:
            conditions = self.conditions_.draw(stop - start, start, seed)
        else:
            counted = isinstance(y, Mapping) and self.conditions_.kind == "labels"
            wanted = part_of_counts(y, start, stop) if counted else y
            request = self.conditions_.request(1 if counted else stop - start, wanted)
            assert isinstance(request, Conditions)
            conditions = replace(request, start=start)
        rows = self._sample_rows(conditions, seed)
        return rows, self.conditions_.decode(
            conditions.strata, conditions.features, conditions.values
        )

    def save(self, path: str | Path) -> None:
        """Write the fitted generator to one ``.safetensors`` file, without pickle.

        Parameters
        ----------
        path : str or Path
            Where to write. An existing file is replaced only once the new one is complete.

        Raises
        ------
        InvalidInputError
            If the place cannot be written, or a parameter cannot be stored as JSON.
        NotFittedError
            Before `fit`.
        """
        from augment.persistence import (
            write_state,
        )  # it loads torch, which not every generator needs

        check_is_fitted(self)
        parameters = _storable(self.get_params(deep=False))
        write_state(path, type(self).__name__, parameters, self._get_state())

    def __getstate__(self) -> dict[str, Any]:
        """Give what pickling and copying keep: all but the fingerprints of the rows."""
        return {**super().__getstate__(), "_seen_rows": None}

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether `fit` has been called."""
        return getattr(self, "_is_fitted", False)

    def _labels(self, conditions: Conditions) -> FloatArray:
        """Give the one-hot columns of categorical conditions, the first of the features."""
        n_labels = self.conditions_.n_features - self.conditions_.n_continuous
        return np.asarray(conditions.features[:, :n_labels], dtype=np.float64)

    def _continuous(self, conditions: Conditions) -> FloatArray:
        """Give the normal scores of continuous conditions, the last columns of the features."""
        n_labels = self.conditions_.n_features - self.conditions_.n_continuous
        return np.asarray(conditions.features[:, n_labels:], dtype=np.float64)

    def _fit_conditions(self, y: Any, sample_weight: FloatArray) -> Conditions:
        """Learn the conditions of all rows, and set what users look up about them."""
        self.conditions_ = ConditionEncoder().fit(y, sample_weight)
        if hasattr(self, "classes_"):
            del self.classes_
        if self.conditions_.kind == "labels":
            self.classes_ = self.conditions_.classes_
        if y is None:
            return self.conditions_.draw(len(sample_weight), 0, seed=0)
        conditions = self.conditions_.encode(y)
        if self.conditions_.kind == "labels":
            self._warn_of_classes(conditions)
        return conditions

    def _warn_of_classes(self, conditions: Conditions) -> None:
        """Say which classes there is next to nothing to learn from."""
        counts = np.bincount(conditions.strata, minlength=len(self.classes_))
        lonely = self.classes_[counts < MIN_STRATUM_ROWS].tolist()
        if len(self.classes_) == 1:
            only = self.classes_.tolist()[0]
            text = f"y has one class only, {only!r}: all synthetic rows will have it."
        elif lonely:
            text = (
                f"Classes with fewer than {MIN_STRATUM_ROWS} rows: {listed(lonely)}. "
                f"{self._rare_classes} Collect more rows, or merge them."
            )
        else:
            return
        warnings.warn(text, SmallDataWarning, stacklevel=5)


@dataclass(frozen=True)
class Block:
    """A full block of rows to be drawn.

    Attributes
    ----------
    conditions : Conditions
        Of exactly `BLOCK` rows.
    rng : numpy.random.Generator
        The block's own stream of noise.
    order : ndarray of int64 (BLOCK,)
        The rank of each row's place in the stream of conditions. Noise that fills a space evenly
        is handed out in this order: rows that were drawn with like conditions then get points
        that lie evenly too, whatever pattern the conditions have.
    """

    conditions: Conditions
    rng: np.random.Generator
    order: IntArray


def in_blocks(conditions: Conditions, seed: int) -> Iterator[Block]:
    """Cut conditions into full blocks of rows, each with its own stream of noise.

    The last block is filled up by repeating its last row: a product of matrices rounds
    differently for another number of rows, and a row must not depend on how many were asked for.
    """
    n_rows, first = len(conditions), conditions.start // BLOCK
    for number in range(first, first - (-n_rows // BLOCK)):
        own = np.arange(BLOCK) + (number - first) * BLOCK
        rows = np.minimum(own, n_rows - 1)
        places = stream_uniforms(BLOCK, number * BLOCK, seed)
        order = np.argsort(np.argsort(places, kind="stable"), kind="stable")
        yield Block(conditions.rows(rows), rng_for(seed, 1, number), order)


def _storable(value: Any) -> Any:
    """Give a parameter as JSON values; a source of random numbers has no value to store."""
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    if isinstance(value, Mapping):
        return {key: _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, datetime):  # a pandas Timestamp is one
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value

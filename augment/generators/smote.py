"""SMOTE behind the interface of a generator: the baseline that everybody knows."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils._param_validation import Interval

from augment._typing import BoolArray, FloatArray, RandomState, State
from augment.data.conditions import Conditions
from augment.generators._base import BLOCK, RANDOM_STATE, Block, in_blocks
from augment.generators._tabular import Rows, TabularGenerator

__all__ = ["Smote"]

_EXTRA_ROWS = 2
"""Rows of a class that imbalanced-learn needs before it can interpolate."""


class _DenseOneHot(OneHotEncoder):
    """An encoder that decodes dense rows: of sparse ones scikit-learn looks at each by itself."""

    def inverse_transform(self, X: Any) -> Any:
        """Give the levels."""
        return super().inverse_transform(X.toarray() if sparse.issparse(X) else X)


class Smote(TabularGenerator):
    """Interpolation between neighbours of a class, by imbalanced-learn.

    SMOTE where all columns are numeric, SMOTEN where none is, SMOTENC in between. The number of
    neighbours shrinks for a class with few rows instead of failing; a class of one row is
    copied. Missing values are imputed first, by the median or the most frequent level of a
    column, because SMOTE knows none: synthetic rows are therefore complete.

    Parameters
    ----------
    k_neighbors : int, default=5
        Neighbours to interpolate with.
    schema : mapping, default=None
        Corrections of the inferred column kinds.
    random_state : None, int, RandomState or Generator
        Not used by `fit`, which draws nothing; present in every generator.

    Notes
    -----
    **What this does not do.** Each synthetic row lies between two real patients, and a saved
    `Smote` holds the training rows: it protects nobody. A continuous condition is answered by
    the interpolated row that comes closest to it. `sample_weight` is not used.

    References
    ----------
    .. [1] N. V. Chawla et al., "SMOTE: synthetic minority over-sampling technique", JAIR, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from augment.generators import Smote
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 3)), np.repeat([0, 1], [36, 4])
    >>> X_new, y_new = Smote().fit(X, y).sample(5, y=1, random_state=0)
    >>> X_new.shape
    (5, 3)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "k_neighbors": [Interval(Integral, 1, None, closed="left")],
        "schema": "no_validation",
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self, k_neighbors: int = 5, *, schema: Any = None, random_state: RandomState = None
    ) -> None:
        self.k_neighbors = k_neighbors
        self.schema = schema
        self.random_state = random_state

    def _fit_frame(self, rows: Rows) -> None:
        values = rows.frame.to_numpy(dtype=np.float64)
        kinds = [column.kind for column in self.schema_.columns]
        self.categorical_ = np.isin(kinds, ["categorical", "boolean"])
        self.rows_ = np.where(np.isnan(values), _typical(values, self.categorical_), values)
        self.strata_ = rows.conditions.strata
        self.continuous_ = self._continuous(rows.conditions)

    def _sample_frame(self, conditions: Conditions, seed: int) -> pd.DataFrame:
        n_rows = len(conditions.strata)
        rows = np.empty((n_rows, self.rows_.shape[1]))
        start = 0
        for block in in_blocks(conditions, seed):
            stop = min(start + BLOCK, n_rows)
            rows[start:stop] = self._sample_block(block)[: stop - start]
            start = stop
        for place, column in enumerate(self.schema_.columns):
            if column.decimals is not None:
                rows[:, place] = np.round(rows[:, place], column.decimals)
        return pd.DataFrame(rows, columns=pd.Index(self.schema_.names))

    def _sample_block(self, block: Block) -> FloatArray:
        conditions, rng = block.conditions, block.rng
        n_continuous, given = self.conditions_.n_continuous, self._continuous(conditions)
        rows = np.empty((BLOCK, self.rows_.shape[1]))
        for stratum in range(self.conditions_.n_strata + 1):
            # Every stratum takes its numbers, asked for or not: a row depends on its place alone.
            seed = int(rng.integers(2**31))
            wanted = np.flatnonzero(conditions.strata == stratum)
            if not len(wanted):
                continue
            pool = self._interpolate(stratum, seed)
            if not n_continuous:
                rows[wanted] = pool[wanted]
                continue
            between = given[wanted][:, None, :] - pool[None, :, -n_continuous:]
            distance = np.square(between).sum(axis=2)
            rows[wanted] = pool[distance.argmin(axis=1), :-n_continuous]
        return rows

    def _interpolate(self, stratum: int, seed: int) -> FloatArray:
        """Give `BLOCK` rows between neighbours of one stratum, continuous conditions behind."""
        own = self.strata_ == stratum
        own = own if own.any() else np.ones(len(own), dtype=bool)
        real = np.hstack([self.rows_[own], self.continuous_[own]])
        extra = np.zeros(self.continuous_.shape[1], dtype=bool)
        categorical = np.append(self.categorical_, extra)
        if len(real) < _EXTRA_ROWS:
            return np.repeat(real, BLOCK, axis=0)
        # A second class is what makes imbalanced-learn add rows to the first. SMOTEN measures
        # distances with both of them, and is given as many.
        n_filler = len(real) + BLOCK if categorical.all() else 1
        filler = np.repeat(real[:1], n_filler, axis=0)
        labels = np.repeat([1, 0], [len(real), n_filler])
        sampler = self._sampler(
            categorical,
            k_neighbors=min(self.k_neighbors, len(real) - 1),
            sampling_strategy={1: len(real) + BLOCK},
            random_state=seed,
        )
        grown, _ = sampler.fit_resample(np.vstack([real, filler]), labels)
        return np.asarray(grown[len(real) + n_filler :], dtype=np.float64)

    @staticmethod
    def _sampler(categorical: BoolArray, **options: Any) -> Any:
        if categorical.all():
            return SMOTEN(**options)
        if categorical.any():
            encoder = _DenseOneHot(handle_unknown="ignore", dtype=np.float64)
            where = np.flatnonzero(categorical).tolist()
            return SMOTENC(where, categorical_encoder=encoder, **options)
        return SMOTE(**options)

    def _get_law(self) -> State:
        return {
            "rows": self.rows_,
            "categorical": self.categorical_,
            "strata": self.strata_,
            "continuous": self.continuous_,
        }

    def _set_law(self, law: State) -> None:
        for name, value in law.items():
            setattr(self, f"{name}_", value)


def _typical(values: FloatArray, categorical: BoolArray) -> FloatArray:
    """Give the median of each number, and the most frequent level of each category."""
    typical = np.zeros(values.shape[1])
    for column, is_category in enumerate(categorical):
        present = values[~np.isnan(values[:, column]), column]
        if len(present):
            levels, counts = np.unique(present, return_counts=True)
            typical[column] = levels[counts.argmax()] if is_category else np.median(present)
    return typical

"""What the networks must beat: copies, and copies with noise."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval

from augment._typing import FloatArray, IntArray, RandomState, State
from augment.data.conditions import Conditions
from augment.generators._base import BLOCK, RANDOM_STATE, Block, in_blocks
from augment.generators._tabular import Rows, ScoreGenerator, TabularGenerator

__all__ = ["Bootstrap", "Jitter"]

_NEIGHBOURS = 5
"""Rows that stand in for a continuous condition that no training row has exactly."""


class _RowPicker:
    """Picks training rows that answer conditions.

    Parameters
    ----------
    strata : ndarray of int64 (n,)
        The combination of categorical conditions of each training row.
    features : ndarray (n, n_continuous)
        Its continuous conditions.
    weight : ndarray (n,)
        How often it should be picked.
    """

    def __init__(self, strata: IntArray, features: FloatArray, weight: FloatArray) -> None:
        self.strata, self.features, self.weight = strata, features, weight

    def pick(self, strata: IntArray, features: FloatArray, u: FloatArray) -> IntArray:
        """Pick a row for each condition, by weight, among rows with the same labels.

        Where conditions are continuous, one of the nearest rows is taken. `u` (m,) is uniform.
        """
        picked = np.empty(len(u), dtype=np.int64)
        for stratum in np.unique(strata):
            wanted = np.flatnonzero(strata == stratum)
            own = np.flatnonzero((self.strata == stratum) & (self.weight > 0))
            if not len(own):  # a combination of known conditions that no row has
                own = np.flatnonzero(self.weight > 0)
            if self.features.shape[1]:
                picked[wanted] = self._nearest(features[wanted], own, u[wanted])
            else:
                cumulated = np.cumsum(self.weight[own])
                position = np.searchsorted(cumulated, u[wanted] * cumulated[-1], side="right")
                picked[wanted] = own[np.minimum(position, len(own) - 1)]
        return picked

    def _nearest(self, features: FloatArray, own: IntArray, u: FloatArray) -> IntArray:
        squares = np.square(features[:, None, :] - self.features[own][None, :, :]).sum(axis=2)
        near = np.argsort(squares, axis=1, kind="stable")[:, :_NEIGHBOURS]
        column = (u * near.shape[1]).astype(np.int64)
        return np.asarray(own[near[np.arange(len(u)), column]])

    def get_state(self) -> State:
        return {"strata": self.strata, "features": self.features, "weight": self.weight}


class Bootstrap(TabularGenerator):
    """Copies of training rows: the control that adds rows and no information.

    Parameters
    ----------
    schema : mapping, default=None
        Corrections of the inferred column kinds, such as ``{"stage": "categorical"}``.
    random_state : None, int, RandomState or Generator
        Not used by `fit`, which draws nothing; present in every generator.

    Notes
    -----
    **What this does not do.** It makes no new patients, and a saved `Bootstrap` holds the
    training rows.

    References
    ----------
    .. [1] B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics,
       1979.

    Examples
    --------
    >>> import numpy as np
    >>> from augment.generators import Bootstrap
    >>> X = np.arange(60.0).reshape(30, 2)
    >>> X_new, _ = Bootstrap().fit(X).sample(3, random_state=0)
    >>> X_new.shape
    (3, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "schema": "no_validation",
        "random_state": RANDOM_STATE,
    }

    def __init__(self, *, schema: Any = None, random_state: RandomState = None) -> None:
        self.schema = schema
        self.random_state = random_state

    def _fit_frame(self, rows: Rows) -> None:
        given = rows.conditions
        self.rows_ = rows.frame.to_numpy(dtype=np.float64)
        self.picker_ = _RowPicker(given.strata, self._continuous(given), rows.weight)

    def _sample_frame(self, conditions: Conditions, seed: int) -> pd.DataFrame:
        picked = [
            self.picker_.pick(
                block.conditions.strata,
                self._continuous(block.conditions),
                block.rng.random(BLOCK),
            )
            for block in in_blocks(conditions, seed)
        ]
        rows = self.rows_[np.concatenate(picked)[: len(conditions.strata)]]
        return pd.DataFrame(rows, columns=pd.Index(self.schema_.names))

    def _get_law(self) -> State:
        return {"rows": self.rows_, "picker": self.picker_.get_state()}

    def _set_law(self, law: State) -> None:
        self.rows_, self.picker_ = law["rows"], _RowPicker(**law["picker"])


class Jitter(ScoreGenerator):
    """Copies of training rows with small noise: the smoothed bootstrap.

    The noise is added to the normal scores of each column, and the result is shrunk back so that
    the spread of a column stays what it was. Categories can flip to a neighbouring level when a
    row lies close to the border of two.

    Parameters
    ----------
    scale : float, default=0.2
        Standard deviation of the noise, in units of a column's standard deviation.
    schema : mapping, default=None
        Corrections of the inferred column kinds.
    random_state : None, int, RandomState or Generator
        Not used by `fit`.

    Notes
    -----
    **What this does not do.** It protects nobody: each row lies close to a real patient, and a
    saved `Jitter` holds the scores of all training rows.

    References
    ----------
    .. [1] B. W. Silverman and G. A. Young, "The bootstrap: to smooth or not to smooth?",
       Biometrika, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from augment.generators import Jitter
    >>> X = np.random.default_rng(0).normal(size=(30, 2))
    >>> X_new, _ = Jitter(scale=0.1).fit(X).sample(3, random_state=0)
    >>> X_new.shape
    (3, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "scale": [Interval(Real, 0, None, closed="neither")],
        "schema": "no_validation",
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self, scale: float = 0.2, *, schema: Any = None, random_state: RandomState = None
    ) -> None:
        self.scale = scale
        self.schema = schema
        self.random_state = random_state

    def _fit_scores(self, rows: Rows) -> None:
        given = rows.conditions
        self.scores_ = self._scores(rows.frame, given)[0]
        self.picker_ = _RowPicker(given.strata, self._continuous(given), rows.weight)

    def _sample_scores(self, block: Block) -> FloatArray:
        conditions, rng = block.conditions, block.rng
        given = self._continuous(conditions)
        picked = self.picker_.pick(conditions.strata, given, rng.random(BLOCK))
        noise = self.scale * rng.standard_normal((BLOCK, self.encoder_.n_scores))
        return np.asarray((self.scores_[picked] + noise) / np.sqrt(1 + self.scale**2))

    def _get_score_law(self) -> State:
        return {"scores": self.scores_, "picker": self.picker_.get_state()}

    def _set_score_law(self, law: State) -> None:
        self.scores_, self.picker_ = law["scores"], _RowPicker(**law["picker"])

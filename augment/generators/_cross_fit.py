"""An ensemble of models that each left rows out, and the surprise of rows that were left out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils import _safe_indexing

from augment._errors import SmallDataWarning
from augment._random import spawn_seeds
from augment._typing import BoolArray, FloatArray, IntArray, State
from augment.data.schema import TableSchema
from augment.generators._cells import CellReader
from augment.generators._conformal import deal_folds
from augment.generators._growth import fitted
from augment.generators._plausible import plausible_rows
from augment.generators._reasons import CellViews
from augment.generators._surprise import Surprise, prepared, surprise_of
from augment.generators._tabular import MIN_ROWS

__all__ = ["CrossFit"]

N_FOLDS = 5
EXCESS = {"dependence": (2.0, 0.25), "darker": (2.0, 0.5)}
"""Ingredients that count only beyond a limit, in units of held-out normals, and their weight."""


@dataclass(frozen=True)
class CrossFit:
    """Models that each left a fold out, and what normal rows of these folds look like to them.

    Attributes
    ----------
    members : tuple of Surprise
        One for each fold.
    method : str
        How the surprise is made up.
    standards : dict of str to (float, float)
        Center and scale of each ingredient among held-out rows.
    scale : ndarray of float64
        Held-out size of the residual of each column or pixel.
    """

    members: tuple[Surprise, ...]
    method: str
    standards: dict[str, tuple[float, float]]
    scale: FloatArray

    @classmethod
    def fit(
        cls,
        generator: Any,
        X: Any,
        groups: IntArray | None,
        kept: BoolArray,
        method: str,
        seed: int,
    ) -> tuple[Self, FloatArray]:
        """Fit a clone of a generator for each fold.

        Parameters
        ----------
        generator : generator
        X : DataFrame or ndarray (n, ...)
        groups : ndarray of int64 (n,) or None
            The patient of each row.
        kept : ndarray of bool (n,)
            Rows that are taken for normal; the others are neither learned from nor measured by.
        method : str
        seed : int

        Returns
        -------
        cross_fit : CrossFit
        held_out : ndarray of float64 (n,)
            Surprise of each row at a model that did not learn from it; of rows that are not
            `kept` the mean over all models.
        """
        places = np.flatnonzero(kept)
        own = None if groups is None else groups[places]
        folds = deal_folds(len(places), own, N_FOLDS, MIN_ROWS, seed)
        fold_of = np.full(len(kept), -1)
        fold_of[places] = folds
        n_folds = int(folds.max()) + 1
        members = []
        for fold, fold_seed in zip(range(n_folds), spawn_seeds(seed, n_folds), strict=True):
            rows = np.flatnonzero(kept & (fold_of != fold))
            members.append(_member(generator, X, groups, rows, fold_seed))
        rows_of = [np.flatnonzero(fold_of == fold) for fold in range(n_folds)]
        left_out = [_safe_indexing(X, rows) for rows in rows_of]
        type(members[0]).learn_normals(members, left_out)
        parts = [m.parts(x, method) for m, x in zip(members, left_out, strict=True)]
        pooled = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        standards = {name: _center_and_scale(values) for name, values in pooled.items()}
        residuals = [m.residuals(x) for m, x in zip(members, left_out, strict=True)]
        cross_fit = cls(
            tuple(members), method, standards, members[0].size(np.concatenate(residuals))
        )
        held_out = np.empty(len(kept))
        for rows, ingredients in zip(rows_of, parts, strict=True):
            held_out[rows] = cross_fit._combined(ingredients)
        if not kept.all():
            held_out[~kept] = cross_fit.surprise(_safe_indexing(X, np.flatnonzero(~kept)))
        return cross_fit, held_out

    def surprise(self, X: Any) -> FloatArray:
        """Give the surprise `(n,)` at given rows, averaged over the models."""
        each = [self._combined(member.parts(X, self.method)) for member in self.members]
        return np.asarray(np.mean(each, axis=0))

    def residuals(self, X: Any) -> FloatArray:
        """Give the residual of each column or pixel, in units of its held-out size."""
        return np.asarray(np.mean([member.residuals(X) for member in self.members], axis=0)) / (
            self.scale
        )

    def views(self, X: Any) -> tuple[TableSchema, CellViews]:
        """Give the schema of a table, and what the models expect of the cells of rows."""
        models: Any = self.members
        views = CellViews.mean([model.views(X, self.scale) for model in models])
        return models[0].generator.schema_, views

    def _combined(self, parts: dict[str, FloatArray]) -> FloatArray:
        """Average the ingredients, each in units of held-out normals; add what is in excess."""
        units = {n: (parts[n] - center) / scale for n, (center, scale) in self.standards.items()}
        plain = [value for name, value in units.items() if name not in EXCESS]
        total = np.mean(plain, axis=0)
        for name, (limit, weight) in EXCESS.items():
            if name in units:
                total = total + weight * np.maximum(units[name] - limit, 0.0)
        return np.asarray(total)

    def get_state(self) -> State:
        """Give the models and what was measured of them."""
        return {
            "members": [member.get_state() for member in self.members],
            "method": self.method,
            "standards": {name: list(pair) for name, pair in self.standards.items()},
            "scale": self.scale,
        }

    @classmethod
    def from_state(cls, state: State, generators: list[Any]) -> Self:
        """Restore what `get_state` gave, around unfitted generators."""
        members = tuple(
            surprise_of(generator, None, member)
            for generator, member in zip(generators, state["members"], strict=True)
        )
        standards = {name: (float(c), float(s)) for name, (c, s) in state["standards"].items()}
        return cls(members, state["method"], standards, np.asarray(state["scale"]))


def _member(generator: Any, X: Any, groups: IntArray | None, rows: IntArray, seed: int) -> Surprise:
    """Fit a clone of a generator on some rows; of a table, on the plausible ones among them."""
    X = prepared(_safe_indexing(X, rows))
    wide: CellReader | None = None
    # a private generator may not be told which rows are strange
    if np.ndim(X) == 2 and getattr(generator, "dp_epsilon", None) is None:
        kept, wide = plausible_rows(X, getattr(generator, "schema", None))
        rows, X = rows[kept], _safe_indexing(X, np.flatnonzero(kept))
    own = None if groups is None else groups[rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallDataWarning)
        model = fitted(generator, X, None, seed=seed, groups=own)
    return surprise_of(model, X, wide=wide)


def _center_and_scale(values: FloatArray) -> tuple[float, float]:
    """Give median and robust standard deviation; where most values are equal, the plain one."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    scale = max((high - low) / 1.349, 0.1 * float(values.std()))
    return float(middle), float(scale) if scale > 0 else 1.0

"""The Gaussian copula: what a generator can do without a network."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.utils._param_validation import Interval

from augment._typing import BoolArray, FloatArray, RandomState, State
from augment.data.encoder import TableEncoder
from augment.generators._base import BLOCK, RANDOM_STATE, Block
from augment.generators._latent_scores import draw_scores
from augment.generators._tabular import Rows, ScoreGenerator

__all__ = ["GaussianCopula"]

N_SETS = 4
"""Sets of draws of the scores over which correlations are averaged."""
PAIR_PRIOR = 5.0
"""Rows without dependence that stand beside the rows in which two columns are both observed."""


class GaussianCopula(ScoreGenerator):
    """A Gaussian copula for each class, with smoothed margins and shrunk correlations.

    Each column becomes a normal score through its margin in its class; the correlation of the
    scores is shrunk towards independence by the Ledoit-Wolf rule, for each combination of
    categorical conditions; the scores behind discrete values are drawn given the rest of the row.
    Continuous conditions are part of the Gaussian and are conditioned on.
    A combination with hardly any rows takes the dependence of all rows, and the sum of the
    effects of its single conditions.

    Parameters
    ----------
    pooling : float, default=1.0
        How strongly margins of different classes are drawn together; 0 keeps them apart.
    schema : mapping, default=None
        Corrections of the inferred column kinds.
    random_state : None, int, RandomState or Generator
        Seed of the ranks inside tied values at `fit`.

    Attributes
    ----------
    schema_ : TableSchema
        The columns as they were understood.
    classes_ : ndarray
        The labels, if `y` was labels.

    Notes
    -----
    **What this does not do.** It knows only pairwise, monotone dependence: two columns that
    depend on each other through a curve or a third column come out wrong. It gives no guarantee
    of privacy.

    References
    ----------
    .. [1] R. B. Nelsen, "An Introduction to Copulas", Springer, 2006.
    .. [2] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance
       matrices", Journal of Multivariate Analysis, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from augment.generators import GaussianCopula
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 3)), np.repeat(["benign", "malignant"], 20)
    >>> X_new, y_new = GaussianCopula(random_state=0).fit(X, y).sample(y={"malignant": 4})
    >>> X_new.shape, set(y_new.tolist())
    ((4, 3), {'malignant'})
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "pooling": [Interval(Real, 0, None, closed="left")],
        "schema": "no_validation",
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self, pooling: float = 1.0, *, schema: Any = None, random_state: RandomState = None
    ) -> None:
        self.pooling = pooling
        self.schema = schema
        self.random_state = random_state

    def _build_encoder(self, rows: Rows) -> TableEncoder:  # noqa: ARG002 (others look at them)
        return TableEncoder(self.schema_, pooling=float(self.pooling))

    def _fit_scores(self, rows: Rows) -> None:
        conditions = rows.conditions
        lower, upper, observed = self._intervals(rows.frame, conditions)
        features = np.asarray(conditions.features, np.float64)
        sets = draw_scores(lower, upper, observed, features, rows.weight, rows.seed)
        scores, given = sets[:N_SETS].astype(np.float64), self._continuous(conditions)
        laws = [_law(scores, observed, given, rows.weight)] * (self.conditions_.n_strata + 1)
        for stratum in np.flatnonzero(~self.encoder_.small_strata):
            own = conditions.strata == stratum
            laws[stratum] = _law(scores[:, own], observed[own], given[own], rows.weight[own])
        self.slope_ = np.stack([law.slope for law in laws])
        self.factor_ = np.stack([law.factor for law in laws])
        self.centre_ = np.stack([law.centre for law in laws])

    def _sample_scores(self, block: Block) -> FloatArray:
        conditions = block.conditions
        noise = block.rng.standard_normal((BLOCK, self.encoder_.n_scores))
        given = self._continuous(conditions)
        scores = np.empty_like(noise)
        for stratum in np.unique(conditions.strata):
            own = conditions.strata == stratum
            # Full blocks are multiplied, so that rounding does not depend on the class counts.
            drawn = noise @ self.factor_[stratum].T
            drawn += (given - self.centre_[stratum]) @ self.slope_[stratum]
            scores[own] = drawn[own]
        return scores

    def _get_score_law(self) -> State:
        return {"slope": self.slope_, "factor": self.factor_, "centre": self.centre_}

    def _set_score_law(self, law: State) -> None:
        self.slope_, self.factor_, self.centre_ = law["slope"], law["factor"], law["centre"]


@dataclass(frozen=True)
class _Law:
    """Scores given continuous conditions: ``(given - centre) @ slope + factor @ noise``.

    Shapes (c,), (c, d) and (d, d). Each score is standard normal: what its values mean is in the
    margin.
    """

    centre: FloatArray
    slope: FloatArray
    factor: FloatArray


def _law(sets: FloatArray, observed: BoolArray, given: FloatArray, weight: FloatArray) -> _Law:
    """Fit a shrunk Gaussian to scores and continuous conditions, and condition on the latter.

    Of the scores there are several sets of draws `(k, n, d)`.
    """
    n_sets, _, n_scores = sets.shape
    joint = np.concatenate([sets, np.broadcast_to(given, (n_sets, *given.shape))], axis=2)
    seen = np.hstack([observed, np.ones(given.shape, dtype=bool)])
    mass = weight[:, None] * seen
    total = np.maximum(mass.sum(axis=0), 1e-12)
    mean = (mass * joint.mean(axis=0)).sum(axis=0) / total
    centred = (joint - mean) * seen
    scale = np.sqrt((mass * np.square(centred).mean(axis=0)).sum(axis=0) / total)
    scale = np.where(scale < 1e-6, 1.0, scale)
    each = [_correlation(one / scale, seen, weight) for one in centred]
    correlation = np.mean(each, axis=0)
    own, rest = slice(0, n_scores), slice(n_scores, None)
    slope = np.linalg.solve(correlation[rest, rest], correlation[rest, own])
    residual = correlation[own, own] - correlation[own, rest] @ slope
    factor = np.linalg.cholesky(residual + 1e-9 * np.eye(n_scores))
    return _Law(mean[rest], slope / scale[rest, None], np.asarray(factor))


def _correlation(standard: FloatArray, seen: BoolArray, weight: FloatArray) -> FloatArray:
    """Estimate a correlation matrix from pairs that are both observed, shrunk and positive.

    Parameters
    ----------
    standard : ndarray of shape (n, d)
        Standardised columns, 0 where missing.
    seen : ndarray of bool (n, d)
        Where they were observed.
    weight : ndarray of shape (n,)
        Of the rows, 1 in the mean.
    """
    width = standard.shape[1]
    if not width:
        return np.eye(0)
    pairs = (weight[:, None] * seen).T @ seen
    moments = (weight[:, None] * standard).T @ standard
    shrink = ledoit_wolf_shrinkage(standard, assume_centered=True) if len(standard) > 1 else 1.0
    correlation = (1 - shrink) * moments / (pairs + PAIR_PRIOR * (pairs < len(standard)))
    np.fill_diagonal(correlation, 1.0)
    values, axes = np.linalg.eigh(correlation)
    positive = (axes * np.maximum(values, 1e-3)) @ axes.T
    scale = np.sqrt(np.diag(positive))
    return np.asarray(positive / np.outer(scale, scale))

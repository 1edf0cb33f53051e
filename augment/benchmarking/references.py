"""Generators that only a comparison needs: a teacher behind a generator, and PCA for images."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from augment._random import rng_for, seed_from
from augment._typing import FloatArray, RandomState
from augment.evaluation.preparation import dense_preparation
from augment.generators.copula import GaussianCopula

__all__ = ["ClassPCA", "TeacherFiltered"]


class TeacherFiltered(BaseEstimator):
    """A generator whose rows are kept where a teacher finds their label likely.

    The teacher is the mean of a random forest and a logistic regression, fitted on the real rows.
    Of ``oversampling`` times as many rows as asked for, those of each label with the largest
    probability of that label are kept, so that the prevalence stays as drawn.

    Parameters
    ----------
    generator : generator, default=None
        What draws the rows; a `GaussianCopula` if None.
    oversampling : float, default=2.0
        Rows drawn for each row kept.
    random_state : None, int, RandomState or Generator
        Seed of `fit`.

    Notes
    -----
    **What this does not do.** It is here to be compared with, not to be used: kept rows lie
    further from the border of the classes than real ones, which costs calibration.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> filtered = TeacherFiltered(random_state=0).fit(X, y)
    >>> X_new, y_new = filtered.sample(20, random_state=1)
    >>> len(X_new), len(y_new)
    (20, 20)
    """

    def __init__(
        self,
        generator: Any = None,
        *,
        oversampling: float = 2.0,
        random_state: RandomState = None,
    ) -> None:
        self.generator = generator
        self.oversampling = oversampling
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, groups: Any = None) -> Self:
        """Fit the generator and its teacher on real rows."""
        seed = seed_from(self.random_state)
        inner = GaussianCopula() if self.generator is None else clone(self.generator)
        self.generator_ = inner.set_params(random_state=seed).fit(X, y, groups=groups)
        forest = RandomForestClassifier(n_estimators=200, min_samples_leaf=3)
        forest.set_params(random_state=int(rng_for(seed, 1).integers(2**31)))
        self.teachers_ = [
            make_pipeline(dense_preparation(), learner).fit(X, np.asarray(y))
            for learner in (forest, LogisticRegression(max_iter=1000))
        ]
        return self

    def sample(self, n_samples: int = 1, *, random_state: RandomState = None) -> tuple[Any, Any]:
        """Draw rows, and keep those that the teacher believes most."""
        check_is_fitted(self)
        n_drawn = int(np.ceil(self.oversampling * n_samples))
        X, y = self.generator_.sample(n_drawn, random_state=random_state)
        labels = np.asarray(y)
        belief = self._belief(X, labels)
        kept: list[int] = []
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            best = own[np.argsort(-belief[own], kind="stable")]
            kept += best[: int(np.ceil(len(own) / self.oversampling))].tolist()
        rows = np.sort(kept)[:n_samples]
        X_new = X.iloc[rows] if hasattr(X, "iloc") else X[rows]
        return X_new, y.iloc[rows] if hasattr(y, "iloc") else labels[rows]

    def _belief(self, X: Any, labels: np.ndarray) -> FloatArray:
        """Give the mean probability that the teachers give each row's label."""
        places = np.searchsorted(self.teachers_[0].classes_, labels)
        parts = [t.predict_proba(X)[np.arange(len(labels)), places] for t in self.teachers_]
        return np.asarray(np.mean(parts, axis=0))


class ClassPCA(BaseEstimator):
    """Images from a Gaussian on the principal scores of each class.

    Parameters
    ----------
    n_axes : int or None, default=None
        Principal axes of a class at most; all if None.
    random_state : None, int, RandomState or Generator
        Not used by `fit`.

    Notes
    -----
    **What this does not do.** With all axes it nearly copies: it is a floor to compare with.

    References
    ----------
    .. [1] K. Pearson, "On lines and planes of closest fit to systems of points in space",
       Philosophical Magazine, 1901.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(20, 1, 8, 8))
    >>> X_new, y_new = ClassPCA().fit(X, np.repeat([0, 1], 10)).sample(6, random_state=0)
    >>> X_new.shape
    (6, 1, 8, 8)
    """

    def __init__(self, n_axes: int | None = None, *, random_state: RandomState = None) -> None:
        self.n_axes = n_axes
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Find mean, axes and spread of each class."""
        X, y = np.asarray(X), np.asarray(y)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_, self.shape_ = counts / counts.sum(), X.shape[1:]
        self.range_, self.dtype_ = (X.min(), X.max()), X.dtype
        self.laws_ = {}
        for label in self.classes_:
            rows = X[y == label].reshape((y == label).sum(), -1).astype(np.float64)
            mean = rows.mean(axis=0)
            _, singular, axes = np.linalg.svd(rows - mean, full_matrices=False)
            k = max(1, min(self.n_axes or len(rows), len(rows) - 1))
            spread = singular[:k, None] * axes[:k] / np.sqrt(max(1, len(rows) - 1))
            self.laws_[label] = mean, spread
        return self

    def sample(
        self, n_samples: int = 1, *, random_state: RandomState = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw images, each class as often as in training."""
        check_is_fitted(self)
        rng = rng_for(seed_from(random_state))
        labels = rng.choice(self.classes_, size=n_samples, p=self.shares_)
        drawn = np.empty((n_samples, int(np.prod(self.shape_))))
        for label, (mean, spread) in self.laws_.items():
            own = labels == label
            drawn[own] = mean + rng.normal(size=(int(own.sum()), len(spread))) @ spread
        images = drawn.clip(*self.range_).reshape(n_samples, *self.shape_)
        return images.astype(self.dtype_), labels

"""The classifiers that lift is measured with.

Six learners that a practitioner would try on a small clinical table, each in the pipeline that
such a table needs. They are not tuned; their settings suit 50 to 1,000 rows and are the same for
every arm.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Self

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from augment._errors import InvalidInputError, InvalidTypeError
from augment._typing import FloatArray
from augment.evaluation.images import image_estimators
from augment.evaluation.preparation import TidyColumns, dense_preparation

__all__ = ["CalibratedSVM", "Candidate", "EarlyStoppedMLP", "candidates", "default_estimators"]


class CalibratedSVM(ClassifierMixin, BaseEstimator):
    """RBF support vector machine with Platt's sigmoid on out-of-fold decision values.

    What scikit-learn's ``CalibratedClassifierCV(..., ensemble=False)`` does, except that classes
    with fewer rows than folds are served: their rows stay in every training part.

    Parameters
    ----------
    C : float, default=1.0
        Penalty of the machine.
    n_folds : int, default=3
        Folds of the calibration.
    class_weight : {"balanced"} or None
        Whether machine and sigmoid weigh classes inversely to their frequency.
    random_state : int or None
        Shuffles the folds.

    References
    ----------
    Platt, J. (1999). Probabilistic outputs for support vector machines. Advances in large margin
    classifiers.
    """

    def __init__(
        self, C: float = 1.0, n_folds: int = 3, class_weight: Any = None, random_state: Any = None
    ) -> None:
        self.C = C
        self.n_folds = n_folds
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: FloatArray, y: Any) -> Self:
        """Fit the machine on all rows, and a sigmoid per class on out-of-fold decisions."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.machine_ = self._machine().fit(X, codes)
        decisions = self._columns(self.machine_, X)
        counts = np.bincount(codes)
        common = np.flatnonzero(np.isin(codes, np.flatnonzero(counts >= self.n_folds)))
        if np.unique(codes[common]).size >= 2:
            folds = StratifiedKFold(self.n_folds, shuffle=True, random_state=self.random_state)
            for _, part in folds.split(common, codes[common]):
                test = common[part]
                train = np.setdiff1d(np.arange(codes.size), test)
                decisions[test] = self._columns(
                    self._machine().fit(X[train], codes[train]), X[test]
                )
        self.sigmoids_ = [
            LogisticRegression(C=10.0, class_weight=self.class_weight).fit(
                decisions[:, [k]], codes == k
            )
            for k in range(self.classes_.size)
        ]
        return self

    def predict_proba(self, X: FloatArray) -> FloatArray:
        """Give class probabilities of shape (n, n_classes)."""
        check_is_fitted(self)
        decisions = self._columns(self.machine_, X)
        parts = [s.predict_proba(decisions[:, [k]])[:, 1] for k, s in enumerate(self.sigmoids_)]
        proba = np.column_stack(parts)
        return np.asarray(proba / proba.sum(axis=1, keepdims=True), dtype=np.float64)

    def predict(self, X: FloatArray) -> Any:
        """Give the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _machine(self) -> SVC:
        return SVC(C=self.C, class_weight=self.class_weight)

    @staticmethod
    def _columns(machine: SVC, X: FloatArray) -> FloatArray:
        """One decision value per class."""
        values = machine.decision_function(X)
        return np.column_stack([-values, values]) if values.ndim == 1 else values


class EarlyStoppedMLP(MLPClassifier):
    """scikit-learn's multilayer perceptron, made to accept a class with a single row.

    Its early stopping holds out a stratified tenth, which needs two rows of each class: a single
    row is used twice.
    """

    def fit(self, X: FloatArray, y: Any, sample_weight: Any = None) -> Self:
        """Fit, with rows of one-row classes doubled."""
        labels, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        single = np.flatnonzero(counts[codes] == 1)
        if labels.size > 1 and single.size:
            rows = np.concatenate([np.arange(codes.size), single])
            X, y = X[rows], np.asarray(y)[rows]
            sample_weight = None if sample_weight is None else np.asarray(sample_weight)[rows]
        with warnings.catch_warnings():
            # a batch of all rows is what is wanted of a table smaller than a batch
            warnings.filterwarnings("ignore", message="Got `batch_size`", category=UserWarning)
            super().fit(X, y, sample_weight=sample_weight)
        return self


def _classifiers() -> dict[str, Any]:
    return {
        "logistic regression": LogisticRegression(max_iter=1000),
        "random forest": RandomForestClassifier(n_estimators=200, min_samples_leaf=3),
        "gradient boosting": HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=100,
            max_leaf_nodes=8,
            min_samples_leaf=8,
            l2_regularization=1.0,
            early_stopping=False,
        ),
        "SVM": CalibratedSVM(),
        "k-NN": KNeighborsClassifier(n_neighbors=10),
        "MLP": EarlyStoppedMLP(
            hidden_layer_sizes=(32,),
            alpha=0.01,
            batch_size=64,
            learning_rate_init=0.005,
            max_iter=200,
            early_stopping=True,
            n_iter_no_change=15,
        ),
    }


def default_estimators() -> dict[str, Pipeline]:
    """Build the six default classifiers, each with its preparation.

    Logistic regression (L2, C = 1), random forest (200 trees, leaves of at least 3), histogram
    gradient boosting (100 trees of at most 8 leaves of at least 8 rows, native categories and
    missing values), RBF support vector machine (sigmoid calibration on 3 internal folds), k-NN
    (k = 10) and a multilayer perceptron (32 units, early stopping on a tenth).

    Returns
    -------
    dict of str to Pipeline
        Unfitted pipelines with the steps ``prepare`` and ``classify``.

    Examples
    --------
    >>> list(default_estimators())[:3]
    ['logistic regression', 'random forest', 'gradient boosting']
    """
    native = ("gradient boosting",)
    return {
        name: Pipeline(
            [
                ("prepare", TidyColumns("native") if name in native else dense_preparation()),
                ("classify", classifier),
            ]
        )
        for name, classifier in _classifiers().items()
    }


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A classifier, split into its preparation and the learner behind it.

    Attributes
    ----------
    name : str
        As it will stand in the results.
    prepare : transformer or None
        Candidates whose preparations are equal share one fit of it. None: the learner reads the
        table as it is.
    learner : classifier
        Unfitted.
    description : str
        Its parameters, for the settings.
    """

    name: str
    prepare: Any
    learner: Any
    description: str

    @property
    def preparation_key(self) -> str:
        """Equal for candidates that can share one fitted preparation."""
        return "" if self.prepare is None else str(joblib.hash(self.prepare))


def _named(estimators: Any, is_table: bool) -> dict[str, Any]:
    """Give the user's estimators names."""
    if estimators is None:
        return dict(default_estimators() if is_table else image_estimators())
    if isinstance(estimators, Mapping):
        return {str(name): estimator for name, estimator in estimators.items()}
    if hasattr(estimators, "fit"):
        estimators = [estimators]
    if isinstance(estimators, str) or not isinstance(estimators, Iterable):
        raise InvalidTypeError(
            "estimators must be a classifier, a list or a dict of them; got "
            f"{type(estimators).__name__}."
        )
    named: dict[str, Any] = {}
    for estimator in estimators:
        last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
        name = type(last).__name__
        twins = sum(key == name or key.startswith(f"{name} ") for key in named)
        named[f"{name} {twins + 1}" if twins else name] = estimator
    return named


def _brings_preparation(estimator: Any) -> bool:
    """Tell whether an estimator reads raw tables by itself: a pipeline, or a search around one."""
    inner = getattr(estimator, "estimator", None)
    brings_generator = hasattr(estimator, "generator")
    return isinstance(estimator, Pipeline) or isinstance(inner, Pipeline) or brings_generator


def candidates(estimators: Any, *, is_table: bool) -> tuple[Candidate, ...]:
    """Turn the ``estimators`` argument into named candidates.

    Parameters
    ----------
    estimators : None, classifier, list or dict
        None takes the six defaults, or the two for images. Classifiers that are neither pipelines
        nor searches around one get the dense preparation.
    is_table : bool
        Whether rows are a table; images go to the classifier as they are.

    Returns
    -------
    tuple of Candidate
        In the order given.

    Raises
    ------
    InvalidInputError
        No estimator; one that is no classifier, or has no ``predict_proba``.
    """
    named = _named(estimators, is_table)
    if not named:
        raise InvalidInputError("estimators is empty: give at least one classifier, or None.")
    found = []
    for name, estimator in named.items():
        if not is_classifier(estimator) or not hasattr(estimator, "predict_proba"):
            raise InvalidInputError(
                f"estimator {name!r} must be a classifier with predict_proba, because AUC and log "
                f"loss are read from probabilities; got {type(estimator).__name__}. Wrap it in "
                "CalibratedClassifierCV if it has decision values only."
            )
        description = " ".join(repr(estimator).split())
        prepare, learner = None, clone(estimator)
        if type(estimator) is Pipeline and len(estimator) > 1:
            prepare, learner = clone(estimator[:-1]), clone(estimator[-1])
        elif is_table and not _brings_preparation(estimator):
            prepare = dense_preparation()
        found.append(Candidate(name, prepare, learner, description))
    return tuple(found)

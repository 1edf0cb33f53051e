"""A classifier that adds synthetic rows only where they help."""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, is_classifier
from sklearn.metrics import get_scorer_names
from sklearn.utils import (
    _safe_indexing,
    assert_all_finite,
    check_array,
    column_or_1d,
    get_tags,
)
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    check_memory,
    validate_data,
)

from augment._errors import InvalidInputError, SmallDataWarning
from augment._random import seed_from, spawn_seeds
from augment._selection import Fold, choose, paired_gain, plan_folds, unharmed
from augment._typing import FloatArray, RandomState
from augment.generators._base import RANDOM_STATE
from augment.generators._tabular import MIN_ROWS
from augment.generators._trials import (
    NOTHING,
    RealRows,
    Task,
    draw,
    find_scorer,
    find_weight_name,
    learn,
    score_fold,
)

__all__ = ["AugmentedClassifier"]


def _positive(name: str, values: Any) -> list[float]:
    """Check numbers, and give those above zero in order."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    if not len(numbers) or not np.isfinite(numbers).all() or (numbers < 0).any():
        raise InvalidInputError(
            f"{name} must be finite numbers of at least 0, and not empty; got {name}={values!r}."
        )
    return sorted({float(number) for number in numbers if number > 0})


def _container(X: Any) -> Any:
    """Give a frame as it is, and anything else as an array of at least two dimensions."""
    if isinstance(X, pd.DataFrame):
        return X
    return check_array(X, dtype=None, ensure_all_finite=False, allow_nd=True)


def _estimator_has(name: str) -> Any:
    """Ask whether the estimator has a method, for `available_if`."""

    def check(self: AugmentedClassifier) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class AugmentedClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that adds as many synthetic rows as help, and none where none do.

    Inner cross-validation compares ratios of synthetic rows, and how much such a row counts, with
    the generator fitted inside each fold. The classifier is then fitted on all rows, real and
    synthetic; the prevalence of the classes stays as it is.

    Parameters
    ----------
    estimator : classifier
        Anything with `fit` and `predict`; also a pipeline that reads raw frames. It is cloned.
    generator : generator
        Anything with `fit` and `sample` as in :class:`~augment.TabularVAE`. It is cloned.
    ratios : array-like of float, default=(0, 0.5, 1, 2, 5)
        Synthetic rows per real row to try. 0 is always tried.
    weights : array-like of float, default=(0.3, 1.0)
        How much a synthetic row counts beside a real one, to try at each ratio. An estimator that
        takes no `sample_weight` (for a pipeline: its last step) is tried with 1 alone.
    cv : int, splitter or iterable, default=5
        Inner folds; a number means stratified folds (by group where `groups` are given), shuffled,
        and made three times for fewer than 120 rows, twice up to 200, else once. A splitter is
        used as it is.
    scoring : str or callable, default="neg_log_loss"
        What decides, as in scikit-learn: higher is better. The default floors probabilities at
        0.001, as :func:`~augment.evaluate_lift` does, lest one row decide, and passes over
        candidates that lower the ROC AUC. Any other decides alone.
    n_jobs : int, default=None
        Folds at a time. It changes no result.
    memory : str, joblib.Memory or None, default=None
        Where to keep fits of the generator, so that a search over the estimator's parameters pays
        for them once. It needs an integer `random_state`.
    random_state : None, int, RandomState or Generator, default=None
        Decides folds and draws, and seeds what has no `random_state` of its own.

    Attributes
    ----------
    best_ratio_ : float
        Synthetic rows per real row in the final fit.
    best_weight_ : float or None
        How much each of them counts; None if there are none.
    cv_results_ : dict of ndarray
        For each candidate its ``ratio``, ``weight``, ``mean_test_score``, ``mean_gain`` (over
        ratio 0) with its corrected ``standard_error``, and ``split0_test_score``, ...; by default
        ``mean_roc_auc_gain``, too. ``pandas.DataFrame(cv_results_)`` reads well.
    estimator_ : classifier
        Fitted on all rows and the synthetic ones.
    generator_ : generator or None
        Fitted on all rows; None if none of its rows are used.
    classes_ : ndarray
        The labels.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Their names, if all are strings.

    See Also
    --------
    evaluate_lift : Measures whether synthetic rows help, with intervals and controls.
    GeneratorOverSampler : Adds as many rows as balance the classes, and asks nothing.

    Notes
    -----
    **The rule.** The candidate with the best mean score is kept only if its paired gain over
    ratio 0 exceeds one standard error of that gain, corrected for the overlap of training parts
    [1]_. Then the smallest ratio within one paired standard error of it, not corrected, is taken.
    With the default scoring, candidates that lower the mean ROC AUC of the inner folds do not take
    part, and none does if the largest (ratio times weight) lowers it: rows with wrong labels lower
    the log loss of an overconfident classifier, too.

    Classes with fewer rows than folds are in every training part and are not judged. Where fewer
    than two classes can be divided at all, or an inner fold would learn from fewer than 10 rows,
    no rows are added, with a warning.

    **What this does not do.** It does not estimate how good the result is: the scores in
    `cv_results_` were used to choose. Judge it by an outer cross-validation, or with
    :func:`~augment.evaluate_lift`. The rule makes harm rare, not impossible.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52,
       2003.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from augment import AugmentedClassifier, GaussianCopula
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 3)) + y[:, None]
    >>> model = AugmentedClassifier(LogisticRegression(), GaussianCopula(), random_state=0)
    >>> model.fit(X, y).best_ratio_
    0.0
    >>> model.predict_proba(X[:2]).shape
    (2, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "generator": [HasMethods(["fit", "sample"])],
        "ratios": ["array-like"],
        "weights": ["array-like"],
        "cv": ["cv_object"],
        "scoring": [StrOptions(set(get_scorer_names())), callable],
        "n_jobs": [Integral, None],
        "memory": [str, HasMethods("cache"), None],
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        estimator: Any,
        generator: Any,
        *,
        ratios: Any = (0, 0.5, 1, 2, 5),
        weights: Any = (0.3, 1.0),
        cv: Any = 5,
        scoring: Any = "neg_log_loss",
        n_jobs: int | None = None,
        memory: Any = None,
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.generator = generator
        self.ratios = ratios
        self.weights = weights
        self.cv = cv
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.memory = memory
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, groups: Any = None) -> Self:
        """Choose how many synthetic rows to add, and fit on all rows with them.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features), or images
            The real rows. Whatever generator and estimator can read.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each real row counts. A row of weight 0 is a row that is not there.
        groups : array-like of shape (n_samples,), default=None
            The patient of each row. Rows of one patient stay on one side of each inner fold.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        InvalidInputError
            If the data or the parameters cannot be used.
        """
        self._validate_params()
        rows = self._check_rows(X, y, sample_weight, groups)
        counted = np.arange(len(rows)) if rows.weight is None else np.flatnonzero(rows.weight)
        self.classes_ = np.unique(rows.y[counted])
        seeds = spawn_seeds(seed_from(self.random_state), 4)
        task = self._task(rows)
        codes = np.unique(rows.y, return_inverse=True)[1]
        folds = plan_folds(rows.X, codes, rows.groups, counted, self.cv, seeds[0])
        fewest = min((len(train) for train, _ in folds), default=0)
        if len(task.candidates) > 1 and (len(folds) < 2 or fewest < MIN_ROWS):
            warnings.warn(
                f"With {len(rows)} rows of {len(self.classes_)} classes nothing can be compared, "
                f"so no synthetic rows are added: at least two inner folds, with {MIN_ROWS} rows "
                "to learn from and rows of two classes to be judged on, are needed.",
                SmallDataWarning,
                stacklevel=2,
            )
            task, folds = replace(task, candidates=[NOTHING]), []
        best = self._compare(task, rows, folds, seeds[1])
        self.best_ratio_, self.best_weight_ = task.candidates[best]
        self.generator_, rows = None, rows.take(counted)
        n_new = round(self.best_ratio_ * len(rows))
        if n_new and self.best_weight_ is not None:
            # As many as the largest ratio wants, so that `memory` serves whatever was chosen.
            most = round(max(ratio for ratio, _ in task.candidates) * len(rows))
            self.generator_, X_new, y_new = task.draw(task.generator, rows, most, seeds[2])
            X_new = _safe_indexing(X_new, slice(n_new))
            rows = rows.grown(X_new, y_new[:n_new], self.best_weight_)
        self.estimator_ = learn(self.estimator, rows, task.weight_name, seeds[3])
        return self

    def _check_rows(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> RealRows:
        """Check what every estimator would check."""
        validate_data(self, X=X, y=y, skip_check_array=True)
        X = _container(X)
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        check_consistent_length(X, y, groups)
        groups = None if groups is None else np.asarray(groups)
        if pd.isna(y).any() or (groups is not None and pd.isna(groups).any()):
            raise InvalidInputError(
                "Each row needs a label, and the name of its patient where groups are given; some "
                "are missing. Fill them, or drop these rows."
            )
        if sample_weight is None:
            return RealRows(X, y, None, groups)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        return RealRows(X, y, weight, groups)

    def _task(self, rows: RealRows) -> Task:
        """Check the parameters against each other, and list the candidates."""
        if not is_classifier(self.estimator):
            raise InvalidInputError(
                f"estimator must be a classifier; got {type(self.estimator).__name__}."
            )
        ratios, weights = _positive("ratios", self.ratios), _positive("weights", self.weights)
        weight_name = find_weight_name(self.estimator)
        if weight_name is None:
            weights = [1.0]
            if rows.weight is not None:
                raise InvalidInputError(
                    f"sample_weight was given, but {type(self.estimator).__name__} takes none."
                )
        pairs = [(ratio, weight) for ratio in ratios for weight in weights]
        drawn = check_memory(self.memory).cache(draw)
        scorer = find_scorer(self.estimator, self.scoring)
        candidates = [NOTHING, *pairs]
        return Task(self.estimator, self.generator, weight_name, candidates, scorer, drawn)

    def _compare(self, task: Task, rows: RealRows, folds: list[Fold], seed: int) -> int:
        """Score all candidates on all folds, write it down, and choose."""
        self.cv_results_ = {
            "ratio": np.array([ratio for ratio, _ in task.candidates]),
            "weight": np.array([weight for _, weight in task.candidates], dtype=np.float64),
        }
        if len(task.candidates) == 1:
            return 0
        jobs = zip(folds, spawn_seeds(seed, len(folds)), strict=True)
        by_fold = Parallel(n_jobs=self.n_jobs)(
            delayed(score_fold)(task, rows, fold, fold_seed) for fold, fold_seed in jobs
        )
        scores, guarded = np.array(by_fold, dtype=np.float64).transpose(2, 1, 0)
        if not np.isfinite(scores).all():
            raise InvalidInputError(
                f"scoring={self.scoring!r} gave {scores[~np.isfinite(scores)][0]} on an inner "
                "fold. Choose another scoring, or fewer folds."
            )
        weight = np.ones(len(rows)) if rows.weight is None else rows.weight
        share = float(np.mean([weight[test].sum() / weight[train].sum() for train, test in folds]))
        gain, error = paired_gain(scores - scores[0], share)
        self.cv_results_ |= {
            "mean_test_score": scores.mean(axis=1),
            "mean_gain": gain,
            "standard_error": error,
        }
        if guarded.any():
            self.cv_results_["mean_roc_auc_gain"] = (guarded - guarded[0]).mean(axis=1)
        for number, column in enumerate(scores.T):
            self.cv_results_[f"split{number}_test_score"] = column
        allowed = unharmed(guarded, [ratio * (weight or 0) for ratio, weight in task.candidates])
        return choose(scores, self.cv_results_["ratio"].tolist(), share, allowed)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Predict the label of each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features), or images
            Rows like those of `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        return self._ask("predict", X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> FloatArray:
        """Predict probabilities of shape (n_samples, n_classes), in the order of `classes_`."""
        return self._ask("predict_proba", X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> FloatArray:
        """Predict logarithms of probabilities, in the order of `classes_`."""
        return self._ask("predict_log_proba", X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> FloatArray:
        """Give the decision values of the fitted estimator."""
        return self._ask("decision_function", X)

    def _ask(self, method: str, X: Any) -> Any:
        """Hand rows to the fitted estimator."""
        check_is_fitted(self)
        rows = _container(X)
        validate_data(self, X=X, reset=False, skip_check_array=True)
        return getattr(self.estimator_, method)(rows)

    def __sklearn_tags__(self) -> Any:
        """Tell what estimator and generator both accept."""
        tags = super().__sklearn_tags__()
        both = [get_tags(part) for part in (self.estimator, self.generator)]
        for name in ("allow_nan", "string", "categorical"):
            accepted = all(getattr(part.input_tags, name) for part in both)
            setattr(tags.input_tags, name, accepted)
        tags.classifier_tags = both[0].classifier_tags
        tags.input_tags.sparse = False
        return tags

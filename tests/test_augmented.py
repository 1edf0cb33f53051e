"""The classifier that adds rows only where they help."""

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from augment import AugmentedClassifier, Bootstrap, GaussianCopula, _selection
from augment._errors import AugmentError, SmallDataWarning
from augment.evaluation import default_estimators
from augment.generators._trials import find_weight_name
from tests.evaluation.doubles import Copies, Oracle, Spy, blobs, clinical

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")

TINY = {"ratios": (0, 1), "weights": (0.5,), "cv": 2, "random_state": 0}
CLASSIFIERS = [
    AugmentedClassifier(LogisticRegression(), GaussianCopula(), **TINY),
    AugmentedClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()), Bootstrap(), **TINY, n_jobs=1
    ),
]
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights are no counts: as many rows are drawn as there are real rows"
    )
}


@parametrize_with_checks(CLASSIFIERS, expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learn_contract(estimator, check, monkeypatch):
    monkeypatch.setattr(_selection, "_MOST_REPEATS", 1)  # the contract asks nothing of the choice
    check(estimator)


class Marked(Spy):
    """Copies whose column ``position`` says that they are synthetic."""

    def sample(self, n_samples=1, *, y=None, random_state=None):
        X, labels = super().sample(n_samples, random_state=random_state)
        return X.assign(position=-1.0), labels


class Shuffled(Copies):
    """Copies with the labels of other rows: what no classifier should learn from."""

    def sample(self, n_samples=1, *, y=None, random_state=None):
        X, labels = super().sample(n_samples, random_state=random_state)
        return X, np.random.default_rng(random_state).permutation(labels)


class Judge:
    """A scorer that remembers the rows it was shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, model, X, y):
        self.seen.append(X["position"].astype(int).tolist())
        return model.score(X, y)


def numbered(n=60, seed=0):
    """Give rows that can be told apart."""
    X, y = blobs(n, 3, seed=seed)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(position=np.arange(n, dtype=float))
    return frame, np.where(y == 1, "ill", "well")


def test_no_synthetic_row_and_no_patient_is_on_both_sides():
    X, y = numbered(60)
    groups = np.repeat(np.arange(20), 3)
    Spy.seen.clear()
    judge = Judge()
    model = AugmentedClassifier(
        GaussianNB(), Marked(), ratios=(1, 2), weights=(1.0,), cv=4, scoring=judge, random_state=0
    ).fit(X, y, groups=groups)
    n_candidates = len(model.cv_results_["ratio"])
    tests = [set(rows) for rows in judge.seen[::n_candidates]]
    # 20 patients: three times 4 folds; every candidate of a fold is judged on the same rows
    assert len(tests) == 12
    assert all(set(rows) in tests for rows in judge.seen)
    assert set.union(*tests) == set(range(60))  # and no row is synthetic: those are -1
    for fit, test in zip(Spy.seen, tests, strict=False):
        assert fit["rows"] == set(range(60)) - test
        assert not set(groups[list(fit["rows"])]) & set(groups[list(test)])
        assert_array_equal(fit["groups"], groups[sorted(fit["rows"])])
    # one fit a fold for all ratios, and one on all rows if any are used
    assert len(Spy.seen) == 12 + (model.best_ratio_ > 0)


def test_useless_rows_are_not_used():
    chosen = []
    for seed in range(5):
        X, y = blobs(60, 4, distance=2.0, seed=seed)
        model = AugmentedClassifier(
            LogisticRegression(), Shuffled(), ratios=(1, 5), random_state=seed
        ).fit(X, y)
        plain = LogisticRegression().fit(X, y)
        if model.best_ratio_ == 0:
            assert model.best_weight_ is None
            assert model.generator_ is None
            assert_allclose(model.predict_proba(X), plain.predict_proba(X))
        chosen.append(model.best_ratio_)
    assert chosen == [0.0] * 5


def test_rows_that_help_are_used():
    X_test, y_test = blobs(2000, 10, seed=99)
    chosen, gains = [], []
    for seed in range(8):
        X, y = blobs(40, 10, seed=seed)
        model = AugmentedClassifier(
            LogisticRegression(), Oracle(), ratios=(1, 5), random_state=seed
        ).fit(X, y)
        plain = LogisticRegression().fit(X, y)
        chosen.append(model.best_ratio_)
        gains.append(model.score(X_test, y_test) - plain.score(X_test, y_test))
        if model.best_ratio_:
            assert model.best_weight_ in (0.3, 1.0)
            assert isinstance(model.generator_, Oracle)
    assert np.count_nonzero(chosen) >= 5
    assert np.mean(gains) > 0.01


def test_the_result_depends_on_the_seed_alone():
    X, y = blobs(50, 4, seed=2)
    learner = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5)
    model = AugmentedClassifier(
        learner, GaussianCopula(), ratios=(1,), cv=2, scoring="accuracy", random_state=3
    )
    alone, together = clone(model).fit(X, y), clone(model).set_params(n_jobs=2).fit(X, y)
    again = clone(model).fit(X, y)
    for name, column in alone.cv_results_.items():
        assert_array_equal(column, together.cv_results_[name])
        assert_array_equal(column, again.cv_results_[name])
    assert_array_equal(alone.predict_proba(X), together.predict_proba(X))
    other = clone(model).set_params(random_state=4).fit(X, y)
    assert not np.array_equal(alone.cv_results_["mean_gain"], other.cv_results_["mean_gain"])


def test_rows_that_harm_the_ranking_are_not_used_to_flatten_probabilities():
    """An overconfident tree gains log loss from wrong labels; its ranking must not pay for it."""
    chosen = {"neg_log_loss": 0, "alone": 0}
    for seed in range(4):
        X, y = blobs(60, 6, distance=1.5, seed=seed)
        tree = DecisionTreeClassifier(min_samples_leaf=5)
        for name, scoring in (("neg_log_loss", "neg_log_loss"), ("alone", flattened)):
            model = AugmentedClassifier(
                tree, Shuffled(), ratios=(5,), weights=(1,), scoring=scoring, random_state=seed
            ).fit(X, y)
            chosen[name] += model.best_ratio_ > 0
    assert chosen["alone"] == 4
    assert chosen["neg_log_loss"] <= 1


def flattened(model, X, y):
    """Give the log probability of the true class, floored, and nothing besides."""
    true = model.predict_proba(X)[np.arange(len(y)), y]
    return np.log(np.maximum(true, 0.001)).mean()


class Weighed(DummyClassifier):
    """Remembers the weights it was given."""

    def fit(self, X, y, sample_weight=None):
        self.weight_ = sample_weight
        return super().fit(X, y, sample_weight)


class Better(Judge):
    """A scorer that likes models fitted on many rows."""

    def __call__(self, model, X, y):
        last = model[-1] if hasattr(model, "steps") else model
        return 0.0 if last.weight_ is None else float(last.weight_.sum())


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_the_last_step_of_a_pipeline(routing):
    X, y = numbered(40)
    pipeline = make_pipeline(StandardScaler(), Weighed())
    settings = {"ratios": (2,), "weights": (0.5,), "cv": 4, "random_state": 0}
    model = AugmentedClassifier(pipeline, Copies(), scoring=Better(), **settings)
    given = np.repeat([1.0, 3.0], 20)
    with config_context(enable_metadata_routing=routing):
        model.fit(X, y)
        assert_allclose(model.estimator_[-1].weight_, np.repeat([1.0, 0.5], [40, 80]))
        model.fit(X, y, sample_weight=given)
    assert_allclose(model.estimator_[-1].weight_[:40], given)
    assert_allclose(model.estimator_[-1].weight_[40:], 0.5 * given.mean())
    assert (model.best_ratio_, model.best_weight_) == (2.0, 0.5)


def test_an_estimator_without_weights_tries_ratios_only():
    X, y = blobs(40, 4)
    model = AugmentedClassifier(KNeighborsClassifier(3), Bootstrap(), cv=3, random_state=0)
    model.fit(X, y)
    assert model.cv_results_["ratio"].tolist() == [0.0, 0.5, 1.0, 2.0, 5.0]
    assert model.cv_results_["weight"][1:].tolist() == [1.0] * 4
    with pytest.raises(AugmentError, match="takes none"):
        model.fit(X, y, sample_weight=np.ones(40))


@pytest.mark.parametrize("cv", [3, GroupKFold(3)])
def test_groups_are_routed(cv):
    X, y = numbered(60)
    groups = np.repeat(np.arange(20), 3)
    Spy.seen.clear()
    model = AugmentedClassifier(GaussianNB(), Marked(), ratios=(1,), cv=cv, random_state=0)
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(groups=True)
        found = cross_validate(
            model, X, y, cv=GroupKFold(4), params={"groups": groups}, error_score="raise"
        )
    assert np.isfinite(found["test_score"]).all()
    assert len(Spy.seen) >= 12
    assert all(fit["groups"] is not None for fit in Spy.seen)


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_a_splitter_that_does_not_know_of_groups_keeps_them_together():
    X, y = numbered(60)
    groups = np.repeat(np.arange(12), 5)
    Spy.seen.clear()
    splitter = StratifiedKFold(6, shuffle=True, random_state=0)
    judge = Judge()
    AugmentedClassifier(
        GaussianNB(), Marked(), ratios=(1,), weights=(1,), cv=splitter, scoring=judge
    ).fit(X, y, groups=groups)
    for fit, test in zip(Spy.seen, judge.seen[::2], strict=False):
        assert not set(groups[list(fit["rows"])]) & set(groups[test])


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (LogisticRegression(), "sample_weight"),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            "logisticregression__sample_weight",
        ),
        (
            make_pipeline(StandardScaler(), make_pipeline(GaussianNB())),
            "pipeline__gaussiannb__sample_weight",
        ),
        (GridSearchCV(make_pipeline(GaussianNB()), {}), "gaussiannb__sample_weight"),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), None),
        (make_resampling_pipeline(RandomOverSampler(), LogisticRegression()), None),
    ],
)
def test_the_learner_is_found(estimator, name):
    assert find_weight_name(estimator) == name


@pytest.mark.parametrize(
    "labels",
    [np.array([False, True]), np.array([2.0, 5.0]), pd.Index(["ill", "well"], dtype="str")],
)
def test_labels_of_any_kind_come_back(labels):
    X, y = blobs(40, 3)
    y = labels[y]
    model = clone(CLASSIFIERS[0]).set_params(estimator=Weighed(), scoring=Better()).fit(X, y)
    assert model.best_ratio_ == 1
    assert_array_equal(model.classes_, np.asarray(labels))
    assert set(model.predict(X)) <= set(labels)


def test_rare_classes_are_learned_and_not_judged():
    X, y = blobs(60, 4)
    y[:2] = 2
    model = AugmentedClassifier(LogisticRegression(), GaussianCopula(), random_state=0).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(X).shape == (60, 3)
    assert np.isfinite(model.cv_results_["mean_test_score"]).all()
    assert sum(name.startswith("split") for name in model.cv_results_) == 15


def test_too_few_rows_to_compare_add_nothing():
    X, y = blobs(30, 2)
    y[:] = 0
    y[0] = 1
    model = AugmentedClassifier(LogisticRegression(), GaussianCopula(), random_state=0)
    with pytest.warns(SmallDataWarning, match="nothing can be compared"):
        model.fit(X, y)
    assert model.best_ratio_ == 0
    assert model.cv_results_["ratio"].tolist() == [0.0]


def test_a_mixed_frame_goes_through_a_pipeline_and_a_search():
    X, y = clinical(60)
    model = AugmentedClassifier(
        default_estimators()["gradient boosting"].set_params(classify__max_iter=5),
        GaussianCopula(),
        **TINY,
    )
    grid = {"estimator__classify__max_iter": [3], "generator__random_state": [0]}
    search = GridSearchCV(model, grid, cv=2, scoring="neg_log_loss", error_score="raise")
    search.fit(X, y.astype("category"))
    best = search.best_estimator_
    assert best.feature_names_in_.tolist() == list(X)
    assert set(best.predict(X)) <= {"disease", "healthy"}
    assert "estimator" in best._repr_html_()


class Pictures(Copies):
    """Copies of images."""

    def sample(self, n_samples=1, *, y=None, random_state=None):
        rows = np.random.default_rng(random_state).integers(len(self.X_), size=n_samples)
        return self.X_[rows], self.y_[rows]


def test_images_are_served():
    y = np.repeat(["lesion", "none"], 20)
    X = np.random.default_rng(0).normal(size=(40, 1, 4, 4)) + (y == "lesion")[:, None, None, None]
    flat = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    model = AugmentedClassifier(make_pipeline(flat, Weighed()), Pictures(), **TINY)
    model.set_params(scoring=Better()).fit(X, y)
    assert model.best_ratio_ == 1
    assert model.predict_proba(X).shape == (40, 2)


def test_fits_of_the_generator_are_kept_in_memory(tmp_path):
    X, y = numbered(60)
    Spy.seen.clear()
    model = AugmentedClassifier(
        GaussianNB(), Marked(), ratios=(1,), cv=3, memory=str(tmp_path), random_state=0
    ).fit(X, y)
    fits = len(Spy.seen)
    model.set_params(estimator=LogisticRegression()).fit(X, y)
    assert 9 <= fits <= len(Spy.seen) <= fits + 1  # only a fit on all rows may be new


def test_it_accepts_what_both_parts_accept():
    forest = HistGradientBoostingClassifier()
    assert get_tags(AugmentedClassifier(forest, GaussianCopula())).input_tags.allow_nan
    assert not get_tags(CLASSIFIERS[0]).input_tags.allow_nan
    assert hasattr(AugmentedClassifier(LinearSVC(), Bootstrap()), "decision_function")
    assert not hasattr(AugmentedClassifier(LinearSVC(), Bootstrap()), "predict_proba")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"estimator": LinearRegression()}, "must be a classifier"),
        ({"estimator": LinearSVC()}, "needs predict_proba"),
        ({"ratios": (-1,)}, "at least 0"),
        ({"weights": ()}, "not empty"),
        ({"scoring": lambda model, X, y: np.nan}, "gave nan"),
    ],
)
def test_errors_say_what_to_do(settings, words):
    X, y = blobs(40, 3)
    model = clone(CLASSIFIERS[0]).set_params(**settings)
    with pytest.raises(AugmentError, match=words):
        model.fit(X, y)


def test_missing_groups_are_refused():
    X, y = blobs(40, 3)
    with pytest.raises(AugmentError, match="name of its patient"):
        clone(CLASSIFIERS[0]).fit(X, y, groups=[None, *range(39)])

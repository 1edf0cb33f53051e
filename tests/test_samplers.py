"""Any generator as an over-sampler: both conformance suites, and what users rely on."""

import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline
from imblearn.utils import estimator_checks
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.utils.estimator_checks import parametrize_with_checks

from augment import Bootstrap, GaussianCopula, GeneratorOverSampler
from augment._errors import AugmentWarning
from tests.evaluation.doubles import Spy, blobs, clinical

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")

SAMPLERS = [GeneratorOverSampler(GaussianCopula(), random_state=0)]


@parametrize_with_checks(SAMPLERS)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks.estimator_checks_generator(SAMPLERS[0])),
    ids=lambda value: getattr(getattr(value, "func", None), "__name__", None),
)
def test_imbalanced_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_param_validation,
        estimator_checks.check_dataframe_column_names_consistency,
    ],
)
def test_imbalanced_learn_checks_outside_its_suite(check):
    check("GeneratorOverSampler", SAMPLERS[0])


def unbalanced(n=60):
    """Give a mixed, incomplete table with a rare class."""
    X, y = clinical(n)
    keep = np.flatnonzero((y == "healthy") | (np.arange(n) % 3 == 0))
    return X.iloc[keep].rename(index=lambda i: f"patient {i}"), y.iloc[keep].astype("category")


@pytest.mark.filterwarnings("default::augment._errors.AugmentWarning")
def test_amounts_as_classes_are_remarked_on():
    X, amounts = blobs(60)[0], np.arange(60) // 2 + np.arange(60) % 2 * (np.arange(60) < 40)
    sampler = GeneratorOverSampler(Bootstrap(), random_state=0)
    with pytest.warns(AugmentWarning, match=r"different whole numbers.*astype\(str\)"):
        sampler.fit_resample(X, amounts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler.fit_resample(X, np.repeat([0, 1], [40, 20]))


def test_a_frame_comes_out_with_its_real_rows_first():
    X, y = unbalanced()
    y.index = X.index
    X_grown, y_grown = GeneratorOverSampler(GaussianCopula(), random_state=0).fit_resample(X, y)
    assert_frame_equal(X_grown.iloc[: len(X)], X.reset_index(drop=True))
    assert_series_equal(y_grown.iloc[: len(y)], y.reset_index(drop=True))
    assert set(y_grown.iloc[len(y) :]) == {"disease"}
    assert y_grown.value_counts().nunique() == 1
    assert X_grown.iloc[len(X) :].isna().to_numpy().any()


def test_only_the_classes_that_need_rows_are_asked_for():
    X, y = blobs(60)
    requests = []

    class Asked(Bootstrap):
        def sample(self, n_samples=1, *, y=None, random_state=None):
            requests.append(y)
            return super().sample(n_samples, y=y, random_state=random_state)

    y[:10] = 2
    counts = {label: int((y == label).sum()) for label in range(3)}
    wanted = {0: counts[0], 1: counts[1] + 3, 2: 40}
    sampler = GeneratorOverSampler(Asked(), sampling_strategy=wanted, random_state=0)
    _, y_grown = sampler.fit_resample(X, y)
    assert requests == [{1: 3, 2: 30}]
    assert np.bincount(y_grown).tolist() == list(wanted.values())


def test_nothing_is_fitted_where_nothing_is_wanted():
    X, y = blobs(40)
    sampler = GeneratorOverSampler(GaussianCopula(), random_state=0)
    sampler.fit_resample(X[1:], y[1:])
    assert hasattr(sampler, "generator_")
    X_grown, y_grown = sampler.fit_resample(X, y)
    assert_array_equal(X_grown, X)
    assert_array_equal(y_grown, y)
    assert not hasattr(sampler, "generator_")


def test_many_numbered_classes_stay_classes():
    X = np.random.default_rng(0).normal(size=(110, 2))
    y = np.append(np.repeat(np.arange(25), 4), np.zeros(10, dtype=int))
    _, y_grown = GeneratorOverSampler(GaussianCopula(), random_state=0).fit_resample(X, y)
    assert np.bincount(y_grown).tolist() == [14] * 25
    assert y_grown.dtype == y.dtype


def test_the_seed_decides_all():
    X, y = blobs(41)
    grown = [
        GeneratorOverSampler(
            GaussianCopula(), sampling_strategy={0: 50}, random_state=seed
        ).fit_resample(X, y)[0][41:]
        for seed in (0, 0, 1)
    ]
    assert_array_equal(grown[0], grown[1])
    assert not np.array_equal(grown[0], grown[2])


class CountedSpy(Spy):
    """A spy that answers counts per label."""

    def sample(self, n_samples=1, *, y=None, random_state=None):
        rows = np.concatenate(
            [np.flatnonzero(np.asarray(self.y_) == label)[:n] for label, n in y.items()]
        )
        return self.X_.iloc[rows], np.asarray(self.y_)[rows]


def test_in_a_pipeline_no_tested_row_reaches_the_generator():
    X, y = unbalanced(90)
    X = X.reset_index(drop=True).assign(position=lambda frame: np.arange(len(frame), dtype=float))
    Spy.seen.clear()
    pipeline = Pipeline(
        [
            ("grow", GeneratorOverSampler(CountedSpy(), random_state=0)),
            ("classify", HistGradientBoostingClassifier(max_iter=3, random_state=0)),
        ]
    )
    numbers = X[["position", "age", "smoker"]]
    found = cross_validate(pipeline, numbers, y, cv=3, return_indices=True, error_score="raise")
    assert np.isfinite(found["test_score"]).all()
    for fit, train in zip(Spy.seen, found["indices"]["train"], strict=True):
        assert fit["rows"] == set(train.tolist())


def test_images_are_served():
    X = np.random.default_rng(0).normal(size=(30, 1, 4, 4)).astype(np.float32)
    y = np.repeat(["lesion", "none"], [10, 20])

    class Pictures(CountedSpy):
        def fit(self, X, y=None):
            self.X_, self.y_ = pd.Series(list(X)), y
            return self

        def sample(self, n_samples=1, *, y=None, random_state=None):
            X_new, y_new = super().sample(n_samples, y=y, random_state=random_state)
            return np.stack(X_new.tolist()), y_new

    X_grown, y_grown = GeneratorOverSampler(Pictures(), random_state=0).fit_resample(X, y)
    assert X_grown.shape == (40, 1, 4, 4)
    assert X_grown.dtype == np.float32
    assert (y_grown[30:] == "lesion").all()


def test_a_grid_search_tunes_the_generator():
    X, y = blobs(60)
    X, y = pd.DataFrame(X).add_prefix("x"), np.where(np.arange(60) < 15, "rare", "common")
    pipeline = Pipeline(
        [
            ("grow", GeneratorOverSampler(GaussianCopula(), random_state=0)),
            ("classify", LogisticRegression()),
        ]
    )
    grid = {"grow__generator__schema": [None, {"x0": "numeric"}]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="roc_auc", error_score="raise")
    assert np.isfinite(search.fit(X, y).best_score_)

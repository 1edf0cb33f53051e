"""The default classifiers on mixed, incomplete tables with rare classes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from augment._errors import InvalidInputError, InvalidTypeError
from augment.evaluation.classifiers import CalibratedSVM, candidates, default_estimators
from augment.evaluation.preparation import TidyColumns, dense_preparation
from tests.evaluation.doubles import clinical

SIX = ("logistic regression", "random forest", "gradient boosting", "SVM", "k-NN", "MLP")


def test_names():
    assert tuple(default_estimators()) == SIX


@pytest.mark.parametrize("name", SIX)
@pytest.mark.filterwarnings("ignore")
def test_mixed_incomplete_tables_and_rare_classes(name):
    X, y = clinical(60)
    y = y.to_numpy().astype(object)
    y[0], y[1], y[2] = "once", "twice", "twice"
    estimator = default_estimators()[name].fit(X, y)
    other, _ = clinical(20, seed=1)
    other["sex"] = "unheard of"
    other["age"] = np.nan
    proba = estimator.predict_proba(other)
    assert proba.shape == (20, 4)
    assert proba.sum(axis=1) == pytest.approx(np.ones(20))
    assert set(estimator.predict(other)) <= set(y)


def test_preparation_keeps_what_matters():
    X, _ = clinical(40)
    dense = dense_preparation().fit(X)
    matrix = dense.transform(X)
    assert np.isfinite(matrix).all()
    tidy = TidyColumns().fit(X)
    assert tidy.numeric_ == [True, True, False, False, False, True, True, True]
    native = TidyColumns("native").fit_transform(X)
    assert str(native["3"].dtype) == "category"
    assert native["1"].isna().sum() == X["age"].isna().sum()
    assert native["5"].diff().abs().max() < 1000  # days


def test_arrays_and_odd_names():
    X = np.random.default_rng(0).normal(size=(20, 3))
    assert dense_preparation().fit_transform(X).shape == (20, 3)
    frame = pd.DataFrame(X, columns=[0, "größe", ("a", 1)])
    assert dense_preparation().fit_transform(frame).shape == (20, 3)


def test_svm_is_calibrated_and_serves_single_rows():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 100)
    X = rng.normal(size=(200, 4)) + 0.8 * y[:, None]
    proba = CalibratedSVM(random_state=0).fit(X, y).predict_proba(X)
    assert abs(proba[:, 1].mean() - 0.5) < 0.05
    y[0] = 2
    assert CalibratedSVM(random_state=0).fit(X, y).predict_proba(X).shape == (200, 3)


def test_bare_classifiers_get_a_preparation_and_pipelines_keep_theirs():
    bare = LogisticRegression()
    own = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(own, {"logisticregression__C": [1.0]})
    found = candidates([bare, clone(bare), own, search], is_table=True)
    names = [c.name for c in found]
    assert names == [
        "LogisticRegression",
        "LogisticRegression 2",
        "LogisticRegression 3",
        "GridSearchCV",
    ]
    assert found[0].preparation_key == found[1].preparation_key != ""
    assert found[2].prepare.steps[0][0] == "standardscaler"
    assert found[3].prepare is None
    assert candidates(bare, is_table=False)[0].prepare is None


def test_equal_preparations_are_shared():
    keys = [c.preparation_key for c in candidates(None, is_table=True)]
    assert len(set(keys)) == 2


@pytest.mark.parametrize(
    ("estimators", "error", "words"),
    [
        ([], InvalidInputError, "at least one classifier"),
        ({"ridge": RidgeClassifier()}, InvalidInputError, "predict_proba"),
        ([StandardScaler()], InvalidInputError, "must be a classifier"),
        ("forest", InvalidTypeError, "list or a dict"),
        (3, InvalidTypeError, "list or a dict"),
    ],
)
def test_bad_estimators(estimators, error, words):
    with pytest.raises(error, match=words):
        candidates(estimators, is_table=True)


def test_images_have_defaults_of_their_own():
    found = candidates(None, is_table=False)
    assert [c.name for c in found] == ["small CNN", "logistic regression"]
    assert found[0].prepare is None

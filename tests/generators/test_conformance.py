"""Laws that every generator of tables keeps."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import augment
from tests.estimators import EXPECTED_FAILURES, GENERATORS

pytestmark = [
    pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning"),
    pytest.mark.usefixtures("short_warm_start"),
]


@parametrize_with_checks(GENERATORS, expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def patients(n=60, seed=0):
    """Give a small clinical table with every kind of column, and labels."""
    rng = np.random.default_rng(seed)
    sick = rng.random(n) < 0.4
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 80, n),
            "creatinine": np.round(rng.lognormal(0, 0.4, n) + sick, 2),
            "sex": pd.Categorical(rng.choice(["f", "m"], n), categories=["m", "f", "other"]),
            "stage": pd.Categorical(
                rng.choice(["I", "II", "III"], n), categories=["I", "II", "III"], ordered=True
            ),
            "smoker": rng.random(n) < 0.3,
            "site": rng.choice(["Köln", "Paris"], n),
            "visit": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
            "grade": pd.array(rng.integers(1, 4, n), dtype="Int64"),
        }
    )
    frame.loc[rng.random(n) < 0.2, "creatinine"] = np.nan
    frame.loc[rng.random(n) < 0.2, "site"] = None
    frame.loc[rng.random(n) < 0.2, "grade"] = pd.NA
    return frame, pd.Series(np.where(sick, "sick", "well"), name="outcome")


@pytest.fixture(scope="module", params=GENERATORS, ids=lambda g: type(g).__name__)
def fitted(request):
    X, y = patients()
    return clone(request.param).fit(X, y)


def test_a_frame_comes_back_with_its_columns_dtypes_levels_and_ranges(fitted):
    X, y = patients()
    X_new, y_new = fitted.sample(200, random_state=1)
    assert len(X_new) == len(y_new) == 200
    assert list(X_new.columns) == list(X.columns)
    assert_series_equal(X_new.dtypes, X.dtypes)
    assert y_new.name == y.name
    assert y_new.dtype == y.dtype
    assert set(y_new) == {"sick", "well"}
    for name in ("age", "creatinine", "visit"):
        assert X_new[name].min() >= X[name].min()
        assert X_new[name].max() <= X[name].max()
    assert set(X_new["sex"].cat.categories) == {"m", "f", "other"}
    assert set(X_new["site"].dropna()) <= {"Köln", "Paris"}
    two_decimals = X_new["creatinine"].dropna()
    np.testing.assert_allclose(two_decimals, two_decimals.round(2))


def test_prevalence_is_kept(fitted):
    _, y = patients()
    _, y_new = fitted.sample(2000, random_state=3)
    assert abs((y_new == "sick").mean() - (y == "sick").mean()) < 0.01


@pytest.mark.parametrize("n_short", [1, 7, 1023, 1024, 1025])
def test_a_short_request_is_the_beginning_of_a_long_one(fitted, n_short):
    X_long, y_long = fitted.sample(1500, random_state=5)
    X_short, y_short = fitted.sample(n_short, random_state=5)
    assert_frame_equal(X_short, X_long.iloc[:n_short])
    assert_series_equal(y_short, y_long.iloc[:n_short])


def test_none_draws_fresh_rows_and_a_seed_repeats_them(fitted):
    first, second = fitted.sample(50)[0], fitted.sample(50)[0]
    assert not first.equals(second)
    assert_frame_equal(fitted.sample(9, random_state=2)[0], fitted.sample(9, random_state=2)[0])


def test_labels_and_counts_and_rows_can_be_asked_for(fitted):
    assert set(fitted.sample(5, y="sick")[1]) == {"sick"}
    _, counted = fitted.sample(y={"sick": 3, "well": 2})
    assert counted.value_counts().to_dict() == {"sick": 3, "well": 2}
    wanted = pd.Series(["well", "sick", "well"], name="outcome")
    assert fitted.sample(y=wanted)[1].tolist() == wanted.tolist()


def test_the_global_random_streams_are_untouched(fitted):
    X, y = patients()
    np_state, torch_state = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    clone(fitted).fit(X, y).sample(3)
    assert_array_equal(np.random.get_state()[1], np_state)
    assert torch.equal(torch.random.get_rng_state(), torch_state)


def test_same_seed_same_model_and_refit_is_a_fresh_fit(fitted):
    X, y = patients()
    other, other_y = patients(seed=9)
    again = clone(fitted).fit(other, other_y).fit(X, y)
    assert_frame_equal(again.sample(40, random_state=0)[0], fitted.sample(40, random_state=0)[0])


def test_a_saved_model_gives_the_same_rows(fitted, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    loaded = augment.load(path)
    assert type(loaded) is type(fitted)
    assert loaded.get_params() == fitted.get_params()
    X_new, y_new = fitted.sample(300, random_state=4)
    X_loaded, y_loaded = loaded.sample(300, random_state=4)
    assert_frame_equal(X_loaded, X_new)
    assert_series_equal(y_loaded, y_new)


def test_without_y_there_is_none(fitted):
    X, _ = patients()
    rows, none = clone(fitted).fit(X).sample(4, random_state=0)
    assert none is None
    assert len(rows) == 4


def test_a_continuous_target_keeps_its_name_and_range(fitted):
    X, _ = patients()
    target = pd.Series(np.linspace(0.05, 1.0, len(X)) ** 2, name="dose")
    _, y_new = clone(fitted).fit(X, target).sample(100, random_state=0)
    assert y_new.name == "dose"
    assert y_new.between(target.min(), target.max()).all()


def test_a_frame_of_conditions_is_honoured(fitted):
    X, y = patients()
    conditions = pd.DataFrame({"outcome": y, "dose": np.linspace(0, 1, len(y))})
    model = clone(fitted).fit(X, conditions)
    _, drawn = model.sample(30, random_state=0)
    assert list(drawn.columns) == ["outcome", "dose"]
    _, fixed = model.sample(4, y={"outcome": "sick", "dose": 0.5}, random_state=0)
    assert set(fixed["outcome"]) == {"sick"}
    np.testing.assert_allclose(fixed["dose"], 0.5, atol=0.02)


def test_arrays_in_arrays_out(fitted):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)).astype(np.float32)
    y = rng.integers(0, 2, 40)
    X_new, y_new = clone(fitted).fit(X, y).sample(6, random_state=0)
    assert isinstance(X_new, np.ndarray)
    assert X_new.dtype == X.dtype
    assert isinstance(y_new, np.ndarray)
    assert y_new.dtype == y.dtype


@pytest.mark.parametrize("lonely", [1, 2])
def test_a_class_of_one_or_two_rows_is_served(fitted, lonely):
    X, y = patients()
    y = y.copy()
    y.iloc[:lonely] = "rare"
    _, y_new = clone(fitted).fit(X, y).sample(5, y="rare", random_state=0)
    assert set(y_new) == {"rare"}


def test_parameters_are_json(fitted):
    json.dumps(fitted.get_params())

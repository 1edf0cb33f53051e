"""Fingerprints of rows: equal rows are known again, and nothing of them leaves the process."""

import copy

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.base import clone

import augment
from augment import GaussianCopula
from augment.generators._seen import SeenRows


@given(arrays.arrays(np.float64, (6, 3), elements=st.floats(-1e6, 1e6, width=32)))
def test_rows_are_known_in_any_container(values):
    seen = SeenRows(values)
    frame = pd.DataFrame(values, columns=list("abc"))
    assert seen.matches(frame).all()
    assert SeenRows(frame).matches(frame[["c", "a", "b"]]).all()
    assert SeenRows(frame.astype(object)).matches(values).all()
    assert not seen.matches(values + 1e7).any()


def test_a_file_gives_equal_rows_back(tmp_path):
    frame = pd.DataFrame(
        {
            "weight": np.random.default_rng(0).normal(70, 10, 20),
            "visits": pd.array([1, None] * 10, dtype="Int64"),
            "smoker": [True, False] * 10,
            "stage": pd.Categorical(["I", "II"] * 10),
        }
    )
    frame.to_csv(tmp_path / "rows.csv", index=False)
    assert SeenRows(frame).matches(pd.read_csv(tmp_path / "rows.csv")).all()


def test_images_are_known():
    images = np.random.default_rng(0).random((5, 1, 8, 8))
    seen = SeenRows(images)
    assert seen.matches(images.astype(np.float32)).all()
    assert not seen.matches(images + 0.01).any()


def test_equal_rows_have_other_fingerprints_in_another_fit():
    rows = np.arange(12.0).reshape(4, 3)
    assert not SeenRows(rows)._digests & SeenRows(rows)._digests


@pytest.mark.parametrize(
    "again",
    [
        lambda model, path: (joblib.dump(model, path), joblib.load(path))[1],
        lambda model, _: copy.deepcopy(model),
        lambda model, _: clone(model),
        lambda model, path: (model.save(path), augment.load(path))[1],
    ],
    ids=["pickle", "deepcopy", "clone", "file"],
)
def test_fingerprints_stay_with_the_fitted_object(again, tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = GaussianCopula().fit(X)
    assert model._seen_rows.matches(X).all()
    assert again(model, tmp_path / "m.safetensors")._seen_rows is None


def test_a_failed_fit_leaves_none():
    model = GaussianCopula().fit(np.random.default_rng(0).normal(size=(40, 3)))
    with pytest.raises(ValueError, match="at least 10"):
        model.fit(np.random.default_rng(0).normal(size=(3, 3)))
    assert model._seen_rows is None

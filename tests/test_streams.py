"""A long request, cut anywhere and drawn by anybody, gives the rows of `sample`."""

import warnings

import numpy as np
import pandas as pd
import pytest

import augment
from augment import workflow
from augment._random import BLOCK

GENERATORS = {
    "bootstrap": {},
    "gaussian_copula": {},
    "jitter": {},
    "smote": {},
    "tabular_gan": {"max_steps": 5, "n_members": 2},
    "tabular_vae": {"max_steps": 5, "n_members": 2},
}


def cohort(n: int = 80):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": rng.normal(60, 9, n).round(),
            "sex": rng.choice(["f", "m"], n),
            "lactate": np.where(rng.random(n) < 0.2, np.nan, rng.gamma(2, 1, n)),
        }
    )
    return X, pd.Series(rng.choice(["ill", "well"], n), name="outcome")


@pytest.mark.parametrize("kind", ["labels", "target", "frame", "none"])
@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_pieces_are_parts_of_one_request(name, kind):
    X, y = cohort()
    conditions = {
        "labels": y,
        "target": pd.Series(X["age"] + 0.5, name="outcome"),
        "frame": pd.DataFrame({"outcome": y, "years": X["age"] + 0.5}),
        "none": None,
    }[kind]
    if kind != "labels" and name not in ("gaussian_copula", "smote"):
        pytest.skip("conditions are drawn by the same code for all")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generator = workflow.make_generator(name, random_state=0, **GENERATORS[name])
        generator.fit(X, conditions)
        whole = pd.concat(workflow.draw_rows(generator, 2 * BLOCK + 100, None, 7, 10**6))
        pieces = list(workflow.draw_rows(generator, 2 * BLOCK + 100, None, 7, 100))
        rows, _ = generator.sample(2 * BLOCK + 100, random_state=7)
    assert [len(piece) for piece in pieces] == [BLOCK, BLOCK, 100]
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), whole)
    pd.testing.assert_frame_equal(whole[rows.columns], rows)


def test_several_processes_draw_the_same_rows():
    X, y = cohort()
    generator = augment.GaussianCopula(random_state=0).fit(X, y)
    found = [
        pd.concat(workflow.draw_rows(generator, 5 * BLOCK, None, 7, BLOCK, n_jobs))
        for n_jobs in (1, 2)
    ]
    pd.testing.assert_frame_equal(*found)


def test_images_stream_too():
    X = np.random.default_rng(0).random((40, 1, 8, 8))
    generator = augment.ImageVAE(max_steps=2, random_state=0).fit(X, np.repeat([0, 1], 20))
    whole, labels = generator.sample(BLOCK + 20, random_state=1)
    part, own = generator._sample_part(BLOCK, BLOCK + 20, None, 1)
    np.testing.assert_array_equal(part, whole[BLOCK:])
    np.testing.assert_array_equal(own, labels[BLOCK:])


def test_parquet_is_written_in_pieces_with_one_schema(tmp_path):
    pytest.importorskip("pyarrow")
    X, y = cohort()
    X["stage"] = pd.Categorical(["I", "II"] * 40, categories=["I", "II", "III"])
    generator = augment.GaussianCopula(random_state=0).fit(X, y)
    pieces = workflow.draw_rows(generator, 3 * BLOCK, None, 0, BLOCK)
    workflow.write_table(pieces, tmp_path / "rows.parquet", mark=False)
    rows, labels = generator.sample(3 * BLOCK, random_state=0)
    expected = rows.assign(outcome=labels.to_numpy())
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), expected)

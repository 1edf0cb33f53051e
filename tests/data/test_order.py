"""A date that is never before another stays so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment import Bootstrap, GaussianCopula, TabularVAE, load
from augment.data import TableSchema
from tests.data.wild import fitted


def stays(n=80, seed=0):
    rng = np.random.default_rng(seed)
    admitted = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 900_000, n), unit="m")
    frame = pd.DataFrame({"age": rng.integers(20, 90, n), "admitted": admitted})
    frame["operated"] = admitted + pd.to_timedelta(rng.integers(30, 3000, n), unit="m")
    frame["discharged"] = (
        frame["operated"] + pd.to_timedelta(rng.integers(1, 15, n), unit="D")
    ).dt.floor("D")
    frame["died"] = (
        frame["discharged"] + pd.to_timedelta(rng.integers(0, 40, n), unit="D")
    ).dt.strftime("%d.%m.%Y")
    frame.loc[rng.random(n) < 0.4, "died"] = None
    return frame


def as_dates(frame):
    died = pd.to_datetime(frame["died"], format="%d.%m.%Y")
    return frame[["admitted", "operated", "discharged"]].assign(died=died)


def in_order(frame):
    dates = as_dates(frame)
    pairs = zip(dates.columns[:-1], dates.columns[1:], strict=True)
    return all((~(dates[b] < dates[a].dt.floor("D"))).all() for a, b in pairs)


def test_each_date_is_held_by_the_nearest_one_before_it():
    schema = TableSchema.infer(stays())
    held = {column.name: column.since for column in schema.columns if column.since is not None}
    assert held == {"operated": "admitted", "discharged": "operated", "died": "discharged"}
    assert TableSchema.from_dict(schema.to_dict()) == schema


@pytest.mark.parametrize("seed", range(3))
def test_real_rows_come_back_as_they_were(seed):
    frame = stays(seed=seed)
    schema = TableSchema.infer(frame)
    pd.testing.assert_frame_equal(schema.restore(schema.conform(frame)), frame)


def test_whatever_is_decoded_is_in_order_and_inside_the_range():
    frame, nowhere = stays(200), np.zeros(3000, dtype=np.int64)
    schema, _, encoder = fitted(frame, np.zeros(200, dtype=np.int64), 1)
    scores, noise = 2 * np.random.default_rng(0).standard_normal((2, 3000, encoder.n_scores))
    made = schema.restore(encoder.inverse_transform(scores, nowhere, noise))
    assert in_order(made)
    real, dates = as_dates(frame), as_dates(made)
    assert (dates.min() >= real.min().dt.floor("D")).all()
    assert (dates.max() <= real.max()).all()


@pytest.mark.parametrize("generator", [GaussianCopula(), TabularVAE(max_steps=20, n_members=2)])
def test_stays_are_as_long_as_they_were(generator, tmp_path):
    frame = stays(200)
    made, _ = generator.set_params(random_state=0).fit(frame).sample(500, random_state=0)
    assert in_order(made)
    assert list(made.dtypes) == list(frame.dtypes)
    real, drawn = (as_dates(each) for each in (frame, made))
    for name in ("operated", "discharged"):
        length, expected = drawn[name] - drawn["admitted"], real[name] - real["admitted"]
        assert abs(length.mean() - expected.mean()) < 0.15 * expected.mean()
    generator.save(tmp_path / "m.safetensors")
    again, _ = load(tmp_path / "m.safetensors").sample(500, random_state=0)
    pd.testing.assert_frame_equal(again, made)


def test_copies_are_exact():
    frame = stays()
    made, _ = Bootstrap().fit(frame).sample(50, random_state=0)
    assert made.merge(frame, how="left", indicator=True)["_merge"].eq("both").all()


def test_independent_or_declared_dates_are_held_by_none():
    rng, start = np.random.default_rng(0), pd.Timestamp("2020-01-01")
    apart = pd.DataFrame({"a": rng.integers(0, 300, 80), "b": rng.integers(400, 900, 80)})
    mixed = pd.DataFrame(rng.integers(0, 900, (80, 2)), columns=["a", "b"])
    for frame in (apart, mixed):
        dates = frame.apply(lambda days: start + pd.to_timedelta(days, unit="D"))
        assert [column.since for column in TableSchema.infer(dates).columns] == [None, None]
    declared = {"operated": {"upper": "2030-01-01"}}
    assert TableSchema.infer(stays(), declared)["operated"].since is None

"""Exact relations are found, kept, and not imagined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import TableSchema
from augment.data.columns import Column, LinearRelation
from augment.data.relations import keep_relations
from tests.data.wild import fitted


def found(frame):
    return [str(relation) for relation in TableSchema.infer(frame).relations]


def normal(n=60, names="abcd", decimals=2, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(80, 12, (n, len(names))).round(decimals), columns=list(names))


def with_column(position, name, make, **arguments):
    frame = normal(**arguments)
    frame.insert(position, name, make(frame))
    return frame


@pytest.mark.parametrize("position", [0, 1, 2, 4])
def test_a_total_is_found_wherever_it_stands(position):
    frame = with_column(position, "total", lambda f: (f.a + f.b).round(2))
    assert found(frame) == ["total = a + b"]


CASES = {
    "difference": (lambda f: (f.b - f.a).round(2), ["b = a + t"]),
    "total of all": (lambda f: f.sum(axis=1).round(2), ["t = a + b + c + d"]),
    "copy": (lambda f: f.c, ["t = c"]),
    "unit": (lambda f: (f.c * 1.8 + 32).round(2), ["t = 1.8 × c + 32"]),
    "unit, odd factor": (lambda f: (f.c / 18.018).round(6), ["t = 0.0555 × c"]),
    "rounded mean": (lambda f: ((f.a + 2 * f.b) / 3).round(0), ["t = 0.333333 × a + 0.666667 × b"]),
    "full precision": (lambda f: f.a * 0.37 - f.d * 2.2 + 1, ["t = 0.37 × a - 2.2 × d + 1"]),
}


@pytest.mark.parametrize(("make", "expected"), CASES.values(), ids=CASES.keys())
def test_relations_found(make, expected):
    assert found(with_column(4, "t", make)) == expected


def test_a_total_of_grades_and_dummies():
    rng = np.random.default_rng(0)
    grades = pd.DataFrame(rng.integers(0, 4, (60, 8)), columns=list("abcdefgh"))
    grades["total"] = grades.sum(axis=1)
    assert found(grades) == ["total = a + b + c + d + e + f + g + h"]
    dummies = pd.get_dummies(pd.Series(rng.choice(list("xyz"), 60))).astype(int)
    dummies["age"] = rng.integers(20, 90, 60)
    assert found(dummies) == ["z = - x - y + 1"]


def test_two_relations_share_a_term():
    frame = normal()
    frame["s"], frame["t"] = (frame.a + frame.b).round(2), (frame.b + frame.c).round(2)
    assert found(frame) == ["s = a + b", "t = b + c"]


def test_a_stay_in_hospital_leads_from_admission_to_discharge():
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 9000, 80), unit="h")
    hours = rng.integers(5, 400, 80)
    frame = pd.DataFrame(
        {
            "admitted": start,
            "discharged": start + pd.to_timedelta(hours, unit="h"),
            "stay": pd.to_timedelta(hours, unit="h"),
            "days": hours / 24,
        }
    )
    assert found(frame) == ["discharged = admitted + stay", "days = 0.0416667 × stay"]
    schema, _, encoder = fitted(frame, np.zeros(80, dtype=np.int64), 1)
    scores = 2 * np.random.default_rng(1).standard_normal((500, encoder.n_scores))
    made = schema.restore(encoder.inverse_transform(scores, np.zeros(500, dtype=np.int64)))
    pd.testing.assert_series_equal(
        made["stay"], made["discharged"] - made["admitted"], check_names=False, check_dtype=False
    )
    assert list(made.dtypes) == list(frame.dtypes)


def test_a_flag_that_repeats_or_denies_another():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((60, 2)) < 0.4, columns=["smoker", "diabetic"])
    frame["treated"], frame["never smoked"] = frame.diabetic, ~frame.smoker
    frame["weight"] = rng.normal(70, 9, 60)
    assert found(frame) == ["treated = diabetic", "never smoked = - smoker + 1"]


def test_flags_do_not_hide_a_relation_of_numbers():
    frame = with_column(4, "t", lambda f: (f.a + f.b).round(2))
    flags = np.random.default_rng(0).random((60, 40)) < 0.5
    frame = pd.concat([pd.DataFrame(flags).add_prefix("flag"), frame], axis=1)
    assert found(frame) == ["t = a + b"]


def test_incomplete_rows_do_not_hide_a_relation():
    frame = with_column(2, "t", lambda f: (f.a + f.b).round(2), n=200)
    rng = np.random.default_rng(1)
    frame = frame.mask(rng.random(frame.shape) < 0.1)
    frame["mostly empty"] = np.where(rng.random(200) < 0.9, np.nan, rng.normal(size=200))
    assert found(frame) == ["t = a + b"]


def test_one_row_that_differs_is_enough():
    frame = with_column(4, "t", lambda f: (f.a + f.b).round(2))
    frame.loc[17, "t"] += 0.5
    assert found(frame) == []


@pytest.mark.parametrize("decimals", [0, 3])
def test_single_precision(decimals):
    frame = with_column(4, "t", lambda f: f.a + f.b, decimals=decimals).astype("float32")
    assert found(frame) == ["t = a + b"]


def test_no_relation_is_imagined():
    rng = np.random.default_rng(0)
    for _ in range(50):
        shape = 60, int(rng.integers(2, 45))
        frame = pd.DataFrame(rng.integers(0, rng.choice([2, 3, 4, 6, 20]), shape)).add_prefix("c")
        assert found(frame) == []
        assert found(frame > 0) == []


def test_strong_but_inexact_dependence_is_no_relation():
    frame = normal(n=300)
    rng = np.random.default_rng(1)
    frame["t"] = (frame.a + frame.b + rng.normal(0, 0.2, 300)).round(2)
    assert found(frame) == []


def test_rare_flags_that_coincide_are_no_relation():
    flags = np.zeros((60, 3))
    flags[[3, 8], 0] = flags[[3, 8], 1] = flags[40, 2] = 1
    assert found(pd.DataFrame(flags).add_prefix("f")) == []


def test_too_few_rows_prove_nothing():
    assert found(with_column(4, "t", lambda f: (f.a + f.b).round(2), n=25)) == []


def test_sampled_rows_keep_relation_and_range():
    frame = with_column(0, "t", lambda f: (f.a + f.b).round(2), n=100)
    frame["grade"] = np.random.default_rng(3).integers(0, 4, 100)
    frame["points"] = frame["grade"] + 2 * np.random.default_rng(4).integers(0, 3, 100)
    schema, _, encoder = fitted(frame, np.zeros(100, dtype=np.int64), 1)
    assert len(schema.relations) == 1
    rng = np.random.default_rng(0)
    scores, noise = 2 * rng.standard_normal((2, 5000, encoder.n_scores))
    made = encoder.inverse_transform(scores, np.zeros(5000, dtype=np.int64), noise)
    np.testing.assert_allclose(made["t"], made["a"] + made["b"], atol=0.011)
    for name in "tab":
        assert made[name].between(frame[name].min(), frame[name].max()).all()
        np.testing.assert_array_equal(made[name], made[name].round(2))


def test_dummies_stay_dummies():
    dummies = pd.get_dummies(pd.Series(["x", "y", "z", "z"] * 20)).astype(int)
    dummies["age"] = np.random.default_rng(0).integers(20, 90, 80)
    schema, _, encoder = fitted(dummies, np.zeros(80, dtype=np.int64), 1)
    scores = np.random.default_rng(0).standard_normal((1000, encoder.n_scores))
    made = schema.restore(encoder.inverse_transform(scores, np.zeros(1000, dtype=np.int64)))
    made = made[list("xyz")]
    assert (made.sum(axis=1) == 1).all()
    assert made.isin([0, 1]).all(axis=None)


def test_terms_give_way_in_turn():
    columns = [
        Column("t", "numeric", "int64", decimals=0, lower=0.0, upper=10.0),
        Column("a", "numeric", "int64", decimals=0, lower=0.0, upper=8.0),
        Column("b", "numeric", "int64", decimals=0, lower=6.0, upper=9.0),
    ]
    values = np.array([[0.0, 0.0], [8.0, 3.0], [9.0, 7.0]])
    keep_relations(columns, [LinearRelation("t", (("a", 1.0), ("b", 1.0)))], values)
    assert values.tolist() == [[10, 10], [1, 3], [9, 7]]


def test_missing_totals_keep_their_mask():
    frame = with_column(0, "t", lambda f: (f.a + f.b).round(2), n=120)
    frame.loc[::3, "t"] = np.nan
    _, canonical, encoder = fitted(frame, np.zeros(120, dtype=np.int64), 1)
    assert "t (missing)" in encoder.score_names
    assert "t" not in encoder.score_names
    scores, _ = encoder.transform(canonical, np.zeros(120, dtype=np.int64))
    back = encoder.inverse_transform(scores, np.zeros(120, dtype=np.int64))
    assert (back["t"].isna() == frame["t"].isna()).all()

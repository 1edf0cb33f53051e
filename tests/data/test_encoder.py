"""Laws of the table codec."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from augment._errors import InvalidInputError
from augment.data import TableEncoder, TableSchema
from tests.data.wild import fitted, tables

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")


def numbers_beyond(schema, canonical):
    """Where a number lies beyond the smoothed ends, or an exact relation is recomputed."""
    targets = {relation.target for relation in schema.relations}
    beyond = np.zeros(canonical.shape, dtype=bool)
    for i, column in enumerate(schema.columns):
        if column.is_number:
            values = canonical.iloc[:, i]
            beyond[:, i] = (values < column.lower) | (values > column.upper)
            beyond[:, i] |= column.name in targets
    return beyond


@settings(max_examples=80)
@given(tables(), st.sampled_from([0.0, 1.0]), st.booleans())
def test_decoding_undoes_encoding(table, pooling, random):
    frame, strata, n_strata = table
    schema, canonical, encoder = fitted(frame, strata, n_strata, pooling=pooling)
    for where in (strata, np.full(len(frame), n_strata)):
        rng = np.random.default_rng(0) if random else None
        scores, observed = encoder.transform(canonical, where, rng)
        assert np.isfinite(scores).all()
        assert (scores[~observed] == 0).all()
        back = encoder.inverse_transform(scores, where)
        # the mask comes back exactly, and so do levels
        assert (back.isna().to_numpy() == canonical.isna().to_numpy()).all()
        for i, column in enumerate(schema.columns):
            if not column.is_number:
                assert back.iloc[:, i].equals(canonical.iloc[:, i])
    # numbers come back with the pooled margin wherever they lie inside its ends
    inside = ~numbers_beyond(schema, canonical) & canonical.notna().to_numpy()
    for i, column in enumerate(schema.columns):
        rows = inside[:, i]
        given_, got = canonical.iloc[rows, i].to_numpy(), back.iloc[rows, i].to_numpy()
        if column.is_number and column.decimals is not None:
            np.testing.assert_array_equal(got, given_)
        else:
            size = np.ptp(given_) if len(given_) else 0.0
            np.testing.assert_allclose(got, given_, rtol=1e-7, atol=1e-8 * size)


@settings(max_examples=60)
@given(tables(), st.integers(0, 2**32 - 1))
def test_samples_keep_dtypes_levels_and_ranges(table, seed):
    frame, strata, n_strata = table
    schema, _, encoder = fitted(frame, strata, n_strata)
    rng = np.random.default_rng(seed)
    n = 50
    scores, noise = 3 * rng.standard_normal((2, n, encoder.n_scores))
    sampled = schema.restore(
        encoder.inverse_transform(scores, rng.integers(0, n_strata + 1, n), noise)
    )
    assert (sampled.dtypes == frame.dtypes).all()
    for name in frame:
        real, made = frame[name].dropna(), sampled[name].dropna()
        if schema[name].is_number:
            assert (made >= real.min()).all()
            assert (made <= real.max()).all()
        else:
            assert set(made) <= set(real)
        if not frame[name].isna().any():
            assert sampled[name].notna().all()


@settings(max_examples=30)
@given(tables(), st.integers(0, 2**32 - 1))
def test_each_row_is_decoded_by_itself(table, seed):
    _, _, encoder = fitted(*table)
    rng = np.random.default_rng(seed)
    scores, noise = rng.standard_normal((2, 40, encoder.n_scores))
    strata = rng.integers(0, table[2] + 1, 40)
    whole = encoder.inverse_transform(scores, strata, noise)
    some = rng.permutation(40)[:7]
    part = encoder.inverse_transform(scores[some], strata[some], noise[some])
    pd.testing.assert_frame_equal(whole.iloc[some].reset_index(drop=True), part, check_exact=True)


@settings(max_examples=20)
@given(tables())
def test_state_survives_json_and_arrays(table):
    _, canonical, encoder = fitted(*table)
    again = TableEncoder.from_state(stored(encoder.get_state()))
    assert again.score_names == encoder.score_names
    one, two = (e.transform(canonical, table[1])[0] for e in (encoder, again))
    np.testing.assert_array_equal(one, two)
    one, two = (e.inverse_transform(one, table[1], one) for e in (encoder, again))
    pd.testing.assert_frame_equal(one, two)


def stored(state):
    """Send a state through JSON; arrays pass as bytes, as in a model file."""
    if isinstance(state, np.ndarray):
        return np.frombuffer(state.tobytes(), state.dtype).reshape(state.shape)
    if isinstance(state, dict):
        assert all(isinstance(key, str) for key in state)
        return {key: stored(value) for key, value in state.items()}
    if isinstance(state, list):
        return [stored(value) for value in state]
    return json.loads(json.dumps(state))


def test_random_scores_are_standard_normal():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": rng.exponential(size=2000),
            "count": rng.poisson(3, 2000),
            "grade": rng.choice(["a", "b", "c"], 2000, p=[0.7, 0.2, 0.1]),
            "holes": np.where(rng.random(2000) < 0.3, np.nan, rng.normal(size=2000)),
        }
    )
    _, canonical, encoder = fitted(frame, np.zeros(2000, dtype=np.int64), 1)
    scores, observed = encoder.transform(canonical, np.zeros(2000, dtype=np.int64), rng)
    assert encoder.score_names == ["x", "count", "grade", "holes", "holes (missing)"]
    assert encoder.score_columns[-1] == ("holes", "missing")
    assert observed[:, -1].all()
    for k in range(encoder.n_scores):
        assert kstest(scores[observed[:, k], k], "norm").pvalue > 0.01


def test_columns_without_a_score():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=50).round(3), "b": rng.normal(size=50).round(3)})
    frame["sum"] = (frame["a"] + frame["b"]).round(3)
    frame["constant"], frame["empty"] = 1, np.nan
    frame["flag"] = np.where(rng.random(50) < 0.5, "seen", None)
    schema, canonical, encoder = fitted(frame, np.zeros(50, dtype=np.int64), 1)
    assert encoder.score_names == ["a", "b", "flag (missing)"]
    scores, _ = encoder.transform(canonical, np.zeros(50, dtype=np.int64), rng)
    back = schema.restore(encoder.inverse_transform(scores, np.zeros(50, dtype=np.int64)))
    assert back["flag"].equals(frame["flag"])
    np.testing.assert_allclose(back["sum"], back["a"] + back["b"], atol=1e-9)


def test_few_valued_numbers_decode_to_observed_values():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"dose": rng.choice([0, 5, 7, 40], 100)})
    schema, _, encoder = fitted(frame, np.zeros(100, dtype=np.int64), 1)
    scores, noise = rng.standard_normal((2, 500, 1))
    back = encoder.inverse_transform(scores, np.zeros(500, dtype=np.int64), noise)
    assert set(schema.restore(back)["dose"]) == {0, 5, 7, 40}


def test_a_single_extreme_of_few_values_joins_its_neighbour():
    frame = pd.DataFrame({"births": np.r_[np.tile(np.arange(8), 10), 17], "flag": [0] * 80 + [1]})
    _, canonical, encoder = fitted(frame, np.zeros(81, dtype=np.int64), 1)
    state = encoder.get_state()["margins"]
    assert state[0]["values"].max() == 7
    assert state[1]["values"].tolist() == [0, 1]
    scores, _ = encoder.transform(canonical, np.zeros(81, dtype=np.int64))
    back = encoder.inverse_transform(scores, np.zeros(81, dtype=np.int64))
    assert back["births"].tolist() == [*frame["births"][:80], 7]
    assert back["flag"].tolist() == frame["flag"].tolist()


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([0] * 39 + [1] * 20 + [347.25], [0, 1]),
        ([0] * 39 + [1] * 20 + [900], [0, 1]),
        ([0.5] * 39 + [1] * 20 + [0.25], [0.5, 1]),
        ([0] * 39 + [1] * 20 + [4], [0, 1, 4]),
        ([1] * 39 + [2] * 16 + [347.25] * 5, [1, 2, 347.25]),
    ],
)
def test_a_rare_extreme_is_kept_as_a_grade_only(values, kept):
    _, _, encoder = fitted(pd.DataFrame({"x": values}), np.zeros(60, dtype=np.int64), 1)
    assert encoder.get_state()["margins"][0]["values"].tolist() == kept
    scores = np.linspace(-5, 5, 400)[:, None]
    back = encoder.inverse_transform(scores, np.zeros(400, dtype=np.int64))
    assert sorted(set(back["x"])) == kept


def test_margins_tell_strata_apart():
    rng = np.random.default_rng(0)
    strata = np.repeat([0, 1], 100)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=200) + 2 * strata,
            "c": np.where(rng.random(200) < 0.2 + 0.6 * strata, "a", "b"),
            "gone": np.where(rng.random(200) < 0.9 * strata, np.nan, rng.normal(size=200)),
        }
    )
    _, canonical, encoder = fitted(frame, strata, 2)
    right = encoder.log_margins(canonical, strata)
    wrong = encoder.log_margins(canonical, 1 - strata)
    assert right.shape == (200, encoder.n_scores) == (200, 4)
    for k in (0, 1, 3):
        assert right[:, k].sum() > wrong[:, k].sum() + 10
    assert (right[canonical["gone"].isna(), 2] == 0).all()


def test_strata_have_margins_of_their_own_and_pooling_draws_them_together():
    rng = np.random.default_rng(0)
    strata = np.repeat([0, 1], 100)
    frame = pd.DataFrame(
        {"x": rng.normal(size=200) + 3 * strata, "b": rng.random(200) < 0.1 + 0.8 * strata}
    )
    zeros = np.zeros((1000, 2))
    zeros[:, 1] = rng.standard_normal(1000)

    def gap(**arguments):
        _, _, encoder = fitted(frame, strata, 2, **arguments)
        made = [encoder.inverse_transform(zeros, np.full(1000, s)) for s in (0, 1, 2)]
        assert made[0]["x"].mean() < made[2]["x"].mean() < made[1]["x"].mean()
        assert made[0]["b"].mean() < made[2]["b"].mean() < made[1]["b"].mean()
        return made[1]["x"].mean() - made[0]["x"].mean()

    assert 2.5 < gap(pooling=1.0) < gap(pooling=0.0) < 3.5
    assert gap(separation=0.5) == pytest.approx(0.5 * gap(), rel=0.1)


def test_a_class_of_one_or_two_rows_is_served():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=30), "c": rng.choice(list("ab"), 30)})
    strata = np.r_[np.zeros(27, int), 1, 2, 2]
    _, canonical, encoder = fitted(frame, strata, 3)
    scores, _ = encoder.transform(canonical, strata)
    assert np.isfinite(scores).all()
    scores = rng.standard_normal((100, 2))
    one = encoder.inverse_transform(scores, np.ones(100, dtype=np.int64))
    pooled = encoder.inverse_transform(scores, np.full(100, 3))
    assert one.equals(pooled)  # nothing of the single row is in its margins


def test_small_strata_are_known_and_saved():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=40)})
    frame.loc[::3, "x"] = np.nan
    strata = np.r_[np.zeros(20, int), np.ones(4, int), np.full(5, 2), np.full(11, 4)]
    schema = TableSchema.infer(frame)
    weights = np.r_[np.ones(29), np.zeros(7), np.ones(4)]  # four rows of stratum 4 count
    encoder = TableEncoder(schema).fit(schema.conform(frame), strata, 5, weights)
    assert encoder.small_strata.tolist() == [False, True, False, True, True, True]
    again = TableEncoder.from_state(stored(encoder.get_state()))
    assert again.small_strata.dtype == bool
    assert again.small_strata.tolist() == encoder.small_strata.tolist()
    scores = rng.standard_normal((50, encoder.n_scores))
    small, pooled = (encoder.inverse_transform(scores, np.full(50, s)) for s in (4, 5))
    pd.testing.assert_frame_equal(small, pooled)


def test_weights_move_the_margins():
    frame = pd.DataFrame({"x": np.arange(100.0) + 0.5, "c": ["a", "b"] * 50})
    schema = TableSchema.infer(frame)
    strata, canonical = np.zeros(100, dtype=np.int64), schema.conform(frame)
    weights = np.where(np.arange(100) < 50, 0.0, 1.0)
    encoder = TableEncoder(schema).fit(canonical, strata, 1, weights)
    back = encoder.inverse_transform(np.zeros((1, 2)), strata[:1])
    assert back["x"].iloc[0] == pytest.approx(75, abs=1)


@pytest.mark.parametrize("arguments", [{"max_knots": 1}, {"pooling": -1}, {"separation": 2}])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(InvalidInputError, match=next(iter(arguments))):
        TableEncoder(TableSchema(()), **arguments)

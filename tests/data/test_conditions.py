"""What a generator is told about each row, and how requests are read."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment._errors import AugmentError, AugmentWarning, InvalidInputError, InvalidTypeError
from augment.data import ConditionEncoder, Conditions
from augment.data._copula import StratumCopula
from augment.data._pooling import MIN_STRATUM_ROWS
from augment.data.conditions import stream_uniforms
from tests.data.test_encoder import stored

RNG = np.random.default_rng(0)
N = 60
LABELS = {
    "ints": RNG.integers(0, 3, N),
    "int8": RNG.integers(0, 3, N).astype(np.int8),
    "floats": RNG.integers(1, 4, N).astype(float),
    "bools": RNG.random(N) < 0.4,
    "text": RNG.choice(["benign", "malignant"], N),
    "objects": RNG.choice(["a", "b"], N).astype(object),
    "object bools": (RNG.random(N) < 0.4).astype(object),
    "list": RNG.choice(["a", "b"], N).tolist(),
    "one label": np.full(N, "x"),
    "series": pd.Series(RNG.choice(["a", "b"], N), name="diagnosis", index=np.arange(N) + 7),
    "series of ints": pd.Series(RNG.integers(0, 2, N), name=3),
    "nullable": pd.Series(RNG.integers(0, 2, N), dtype="Int64"),
    "nullable bools": pd.Series(RNG.random(N) < 0.5, dtype="boolean"),
    "category": pd.Series(
        pd.Categorical(RNG.choice(["lo", "hi"], N), ["lo", "never", "hi"], ordered=True)
    ),
    "bare category": pd.Categorical(np.tile(["lo", "hi"], N // 2), ["lo", "never", "hi"]),
    "category of ints": pd.Categorical(np.tile([3, 1], N // 2)),
    "target": RNG.normal(size=N),
    "float32 target": pd.Series(RNG.normal(size=N).astype(np.float32), name="t"),
    "date target": pd.Series(pd.date_range("2020", periods=N)),
    "frame": pd.DataFrame({
        "dx": RNG.choice(["a", "b"], N),
        "age": RNG.normal(60, 9, N).round(1),
        "scanner": pd.Categorical(RNG.choice(["S1", "S2"], N), ["S1", "S2", "S3"]),
        "smoker": RNG.random(N) < 0.3,
        "stage": RNG.integers(1, 5, N),
        "score": RNG.normal(size=N),
    }),
    "one column": pd.DataFrame({"dx": RNG.choice(["a", "b"], N)}),
}  # fmt: skip


def same(one, two):
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, two)
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, two)
    elif isinstance(two, pd.Categorical):
        pd.testing.assert_extension_array_equal(one, two)
    else:
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)


def plain(y):
    return (
        np.array(y)
        if isinstance(y, list)
        else y.reset_index(drop=True)
        if hasattr(y, "index")
        else y
    )


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS.keys())
def test_conditions_come_back_in_their_container(y):
    encoder = ConditionEncoder().fit(y)
    known = encoder.encode(y)
    assert known.strata.dtype == np.int64
    assert known.strata.max() < encoder.n_strata
    assert known.features.dtype == np.float32
    assert known.features.shape == (N, encoder.n_features)
    assert np.isfinite(known.features).all()
    same(encoder.decode(known.strata, known.features, known.values), plain(y))
    if encoder.kind == "labels":
        same(encoder.decode(known.strata, known.features), plain(y))
        np.testing.assert_array_equal(encoder.classes_, np.unique(np.asarray(y)))
    drawn = encoder.draw(30, 0, 1)
    new = encoder.decode(drawn.strata, drawn.features, drawn.values)
    assert type(new) is type(plain(y))
    assert getattr(new, "name", None) == getattr(plain(y), "name", None)
    assert len(new) == 30


@pytest.mark.parametrize("y", [None, *LABELS.values()], ids=["none", *LABELS.keys()])
def test_the_stream_has_the_prefix_property_and_survives_a_file(y):
    encoder = ConditionEncoder().fit(y)
    whole = encoder.draw(2100, 0, 5)
    for again in (encoder, ConditionEncoder.from_state(stored(encoder.get_state()))):
        for start, stop in ((0, 7), (1000, 1100), (2047, 2100)):
            part = again.draw(stop - start, start, 5)
            np.testing.assert_array_equal(part.strata, whole.strata[start:stop])
            np.testing.assert_array_equal(part.features, whole.features[start:stop])
    other = encoder.draw(2100, 0, 6)
    if encoder.n_strata > 1:
        assert (other.strata != whole.strata).any()


@settings(max_examples=30)
@given(st.integers(0, 2**63 - 1), st.integers(1, 400), st.floats(0.01, 0.99))
def test_short_requests_keep_the_prevalence(seed, n, share):
    y = np.arange(1000) < 1000 * share
    drawn = ConditionEncoder().fit(y).draw(n, 0, seed)
    assert abs((drawn.strata == 1).sum() - n * y.mean()) <= 3 + np.log(n)


def test_the_uniforms_of_the_stream_choose_the_strata():
    encoder = ConditionEncoder().fit(["a", "b", "b", "b"])
    uniform = stream_uniforms(50, 1000, 3)
    assert ((uniform >= 0) & (uniform < 1)).all()
    np.testing.assert_array_equal(uniform[7:], stream_uniforms(43, 1007, 3))
    np.testing.assert_array_equal(encoder.draw(50, 1000, 3).strata, uniform >= 0.25)


def test_kinds():
    kinds = {name: ConditionEncoder().fit(y).kind for name, y in LABELS.items()}
    assert [name for name, kind in kinds.items() if kind == "target"] == [
        "target", "float32 target", "date target"
    ]  # fmt: skip
    assert [name for name, kind in kinds.items() if kind == "frame"] == ["frame", "one column"]
    assert ConditionEncoder().fit(None).kind == "none"


def test_whole_numbers_with_many_values_are_a_target_with_a_warning():
    with pytest.warns(AugmentWarning, match="21 different values"):
        assert ConditionEncoder().fit(np.arange(21)).kind == "target"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ConditionEncoder().fit(np.arange(20)).kind == "labels"
        assert ConditionEncoder().fit(LABELS["frame"]).kind == "frame"


def test_features_of_a_frame():
    y = LABELS["frame"]
    encoder = ConditionEncoder().fit(y)
    known = encoder.encode(y)
    # dx 2, scanner 2 (only those seen), smoker 2, stage 4, then age and score
    assert encoder.n_features == 2 + 2 + 2 + 4 + 2
    assert encoder.n_continuous == 2
    assert (known.features[:, :10].sum(axis=1) == 4).all()
    np.testing.assert_array_equal(known.features[:, 0], y["dx"] == "a")
    rank = np.corrcoef(known.features[:, 10], y["age"])[0, 1]
    assert rank > 0.95
    shuffled = y[y.columns[::-1]]
    np.testing.assert_array_equal(encoder.encode(shuffled).features, known.features)


def test_combinations_never_seen_take_the_pooled_stratum():
    y = pd.DataFrame({"a": ["x", "x", "y"] * 5, "b": [0, 1, 0] * 5})
    encoder = ConditionEncoder().fit(y)
    assert encoder.n_strata == 3
    assert encoder.encode(pd.DataFrame({"a": ["y"], "b": [1]})).strata.tolist() == [3]


def test_drawn_conditions_keep_their_dependence():
    rng = np.random.default_rng(0)
    dx = rng.choice(["a", "b"], 400, p=[0.8, 0.2])
    age = rng.normal(50, 5, 400) + 20 * (dx == "b")
    y = pd.DataFrame({"dx": dx, "age": age, "dose": 2 * age + rng.normal(0, 5, 400)})
    encoder = ConditionEncoder().fit(y)
    drawn = encoder.draw(2000, 0, 0)
    new = encoder.decode(drawn.strata, drawn.features, drawn.values)
    assert (new["dx"] == "b").mean() == pytest.approx((dx == "b").mean(), abs=0.01)
    gap = new.groupby("dx")["age"].mean().diff().iloc[-1]
    assert 15 < gap < 22
    assert new[["age", "dose"]].corr().iloc[0, 1] > 0.9
    assert new["age"].between(age.min(), age.max()).all()


def law_with(rows, n_rows=44):
    """Give the law of two conditions where stratum 1 holds ``rows``, and 0 ``n_rows`` others."""
    rng = np.random.default_rng(0)
    scores = np.vstack([rng.normal(size=(n_rows, 2)), rows])
    strata = np.r_[np.zeros(n_rows, dtype=int), np.ones(len(rows), dtype=int)]
    return StratumCopula.fit(scores, strata, 2, np.ones(len(scores)))


@pytest.mark.parametrize("n_rows", [1, 4])
def test_rows_of_a_small_stratum_have_no_part_in_the_law(n_rows):
    one, two = (law_with(np.full((n_rows, 2), value)) for value in (2.0, -1.5))
    np.testing.assert_array_equal(one.means, two.means)
    np.testing.assert_array_equal(one.factors, two.factors)
    np.testing.assert_array_equal(one.means[1], one.means[2])
    np.testing.assert_array_equal(one.factors[1], one.factors[2])


def test_a_stratum_of_enough_rows_has_a_law_of_its_own():
    law = law_with(np.random.default_rng(1).normal(2, 0.3, (MIN_STRATUM_ROWS, 2)))
    assert (law.means[1] > law.means[2] + 0.3).all()
    assert (law.factors[1] != law.factors[2]).any()


def test_many_small_strata_share_the_law_of_all_rows():
    scores = np.random.default_rng(0).normal(1, 1, (30, 1))
    law = StratumCopula.fit(scores, np.arange(30) // 3, 10, np.ones(30))
    np.testing.assert_allclose(law.means, scores.mean())
    assert len(np.unique(law.factors)) == 1


def test_rows_of_no_weight_do_not_make_a_stratum_large():
    scores, strata = np.random.default_rng(0).normal(size=(60, 1)), np.arange(60) // 30
    weights = np.where((strata == 0) | (np.arange(60) == 59), 1.0, 0.0)
    law = StratumCopula.fit(scores, strata, 2, weights)
    np.testing.assert_array_equal(law.means[1], law.means[2])


def test_weights_are_prevalence():
    encoder = ConditionEncoder().fit(["a", "b"] * 20, np.tile([1.0, 3.0], 20))
    assert (encoder.draw(1000, 0, 0).strata == 1).mean() == pytest.approx(0.75, abs=0.01)


LABELLED = ConditionEncoder().fit(["benign", "malignant", "benign"])
TARGETED = ConditionEncoder().fit([1.5, 2.5, 3.5, 9.0])
FRAMED = ConditionEncoder().fit(pd.DataFrame({"dx": ["a", "b", "a"], "age": [50.5, 60, 70]}))
FREE = ConditionEncoder().fit(None)

REQUESTS = {
    "draws": (LABELLED, 5, None, 5),
    "numpy int": (LABELLED, np.int64(5), None, 5),
    "one label": (LABELLED, 3, "malignant", ["malignant"] * 3),
    "counts": (LABELLED, 1, {"malignant": 2, "benign": 1}, ["malignant", "malignant", "benign"]),
    "count of none": (LABELLED, 1, {"malignant": 1, "benign": 0}, ["malignant"]),
    "array": (LABELLED, 1, np.array(["benign", "malignant"]), ["benign", "malignant"]),
    "series": (LABELLED, 1, pd.Series(["benign"], index=[9]), ["benign"]),
    "number that agrees": (LABELLED, 2, ["benign", "benign"], ["benign", "benign"]),
    "one target": (TARGETED, 2, 2.25, [2.25, 2.25]),
    "targets beyond the range": (TARGETED, 1, [-4.0, 99.0], [-4.0, 99.0]),
    "fixed condition": (FRAMED, 2, {"age": 55.5, "dx": "b"}, [["b", 55.5]] * 2),
    "frame": (FRAMED, 1, pd.DataFrame({"age": [51.0], "dx": ["a"]}), [["a", 51.0]]),
}


@pytest.mark.filterwarnings("ignore:y asks for the target of 99")
@pytest.mark.parametrize(("encoder", "n", "y", "expected"), REQUESTS.values(), ids=REQUESTS.keys())
def test_requests(encoder, n, y, expected):
    answer = encoder.request(n, y)
    if isinstance(expected, int):
        assert answer == expected
    else:
        assert isinstance(answer, Conditions)
        new = encoder.decode(answer.strata, answer.features, answer.values)
        assert np.asarray(new).tolist() == expected


AGED = ConditionEncoder().fit(
    pd.DataFrame(
        {
            "dx": ["a", "b"] * 50,
            "age": np.linspace(20.5, 80.5, 100),
            "seen": pd.date_range("2020-01-01", periods=100),
        }
    )
)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"age": 400.0}, r"condition 'age' of 400, .*range, 21\.7\d* to 79\.2\d*; 2 of 2 rows"),
        ({"age": -7.0}, "condition 'age' of -7, "),
        ({"seen": pd.Timestamp("2031-05-01")}, "'seen' of 2031-05-01 .*range, 2020-01-03"),
    ],
)
def test_conditions_far_outside_the_range_are_served_with_a_warning(given, words):
    wanted = {"dx": "a", "age": 50.0, "seen": pd.Timestamp("2020-02-01"), **given}
    with pytest.warns(AugmentWarning, match=words) as caught:
        found = AGED.request(2, wanted)
    assert len(caught) == 1
    back = AGED.decode(found.strata, found.features, found.values)
    assert back.iloc[0].to_dict() == wanted


def test_a_target_far_outside_the_range_warns_once_and_a_near_one_never():
    targets = np.linspace(0.5, 99.5, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder = ConditionEncoder().fit(targets)
        encoder.encode([1e6])  # rows known, not asked for
        encoder.request(1, [0.5, 99.5, 106.0])
    with pytest.warns(AugmentWarning, match="the target of 500, .*; 2 of 3 rows") as caught:
        encoder.request(1, [50.0, 200.0, 500.0])
    assert len(caught) == 1


REFUSED = {
    "zero": (FREE, 0, None, InvalidInputError, "n_samples=0"),
    "negative": (FREE, -3, None, InvalidInputError, "n_samples=-3"),
    "bool": (FREE, True, None, InvalidTypeError, "n_samples=True"),
    "float": (FREE, 2.0, None, InvalidTypeError, "n_samples=2.0"),
    "text": (FREE, "5", None, InvalidTypeError, "n_samples='5'"),
    "none": (FREE, None, None, InvalidTypeError, "n_samples=None"),
    "y without y": (FREE, 1, ["a"], InvalidInputError, "fitted without y"),
    "unknown label": (
        LABELLED, 1, "Malignant", InvalidInputError,
        "unknown label 'Malignant'; known are.*Did you mean 'malignant'",
    ),
    "unknown number": (
        ConditionEncoder().fit([1, 2, 1]),
        1,
        np.array([12]),
        InvalidInputError,
        r"unknown label 12; known are \[1, 2\]\.$",
    ),
    "unknown in an array": (LABELLED, 1, ["benign", "x"], InvalidInputError, "unknown label 'x'"),
    "unknown in counts": (LABELLED, 1, {"x": 2}, InvalidInputError, "unknown label 'x'"),
    "missing label": (LABELLED, 1, ["benign", None], InvalidInputError, "contains NaN"),
    "two numbers": (LABELLED, 7, ["benign"] * 3, InvalidInputError, "3 rows and n_samples=7"),
    "counts and a number": (LABELLED, 7, {"benign": 3}, InvalidInputError, "n_samples=7"),
    "counts that are none": (LABELLED, 1, {"benign": 0}, InvalidInputError, "no rows"),
    "negative count": (LABELLED, 1, {"benign": -1}, InvalidInputError, "-1 for 'benign'"),
    "broken count": (LABELLED, 1, {"benign": 1.5}, InvalidTypeError, "1.5 for 'benign'"),
    "counts of a target": (TARGETED, 1, {1.5: 2}, InvalidTypeError, "counts"),
    "text as a target": (TARGETED, 1, ["old"], InvalidInputError, "'old'"),
    "infinite target": (TARGETED, 1, [np.inf], InvalidInputError, "infinity"),
    "labels for a frame": (FRAMED, 1, ["a"], InvalidInputError, "must be a DataFrame"),
    "a frame for labels": (
        LABELLED, 1, pd.DataFrame({"y": ["benign"]}), InvalidInputError, "must be one label"
    ),
    "a condition is missing": (FRAMED, 1, {"dx": "a"}, InvalidInputError, r"missing: \['age'\]"),
    "a condition too many": (
        FRAMED, 1, {"dx": "a", "age": 50.0, "sex": 1}, InvalidInputError, r"unexpected: \['sex'\]"
    ),
    "unknown condition": (
        FRAMED, 1, {"dx": "c", "age": 50.0}, InvalidInputError, "unknown condition 'dx' 'c'"
    ),
    "no rows": (LABELLED, 1, [], InvalidInputError, "empty"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("encoder", "n", "y", "error", "words"), REFUSED.values(), ids=REFUSED.keys()
)
def test_refused_requests(encoder, n, y, error, words):
    with pytest.raises(error, match=words) as caught:
        encoder.request(n, y)
    assert isinstance(caught.value, AugmentError)


BAD_Y = {
    "missing": ([1.0, np.nan], InvalidInputError, "Input y contains NaN.*row 1.*Drop"),
    "missing text": (pd.Series(["a", None], name="dx"), InvalidInputError, "contains NaN"),
    "missing in a frame": (pd.DataFrame({"a": ["x", None]}), InvalidInputError, "'a'"),
    "infinite": ([1.5, np.inf], InvalidInputError, "Input y contains infinity"),
    "complex": (np.array([1j, 2]), InvalidInputError, "Complex data not supported"),
    "mixed": ([1, "a"], InvalidInputError, "mixes types: int, str"),
    "two columns": (np.zeros((5, 2)), InvalidInputError, "1d array"),
    "empty": ([], InvalidInputError, "empty"),
    "a single value": ("malignant", InvalidTypeError, "single value 'malignant'"),
    "duplicate conditions": (
        pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), InvalidInputError, "unique"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("y", "error", "words"), BAD_Y.values(), ids=BAD_Y.keys())
def test_refused_at_fit(y, error, words):
    with pytest.raises(error, match=words):
        ConditionEncoder().fit(y)


def test_a_column_vector_is_flattened_with_the_usual_warning():
    with pytest.warns(UserWarning, match="column-vector y was passed when a 1d array"):
        encoder = ConditionEncoder().fit(np.array([[0], [1], [1]]))
    assert encoder.kind == "labels"

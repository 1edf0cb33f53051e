"""Tables that are refused, each with words that name the place and the remedy."""

from __future__ import annotations

import datetime as dt
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from augment._errors import AugmentError, AugmentWarning, InvalidInputError, InvalidTypeError
from augment.data import TableSchema

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")
N = 40


def frame(name="bad", **columns):
    return pd.DataFrame({"age": np.arange(N) % 7 + 0.5, **columns})


BAD = {
    "no rows": (frame().iloc[:0], InvalidInputError, r"0 sample\(s\) \(shape=\(0, 1\)\).*empty"),
    "no columns": (
        np.empty((12, 0)),
        InvalidInputError,
        r"0 feature\(s\) \(shape=\(12, 0\)\) while a minimum of 1 is required",
    ),
    "one dimension": (
        np.arange(5.0),
        InvalidInputError,
        "Expected 2D array, got 1D.*Reshape your data",
    ),
    "three dimensions": (np.zeros((2, 2, 2)), InvalidInputError, "Expected 2D array, got 3D"),
    "ragged": ([[1, 2], [3]], InvalidInputError, "same length"),
    "sparse": (sparse.csr_matrix(np.eye(3)), InvalidTypeError, "[Ss]parse.*toarray"),
    "a path": ("table.csv", InvalidTypeError, "load_table"),
    "None": (None, InvalidTypeError, "DataFrame"),
    "a dict": ({"a": [1]}, InvalidTypeError, "DataFrame"),
    "structured": (
        np.array([[(1, 2.0)]], dtype=[("a", int), ("b", float)]),
        InvalidTypeError,
        "structured",
    ),
    "duplicate names": (
        pd.DataFrame(np.ones((3, 3)), columns=["a", "b", "a"]),
        InvalidInputError,
        r"unique.*\['a'\].*Rename",
    ),
    "complex array": (np.ones((3, 2)) * 1j, InvalidInputError, "Complex data not supported"),
    "complex column": (frame(bad=np.ones(N) * 1j), InvalidInputError, "Complex data.*'bad'"),
    "complex objects": (
        frame(bad=pd.Series([1j, 2] * (N // 2), dtype=object)),
        InvalidInputError,
        "Complex data.*'bad'",
    ),
    "infinite": (
        frame(bad=np.r_[np.inf, np.ones(N - 1)]),
        InvalidInputError,
        "infinity.*'bad', row 0.*Replace",
    ),
    "infinite array": (np.array([[1.0], [-np.inf]]), InvalidInputError, "infinity.*'x0', row 1"),
    "mixed types": (
        frame(bad=pd.Series([1, "a"] * (N // 2), dtype=object)),
        InvalidInputError,
        "'bad' mixes types: int, str.*astype",
    ),
    "bools and text": (
        frame(bad=pd.Series([True, "no"] * (N // 2), dtype=object)),
        InvalidInputError,
        "'bad' mixes types: bool, str",
    ),
    "dicts": (
        frame(bad=[{"foo": "bar"}] * N),
        InvalidTypeError,
        "'bad'.*dict.*argument must be a string or a number",
    ),
    "bytes": (frame(bad=[b"a", b"b"] * (N // 2)), InvalidInputError, "'bad' holds bytes.*decode"),
    "periods": (
        frame(bad=pd.period_range("2020", periods=N, freq="M")),
        InvalidInputError,
        "'bad' holds period.*to_timestamp",
    ),
    "times of day": (
        frame(bad=[f"{7 + i // 6:02d}:{i % 6}5" for i in range(N)]),
        InvalidInputError,
        r"'bad' holds times of day, such as '07:05'.*\+ ':00'\)\.dt.*--ignore",
    ),
    "times of day as objects": (
        frame(bad=[dt.time(8, i % 60) for i in range(N)]),
        InvalidInputError,
        "'bad' holds time values.*to_timedelta.*--ignore",
    ),
    "identifier": (
        frame(bad=[f"P{i:04d}" for i in range(N)]),
        InvalidInputError,
        "'bad' looks like an identifier or free text.*[Dd]rop it.*schema={'bad': 'categorical'}",
    ),
    "identifier category": (
        frame(bad=pd.Categorical([f"P{i:04d}" for i in range(N)])),
        InvalidInputError,
        "'bad' looks like an identifier",
    ),
    "free text": (
        frame(bad=[f"Patient {i} fell on the way to the {i}th floor." for i in range(N)]),
        InvalidInputError,
        "'bad' looks like an identifier or free text",
    ),
    "numbered rows": (frame(patient_id=range(N)), InvalidInputError, "'patient_id' looks like"),
    "index column": (
        pd.DataFrame({"Unnamed: 0": range(N), "a": np.arange(N) % 3}),
        InvalidInputError,
        "'Unnamed: 0' looks like an identifier.*'numeric'",
    ),
    "10,000 levels": (
        pd.DataFrame({"bad": [f"c{i % 10_000}" for i in range(30_000)]}),
        InvalidInputError,
        "'bad' looks like an identifier.*10000 different",
    ),
    "levels of strange objects": (
        frame(bad=pd.Categorical([frozenset([1]), frozenset([2])] * (N // 2))),
        InvalidTypeError,
        "astype",
    ),
}


@pytest.mark.parametrize(("table", "error", "words"), BAD.values(), ids=BAD.keys())
def test_refused_at_fit(table, error, words):
    with pytest.raises(error, match=words) as caught:
        TableSchema.infer(table)
    assert isinstance(caught.value, AugmentError)


GOOD = pd.DataFrame(
    {
        "age": np.arange(N) % 7 + 0.5,
        "sex": ["f", "m"] * (N // 2),
        "seen": pd.date_range("2020", periods=N),
    }
)

UNLIKE = {
    "missing column": (GOOD.drop(columns="age"), r"feature names.*missing: \['age'\]"),
    "extra column": (GOOD.assign(x=1), r"unexpected: \['x'\]"),
    "misspelt column": (GOOD.rename(columns={"age": "Age"}), "Did you mean 'age'"),
    "other order": (GOOD[["sex", "age", "seen"]], "another order"),
    "wrong width": (np.ones((2, 5)), r"X has 5 features, but .* is expecting 3 features as input"),
    "text in a number": (
        GOOD.assign(age=["7", "old"] * (N // 2)),
        "'age' must hold numbers.*'old'",
    ),
    "unknown level": (GOOD.assign(sex="F"), "'sex' has no level 'F'.*'f', 'm'"),
    "infinite": (GOOD.assign(age=np.inf), "infinity.*'age', row 0"),
    "no date": (GOOD.assign(seen="soon"), "'seen' must hold dates"),
    "no rows": (GOOD.iloc[:0], "0 sample"),
}


@pytest.mark.parametrize(("table", "words"), UNLIKE.values(), ids=UNLIKE.keys())
def test_refused_after_fit(table, words):
    with pytest.raises(InvalidInputError, match=words):
        TableSchema.infer(GOOD).conform(table)


def test_tables_of_other_packages_are_refused_with_the_cure():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"age": np.arange(float(N)), "sex": ["f", "m"] * (N // 2)})
    with pytest.raises(InvalidTypeError, match=r"got pyarrow Table\. Pass X\.to_pandas\(\)"):
        TableSchema.infer(table)


def test_digits_as_text_are_numbers_after_fit():
    schema = TableSchema.infer(GOOD)
    assert schema.conform(GOOD.assign(age="7"))["age"].eq(7).all()


TEXTS = {
    "unknown": lambda number: "?" if number % 9 == 0 else str(number),
    "detection limit": lambda number: f"<{number}" if number % 3 == 0 else str(number),
    "unit": lambda number: f"{number} mg/dl",
    "thousands": lambda number: f"{number * 1000:,}",
    "text": str,
}


@pytest.mark.parametrize("write", TEXTS.values(), ids=TEXTS.keys())
def test_numbers_in_text_are_told_from_identifiers(write):
    numbers = np.random.default_rng(0).permutation(np.arange(100, 160))
    frame = pd.DataFrame({"lab": [write(int(number)) for number in numbers]})
    with pytest.raises(InvalidInputError, match=r"'lab' holds numbers.*to_numeric"):
        TableSchema.infer(frame)
    with pytest.raises(InvalidInputError, match="looks like an identifier"):
        TableSchema.infer(frame.rename(columns={"lab": "patient_id"}))
    declared = TableSchema.infer(frame, {"lab": "categorical"})
    assert declared.columns[0].kind == "categorical"


def test_decimal_commas_are_refused_or_remarked_on():
    sizes = pd.DataFrame({"size": [f"{i / 100:.2f}".replace(".", ",") for i in range(100, 160)]})
    with pytest.raises(InvalidInputError, match=r"'size'.*decimal comma.*replace\(',', '\.'\)"):
        TableSchema.infer(sizes)
    repeated = pd.concat([sizes.head(20)] * 3, ignore_index=True)
    with pytest.warns(AugmentWarning, match=r"'size'.*decimal comma.*semicolons"):
        TableSchema.infer(repeated)


def test_repeated_numbers_in_text_are_remarked_on():
    ages = pd.DataFrame({"age": [str(20 + i % 30) for i in range(89)] + ["?"]})
    with pytest.warns(AugmentWarning, match="30 different numbers, but also"):
        TableSchema.infer(ages)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for codes in (["0", "1", "2", "3"] * 20, ["C18", "C19", "C50.1"] * 20, ["1A", "2B"] * 30):
            TableSchema.infer(pd.DataFrame({"codes": codes}))

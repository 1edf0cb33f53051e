"""What a schema understands of a column, and what the user may correct."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from augment._errors import AugmentWarning, InvalidInputError
from augment.data import TableSchema
from augment.data._inference import count_decimals
from tests.data.wild import tables

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")


@settings(max_examples=60)
@given(tables())
def test_a_frame_survives_the_canonical_form(table):
    frame = table[0]
    schema = TableSchema.infer(frame)
    canonical = schema.conform(frame)
    assert (canonical.dtypes == np.float64).all()
    pd.testing.assert_frame_equal(schema.restore(canonical), frame)


@settings(max_examples=40)
@given(tables())
def test_a_schema_survives_json(table):
    schema = TableSchema.infer(table[0])
    assert TableSchema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize(
    ("values", "kind", "decimals"),
    [
        ([1, 2, 3], "numeric", 0),
        ([1.0, np.nan, 3.0], "numeric", 0),
        ([1.5, 2.25, np.nan], "numeric", 2),
        (np.arange(20) * 100, "numeric", -2),
        (np.linspace(0, 1, 7) ** 0.5, "numeric", None),
        ([True, False, True], "boolean", None),
        (pd.array([True, None, False], dtype="boolean"), "boolean", None),
        (["m", "f", "f"], "categorical", None),
        (pd.to_datetime(["2020-01-01", "2021-05-07", None]), "datetime", 0),
        (["2020-01-01", "2021-05-07", None], "datetime", 0),
        (["10-14", "15-19", "10-14"], "categorical", None),
        ([7, 7, 7], "constant", None),
        ([np.nan, np.nan, np.nan], "missing", None),
        ([None, None, None], "missing", None),
    ],
)
def test_kind_and_decimals(values, kind, decimals):
    column = TableSchema.infer(pd.DataFrame({"a": values})).columns[0]
    assert (column.kind, column.decimals) == (kind, decimals)


def test_decimals_of_single_precision():
    values = np.array([36.6, 37.2, 38.1], dtype=np.float32)
    assert count_decimals(values.astype(float), single=True) == 1


def test_datetime_unit_is_the_coarsest_that_fits():
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2020-01-01", "2021-05-07"]),
            "minute": pd.to_datetime(["2020-01-01 10:15", "2021-05-07 10:00"]),
            "micro": pd.to_datetime(["2020-01-01 10:15:00.000001", "2021-05-07 10:00:00.0"]),
        }
    )
    assert [column.unit for column in TableSchema.infer(frame).columns] == ["D", "m", "us"]


def test_range_keeps_no_extreme_value():
    values = np.r_[np.arange(100.0), 1e6]
    column = TableSchema.infer(pd.DataFrame({"a": values})).columns[0]
    assert column.lower == 2.0
    assert column.upper < 3e5


@pytest.mark.parametrize(
    ("override", "values", "kind"),
    [
        ("categorical", [1, 2, 3, 2], "categorical"),
        ("ordinal", [1, 2, 3, 2], "categorical"),
        ("boolean", [0, 1, 1, 0], "boolean"),
        ({"kind": "categorical", "levels": [0, 1, 2, 3, 4]}, [1, 2, 3, 2], "categorical"),
        ({"levels": ["a", "b", "c"]}, ["a", "b", "a", "b"], "categorical"),
        ({"lower": 0, "upper": 10}, [1.5, 2, 3, 2], "numeric"),
        ("categorical", [5, 5, 5, 5], "constant"),
    ],
)
def test_overrides_win(override, values, kind):
    frame = pd.DataFrame({"a": values, "b": [1, 2, 3, 4]})
    schema = TableSchema.infer(frame, {"a": override})
    assert schema["a"].kind == kind
    pd.testing.assert_frame_equal(schema.restore(schema.conform(frame)), frame)
    if isinstance(override, dict):
        assert schema["a"].levels == tuple(override.get("levels", ()))
        assert schema["a"].limits[0] == override.get("lower", schema["a"].limits[0])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"agee": "categorical"}, "'agee'.*Did you mean 'age'"),
        ({"age": "category"}, "must be one of"),
        ({"age": {"kind": "numeric", "min": 3}}, "keys"),
        ({"age": {"lower": 40}}, "lower=40.*holds 30"),
        ({"age": {"upper": 40}}, "upper=40.*holds 60"),
        ({"age": {"upper": "old"}}, "upper='old', which is no number"),
        ({"seen": {"lower": "2020-02-01"}}, "lower='2020-02-01'.*holds 2020-01-01"),
        ({"seen": {"upper": "soon"}}, "upper='soon', which is no date"),
        ({"age": "boolean"}, "boolean but has"),
        ({"sex": "numeric"}, "'sex'.*to_numeric"),
        ({"sex": "datetime"}, "'sex'.*to_datetime"),
        ({"sex": {"levels": ["f"]}}, "no level 'm'"),
    ],
)
def test_contradicted_overrides_are_refused(overrides, words):
    frame = pd.DataFrame({"age": [30, 45, 60], "sex": ["f", "m", "f"]})
    frame["seen"] = pd.date_range("2020-01-01", periods=3)
    with pytest.raises(InvalidInputError, match=words):
        TableSchema.infer(frame, overrides)


def test_dates_may_be_bounded():
    frame = pd.DataFrame({"seen": pd.date_range("2020-01-01", periods=60)})
    schema = TableSchema.infer(frame, {"seen": {"lower": "2019-12-31", "upper": "2021-01-01"}})
    assert schema["seen"].limits == (18261, 18628)


def test_declaring_a_text_column_categorical_lifts_the_identifier_check():
    frame = pd.DataFrame({"code": [f"c{i}" for i in range(40)]})
    assert TableSchema.infer(frame, {"code": "categorical"})["code"].kind == "categorical"


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"glucose": np.random.default_rng(0).permutation(500)}),
        pd.DataFrame({"x": np.random.default_rng(0).normal(size=500)}),
        pd.DataFrame({"seen": pd.date_range("2020-01-01", periods=500)}),
        pd.DataFrame({"ward": [f"w{i % 40}" for i in range(120)]}),
        pd.DataFrame({"name": [f"p{i}" for i in range(12)]}),
    ],
)
def test_unique_measurements_are_no_identifiers(frame):
    TableSchema.infer(frame)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"a": [1, 2, 1], "b": [np.nan] * 3}), "'b' has no value"),
        (pd.DataFrame({"a": [1, 2, 1], "b": ["x"] * 3}), "'b' has one value only, 'x'"),
        (pd.DataFrame(0.0, range(3), list("abc")), "^3 columns .* one value only.*'a', 'b', 'c'"),
        (pd.DataFrame({"a": [1e40, 2e33, 1.0]}), "magnitude 1e\\+40"),
        (pd.DataFrame({"a": [1e-40, 2e-33, 0.0]}), "magnitude 2e-33"),
        (pd.DataFrame({"a": [2**53 + 2, 2**54, 4]}), "'a'.*last digits"),
        (pd.DataFrame({7: [1, 2, 1]}), "not strings.*7"),
    ],
)
def test_odd_columns_are_served_with_a_warning(frame, words):
    with pytest.warns(AugmentWarning, match=words):
        schema = TableSchema.infer(frame)
    pd.testing.assert_frame_equal(schema.restore(schema.conform(frame)), frame)


def test_ordinary_columns_are_served_in_silence():
    frame = pd.DataFrame({"größe": [1.7, 1.8, 1.6], "漢字": ["a", "b", "a"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableSchema.infer(frame)


@pytest.mark.parametrize(
    "columns", [[1, 2, 3], ["a", 2, ("b", 3)], pd.MultiIndex.from_product([["u"], list("xyz")])]
)
def test_any_hashable_name_comes_back(columns):
    frame = pd.DataFrame(np.arange(9.0).reshape(3, 3), columns=columns)
    schema = TableSchema.infer(frame)
    again = TableSchema.from_dict(json.loads(json.dumps(schema.to_dict())))
    assert list(again.restore(again.conform(frame)).columns) == list(frame.columns)


def test_an_array_in_the_place_of_a_frame_goes_by_position():
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [1, 2]})
    schema = TableSchema.infer(frame)
    assert schema.conform(frame.to_numpy()).equals(schema.conform(frame))


def test_new_values_of_constant_and_empty_columns_are_not_looked_at():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 3], "c": [None, None]})
    schema = TableSchema.infer(frame)
    new = schema.conform(pd.DataFrame({"a": [1], "b": [99], "c": ["x"]}))
    assert schema.restore(new)["b"].tolist() == [3]


def test_the_ends_of_few_values_do_not_tell_a_lone_extreme():
    values = [0] * 39 + [1] * 20
    one, two = (
        TableSchema.infer(pd.DataFrame({"x": [*values, lone]}))["x"] for lone in (347.25, 90.5)
    )
    assert (one.lower, one.upper) == (two.lower, two.upper) == (0, 1)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([7.25], "one filled cell in 40 rows"),
        (["gunshot"], "one filled cell in 40 rows"),
        ([True], "one filled cell in 40 rows"),
        (pd.to_datetime(["2020-03-05"]), "one filled cell in 40 rows"),
        (["2020-03-05"], "one filled cell in 40 rows"),
        ([1.5, 7.25, 2.5, 1.5], "4 filled cells in 40 rows"),
        (pd.to_datetime(["2020-03-05", "2020-03-06"]), "2 filled cells in 40 rows"),
    ],
)
def test_too_few_cells_to_hide_a_patient_come_out_empty(cells, words):
    given = pd.Series(cells).reindex(range(40))
    frame = pd.DataFrame({"a": np.arange(40.0), "b": given})
    with pytest.warns(AugmentWarning, match=f"'b' has {words}.*empty"):
        schema = TableSchema.infer(frame)
    again = TableSchema.from_dict(json.loads(json.dumps(schema.to_dict())))
    back = again.restore(again.conform(frame))
    assert back["b"].isna().all()
    assert back.dtypes.equals(frame.dtypes)
    assert str(cells[0]) not in json.dumps(schema.to_dict())


@pytest.mark.parametrize(
    ("cells", "declared"),
    [
        ([1.5] * 2, None),
        (["yes", "no"], None),
        ([1.5, 7.25, 2.5, 1.5, 3.0], None),
        (["yes"], {"b": {"levels": ["yes", "no"]}}),
    ],
)
def test_few_cells_that_several_patients_share_are_served(cells, declared):
    frame = pd.DataFrame({"a": np.arange(40.0), "b": pd.Series(cells).reindex(range(40))})
    schema = TableSchema.infer(frame, declared)
    pd.testing.assert_frame_equal(schema.restore(schema.conform(frame)), frame)

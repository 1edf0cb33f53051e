"""Containers and dtypes go in and come out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from augment._errors import InvalidTypeError
from augment.data import TableSchema

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")
DATES = ["2020-01-31", "2021-05-07", "2024-02-29"]

COLUMNS = {
    "float64": pd.Series([1.5, np.nan, 2.5]),
    "float32": pd.Series([1.5, np.nan, 2.25], dtype="float32"),
    "float16": pd.Series([1.5, np.nan, 2.25], dtype="float16"),
    "int64": pd.Series([1, 2, 3]),
    "uint8": pd.Series([0, 255, 3], dtype="uint8"),
    "Int32": pd.Series([1, None, 3], dtype="Int32"),
    "Float64": pd.Series([1.5, None, 3], dtype="Float64"),
    "bool": pd.Series([True, False, True]),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "str": pd.Series(["a", None, "b"], dtype="str"),
    "string": pd.Series(["a", None, "b"], dtype="string"),
    "object of strings, None": pd.Series(["a", None, "b"], dtype=object),
    "object of strings, NaN": pd.Series(["a", np.nan, "b"], dtype=object),
    "object of strings, NA": pd.Series(["a", pd.NA, "b"], dtype=object),
    "object of bools": pd.Series([True, None, False], dtype=object),
    "object of ints": pd.Series([1, None, 3], dtype=object),
    "object of floats": pd.Series([1.5, None, 3.0], dtype=object),
    "object of decimals": pd.Series([Decimal("1.5"), None, Decimal("2.25")], dtype=object),
    "object of dates": pd.Series([dt.date(2020, 1, 1), None, dt.date(2021, 2, 3)], dtype=object),
    "object, empty": pd.Series([None, None, None], dtype=object),
    "float, empty": pd.Series([np.nan] * 3),
    "Int64, empty": pd.Series([None] * 3, dtype="Int64"),
    "category": pd.Series(["a", None, "b"], dtype="category"),
    "category of ints": pd.Series([3, None, 1], dtype="category"),
    "category, ordered and unused": pd.Series(
        pd.Categorical(["lo", None, "hi"], ["lo", "mid", "hi"], ordered=True)
    ),
    "category of intervals": pd.Series(pd.cut([1.0, 5.0, 9.0], [0, 3, 6, 10])),
    "category, constant": pd.Series(pd.Categorical(["b", "b", None], ["a", "b"])),
    "category, empty": pd.Series(pd.Categorical([None, None, None], ["a", "b"])),
    "datetime64[ns]": pd.Series(pd.to_datetime(DATES)).astype("datetime64[ns]"),
    "datetime64[s]": pd.Series(pd.to_datetime(DATES)).astype("datetime64[s]"),
    "datetime64 with NaT": pd.Series(pd.to_datetime([DATES[0], None, DATES[1]])),
    "datetime64 with time zone": pd.Series(pd.to_datetime(DATES)).dt.tz_localize("Europe/Zurich"),
    "datetime64 of microseconds": pd.Series(
        pd.to_datetime(["2020-01-31 10:00:00.000001", "2021-05-07 00:00:00.0", None])
    ),
    "datetime64 beyond nanoseconds": pd.Series(
        np.array(["1066-10-14", "9999-12-31", "2020-01-01"], dtype="M8[s]")
    ),
    "datetime constant": pd.Series(pd.to_datetime([DATES[0]] * 3)),
    "timedelta64": pd.Series(pd.to_timedelta([1, None, 36], unit="h")),
    "dates as text": pd.Series(["31.01.2020", None, "07.05.2021"]),
    "text constant": pd.Series(["x", None, "x"]),
    "float constant": pd.Series([2.5, np.nan, 2.5]),
    "int8 constant": pd.Series([2, 2, 2], dtype="int8"),
}


@pytest.mark.parametrize("series", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_column_comes_back_with_its_dtype(series):
    frame = pd.DataFrame({"a": series, "b": [1, 2, 3]})
    schema = TableSchema.infer(frame)
    restored = TableSchema.from_dict(schema.to_dict()).restore(schema.conform(frame))
    pd.testing.assert_frame_equal(restored, frame)
    if series.dtype == object:
        assert [type(value) for value in restored["a"]] == [type(value) for value in series]


ARROW = {
    "int64": [1, None, 3],
    "uint8": [1, None, 255],
    "float64": [1.5, None, 3.0],
    "bool_": [True, None, False],
    "string": ["a", None, "b"],
    "large_string": ["a", None, "b"],
    "date32": [dt.date(2020, 1, 31), None, dt.date(2021, 5, 7)],
    "timestamp us": [dt.datetime(2020, 1, 31, 10), None, dt.datetime(2021, 5, 7, 11)],
    "timestamp us Europe/Zurich": [dt.datetime(2020, 1, 31, 10), None, dt.datetime(2021, 5, 7)],
    "duration s": [dt.timedelta(seconds=5), None, dt.timedelta(hours=7)],
    "decimal128 8 2": [Decimal("1.50"), None, Decimal("200000.25")],
    "null": [None, None, None],
}


@pytest.mark.parametrize("values", ARROW.values(), ids=ARROW.keys())
def test_arrow_columns_come_back(values, request):
    pyarrow = pytest.importorskip("pyarrow")
    kind, *details = request.node.callspec.id.split()
    details = [int(text) if text.isdigit() else text for text in details]
    dtype = pd.ArrowDtype(getattr(pyarrow, kind)(*details))
    frame = pd.DataFrame({"a": pd.Series(values, dtype=dtype), "b": [1, 2, 3]})
    schema = TableSchema.infer(frame)
    restored = TableSchema.from_dict(schema.to_dict()).restore(schema.conform(frame))
    pd.testing.assert_frame_equal(restored, frame)


@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_text_comes_back_in_its_storage(storage):
    if storage == "pyarrow":
        pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": pd.Series(["x", None, "y"], dtype=f"string[{storage}]")})
    schema = TableSchema.infer(frame)
    assert schema.restore(schema.conform(frame))["a"].dtype.storage == storage


def test_levels_of_arrow_are_refused_with_the_cure():
    pyarrow = pytest.importorskip("pyarrow")
    levels = pd.ArrowDtype(pyarrow.dictionary(pyarrow.int32(), pyarrow.string()))
    series = pd.Series(["a", "b", "a"], dtype="category").astype(levels)
    with pytest.raises(InvalidTypeError, match=r"astype\('category'\)"):
        TableSchema.infer(pd.DataFrame({"a": series}))


def test_sparse_columns_come_back_dense():
    frame = pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 1.0, 0.0]), "b": [1, 2, 3]})
    schema = TableSchema.infer(frame)
    assert schema.restore(schema.conform(frame))["a"].tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.5, np.nan], [2.5, 3.0]]),
        np.array([[1, 2], [3, 4]], dtype=np.int32),
        np.array([[True, False], [False, False]]),
        np.array([[1, "a"], [2.5, None]], dtype=object),
        np.array([["a", "b"], ["c", "b"]]),
        np.array([[1.5, 2], [2.5, 3]], dtype=np.float32, order="F"),
    ],
    ids=["float", "int", "bool", "object", "text", "float32"],
)
def test_an_array_comes_back(array):
    schema = TableSchema.infer(array)
    restored = schema.restore(schema.conform(array))
    assert restored.dtype == array.dtype
    pd.testing.assert_frame_equal(pd.DataFrame(restored), pd.DataFrame(array))


def test_lists_are_arrays():
    schema = TableSchema.infer([[1, "a"], [2, "b"]])
    assert schema.container == "array"
    assert [column.kind for column in schema.columns] == ["numeric", "categorical"]
    assert schema.restore(schema.conform([[2, "a"]])).tolist() == [[2, "a"]]


def test_integers_stay_in_their_type():
    schema = TableSchema.infer(pd.DataFrame({"a": np.array([0, 100, 255], dtype=np.uint8)}))
    out = schema.restore(pd.DataFrame({"a": [-3.0, 254.6, 400.0]}))
    assert out["a"].tolist() == [0, 255, 255]


@pytest.mark.parametrize("written", ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d"])
def test_dates_in_text_are_read_whatever_the_first_row(written):
    days = pd.Series(pd.date_range("2020-02-05", periods=40, freq="3D")).dt.strftime(written)
    schema = TableSchema.infer(pd.DataFrame({"seen": days}))
    assert schema.columns[0].date_format == written
    assert schema.restore(schema.conform(pd.DataFrame({"seen": days})))["seen"].equals(days)


def test_days_come_first_where_dots_stand_between():
    days = [f"{day:02d}.{month:02d}.2020" for day in range(1, 13) for month in (3, 4, 5)]
    schema = TableSchema.infer(pd.DataFrame({"seen": days}))
    assert schema.columns[0].date_format == "%d.%m.%Y"

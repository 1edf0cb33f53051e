"""Codes for "unknown" among numbers are named; numbers that were measured are not."""

import warnings

import numpy as np
import pandas as pd
import pytest

from augment._errors import AugmentWarning
from augment.data import TableSchema
from augment.data._sentinels import date_note, sentinel_note

AGES = np.arange(30.0, 80.0)
SKEWED = np.exp(np.random.default_rng(0).normal(3, 1, 200)).round(1)
CODED = {
    "999": (np.r_[AGES, [999] * 3], ["999 in 3 rows"]),
    "-1": (np.r_[AGES, [-1] * 2], ["-1 in 2 rows"]),
    "two codes": (np.r_[AGES, [888] * 2, [999] * 5], ["888 in 2 rows", "999 in 5 rows"]),
    "at both ends": (np.r_[AGES, [-99] * 4, [9999] * 3], ["-99 in 4 rows", "9999 in 3 rows"]),
    "decimals": (np.r_[AGES + 0.5, [999.9] * 3], ["999.9 in 3 rows"]),
    "grades": (np.r_[np.arange(40) % 4, [9] * 3], ["9 in 3 rows"]),
    "a long tail": (np.r_[SKEWED, [9999] * 5], ["9999 in 5 rows"]),
    "among the negative": (np.r_[AGES - 50, [-999] * 3], ["-999 in 3 rows"]),
}
MEASURED = {
    "once": np.r_[AGES, 999],
    "inside": np.r_[AGES, [99] * 3, 120],
    "near": np.r_[AGES, [88] * 3],
    "negative numbers": np.r_[AGES - 50, [-1] * 5],
    "changes": np.repeat([-1.0, 0.0, 1.0], 20),
    "no code": np.r_[AGES, [1000] * 3],
    "nothing else": np.array([999.0] * 30),
    "few rows": np.array([1.0, 2, 3, 999, 999]),
}


@pytest.mark.parametrize(("values", "words"), CODED.values(), ids=CODED.keys())
def test_codes_are_named_with_count_and_remedy(values, words):
    with pytest.warns(AugmentWarning) as caught:
        TableSchema.infer(pd.DataFrame({"lab": values}))
    (text,) = [str(warning.message) for warning in caught]
    for word in [*words, "'lab'", "float('nan')", "schema={'lab': 'numeric'}"]:
        assert word in text


@pytest.mark.parametrize("values", MEASURED.values(), ids=MEASURED.keys())
def test_measurements_are_left_alone(values):
    assert sentinel_note("lab", values) is None


def test_both_remedies_are_heard():
    frame = pd.DataFrame({"lab": CODED["999"][0]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableSchema.infer(frame, {"lab": "numeric"})
        TableSchema.infer(frame.replace([999], float("nan")))


SEEN = pd.Series(pd.date_range("2015-03-01", "2019-10-01", periods=60).floor("D"))
BORN = pd.Series(pd.date_range("1921-05-07", "2004-11-30", periods=60).floor("D"))


@pytest.mark.parametrize("dates", [SEEN, BORN], ids=["visits", "births"])
@pytest.mark.parametrize("code", ["1900-01-01", "9999-12-31", "2099-12-31", "1111-11-11"])
@pytest.mark.parametrize("how", ["M8[s]", "object", "text"])
def test_codes_among_dates_are_named_with_count_and_remedy(dates, code, how):
    column = pd.concat([dates.astype("M8[s]"), pd.Series([code] * 3).astype("M8[s]")])
    if how == "object":
        column = column.dt.date
    if how == "text":
        column = column.map(lambda day: f"{day:%d.%m.}{day.year:04d}").astype(object)
    frame = pd.DataFrame({"day": column.to_numpy()})
    with pytest.warns(AugmentWarning) as caught:
        TableSchema.infer(frame)
    (text,) = [str(warning.message) for warning in caught]
    for word in [f"{code} in 3 rows", "'day'", "missing", "schema={'day': 'datetime'}"]:
        assert word in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableSchema.infer(frame, {"day": "datetime"})


ORDINARY = {
    "once": [*SEEN, pd.Timestamp("1900-01-01")],
    "inside": [*BORN, *[pd.Timestamp("1970-01-01")] * 5],
    "next to others": [*SEEN, *[pd.Timestamp("2015-01-01")] * 4],
    "no code": [*SEEN, *[pd.Timestamp("1987-05-03")] * 4],
    "years": [pd.Timestamp(year=y, month=1, day=1) for y in [1900, 1900, *range(1920, 1990)]],
    "nothing else": [pd.Timestamp("1900-01-01")] * 20,
    "few": [*SEEN[:5], *[pd.Timestamp("1900-01-01")] * 4],
}


@pytest.mark.parametrize("dates", ORDINARY.values(), ids=ORDINARY.keys())
def test_other_dates_are_left_alone(dates):
    assert date_note("day", np.array(dates, dtype="M8[D]")) is None

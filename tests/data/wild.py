"""Frames of any mix of columns, for the laws of the codec."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from augment.data import TableEncoder, TableSchema

SPECIAL = ["", " ", "NA ", "Ä", "漢字", "x,y", "1", "True", "nan?"]


def _category(rng, n, gone):
    levels = rng.permutation(["low", "mid", "high", "unused"])
    codes = np.where(gone, -1, rng.integers(0, 3, n))
    return pd.Series(pd.Categorical.from_codes(codes, levels, ordered=bool(n % 2)))


def _moments(rng, n, gone, unit, zone=None):
    steps = pd.to_timedelta(rng.integers(0, 9000, n), unit=unit)
    return pd.Series(pd.Timestamp("1994-03-01", tz=zone) + steps).mask(gone)


def _floats(values, gone, dtype="float64"):
    return pd.Series(np.where(gone, np.nan, values).astype(dtype))


# One column of n rows, with the entries missing where ``gone`` says, if the dtype allows it.
KINDS = {
    "float": lambda r, n, gone: _floats(r.normal(size=n) * 10.0 ** r.integers(-6, 7), gone),
    "heavy": lambda r, n, gone: _floats(r.standard_cauchy(n) * 10.0 ** r.integers(-6, 7), gone),
    "rounded": lambda r, n, gone: _floats(np.round(r.normal(36, 2, n), 1), gone),
    "float32": lambda r, n, gone: _floats(r.normal(size=n), gone, "float32"),
    "int": lambda r, n, gone: pd.Series(r.integers(-50, 2000, n)),
    "few": lambda r, n, gone: pd.Series(r.integers(0, 4, n).astype(np.int8)),
    "Int64": lambda r, n, gone: pd.Series(r.integers(0, 90, n)).astype("Int64").mask(gone),
    "Float64": lambda r, n, gone: pd.Series(r.normal(size=n)).astype("Float64").mask(gone),
    "zeros": lambda r, n, gone: pd.Series(np.where(r.random(n) < 0.6, 0.0, r.exponential(size=n))),
    "bool": lambda r, n, gone: pd.Series(r.random(n) < 0.3),
    "boolean": lambda r, n, gone: pd.Series(r.random(n) < 0.3).astype("boolean").mask(gone),
    "bools": lambda r, n, gone: pd.Series(np.where(gone, None, r.random(n) < 0.5), dtype=object),
    "str": lambda r, n, gone: pd.Series(r.choice(SPECIAL[:5], n), dtype="str").mask(gone),
    "text": lambda r, n, gone: pd.Series(np.where(gone, None, r.choice(SPECIAL, n).astype(object))),
    "category": _category,
    "day": lambda r, n, gone: _moments(r, n, gone, "D"),
    "second": lambda r, n, gone: _moments(r, n, gone, "s", "UTC"),
}


@st.composite
def tables(draw, min_rows=12, max_rows=120):
    """A frame, strata of its rows, and the number of strata."""
    n = draw(st.integers(min_rows, max_rows))
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.1, 0.5]))
    gone = rng.random((len(kinds), n)) < share
    gone[:, :5] = False  # fewer filled cells come out empty
    columns = {f"{i} {k}": KINDS[k](rng, n, gone[i]) for i, k in enumerate(kinds)}
    frame = pd.DataFrame(columns)
    n_strata = draw(st.integers(1, 4))
    strata = rng.integers(0, n_strata, n)
    strata[rng.random(n) < 0.3] = 0  # uneven: some strata have very few rows, or none
    return frame, strata, n_strata


def fitted(frame, strata, n_strata, **arguments):
    """The schema, the canonical frame, and the fitted encoder of a table."""
    schema = TableSchema.infer(frame)
    canonical = schema.conform(frame)
    return schema, canonical, TableEncoder(schema, **arguments).fit(canonical, strata, n_strata)

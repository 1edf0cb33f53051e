"""The order of the levels of a category that has none of its own."""

import numpy as np
import pandas as pd
import pytest

from augment.data._nominal import level_order, level_orders
from augment.data.encoder import TableEncoder
from augment.data.margins import margin_from_state
from augment.data.schema import TableSchema


def order_of(codes, other, strata=None):
    strata = np.zeros(len(codes), dtype=np.int64) if strata is None else strata
    return level_order(codes, int(codes.max()) + 1, [other], strata, np.ones(len(codes)))


def levels_along_a_number(n=200, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 5, n)
    places = np.array([2.0, -1.0, 3.0, 0.0, 1.0])
    return codes, (places[codes] + 0.3 * rng.standard_normal(n))[:, None], np.argsort(places)


def test_levels_lie_along_what_tells_them_apart():
    codes, other, truth = levels_along_a_number()
    found = order_of(codes, other).tolist()
    assert found in (truth.tolist(), truth[::-1].tolist())


def test_the_names_of_levels_do_not_matter():
    codes, other, _ = levels_along_a_number()
    renamed = np.array([3, 1, 4, 0, 2])
    found, again = order_of(codes, other), order_of(renamed[codes], other)
    assert again.tolist() in (renamed[found].tolist(), renamed[found][::-1].tolist())


def test_chance_seldom_makes_an_order():
    changed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        codes, other = rng.integers(0, 4, 80), rng.standard_normal((80, 3))
        changed += order_of(codes, other).tolist() != [0, 1, 2, 3]
    assert changed <= 6  # one in forty by design: more than 6 of 60 has a chance of .1 %


def test_differences_between_strata_do_not_count():
    rng = np.random.default_rng(0)
    strata = rng.integers(0, 2, 300)
    codes = np.where(strata == 0, rng.integers(0, 2, 300), rng.integers(2, 4, 300))
    shuffled = np.array([0, 2, 1, 3])[codes]
    other = (3.0 * strata + rng.standard_normal(300))[:, None]
    assert order_of(shuffled, other).tolist() != [0, 1, 2, 3]
    assert order_of(shuffled, other, strata).tolist() == [0, 1, 2, 3]


def test_two_levels_and_lonely_columns_keep_their_order():
    nothing, ones = np.zeros(40, dtype=np.int64), np.ones(40)
    codes = np.tile([0.0, 1.0], 20)
    found = level_orders({0: codes, 1: codes[::-1].copy()}, {0: 2}, nothing, ones)
    assert found[0].tolist() == [0, 1]
    alone = level_orders({0: np.tile([0.0, 1.0, 2.0, 0.0], 10)}, {0: 3}, nothing, ones)
    assert alone[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("with_missing", [False, True])
def test_a_reordered_category_comes_back_as_it_was(with_missing):
    codes, other, _ = levels_along_a_number()
    names = np.array(list("vwxyz"))[codes].astype(object)
    if with_missing:
        names[::7] = None
    X = pd.DataFrame({"site": pd.Categorical(names), "dose": other[:, 0]})
    schema = TableSchema.infer(X)
    frame, strata = schema.conform(X), np.zeros(len(X), dtype=np.int64)
    encoder = TableEncoder(schema).fit(frame, strata, 1)
    again = TableEncoder.from_state(encoder.get_state())
    for one in (encoder, again):
        scores, _ = one.transform(frame, strata, np.random.default_rng(0))
        back = schema.restore(one.inverse_transform(scores, strata))
        assert back["site"].astype(object).where(back["site"].notna(), None).tolist() == (
            X["site"].astype(object).where(X["site"].notna(), None).tolist()
        )
    seen = X["site"].notna()
    scores = encoder.transform(frame, strata)[0][seen]
    assert abs(np.corrcoef(scores[:, 0], scores[:, 1])[0, 1]) > 0.85


def test_a_state_without_an_order_has_the_natural_one():
    edges = np.array([[0.0, 0.2, 0.7, 1.0]])
    state = {"type": "levels", "values": np.arange(3.0), "edges": edges}
    margin = margin_from_state(state)
    assert margin.decode(np.array([0.1, 0.5, 0.9]), np.zeros(3, int), None).tolist() == [0, 1, 2]

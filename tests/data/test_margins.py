"""Laws of a single column's margin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.data._blend import Blend
from augment.data._pooling import MIN_STRATUM_ROWS, Pooling
from augment.data._quantiles import END_ROWS, knot_grid, smoothed_ends
from augment.data.margins import LevelMargin, NumericMargin, margin_from_state


def numeric(values, strata=None, n_strata=1, *, strength=1.0, decimals=None, weights=None):
    strata = np.zeros(len(values), dtype=np.int64) if strata is None else strata
    weights = np.ones(len(values)) if weights is None else weights
    return NumericMargin.fit(
        values, strata, n_strata, weights, pooling=Pooling(strength), n_knots=101,
        limits=smoothed_ends(values), decimals=decimals,
    )  # fmt: skip


@st.composite
def samples(draw):
    """Values of any scale and shape, strata, and their number."""
    n = draw(st.integers(2, 200))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    law = draw(
        st.sampled_from([rng.standard_normal, rng.standard_cauchy, rng.standard_exponential])
    )
    values = law(n) * 10.0 ** draw(st.integers(-300, 300)) + draw(st.sampled_from([0.0, 1.0, -1e9]))
    if draw(st.booleans()):
        values = np.where(rng.random(n) < 0.5, values[0], values)
    n_strata = draw(st.integers(1, 4))
    return values, rng.integers(0, n_strata, n), n_strata


@settings(max_examples=80)
@given(samples(), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_numbers_keep_their_laws(sample, strength):
    values, strata, n_strata = sample
    margin = numeric(values, strata, n_strata, strength=strength)
    assert np.isfinite(margin.knots).all()
    assert (np.diff(margin.knots, axis=1) >= 0).all()
    # decoding is monotone, finite, and inside the smoothed ends, which are inside the range
    uniform = np.linspace(0, 1, 57)
    lower, upper = smoothed_ends(values)
    assert values.min() <= lower <= upper <= values.max()
    for stratum in range(n_strata + 1):
        decoded = margin.decode(uniform, np.full(57, stratum), None)
        assert (np.diff(decoded) >= 0).all()
        assert decoded.min() >= lower
        assert decoded.max() <= upper
    # encoding is monotone, and decoding undoes it inside the ends
    order = np.argsort(values)
    pooled = np.full(len(values), n_strata)
    low, high = margin.interval(values[order], pooled)
    assert (low <= high).all()
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()
    back = margin.decode((low + high) / 2, pooled, None)
    clipped = np.clip(values[order], lower, upper)
    np.testing.assert_allclose(back, clipped, atol=1e-9 * (values.max() - values.min()), rtol=1e-9)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 300), st.integers(-1, 3))
def test_rounded_numbers_come_back_exactly(seed, n, decimals):
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(50, 30, n), decimals)
    margin = numeric(values, decimals=decimals)
    inside = (values >= margin.lower) & (values <= margin.upper)
    strata = np.zeros(n, dtype=np.int64)
    low, high = margin.interval(values, strata)
    for part in (0.0, 0.5, 1.0):
        back = margin.decode(low + part * (high - low), strata, None)
        assert (back[inside] == values[inside]).all()


def test_whole_numbers_keep_their_frequencies():
    rng = np.random.default_rng(0)
    values = rng.poisson(30, 20_000).astype(float)
    drawn = numeric(values, decimals=0).decode(rng.random(50_000), np.zeros(50_000, np.int64), None)
    for number in (25, 30, 35):
        assert abs((values == number).mean() - (drawn == number).mean()) < 0.01


def test_the_kernel_moves_numbers_and_stays_in_range():
    rng = np.random.default_rng(0)
    values = rng.normal(size=100)
    margin = numeric(values)
    strata = np.zeros(5_000, dtype=np.int64)
    uniform, noise = rng.random(5_000), rng.standard_normal(5_000)
    moved = margin.decode(uniform, strata, noise) - margin.decode(uniform, strata, None)
    width = np.median(margin.bandwidth[0]) * 2.0**margin.exponent
    assert 0.5 * width < moved.std() < 1.1 * width
    drawn = margin.decode(uniform, strata, 5 * noise)
    assert drawn.min() >= margin.lower
    assert drawn.max() <= margin.upper
    assert len(np.unique(drawn)) > 4_990  # folded back, not piled up at the ends


def test_the_kernel_keeps_repeated_values_and_gaps():
    rng = np.random.default_rng(0)
    zeros = np.where(rng.random(300) < 0.4, 0.0, rng.exponential(size=300))
    clusters = np.r_[rng.normal(7, 0.5, 150), rng.normal(65, 4, 150)]
    strata = np.zeros(20_000, dtype=np.int64)
    uniform, noise = rng.random(20_000), rng.standard_normal(20_000)
    drawn = numeric(zeros).decode(uniform, strata, noise)
    assert abs((drawn == 0).mean() - (zeros == 0).mean()) < 0.02
    drawn = numeric(clusters).decode(uniform, strata, noise)
    assert ((drawn > 14) & (drawn < 48)).mean() < 0.03


def test_no_extreme_value_is_in_the_knots():
    values = np.r_[np.linspace(0, 1, 100), 50.0, -40.0]
    margin = numeric(values)
    assert margin.knots.max() * 2.0**margin.exponent == pytest.approx(
        np.sort(values)[-END_ROWS:].mean()
    )
    assert 50.0 not in margin.knots * 2.0**margin.exponent


def test_tiny_strata_take_the_pooled_margin():
    rng = np.random.default_rng(0)
    values, strata = rng.normal(size=60), np.zeros(60, dtype=np.int64)
    strata[: MIN_STRATUM_ROWS - 1], values[: MIN_STRATUM_ROWS - 1] = 1, 9.0
    margin = numeric(values, strata, 3, strength=0.0)
    assert (margin.knots[1] == margin.knots[-1]).all()
    assert (margin.knots[2] == margin.knots[-1]).all()
    counts = LevelMargin.fit(
        np.arange(2.0), (values > 5).astype(int), strata, 3, np.ones(60), Pooling(0.0)
    )
    assert (counts.edges[1] == counts.edges[-1]).all()


def test_pooling_grows_with_its_strength_and_with_noise():
    rng = np.random.default_rng(1)
    strata = np.repeat([0, 1], 100)
    weak, strong = (rng.normal(size=200) + shift * strata for shift in (0.0, 2.0))

    def share(values, strength, separation=1.0):
        rule = Pooling(strength, separation)
        return rule.shares_of_numbers(values, strata, 2, np.ones(200))[0][0]

    assert share(strong, 0) > share(strong, 1) > share(strong, 20) > 0.2
    assert share(weak, 1) < 0.5
    assert share(strong, 1, 0.5) == pytest.approx(0.5 * share(strong, 1))
    assert 0 < Pooling(1, soft=True).shares_of_numbers(weak, strata, 2, np.ones(200))[0][0] < 0.8
    table = np.array([[50.0, 50.0], [10.0, 90.0]])
    sizes = np.array([100.0, 100.0])
    assert Pooling(1).shares_of_levels(table, sizes)[0] > 0.9
    assert Pooling(1).shares_of_levels(table[[0, 0]], sizes)[0] == 0


def test_a_trend_over_many_ordered_levels_is_kept_and_noise_is_not():
    rule, kept = Pooling(1), {False: [], True: []}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for shift in (0.0, 1.5):
            counts = np.zeros((2, 12))
            for stratum in range(2):
                grades = np.clip(np.rint(rng.normal(5 + shift * stratum, 2.5, 50)), 0, 11)
                np.add.at(counts[stratum], grades.astype(int), 1)
            one_way, turned = counts.sum(axis=1), counts[:, ::-1]
            named = rule.shares_of_levels(counts, one_way)[0]
            ordered = rule.shares_of_levels(counts, one_way, ordered=True)[0]
            assert ordered >= named
            assert rule.shares_of_levels(turned, one_way, ordered=True)[0] == pytest.approx(ordered)
            kept[shift > 0].append((named, ordered))
    (named, ordered), (_, of_noise) = (np.mean(kept[trend], axis=0) for trend in (True, False))
    assert ordered > 0.8 > named
    assert of_noise < 0.4


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 30), st.floats(0, 2))
def test_levels_keep_their_laws(seed, n, n_levels, strength):
    rng = np.random.default_rng(seed)
    codes, strata = rng.integers(0, n_levels, n), rng.integers(0, 3, n)
    values = np.sort(rng.normal(size=n_levels))
    margin = LevelMargin.fit(values, codes, strata, 3, np.ones(n), Pooling(strength))
    assert (margin.edges[:, 0] == 0).all()
    assert (margin.edges[:, -1] == 1).all()
    assert (np.diff(margin.edges, axis=1) >= 0).all()
    for stratum in range(4):
        where = np.full(n, stratum)
        low, high = margin.interval(values[codes], where)
        assert (high - low > 1e-7).all()
        assert (margin.decode((low + high) / 2, where, None) == values[codes]).all()
        ends = margin.decode(np.array([0.0, 1.0]), where[[0, 0]], None)
        assert set(ends) <= set(values[codes])  # levels never seen are never given


def test_numbers_between_levels_go_to_the_nearest():
    margin = LevelMargin.fit(
        np.array([0.0, 1.0, 5.0]), np.array([0, 1, 2]), np.zeros(3, int), 1, np.ones(3), Pooling()
    )
    low, _ = margin.interval(np.array([-9.0, 0.4, 2.9, 3.1, 80.0]), np.zeros(5, int))
    assert low.round(3).tolist() == [0, 0, 0.333, 0.667, 0.667]


def test_weights_are_repetitions():
    rng = np.random.default_rng(2)
    values, weights = rng.normal(size=400), rng.integers(0, 3, 400)
    weighted = numeric(values, weights=weights.astype(float))
    repeated = numeric(np.repeat(values, weights))
    np.testing.assert_allclose(weighted.knots[0, 10:-10], repeated.knots[0, 10:-10], atol=0.01)


def test_state_round_trip():
    margin = numeric(np.random.default_rng(0).normal(size=50), decimals=2)
    again = margin_from_state(margin.get_state())
    assert (again.knots == margin.knots).all()
    assert again.decimals == 2


@pytest.mark.parametrize("n_knots", [2, 3, 7, 11, 101, 500])
def test_the_grid_has_as_many_points_as_asked(n_knots):
    grid = knot_grid(n_knots)
    assert len(grid) == n_knots
    assert (np.diff(grid) > 0).all()
    assert (grid[0], grid[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("end", [0.0, 100.0])
def test_a_value_that_many_rows_share_at_an_end_stays_an_atom(end):
    rng = np.random.default_rng(0)
    values = np.abs(end - np.maximum(0.0, rng.gamma(2.0, 9.0, 120) - 5.0))
    share = float((values == end).mean())
    assert 0.06 < share < 0.2
    strata, weights = np.arange(120) % 2, np.ones(120)
    limits = float(values.min()), float(values.max())
    margin = NumericMargin.fit(
        values, strata, 2, weights, pooling=Pooling(), n_knots=101, limits=limits, decimals=None
    )
    n = 20_000
    drawn = margin.decode(rng.random(n), np.full(n, 2), rng.standard_normal(n))
    assert (drawn == end).mean() == pytest.approx(share, abs=0.03)


def test_a_location_has_its_share_whatever_the_shape_has():
    rng = np.random.default_rng(0)
    values, rows = np.r_[rng.normal(0, 1, 500), rng.normal(1, 3, 500)], np.arange(1000) >= 500
    blend = Blend.of(values, np.ones(1000), 101)
    same, other = blend.stratum(rows, 0.5, 0.5), blend.stratum(rows, 0.5, 1.0)
    assert abs(same[15:-15].mean() - other[15:-15].mean()) < 0.1
    assert np.ptp(other[20:-20]) > 1.2 * np.ptp(same[20:-20])
    nothing = blend.stratum(rows, 0.0, 0.0)
    np.testing.assert_array_equal(nothing, blend.pool)


def test_no_patient_alone_between_the_ends_is_kept():
    """Of a stratum of zeros and one amount, the amount would be the only one to draw."""
    values = np.r_[np.zeros(40), np.linspace(1.0, 9.0, 40), np.zeros(39), 7.77125]
    rows = np.arange(120) >= 80
    blend = Blend.of(values, np.ones(120), 101)
    knots = blend.stratum(rows, 1.0, 1.0)
    assert (knots == 0).mean() > 0.9
    assert np.abs(knots - 7.77125).min() > 1e-3


@pytest.mark.parametrize("k", [2, 4])
def test_shapes_that_differ_by_chance_alone_are_mostly_pooled(k):
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        strata = rng.integers(0, k, 90)
        values = rng.lognormal(size=90)
        share, shape = Pooling(1.0, 0.0).shares_of_numbers(values, strata, k, np.ones(90))
        assert (share == 0).all()
        found.append(float(shape.max()))
    assert np.mean(np.array(found) > 0) < 0.15
    assert np.max(found) < 0.7

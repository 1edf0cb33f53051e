"""Equivalent rows on curves whose answer is known."""

import numpy as np
import pytest

from augment.evaluation.learning_curve import (
    _isotonic,
    curve_sizes,
    equivalent_rows,
    place_on_curve,
    read_curve,
)

SIZES = [60, 85, 120, 170, 240]


def curve(rise=0.06):
    return 0.8 + rise * np.log(np.array(SIZES) / 60) / np.log(4)


def study(worth, noise=0.001, rise=0.06, seed=0):
    """Ten splits whose augmented score at 120 rows is the real one at ``120 + worth``."""
    rng = np.random.default_rng(seed)
    points = np.append(curve(rise), 0.8 + rise * np.log((120 + worth) / 60) / np.log(4))
    scores = points + 0.02 * rng.normal(size=(10, 1)) + noise * rng.normal(size=(10, 6))
    return scores[:, :-1], scores[:, -1]


def test_sizes():
    assert curve_sizes(240) == SIZES
    assert curve_sizes(96)[2] == 48


@pytest.mark.parametrize("rows", [60, 77, 120, 200, 240])
def test_a_score_of_the_curve_is_found_at_its_size(rows):
    at = 0.8 + 0.06 * np.log(rows / 60) / np.log(4)
    assert place_on_curve(curve(), np.array(SIZES, float), np.array(at)) == pytest.approx(
        rows, 0.01
    )


def test_scores_beyond_the_curve_are_cut_off():
    placed = place_on_curve(
        np.array([curve(), curve()]), np.array(SIZES, float), np.array([0.1, 1])
    )
    assert placed.tolist() == [60, 240]


def test_isotonic_fit():
    assert _isotonic(np.array([1.0, 3.0, 2.0, 4.0])).tolist() == [1.0, 2.5, 2.5, 4.0]
    values = np.random.default_rng(0).normal(size=(50, 5))
    fitted = _isotonic(values)
    assert np.all(np.diff(fitted) >= 0)
    assert fitted.mean(axis=1) == pytest.approx(values.mean(axis=1))


@pytest.mark.parametrize("worth", [-40, 0, 50, 90])
def test_known_worth(worth):
    found = equivalent_rows(*study(worth), SIZES, 0.25, seed=0)
    assert found.estimate == pytest.approx(worth, abs=8)
    assert found.lower <= worth <= found.upper
    assert found.upper - found.lower < 60


def test_coverage():
    found = [equivalent_rows(*study(40, 0.01, seed=i), SIZES, 0.25, seed=i) for i in range(60)]
    assert np.mean([f.lower <= 40 <= f.upper for f in found if f.lower is not None]) >= 0.9


def read(real, augmented):
    pair = np.stack([real, real], axis=2), np.column_stack([augmented, augmented])
    return read_curve(*pair, SIZES, 0.25, 0)


def test_above_the_top():
    found = read(*study(400))
    assert found.estimate == 120
    assert ">= 120 further real rows" in found.text
    assert found.m == 120


def test_below_the_bottom():
    assert "<= -60 further real rows" in read(*study(-90)).text


def test_flat_curve():
    found = read(*study(0, rise=0.0))
    assert found.estimate is None
    assert "not estimable" in found.text
    assert found.by_metric["estimate"].isna().all()
    assert list(found.curve.columns) == ["arm", "n", "metric", "mean", "lower", "upper"]
    assert len(found.curve) == 12

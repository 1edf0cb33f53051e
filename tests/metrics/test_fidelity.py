"""Laws of the distances between samples: known answers, invariances, planted faults."""

import numpy as np
import pytest

from augment._errors import InvalidInputError
from augment.metrics.fidelity import copy_rate, frechet_distance, kernel_distance, manifold

METRICS = [kernel_distance, frechet_distance, manifold]


def normal_rows(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_kernel_distance_is_unbiased():
    values = [kernel_distance(*normal_rows(2, 30, 4, seed=seed)) for seed in range(400)]
    assert abs(np.mean(values)) < 3.5 * np.std(values) / 20


def test_kernel_distance_sees_a_collapsed_spread():
    real, fresh = normal_rows(2, 200, 4)
    assert kernel_distance(real, 0.1 * fresh) > 10 * abs(kernel_distance(real, fresh))


def test_kernel_distance_agrees_with_its_definition():
    real, synthetic = normal_rows(5, 3), normal_rows(4, 3, seed=1)

    def mean(first, second, same):
        pairs = [(a, b) for i, a in enumerate(first) for j, b in enumerate(second)
                 if not (same and i == j)]  # fmt: skip
        return np.mean([(a @ b / 3 + 1) ** 3 for a, b in pairs])

    expected = (
        mean(real, real, True) + mean(synthetic, synthetic, True) - 2 * mean(real, synthetic, False)
    )
    assert kernel_distance(real, synthetic) == pytest.approx(expected)


def test_frechet_distance_of_normal_laws_is_near_the_closed_form():
    real, synthetic = normal_rows(20_000, 2), 1 + 3 * normal_rows(20_000, 2, seed=1)
    assert frechet_distance(real, synthetic) == pytest.approx(2 + 2 * (3 - 1) ** 2, rel=0.05)


@pytest.mark.parametrize("metric", [kernel_distance, frechet_distance])
def test_distances_are_symmetric_and_blind_to_rotation(metric):
    real, synthetic = normal_rows(80, 4), 2 * normal_rows(60, 4, seed=1) + 1
    turn = np.linalg.qr(normal_rows(4, 4, seed=2))[0]
    assert metric(real, synthetic) == pytest.approx(metric(synthetic, real))
    assert metric(real, synthetic) == pytest.approx(metric(real @ turn, synthetic @ turn))


def test_frechet_distance_refuses_too_few_rows():
    with pytest.raises(InvalidInputError, match="at least 16 rows"):
        frechet_distance(normal_rows(15, 8), normal_rows(100, 8))


def test_manifold_tells_fidelity_from_diversity():
    real, fresh = normal_rows(2, 300, 3)
    collapsed = manifold(real, 0.05 * fresh)
    scattered = manifold(real, 10 * fresh)
    assert collapsed.precision > 0.95
    assert collapsed.coverage < 0.3
    assert scattered.precision < 0.3
    assert manifold(real, fresh).coverage > 0.8


def test_copies_are_found_and_fresh_rows_are_not():
    train, holdout, fresh = normal_rows(3, 1000, 3)
    assert copy_rate(train, train[:50], holdout) == 1.0
    assert copy_rate(train, fresh, holdout) == pytest.approx(0.05, abs=0.04)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.zeros((40, 1, 8, 8)), "Turn images into features"),
        (np.full((40, 4), np.nan), "finite"),
        (np.zeros((40, 5)), "same features"),
        (np.zeros((0, 4)), "at least"),
    ],
)
def test_bad_features_are_refused(metric, bad, words):
    with pytest.raises(InvalidInputError, match=words):
        metric(normal_rows(40, 4), bad)


def test_bad_settings_are_refused():
    rows = normal_rows(20, 2)
    with pytest.raises(InvalidInputError, match="quantile"):
        copy_rate(rows, rows, rows, quantile=1.0)
    with pytest.raises(InvalidInputError, match="n_neighbors"):
        manifold(rows, rows, n_neighbors=0)

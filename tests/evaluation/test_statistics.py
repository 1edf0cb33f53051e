"""Known answers for the corrected t, Holm's rule, the verdict and the external interval."""

import numpy as np
import pytest
from scipy import stats

from augment.evaluation.statistics import (
    Lift,
    claims,
    corrected_lift,
    external_lift,
    holm,
    verdicts,
)

ROPES = (0.005, 0.01)


def lift(estimate, half_width):
    """A lift whose 95 % interval is estimate ± half_width."""
    return Lift(np.asarray(estimate), np.asarray(half_width / stats.t.ppf(0.975, 29)), 29.0)


def word(auc, loss, copies=((1.0, 0.1), (1.0, 0.1))):
    pair = None if copies is None else (lift(*copies[0]), lift(*copies[1]))
    return str(verdicts(claims((lift(*auc), lift(*loss)), pair, ROPES)))


def test_corrected_interval_is_the_closed_form():
    rng = np.random.default_rng(0)
    differences = rng.normal(0.01, 0.02, 30)
    found = corrected_lift(differences, 0.25)
    error = differences.std(ddof=1) * np.sqrt(1 / 30 + 0.25)
    assert found.standard_error == pytest.approx(error)
    assert found.upper == pytest.approx(differences.mean() + stats.t.ppf(0.975, 29) * error)
    both = stats.t.ppf(0.975, 29) + stats.t.ppf(0.8, 29)
    assert found.smallest_detectable == pytest.approx(both * error)


def test_without_overlap_it_is_the_paired_t_test():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 12))
    found = corrected_lift(first - second, 0.0)
    assert found.p_above(0.0) == pytest.approx(
        min(1.0, 2 * stats.ttest_rel(first, second, alternative="greater").pvalue)
    )
    interval = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high))


def test_order_of_splits_does_not_matter():
    rng = np.random.default_rng(2)
    differences = rng.normal(size=30)
    first, second = (corrected_lift(d, 0.25) for d in (differences, rng.permutation(differences)))
    assert first.lower == pytest.approx(second.lower)


def test_many_studies_at_once_equal_one_by_one():
    studies = np.random.default_rng(3).normal(size=(4, 30))
    together = corrected_lift(studies, 0.25)
    assert together.lower == pytest.approx([corrected_lift(s, 0.25).lower for s in studies])


def test_p_value_and_interval_agree():
    rng = np.random.default_rng(4)
    found = corrected_lift(rng.normal(0.3, 1, size=(500, 30)), 0.25)
    for bound in (-0.2, 0.0, 0.5):
        assert np.array_equal(found.p_above(bound) <= 0.05, found.lower >= bound)
        assert np.array_equal(found.p_below(bound) <= 0.05, found.upper <= bound)


def test_equal_arms_are_equivalent_and_rounding_is_no_lift():
    for differences in (np.zeros(30), np.full(30, 1e-16), np.r_[np.zeros(29), 1e-15]):
        same = corrected_lift(differences, 0.25)
        assert (same.lower, same.upper) == (0.0, 0.0)
        assert str(verdicts(claims((same, same), (same, same), ROPES))) == "equivalent"


def test_missing_splits_are_left_out():
    found = corrected_lift([0.1, np.nan, 0.2, 0.3], 0.25)
    assert found.estimate == pytest.approx(0.2)
    assert found.df == 2
    assert np.isnan(corrected_lift([0.1, np.nan], 0.25).lower)


@pytest.mark.parametrize(
    ("auc", "loss", "copies", "expected"),
    [
        ((0.02, 0.01), (0.00, 0.005), ((0.02, 0.01), (0.0, 0.005)), "helps"),
        ((0.00, 0.004), (0.05, 0.02), ((0.0, 0.004), (0.05, 0.02)), "helps"),
        ((0.02, 0.01), (0.00, 0.02), ((0.02, 0.01), (0.02, 0.01)), "no evidence"),
        ((0.02, 0.01), (0.00, 0.005), ((0.00, 0.01), (0.0, 0.02)), "no evidence"),
        ((0.02, 0.01), (0.00, 0.005), None, "no evidence"),
        ((0.02, 0.01), (-0.05, 0.03), ((0.02, 0.01), (0.02, 0.01)), "harms"),
        ((-0.02, 0.01), (0.05, 0.03), ((0.02, 0.01), (0.02, 0.01)), "harms"),
        ((0.001, 0.003), (-0.002, 0.007), None, "equivalent"),
        ((0.0, 0.03), (0.0, 0.03), ((0.0, 0.03), (0.0, 0.03)), "no evidence"),
    ],
)
def test_the_rule(auc, loss, copies, expected):
    assert word(auc, loss, copies) == expected


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    raw = np.random.default_rng(5).uniform(size=20)
    adjusted = holm(raw)
    assert np.all(adjusted >= raw)
    assert np.array_equal(np.argsort(raw), np.argsort(adjusted, kind="stable")) or np.all(
        np.diff(adjusted[np.argsort(raw)]) >= 0
    )


def draws(rng, n, sd, rho, mean=0.0):
    shared, own = rng.standard_normal((n, 1)), rng.standard_normal((n, 30))
    return mean + sd * (np.sqrt(rho) * shared + np.sqrt(1 - rho) * own)


def test_coverage_and_power_where_splits_correlate_as_cross_validation_makes_them():
    rng = np.random.default_rng(6)
    found = corrected_lift(draws(rng, 4000, 0.015, 0.2, 0.03), 0.25)
    covered = np.mean((found.lower <= 0.03) & (found.upper >= 0.03))
    assert 0.94 < covered < 0.96
    assert np.mean(found.lower > 0) > 0.8
    smallest = float(np.median(found.smallest_detectable))
    again = corrected_lift(draws(rng, 4000, 0.015, 0.2, smallest), 0.25)
    assert 0.77 < np.mean(again.lower > 0) < 0.83


def test_helps_is_rare_where_nothing_helps():
    rng = np.random.default_rng(7)
    real = tuple(corrected_lift(draws(rng, 4000, sd, 0.2), 0.25) for sd in (0.005, 0.01))
    assert np.mean(verdicts(claims(real, real, ROPES)) == "helps") <= 0.05


def test_external_interval_counts_test_rows():
    influence = np.array([1.0, -1.0, 2.0, -2.0])
    found = external_lift(np.full((6, 5), 0.1), influence)
    assert found.standard_error == pytest.approx(np.sqrt(10) / 4)
    assert found.estimate == pytest.approx(0.1)


def test_external_interval_counts_the_training_rows_as_a_jackknife_does():
    # The difference is a mean over training rows: its variance is known to be var / n.
    rng = np.random.default_rng(8)
    rows = rng.normal(size=100)
    folds = [rng.permutation(100).reshape(5, 20) for _ in range(6)]
    means = [[np.delete(rows, part).mean() for part in parts] for parts in folds]
    found = external_lift(means, np.zeros(10))
    assert found.standard_error == pytest.approx(rows.std(ddof=1) / 10, rel=0.35)


def test_external_interval_averages_noise_of_seeds():
    rng = np.random.default_rng(9)
    errors = [
        external_lift(rng.normal(size=(6, 5)), np.zeros(3)).standard_error for _ in range(300)
    ]
    estimates = [rng.normal(size=30).mean() for _ in range(300)]
    assert np.sqrt(np.mean(np.square(errors))) < 6 * np.std(estimates)
    one_repeat = external_lift(rng.normal(size=(1, 5)), np.zeros(3))
    assert one_repeat.standard_error > 0.5

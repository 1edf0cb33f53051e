"""Laws of the classifier two-sample test."""

import numpy as np
import pytest

from augment._errors import InvalidInputError
from augment.metrics.fidelity import standardised
from augment.metrics.two_sample import two_sample_auc


def test_one_law_scatters_around_a_half():
    values = [
        two_sample_auc(*np.random.default_rng(seed).normal(size=(2, 60, 4))) for seed in range(40)
    ]
    assert np.mean(values) == pytest.approx(0.5, abs=3.5 * np.std(values) / 40**0.5)


def test_auc_of_a_shift_is_the_closed_form():
    """Two normal laws that are one standard deviation apart: AUC = Phi(1 / sqrt(2))."""
    first, second = np.random.default_rng(0).normal(size=(2, 3000, 1))
    assert two_sample_auc(first, second + 1) == pytest.approx(0.760, abs=0.015)


def test_patients_stand_on_one_side_of_a_fold():
    """Repeated rows tell the samples apart by heart, unless their patients are kept together."""
    rng = np.random.default_rng(0)
    first, second = np.repeat(rng.normal(size=(2, 12, 30)), 10, axis=1)
    groups = np.repeat(np.arange(12), 10)
    by_row = two_sample_auc(first, second, penalty=1)
    by_patient = two_sample_auc(first, second, groups=groups, synthetic_groups=groups, penalty=1)
    assert by_row > 0.95
    assert by_patient < 0.8


def test_too_few_groups_give_no_number():
    rows = np.random.default_rng(0).normal(size=(20, 2))
    assert np.isnan(two_sample_auc(rows, rows, groups=np.zeros(20)))
    with pytest.raises(InvalidInputError, match="n_splits"):
        two_sample_auc(rows, rows, n_splits=1)
    with pytest.raises(InvalidInputError, match="synthetic_groups"):
        two_sample_auc(rows, rows, synthetic_groups=[1])


def test_standardised_uses_the_real_rows_alone():
    real, other = np.random.default_rng(0).normal(3, 2, size=(2, 50, 4))
    real[:, 3] = 7.0
    first, second = standardised(real, 10 * other)
    np.testing.assert_allclose(first.std(axis=0), 1)
    assert first.shape[1] == 3
    np.testing.assert_array_equal(standardised(real, 100 * other)[0], first)
    assert second.std() > 5
    with pytest.raises(InvalidInputError, match="n_components"):
        standardised(real, other, n_components=4 + 1)
    with pytest.raises(InvalidInputError, match="No feature varies"):
        standardised(np.ones((5, 2)), other[:, :2])

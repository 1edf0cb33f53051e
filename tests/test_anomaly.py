"""Laws of the detector of anomalies, on tables."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.estimators import DETECTORS, EXPECTED_FAILURES

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")


@parametrize_with_checks(DETECTORS, expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learn_contract(estimator, check):
    check(estimator)

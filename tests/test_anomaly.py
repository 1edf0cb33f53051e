"""Laws of the detector of anomalies, on tables."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import augment
from augment import GaussianCopula, ReconstructionDetector, TabularGAN, TabularVAE
from tests.estimators import DETECTORS, EXPECTED_FAILURES

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")


@parametrize_with_checks(DETECTORS, expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learn_contract(estimator, check):
    check(estimator)

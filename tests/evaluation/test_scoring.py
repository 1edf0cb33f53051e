"""Scores against scikit-learn, and influences against resampling."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, log_loss, roc_auc_score

from augment.evaluation.scoring import METRICS, reliability, scorable_probabilities, score

NAMES = tuple(METRICS)


def predictions(n=200, k=2, seed=0, strength=1.2):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    logit = rng.normal(size=(n, k)) + strength * np.eye(k)[codes]
    proba = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    return codes, proba


def values(codes, proba):
    return dict(zip(NAMES, score(codes, proba, NAMES)[0], strict=True))


@pytest.mark.parametrize("k", [2, 4])
def test_scores_equal_those_of_sklearn(k):
    codes, proba = predictions(k=k)
    proba = np.round(proba, 1)  # ties
    proba = np.clip(proba, 0.02, None) / np.clip(proba, 0.02, None).sum(axis=1, keepdims=True)
    found = values(codes, proba)
    one = proba[:, 1] if k == 2 else proba
    assert found["roc_auc"] == pytest.approx(roc_auc_score(codes, one, multi_class="ovr"))
    assert found["neg_log_loss"] == pytest.approx(-log_loss(codes, proba))
    assert found["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(codes, proba.argmax(axis=1))
    )
    if k == 2:
        assert found["neg_brier"] == pytest.approx(-brier_score_loss(codes, proba[:, 1]))


def test_certain_and_wrong_costs_seven_nats_at_most():
    assert score(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]), ("neg_log_loss",))[0] == (
        pytest.approx(np.log(0.001) / 2)
    )


def test_calibration_slope_is_the_logistic_one_on_many_rows():
    codes, proba = predictions(5000, strength=0.7)
    logit = np.log(proba[:, 1] / proba[:, 0])
    plain = LogisticRegression(C=np.inf).fit(logit[:, None], codes).coef_[0, 0]
    assert values(codes, proba)["calibration_slope"] == pytest.approx(plain, rel=0.01)


def test_calibration_slope_survives_separation_and_constants():
    codes = np.repeat([0, 1], 20)
    sure = np.column_stack([1 - codes, codes]) * 0.98 + 0.01
    assert 0 < values(codes, sure)["calibration_slope"] < 10
    assert np.isnan(values(codes, np.full((40, 2), 0.5))["calibration_slope"])


@pytest.mark.parametrize("k", [2, 3])
def test_influences_give_the_bootstrap_variance(k):
    codes, proba = predictions(250, k)
    _, influences = score(codes, proba, NAMES)
    rng = np.random.default_rng(1)
    picks = rng.integers(codes.size, size=(200, codes.size))
    drawn = np.array([score(codes[p], proba[p], NAMES)[0] for p in picks])
    assert influences.std(axis=1) / np.sqrt(codes.size) == pytest.approx(
        drawn.std(axis=0), rel=0.25
    )
    assert np.abs(influences[:4].mean(axis=1)).max() < 1e-9


def test_probabilities_of_other_classes_are_shared_out():
    proba = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    kept = scorable_probabilities(proba, np.array([1, 2]))
    assert kept == pytest.approx(np.array([[0.375, 0.625], [0.5, 0.5]]))


@pytest.mark.parametrize("k", [2, 3])
def test_reliability_sums_up(k):
    codes, proba = predictions(k=k)
    bins = reliability(codes, proba)
    classes = 1 if k == 2 else 3
    assert bins[:, 2].sum() == classes * codes.size
    assert bins[:, 0].sum() == pytest.approx(proba[:, 1].sum() if k == 2 else codes.size)

"""Laws of the detector of anomalies, on tables."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import augment
from augment import Bootstrap, ReconstructionDetector, TabularGAN, TabularVAE
from augment.generators import _cross_fit
from augment.generators._conformal import Calibration, deal_folds
from tests.estimators import DETECTORS, EXPECTED_FAILURES

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")
QUICK = {"max_steps": 20, "n_members": 1, "latent_dim": 3, "random_state": 0}


@parametrize_with_checks(DETECTORS, expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learn_contract(estimator, check, monkeypatch):
    monkeypatch.setattr(_cross_fit, "N_FOLDS", 2)  # the contract asks nothing of the folds
    check(estimator)


def patients(n=150, seed=0):
    """Give a table with dependence, skew, levels, missing cells and a total of two columns."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "height": np.round(170 + 8 * size + rng.normal(0, 2, n), 1),
            "weight": np.round(70 + 9 * size + rng.normal(0, 3, n), 1),
            "creatinine": np.round(rng.lognormal(0, 0.3, n), 2),
            "sex": np.where(size + rng.normal(0, 0.7, n) > 0, "m", "f"),
            "grade": rng.integers(1, 4, n),
        }
    )
    frame["total"] = (frame["height"] + frame["weight"]).round(1)
    frame.loc[rng.random(n) < 0.1, "creatinine"] = np.nan
    return frame


@pytest.fixture(scope="module", params=["vae", "gan"])
def detector(request):
    generator = TabularVAE(**QUICK) if request.param == "vae" else TabularGAN(**QUICK)
    return ReconstructionDetector(generator, random_state=0).fit(patients())


def test_scores_thresholds_and_p_values_agree(detector):
    X = patients(80, seed=1)
    scores, p = detector.score_samples(X), detector.p_values(X)
    assert_allclose(detector.decision_function(X), scores - detector.offset_)
    assert_array_equal(detector.predict(X) == -1, p <= 0.1)
    assert p.min() >= 1 / (detector.n_calibration_ + 1)
    assert detector.n_calibration_ == 150
    assert np.all(np.diff(p[np.argsort(scores)]) >= 0)


def test_planted_errors_are_flagged_and_named(detector):
    X = patients(20, seed=2)
    planted = {"weight": 10.0, "height": 1 / 18, "creatinine": 88.4}
    for name, factor in planted.items():
        wrong = X.dropna().copy()
        wrong[name] = wrong[name] * factor
        assert (detector.predict(wrong) == -1).mean() > 0.9
        said = detector.explain(wrong)
        assert list(said.columns) == list(X.columns)
        assert (said.abs().idxmax(axis=1) == name).mean() > 0.9
        assert (np.sign(said[name]) == np.sign(factor - 1)).mean() > 0.9


def test_a_cell_that_only_breaks_the_dependence_is_named(detector):
    typical = patients(40, seed=3).dropna()
    typical = typical[(typical["height"] < 165)].head(5)
    broken = typical.assign(weight=88.0)
    broken["total"] = (broken["height"] + broken["weight"]).round(1)
    said = detector.explain(broken)
    assert (said["weight"] > 1.5).all()
    assert (said["weight"] > detector.explain(typical)["weight"]).all()


def test_a_cell_that_is_far_out_throws_no_suspicion_on_those_it_depends_on():
    rng = np.random.default_rng(0)
    size = rng.normal(size=120)
    names = ["a", "b", "c", "d"]
    X = pd.DataFrame({name: np.exp(0.2 * (size + rng.normal(0, 0.15, 120))) for name in names})
    model = ReconstructionDetector(TabularVAE(**QUICK), random_state=0).fit(X[:90])
    for name in names:
        wrong = X[90:].assign(**{name: X[name][90:] * 10})
        assert (model.explain(wrong).abs().idxmax(axis=1) == name).all()


def test_a_broken_total_is_seen(detector):
    X = patients(20, seed=4)
    wrong = X.assign(total=X["total"] + 9)
    assert (detector.score_samples(wrong) < detector.score_samples(X)).mean() > 0.9
    assert detector.explain(wrong).abs().max(axis=1).min() > 3


def test_what_was_never_seen_is_unusual_and_no_crash(detector):
    X = patients(5, seed=5).dropna()
    known = detector.score_samples(X)
    assert (detector.score_samples(X.assign(sex="other")) < known).all()
    assert (detector.explain(X.assign(sex="other"))["sex"] > 2).all()
    assert (detector.score_samples(X.assign(grade=9)) < known).all()
    blank = X.astype({"grade": float}).mask(np.ones(X.shape, dtype=bool))
    assert np.isfinite(detector.score_samples(blank)).all()
    one = X.iloc[[0]]
    assert_allclose(detector.score_samples(one), known[:1])


def test_a_saved_detector_gives_the_same_scores(detector, tmp_path):
    path = tmp_path / "detector.safetensors"
    detector.save(path)
    loaded = augment.load(path)
    X = patients(30, seed=6)
    assert_array_equal(loaded.score_samples(X), detector.score_samples(X))
    assert_array_equal(loaded.p_values(X), detector.p_values(X))
    pd.testing.assert_frame_equal(loaded.explain(X), detector.explain(X))
    assert repr(loaded.get_params()) == repr(detector.get_params())
    assert loaded.offset_ == detector.offset_


def test_units_and_the_order_of_columns_change_next_to_nothing():
    X, new = patients(100).drop(columns="total"), patients(60, seed=1).drop(columns="total")
    base = ReconstructionDetector(TabularVAE(**QUICK), random_state=0).fit(X)
    other = clone(base).fit(X.assign(weight=X["weight"] * 1000))
    scores = base.score_samples(new)
    assert_allclose(other.score_samples(new.assign(weight=new["weight"] * 1000)), scores, atol=1e-2)
    order = list(X.columns[::-1])
    turned = clone(base).fit(X[order]).score_samples(new[order])
    assert stats.spearmanr(turned, scores).statistic > 0.97


@pytest.mark.parametrize("method", ["reconstruction", "elbo", "latent"])
def test_other_methods_find_gross_errors(method):
    X = patients(100).drop(columns="total")
    model = ReconstructionDetector(TabularVAE(**QUICK), method=method, random_state=0).fit(X)
    wrong = X.dropna().assign(weight=150.0, height=140.0)
    assert model.score_samples(wrong).mean() < np.quantile(model.normal_scores_, 0.1)


def test_trimming_finds_the_abnormal_rows_of_a_contaminated_training_set():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(90, 4)), rng.normal(size=(15, 4)) + 5])
    plain = ReconstructionDetector(TabularVAE(**QUICK), random_state=0).fit(X)
    robust = clone(plain).set_params(trim=0.15).fit(X)
    assert not robust.kept_[90:].any()
    new = rng.normal(size=(40, 4)) + 5
    assert (robust.predict(new) == -1).all()
    assert robust.score_samples(new).max() < plain.score_samples(new).min()


def test_patients_are_left_out_whole_and_count_alike():
    X = pd.concat([patients(40)] * 3, ignore_index=True)
    groups = np.tile(np.arange(40), 3)
    model = ReconstructionDetector(TabularVAE(**QUICK), random_state=0).fit(X, groups=groups)
    assert model.n_calibration_ == 40
    assert model.p_values(X).min() >= 1 / 41


def test_a_patient_of_many_rows_weighs_no_more_than_others():
    scores = np.array([0.0, 0.0, 0.0, 1.0, 2.0])
    groups = np.array([0, 0, 0, 1, 2])
    p = Calibration.of(scores, groups).p_values(np.array([-1.0, 0.0, 1.5]))
    assert_allclose(p, [1 / 4, 2 / 4, 3 / 4])


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [5, 19, 20, 57])
def test_the_threshold_is_where_the_p_value_is(rate, n):
    rng = np.random.default_rng(n)
    calibration = Calibration.of(rng.integers(0, 12, n).astype(float), rng.integers(0, 4, n))
    scores = np.arange(-1.0, 13.0, 0.5)
    assert_array_equal(scores < calibration.threshold(rate), calibration.p_values(scores) <= rate)


def test_folds_leave_enough_and_keep_patients_together():
    groups = np.repeat(np.arange(8), 3)
    folds = deal_folds(24, groups, 5, least=10, seed=0)
    assert all(len(np.unique(folds[groups == g])) == 1 for g in range(8))
    with pytest.raises(ValueError, match="10 other rows"):
        deal_folds(24, np.repeat([0, 1], [20, 4]), 5, least=10, seed=0)


def test_bad_input_is_refused_in_words(detector):
    X = patients(20, seed=7)
    with pytest.raises(ValueError, match="feature names should match"):
        detector.predict(X.rename(columns={"sex": "gender"}))
    with pytest.raises(ValueError, match="must hold numbers"):
        detector.predict(X.assign(weight="heavy"))
    with pytest.raises(ValueError, match="more than 10 normal rows"):
        ReconstructionDetector(TabularVAE(**QUICK), trim=0.4).fit(X.head(16))
    with pytest.raises(ValueError, match="generator"):
        ReconstructionDetector(Bootstrap()).fit(X)
    with pytest.warns(UserWarning, match="nothing can be flagged"):
        ReconstructionDetector(TabularVAE(**QUICK), false_positive_rate=0.01).fit(X)


def false_alarms(n_train, n_new, seed):
    """Give the share of new normal rows that are flagged, and one p-value."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(5, 5))
    X = np.exp(0.3 * rng.normal(size=(n_train + n_new, 5)) @ mixing)
    generator = TabularVAE(max_steps=5, n_members=1, latent_dim=3)
    model = ReconstructionDetector(generator, random_state=seed).fit(X[:n_train])
    p = model.p_values(X[n_train:])
    return (p <= 0.1).mean(), p[0]


def test_the_rate_of_false_alarms_is_the_one_asked_for():
    rates = [false_alarms(59, 300, seed)[0] for seed in range(4)]
    # of one fit the rate is beta distributed: standard deviation 0.038, of the mean of four 0.019
    assert abs(np.mean(rates) - 0.1) < 0.055


@pytest.mark.slow
def test_false_alarms_are_beta_binomial_and_p_values_uniform():
    results = [false_alarms(99, 200, seed) for seed in range(500)]
    rates = np.array([rate for rate, _ in results])
    assert abs(rates.mean() - 0.1) < 0.015
    low, high = stats.betabinom(200, 10, 90).ppf([0.025, 0.975]) / 200
    assert ((rates >= low) & (rates <= high)).mean() > 0.93
    tie = np.random.default_rng(0).random(500) / 100
    assert stats.kstest(np.array([p for _, p in results]) - tie, "uniform").pvalue > 0.01


def test_what_is_missing_where_nothing_ever_was_is_flagged_and_named():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 3)), columns=list("abc"))
    generator = TabularVAE(n_members=1, max_steps=30)
    detector = ReconstructionDetector(generator, random_state=0).fit(X)
    gaps = X.iloc[[0, 1]].copy()
    gaps.iloc[0], gaps.iloc[1, 1] = np.nan, np.nan
    assert detector.predict(gaps).tolist() == [-1, -1]
    reasons = detector.explain(gaps).abs()
    assert (reasons.iloc[0] > 1).all()
    assert reasons.iloc[1].idxmax() == "b"


@pytest.mark.parametrize("likeness", [0.0, 0.5, 0.95])
def test_the_rate_holds_for_a_row_of_a_new_patient_and_is_not_far_below(likeness):
    rng, flagged = np.random.default_rng(0), []
    for _ in range(400):
        sizes = rng.integers(2, 20, 11)
        own = np.repeat(rng.normal(size=11) * np.sqrt(likeness), sizes)
        scores = own + rng.standard_t(4, len(own)) * np.sqrt(1 - likeness)
        patient = np.repeat(np.arange(11), sizes)
        known = patient < 10
        calibration = Calibration.of(scores[known], patient[known])
        flagged.append((calibration.p_values(scores[~known]) <= 0.1).mean())
    # ten patients: the nominal rate is 1 / 11; one standard error of the mean is at most .013
    assert 0.05 < np.mean(flagged) < 0.12

"""`evaluate_lift` end to end, with generators whose answer is known."""

import json
import warnings
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from augment import LiftResult, evaluate_lift
from augment._errors import AugmentWarning, TrainingError
from augment.evaluation.inputs import check_cohort
from augment.evaluation.splits import plan_splits
from tests.evaluation.doubles import Broken, Copies, OneClass, Oracle, Spy, blobs, clinical

OWN = {"bootstrap": Copies(), "class_weight": None}


def lift(generator, X, y, **options):
    given = {
        "estimators": LogisticRegression(),
        "baselines": OWN,
        "n_splits": 3,
        "random_state": 0,
        "ratio": 2.0,
    }
    return evaluate_lift(generator, X, y, **(given | options))


@pytest.fixture(scope="module")
def result():
    X, y = blobs(300, 100, 2.0)
    outside = blobs(150, 100, 2.0, seed=1)
    return lift(
        Oracle(100, 2.0),
        X,
        y,
        X_test=outside[0],
        y_test=outside[1],
        estimators={"LR": LogisticRegression(C=0.01), "k-NN": KNeighborsClassifier(30)},
        n_splits=5,
        n_repeats=2,
        ratio=4.0,
    )


def test_rows_from_the_true_law_help(result):
    assert result.verdict == "helps"
    assert result.reason[0].isupper()
    outside = result.external.summary.query("estimator == 'all' and arm == 'augmented'")
    outside = outside.set_index("metric").loc[["roc_auc", "neg_log_loss"]]
    assert (outside["lift"] > 0).all()
    assert (outside["lower"] < outside["lift"]).all()
    assert result.by_estimator.set_index("estimator")["verdict"]["LR"] == "helps"
    assert result.equivalent_rows.text.startswith(">= 120 further real rows")
    assert result.external.n_test == 150


def test_tables_are_as_documented(result):
    assert list(result.scores.columns) == [
        "repeat", "split", "estimator", "arm", "metric", "value", "n_train", "n_synthetic",
    ]  # fmt: skip
    # k-NN cannot weigh classes: 5 arms for one classifier, 4 for the other
    assert len(result.scores) == 10 * 5 * (5 + 4)
    assert not result.scores["value"].isna().any()
    real = result.summary.query("arm == 'real'")
    assert (real[["lift", "lower", "upper"]] == 0).all().all()
    assert set(result.scores.query("arm == 'augmented'")["n_synthetic"]) == {960}
    assert set(result.scores.query("arm == 'class_weight'")["n_synthetic"]) == {0}
    one = result.summary.query("estimator == 'LR' and arm == 'augmented' and metric == 'roc_auc'")
    wide = result.scores.query("estimator == 'LR' and metric == 'roc_auc'").pivot_table(
        index=["repeat", "split"], columns="arm", values="value"
    )
    assert one["lift"].item() == pytest.approx((wide["augmented"] - wide["real"]).mean())
    assert result.calibration.groupby("arm")["n"].sum()["real"] == 300 * 2 * 2
    assert set(result.smallest_detectable_lift) == set(result.scores["metric"])


def test_json_round_trip(result):
    text = result.to_json()
    again = LiftResult.from_dict(json.loads(text))
    assert again.to_json() == text
    pd.testing.assert_frame_equal(again.summary, result.summary)
    pd.testing.assert_frame_equal(again.scores, result.scores)
    pd.testing.assert_frame_equal(again.external.summary, result.external.summary)
    assert again.equivalent_rows.text == result.equivalent_rows.text
    assert str(again) == str(result)


def test_text_shows_the_verdicts(result):
    text = str(result)
    assert text.count("helps") >= 3
    assert "all (mean)" in text
    assert "External test (150 rows): " in text
    assert "verdict='helps'" in repr(result)


def test_settings_hold_what_a_methods_paragraph_needs(result):
    settings = result.settings
    assert (settings["n_rows"], settings["n_train"], settings["n_test"]) == (300, 240, 60)
    assert settings["random_state"] == 0
    assert settings["generator"] == "Oracle"
    assert settings["rope"] == {"roc_auc": 0.005, "neg_log_loss": 0.01}
    assert {"augment", "python", "scikit-learn"} <= set(settings["versions"])


def test_the_generator_sees_training_rows_alone():
    X, y = clinical(80)
    Spy.seen.clear()
    groups = np.arange(80) // 2
    lift(Spy(), X, y, groups=groups, n_splits=4, n_repeats=2, baselines=("class_weight",))
    splits = plan_splits(check_cohort(X, y, groups), 4, 2, seed=0)
    fits, on_halves = Spy.seen[:8], Spy.seen[8:]
    assert [fit["rows"] for fit in fits] == [set(split.train) for split in splits]
    assert all(
        np.array_equal(f["groups"], groups[s.train]) for f, s in zip(fits, splits, strict=True)
    )
    assert len({fit["seed"] for fit in fits}) == 8
    assert len(on_halves) == 8
    for fit, split in zip(on_halves, splits, strict=True):
        assert fit["rows"] < set(split.train)
        assert len(fit["rows"]) == 30


def test_results_do_not_depend_on_the_number_of_processes():
    X, y = clinical(50)
    forest = RandomForestClassifier(10)
    one, two = (
        lift(Copies(), X, y, estimators=forest, n_repeats=1, n_jobs=n).scores for n in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two)


def test_an_int_repeats_a_result_and_another_changes_it():
    X, y = blobs(40, 3)
    first, second, third = (
        lift(Copies(), X, y, n_repeats=1, random_state=seed).scores["value"] for seed in (1, 1, 2)
    )
    assert first.equals(second)
    assert not first.equals(third)


def test_global_random_state_is_untouched():
    X, y = blobs(40, 3)
    before = np.random.get_state()[1].tolist()
    lift(Copies(), X, y, n_repeats=1, random_state=None)
    assert np.random.get_state()[1].tolist() == before


def test_copies_against_copies_do_not_help():
    X, y = blobs(60, 4)
    assert lift(Copies(), X, y, n_repeats=2).verdict != "helps"


def test_without_copies_the_verdict_is_withheld():
    X, y = blobs(300, 100, 2.0)
    ridge = LogisticRegression(C=0.01)
    found = lift(
        Oracle(100, 2.0), X, y, ratio=4.0, n_splits=5, n_repeats=2, baselines=(), estimators=ridge
    )
    assert found.verdict == "no evidence"
    assert "plain copies" in found.reason


def test_a_control_that_fails_is_named_and_left_out():
    X, y = blobs(50, 3)
    found = lift(Copies(), X, y, n_repeats=1, baselines={**OWN, "rival": Broken()})
    assert "rival" not in set(found.scores["arm"])
    note = next(note for note in found.notes if "rival" in note)
    assert "failed in 3 of 3 splits" in note
    assert "RuntimeError: the flux capacitor is empty" in note


def test_a_failing_generator_is_an_error():
    X, y = blobs(50, 3)
    with pytest.raises(TrainingError, match=r"repeat 0, split 0.*flux capacitor"):
        lift(Broken(), X, y)


def test_a_classifier_that_fails_in_one_arm_is_left_out_there():
    X, y = blobs(50, 3)
    found = lift(OneClass(), X, y, n_repeats=1)
    assert "synthetic" not in set(found.scores["arm"])
    assert any("LogisticRegression in arm 'synthetic'" in note for note in found.notes)
    assert "augmented" in set(found.scores["arm"])


class Moody(LogisticRegression):
    """Fails once, on many rows."""

    failures: ClassVar[list[int]] = []

    def fit(self, X, y):
        if len(X) > 100 and not Moody.failures:
            Moody.failures.append(len(X))
            raise RuntimeError("not today")
        return super().fit(X - 0.5, y)


def test_what_failed_once_has_no_part_in_the_intervals_over_patients():
    X, y = blobs(60, 3)
    Moody.failures.clear()
    both = {"LR": LogisticRegression(), "moody": Moody(C=1e-3)}
    groups = np.arange(60) // 2
    found = lift(Copies(), X, y, estimators=both, groups=groups, n_repeats=1).comparisons
    assert Moody.failures
    one, every = (
        found.query("estimator == @name and reference == 'real'").drop(columns="estimator")
        for name in ("LR", "all")
    )
    pd.testing.assert_frame_equal(one.reset_index(drop=True), every.reset_index(drop=True))


def test_rare_classes_are_named_and_not_scored():
    X, y = blobs(60, 3)
    y = y.astype(str)
    y[:2] = "rare"
    found = lift(Copies(), X, y, n_repeats=1)
    assert found.settings["left_out_classes"] == {"rare": 2}
    assert any("'rare'" in note and "training" in note for note in found.notes)
    assert found.summary["mean"].notna().all()


def test_three_classes_in_a_mixed_table():
    X, y = clinical(90)
    y = y.where(np.arange(90) % 3 > 0, "third")
    found = lift(Copies(), X, y, n_repeats=1, groups=np.arange(90) // 3)
    assert found.settings["groups"] == 30
    assert found.summary["mean"].notna().all()
    assert found.calibration["n"].sum() % 3 == 0


def test_duplicates_are_warned_of():
    X, y = blobs(50, 3)
    X[1] = X[0]
    with pytest.warns(AugmentWarning, match="2 rows of X have an exact duplicate"):
        found = lift(Copies(), X, y, n_repeats=1)
    assert any("exact duplicate" in note for note in found.notes)
    with warnings.catch_warnings():
        warnings.simplefilter("error", AugmentWarning)
        lift(Copies(), X, y, n_repeats=1, groups=np.r_[0, 0, np.arange(2, 50)])


def test_images_go_to_the_classifier_as_they_are():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 20)
    images = rng.normal(size=(40, 1, 4, 4)) + y[:, None, None, None]

    class Pixels(LogisticRegression):
        def fit(self, X, y):
            return super().fit(X.reshape(len(X), -1), y)

        def predict_proba(self, X):
            return super().predict_proba(X.reshape(len(X), -1))

    found = lift(Copies(), images, y, estimators=Pixels(), n_repeats=1, baselines=())
    assert found.settings["n_columns"] == 16
    assert found.summary.query("arm == 'real' and metric == 'roc_auc'")["mean"].min() > 0.8

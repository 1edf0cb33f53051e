"""`evaluate_lift` on images: arms, roles, weights, patients, memory and warnings."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from augment import ImageClassifier, ImageVAE, LiftResult, evaluate_lift
from augment._errors import AugmentWarning, InvalidInputError, InvalidTypeError
from augment.evaluation.arms import Plan
from augment.evaluation.by_group import group_error
from augment.evaluation.classifiers import Candidate
from augment.evaluation.images import (
    ConvolutionFeatures,
    ImageCopies,
    image_estimators,
    with_moved_copies,
)
from augment.evaluation.inputs import check_cohort
from augment.evaluation.notes import cohort_notes
from augment.evaluation.rows import TrainingSet, joined
from tests.evaluation.doubles import Copies

ARMS = {
    "real", "augmented", "bootstrap", "classical", "classical_augmented", "classical_bootstrap",
    "synthetic",
}  # fmt: skip


def slices(n=48, side=12, seed=0):
    """Give images of two classes whose bright side differs, two of each patient."""
    rng = np.random.default_rng(seed)
    y = np.repeat(rng.permutation(np.arange(n // 2) % 2), 2)
    images = rng.normal(100, 60, (n, 1, side, side))
    images[:, :, :, : side // 2] += 40 * y[:, None, None, None]
    return images.astype(np.float32), np.where(y == 1, "left", "none"), np.arange(n) // 2


def tiny(**changes):
    return ImageClassifier(**({"max_steps": 5, "width": 4, "batch_size": 8} | changes))


def lift(generator, X, y, **options):
    linear = make_pipeline(ConvolutionFeatures(), StandardScaler(), LogisticRegression())
    given = {
        "estimators": {"CNN": tiny(), "linear": linear},
        "n_splits": 3,
        "n_repeats": 1,
        "random_state": 0,
    }
    return evaluate_lift(generator, X, y, **(given | options))


@pytest.fixture(scope="module")
def result():
    X, y, groups = slices()
    return lift(ImageVAE(), X, y, groups=groups)


def test_every_arm_runs_with_every_classifier(result):
    assert set(result.scores["arm"]) == ARMS
    assert len(result.scores) == 3 * 7 * 2 * 5
    assert not result.scores["value"].isna().any()
    n = result.scores.groupby("arm")["n_synthetic"].max()
    assert n["classical"] == n["real"] == 0
    assert n["classical_bootstrap"] == n["augmented"] == 160


def test_the_verdict_is_about_what_comes_on_top_of_classical_augmentation(result):
    settings = result.settings
    assert settings["roles"]["judged"] == "classical_augmented"
    assert result.reason.startswith("On top of classical augmentation, ")
    assert "Lift of 'classical_augmented' over 'classical'" in str(result)
    table = result.comparisons
    pairs = list(dict.fromkeys(zip(table["arm"], table["reference"], strict=True)))
    assert pairs[:2] == [
        ("classical_augmented", "classical"),
        ("classical_augmented", "classical_bootstrap"),
    ]
    assert ("augmented", "real") in pairs
    wide = result.scores.query("estimator == 'CNN' and metric == 'roc_auc'").pivot_table(
        index=["repeat", "split"], columns="arm", values="value"
    )
    lifts = (wide["classical_augmented"] - wide["classical"]).mean()
    row = table.query(
        "estimator == 'CNN' and metric == 'roc_auc' and reference == 'classical'"
    ).query("arm == 'classical_augmented'")
    assert row["lift"].item() == pytest.approx(lifts)
    own = result.by_estimator.set_index("estimator").loc["CNN", "lift_roc_auc"]
    assert own == pytest.approx(lifts)
    assert set(row["n_groups"]) == {24}
    assert (table["group_lower"] <= table["lift"]).all()


def test_words_speak_of_images(result):
    assert "row" not in str(result)
    assert result.settings["unit"] == "image"


def test_json_round_trip(result):
    again = LiftResult.from_json(result.to_json())
    pd.testing.assert_frame_equal(again.comparisons, result.comparisons)
    assert str(again) == str(result)


def test_without_classical_the_arms_are_those_of_tables():
    X, y, groups = slices(24)
    found = lift(Copies(), X, y, groups=groups, baselines=("bootstrap",), n_splits=2)
    assert set(found.scores["arm"]) == {"real", "augmented", "bootstrap", "synthetic"}
    assert found.settings["roles"]["judged"] == "augmented"
    assert set(found.comparisons["arm"]) == {"augmented"}


def test_copies_are_worth_nothing_against_copies():
    X, y, groups = slices()
    assert lift(ImageCopies(), X, y, groups=groups).verdict != "helps"


class Recorder(ImageClassifier):
    """Remembers what it was fitted with."""

    seen: list = []  # noqa: RUF012 (filled by the test)

    def fit(self, X, y, sample_weight=None):
        Recorder.seen.append((self.augmentation, self.max_steps, len(X), sample_weight))
        return super().fit(X, y, sample_weight)


def test_all_arms_have_equal_steps_and_synthetic_images_count_a_fifth():
    X, y, groups = slices(24)
    Recorder.seen.clear()
    given = {"max_steps": 2, "width": 4, "batch_size": 8}
    lift(ImageCopies(), X, y, groups=groups, estimators=Recorder(**given), n_splits=2)
    fits = Recorder.seen[:7]
    assert {steps for _, steps, _, _ in fits} == {2}
    assert [moved for moved, *_ in fits].count("classical") == 3
    for _, _, n, weight in fits:
        if n == 72:
            assert weight[:12].tolist() == [1.0] * 12
            assert weight[12:].tolist() == [0.2] * 60
    assert [n for _, _, n, _ in fits].count(72) == 4


def test_a_ratio_of_ones_own_counts_in_full():
    X, y, groups = slices(24)
    Recorder.seen.clear()
    given = {"max_steps": 2, "width": 4, "batch_size": 8}
    options = {"estimators": Recorder(**given), "n_splits": 2, "ratio": 1.0}
    lift(ImageCopies(), X, y, groups=groups, **options)
    assert {weight for *_, weight in Recorder.seen} == {None}


def test_who_cannot_weigh_images_is_named():
    X, y, groups = slices(24)
    found = {
        name: Candidate(name, None, learner, "")
        for name, learner in (("k-NN", KNeighborsClassifier()), ("CNN", tiny()))
    }
    own = (check_cohort(X, y, groups), np.arange(2), {}, False, tuple(found.values()), (), 5.0, 0)
    (note,) = cohort_notes(Plan(*own, None, weight=0.2), 0)
    assert note.startswith("k-NN takes no sample_weight")
    assert cohort_notes(Plan(*own, None), 0) == []


def test_no_groups_are_warned_of_loudly():
    X, y, groups = slices(24)
    with pytest.warns(AugmentWarning, match="No groups were given.*patient"):
        found = lift(ImageCopies(), X, y, n_splits=2, estimators=tiny())
    assert found.notes[0].startswith("No groups were given")
    assert found.comparisons["group_lower"].isna().all()
    with warnings.catch_warnings():
        warnings.simplefilter("error", AugmentWarning)
        lift(ImageCopies(), X, y, groups=groups, n_splits=2, estimators=tiny())


def test_duplicates_across_patients_are_warned_of():
    X, y, groups = slices(24)
    X[5] = X[0]
    with pytest.warns(AugmentWarning, match="2 rows of X have an exact duplicate"):
        lift(ImageCopies(), X, y, groups=groups, n_splits=2, estimators=tiny())


class Counter(ImageCopies):
    """Counts its fits."""

    n_fits = 0

    def fit(self, X, y):
        Counter.n_fits += 1
        return super().fit(X, y)


def test_a_memory_goes_on_where_a_study_was_cut(tmp_path, monkeypatch):
    X, y, groups = slices(24)
    options = {"groups": groups, "n_splits": 2, "estimators": tiny(), "memory": str(tmp_path)}
    first = lift(Counter(), X, y, **options)
    n = Counter.n_fits
    again = lift(Counter(), X, y, **options)
    assert Counter.n_fits == n > 0
    pd.testing.assert_frame_equal(again.scores, first.scores)
    lift(Counter(), X, y, **(options | {"random_state": 1}))
    assert Counter.n_fits == 2 * n
    monkeypatch.setattr("augment.evaluation.lift.provenance", lambda: {"code": "other"})
    lift(Counter(), X, y, **options)
    assert Counter.n_fits == 3 * n


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"X": slices(24)[0][:, 0]}, InvalidInputError, r"channel axis: X\[:, None\]"),
        ({"X": np.full((24, 1, 8, 8), np.nan)}, InvalidInputError, "24 image.*first is image 0"),
        ({"X": slices(24)[0].astype(object)}, InvalidTypeError, "must be numbers"),
        ({"baselines": ("smote",)}, InvalidInputError, "known for images are"),
        ({"baselines": {"classical_x": ImageCopies()}}, InvalidInputError, "classical_x"),
    ],
)
def test_refused(change, error, words):
    X, y, groups = slices(24)
    given = {"X": X, "y": y, "groups": groups} | change
    images, labels = given.pop("X"), given.pop("y")
    with pytest.raises(error, match=words):
        lift(ImageCopies(), images, labels, **given)


def test_default_classifiers_of_images():
    X, y, _ = slices()
    for name, model in image_estimators().items():
        if name == "small CNN":
            model.set_params(max_steps=3)
        model.fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("shape", [(2, 40, 64), (1, 5, 7), (3, 130, 70), (1, 1, 1)])
def test_filters_read_any_shape_and_range(shape):
    X = np.random.default_rng(0).random((6, *shape))
    found = ConvolutionFeatures().fit(X[:4]).transform(X)
    assert found.shape == (6, 192)
    assert np.isfinite(found).all()
    far = ConvolutionFeatures().fit(300 * X[:4] - 50).transform(300 * X - 50)
    np.testing.assert_allclose(far, found, atol=1e-3)


def test_moved_copies_count_as_one_and_what_is_added_stays():
    X, y, _ = slices(24)
    codes = (y == "left").astype(int)
    both = joined(TrainingSet(X[:10], codes[:10]), TrainingSet(X[10:], codes[10:]), 0.2)
    moved = with_moved_copies(both, 0)
    assert len(moved.X) == len(moved.codes) == 24 + 4 * 10
    np.testing.assert_array_equal(moved.X[:24], X)
    assert moved.weight.sum() == pytest.approx(10 + 0.2 * 14)
    np.testing.assert_array_equal(moved.codes[24:34], codes[:10])
    assert np.abs(moved.X[24:34] - X[:10]).mean() > 0.1


def test_copies_keep_labels_and_use_all_images():
    X, y, _ = slices()
    X_new, y_new = ImageCopies().fit(X, y).sample(96, random_state=0)
    assert sorted(y_new) == sorted([*y, *y])
    assert len(np.unique(X_new.reshape(96, -1), axis=0)) == 48
    again, _ = ImageCopies().fit(X, y).sample(96, random_state=0)
    np.testing.assert_array_equal(again, X_new)


def test_patients_widen_the_interval_where_their_rows_agree():
    rng = np.random.default_rng(0)
    patient = np.repeat(rng.normal(size=20), 5)
    influence = patient - patient.mean()
    rows, _ = group_error([influence], [np.arange(100)])
    whole, n = group_error([influence], [np.arange(100) // 5])
    assert n == 20
    assert whole == pytest.approx(rows * np.sqrt(5), rel=0.05)
    assert np.isnan(group_error([influence], [np.zeros(100, dtype=int)])[0])

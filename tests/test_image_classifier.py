"""The small convolutional network as a scikit-learn classifier."""

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import get_tags
from sklearn.utils._param_validation import InvalidParameterError

import augment
from augment import AugmentedClassifier, ImageClassifier, ImageVAE
from augment._errors import InvalidInputError
from augment.evaluation.images import ImageCopies


def slices(n=40, side=16, channels=1, seed=0, distance=1.0):
    """Give noise whose left half is brighter in one of two classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    images = rng.normal(0, 1, (n, channels, side, side))
    images[..., : side // 2] += distance * y[:, None, None, None]
    return images, np.where(y == 1, "left", "none")


def tiny(**changes):
    given = {"max_steps": 25, "width": 4, "batch_size": 16, "random_state": 0}
    return ImageClassifier(**(given | changes))


@pytest.fixture(scope="module")
def fitted():
    return tiny().fit(*slices())


def test_it_learns_and_gives_probabilities(fitted):
    X, y = slices(seed=1)
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (fitted.predict(X) == y).mean() > 0.9
    assert fitted.classes_.tolist() == ["left", "none"]
    assert fitted.n_steps_ == 25
    assert fitted.n_features_in_ == 256
    assert {"step", "loss", "accuracy"} <= set(fitted.history_)


def test_any_intensity_range_gives_the_same_classifier(fitted):
    X, y = slices()
    moved = tiny().fit(1000 * X - 7, y)
    np.testing.assert_allclose(
        moved.predict_proba(1000 * X - 7), fitted.predict_proba(X), atol=1e-3
    )


def test_integers_and_booleans_are_read():
    X, y = slices()
    small = tiny(max_steps=3)
    assert small.fit((X * 20 + 128).clip(0, 255).astype(np.uint8), y).predict(X).shape == (40,)
    assert small.fit(X > 0, y).predict(X > 0).shape == (40,)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 9), (2, 140, 150), (1, 1, 1)])
def test_any_channels_and_sides_are_served(shape):
    X = np.random.default_rng(0).random((12, *shape))
    y = np.arange(12) % 3
    assert tiny(max_steps=2).fit(X, y).predict_proba(X).shape == (12, 3)


def test_an_int_repeats_a_fit_and_streams_are_untouched(fitted):
    X, y = slices()
    np_state, torch_state = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    again = clone(fitted).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(again, fitted.predict_proba(X))
    np.testing.assert_array_equal(np.random.get_state()[1], np_state)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    other = tiny(random_state=1).fit(X, y).predict_proba(X)
    assert not np.array_equal(other, again)


def test_images_of_no_weight_are_not_there():
    X, y = slices()
    with_noise = np.concatenate([X, np.full((4, 1, 16, 16), 1e6)])
    weight = np.r_[np.ones(40), np.zeros(4)]
    labels = np.concatenate([y, y[:4]])
    one = tiny(max_steps=5).fit(with_noise, labels, sample_weight=weight).predict_proba(X)
    np.testing.assert_array_equal(one, tiny(max_steps=5).fit(X, y).predict_proba(X))


def test_weights_move_the_prevalence():
    X, y = slices(distance=0.0)
    new, shares = slices(seed=3, distance=0.0)[0], []
    for weight in (1.0, 9.0):
        model = tiny().fit(X, y, sample_weight=np.where(y == "left", weight, 1.0))
        shares.append(model.predict_proba(new)[:, 0].mean())
    assert shares[1] > shares[0] + 0.2


def test_classical_augmentation_changes_the_training():
    X, y = slices()
    moved = tiny(augmentation="classical").fit(X, y)
    assert not np.array_equal(moved.predict_proba(X), tiny().fit(X, y).predict_proba(X))
    assert (moved.predict(slices(seed=1)[0]) == slices(seed=1)[1]).mean() > 0.8


def test_scikit_learn_contract(fitted, tmp_path):
    X, y = slices()
    assert is_classifier(fitted)
    assert not get_tags(fitted).input_tags.two_d_array
    assert clone(fitted).get_params() == fitted.get_params()
    assert fitted.score(X, y) > 0.9
    assert cross_val_score(tiny(max_steps=15), X, y, cv=2).mean() > 0.7
    search = GridSearchCV(tiny(max_steps=3), {"width": [2, 4]}, cv=2).fit(X, y)
    assert set(search.best_params_) == {"width"}
    joblib.dump(fitted, tmp_path / "mine")
    again = joblib.load(tmp_path / "mine")
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(NotFittedError):
        tiny().predict(X)


def test_a_refit_forgets():
    X, y = slices()
    model = tiny(max_steps=3).fit(*slices(side=8, seed=4)).fit(X, y)
    np.testing.assert_array_equal(
        model.predict_proba(X), tiny(max_steps=3).fit(X, y).predict_proba(X)
    )


def test_a_saved_model_gives_the_same_probabilities(fitted, tmp_path):
    fitted.save(tmp_path / "classifier.safetensors")
    loaded = augment.load(tmp_path / "classifier.safetensors")
    X, _ = slices(seed=1)
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.get_params() == fitted.get_params()
    assert loaded.history_.equals(fitted.history_)


def test_a_constant_channel_is_served():
    X, y = slices(channels=2)
    X[:, 1] = 3.0
    assert np.isfinite(tiny(max_steps=3).fit(X, y).predict_proba(X)).all()


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        (np.zeros((4, 8, 8)), [0, 1, 0, 1], r"channel axis: X\[:, None\]"),
        (np.zeros((0, 1, 8, 8)), [], "at least one image"),
        (np.full((4, 1, 8, 8), np.nan), [0, 1, 0, 1], "4 images hold NaN.*first is image 0"),
        (np.zeros((4, 1, 8, 8), dtype=object), [0, 1, 0, 1], "real numbers"),
        (np.zeros((4, 1, 8, 8)), [1, 1, 1, 1], "at least two classes"),
        (np.zeros((4, 1, 8, 8)), [0, 1], "inconsistent"),
        (np.zeros((4, 1, 8, 8)), [0.1, 0.2, 0.5, 0.7], "continuous"),
    ],
)
def test_bad_input_is_named(X, y, words):
    with pytest.raises(ValueError, match=words):
        tiny().fit(X, y)


def test_bad_parameters_and_shapes_are_named(fitted):
    with pytest.raises(InvalidParameterError, match="augmentation"):
        tiny(augmentation="mixup").fit(*slices())
    with pytest.raises(InvalidInputError, match=r"\(n, 1, 16, 16\).*got \(2, 1, 8, 8\)"):
        fitted.predict(np.zeros((2, 1, 8, 8)))


def test_augmented_classifier_works_with_images():
    X, y = slices(60)
    groups = np.arange(60) // 2
    for generator in (ImageVAE(), ImageCopies()):
        model = AugmentedClassifier(
            tiny(max_steps=8), generator, ratios=(0, 1), weights=(0.5,), cv=2, random_state=0
        )
        model.fit(X, y, groups=groups)
        assert model.best_ratio_ in {0.0, 1.0}
        assert model.predict_proba(X).shape == (60, 2)
        assert set(model.predict(X)) <= {"left", "none"}
        assert len(model.cv_results_["ratio"]) == 2

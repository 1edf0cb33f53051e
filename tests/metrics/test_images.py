"""Laws of the image metrics: known answers, planted faults, invariances."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from augment._errors import InvalidInputError
from augment.metrics.fidelity import kernel_distance, standardised
from augment.metrics.images import (
    compare_images,
    ms_ssim_diversity,
    radiomic_features,
    random_conv_features,
)

EXTRACTORS = [random_conv_features, radiomic_features]
WORSE_WITH_BLUR = ("kernel distance", "Frechet distance")


def cohort(n, *, seed=0, side=32, spread=1.0):
    """Heads: a bright ellipse with texture and a spot whose place and size differ."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    images = []
    for _ in range(n):
        a, b, u, v = spread * rng.normal(0, 0.08, 4)
        head = ((y / (0.8 + a)) ** 2 + (x / (0.7 + b)) ** 2 < 1).astype(float)
        spot = np.exp(-((y - 0.2 - u) ** 2 + (x - v) ** 2) / 0.02)
        texture = gaussian_filter(rng.normal(size=(side, side)), 0.8)
        images.append(head * (0.5 + 0.15 * texture) + 0.4 * spot)
    return np.asarray(images, dtype=np.float32)[:, None]


@pytest.fixture(scope="module")
def frames():
    """Comparisons of a good sample and of faulty ones with the same real images."""
    real, holdout, fresh = cohort(40), cohort(40, seed=1), cohort(40, seed=2)
    samples = {
        "fresh": fresh,
        "blurred": gaussian_filter(fresh, (0, 0, 1, 1)),
        "collapsed": np.repeat(fresh[:4], 10, axis=0),
        "noise": np.random.default_rng(3).random(fresh.shape),
        "copies": np.concatenate([real[:20] + 1e-4, fresh[:20]]),
    }
    return {
        name: compare_images(real, images, holdout=holdout).set_index(["features", "metric"])
        for name, images in samples.items()
    }


def of(frame, metric, features="convolutions"):
    return frame.loc[(features, metric)]


@pytest.mark.parametrize("features", ["convolutions", "radiomics"])
def test_fresh_images_are_at_the_floor(frames, features):
    fresh = frames["fresh"]
    for metric in ("kernel distance", "Frechet distance"):
        line = of(fresh, metric, features)
        assert line["value"] < 3 * abs(line["floor"]) + 0.15
    for metric in ("recall", "coverage"):
        line = of(fresh, metric, features)
        assert line["value"] == pytest.approx(line["floor"], abs=0.2)
    assert of(fresh, "two-sample AUC", features)["value"] < 0.75
    assert of(fresh, "copy rate", features)["value"] < 0.2


@pytest.mark.parametrize("features", ["convolutions", "radiomics"])
@pytest.mark.parametrize("fault", ["blurred", "noise"])
def test_blur_and_noise_are_seen(frames, features, fault):
    for metric in WORSE_WITH_BLUR:
        line = of(frames[fault], metric, features)
        assert line["value"] > 5 * max(line["floor"], 0.02)
    assert of(frames[fault], "two-sample AUC", features)["value"] > 0.95
    assert of(frames[fault], "coverage", features)["value"] < 0.3


def test_noise_is_worse_than_blur(frames):
    for metric in WORSE_WITH_BLUR:
        assert of(frames["noise"], metric)["value"] > of(frames["blurred"], metric)["value"]


def test_collapse_is_seen(frames):
    collapsed = frames["collapsed"]
    for metric in ("recall", "coverage"):
        assert of(collapsed, metric)["value"] < 0.5 * of(collapsed, metric)["floor"]
    likeness = of(collapsed, "MS-SSIM of pairs", "pixels")
    assert likeness["value"] > likeness["floor_upper"]


def test_planted_copies_are_found(frames):
    assert of(frames["copies"], "copy rate")["value"] == pytest.approx(0.5, abs=0.1)


def test_units_do_not_matter():
    real, fresh = cohort(40), cohort(40, seed=1)
    for extract in EXTRACTORS:
        np.testing.assert_allclose(
            extract(fresh, reference=real),
            extract(1500 * fresh + 300, reference=1500 * real + 300),
            rtol=1e-2,
            atol=1e-3,
        )
    assert ms_ssim_diversity(255 * real) == pytest.approx(ms_ssim_diversity(real), abs=1e-4)


def test_brightness_against_the_reference_matters():
    real, fresh = cohort(40), cohort(40, seed=1)
    for extract in EXTRACTORS:
        moved = standardised(
            extract(real), extract(fresh, reference=real), extract(1.5 * fresh, reference=real)
        )
        assert kernel_distance(moved[0], moved[2]) > 5 * abs(kernel_distance(moved[0], moved[1]))


@pytest.mark.parametrize("extract", EXTRACTORS)
def test_features_depend_on_the_image_alone(extract):
    real, images = cohort(10), cohort(6, seed=1)
    together = extract(images, reference=real)
    np.testing.assert_allclose(
        extract(images[2:3], reference=real), together[2:3], rtol=1e-4, atol=1e-6
    )
    assert np.isfinite(together).all()


def test_seed_decides_the_filters():
    images = cohort(5)
    np.testing.assert_array_equal(random_conv_features(images), random_conv_features(images))
    other = random_conv_features(images, random_state=1)
    assert not np.allclose(other, random_conv_features(images))


def test_position_counts():
    images = cohort(30, spread=0.3)
    moved = standardised(random_conv_features(images), random_conv_features(images[:, :, ::-1]))
    assert kernel_distance(*moved) > 0.5


def test_projection_is_on_the_axes_of_the_reference():
    real, fresh = cohort(40), cohort(30, seed=1)
    projected = random_conv_features(fresh, reference=real, n_components=8)
    assert projected.shape == (30, 8)
    own = random_conv_features(real, reference=real, n_components=8)
    spread = own.std(axis=0)
    assert (np.diff(spread) <= 1e-9).all()
    assert np.square(spread).sum() <= 1


@pytest.mark.parametrize("side", [16, 28, 64, 100, 176])
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes_and_channels(side, channels):
    images = np.repeat(cohort(4, side=side), channels, axis=1)
    assert random_conv_features(images, n_features=48).shape == (4, 48)
    assert radiomic_features(images).shape == (4, 51 * channels)
    assert 0 < ms_ssim_diversity(images, n_pairs=5) < 1


def test_pairs_are_of_one_class_and_two_patients():
    images = np.concatenate([cohort(8), cohort(8, seed=1)[:, :, ::-1]])
    labels = np.repeat(["up", "down"], 8)
    assert ms_ssim_diversity(images, labels) > ms_ssim_diversity(images)
    doubled = np.repeat(cohort(6), 2, axis=0)
    assert ms_ssim_diversity(doubled, groups=np.repeat(range(6), 2)) < ms_ssim_diversity(doubled)
    assert np.isnan(ms_ssim_diversity(images, groups=np.zeros(16)))


def test_without_holdout_the_halves_are_of_different_patients():
    """Ten slices of each patient: halves by slice look far nearer than halves by patient."""
    patients = cohort(12)
    noise = np.random.default_rng(0).normal(0, 0.01, (120, 1, 32, 32))
    real = (np.repeat(patients, 10, axis=0) + noise).astype(np.float32)
    groups = np.repeat(np.arange(12), 10)
    by = {
        known: compare_images(real, real, groups=groups if known else None, features=["radiomics"])
        for known in (True, False)
    }
    floors = {k: f.set_index("metric")["floor"] for k, f in by.items()}
    assert floors[True]["coverage"] < 0.5 * floors[False]["coverage"]
    assert floors[True]["Frechet distance"] > 2 * floors[False]["Frechet distance"]
    assert by[True].set_index("metric").loc["copy rate", "value"] == 1.0


def test_classes_are_compared_one_by_one():
    real, fresh = cohort(60), cohort(60, seed=1)
    labels = np.tile(["a", "b"], 30)
    fresh[labels == "b"] *= 0.5
    frame = compare_images(
        real, fresh, labels=labels, synthetic_labels=labels, features=["convolutions"]
    )
    auc = frame[frame["metric"] == "two-sample AUC"].set_index("label")["value"]
    assert auc["b"] > 0.9
    assert auc["a"] < 0.8


def test_own_features_serve():
    frame = compare_images(
        cohort(20),
        cohort(20, seed=1),
        features={"mean": lambda images: images.mean(axis=(2, 3))},
        n_repeats=2,
    )
    assert set(frame["features"]) == {"mean", "pixels"}
    pd.testing.assert_series_equal(frame["n"], pd.Series([10] * len(frame), name="n"))


@pytest.mark.parametrize("call", [*EXTRACTORS, ms_ssim_diversity])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.zeros((4, 32, 32)), "channel axis"),
        (np.zeros((4, 1, 8, 32)), "at least 16 pixels"),
        (np.full((4, 1, 32, 32), np.nan), "finite"),
        (np.zeros((0, 1, 32, 32)), "at least one image"),
        (np.ones((4, 1, 32, 32)), "constant"),
        (np.full((4, 1, 32, 32), "x"), "numbers"),
    ],
)
def test_bad_images_are_refused(call, bad, words):
    with pytest.raises(InvalidInputError, match=words):
        call(bad)


def test_bad_settings_are_refused():
    images = cohort(12)
    with pytest.raises(InvalidInputError, match="multiple of 24"):
        random_conv_features(images, n_features=50)
    with pytest.raises(InvalidInputError, match="channels, height and width"):
        compare_images(images, cohort(12, side=28))
    with pytest.raises(InvalidInputError, match="among"):
        compare_images(images, images, features=["radiomic"])
    with pytest.raises(InvalidInputError, match="every sample or for none"):
        compare_images(images, images, labels=np.zeros(12))
    with pytest.raises(InvalidInputError, match="groups must have"):
        compare_images(images, images, groups=[1, 2])
    with pytest.raises(InvalidInputError, match="at least four"):
        compare_images(images[:3], images)

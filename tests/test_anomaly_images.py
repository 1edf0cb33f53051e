"""Laws of the detector on images that the study of slices does not reach."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

import augment
from augment import ImageVAE, ReconstructionDetector

DETECTOR = ReconstructionDetector(ImageVAE(latent_dim=4, deformation_grid=0), random_state=0)


def discs(n=24, seed=0):
    """Give smooth discs of one channel and, beside it, of another, on dark ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:20, :20]
    radius = rng.uniform(7, 8, (n, 1, 1, 1))
    inside = (y - 9.5) ** 2 + (x - 9.5) ** 2 < radius**2
    tissue = 10 + rng.normal(0, 1, (n, 2, 20, 20)) + rng.normal(0, 1, (n, 2, 1, 1))
    return inside * tissue


@pytest.fixture(scope="module")
def two_channels():
    return clone(DETECTOR).fit(discs())


def test_a_spot_in_either_channel_is_found_there(two_channels):
    for channel in (0, 1):
        images = discs(4, seed=1)
        images[:2, channel, 8:12, 8:12] += 12
        found = two_channels.explain(images)
        assert found.shape == images.shape
        assert found[:2, channel, 8:12, 8:12].mean() > 3
        assert two_channels.score_samples(images).argsort()[:2].max() < 2


def test_channels_of_other_units_change_nothing(two_channels):
    units = np.array([1.0, 5000.0])[:, None, None]
    other = clone(DETECTOR).fit(discs() * units)
    new = discs(8, seed=2)
    assert_allclose(other.score_samples(new * units), two_channels.score_samples(new), atol=1e-6)


def test_a_saved_detector_of_channels_scores_the_same(two_channels, tmp_path):
    two_channels.save(tmp_path / "d.safetensors")
    new = discs(8, seed=2)
    loaded = augment.load(tmp_path / "d.safetensors")
    assert_allclose(loaded.score_samples(new), two_channels.score_samples(new))

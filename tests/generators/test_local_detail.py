"""Laws of the law of local detail: real detail is sparse, and draws get as sparse."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import kurtosis

from augment import ImageVAE, load
from augment.generators._local_detail import GRID, LocalDetail, _bands

SHAPE = (1, 24, 24)
FACES = np.full((1, *SHAPE), 0.5)


def gaussian(n, seed=0):
    """Give images whose every sum is normal."""
    return np.random.default_rng(seed).normal(0, 0.05, (n, *SHAPE))


def spotted(n, seed=0):
    """Give images of one bright spot each, anywhere, on faint noise."""
    rng = np.random.default_rng(seed)
    places = np.indices(SHAPE[1:]).reshape(2, 1, *SHAPE[1:])
    centers = rng.uniform(4, 20, (2, n, 1, 1))
    apart = np.square(places - centers).sum(axis=0)
    return 0.01 * rng.normal(size=(n, *SHAPE)) + 0.5 * np.exp(-apart / 8)[:, None]


def fitted(images, own=1.0):
    images = images - images.mean(axis=0)
    return LocalDetail.fit([(images, np.zeros(len(images), dtype=np.int64))], [FACES], own)


def drawn(images, n, seed=1):
    """Give draws of a Gaussian law of images."""
    weights = np.random.default_rng(seed).normal(size=(n, len(images)))
    centred = (images - images.mean(axis=0)).reshape(len(images), -1)
    return (weights @ centred / np.sqrt(len(images))).reshape(n, *SHAPE)


def test_bands_add_up():
    images = gaussian(5)
    assert_allclose(_bands(images).sum(axis=0), images, atol=1e-12)


@pytest.mark.parametrize("own", [1.0, 0.5])
def test_normal_detail_is_left_as_it_is(own):
    images = gaussian(200)
    found = fitted(images, own)
    draws = drawn(images, 50)
    changed = found.given_to(draws, 0, np.zeros(50, dtype=np.int64))
    assert np.std(changed - draws) < 0.1 * np.std(draws)


def test_draws_become_as_sparse_as_images():
    images = spotted(80)
    draws = drawn(images, 80)
    changed = fitted(images).given_to(draws, 0, np.zeros(80, dtype=np.int64))
    real, before, after = (kurtosis(x, axis=None) for x in (images, draws, changed))
    assert before < after
    assert abs(after - real) < 0.7 * abs(before - real)
    assert 0.8 < changed.std() / draws.std() < 1.2


def test_more_detail_stays_more():
    found = fitted(spotted(80))
    assert (np.diff(found.values, axis=2) >= 0).all()


def test_too_little_detail_has_the_normal_law():
    found = fitted(spotted(1))
    assert_allclose(found.values, np.tile(GRID, (len(found.values), 1, 1)))


def test_only_draws_are_changed():
    images = np.clip(0.2 + spotted(30), 0, 1)
    vae = ImageVAE(deformation_grid=0, random_state=0).fit(images)
    assert_allclose(vae.reconstruct(images), images, atol=1e-3)


def test_a_saved_law_draws_the_same(tmp_path):
    vae = ImageVAE(random_state=0).fit(np.clip(0.2 + spotted(30), 0, 1))
    vae.save(tmp_path / "vae.augment")
    again = load(tmp_path / "vae.augment")
    assert np.array_equal(vae.sample(5, random_state=1)[0], again.sample(5, random_state=1)[0])

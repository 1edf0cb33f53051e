"""Laws of the denoising autoencoder beside the linear path of images."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import augment
from augment import ImageVAE
from augment.objectives.denoising import DenoisingObjective, coarse_noise
from tests.generators.test_images import blobs

PLAIN = {"latent_dim": 3, "deformation_grid": 0, "random_state": 0}


@pytest.fixture(scope="module")
def models():
    X, y = blobs()
    steps = {"denoising_steps": 80, "batch_size": 8}
    return ImageVAE(**PLAIN).fit(X, y), ImageVAE(**PLAIN, **steps).fit(X, y)


def test_what_does_not_belong_is_taken_away(models):
    X, y = blobs(20, seed=1)
    wrong = X.copy()
    wrong[:, :, 8:12, 1:5] += 400
    _, model = models
    pixels, conditions = model._images_and_conditions(wrong, y)
    denoised = 2 * model._seen(pixels, conditions) - models[0]._seen(pixels, conditions)
    clean = model._images_and_conditions(X, y)[0]
    before, after = (np.abs(seen - clean)[:, :, 8:12, 1:5].mean() for seen in (pixels, denoised))
    assert after < 0.6 * before


def test_draws_and_codes_stay_as_they_are(models):
    X, y = blobs(10, seed=1)
    plain, model = models
    assert_array_equal(plain.sample(20, random_state=0)[0], model.sample(20, random_state=0)[0])
    assert_array_equal(plain.encode(X, y), model.encode(X, y))
    assert (plain.reconstruct(X, y) != model.reconstruct(X, y)).any()
    assert model.history_["phase"].unique().tolist() == ["denoiser"]


def test_a_saved_model_sees_the_same(models, tmp_path):
    X, _ = blobs(10, seed=1)
    models[1].save(tmp_path / "vae.safetensors")
    loaded = augment.load(tmp_path / "vae.safetensors")
    assert_array_equal(loaded.reconstruct(X), models[1].reconstruct(X))
    assert_allclose(loaded.reconstruct(X[:1]), models[1].reconstruct(X)[:1], rtol=1e-4)


def test_both_networks_are_trained_where_both_are_asked_for():
    X, y = blobs(20)
    model = ImageVAE(**PLAIN, hidden_dim=4, max_steps=3, denoising_steps=2).fit(X, y)
    assert set(model.networks_) == {"decoder", "denoiser"}
    assert model.n_steps_ == 5


def test_noise_is_coarse_and_stays_inside_the_object():
    noise = coarse_noise(torch.zeros(64, 2, 32, 32), 8, torch.Generator().manual_seed(0))
    assert_array_equal(noise[:, 0], noise[:, 1])
    neighbours = np.corrcoef(noise[..., 1:].ravel(), noise[..., :-1].ravel())[0, 1]
    distant = np.corrcoef(noise[..., 16:].ravel(), noise[..., :-16].ravel())[0, 1]
    assert neighbours > 0.8
    assert abs(distant) < 0.1
    objective = DenoisingObjective(1, 0, 4, cells=4, spread=0.2, learning_rate=1e-3, seed=0)
    batch = {"image": torch.full((1, 5, 1, 16, 16), 0.5), "conditions": torch.zeros(1, 5, 0)}
    outside, everywhere = (
        objective.loss("denoiser", {**batch, "object": mark}, torch.Generator().manual_seed(0), 0)
        for mark in (torch.zeros(1, 5, 1, 16, 16), torch.ones(1, 5, 1, 16, 16))
    )
    assert outside[0] == 0  # an untrained network gives images back as they are
    assert everywhere[0] > 0.2

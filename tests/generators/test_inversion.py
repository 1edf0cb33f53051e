"""Encoders that are trained to invert a generator, and codes that are searched for."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from augment import ImageGAN, ReconstructionDetector, TabularGAN, load
from augment.generators import _cross_fit
from augment.generators._inversion import search_codes
from tests.generators.test_images import ADVERSARIAL, blobs

pytestmark = pytest.mark.usefixtures("short_warm_start")
ROWS = TabularGAN(max_steps=20, n_members=2, hidden_dim=8, critic_dim=8, random_state=0)
IMAGES = clone(ADVERSARIAL).set_params(latent_dim=4, max_steps=8, deformation_grid="auto")


def rows(n=80):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 5)) + 0.3 * rng.normal(size=(n, 5))
    X[rng.random(X.shape) < 0.05] = np.nan
    return X


def test_a_search_finds_the_best_code_and_rows_do_not_disturb_each_other():
    wanted = torch.tensor([[1.0, -1.0], [0.5, 2.0], [0.0, 0.0]])

    def energy(codes, wanted):
        return (codes - wanted).square().sum(dim=-1)

    with torch.inference_mode():
        found = search_codes(energy, torch.zeros(3, 2), wanted)
        alone = search_codes(energy, torch.zeros(1, 2), wanted[1:2])
    assert (energy(found, wanted) <= wanted.square().sum(dim=-1)).all()
    assert_allclose(found[0], wanted[0], atol=0.1)
    assert_array_equal(found[1:2], alone)


@pytest.mark.parametrize("inversion", ["encoder", "search"])
def test_rows_are_inverted_better_and_drawn_as_before(inversion):
    X = rows()
    plain, other = clone(ROWS).fit(X), clone(ROWS).set_params(inversion=inversion).fit(X)
    assert_array_equal(plain.sample(9, random_state=1)[0], other.sample(9, random_state=1)[0])
    assert other.reconstruction_error(X).mean() < plain.reconstruction_error(X).mean()
    assert ("encoder" in set(other.history_["phase"])) == (inversion == "encoder")


@pytest.mark.parametrize(
    ("kind", "inversion"), [("rows", "encoder"), ("rows", "search"), ("images", "encoder")]
)
def test_a_detector_around_it_is_saved_whole(tmp_path, monkeypatch, kind, inversion):
    monkeypatch.setattr(_cross_fit, "N_FOLDS", 2)
    X = rows() if kind == "rows" else blobs()[0]
    generator = clone(ROWS if kind == "rows" else IMAGES).set_params(inversion=inversion)
    detector = ReconstructionDetector(generator, random_state=0).fit(X[:50])
    detector.save(tmp_path / "model")
    scores = detector.score_samples(X)
    assert_allclose(load(tmp_path / "model").score_samples(X), scores, rtol=1e-6, atol=1e-6)
    assert_allclose(detector.score_samples(X[:1]), scores[:1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("inversion", ["encoder", "search"])
def test_images_are_inverted_no_worse_in_what_is_asked_for(inversion):
    X, y = blobs()
    gan = clone(IMAGES).set_params(inversion=inversion).fit(X, y)
    path = gan._path()
    pixels, conditions = gan._images_and_conditions(X, y)
    images = torch.as_tensor(pixels, dtype=torch.float32)
    given = torch.as_tensor(conditions.features, dtype=torch.float32)
    codes = torch.as_tensor(gan.encode(X, y), dtype=torch.float32)
    with torch.no_grad():
        start = path.energy(path.encode(images, given), images, given)
        now = path.energy(codes, images, given)
    assert now.mean() <= start.mean() + 1e-6
    assert gan.reconstruct(X, y).shape == X.shape


def test_a_deformation_cannot_be_inverted():
    with pytest.raises(ValueError, match="deformation_grid"):
        ImageGAN(inversion="search", deformation_grid=4).fit(blobs()[0])


def test_a_critic_of_one_patient_does_not_exist_and_the_linear_path_stands_in():
    X, _ = blobs()
    gan = clone(IMAGES).set_params(inversion="encoder")
    with pytest.warns(UserWarning, match="one patient"):
        gan.fit(X, groups=np.zeros(len(X)))
    assert gan.encode(X).shape == (len(X), 4)

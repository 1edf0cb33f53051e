"""Rivals of images: MONAI's run here; pythae, which is not installed, is stood in for."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from augment._random import isolated_rng
from augment.benchmarking.rival import rival_scripts

NAMES = ("monai_gan", "monai_vae", "pythae_vae")


def rows(side: int = 36) -> dict[str, np.ndarray]:
    """Images of two classes, one dark and one bright, whose side is no multiple of 16."""
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], [12, 4])
    images = rng.uniform(0, 50, (16, 1, side, side)) + 200 * labels[:, None, None, None]
    return {"images": images.astype(np.float32), "labels": labels}


class Law:
    """What pythae's samplers do: fit on images from 0 to 1, and draw as many as asked for."""

    def __init__(self, model, config) -> None:
        self.n_components = config

    def fit(self, images) -> None:
        assert images.min() == 0
        assert images.max() >= 1
        self.images = images

    def sample(self, num_samples):
        return self.images[np.random.randint(len(self.images), size=num_samples)]


@pytest.fixture
def pythae(monkeypatch):
    """A package that records what it is asked for."""
    asked = {}

    def pipeline(model, training_config):
        asked.setdefault("trainings", []).append(training_config)
        return lambda images: asked.setdefault("shapes", []).append(images.shape)

    parts = {
        "pythae": {},
        "pythae.models": {
            "VAE": lambda config: SimpleNamespace(eval=lambda: config),
            "VAEConfig": lambda **options: options,
        },
        "pythae.pipelines": {"TrainingPipeline": pipeline},
        "pythae.samplers": {
            "GaussianMixtureSampler": Law,
            "GaussianMixtureSamplerConfig": lambda n: n,
        },
        "pythae.trainers": {"BaseTrainerConfig": lambda **options: options},
    }
    for name, content in parts.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return asked


@pytest.mark.parametrize("name", NAMES)
def test_images_have_the_shape_the_range_and_the_label_that_is_asked_for(name, pythae):
    script = importlib.import_module(f"augment.benchmarking.rivals.{name}")
    data, options = rows(), {} if name == "pythae_vae" else {"seconds": 0.2}
    assert script.KIND == "images"
    with isolated_rng(0):
        state = np.random.get_state()
        model = script.fit(data, "", [], 1, **options)
        drawn, again = (script.sample(model, 40, 2) for _ in range(2))
        np.random.set_state(state)
    images, labels = drawn["images"], drawn["labels"]
    assert images.shape == (40, 1, 36, 36)
    assert np.isfinite(images).all()
    assert images.min() >= data["images"].min() - 1e-3
    assert images.max() <= data["images"].max() + 1e-3
    assert set(labels) == {0, 1}
    assert (labels == 0).mean() > 0.5
    np.testing.assert_array_equal(images, again["images"])
    if name == "pythae_vae":
        assert images[labels == 0].max() < images[labels == 1].min()
        assert pythae["shapes"] == [(12, 1, 36, 36), (4, 1, 36, 36)]
        assert {training["no_cuda"] for training in pythae["trainings"]} == {True}


def test_they_come_along():
    assert set(NAMES) <= set(rival_scripts())

"""The variational autoencoder of pythae (C. Chadebec, 2022) with its sampler, one a class."""

from typing import Any

import numpy as np

KIND = "images"
REQUIRES = ("pythae",)


def fit(
    rows: Any,
    target: str,
    discrete: list[str],
    seed: int,
    latent_dim: int = 16,
    n_components: int = 10,
    **training: Any,
) -> Any:
    """Train a model for each class; `training` goes to the package's ``BaseTrainerConfig``."""
    from pythae.models import VAE, VAEConfig
    from pythae.pipelines import TrainingPipeline
    from pythae.samplers import GaussianMixtureSampler, GaussianMixtureSamplerConfig
    from pythae.trainers import BaseTrainerConfig

    options = {"num_epochs": 300, "learning_rate": 1e-3, "per_device_train_batch_size": 16}
    images, labels = rows["images"].astype(np.float32), rows["labels"]
    samplers = {}
    for label in np.unique(labels):
        own = images[labels == label]
        low, high = float(own.min()), float(own.max())
        scaled = (own - low) / max(high - low, 1e-12)  # its sampler wants a largest value of 1
        model = VAE(VAEConfig(input_dim=tuple(own.shape[1:]), latent_dim=latent_dim))
        config = BaseTrainerConfig(
            output_dir="pythae", seed=seed, no_cuda=True, **{**options, **training}
        )
        TrainingPipeline(model=model, training_config=config)(scaled)
        law = GaussianMixtureSampler(model.eval(), GaussianMixtureSamplerConfig(n_components))
        law.fit(_tensor(scaled))
        samplers[label] = law, low, high
    return samplers, labels


def sample(model: Any, n_rows: int, seed: int) -> dict[str, np.ndarray]:
    """Draw images, each class as often as in training."""
    labels = np.random.default_rng(seed).choice(model[1], n_rows)
    return {"images": draw(model, labels, seed), "labels": labels}


def draw(model: Any, wanted: np.ndarray, seed: int) -> np.ndarray:
    """Draw an image for each wanted label; its mixture draws from numpy's global stream."""
    np.random.seed(seed)  # noqa: NPY002, TID251 (this interpreter is its own)
    parts = {}
    for label in np.unique(wanted):
        law, low, high = model[0][label]
        drawn = law.sample(num_samples=int((wanted == label).sum()))
        parts[label] = iter(low + (high - low) * drawn.detach().cpu().numpy())
    return np.stack([next(parts[label]) for label in wanted])


def _tensor(images: np.ndarray) -> Any:
    import torch

    return torch.as_tensor(images)

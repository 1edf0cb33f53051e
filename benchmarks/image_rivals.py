"""Generators of images built from MONAI's parts, to compare with.

Each is trained for a given number of seconds of computing on one process, and draws images for
wanted labels. Images are scaled from 0 to 1.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from monai.networks.nets import Discriminator, Generator, VarAutoEncoder
from sklearn.covariance import ledoit_wolf
from torch import nn
from torch.nn import functional

from augment._random import isolated_rng

LATENT_DIM, BATCH = 64, 16


def monai_vae(
    X: np.ndarray, y: np.ndarray, wanted: np.ndarray, seconds: float, seed: int
) -> dict[str, np.ndarray]:
    """Train MONAI's dense variational autoencoder; draw from a fitted law, and from N(0, I).

    The fitted law is a Gaussian for each class with the covariance of Ledoit and Wolf.
    """
    with isolated_rng(seed):
        network = _trained_vae(X, seconds)
    images = torch.as_tensor(X / 255, dtype=torch.float32)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        codes = network.encode_forward(images)[0].numpy()
        fitted = np.empty((len(wanted), LATENT_DIM))
        for label in np.unique(y):
            own, here = codes[y == label], wanted == label
            covariance = ledoit_wolf(own)[0]
            fitted[here] = rng.multivariate_normal(own.mean(axis=0), covariance, here.sum())
        laws = {"fitted law": fitted, "N(0, I)": rng.standard_normal(fitted.shape)}
        drawn = {
            name: network.decode_forward(torch.as_tensor(z, dtype=torch.float32)).numpy()
            for name, z in laws.items()
        }
    return {f"MONAI VAE, {name}": 255 * images for name, images in drawn.items()}


def _trained_vae(X: np.ndarray, seconds: float) -> VarAutoEncoder:
    network = VarAutoEncoder(
        spatial_dims=2,
        in_shape=X.shape[1:],
        out_channels=X.shape[1],
        latent_size=LATENT_DIM,
        channels=(16, 32, 64, 128),
        strides=(2, 2, 2, 2),
        use_mean_at_inference=True,
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    images = torch.as_tensor(X / 255, dtype=torch.float32)
    for share, batch in _batches(images, seconds):
        seen, mean, log_variance, _ = network(batch)
        divergence = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum()
        apart = functional.l1_loss(seen, batch, reduction="sum")
        optimizer.zero_grad()
        ((apart + min(1.0, 4 * share) * divergence) / len(batch)).backward()
        optimizer.step()
    return network.eval()


def monai_dcgan(
    X: np.ndarray, y: np.ndarray, wanted: np.ndarray, seconds: float, seed: int
) -> np.ndarray:
    """Train a generator and a discriminator of MONAI for each class: they know no conditions."""
    drawn = np.empty((len(wanted), *X.shape[1:]))
    classes = np.unique(y)
    for number, label in enumerate(classes):
        here = wanted == label
        with isolated_rng(seed * len(classes) + number):
            drawn[here] = _dcgan(X[y == label], int(here.sum()), seconds / len(classes))
    return drawn


def _dcgan(X: np.ndarray, n_samples: int, seconds: float) -> np.ndarray:
    channels, height, width = X.shape[1:]
    generator = nn.Sequential(
        Generator(
            latent_shape=LATENT_DIM,
            start_shape=(64, height // 8, width // 8),
            channels=(64, 32, 16, channels),
            strides=(2, 2, 2, 1),
        ),
        nn.Sigmoid(),
    )
    critic = Discriminator(
        in_shape=(channels, height, width),
        channels=(16, 32, 64, 128),
        strides=(2, 2, 2, 2),
        last_act=None,
    )
    sides = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (generator, critic)]
    for _, batch in _batches(torch.as_tensor(X / 255, dtype=torch.float32), seconds):
        fake = generator(torch.randn(len(batch), LATENT_DIM))
        loss = functional.softplus(-critic(batch)) + functional.softplus(critic(fake.detach()))
        sides[1].zero_grad()
        loss.mean().backward()
        sides[1].step()
        sides[0].zero_grad()
        functional.softplus(-critic(fake)).mean().backward()
        sides[0].step()
    generator.eval()
    with torch.no_grad():
        return 255 * generator(torch.randn(n_samples, LATENT_DIM)).numpy()


def _batches(images: torch.Tensor, seconds: float) -> Iterator[tuple[float, torch.Tensor]]:
    """Give random batches, and the share of the time that is used, until it is up."""
    start = time.process_time()
    while (share := (time.process_time() - start) / seconds) < 1:
        yield share, images[torch.randint(len(images), (BATCH,))]

"""A DCGAN (A. Radford, 2016) of MONAI's ``Generator`` and ``Discriminator``, one for each class."""

import time
from typing import Any

import numpy as np

KIND = "images"
REQUIRES = ("monai",)
LATENT_DIM, BATCH = 64, 16


def fit(rows: Any, target: str, discrete: list[str], seed: int, seconds: float = 180.0) -> Any:
    """Share some seconds of computing among the classes: these networks know no conditions."""
    import torch

    torch.manual_seed(seed)  # noqa: TID251 (this interpreter is its own)
    images, labels = rows["images"], rows["labels"]
    low, high = float(images.min()), float(images.max())
    scaled = torch.as_tensor((images - low) / max(high - low, 1e-12), dtype=torch.float32)
    height, width = images.shape[2:]  # the networks want multiples of 16
    scaled = torch.nn.functional.pad(scaled, (0, -width % 16, 0, -height % 16))
    classes = np.unique(labels)
    own = {label: scaled[torch.as_tensor(labels == label)] for label in classes}
    generators = {label: _trained(own[label], seconds / len(classes)) for label in classes}
    return generators, labels, (low, high, height, width)


def sample(model: Any, n_rows: int, seed: int) -> dict[str, np.ndarray]:
    """Draw images, each class as often as in training."""
    labels = np.random.default_rng(seed).choice(model[1], n_rows)
    return {"images": draw(model, labels, seed), "labels": labels}


def draw(model: Any, wanted: np.ndarray, seed: int) -> np.ndarray:
    """Draw an image for each wanted label."""
    import torch

    generators, _, (low, high, height, width) = model
    stream = torch.Generator().manual_seed(seed)
    parts: dict[Any, Any] = {}
    with torch.no_grad():
        for label in np.unique(wanted):
            codes = torch.randn(int((wanted == label).sum()), LATENT_DIM, generator=stream)
            parts[label] = iter(generators[label](codes)[..., :height, :width].numpy())
    return np.stack([low + (high - low) * next(parts[label]) for label in wanted])


def _trained(images: Any, seconds: float) -> Any:
    """Train with the loss of the original, that does not saturate."""
    import torch
    from monai.networks.nets import Discriminator, Generator
    from torch.nn.functional import softplus

    channels, height, width = images.shape[1:]
    generator = torch.nn.Sequential(
        Generator(
            latent_shape=(LATENT_DIM,),
            start_shape=(64, height // 8, width // 8),
            channels=(64, 32, 16, channels),
            strides=(2, 2, 2, 1),
        ),
        torch.nn.Sigmoid(),
    )
    critic = Discriminator(
        in_shape=(channels, height, width),
        channels=(16, 32, 64, 128),
        strides=(2, 2, 2, 2),
        last_act=None,
    )
    sides = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (generator, critic)]
    start = time.process_time()
    while time.process_time() - start < seconds:
        batch = images[torch.randint(len(images), (BATCH,))]
        fake = generator(torch.randn(len(batch), LATENT_DIM))
        loss = softplus(-critic(batch)) + softplus(critic(fake.detach()))
        sides[1].zero_grad()
        loss.mean().backward()
        sides[1].step()
        sides[0].zero_grad()
        softplus(-critic(fake)).mean().backward()
        sides[0].step()
    return generator.eval()

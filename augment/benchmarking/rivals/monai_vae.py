"""MONAI's dense variational autoencoder (M. J. Cardoso, 2022), with a fitted law of its codes."""

import time
from typing import Any

import numpy as np

KIND = "images"
REQUIRES = ("monai", "sklearn")
LATENT_DIM, BATCH = 64, 16


def fit(
    rows: Any,
    target: str,
    discrete: list[str],
    seed: int,
    seconds: float = 60.0,
    law: str = "class",
) -> Any:
    """Train for some seconds of computing; codes follow shrunk Gaussians, or ``law="standard"``."""
    import torch

    torch.manual_seed(seed)  # noqa: TID251 (this interpreter is its own)
    images, labels = rows["images"], rows["labels"]
    low, high = float(images.min()), float(images.max())
    scaled = torch.as_tensor((images - low) / max(high - low, 1e-12), dtype=torch.float32)
    height, width = images.shape[2:]  # the network wants multiples of 16
    scaled = torch.nn.functional.pad(scaled, (0, -width % 16, 0, -height % 16))
    network = _trained(scaled, seconds)
    with torch.no_grad():
        codes = network.encode_forward(scaled)[0].numpy()
    return network, codes, labels, (low, high, height, width), law


def sample(model: Any, n_rows: int, seed: int) -> dict[str, np.ndarray]:
    """Draw images, each class as often as in training."""
    labels = np.random.default_rng(seed).choice(model[2], n_rows)
    return {"images": draw(model, labels, seed), "labels": labels}


def draw(model: Any, wanted: np.ndarray, seed: int) -> np.ndarray:
    """Draw an image for each wanted label."""
    import torch
    from sklearn.covariance import ledoit_wolf

    network, codes, labels, (low, high, height, width), law = model
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((len(wanted), codes.shape[1]))
    for label in np.unique(wanted) if law == "class" else ():
        own, here = codes[labels == label], wanted == label
        center, covariance = own.mean(axis=0), ledoit_wolf(own)[0]
        drawn[here] = rng.multivariate_normal(center, covariance, int(here.sum()))
    with torch.no_grad():
        images = network.decode_forward(torch.as_tensor(drawn, dtype=torch.float32)).numpy()
    return np.asarray(low + (high - low) * images[..., :height, :width].clip(0, 1))


def _trained(images: Any, seconds: float) -> Any:
    """Train with the absolute error, and a divergence that grows in the first quarter."""
    import torch
    from monai.networks.nets import VarAutoEncoder
    from torch.nn import functional

    network = VarAutoEncoder(
        spatial_dims=2,
        in_shape=images.shape[1:],
        out_channels=images.shape[1],
        latent_size=LATENT_DIM,
        channels=(16, 32, 64, 128),
        strides=(2, 2, 2, 2),
        use_mean_at_inference=True,
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    start = time.process_time()
    while (share := (time.process_time() - start) / seconds) < 1:
        batch = images[torch.randint(len(images), (BATCH,))]
        seen, mean, log_variance, _ = network(batch)
        divergence = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum()
        apart = functional.l1_loss(seen, batch, reduction="sum")
        optimizer.zero_grad()
        ((apart + min(1.0, 4 * share) * divergence) / len(batch)).backward()
        optimizer.step()
    return network.eval()

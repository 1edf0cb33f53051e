"""The objective of a denoising autoencoder of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment._random import isolated_rng
from augment.networks.image_gan import ImageRefiner
from augment.objectives.base import Batch, Objective, Phase

__all__ = ["DenoisingObjective"]

WEIGHT_DECAY = 1e-2


class DenoisingObjective(Objective):
    """Restore images that coarse noise was added to.

    Noise of single pixels teaches a network to smooth, and it then reproduces lesions. Noise that
    is smooth over several pixels looks like lesions itself: the network learns to take away what
    does not belong, and to keep the rest [1]_.

    Parameters
    ----------
    channels, n_conditions, width : int
        Sizes; see `ImageRefiner`.
    cells : int
        Independent values of the noise along a side.
    spread : float
        Standard deviation of the noise.
    learning_rate : float
        Step size.
    seed : int
        Of the first weights.

    Notes
    -----
    Batches hold ``image`` (1, n, channels, height, width), ``object`` of the same shape, 0 where
    no noise is added, and ``conditions`` (1, n, c). Half of the batches are mirrored.

    References
    ----------
    .. [1] A. Kascenas et al., "The role of noise in denoising models for anomaly detection in
       medical images", Medical Image Analysis, 2023.
    """

    def __init__(
        self,
        channels: int,
        n_conditions: int,
        width: int,
        *,
        cells: int,
        spread: float,
        learning_rate: float,
        seed: int,
    ) -> None:
        with isolated_rng(seed):
            network = ImageRefiner(channels, n_conditions, width)
        self.networks = nn.ModuleDict({"denoiser": network})
        self.phases = (Phase("denoiser", ("denoiser",), learning_rate, weight_decay=WEIGHT_DECAY),)
        self.cells, self.spread = cells, spread

    def loss(
        self,
        phase: str,  # noqa: ARG002 (there is only one)
        batch: Batch,
        generator: torch.Generator,
        step: int,  # noqa: ARG002 (nothing is scheduled)
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the mean squared residual of restored pixels, in units of the noise."""
        rows = {name: value.flatten(0, 1) for name, value in batch.items()}
        clean, inside = rows["image"], rows["object"]
        if bool(torch.rand((), generator=generator) < 0.5):
            clean, inside = clean.flip(-1), inside.flip(-1)
        noisy = clean + self.spread * inside * coarse_noise(clean, self.cells, generator)
        restored = self.networks["denoiser"](
            noisy, rows["conditions"], torch.zeros_like(clean[:, :1])
        )
        loss = torch.square((restored - clean) / self.spread).mean()
        return loss, {"residual": loss.detach()}


def coarse_noise(images: Tensor, cells: int, generator: torch.Generator) -> Tensor:
    """Draw noise for each image: a grid of normal values, interpolated and moved about.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        What the noise is for.
    cells : int
        Values along a side.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of the shape of `images`
        The same in all channels.

    Examples
    --------
    >>> noise = coarse_noise(torch.zeros(2, 1, 16, 16), 4, torch.Generator().manual_seed(0))
    >>> noise.shape, bool(noise.diff(dim=-1).abs().mean() < noise.abs().mean())
    (torch.Size([2, 1, 16, 16]), True)
    """
    height, width = images.shape[-2:]
    grid = torch.randn((len(images), 1, cells, cells), generator=generator)
    moved = [int(torch.randint(size, (), generator=generator)) for size in (height, width)]
    fine = functional.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)
    return torch.roll(fine, moved, (2, 3)).to(images).expand_as(images)

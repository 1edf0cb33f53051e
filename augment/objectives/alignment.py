"""The objective that brings images into the shape of others."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment.networks.warping import displacements, moved
from augment.objectives.base import Batch, Objective, Phase

__all__ = ["AlignmentObjective"]

LEARNING_RATE = 0.02
BENDING, SIZE = 1.0, 0.1
"""Weights of how strongly a deformation bends, and of how large it is."""


class AlignmentObjective(Objective):
    """Squared difference of deformed images from their targets, and how far they are deformed.

    Each image has velocities of its own, on a coarse grid; translations, scalings and rotations
    do not bend, so they cost little.

    Parameters
    ----------
    velocities : Tensor of shape (n, 2, g, g)
        Where to begin.
    unit : float
        Squared difference that counts as one.

    Notes
    -----
    Batches hold ``image`` and ``target`` (n, channels, height, width), and ``row`` (n,): whose
    velocities.
    """

    def __init__(self, velocities: Tensor, unit: float) -> None:
        self._shapes = _Table(velocities)
        self.networks = nn.ModuleDict({"shapes": self._shapes})
        self.phases = (Phase("alignment", ("shapes",), LEARNING_RATE, betas=(0.9, 0.999)),)
        self.unit = unit

    @property
    def velocities(self) -> Tensor:
        """The velocities of all images, on the CPU."""
        return self._shapes.values.detach().cpu()

    def loss(
        self,
        phase: str,  # noqa: ARG002 (there is only one)
        batch: Batch,
        generator: torch.Generator,  # noqa: ARG002 (the contract)
        step: int,  # noqa: ARG002 (the contract)
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the loss of all images, summed: no image has a say in another's."""
        velocities = self.networks["shapes"](batch["row"])
        images, targets = _smooth(batch["image"]), _smooth(batch["target"])
        way = displacements(velocities, (images.shape[-2], images.shape[-1]))
        apart = (moved(images, way) - targets).square().mean(dim=(1, 2, 3)).sum() / self.unit
        size = velocities.square().mean(dim=(1, 2, 3)).sum()
        loss = apart + BENDING * _bending(velocities) + SIZE * size
        return loss, {"apart": apart.detach()}


class _Table(nn.Module):
    """One learnable value for each image."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = nn.Parameter(values.clone())

    def forward(self, rows: Tensor) -> Tensor:
        """Look values up."""
        found: Tensor = self.values[rows]
        return found


def _smooth(images: Tensor) -> Tensor:
    """Blur images by a few pixels, so that edges find each other."""
    for _ in range(2):
        images = functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    return images


def _bending(velocities: Tensor) -> Tensor:
    """Give the mean squared second differences of each grid, summed over images."""
    down = velocities.diff(n=2, dim=2).square().sum()
    across = velocities.diff(n=2, dim=3).square().sum()
    mixed = velocities.diff(dim=2).diff(dim=3).square().sum()
    points = velocities.shape[2] * velocities.shape[3]
    return (down + across + 2 * mixed) / points

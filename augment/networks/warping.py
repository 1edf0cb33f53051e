"""Smooth deformations of images that can be undone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["displacements", "moved"]

HALVINGS = 3
"""Times that a velocity is halved before it is followed, and the way doubled."""


def displacements(velocities: Tensor, size: tuple[int, int]) -> Tensor:
    """Follow velocities, given on a coarse grid, for one unit of time.

    Parameters
    ----------
    velocities : Tensor of shape (n, 2, g, g)
        Down and across, on a grid of control points over the image, in units of half its sides.
    size : tuple of int
        Height and width.

    Returns
    -------
    Tensor of shape (n, 2, height, width)
        How far from each pixel to look. Those of ``-velocities`` undo those of ``velocities``,
        and neither folds.

    References
    ----------
    .. [1] V. Arsigny et al., "A log-Euclidean framework for statistics on diffeomorphisms",
       MICCAI 2006.
    """
    way = functional.interpolate(velocities, size=size, mode="bicubic", align_corners=True)
    way = way / 2**HALVINGS
    for _ in range(HALVINGS):
        way = way + moved(way, way)
    return way


def moved(images: Tensor, displacement: Tensor, mode: str = "bilinear") -> Tensor:
    """Look at images from displaced places, their edges repeated outside.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        What is looked at.
    displacement : Tensor of shape (n, 2, height, width)
        As given by `displacements`.
    mode : {"bilinear", "bicubic"}, default="bilinear"
        How values between pixels are found.

    Returns
    -------
    Tensor of shape (n, channels, height, width)
        Deformed images.
    """
    down, across = (
        torch.linspace(-1, 1, side, device=images.device, dtype=images.dtype)
        for side in images.shape[-2:]
    )
    places = torch.stack(torch.meshgrid(down, across, indexing="ij")) + displacement
    return functional.grid_sample(
        images,
        places.flip(1).permute(0, 2, 3, 1),
        mode=mode,
        padding_mode="border",
        align_corners=True,
    )

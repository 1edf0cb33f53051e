"""Networks for images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DetailNetwork", "places", "start_at_nothing"]

FIRST_SPREAD = -3.0
"""Log spread of a pixel before anything is learned, where images span 0 to 1."""
CORRECTION = 0.3
"""Scale of the correction: the network starts near the linear path, and learns slowly away."""


class _Block(nn.Module):
    """A residual convolution, bent by the conditions (FiLM); starts as the identity."""

    def __init__(self, width: int, n_conditions: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.bend = nn.Linear(n_conditions, 2 * width)
        self.out = nn.Conv2d(width, width, 1)
        for layer in (self.bend, self.out):
            start_at_nothing(layer)

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        gain, shift = self.bend(conditions)[:, :, None, None].chunk(2, dim=1)
        bent = self.wide(functional.silu(x)) * (1 + gain) + shift
        changed: Tensor = x + self.out(functional.silu(bent))
        return changed


class DetailNetwork(nn.Module):
    """Put right what a linear path gets wrong: edges, background, range.

    Convolutions alone, without strides: any height and width comes out as it went in.

    Parameters
    ----------
    channels : int
        Of the images.
    n_conditions : int
        Features of the conditions; they bend every block (FiLM).
    width : int
        Channels inside.

    References
    ----------
    .. [1] E. Perez et al., "FiLM: visual reasoning with a general conditioning layer", AAAI 2018.
    """

    def __init__(self, channels: int, n_conditions: int, width: int) -> None:
        super().__init__()
        self.channels = channels
        self.first = nn.Conv2d(channels + 2, width, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(width, max(n_conditions, 1), d) for d in (1, 2, 4, 1))
        self.last = nn.Conv2d(width, 2 * channels, 3, padding=1)
        start_at_nothing(self.last)

    def forward(self, coarse: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean and log spread of the pixels.

        Parameters
        ----------
        coarse : Tensor of shape (n, channels, height, width)
            Images of the linear path, in 0 to 1.
        conditions : Tensor of shape (n, n_conditions)
            Features of their conditions.

        Returns
        -------
        mean, log_spread : Tensor of shape (n, channels, height, width)
            Of a Laplace law of each pixel.
        """
        if conditions.shape[1] == 0:
            conditions = conditions.new_zeros(len(conditions), 1)
        x = self.first(torch.cat([4 * coarse - 1, places(coarse)], dim=1))
        for block in self.blocks:
            x = block(x, conditions)
        change, spread = self.last(functional.silu(x)).chunk(2, dim=1)
        return coarse + CORRECTION * change, (spread + FIRST_SPREAD).clamp(-6.0, 0.0)


def start_at_nothing(layer: nn.Module) -> nn.Module:
    """Set weights and biases to 0, and give the layer back."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def places(images: Tensor) -> Tensor:
    """Give two channels that say where a pixel is, from -1 to 1."""
    n, _, height, width = images.shape
    down = torch.linspace(-1, 1, height, device=images.device, dtype=images.dtype)
    across = torch.linspace(-1, 1, width, device=images.device, dtype=images.dtype)
    grid = torch.stack(torch.meshgrid(down, across, indexing="ij"))
    return grid.expand(n, 2, height, width)

"""A small convolutional classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SmallCNN"]

PARTS = 4
"""The last stage is averaged in so many parts of the height and of the width."""
MOMENTUM = 0.5
"""Of the statistics of a batch: training averages them over steps, as it does the weights."""
STAGES = (1, 2, 4, 4)
"""Filters of each stage, in units of the width."""


class SmallCNN(nn.Module):
    """Four convolutions with batch normalisation and pooling, then one linear layer.

    Parameters
    ----------
    channels : int
        Of the images.
    shape : tuple of int
        Height and width.
    n_classes : int
        Outputs.
    width : int
        Filters of the first stage; later ones have two and four times as many.
    dropout : float
        Share of the pooled features that is left out in a training step.

    Notes
    -----
    Two further channels tell each convolution of the first stage where it is, and the last stage
    is averaged in 4 x 4 parts of the image and not over the whole of it: where a lesion lies says
    what it is.
    """

    def __init__(
        self, channels: int, shape: tuple[int, int], n_classes: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        side, inputs, stages = min(shape), channels + 2, []
        for stage, filters in enumerate(STAGES):
            # Halved as long as a part is left for each of the last layer's weights.
            halved = side >= 2 * PARTS
            stages.append(_stage(inputs, width * filters, stage == 0, halved))
            side = (side + 1) // 2 if halved else side
            inputs = width * filters
        self.stages = nn.Sequential(*stages)
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(inputs * PARTS * PARTS, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Give logits (n, n_classes) of images (n, channels, height, width) from 0 to 1."""
        found = self.stages(torch.cat([2 * images - 1, _places(images)], dim=1))
        parts = functional.adaptive_avg_pool2d(found, PARTS).flatten(1)
        logits: Tensor = self.last(self.drop(parts))
        return logits


def _stage(inputs: int, outputs: int, is_first: bool, halved: bool) -> nn.Module:
    """Convolve, normalise, bend, and halve height and width: at once in the first stage."""
    side, stride = (5, 2 if halved else 1) if is_first else (3, 1)
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False),
        nn.BatchNorm2d(outputs, momentum=MOMENTUM),
        nn.ReLU(),
    ]
    if halved and not is_first:
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return nn.Sequential(*layers)


def _places(images: Tensor) -> Tensor:
    """Give two channels that say where a pixel is, from -1 to 1."""
    n, _, height, width = images.shape
    down = torch.linspace(-1, 1, height, device=images.device, dtype=images.dtype)
    across = torch.linspace(-1, 1, width, device=images.device, dtype=images.dtype)
    grid = torch.stack(torch.meshgrid(down, across, indexing="ij"))
    return grid.expand(n, 2, height, width)

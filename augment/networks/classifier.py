"""A small convolutional classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SmallCNN"]

LARGEST = 64
"""Images are averaged down until their longer side is below twice this."""
SMALLEST = 4
"""Sides of the last stage at least, where the images have as many pixels."""


class SmallCNN(nn.Module):
    """Up to four stages of convolutions with group normalisation, then what each part holds.

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
    The last stage is pooled in each of 2 x 2 parts of the image and over the whole of it, because
    where a lesion lies says what it is.
    """

    def __init__(
        self, channels: int, shape: tuple[int, int], n_classes: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.shrink = max(1, max(shape) // LARGEST)
        side, inputs, stages = min(shape) // self.shrink, channels, []
        for stage in range(4):
            outputs = width * min(2**stage, 4)
            stride = 2 if side >= 2 * SMALLEST else 1
            side = -(-side // stride)
            stages.append(_stage(inputs, outputs, 5 if stage == 0 else 3, stride))
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(5 * inputs, n_classes)

    def features(self, images: Tensor) -> Tensor:
        """Give what the last layer sees of images (n, channels, height, width)."""
        if self.shrink > 1:
            images = functional.avg_pool2d(images, self.shrink)
        found = self.stages(images)
        parts = functional.adaptive_avg_pool2d(found, 2).flatten(1)
        return torch.cat([parts, found.amax(dim=(2, 3))], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Give logits (n, n_classes)."""
        logits: Tensor = self.last(self.drop(self.features(images)))
        return logits


def _stage(inputs: int, outputs: int, side: int, stride: int) -> nn.Module:
    """Convolve, normalise, bend."""
    convolution = nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(min(8, outputs), outputs), nn.SiLU())

"""The two sides of a conditional adversarial network of images, and eyes that judge it."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import convert_conv2d_weight_memory_format

from augment.networks.images import places, start_at_nothing

__all__ = ["CodeNetwork", "FixedFeatures", "ImageCritic", "ImageRefiner"]

GROUPS = 4
"""Groups of channels that are normalised together."""
CORRECTION = 0.5
"""Scale of what the generator adds: it starts at nothing, and learns slowly away."""
SMALLEST_SIDE = 4
"""The critic halves images until a side would be smaller."""


class _Bent(nn.Module):
    """A residual 3 x 3 convolution, normalised in groups and bent by the conditions (FiLM)."""

    def __init__(self, width: int, n_conditions: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.bend = start_at_nothing(nn.Linear(n_conditions, 2 * width))
        self.conv = _conv(width, width)

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        gain, shift = self.bend(conditions)[:, :, None, None].chunk(2, dim=1)
        bent = self.norm(x) * (1 + gain) + shift
        changed: Tensor = x + self.conv(functional.silu(bent))
        return changed


class ImageRefiner(nn.Module):
    """The generator's convolutional part: drawn images to images that a critic cannot tell.

    It sees an image at full, half and quarter size, with noise, and adds a correction to it.
    Smaller sizes come by average pooling and go by nearest upsampling to the size they came from,
    so any height and width comes out as it went in.

    Parameters
    ----------
    channels, n_conditions : int
        Of the images, and features of their conditions.
    width : int
        Channels inside at full size, a multiple of four; twice as many below.

    References
    ----------
    .. [1] E. Perez et al., "FiLM: visual reasoning with a general conditioning layer", AAAI 2018.
    .. [2] A. Odena et al., "Deconvolution and checkerboard artifacts", Distill 2016.
    """

    def __init__(self, channels: int, n_conditions: int, width: int) -> None:
        super().__init__()
        given = max(n_conditions, 1)
        self.first = _conv(channels + 3, width)
        self.down = nn.ModuleList(
            [
                nn.Conv2d(width, 2 * width, 3, padding=1),
                nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            ]
        )
        self.inside = nn.ModuleList(_Bent(2 * width, given) for _ in range(2))
        self.up = nn.ModuleList(
            [
                nn.Conv2d(2 * width, 2 * width, 3, padding=1),
                nn.Conv2d(2 * width, width, 3, padding=1),
            ]
        )
        self.bent = nn.ModuleList([_Bent(2 * width, given), _Bent(width, given)])
        self.last = start_at_nothing(_conv(width, channels))
        convert_conv2d_weight_memory_format(self, torch.channels_last)  # faster, on CPUs too

    def forward(self, images: Tensor, conditions: Tensor, noise: Tensor) -> Tensor:
        """Give refined images.

        Parameters
        ----------
        images : Tensor of shape (n, channels, height, width)
            Drawn images, in 0 to 1.
        conditions : Tensor of shape (n, n_conditions)
            Features of their conditions.
        noise : Tensor of shape (n, 1, height, width)
            Standard normal; the texture that the image does not determine.

        Returns
        -------
        Tensor of shape (n, channels, height, width)
            In 0 to 1. Untrained, the images themselves.
        """
        conditions = _at_least_one(conditions)
        x = self.first(torch.cat([4 * images - 1, noise, places(images)], dim=1))
        skipped = []
        for layer in self.down:
            skipped.append(x)
            x = layer(functional.avg_pool2d(functional.silu(x), 2, ceil_mode=True))
        for block in self.inside:
            x = block(x, conditions)
        for layer, block in zip(self.up, self.bent, strict=True):
            skip = skipped.pop()
            x = functional.interpolate(functional.silu(x), size=skip.shape[-2:], mode="nearest")
            x = block(layer(x) + skip, conditions)
        change = self.last(functional.silu(x))
        return (images + CORRECTION * change).clamp(0.0, 1.0)


class ImageCritic(nn.Module):
    """Images and conditions to one number: how real they look.

    Strided convolutions without normalisation, the spread over the batch as one more channel [1]_,
    and a projection head [2]_: the conditions enter by an inner product with the features, so they
    cannot be read off the image alone.

    Parameters
    ----------
    channels, n_conditions : int
        Of the images, and features of their conditions.
    width : int
        Channels at full size; twice as many at each halving, four times at most.
    size : tuple of int
        Height and width of the images.

    Attributes
    ----------
    spread : Tensor of shape (n_features,)
        Standard deviation of each feature, once `measure` has been called.
    noise : Tensor, scalar
        Mean squared residual of a pixel in images that were encoded and decoded; likewise.

    References
    ----------
    .. [1] T. Karras et al., "Progressive growing of GANs", ICLR 2018.
    .. [2] T. Miyato and M. Koyama, "cGANs with projection discriminator", ICLR 2018.
    """

    spread: Tensor
    noise: Tensor

    def __init__(self, channels: int, n_conditions: int, width: int, size: tuple[int, int]) -> None:
        super().__init__()
        widths = _widths(width, size)
        self.first = _conv(channels, widths[0])
        self.halve = _halving(widths)
        self.joint = _conv(widths[-1] + 1, widths[-1])
        self.score = nn.Linear(widths[-1], 1)
        self.project = nn.Linear(max(n_conditions, 1), widths[-1], bias=False)
        self.register_buffer("spread", torch.ones(1))
        self.register_buffer("noise", torch.ones(()))
        convert_conv2d_weight_memory_format(self, torch.channels_last)

    def forward(self, images: Tensor, conditions: Tensor) -> Tensor:
        """Give one number `(n,)` for each image; only differences mean anything."""
        x = self.features(images)
        x = functional.leaky_relu(self.joint(torch.cat([x, _spread(x)], dim=1)), 0.2)
        pooled = x.mean(dim=(2, 3))
        agreement = (self.project(_at_least_one(conditions)) * pooled).sum(dim=1)
        judged: Tensor = self.score(pooled)[:, 0] + agreement / math.sqrt(pooled.shape[1])
        return judged

    def features(self, images: Tensor) -> Tensor:
        """Give what an image is judged by, `(n, features, small height, small width)`."""
        x = functional.leaky_relu(self.first(4 * images - 1), 0.2)
        return _halved(x, self.halve)

    def misfit(self, images: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Say how far images are from how a generator sees them.

        Parameters
        ----------
        images, seen : Tensor of shape (n, channels, height, width)

        Returns
        -------
        of_pixels, of_features : Tensor of shape (n,)
            Mean squared residual, in units of `noise` and of the variance of the features.
        """
        of_pixels = (images - seen).square().mean(dim=(1, 2, 3)) / self.noise
        apart = (self.features(images) - self.features(seen)).flatten(1) / self.spread
        return of_pixels, apart.square().mean(dim=1)

    @torch.no_grad()
    def measure(self, images: Tensor, seen: Tensor) -> None:
        """Set `spread` and `noise` by some images and how a generator sees them."""
        spread = self.features(images).flatten(1).std(dim=0)
        self.spread = spread + 0.1 * spread.mean() + 1e-6
        self.noise = (images - seen).square().mean().clamp_min(1e-8)


class CodeNetwork(nn.Module):
    """Images to what must be added to their linear codes: strided convolutions, and a linear map.

    Parameters
    ----------
    channels, latent_dim : int
        Of the images, and width of the code.
    width : int
        Channels at full size; twice as many at each halving, four times at most.
    size : tuple of int
        Height and width of the images.
    """

    def __init__(self, channels: int, latent_dim: int, width: int, size: tuple[int, int]) -> None:
        super().__init__()
        widths = _widths(width, size)
        self.first = _conv(channels, widths[0])
        self.halve = _halving(widths)
        self.pool = nn.AdaptiveAvgPool2d(SMALLEST_SIDE)
        self.last = start_at_nothing(nn.Linear(widths[-1] * SMALLEST_SIDE**2, latent_dim))

    def forward(self, images: Tensor) -> Tensor:
        """Give `(n, latent_dim)`; 0 before anything is learned."""
        x = _halved(functional.leaky_relu(self.first(4 * images - 1), 0.2), self.halve)
        out: Tensor = self.last(self.pool(x).flatten(1))
        return out


class FixedFeatures(nn.Module):
    """Random filters that never learn: the eyes by which snapshots are compared.

    Four stages of 3 x 3 filters of sum 0, leaky ReLU and average pooling; each filter gives its
    mean and spread over the image, and its mean in each quarter.

    Parameters
    ----------
    channels : int
        Of the images.
    width : int, default=12
        Filters of each stage.

    References
    ----------
    .. [1] M. Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML
       2020, on features of networks that were never trained.
    """

    n_stages = 4

    def __init__(self, channels: int, width: int = 12) -> None:
        super().__init__()
        for stage in range(self.n_stages):
            shape = (width, width if stage else channels, 3, 3)
            filters = torch.randn(shape)
            filters -= filters.mean(dim=(2, 3), keepdim=True)
            if stage == 0:
                filters[0] = 1.0
            filters /= filters.flatten(1).norm(dim=1)[:, None, None, None]
            self.register_buffer(f"filters{stage}", filters)

    def forward(self, images: Tensor) -> Tensor:
        """Give features `(n, 24 * width)`."""
        found = []
        for stage in range(self.n_stages):
            padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
            filters = getattr(self, f"filters{stage}")
            images = functional.leaky_relu(functional.conv2d(padded, filters), 0.2)
            spread, mean = torch.std_mean(images, dim=(2, 3), correction=0)
            found += [mean, spread, functional.adaptive_avg_pool2d(images, 2).flatten(1)]
            if min(images.shape[-2:]) >= 4:
                images = functional.avg_pool2d(images, 2)
        return torch.cat(found, dim=1)


def _conv(n_in: int, n_out: int) -> nn.Conv2d:
    """Give a 3 x 3 convolution that keeps the size."""
    return nn.Conv2d(n_in, n_out, 3, padding=1)


def _widths(width: int, size: tuple[int, int]) -> list[int]:
    """Give the channels at each halving."""
    n_halvings = max(1, int(math.log2(max(min(size) / SMALLEST_SIDE, 2))))
    return [width * min(2**level, 4) for level in range(n_halvings + 1)]


def _halving(widths: list[int]) -> nn.ModuleList:
    """Give strided convolutions, one for each halving."""
    return nn.ModuleList(
        nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in itertools.pairwise(widths)
    )


def _halved(x: Tensor, layers: nn.ModuleList) -> Tensor:
    """Apply strided convolutions."""
    for layer in layers:
        if min(x.shape[-2:]) < 2:
            x = functional.pad(x, (0, 1, 0, 1), mode="replicate")
        x = functional.leaky_relu(layer(x), 0.2)
    return x


def _spread(x: Tensor) -> Tensor:
    """Give one channel that says how much the images of a batch differ: 0 in a collapse."""
    if len(x) < 2:
        return torch.zeros_like(x[:, :1])
    spread = (x.var(dim=0, correction=0) + 1e-8).sqrt().mean()
    return spread.expand(len(x), 1, *x.shape[-2:])


def _at_least_one(conditions: Tensor) -> Tensor:
    """Give a column of zeros where there are no conditions."""
    return conditions if conditions.shape[1] else conditions.new_zeros(len(conditions), 1)

"""The adversarial objective of images: a refiner of drawn images against a critic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment._random import isolated_rng
from augment.networks.image_gan import FixedFeatures, ImageCritic, ImageRefiner
from augment.objectives.base import Batch, Objective, Phase

__all__ = ["AdversarialImageObjective", "Draw", "varied"]

Draw: TypeAlias = Callable[[Tensor, Tensor, int], Tensor]
"""Strata, features of conditions and a seed to images of the starting point, on the CPU."""

LAZY = 8
"""Steps between gradient penalties, each of which weighs so much more."""
SHIFT, CUTOUT = 1 / 8, 3 / 8
"""Shares of a side by which images are moved at most, and that a hole has."""
BRIGHTER, STEEPER = 0.1, 0.2
"""Most that is added to the brightness, and changed of the contrast."""
N_JUDGED = 192
"""Draws that a snapshot is judged by."""
CHUNK = 64
DOUBT = 2.0
"""Standard errors by which a snapshot must be nearer to held-out images than the start."""


class AdversarialImageObjective(Objective):
    """Relativistic GAN [1]_ whose generator refines images that a fitted law draws.

    The critic sees real and drawn images of the same conditions, both moved, shaded and cut by the
    same random rules [2]_, so that few images do for it. Its gradient at real images is penalised
    every eighth step (R1) [3]_. The generator starts as the identity, and a small term keeps it
    near the drawn images.

    Parameters
    ----------
    draw : callable
        ``draw(strata, features, seed)`` gives images of the starting point.
    channels, n_conditions, width, critic_width : int
        Sizes; see `ImageRefiner` and `ImageCritic`.
    size : tuple of int
        Height and width of the images.
    background : sequence of float
        Value of each channel outside the body, from 0 to 1: what moved images are padded with.
    penalty : float
        Weight of the gradient penalty.
    anchor : float
        Weight of the mean absolute change of a drawn image.
    generator_rate, critic_rate : float
        Step sizes.
    seed : int
        Of the first weights, and of the features that snapshots are judged by.

    References
    ----------
    .. [1] N. Huang et al., "The GAN is dead; long live the GAN! A modern GAN baseline" (R3GAN),
       NeurIPS 2024.
    .. [2] S. Zhao et al., "Differentiable augmentation for data-efficient GAN training", NeurIPS
       2020.
    .. [3] L. Mescheder et al., "Which training methods for GANs do actually converge?", ICML 2018;
       T. Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020, on
       lazy penalties.
    .. [4] D. Sejdinovic et al., "Equivalence of distance-based and RKHS-based statistics in
       hypothesis testing", Annals of Statistics 2013, on the kernel of the energy distance.

    Notes
    -----
    Batches hold ``image`` (1, n, channels, height, width), ``conditions`` (1, n, c) and
    ``strata`` (1, n).
    """

    def __init__(
        self,
        draw: Draw,
        channels: int,
        n_conditions: int,
        size: tuple[int, int],
        *,
        width: int,
        critic_width: int,
        background: Sequence[float],
        penalty: float,
        anchor: float,
        generator_rate: float,
        critic_rate: float,
        seed: int,
    ) -> None:
        with isolated_rng(seed):
            refiner = ImageRefiner(channels, n_conditions, width)
            critic = ImageCritic(channels, n_conditions, critic_width, size)
            features = FixedFeatures(channels)
        self.networks = nn.ModuleDict({"refiner": refiner, "critic": critic, "features": features})
        self.phases = (
            Phase("critic", ("critic",), critic_rate, betas=(0.0, 0.99)),
            Phase("generator", ("refiner",), generator_rate, betas=(0.0, 0.99)),
        )
        self.draw = draw
        self.background = torch.tensor(background, dtype=torch.float32)
        self.penalty = penalty
        self.anchor = anchor

    def loss(
        self, phase: str, batch: Batch, generator: torch.Generator, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the relativistic loss of one side."""
        rows = {name: value.flatten(0, 1) for name, value in batch.items()}
        given, drawn = rows["conditions"], self._drawn(rows, generator)
        noise = _noise_like(drawn, generator)
        if phase == "generator":
            fake = self.networks["refiner"](drawn, given, noise)
            with torch.no_grad():
                seen_real = self._judge(rows["image"], given, generator)
            margin = self._judge(fake, given, generator) - seen_real
            change = (fake - drawn).abs().mean()
            loss = functional.softplus(-margin).mean() + self.anchor * change
            return loss, {
                "fooled": (margin.detach() > 0).float().mean(),
                "change": change.detach(),
            }
        with torch.no_grad():
            fake = self.networks["refiner"](drawn, given, noise)
        margin = self._judge(rows["image"], given, generator) - self._judge(fake, given, generator)
        loss = functional.softplus(-margin).mean()
        if self.penalty and step % LAZY == 0:
            loss = loss + 0.5 * LAZY * self.penalty * self._steepness(rows, generator)
        return loss, {"told apart": (margin.detach() > 0).float().mean()}

    def validate(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Say how much nearer to held-out images the draws have come, with doubt added.

        The score is the change of the kernel distance since the start, on the same draws, plus
        two standard errors of it: 0 at the start, and below 0 only where a snapshot is clearly
        nearer.
        """
        rows = {name: value.flatten(0, 1) for name, value in batch.items()}
        held_out = rows.pop("held_out") > 0
        known = torch.cat([self._features(part) for part in rows["image"].split(CHUNK)])
        spread, mean = torch.std_mean(known, dim=0)
        chosen = torch.arange(N_JUDGED, device=known.device) % int(held_out.sum())
        asked = {name: value[held_out][chosen] for name, value in rows.items() if name != "image"}
        before, after = self._judged(asked, generator)
        real, before, after = (
            (values - mean) / spread.clamp_min(1e-6) for values in (known[held_out], before, after)
        )
        change, doubt = _approach(real, before, after)
        return {"validation": change + DOUBT * doubt, "approach": -change}

    def spread(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Say how much variety the refined images still have, in units of the drawn ones'."""
        rows = {name: value.flatten(0, 1)[:CHUNK] for name, value in batch.items()}
        drawn = self._drawn(rows, generator)
        refined = self.networks["refiner"](drawn, rows["conditions"], _noise_like(drawn, generator))
        share: Tensor = refined.std(dim=0).mean() / drawn.std(dim=0).mean().clamp_min(1e-6)
        return share

    def _drawn(self, rows: Batch, generator: torch.Generator) -> Tensor:
        """Draw images of the starting point for some conditions."""
        seed = int(torch.randint(2**62, (1,), generator=generator))
        drawn = self.draw(rows["strata"].cpu(), rows["conditions"].cpu(), seed)
        return drawn.to(rows["conditions"].device)

    def _judge(self, images: Tensor, conditions: Tensor, generator: torch.Generator) -> Tensor:
        judged: Tensor = self.networks["critic"](
            varied(images, self.background, generator), conditions
        )
        return judged

    def _steepness(self, rows: Batch, generator: torch.Generator) -> Tensor:
        """Give the mean squared gradient of the critic at real images, in full precision."""
        with torch.autocast(rows["image"].device.type, enabled=False):
            images = varied(rows["image"], self.background, generator).requires_grad_(True)
            judged = self.networks["critic"](images, rows["conditions"])
            (slope,) = torch.autograd.grad(judged.sum(), images, create_graph=True)
        return slope.square().sum(dim=(1, 2, 3)).mean()

    def _features(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            features: Tensor = self.networks["features"](images.float()).double()
        return features

    def _judged(self, asked: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Give the features of the same draws before and after refining."""
        before, after = [], []
        drawn = self._drawn(asked, generator)
        for start in range(0, len(drawn), CHUNK):
            images, given = drawn[start : start + CHUNK], asked["conditions"][start : start + CHUNK]
            refined = self.networks["refiner"](images, given, _noise_like(images, generator))
            before.append(self._features(images))
            after.append(self._features(refined))
        return torch.cat(before), torch.cat(after)


def varied(images: Tensor, background: Tensor, generator: torch.Generator) -> Tensor:
    """Move, cut and shade images at random, differentiably (DiffAugment).

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        In 0 to 1.
    background : Tensor of shape (channels,)
        What images are padded with: zeros would give away what was moved.
    generator : torch.Generator
        CPU generator.

    Returns
    -------
    Tensor of the same shape
        Other images.
    """
    n, _, height, width = images.shape
    empty = background.to(images)[:, None, None]
    random = torch.rand((n, 6), generator=generator)
    shifts = [max(1, round(SHIFT * side)) for side in (height, width)]
    wide = functional.pad(images - empty, (shifts[1], shifts[1], shifts[0], shifts[0])) + empty
    moved = []
    for image, (down, across) in zip(wide, random[:, :2].tolist(), strict=True):
        first, second = (int(u * (2 * s + 1)) for u, s in zip((down, across), shifts, strict=True))
        moved.append(image[:, first : first + height, second : second + width])
    hole = _hole(random[:, 2:4], height, width).to(images)
    cut = empty + (torch.stack(moved) - empty) * (1 - hole)
    shade = (random[:, 4:] * 2 - 1).to(images)[:, :, None, None, None]
    center = cut.mean(dim=(1, 2, 3), keepdim=True)
    return (cut - center) * (1 + STEEPER * shade[:, 0]) + center + BRIGHTER * shade[:, 1]


def _hole(places: Tensor, height: int, width: int) -> Tensor:
    """Give a mask `(n, 1, height, width)` with a rectangle of ones around each place."""
    inside = [
        (torch.arange(side) - (u * side)[:, None]).abs() <= CUTOUT * side / 2
        for side, u in zip((height, width), places.unbind(1), strict=True)
    ]
    return (inside[0][:, :, None] & inside[1][:, None, :])[:, None]


def _noise_like(images: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one channel of noise for some images."""
    shape = (len(images), 1, *images.shape[-2:])
    return torch.randn(shape, generator=generator).to(images.device)


def _approach(real: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Give the change of the kernel distance to real rows from one sample to another.

    The two samples are paired, row by row; so the change is far less uncertain than the distances.

    Returns
    -------
    change, doubt : Tensor, scalar
        The change and its standard error.
    """
    across = _kernel(real, after) - _kernel(real, before)
    within = _kernel(after, after) - _kernel(before, before)
    n = len(after)
    within = (within.sum(dim=1) - within.diagonal()) / max(n - 1, 1)
    of_real, of_draws = -2 * across.mean(dim=1), 2 * (within - across.mean(dim=0))
    change = of_real.mean() + within.mean()
    variance = of_real.var() / len(real) if len(real) > 1 else of_real.square().sum()
    return change, (variance + of_draws.var() / n).sqrt()


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    """Give the kernel of the energy distance: no single odd image decides."""
    return -torch.cdist(first, second) / math.sqrt(first.shape[1])

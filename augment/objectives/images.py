"""The objective of the convolutional part of an image autoencoder."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment._random import isolated_rng
from augment.networks.images import DetailNetwork
from augment.objectives.base import Batch, Objective, Phase

__all__ = ["DetailObjective"]

WEIGHT_DECAY = 1e-2
SHIFT = 3
"""Pixels by which a batch is moved about at most."""


class DetailObjective(Objective):
    """Likelihood of images given what their latent code decodes to along the linear path.

    With a fixed encoder and a fixed law of the codes, the Kullback-Leibler term of the evidence
    bound is a constant: what is left is the likelihood of the pixels under the decoder.

    Parameters
    ----------
    channels, n_conditions, width : int
        Sizes; see `DetailNetwork`.
    learning_rate : float
        Step size.
    seed : int
        Of the first weights.

    Notes
    -----
    Batches hold ``image`` and ``coarse`` (1, n, channels, height, width) and ``conditions``
    (1, n, c). Pixels have a Laplace law, whose mode is a median: a few bright pixels do not drag
    the mean.
    """

    def __init__(
        self, channels: int, n_conditions: int, width: int, learning_rate: float, seed: int
    ) -> None:
        with isolated_rng(seed):
            network = DetailNetwork(channels, n_conditions, width)
        self.networks = nn.ModuleDict({"decoder": network})
        self.phases = (Phase("decoder", ("decoder",), learning_rate, weight_decay=WEIGHT_DECAY),)

    def loss(
        self,
        phase: str,  # noqa: ARG002 (there is only one)
        batch: Batch,
        generator: torch.Generator,
        step: int,  # noqa: ARG002 (the contract)
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the mean negative log likelihood of a pixel, images moved about at random."""
        rows = {name: value.flatten(0, 1) for name, value in batch.items()}
        both = torch.cat([rows["coarse"], rows["image"]], dim=1)
        coarse, image = _moved(both, generator).chunk(2, dim=1)
        loss = self._surprise(coarse, image, rows["conditions"]).mean()
        return loss, {"likelihood": -loss.detach()}

    def validate(
        self,
        batch: Batch,
        generator: torch.Generator,  # noqa: ARG002 (the contract)
    ) -> dict[str, Tensor]:
        """Give the mean negative log likelihood of a pixel of held-out images."""
        rows = {name: value.flatten(0, 1) for name, value in batch.items()}
        held_out = rows["held_out"] > 0
        surprise = torch.cat(
            [
                self._surprise(rows["coarse"][part], rows["image"][part], rows["conditions"][part])
                for part in torch.nonzero(held_out)[:, 0].split(32)
            ]
        )
        return {"validation": surprise.mean()}

    def _surprise(self, coarse: Tensor, image: Tensor, conditions: Tensor) -> Tensor:
        """Give the negative log likelihood of each pixel."""
        mean, log_spread = self.networks["decoder"](coarse, conditions)
        distance = (image - mean).abs() * torch.exp(-log_spread)
        surprise: Tensor = distance + log_spread + math.log(2)
        return surprise


def _moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Move a whole batch by a few pixels, repeating its edges."""
    down, across = torch.randint(0, 2 * SHIFT + 1, (2,), generator=generator).tolist()
    height, width = images.shape[-2:]
    wide = functional.pad(images, (SHIFT,) * 4, mode="replicate")
    return wide[..., down : down + height, across : across + width]

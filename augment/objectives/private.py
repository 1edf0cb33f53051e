"""The variational objective with private gradients (DP-SGD)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from augment._random import batch_noise
from augment.objectives.base import Batch
from augment.objectives.variational import EFFECT_DECAY, VariationalObjective

__all__ = ["PrivateVariationalObjective", "dequantise"]

_CHUNK = 4096


class PrivateVariationalObjective(VariationalObjective):
    """Evidence lower bound of one conditional VAE, whose gradient no row can move far.

    Each row's gradient is cut to a fixed length, normal noise is added to their sum, and the
    result is divided by a public number of rows. The loss that the loop sees has exactly this
    gradient, and its value says nothing of the rows beyond it.

    Parameters
    ----------
    n_rows : int
        Public number of rows; every batch must hold each of them once.
    clipping : float
        Length that a row's gradient is cut to.
    noise_multiplier : float
        Standard deviation of the noise, in units of `clipping`.
    noise : torch.Generator
        CPU generator of the noise; nobody may know its seed.
    n_scores, n_conditions, latent_dim, hidden_dim, kl_weight, learning_rate, generator
        As in `VariationalObjective`; there is one member.

    Notes
    -----
    A row's gradient comes from a model of its own: the networks carry a leading axis of members,
    and for this each row is a member. Missing scores are not served.

    References
    ----------
    .. [1] M. Abadi et al., "Deep learning with differential privacy", CCS 2016.
    """

    def __init__(
        self,
        *,
        n_rows: int,
        clipping: float,
        noise_multiplier: float,
        noise: torch.Generator,
        n_scores: int,
        n_conditions: int,
        latent_dim: int,
        hidden_dim: int,
        kl_weight: float,
        learning_rate: float,
        generator: torch.Generator,
    ) -> None:
        self._sizes = (n_scores, n_conditions, latent_dim, hidden_dim, kl_weight, learning_rate)
        super().__init__(1, *self._sizes, generator)
        self.n_rows = n_rows
        self.clipping = clipping
        self.noise_multiplier = noise_multiplier
        self._noise = noise
        self._by_size: dict[int, VariationalObjective] = {}

    def loss(
        self,
        phase: str,  # noqa: ARG002 (there is only one)
        batch: Batch,
        generator: torch.Generator,
        step: int,  # noqa: ARG002 (no warm-up)
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give a loss whose gradient is the private one; it has no terms to show."""
        own = list(self.networks.parameters())
        sums = self.clipped_sums(batch, generator)
        scale = self.noise_multiplier * self.clipping
        surrogate = torch.zeros((), device=own[0].device)
        for parameter, total in zip(own, sums, strict=True):
            noise = torch.randn(total.shape, generator=self._noise).to(total.device)
            surrogate = surrogate + (parameter * (total + scale * noise) / self.n_rows).sum()
        effects = self.decoder.mean.linear.weight[:, self.latent_dim :]
        return surrogate + EFFECT_DECAY * effects.square().sum(), {}

    def clipped_sums(self, batch: Batch, generator: torch.Generator) -> list[Tensor]:
        """Give the sum over rows of each parameter's gradient, every row cut to length first."""
        rows = {name: value.transpose(0, 1) for name, value in batch.items()}
        sums = [torch.zeros_like(parameter) for parameter in self.networks.parameters()]
        for start in range(0, len(rows["lower"]), _CHUNK):
            part = {name: value[start : start + _CHUNK] for name, value in rows.items()}
            gradients = self._row_gradients(part, generator)
            squares = torch.stack([g.flatten(1).square().sum(dim=1) for g in gradients])
            share = (self.clipping / squares.sum(dim=0).sqrt().clamp_min(1e-12)).clamp_max(1.0)
            for total, gradient in zip(sums, gradients, strict=True):
                total += torch.einsum("n...,n->...", gradient, share).unsqueeze(0)
        return sums

    def _row_gradients(self, rows: Batch, generator: torch.Generator) -> list[Tensor]:
        """Give the gradient of each row (n, ...), by a copy of the networks for each."""
        n = len(rows["lower"])
        if n not in self._by_size:
            empty = torch.Generator()
            self._by_size[n] = VariationalObjective(n, *self._sizes, empty)
        copies = self._by_size[n]
        copies.networks.to(rows["lower"].device)
        pairs = zip(copies.networks.parameters(), self.networks.parameters(), strict=True)
        with torch.no_grad():
            for copy, parameter in pairs:
                copy.copy_(parameter.expand_as(copy))
        scores = dequantise(rows, generator)
        misfit, divergence = copies._terms(scores, rows, generator)
        total = (misfit + self.kl_weight * divergence).sum()
        return list(torch.autograd.grad(total, list(copies.networks.parameters())))


def dequantise(batch: Batch, generator: torch.Generator) -> Tensor:
    """Draw normal scores inside the probability interval of each cell.

    A tied or discrete value owns an interval of probability rather than a point. The draw knows
    nothing of the other cells of its row, because what does would have to be paid for from the
    budget: dependence between discrete columns fades.

    Parameters
    ----------
    batch : dict of Tensor
        ``lower`` and ``upper`` (members, batch, n_scores), inside (0, 1), and ``observed``.
    generator : torch.Generator
        CPU generator.

    Returns
    -------
    Tensor of shape (members, batch, n_scores)
        Scores; 0 where nothing was observed.
    """
    lower, upper = batch["lower"], batch["upper"]
    u = batch_noise(torch.rand, lower.shape, generator).to(lower.device)
    # The quantile function of a normal law; torch.special.ndtri takes three times as long.
    normal = math.sqrt(2.0) * torch.erfinv(2.0 * (lower + (upper - lower) * u) - 1.0)
    return normal * batch["observed"]

"""The generative adversarial network of table rows, in normal-score space."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment._random import batch_noise
from augment.networks.tabular import StackedLinear
from augment.objectives.base import Batch, Objective, Phase

__all__ = ["AdversarialObjective", "RowCritic"]

MAX_JUDGED = 512
"""Rows that a kernel distance looks at: its cost grows with their square."""


class RowCritic(nn.Module):
    """Rows and conditions to one number: how real they look.

    Parameters
    ----------
    members, n_scores, n_conditions, hidden_dim : int
        Sizes.
    generator : torch.Generator, optional
        CPU generator of the first weights; None for weights to be filled from a file.
    """

    spread: Tensor

    def __init__(
        self,
        members: int,
        n_scores: int,
        n_conditions: int,
        hidden_dim: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.first = StackedLinear(members, n_scores + n_conditions, hidden_dim, generator)
        self.second = StackedLinear(members, hidden_dim, hidden_dim, generator)
        self.last = StackedLinear(members, hidden_dim, 1, generator)
        self.register_buffer("spread", torch.ones(members, 1, hidden_dim))

    def forward(self, scores: Tensor, conditions: Tensor) -> Tensor:
        """Give `(members, batch)`; only differences between rows mean anything."""
        out: Tensor = self.last(self.features(scores, conditions)).squeeze(-1)
        return out

    def features(self, scores: Tensor, conditions: Tensor) -> Tensor:
        """Give what the judgement is made of, `(members, batch, hidden_dim)`."""
        x = functional.silu(self.first(torch.cat([scores, conditions], dim=-1)))
        return functional.silu(self.second(x))

    @torch.no_grad()
    def measure(self, scores: Tensor, conditions: Tensor) -> None:
        """Set `spread`, the standard deviation of each feature among some rows."""
        spread = self.features(scores, conditions).std(dim=1, keepdim=True)
        self.spread.copy_(spread + 0.1 * spread.mean(dim=2, keepdim=True) + 1e-6)


class AdversarialObjective(Objective):
    """Relativistic GAN with zero-centred gradient penalties on both sides, for an ensemble.

    The generator is the decoder of a trained autoencoder: it starts where likelihood has brought
    it, and the critic corrects what a likelihood of columns given a code cannot see. Where a real
    row has missing cells, the same cells of the synthetic row that it is compared with are hidden.

    Parameters
    ----------
    decoder : torch.nn.Module
        A trained decoder: codes to scores. It is trained further here.
    members, n_scores, n_conditions, latent_dim : int
        Sizes.
    critic_dim : int
        Width of the critic.
    penalty : float
        Weight of the gradient penalties (R1 on real rows, R2 on synthetic ones).
    generator_rate, critic_rate : float
        Step sizes.
    generator : torch.Generator
        CPU generator of the critic's first weights.

    References
    ----------
    .. [1] N. Huang et al., "The GAN is dead; long live the GAN! A modern GAN baseline" (R3GAN),
       NeurIPS 2024.
    .. [2] L. Mescheder et al., "Which training methods for GANs do actually converge?", ICML 2018.
    .. [3] A. Gretton et al., "A kernel two-sample test", JMLR 2012.
    """

    def __init__(
        self,
        decoder: nn.Module,
        members: int,
        n_scores: int,
        n_conditions: int,
        latent_dim: int,
        critic_dim: int,
        penalty: float,
        generator_rate: float,
        critic_rate: float,
        generator: torch.Generator,
    ) -> None:
        critic = RowCritic(members, n_scores, n_conditions, critic_dim, generator)
        self.networks = nn.ModuleDict({"generator": decoder, "critic": critic})
        self.phases = (
            Phase("critic", ("critic",), critic_rate, betas=(0.0, 0.99)),
            Phase("generator", ("generator",), generator_rate, betas=(0.0, 0.99)),
        )
        self.latent_dim = latent_dim
        self.penalty = penalty

    def loss(
        self,
        phase: str,
        batch: Batch,
        generator: torch.Generator,
        step: int,  # noqa: ARG002 (nothing is scheduled)
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the relativistic loss of one side, summed over members."""
        real, fake = batch["scores"], self._generate(batch, generator)
        weight = batch["weight"] / batch["weight"].shape[1]
        if phase == "generator":
            margin = self._judge(fake, batch) - self._judge(real, batch)
            loss = (functional.softplus(-margin) * weight).sum()
            return loss, {"fooled": (margin.detach() > 0).double().mean()}
        real, fake = (rows.detach().requires_grad_(True) for rows in (real, fake))
        seen_real, seen_fake = self._judge(real, batch), self._judge(fake, batch)
        margin = seen_real - seen_fake
        slope = _squared_slope(seen_real, real) + _squared_slope(seen_fake, fake)
        loss = ((functional.softplus(-margin) + 0.5 * self.penalty * slope) * weight).sum()
        return loss, {"slope": slope.detach().mean()}

    def validate(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Give the kernel distance of each member to the rows that it does not see."""
        every = -(-batch["weight"].shape[1] // MAX_JUDGED)
        batch = {name: value[:, ::every] for name, value in batch.items()}
        real, fake = batch["scores"], self._generate(batch, generator)
        joint_real = torch.cat([real, batch["conditions"]], dim=-1)
        joint_fake = torch.cat([fake, batch["conditions"]], dim=-1)
        weight = batch["held_out"] * batch["weight"]
        return {"validation": _energy_distance(joint_real, joint_fake, weight)}

    def spread(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Say how much spread each member still has: the first thing that a collapse takes.

        Parameters
        ----------
        batch : dict of Tensor
            Real rows for every member.
        generator : torch.Generator
            CPU generator.

        Returns
        -------
        Tensor of shape (members,)
            Mean standard deviation of the scores of synthetic rows, in units of the real ones'.
        """
        real, fake = batch["scores"], self._generate(batch, generator)
        return fake.std(dim=1).mean(dim=1) / real.std(dim=1).mean(dim=1).clamp_min(1e-6)

    def _generate(self, batch: Batch, generator: torch.Generator) -> Tensor:
        given, seen = batch["conditions"], batch["observed"]
        codes = batch_noise(torch.randn, (*given.shape[:2], self.latent_dim), generator)
        mean, log_variance = self.networks["generator"](codes.to(given.device), given)
        noise = batch_noise(torch.randn, mean.shape, generator).to(mean.device)
        fake: Tensor = (mean + torch.exp(0.5 * log_variance) * noise) * seen
        return fake

    def _judge(self, scores: Tensor, batch: Batch) -> Tensor:
        judged: Tensor = self.networks["critic"](scores, batch["conditions"])
        return judged


def _squared_slope(output: Tensor, rows: Tensor) -> Tensor:
    """Give the squared norm of the critic's gradient at each row, `(members, batch)`."""
    (slope,) = torch.autograd.grad(output.sum(), rows, create_graph=True)
    return slope.square().sum(dim=-1)


def _energy_distance(real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """Give the energy distance of each member's weighted real rows to its synthetic rows.

    The term of real rows among themselves does not depend on the generator and is left out.
    """
    weight = weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-12)
    across = (torch.cdist(real, fake).mean(dim=2) * weight).sum(dim=1)
    n_rows = fake.shape[1]
    within = torch.cdist(fake, fake).sum(dim=(1, 2)) / (n_rows * (n_rows - 1))
    return 2 * across - within

"""The variational autoencoder of table rows, in normal-score space."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from augment._random import batch_noise
from augment.networks.tabular import LinearPath
from augment.objectives.base import Batch, Objective, Phase

__all__ = [
    "ConditionalGaussian",
    "VariationalObjective",
    "fill_missing",
    "row_networks",
]

_MIN_LOG_VARIANCE, _MAX_LOG_VARIANCE = -7.0, 4.0
EFFECT_DECAY = 1e-3
"""Weight of the squared effects of conditions in the loss: a class of one row must not run away."""
EFFECT_PRIOR = 2.0
"""Rows of no effect that stand beside the real ones in the first guess of an effect."""
FILL_ROUNDS = 3
"""Rounds in which missing scores are filled by what the networks expect."""
PAIR_PRIOR = 5.0
"""Rows without covariance that stand beside the real ones in the first guess of a covariance."""


class ConditionalGaussian(nn.Module):
    """Inputs and conditions to a Gaussian: a mean, and one learned variance for each output.

    Parameters
    ----------
    members, n_inputs, n_conditions, n_outputs, hidden_dim : int
        Sizes; `hidden_dim` 0 leaves the mean linear.
    generator : torch.Generator, optional
        CPU generator of the first weights; None for weights to be filled from a file.
    """

    mean: LinearPath
    log_variance: nn.Parameter

    def __init__(
        self,
        members: int,
        n_inputs: int,
        n_conditions: int,
        n_outputs: int,
        hidden_dim: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        width = n_inputs + n_conditions
        self.mean = LinearPath(members, width, n_outputs, hidden_dim, generator)
        self.log_variance = nn.Parameter(torch.zeros(members, 1, n_outputs))

    def forward(self, inputs: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean `(members, batch, n_outputs)` and log variance, broadcastable to it."""
        mean = self.mean(torch.cat([inputs, conditions], dim=-1))
        return mean, self.log_variance.clamp(_MIN_LOG_VARIANCE, _MAX_LOG_VARIANCE)


def row_networks(
    members: int,
    n_scores: int,
    n_conditions: int,
    latent_dim: int,
    hidden_dim: int,
    generator: torch.Generator | None = None,
) -> tuple[ConditionalGaussian, ConditionalGaussian]:
    """Build encoder (scores to codes) and decoder (codes to scores).

    Parameters
    ----------
    members, n_scores, n_conditions, latent_dim, hidden_dim : int
        Sizes.
    generator : torch.Generator, optional
        CPU generator of the first weights.

    Returns
    -------
    encoder, decoder : ConditionalGaussian
        Two networks.
    """
    encoder = ConditionalGaussian(
        members, n_scores, n_conditions, latent_dim, hidden_dim, generator
    )
    decoder = ConditionalGaussian(
        members, latent_dim, n_conditions, n_scores, hidden_dim, generator
    )
    return encoder, decoder


@torch.no_grad()
def fill_missing(
    encoder: ConditionalGaussian,
    decoder: ConditionalGaussian,
    scores: Tensor,
    observed: Tensor,
    conditions: Tensor,
) -> Tensor:
    """Fill missing scores with what the networks expect there, given the others.

    Without this a missing score would enter the encoder as 0, which says "average" where it
    should say nothing, and dependence would fade with the share of missing cells.

    Parameters
    ----------
    encoder, decoder : ConditionalGaussian
        The networks as they are now.
    scores, observed : Tensor of shape (members, batch, n_scores)
        Scores, 0 where missing, and 1 where observed.
    conditions : Tensor of shape (members, batch, c)
        Conditions of the rows.

    Returns
    -------
    Tensor of shape (members, batch, n_scores)
        The scores, filled by `FILL_ROUNDS` rounds of encoding and decoding.
    """
    # complete rows have nothing to fill, and are most rows of most tables
    rows = torch.nonzero((observed == 0).any(dim=-1).any(dim=0)).flatten()
    if not len(rows):
        return scores
    own, seen, given = scores[:, rows], observed[:, rows] > 0, conditions[:, rows]
    part = own * seen
    for _ in range(FILL_ROUNDS):
        expected = decoder(encoder(part, given)[0], given)[0]
        part = torch.where(seen, own, expected)
    filled = scores.clone()
    filled[:, rows] = part
    return filled


class VariationalObjective(Objective):
    """Evidence lower bound of an ensemble of conditional VAEs.

    Parameters
    ----------
    members, n_scores, n_conditions, latent_dim, hidden_dim : int
        Sizes.
    kl_weight : float
        Weight of the Kullback-Leibler term. Above 1 a latent direction must explain more
        variance than chance would give it, or it is switched off.
    learning_rate : float
        Step size.
    generator : torch.Generator
        CPU generator of the first weights.

    References
    ----------
    .. [1] D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
    .. [2] I. Higgins et al., "beta-VAE", ICLR 2017.
    .. [3] J. Lucas et al., "Don't blame the ELBO! A linear VAE perspective on posterior
       collapse", NeurIPS 2019.
    """

    def __init__(
        self,
        members: int,
        n_scores: int,
        n_conditions: int,
        latent_dim: int,
        hidden_dim: int,
        kl_weight: float,
        learning_rate: float,
        generator: torch.Generator,
    ) -> None:
        sizes = (members, n_scores, n_conditions, latent_dim, hidden_dim, generator)
        self.encoder, self.decoder = row_networks(*sizes)
        self.networks = nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder})
        self.phases = (Phase("elbo", ("encoder", "decoder"), learning_rate),)
        self.kl_weight = kl_weight
        self.latent_dim = latent_dim
        self.is_linear = hidden_dim == 0

    def initialise(self, rows: Batch, seen: Tensor, generator: torch.Generator) -> None:
        """Start every member from the principal axes of its rows, shrunk as the bound shrinks them.

        For isotropic noise this is the optimum of the linear model; training then fits the noise
        of each score, and the non-linear path where there is one.

        Parameters
        ----------
        rows : dict of Tensor
            ``scores``, ``observed`` (n, d), ``conditions`` (n, c), ``weight`` (n,).
        seen : Tensor of shape (members, n)
            1 where a member learns from a row, else 0.
        generator : torch.Generator
            CPU generator.
        """
        members = len(seen)
        rows = {name: value.expand(members, *value.shape) for name, value in rows.items()}
        weight = (seen * rows["weight"]).unsqueeze(-1) * rows["observed"]
        scores = rows["scores"]
        effects = _ridge(rows["conditions"], scores, weight)
        residual = (scores - rows["conditions"] @ effects) * weight.sqrt()
        scale = weight.sqrt()
        pairs = scale.transpose(1, 2) @ scale
        covariance = residual.transpose(1, 2) @ residual / (pairs + PAIR_PRIOR)
        self._start_from(covariance, effects, generator)

    @torch.no_grad()
    def _start_from(self, covariance: Tensor, effects: Tensor, generator: torch.Generator) -> None:
        encoder, decoder = self.encoder, self.decoder
        latent, n_scores = self.latent_dim, covariance.shape[-1]
        values, axes = (part.flip(-1) for part in torch.linalg.eigh(covariance))
        rest = values[:, min(latent, n_scores - 1) // 2 :] if n_scores > 1 else values
        noise = rest.mean(dim=1, keepdim=True).clamp_min(0.05)
        n_axes = min(latent, n_scores)
        strength = (values[:, :n_axes] - self.kl_weight * noise).clamp_min(0).sqrt()
        variance = strength.square() + noise
        start = 0.02 * torch.randn((len(axes), latent, n_scores), generator=generator)
        start[:, :n_axes] += (axes[:, :, :n_axes] * strength.unsqueeze(1)).transpose(1, 2)
        decoder.mean.linear.weight.copy_(torch.cat([start, effects], dim=1))
        left = torch.diagonal(covariance, dim1=1, dim2=2) - start.square().sum(dim=1)
        decoder.log_variance.copy_(left.clamp_min(0.1).log().unsqueeze(1))
        back = torch.zeros(len(axes), n_scores, latent)
        back[:, :, :n_axes] = axes[:, :, :n_axes] * (strength / variance).unsqueeze(1)
        encoder.mean.linear.weight.copy_(torch.cat([back, -effects @ back], dim=1))
        encoder.log_variance[:, 0, :n_axes] = torch.log(noise / variance)

    def loss(
        self,
        phase: str,  # noqa: ARG002 (there is only one)
        batch: Batch,
        generator: torch.Generator,
        step: int,  # noqa: ARG002 (no warm-up)
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the negative bound, summed over members, averaged over their rows."""
        misfit, divergence = self._terms(batch["scores"], batch, generator)
        # Weights have mean 1 over all rows: a batch of light rows counts for less, as it should.
        weight = batch["weight"] / batch["weight"].shape[1]
        misfit, divergence = (misfit * weight).sum(dim=1), (divergence * weight).sum(dim=1)
        effects = self.decoder.mean.linear.weight[:, self.latent_dim :]
        total = (misfit + self.kl_weight * divergence).sum() + EFFECT_DECAY * effects.square().sum()
        return total, {"misfit": misfit.detach().mean(), "kl": divergence.detach().mean()}

    def validate(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Give the bound of each member on the rows that it does not see."""
        misfit, divergence = self._terms(batch["scores"], batch, generator)
        weight = batch["held_out"] * batch["weight"]
        total = ((misfit + self.kl_weight * divergence) * weight).sum(dim=1)
        return {"validation": total / weight.sum(dim=1).clamp_min(1e-12)}

    def _terms(
        self, scores: Tensor, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Give misfit and divergence of each row, both `(members, batch)`."""
        conditions, decoder = batch["conditions"], self.decoder
        filled = fill_missing(self.encoder, decoder, scores, batch["observed"], conditions)
        mean, log_variance = self.encoder(filled, conditions)
        if self.is_linear:
            # The expectation over codes is known: the code's variance, carried through the map.
            expected, log_noise = decoder(mean, conditions)
            carried = log_variance.exp() @ decoder.mean.linear.weight[:, : self.latent_dim].square()
        else:
            noise = batch_noise(torch.randn, mean.shape, generator).to(mean.device)
            expected, log_noise = decoder(mean + torch.exp(0.5 * log_variance) * noise, conditions)
            carried = torch.zeros(())
        squares = (torch.square(scores - expected) + carried) * torch.exp(-log_noise)
        per_score = 0.5 * (squares + log_noise + math.log(2 * math.pi)) * batch["observed"]
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return per_score.sum(dim=-1), divergence.sum(dim=-1)


def _ridge(conditions: Tensor, scores: Tensor, weight: Tensor) -> Tensor:
    """Regress each score on the conditions, shrunk, over the cells with weight.

    Shapes `(members, n, c)`, `(members, n, d)`, `(members, n, d)`; result `(members, c, d)`.
    """
    n_conditions = conditions.shape[-1]
    if not n_conditions:
        return scores.new_zeros(len(scores), 0, scores.shape[-1])
    gram = torch.einsum("knc,knd,kne->kdce", conditions, weight, conditions)
    gram = gram + EFFECT_PRIOR * torch.eye(n_conditions)
    moment = torch.einsum("knc,knd->kdc", conditions, weight * scores)
    return torch.linalg.solve(gram, moment).transpose(1, 2)

"""Small objectives that the training tests share."""

from __future__ import annotations

import torch
from torch import nn

from augment._random import isolated_rng, torch_generator
from augment.objectives.base import Batch, Objective, Phase


class Stacked(nn.Module):
    """K linear maps as one batched program."""

    def __init__(self, members: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(members, n_in, n_out) * 0.1)
        self.bias = nn.Parameter(torch.zeros(members, 1, n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (K, B, n_in) -> (K, B, n_out)
        return torch.baddbmm(self.bias, x, self.weight)


class LinearVae(Objective):
    """A linear VAE of K members; the reconstruction error is the validation score."""

    def __init__(
        self, members: int = 5, columns: int = 20, latent: int = 16, rate: float = 1e-2
    ) -> None:
        with isolated_rng(3):
            self.networks = nn.ModuleDict(
                {
                    "encoder": Stacked(members, columns, 2 * latent),
                    "decoder": Stacked(members, latent, columns),
                }
            )
        self.phases = (Phase("elbo", ("encoder", "decoder"), rate),)

    def loss(self, phase, batch, generator, step):
        x = batch["x"]
        mean, log_var = self.networks["encoder"](x).chunk(2, -1)
        noise = torch.randn(mean.shape, generator=generator).to(x.device)
        z = mean + noise * (0.5 * log_var).exp()
        error = (self.networks["decoder"](z) - x).square().sum(-1).mean(-1).sum()
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(-1).mean(-1).sum()
        return error + kl, {"error": error.detach(), "kl": kl.detach()}

    def validate(self, batch, generator):
        mean = self.networks["encoder"](batch["x"]).chunk(2, -1)[0]
        return {"validation": (self.networks["decoder"](mean) - batch["x"]).square().mean((-1, -2))}


class ToyGan(Objective):
    """Two phases, to see who learns when; dropout draws from the global stream."""

    def __init__(self) -> None:
        with isolated_rng(4):
            self.networks = nn.ModuleDict(
                {
                    "generator": nn.Linear(2, 3),
                    "critic": nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1)),
                }
            )
        self.phases = (
            Phase("critic", ("critic",), 1e-2, repeats=2),
            Phase("generator", ("generator",), 1e-2),
        )
        self.seen: list[tuple[str, list[bool]]] = []

    def loss(self, phase, batch, generator, step):
        self.seen.append((phase, [p.requires_grad for p in self.networks.parameters()]))
        noise = torch.randn(len(batch["x"]), 2, generator=generator)
        critic, fake = self.networks["critic"], self.networks["generator"](noise)
        gap = critic(fake).mean() - critic(batch["x"]).mean()
        return (gap if phase == "critic" else -gap), {"gap": gap.detach()}


class Scripted(Objective):
    """Each step adds 1 to every weight; validation scores, from step 0 on, come from a list."""

    def __init__(self, scores, shared=False):
        members = len(scores[0])
        self.networks = nn.ModuleDict({"line": Stacked(members, 3, 2)})
        if shared:
            self.networks["shared"] = nn.Linear(7, 7)
        with torch.no_grad():
            for parameter in self.networks.parameters():
                parameter.zero_()
        self.phases = (Phase("fit", tuple(self.networks), 1.0, betas=(0.0, 0.0)),)
        self.scores = iter(scores)

    def loss(self, phase, batch, generator, step):
        return -sum(parameter.sum() for parameter in self.networks.parameters()), {}

    def validate(self, batch, generator):
        return {"validation": torch.tensor(next(self.scores))}


class Fragile(Objective):
    """A counter whose loss breaks at given steps; validation scores begin with step 0."""

    def __init__(self, broken=(), value=float("nan"), scores=()):
        self.networks = nn.ModuleDict({"line": nn.Linear(1, 1, bias=False)})
        with torch.no_grad():
            self.networks["line"].weight.zero_()
        self.phases = (Phase("fit", ("line",), 1.0, betas=(0.0, 0.0)),)
        self.broken, self.value, self.scores = broken, value, iter(scores)

    @property
    def weight(self):
        return self.networks["line"].weight.detach()

    def loss(self, phase, batch, generator, step):
        factor = self.value if step in self.broken else 1.0
        return -self.networks["line"].weight.sum() * factor + (factor - 1.0), {}

    def validate(self, batch, generator):
        return {"validation": torch.tensor(next(self.scores))}


def table(rows: int = 200, columns: int = 20, seed: int = 0) -> Batch:
    generator = torch_generator(seed)
    factors = torch.randn(rows, 4, generator=generator)
    loadings = torch.randn(4, columns, generator=generator)
    return {"x": factors @ loadings + 0.3 * torch.randn(rows, columns, generator=generator)}


def folds(rows: int, members: int, seed: int = 1) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Rows that each member sees, and (K, rows held out) for each."""
    order = torch.randperm(rows, generator=torch_generator(seed))
    held = order[: rows // members * members].view(members, -1)
    seen = [order[~torch.isin(order, part)] for part in held]
    return seen, held

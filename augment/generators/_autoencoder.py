"""Generators whose networks are an ensemble of autoencoders, or start as one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from augment._random import torch_generator
from augment._typing import State
from augment.generators._network import NetworkGenerator
from augment.generators._reconstruction import ReconstructionMixin
from augment.generators._training import Stage, Training, seed_of
from augment.objectives.variational import VariationalObjective, fill_missing, row_networks

__all__ = ["MAX_STEPS", "AutoencoderGenerator"]

LATENT_DIM = 16
"""Width of the latent code, where there are so many scores."""
HIDDEN_DIM = 32
"""Width of the path for what bends, and for what differs between classes."""
LEARNING_RATE = 0.02
"""Step size of the autoencoders."""
MAX_STEPS = 400
"""Steps of the autoencoders at most."""
KL_SLOPE, MAX_KL_WEIGHT = 5.0, 4.0
"""The Kullback-Leibler term weighs ``1 + KL_SLOPE * n_scores / n_samples``, up to the maximum."""


class AutoencoderGenerator(ReconstructionMixin, NetworkGenerator):
    """A generator that draws from the likelihood of an ensemble of conditional autoencoders."""

    kl_weight: Any

    def _auto_hidden_dim(self) -> int:
        """Give the width of the non-linear path where the user names none."""
        return HIDDEN_DIM

    def _sizes(self) -> dict[str, int]:
        n_scores, latent, hidden = self.encoder_.n_scores, self.latent_dim, self.hidden_dim
        return {
            "members": self.n_members,
            "n_scores": n_scores,
            "n_conditions": self.conditions_.n_features,
            "latent_dim": max(1, min(LATENT_DIM, n_scores)) if latent == "auto" else int(latent),
            "hidden_dim": self._auto_hidden_dim() if hidden == "auto" else int(hidden),
        }

    def _base_rate(self) -> float:
        """Give the step size of the autoencoders."""
        return LEARNING_RATE if self.learning_rate == "auto" else float(self.learning_rate)

    def _kl_weight(self, n_rows: int) -> float:
        """Give the weight of the Kullback-Leibler term."""
        if self.kl_weight != "auto":
            return float(self.kl_weight)
        return min(1.0 + KL_SLOPE * self.sizes_["n_scores"] / n_rows, MAX_KL_WEIGHT)

    def _fit_autoencoders(self, training: Training, stage: Stage) -> nn.ModuleDict:
        """Train the ensemble, and give its networks."""
        generator = torch_generator(seed_of(training.seed, "first weights"))
        objective = VariationalObjective(
            **self.sizes_,
            kl_weight=self._kl_weight(training.n_rows),
            learning_rate=self._base_rate(),
            generator=generator,
        )
        seen = torch.as_tensor(~training.left_out, dtype=torch.float32)
        objective.initialise(training.rows(), seen, generator)
        self._run(objective, training, stage)
        return objective.networks

    def _build_networks(self, sizes: State) -> nn.ModuleDict:
        encoder, decoder = row_networks(**sizes)
        return nn.ModuleDict({"encoder": encoder, "decoder": decoder})

    def _invert(
        self, networks: nn.ModuleDict, scores: Tensor, observed: Tensor, conditions: Tensor
    ) -> Tensor:
        """Give the code of each row: by the encoder, missing scores filled as it expects them."""
        encoder: Any = networks["encoder"]
        decoder: Any = networks["decoder"]
        filled = fill_missing(encoder, decoder, scores, observed, conditions)
        codes: Tensor = encoder(filled, conditions)[0]
        return codes

    def _draw(self, conditions: Tensor, normals: Tensor) -> Tensor:
        codes, noise = normals.split([self.sizes_["latent_dim"], self.sizes_["n_scores"]], dim=-1)
        mean, log_variance = self.networks_["decoder"](codes, conditions)
        drawn: Tensor = mean + torch.exp(0.5 * log_variance) * noise
        return drawn

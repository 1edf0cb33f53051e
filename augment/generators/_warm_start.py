"""The ensemble of autoencoders that the VAE is, and that the GAN starts from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from augment._random import isolated_rng, torch_generator
from augment._typing import State
from augment.generators._network import Stage, Training
from augment.objectives.variational import RowDecoder, RowEncoder, VariationalObjective

__all__ = ["MAX_STEPS", "draw_scores", "fit_vae", "vae_networks", "vae_sizes"]

LATENT_DIM = 16
"""Width of the latent code, where there are so many scores."""
LEARNING_RATE = 0.02
"""Step size of the autoencoders."""
KL_ROWS = 100
"""Rows at which the Kullback-Leibler term weighs twice what the bound gives it."""
MAX_STEPS = 400
"""Steps of the autoencoders at most."""


def vae_sizes(estimator: Any, auto_hidden_dim: int = 0) -> dict[str, int]:
    """Give the sizes of the networks that an estimator's parameters ask for."""
    n_scores = estimator.encoder_.n_scores
    latent, hidden = estimator.latent_dim, estimator.hidden_dim
    return {
        "members": estimator.n_members,
        "n_scores": n_scores,
        "n_conditions": estimator.conditions_.n_features,
        "latent_dim": max(1, min(LATENT_DIM, n_scores)) if latent == "auto" else int(latent),
        "hidden_dim": auto_hidden_dim if hidden == "auto" else int(hidden),
    }


def vae_networks(sizes: State) -> nn.ModuleDict:
    """Build encoder and decoder with weights yet to be filled."""
    return nn.ModuleDict({"encoder": RowEncoder(**sizes), "decoder": RowDecoder(**sizes)})


def fit_vae(estimator: Any, training: Training, stage: Stage) -> nn.ModuleDict:
    """Train the ensemble of autoencoders, and give its networks."""
    rate = LEARNING_RATE if estimator.learning_rate == "auto" else float(estimator.learning_rate)
    n_rows = training.left_out.shape[1]
    kl_weight = estimator.kl_weight
    kl_weight = 1 + KL_ROWS / n_rows if kl_weight == "auto" else float(kl_weight)
    with isolated_rng(training.noise_seed):
        objective = VariationalObjective(
            **estimator.sizes_, kl_weight=kl_weight, learning_rate=rate
        )
    seen = torch.as_tensor(~training.left_out, dtype=torch.float32)
    objective.initialise(training.tensors, seen, torch_generator(training.batch_seed))
    estimator._run(objective, training, stage)
    return objective.networks


def draw_scores(estimator: Any, conditions: Tensor, normals: Tensor) -> Tensor:
    """Draw scores `(members, n, n_scores)` from the decoder's likelihood.

    Parameters
    ----------
    estimator : NetworkGenerator
        Whose networks are asked.
    conditions : Tensor of shape (members, n, c)
        What the rows are given.
    normals : Tensor of shape (members, n, latent_dim + n_scores)
        Standard normal noise: the code, and what the likelihood adds.
    """
    codes, noise = normals.split([estimator.sizes_["latent_dim"], estimator.sizes_["n_scores"]], -1)
    mean, log_variance = estimator.networks_["decoder"](codes, conditions)
    drawn: Tensor = mean + torch.exp(0.5 * log_variance) * noise
    return drawn

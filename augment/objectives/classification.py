"""The objective of a classifier of images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment._random import isolated_rng
from augment.objectives.base import Batch, Objective, Phase

__all__ = ["ClassificationObjective"]


class ClassificationObjective(Objective):
    """Cross-entropy of a network that gives logits.

    Batches hold ``image`` (n, channels, height, width) and ``code`` (n,). How much a row counts is
    for the batches to say, by how often they hold it.

    Parameters
    ----------
    build : callable
        Builds the network; called once, with torch's first weights following from `seed`.
    learning_rate, weight_decay, label_smoothing : float
        As usual.
    augmentation : callable or None
        Changes a batch of images, given a generator.
    seed : int
        Of the first weights and of dropout.

    References
    ----------
    .. [1] C. Szegedy et al., "Rethinking the inception architecture for computer vision", CVPR
       2016 (label smoothing).
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        *,
        learning_rate: float,
        weight_decay: float,
        label_smoothing: float,
        augmentation: Callable[[Tensor, torch.Generator], Tensor] | None,
        seed: int,
    ) -> None:
        with isolated_rng(seed):
            network = build()
        self.networks = nn.ModuleDict({"classifier": network})
        self.phases = (
            Phase("classifier", ("classifier",), learning_rate, weight_decay=weight_decay),
        )
        self.label_smoothing = label_smoothing
        self.augmentation = augmentation

    def loss(
        self,
        phase: str,  # noqa: ARG002 (there is only one)
        batch: Batch,
        generator: torch.Generator,
        step: int,  # noqa: ARG002 (the contract)
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the mean cross-entropy of a batch."""
        images = batch["image"]
        if self.augmentation is not None:
            images = self.augmentation(images, generator)
        logits = self.networks["classifier"](images)
        loss = functional.cross_entropy(logits, batch["code"], label_smoothing=self.label_smoothing)
        hit = (logits.argmax(dim=1) == batch["code"]).float()
        return loss, {"accuracy": hit.mean().detach()}

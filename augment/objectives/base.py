"""What a method must say about itself so that the one training loop can train it."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import nn

__all__ = ["Batch", "Objective", "Phase"]

# Named tensors that share their leading dimensions: (rows, ...) or (members, rows, ...).
Batch: TypeAlias = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Phase:
    """One alternating part of a method, with the settings of its optimiser (AdamW).

    Attributes
    ----------
    name : str
        What `Objective.loss` is told, and what the history shows.
    networks : tuple of str
        Keys of `Objective.networks`: the only ones that learn in this phase.
    learning_rate : float
        Step size.
    betas : tuple of float
        Decay of the running means of the gradient and of its square.
    weight_decay : float
        Decoupled weight decay.
    repeats : int
        Updates of this phase in each step of the loop, each on its own batch.
    """

    name: str
    networks: tuple[str, ...]
    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    repeats: int = 1


class Objective(abc.ABC):
    """A method: its networks, its phases and its loss, and nothing else.

    A VAE has one phase, a GAN two. An objective neither loops, nor logs, nor moves data; it draws
    noise from the generator it is handed (on the CPU, then moved), so that results depend neither
    on the device nor on anybody's global random state.

    Attributes
    ----------
    networks : torch.nn.ModuleDict
        Everything that learns. Parameters of an ensemble that trains as one batched program carry
        the member as their first dimension.
    phases : tuple of Phase
        In the order of one step.
    """

    networks: nn.ModuleDict
    phases: tuple[Phase, ...]

    @abc.abstractmethod
    def loss(
        self, phase: str, batch: Batch, generator: torch.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Give the loss of one phase.

        Parameters
        ----------
        phase : str
            Name of one of `phases`.
        batch : dict of Tensor
            Rows on the device of the networks, (B, ...) or (K, B, ...).
        generator : torch.Generator
            The loop's CPU generator, to draw noise from.
        step : int
            The step, from 0 (for warm-up schedules).

        Returns
        -------
        loss : Tensor, scalar
            What is minimised. The sum (not the mean) over members keeps members independent.
        terms : dict of Tensor
            Parts of it for the history, detached; averaged if not scalar.
        """

    def validate(
        self,
        batch: Batch,  # noqa: ARG002 (the names are the contract)
        generator: torch.Generator,  # noqa: ARG002 (the contract)
    ) -> dict[str, torch.Tensor]:
        """Judge held-out rows; called without gradients and in evaluation mode.

        Parameters
        ----------
        batch : dict of Tensor
            The held-out rows.
        generator : torch.Generator
            Starts from the same seed at each call, so that scores can be compared between steps.

        Returns
        -------
        dict of Tensor
            ``"validation"`` (lower is better, a scalar or one value for each member, (K,)) steers
            early stopping; other entries go into the history. The default is no entry at all.
        """
        return {}

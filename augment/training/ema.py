"""Exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from augment.objectives.base import Batch

__all__ = ["Ema"]


class Ema:
    """A slowly following copy of the weights, which is what gets sampled.

    After step t (from 1) the copy moves to the weights by ``1 - min(decay, (1 + t) / (10 + t))``,
    so it follows fast at first and forgets the untrained weights [1]_.

    Parameters
    ----------
    networks : torch.nn.Module
        What is followed.
    decay : float
        Final decay in (0, 1).

    References
    ----------
    .. [1] Karras et al., "Analyzing and Improving the Training Dynamics of Diffusion Models", 2024,
       on why short averages must come first; the ramp is TensorFlow's ``num_updates`` rule.
    """

    def __init__(self, networks: nn.Module, decay: float) -> None:
        self.decay = decay
        self.n_updates = 0
        self._live = dict(networks.state_dict())
        self.weights: Batch = {name: value.clone() for name, value in self._live.items()}
        floating = [name for name, value in self._live.items() if value.is_floating_point()]
        self._averaged = [self.weights[name] for name in floating]
        self._followed = [self._live[name] for name in floating]
        self._copied = sorted(self._live.keys() - set(floating))

    def update(self) -> None:
        """Follow the weights by one step."""
        self.n_updates += 1
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        # One fused call for all weights, as torch.optim.swa_utils does.
        torch._foreach_lerp_(self._averaged, self._followed, 1.0 - decay)
        for name in self._copied:
            self.weights[name].copy_(self._live[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the networks inside a block, and the weights back afterwards."""
        kept = {name: value.clone() for name, value in self._live.items()}
        self.apply()
        try:
            yield
        finally:
            _copy(kept, self._live)

    def apply(self) -> None:
        """Put the average into the networks for good."""
        _copy(self.weights, self._live)

    def get_state(self) -> dict[str, Any]:
        """Give the average and the number of updates."""
        return {"n_updates": self.n_updates, "weights": dict(self.weights)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.n_updates = int(state["n_updates"])
        _copy(state["weights"], self.weights)


@torch.no_grad()
def _copy(source: Batch, target: Batch) -> None:
    """Copy values by name into tensors that stay where they are."""
    for name, value in target.items():
        value.copy_(source[name])

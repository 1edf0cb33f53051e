"""Several processes on one model: average the gradients after each phase."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import distributed

__all__ = ["average_gradients", "is_main_process", "share_weights", "world_size"]


def world_size() -> int:
    """Count the processes that train together; 1 where ``torch.distributed`` is not set up."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


def is_main_process() -> bool:
    """Say whether this process is the one that writes files and shows progress."""
    return world_size() == 1 or distributed.get_rank() == 0


def average_gradients(parameters: Sequence[torch.nn.Parameter], n_processes: int) -> None:
    """Average the gradients over all processes with one flat ``all_reduce``.

    No wrapper around the networks is needed, and several phases are safe: each call takes the
    parameters of one phase.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= n_processes
    for gradient, part in zip(
        gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True
    ):
        gradient.copy_(part.view_as(gradient))


def share_weights(tensors: Iterable[torch.Tensor]) -> None:
    """Start every process from the weights of process 0."""
    for tensor in tensors:
        distributed.broadcast(tensor, src=0)

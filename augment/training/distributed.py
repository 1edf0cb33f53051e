"""Several processes on one model: each takes a part of every batch, gradients are averaged.

Started by ``torchrun``, the processes run the same program on the same rows with the same seed;
what they get is what one process gets, up to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import distributed

from augment._errors import InvalidInputError

__all__ = [
    "average_gradients",
    "check_same_seed",
    "is_main_process",
    "joined_processes",
    "rank",
    "share_weights",
    "world_size",
]


def world_size() -> int:
    """Count the processes that train together; 1 where ``torch.distributed`` is not set up."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


def rank() -> int:
    """Give the number of this process; 0 where it is alone."""
    return distributed.get_rank() if world_size() > 1 else 0


def is_main_process() -> bool:
    """Say whether this process is the one that writes files and shows progress."""
    return rank() == 0


@contextmanager
def joined_processes() -> Iterator[None]:
    """Join the processes that ``torchrun`` started, if it did, for as long as the block lasts."""
    started = int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ
    if not started or distributed.is_initialized():
        yield
        return
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def check_same_seed(seed: int) -> None:
    """Refuse processes with different seeds: they would train different models.

    Raises
    ------
    InvalidInputError
        In every process, if they differ.
    """
    seeds: list[int] = [0] * world_size()
    distributed.all_gather_object(seeds, seed)
    if len(set(seeds)) > 1:
        raise InvalidInputError(
            "The processes that train together have different seeds. Give each the same "
            "random_state, for example random_state=0."
        )


def average_gradients(parameters: Sequence[torch.nn.Parameter], n_processes: int) -> None:
    """Average the gradients over all processes with one flat ``all_reduce``.

    No wrapper around the networks is needed, and several phases are safe: each call takes the
    parameters of one phase. Where processes have different numbers of rows, their losses are
    weighted before.
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

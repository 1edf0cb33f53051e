"""Randomness enters through one argument and never leaks.

This is the one file that may seed a generator. Nothing in the package reads or writes the global
random streams of numpy or torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy as np

from augment._errors import InvalidTypeError
from augment._typing import RandomState

if TYPE_CHECKING:
    import torch

__all__ = [
    "BLOCK",
    "batch_noise",
    "isolated_rng",
    "rng_for",
    "seed_from",
    "share_of_batch",
    "spawn_seeds",
    "torch_generator",
]

# Noise comes in blocks of rows, each from its own child seed, so that row i never depends on n.
BLOCK = 1024
_SEED_LIMIT = 2**63 - 1
# Which rows of a batch this process has: number, processes, rows of the whole batch.
_SHARE: ContextVar[tuple[int, int, int]] = ContextVar("share", default=(0, 1, 0))


def seed_from(random_state: RandomState) -> int:
    """Turn any accepted ``random_state`` into one integer.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None draws fresh entropy from the operating system; an int is used as it is; a generator
        gives its next integer, so it moves on.

    Returns
    -------
    int
        A non-negative integer below 2**63.

    Raises
    ------
    InvalidTypeError
        For anything else.

    Examples
    --------
    >>> seed_from(7)
    7
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if not 0 <= int(random_state) <= _SEED_LIMIT:
            raise InvalidTypeError(
                f"random_state must be between 0 and {_SEED_LIMIT}; got {random_state}."
            )
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, _SEED_LIMIT))
    raise InvalidTypeError(
        "random_state must be None, an int, a numpy RandomState or a numpy Generator; "
        f"got {type(random_state).__name__}. Pass random_state=0 for a repeatable result."
    )


def rng_for(seed: int, *key: int) -> np.random.Generator:
    """Give the numpy generator of one child of ``seed``.

    Parameters
    ----------
    seed : int
        The parent seed.
    *key : int
        The path of the child, for example a repeat and a fold, or a block of rows.

    Returns
    -------
    numpy.random.Generator
        Equal arguments give equal streams; different keys give independent ones.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def spawn_seeds(seed: int, n: int) -> list[int]:
    """Give ``n`` independent integer seeds that follow from ``seed``.

    Examples
    --------
    >>> spawn_seeds(0, 3)[:2] == spawn_seeds(0, 2)
    True
    """
    children = np.random.SeedSequence(seed).spawn(n)
    return [int(child.generate_state(1, np.uint32)[0]) for child in children]


def torch_generator(seed: int) -> torch.Generator:
    """Give a CPU torch generator.

    Noise is drawn on the CPU and then moved, so that a result does not depend on the device.
    """
    import torch

    generator = torch.Generator(device="cpu")
    generator.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1))
    return generator


@contextmanager
def share_of_batch(rank: int, n_processes: int, n_rows: int) -> Iterator[None]:
    """Let `batch_noise` give this process its own rows of the noise of a whole batch.

    Parameters
    ----------
    rank, n_processes : int
        Process number `rank` has every `n_processes`-th row, from row `rank` on.
    n_rows : int
        Rows of the whole batch.
    """
    token = _SHARE.set((rank, n_processes, n_rows))
    try:
        yield
    finally:
        _SHARE.reset(token)


def batch_noise(
    draw: Callable[..., torch.Tensor],
    shape: Sequence[int],
    generator: torch.Generator,
    *,
    axis: int = 1,
) -> torch.Tensor:
    """Draw noise for the rows of a batch, the same whether one process has them all or several.

    Parameters
    ----------
    draw : callable
        ``torch.rand`` or ``torch.randn``.
    shape : sequence of int
        Of the rows that this process has.
    generator : torch.Generator
        CPU generator; it moves on alike in every process.
    axis : int, default=1
        Where rows are counted.

    Returns
    -------
    Tensor
        Of `shape`.
    """
    rank, n_processes, n_rows = _SHARE.get()
    if n_processes == 1:
        return draw(tuple(shape), generator=generator)
    whole = draw((*shape[:axis], n_rows, *shape[axis + 1 :]), generator=generator)
    return whole[(slice(None),) * axis + (slice(rank, None, n_processes),)]


@contextmanager
def isolated_rng(seed: int) -> Iterator[None]:
    """Seed torch's global stream inside a block, and give it back untouched afterwards.

    Layers draw their first weights from the global stream; there is no argument for it.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(torch_generator(seed).initial_seed())
        yield

"""Endless shuffled batches of tensors that live on the training device."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch

from augment._errors import InvalidInputError
from augment._random import torch_generator
from augment._typing import State
from augment.objectives.base import Batch

__all__ = ["Batches"]

_SEED_LIMIT = 2**62
# Batches whose rows are chosen at a time, at least: small tables would be shuffled at every step.
_AHEAD = 16


class Batches:
    """An endless stream of batches: shuffled passes over the rows, without replacement.

    Each pass visits every row once; a batch that reaches the end of a pass goes on into the next
    one, so all batches have the same size and no row is ever dropped.

    Parameters
    ----------
    tensors : dict of Tensor
        Row i of each tensor belongs together.
    batch_size : int
        Rows in a batch (of each member).
    generator : torch.Generator
        Only gives the first seeds; the stream then has generators of its own.
    members : sequence of Tensor of int64, optional
        For an ensemble: the rows that each of its K members may see. Each member has its own
        shuffles, which depend on its position in the list and not on the other members.
    in_turn : dict of Tensor, optional
        Tensors `(k, n, ...)` of which there are k versions: each batch takes the next one.
    weights : Tensor of shape (n,), optional
        How often a row is seen, relative to the others. A pass then holds each row as often as
        its share of all weights says, rounded up or down at random.

    Raises
    ------
    InvalidInputError
        If tensors differ in their rows, there are none, or a member has none.

    Examples
    --------
    >>> from augment._random import torch_generator
    >>> batches = Batches({"x": torch.arange(4)}, 2, torch_generator(0))
    >>> sorted(torch.cat([next(batches)["x"], next(batches)["x"]]).tolist())
    [0, 1, 2, 3]
    """

    def __init__(
        self,
        tensors: Batch,
        batch_size: int,
        generator: torch.Generator,
        members: Sequence[torch.Tensor] | None = None,
        weights: torch.Tensor | None = None,
        in_turn: Batch | None = None,
    ) -> None:
        self.n_rows = _common_rows(tensors)
        if batch_size < 1:
            raise InvalidInputError(f"batch_size must be at least 1; got {batch_size}.")
        self.tensors = dict(tensors)
        self.in_turn = dict(in_turn or {})
        _check_versions(self.in_turn, self.n_rows)
        self._turn = 0
        self.batch_size = batch_size
        self.n_members = None if members is None else len(members)
        self._rows = [torch.arange(self.n_rows)] if members is None else [*members]
        _check_members(self._rows, self.n_rows)
        self._weights = None if weights is None else weights.double().cpu()
        seeds = torch.randint(_SEED_LIMIT, (len(self._rows),), generator=generator).tolist()
        self._generators = [torch_generator(seed) for seed in seeds]
        self._tails = [torch.empty(0, dtype=torch.int64) for _ in self._rows]
        self._device = torch.device("cpu")
        self._share = (0, 1)
        self._set_queue(torch.empty(0, len(self._rows) * batch_size, dtype=torch.int64), 0)
        self.to("cpu")

    @property
    def steps_per_epoch(self) -> int:
        """Batches that one pass over the rows of the largest member takes."""
        return math.ceil(max(len(rows) for rows in self._rows) / self.batch_size)

    def to(self, device: torch.device | str) -> Batches:
        """Move the rows to a device, and give the same object back."""
        self._device = torch.device(device)
        self.tensors = {name: value.to(self._device) for name, value in self.tensors.items()}
        self.in_turn = {name: value.to(self._device) for name, value in self.in_turn.items()}
        own = len(range(self._share[0], self.batch_size, self._share[1]))
        lead = (own,) if self.n_members is None else (self.n_members, own)
        versions = [(name, [tensor]) for name, tensor in self.tensors.items()]
        versions += [(name, list(tensor.unbind(0))) for name, tensor in self.in_turn.items()]
        self._sources = [
            (name, those, lead + tuple(those[0].shape[1:])) for name, those in versions
        ]
        self._set_queue(self._queue, self._position)
        return self

    def share(self, rank: int, n_processes: int) -> Batches:
        """Give only every `n_processes`-th row of each batch, from row `rank` on.

        Raises
        ------
        InvalidInputError
            If there are more processes than rows in a batch.
        """
        if n_processes > self.batch_size:
            raise InvalidInputError(
                f"Each process needs a row of every batch; {n_processes} processes share batches "
                f"of {self.batch_size}. Use fewer processes, or larger batches."
            )
        self._share = (rank, n_processes)
        return self.to(self._device)

    def __iter__(self) -> Iterator[Batch]:
        """Give itself: the stream has one position."""
        return self

    def __next__(self) -> Batch:
        """Give the next batch: tensors of shape (B, ...), or (K, B, ...) with members."""
        if self._position == len(self._indices):
            self._refill()
        index = self._indices[self._position]
        self._position += 1
        turn = self._turn
        self._turn += 1
        return {
            name: those[turn % len(those)].index_select(0, index).view(shape)
            for name, those, shape in self._sources
        }

    def get_state(self) -> State:
        """Give all that is needed to go on with exactly the next batch."""
        return {
            "queue": self._queue.cpu(),
            "position": self._position,
            "turn": self._turn,
            "tails": list(self._tails),
            "generators": [generator.get_state() for generator in self._generators],
        }

    def set_state(self, state: State) -> None:
        """Go on from a state that `get_state` gave on equal rows."""
        self._tails, self._turn = list(state["tails"]), int(state["turn"])
        for generator, saved in zip(self._generators, state["generators"], strict=True):
            generator.set_state(saved)
        self._set_queue(state["queue"], state["position"])

    def _refill(self) -> None:
        """Shuffle one more pass of the largest member or a few, and as many rows of the others."""
        steps = max(self.steps_per_epoch, _AHEAD)
        streams = torch.stack(
            [self._take(member, steps * self.batch_size) for member in range(len(self._rows))]
        )
        queue = streams.view(len(self._rows), steps, self.batch_size).transpose(0, 1)
        self._set_queue(queue.reshape(steps, -1), 0)

    def _take(self, member: int, n: int) -> torch.Tensor:
        """Take the next ``n`` row numbers of one member's stream."""
        rows, parts, found = self._rows[member], [self._tails[member]], len(self._tails[member])
        while found < n:
            shuffle = torch.randperm(len(rows), generator=self._generators[member])
            parts.append(self._chosen(rows[shuffle], self._generators[member]))
            found += len(rows)
        stream = torch.cat(parts)
        self._tails[member] = stream[n:].clone()
        return stream[:n]

    def _chosen(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Give one pass over shuffled rows, in which those that weigh more come more often."""
        if self._weights is None:
            return rows
        cumulated = self._weights[rows].cumsum(0)
        places = torch.arange(len(rows)) + torch.rand(1, generator=generator, dtype=torch.float64)
        at = torch.searchsorted(cumulated, places * (cumulated[-1] / len(rows)))
        seen = rows[at.clamp(max=len(rows) - 1)]
        return seen[torch.randperm(len(rows), generator=generator)]

    def _set_queue(self, queue: torch.Tensor, position: int) -> None:
        """Keep row numbers, (steps, members x batch_size), ready to be taken one by one."""
        self._queue = queue.to(self._device)
        own, (rank, n_processes) = self._queue, self._share
        if n_processes > 1:
            parts = own.view(len(own), len(self._rows), self.batch_size)
            own = parts[..., rank::n_processes].flatten(1)
        self._indices = own.unbind(0)
        self._position = position


def _common_rows(tensors: Batch) -> int:
    """Give the number of rows that all tensors have."""
    rows = {name: len(tensor) for name, tensor in tensors.items()}
    if len(set(rows.values())) != 1 or 0 in rows.values():
        raise InvalidInputError(
            f"All tensors of a batch need the same number of rows, at least 1; found {rows}."
        )
    return next(iter(rows.values()))


def _check_versions(in_turn: Batch, n_rows: int) -> None:
    """Refuse tensors in turn that have no version, or other rows."""
    for name, tensor in in_turn.items():
        if tensor.ndim < 2 or not len(tensor) or tensor.shape[1] != n_rows:
            raise InvalidInputError(
                f"A tensor in turn needs shape (versions, {n_rows}, ...), with at least one "
                f"version; {name!r} has {tuple(tensor.shape)}."
            )


def _check_members(members: list[torch.Tensor], n_rows: int) -> None:
    """Refuse members without rows, or with rows that do not exist."""
    for number, rows in enumerate(members):
        if len(rows) == 0 or int(rows.min()) < 0 or int(rows.max()) >= n_rows:
            raise InvalidInputError(
                f"Each member needs rows between 0 and {n_rows - 1}; "
                f"member {number} has {len(rows)} rows, not all in that range."
            )
    if not members:
        raise InvalidInputError("members is an empty list; leave it out for a single model.")

"""What the loop shares with its callbacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from augment._typing import State
from augment.objectives.base import Batch, Objective, Phase
from augment.training.batches import Batches
from augment.training.ema import Ema
from augment.training.optimizer import AdamW

__all__ = ["Callback", "TrainingRecord", "TrainingState"]


@dataclass(frozen=True)
class TrainingRecord:
    """What a training run leaves beside the weights.

    Attributes
    ----------
    history : list of dict
        One entry for each phase at each validation point: ``step`` (steps done), ``phase``,
        ``loss`` and its terms (means since the point before), and what `Objective.validate` gave
        (means over members; the members' own scores as ``validation_members``).
    n_steps : int
        Steps done.
    stopped_by : str
        ``"max_steps"``, or the name of the callback that stopped it.
    """

    history: list[dict[str, Any]]
    n_steps: int
    stopped_by: str


@dataclass
class TrainingState:
    """The moving parts of one training run.

    Attributes
    ----------
    objective, batches, generator, max_steps
        As given to `augment.training.train`.
    phases : list of (Phase, list of Parameter, AdamW)
        What learns in each phase, and by which optimiser.
    ema : Ema or None
        The averaged weights.
    precision : callable
        Gives the context that losses and judgements compute in.
    callbacks : sequence of Callback
        In the order in which they are called.
    step : int
        Steps done.
    history : list of dict
        So far.
    latest : list of dict
        The entries of the latest validation point, one for each phase.
    scores : Tensor of float64 on the CPU, or None
        Its validation scores, (K,) or (1,); None where there are none to be trusted.
    windows : dict
        For each phase and term, the values since the latest validation point, still on the device.
    rolled_back : bool
        True if a guard has just gone back to an earlier state, so the point is not to be judged.
    stopped_by : str or None
        Set by a callback to stop.
    finished : bool
        True for a run that a checkpoint says was finished before.
    """

    objective: Objective
    batches: Batches
    generator: torch.Generator
    max_steps: int
    phases: list[tuple[Phase, list[torch.nn.Parameter], AdamW]]
    ema: Ema | None
    precision: Callable[[], AbstractContextManager[Any]]
    callbacks: Sequence[Callback] = ()
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    latest: list[dict[str, Any]] = field(default_factory=list)
    scores: torch.Tensor | None = None
    windows: dict[str, dict[str, list[torch.Tensor]]] = field(default_factory=dict)
    rolled_back: bool = False
    stopped_by: str | None = None
    finished: bool = False

    def averaged(self) -> AbstractContextManager[None]:
        """Put the weights that would be delivered now into the networks, inside a block."""
        return self.ema.applied() if self.ema else nullcontext()

    def deliverable(self) -> Batch:
        """Give the weights that would be delivered now: the average if there is one (no copy)."""
        return self.ema.weights if self.ema else dict(self.objective.networks.state_dict())

    def snapshot(self) -> State:
        """Copy all that learns: weights, averaged weights and optimisers."""
        return _copied(
            {
                "networks": dict(self.objective.networks.state_dict()),
                "optimizers": [optimizer.get_state() for _, _, optimizer in self.phases],
                "ema": self.ema.get_state() if self.ema else None,
            }
        )

    def restore(self, snapshot: State) -> None:
        """Go back to a snapshot, which stays as it is."""
        self.objective.networks.load_state_dict(snapshot["networks"])
        for (_, _, optimizer), saved in zip(self.phases, snapshot["optimizers"], strict=True):
            optimizer.set_state(saved)
        if self.ema:
            self.ema.set_state(snapshot["ema"])


class Callback:
    """Something that watches training, and may steer it. Every method does nothing by default.

    `order` sorts the callbacks of a run: guards see a validation point first, a checkpoint last.
    `get_state` and `set_state` carry what must survive an interruption, as nested dicts and lists
    of JSON values and tensors.
    """

    order: ClassVar[int] = 0

    def on_start(self, state: TrainingState) -> None:
        """Forget earlier runs; called before the first step."""

    def on_step(self, state: TrainingState) -> None:
        """Act after a step. It is called thousands of times: keep it cheap."""

    def on_validation(self, state: TrainingState) -> None:
        """Act at a validation point, when `latest` and `scores` are there.

        With held-out rows the first point comes before the first step: `step` is 0, `scores` are
        those of the starting weights, and `latest` is empty.
        """

    def on_end(self, state: TrainingState) -> None:
        """Act once after the last step; the networks hold the weights to be delivered."""

    def close(self) -> None:
        """Give resources back; called even when training fails or is interrupted."""

    def get_state(self) -> State:
        """Give what must survive an interruption."""
        return {}

    def set_state(self, state: State) -> None:
        """Go on from a state; called after `on_start`."""


def _copied(value: Any) -> Any:
    """Copy nested dicts, lists and tensors."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    return value

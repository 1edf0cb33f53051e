"""Callbacks that watch: early stopping with the best weights, and a progress bar."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar

import torch

from augment._errors import InvalidInputError
from augment._typing import State
from augment.objectives.base import Batch
from augment.training.distributed import is_main_process
from augment.training.state import Callback, TrainingState

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

__all__ = ["EarlyStopping", "LastWeights", "Progress"]


class EarlyStopping(Callback):
    """Keep the best weights on held-out rows, and stop when none gets better any more.

    With one validation score for each of K members, every member's best weights are kept where
    *its own* score was best: tensors whose first dimension is K are kept member by member, all
    others where the mean was best. Training stops when all members have run out of patience. The
    networks end up with the best weights, also if training ran to its last step. The starting
    weights are a candidate like all others; patience begins with the first point after them.

    Parameters
    ----------
    patience : int
        Validation points without improvement that a member is allowed.
    per_member : bool, default=True
        False judges the ensemble by its mean.
    min_delta : float, default=0.0
        Improvements that are not larger than this do not renew the patience; the weights are kept
        all the same.

    Attributes
    ----------
    best_scores : Tensor of float64, (K,), or None
        Best validation score of each member.
    best_steps : list of int
        The step of each member's best score; 0 for the starting weights.
    """

    def __init__(self, patience: int, per_member: bool = True, min_delta: float = 0.0) -> None:
        self.patience = patience
        self.per_member = per_member
        self.min_delta = min_delta
        self._reset()

    def _reset(self) -> None:
        self.best_scores: torch.Tensor | None = None
        self.best_steps: list[int] = []
        self._best_mean = float("inf")
        self._milestones = torch.empty(0)
        self._waited = torch.empty(0)
        self._weights: Batch = {}

    def on_start(self, state: TrainingState) -> None:  # noqa: ARG002 (the contract)
        """Forget earlier runs."""
        self._reset()

    def on_validation(self, state: TrainingState) -> None:
        """Keep what got better, and count the points without improvement."""
        if state.scores is None:
            self._require_scores(state)
            return
        scores = state.scores if self.per_member else state.scores.mean().reshape(1)
        if self.best_scores is None:
            self.best_scores = torch.full_like(scores, float("inf"))
            self._milestones = self.best_scores.clone()
            self._waited = torch.zeros(len(scores), dtype=torch.int64)
            self.best_steps = [0] * len(scores)
            self._weights = {name: value.clone() for name, value in state.deliverable().items()}
        better = scores < self.best_scores  # a score that is not a number is never better
        self._keep(state, better, float(scores.mean()))
        self.best_scores = torch.where(better, scores, self.best_scores)
        if state.step == 0:
            return
        renewed = scores < self._milestones - self.min_delta
        self._milestones = torch.where(renewed, scores, self._milestones)
        self._waited = torch.where(renewed, 0, self._waited + 1)
        if bool((self._waited >= self.patience).all()):
            state.stopped_by = state.stopped_by or type(self).__name__

    def on_end(self, state: TrainingState) -> None:
        """Deliver the best weights."""
        if self._weights:
            state.objective.networks.load_state_dict(self._weights)

    def get_state(self) -> State:
        """Give scores, steps, patience used and the best weights."""
        return {
            "best_scores": self.best_scores,
            "best_steps": self.best_steps,
            "best_mean": self._best_mean,
            "milestones": self._milestones,
            "waited": self._waited,
            "weights": self._weights,
        }

    def set_state(self, state: State) -> None:
        """Go on from a state."""
        self.best_scores = state["best_scores"]
        self.best_steps = list(state["best_steps"])
        self._best_mean = state["best_mean"]
        self._milestones = state["milestones"]
        self._waited = state["waited"]
        self._weights = dict(state["weights"])

    def _keep(self, state: TrainingState, better: torch.Tensor, mean: float) -> None:
        """Copy the weights of the members that got better, and shared ones by the mean."""
        members, mean_better = len(better), mean < self._best_mean
        if mean_better:
            self._best_mean = mean
        if not mean_better and not bool(better.any()):
            return
        self.best_steps = [
            state.step if won else step
            for won, step in zip(better.tolist(), self.best_steps, strict=True)
        ]
        for name, value in state.deliverable().items():
            kept = self._weights[name] = self._weights[name].to(value.device)
            if members > 1 and value.ndim > 0 and value.shape[0] == members:
                mask = better.to(value.device).view(-1, *[1] * (value.ndim - 1))
                torch.where(mask, value, kept, out=kept)
            elif bool(better.all()) or mean_better:
                kept.copy_(value)

    def _require_scores(self, state: TrainingState) -> None:
        """Refuse a run that can never be judged."""
        if self.best_scores is None and not state.rolled_back:
            raise InvalidInputError(
                "EarlyStopping needs held-out scores: pass validation= to train, and let the "
                "objective's validate() give an entry named 'validation'."
            )


class LastWeights(Callback):
    """Keep the last weights of one network, where the others are given their best ones back.

    Parameters
    ----------
    network : str
        Key of `Objective.networks`.

    Attributes
    ----------
    weights : dict of Tensor
        Of that network, after the last step.
    """

    order: ClassVar[int] = -1
    """Before `EarlyStopping` puts the best weights back."""

    def __init__(self, network: str) -> None:
        self.network = network
        self.weights: Batch = {}

    def on_end(self, state: TrainingState) -> None:
        """Copy the weights."""
        weights = state.objective.networks[self.network].state_dict()
        self.weights = {name: value.detach().clone() for name, value in weights.items()}

    def get_state(self) -> State:
        """Give the weights."""
        return {"weights": self.weights}

    def set_state(self, state: State) -> None:
        """Go on from a state."""
        self.weights = dict(state["weights"])


class Progress(Callback):
    """A progress bar on standard error, with the latest loss and validation score.

    Parameters
    ----------
    description : str, default="Training"
        What stands before the bar.
    """

    def __init__(self, description: str = "Training") -> None:
        self.description = description
        self._bar: RichProgress | None = None

    def on_start(self, state: TrainingState) -> None:
        """Show the bar, in the main process only."""
        if not is_main_process():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[scores]}"),
            console=Console(file=sys.stderr),
        )
        self._task = self._bar.add_task(self.description, total=state.max_steps, scores="")
        self._bar.start()

    def on_validation(self, state: TrainingState) -> None:
        """Move the bar."""
        if self._bar is None:
            return
        scores = [f"{entry['phase']} {entry['loss']:.3f}" for entry in state.latest]
        if state.scores is not None:
            scores.append(f"held out {float(state.scores.mean()):.3f}")
        self._bar.update(self._task, completed=state.step, scores="  ".join(scores))

    def on_end(self, state: TrainingState) -> None:
        """Fill the bar: an early stop is an end, too."""
        if self._bar is not None:
            self._bar.update(self._task, total=state.step, completed=state.step)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

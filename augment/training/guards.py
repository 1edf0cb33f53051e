"""Callbacks that rescue a run: go back to the best state when training diverges or collapses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch

from augment._errors import TrainingError
from augment._typing import State
from augment.objectives.base import Objective
from augment.training.state import Callback, TrainingState

__all__ = ["CollapseGuard", "DivergenceGuard"]


class _Rollback(Callback):
    """Keeps a copy of the best healthy state, and goes back to it at a lower learning rate.

    A copy is the best if its mean validation score is; without scores the latest is taken.
    """

    order: ClassVar[int] = -1

    def __init__(self, max_rollbacks: int, slow_down: float) -> None:
        self.max_rollbacks = max_rollbacks
        self.slow_down = slow_down
        self._reset()

    def _reset(self) -> None:
        self.n_rollbacks = 0
        self._best: State | None = None
        self._best_score = math.inf

    def on_start(self, state: TrainingState) -> None:  # noqa: ARG002 (the contract)
        """Forget earlier runs."""
        self._reset()

    def get_state(self) -> State:
        """Give the best state and the number of rollbacks."""
        return {
            "n_rollbacks": self.n_rollbacks,
            "best": self._best,
            "best_score": self._best_score,
        }

    def set_state(self, state: State) -> None:
        """Go on from a state."""
        self.n_rollbacks = state["n_rollbacks"]
        self._best = state["best"]
        self._best_score = state["best_score"]

    def _remember(self, state: TrainingState) -> None:
        """Keep a copy of a healthy state, if it is the best."""
        score = -math.inf if state.scores is None else float(state.scores.mean())
        if self._best is None or score <= self._best_score:
            self._best, self._best_score = state.snapshot(), score

    def _go_back(self, state: TrainingState, best: State) -> None:
        """Restore the best state, slower than before; the point is not to be judged."""
        self.n_rollbacks += 1
        rates = [optimizer.learning_rate for _, _, optimizer in state.phases]
        state.restore(best)
        for (_, _, optimizer), rate in zip(state.phases, rates, strict=True):
            optimizer.learning_rate = rate * self.slow_down
        state.scores, state.rolled_back = None, True


class DivergenceGuard(_Rollback):
    """Go back when a loss is no longer a finite number, or explodes.

    At each validation point the mean losses since the point before, and the validation scores, are
    looked at. If one is not finite, or a loss is larger than ``limit`` times (1 + its smallest
    magnitude so far), weights, averages and optimisers go back to the best state, with a lower
    learning rate. The random stream goes on, so the next try sees other noise. Starting weights
    whose held-out scores are not finite are no divergence, but no candidate for the best either.

    Parameters
    ----------
    limit : float, default=1000.0
        What counts as an explosion.
    max_rollbacks : int, default=3
        Tries before giving up.
    slow_down : float, default=0.5
        What the learning rate is multiplied by at each rollback.

    Raises
    ------
    TrainingError
        By training, if it diverges once more, or ends without one finite point after a step.
    """

    def __init__(
        self, limit: float = 1000.0, max_rollbacks: int = 3, slow_down: float = 0.5
    ) -> None:
        super().__init__(max_rollbacks, slow_down)
        self.limit = limit

    def _reset(self) -> None:
        super()._reset()
        self._smallest: dict[str, float] = {}
        self._was_finite = False

    def on_start(self, state: TrainingState) -> None:
        """Keep the first weights."""
        super().on_start(state)
        self._best = state.snapshot()

    def on_validation(self, state: TrainingState) -> None:
        """Keep a healthy state; leave a diverged one."""
        trouble = self._trouble(state)
        if not trouble or self._best is None:  # there always is one, from on_start
            self._was_finite |= state.step > 0
            self._remember(state)
            return
        if state.step == 0:
            state.scores, state.rolled_back = None, True
            return
        if self.n_rollbacks >= self.max_rollbacks:
            raise TrainingError(
                f"Training diverged {self.n_rollbacks + 1} times: {trouble}. Each time it was "
                "taken back to its best state and slowed down. Set a smaller learning_rate, and "
                "look for extreme values in the data."
            )
        self._go_back(state, self._best)

    def on_end(self, state: TrainingState) -> None:
        """Refuse to deliver starting weights that no step has made better."""
        if self.n_rollbacks and not self._was_finite:
            raise TrainingError(
                f"Training diverged: none of its {state.step} steps led to a finite loss, so there "
                "is nothing to deliver but the starting weights. Set a smaller learning_rate, look "
                "for extreme values in the data, or train longer (max_steps)."
            )

    def get_state(self) -> State:
        """Give the best state, the smallest losses, and whether a point was finite."""
        own = {"smallest": self._smallest, "was_finite": self._was_finite}
        return {**super().get_state(), **own}

    def set_state(self, state: State) -> None:
        """Go on from a state."""
        super().set_state(state)
        self._smallest = dict(state["smallest"])
        self._was_finite = state["was_finite"]

    def _trouble(self, state: TrainingState) -> str:
        """Say what is wrong, in words; nothing if all is well."""
        for entry in state.latest:
            phase, loss = entry["phase"], entry["loss"]
            if not math.isfinite(loss):
                return f"at step {state.step} the loss of phase {phase!r} was {loss}"
            smallest = min(abs(loss), self._smallest.get(phase, math.inf))
            if abs(loss) > self.limit * (1.0 + smallest):
                return (
                    f"at step {state.step} the loss of phase {phase!r} was {loss:.3g}, "
                    f"after {smallest:.3g}"
                )
            self._smallest[phase] = smallest
        if state.scores is not None and not bool(torch.isfinite(state.scores).all()):
            return f"at step {state.step} the held-out scores were {state.scores.tolist()}"
        return ""


class CollapseGuard(_Rollback):
    """Go back when a check of the networks falls below a floor (say, the spread of samples).

    Before the check has passed after a step nothing happens: untrained networks may fail it, or
    pass by luck. From then on, a failed check takes training back to the best state that passed.
    Starting weights that fail are no candidate for `EarlyStopping`. After
    ``max_rollbacks`` the run stops there (``stopped_by="CollapseGuard"``). So what is delivered has
    passed the check.

    Parameters
    ----------
    check : callable
        ``check(objective) -> float``, called without gradients, in evaluation mode, with the
        weights that would be delivered. It must draw from no global random state.
    floor : float
        The smallest value that passes.
    max_rollbacks : int, default=3
        Rollbacks before the run is stopped.
    slow_down : float, default=0.5
        What the learning rate is multiplied by at each rollback.

    Raises
    ------
    TrainingError
        By training, if the check never passed.
    """

    def __init__(
        self,
        check: Callable[[Objective], float],
        floor: float,
        max_rollbacks: int = 3,
        slow_down: float = 0.5,
    ) -> None:
        super().__init__(max_rollbacks, slow_down)
        self.check = check
        self.floor = floor

    def on_validation(self, state: TrainingState) -> None:
        """Keep a state that passes; leave one that fails."""
        if state.rolled_back:
            return
        with torch.no_grad(), state.averaged():
            value = float(self.check(state.objective))
        for entry in state.latest:
            entry["collapse_check"] = value
        if state.step == 0:
            if value < self.floor:
                state.scores, state.rolled_back = None, True
        elif value >= self.floor:
            self._remember(state)
        elif self._best is not None:
            self._go_back(state, self._best)
            if self.n_rollbacks > self.max_rollbacks:
                state.stopped_by = type(self).__name__
        elif state.step >= state.max_steps:
            raise TrainingError(
                f"Training collapsed: after {state.step} steps the check of the networks gives "
                f"{value:.3g}, and never reached {self.floor:.3g}. Train longer (max_steps), with "
                "a smaller learning_rate, or use more rows."
            )

"""Checkpoints: an interrupted run goes on as if nothing had happened."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from augment._errors import InvalidInputError
from augment._statefile import digest_of, read_file, write_file
from augment._typing import State
from augment.training.distributed import world_size
from augment.training.state import Callback, TrainingState

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Write all of a run to a file every so often; go on from that file where it exists.

    The file holds networks, averages, optimisers, the state of the other callbacks, random
    generators, the position in the shuffled rows, history and step. A run that was interrupted
    anywhere, by Ctrl-C or by a power cut, and is started again with the same arguments, gives the
    weights of an uninterrupted one, bit for bit (same machine, same number of threads). The file of
    a *finished* run holds its result: starting it again gives that result at once.

    Parameters
    ----------
    path : path-like
        The file. Written at once or not at all; an old one is replaced.
    every : int, default=100
        Steps between writes.
    fingerprint : str, default=""
        What the run depends on (data, parameters, seed), as a digest. A file with another
        fingerprint, or of other networks, phases, batches or callbacks, is refused.

    Raises
    ------
    InvalidInputError
        By training, if the file belongs to another run, or cannot be written.
    ModelFileError
        By training, if the file is damaged or no checkpoint.
    """

    order: ClassVar[int] = 1  # the others have seen the point when the state is written

    def __init__(
        self, path: str | os.PathLike[str], every: int = 100, fingerprint: str = ""
    ) -> None:
        self.path = Path(path)
        self.every = every
        self.fingerprint = fingerprint

    def on_start(self, state: TrainingState) -> None:
        """Go on from the file, if there is one."""
        if world_size() > 1:
            raise InvalidInputError(
                "Checkpoints work for training in one process; "
                f"{world_size()} processes train together here. Leave checkpoint out."
            )
        self._run = digest_of(_description(state, self.fingerprint))
        if self.path.exists():
            head, saved = read_file(self.path, "checkpoint")
            if head["run"] != self._run:
                raise InvalidInputError(
                    f"The checkpoint {str(self.path)!r} (step {head['step']}) belongs to another "
                    "fit: other data, parameters or random_state. Delete it, or give another path."
                )
            _restore(state, saved)
            state.finished = head["finished"]
        else:
            self._write(state, finished=False)  # an unwritable path should fail now, not later

    def on_step(self, state: TrainingState) -> None:
        """Write, every so often."""
        if state.step % self.every == 0:
            self._write(state, finished=False)

    def on_end(self, state: TrainingState) -> None:
        """Write the result, and mark it finished."""
        self._write(state, finished=True)
        for leftover in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.tmp"):
            leftover.unlink(missing_ok=True)  # of runs that were killed while writing

    def _write(self, state: TrainingState, *, finished: bool) -> None:
        head = {"run": self._run, "step": state.step, "finished": finished}
        write_file(self.path, "checkpoint", head, _everything(state))


def _description(state: TrainingState, fingerprint: str) -> State:
    """Describe a run by what must be equal for its checkpoint to fit."""
    networks = state.objective.networks.state_dict()
    return {
        "fingerprint": fingerprint,
        "networks": {
            name: [str(value.dtype), list(value.shape)] for name, value in networks.items()
        },
        "phases": [repr(phase) for phase in state.objective.phases],
        "ema_decay": state.ema.decay if state.ema else None,
        "max_steps": state.max_steps,
        "batches": [state.batches.n_rows, state.batches.batch_size, state.batches.n_members],
        "callbacks": [type(callback).__name__ for callback in _stateful(state.callbacks)],
    }


def _stateful(callbacks: Sequence[Callback]) -> list[Callback]:
    """Give the callbacks that have a state: whether there is a progress bar does not matter."""
    return [
        callback for callback in callbacks if type(callback).get_state is not Callback.get_state
    ]


def _everything(state: TrainingState) -> State:
    """Gather all that the next step depends on."""
    device = _device(state)
    return {
        "learned": state.snapshot(),
        "callbacks": [callback.get_state() for callback in _stateful(state.callbacks)],
        "batches": state.batches.get_state(),
        "generator": state.generator.get_state(),
        "layers_generator": torch.get_rng_state(),
        "cuda_generator": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "windows": {
            phase: {name: torch.stack(values) for name, values in window.items()}
            for phase, window in state.windows.items()
        },
        "history": state.history,
        "step": state.step,
        "stopped_by": state.stopped_by,
    }


def _restore(state: TrainingState, saved: dict[str, Any]) -> None:
    """Put everything back."""
    device = _device(state)
    state.restore(saved["learned"])
    for callback, callback_state in zip(
        _stateful(state.callbacks), saved["callbacks"], strict=True
    ):
        callback.set_state(callback_state)
    state.batches.set_state(saved["batches"])
    state.generator.set_state(saved["generator"])
    torch.set_rng_state(saved["layers_generator"])
    if saved["cuda_generator"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(saved["cuda_generator"], device)
    state.windows = {
        phase: {name: list(values.to(device).unbind()) for name, values in window.items()}
        for phase, window in saved["windows"].items()
    }
    state.history = saved["history"]
    state.step = saved["step"]
    state.stopped_by = saved["stopped_by"]


def _device(state: TrainingState) -> torch.device:
    """Give the device that the networks are on."""
    return next(iter(state.objective.networks.parameters())).device

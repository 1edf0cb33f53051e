"""How generators use the one loop: stages, held-out rows, checkpoints, the record."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils._param_validation import Interval, Options, StrOptions

from augment._device import autocast_type
from augment._random import rng_for, torch_generator
from augment._typing import BoolArray
from augment.generators._base import RANDOM_STATE
from augment.generators._fingerprint import fingerprint
from augment.objectives.base import Batch, Objective
from augment.training import (
    Batches,
    Callback,
    Checkpoint,
    DivergenceGuard,
    EarlyStopping,
    Progress,
    train,
)

__all__ = ["IMAGE_CONSTRAINTS", "NETWORK_CONSTRAINTS", "LoopMixin", "Stage", "Training", "seed_of"]

_AUTO = StrOptions({"auto"})
_COUNT = Interval(Integral, 1, None, closed="left")

NETWORK_CONSTRAINTS: dict[str, Any] = {
    "latent_dim": [_COUNT, _AUTO],
    "hidden_dim": [Interval(Integral, 0, None, closed="left"), _AUTO],
    "max_steps": [_COUNT, _AUTO],
    "batch_size": [_COUNT, _AUTO],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), _AUTO],
    "validation_fraction": [Interval(Real, 0, 0.5, closed="right")],
    "checkpoint": "no_validation",
    "checkpoint_every": [_COUNT],
    "device": [str],
    "precision": [StrOptions({"float32"})],
    "random_state": RANDOM_STATE,
    "verbose": ["verbose"],
}
"""What scikit-learn checks of the parameters that all network generators share."""

IMAGE_CONSTRAINTS: dict[str, Any] = {
    **NETWORK_CONSTRAINTS,
    "shrinkage": [Interval(Real, 0, 1, closed="both")],
    "deformation_grid": [Interval(Integral, 3, None, closed="left"), Options(Integral, {0}), _AUTO],
    "precision": [StrOptions({"float32", "bfloat16", "auto"})],
}
"""What is checked of the parameters of generators of images."""

MAX_BATCH = 512
"""Rows in a step at most."""


@dataclass(frozen=True)
class Stage:
    """One run of the loop.

    Attributes
    ----------
    name : str
        What its seeds follow from.
    max_steps, validate_every, patience : int
        Steps at most; steps between looks at held-out rows; looks without improvement.
    ema_decay : float or None
        Decay of the average of the weights.
    is_first : bool
        Whether another stage follows; its checkpoint then has a file of its own.
    """

    name: str
    max_steps: int
    validate_every: int = 20
    patience: int = 4
    ema_decay: float | None = None
    is_first: bool = False


@dataclass(frozen=True)
class Training:
    """The rows of a fit, as tensors, and who sees which.

    Attributes
    ----------
    tensors : dict of Tensor
        What belongs to each row: ``observed`` (n, d), ``conditions`` (n, c), ``weight`` (n,), ...
    left_out : ndarray of bool (members, n)
        Rows that a member is judged on.
    seed : int
        Of the fit; see `seed_of`.
    in_turn : dict of Tensor
        What there are several versions of `(k, n, ...)`, of which each step takes the next one.
    """

    tensors: Batch
    left_out: BoolArray
    seed: int
    in_turn: Batch = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return int(self.left_out.shape[1])

    def batches(self, stage: Stage, batch_size: int) -> Batches:
        """Give shuffled batches of the rows that each member may see."""
        members = [torch.as_tensor(np.flatnonzero(~row)) for row in self.left_out]
        generator = torch_generator(seed_of(self.seed, f"batches {stage.name}"))
        size = min(batch_size, MAX_BATCH)
        return Batches(self.tensors, size, generator, members, in_turn=self.in_turn)

    def rows(self) -> Batch:
        """Give all rows, and the first version of what is taken in turn."""
        return {**self.tensors, **{name: versions[0] for name, versions in self.in_turn.items()}}

    def validation(self) -> Batch:
        """Give all rows for every member, with a mark on those that it is judged on."""
        n_members = len(self.left_out)
        rows = {k: v.expand(n_members, *v.shape) for k, v in self.rows().items()}
        return {**rows, "held_out": torch.as_tensor(self.left_out, dtype=torch.float32)}

    def arrays(self) -> dict[str, np.ndarray]:
        """Give what a checkpoint's fingerprint depends on."""
        return {
            **{name: tensor.numpy() for name, tensor in self.tensors.items()},
            **{name: tensor.numpy() for name, tensor in self.in_turn.items()},
            "left_out": self.left_out,
        }


class LoopMixin:
    """What a generator needs to train objectives by the one loop.

    Attributes
    ----------
    history_ : DataFrame
        One row for each phase and validation point.
    n_steps_ : int
        Steps that were taken.
    device_ : torch.device
        Where the networks are.
    """

    batch_size: Any
    checkpoint: Any
    checkpoint_every: int
    precision: str
    verbose: Any

    history_: pd.DataFrame
    n_steps_: int
    stopped_by_: str
    device_: torch.device

    def _start_record(self) -> None:
        """Begin an empty record."""
        self.history_, self.n_steps_, self.stopped_by_ = pd.DataFrame(), 0, ""

    def _step_size(self, n_rows: int) -> int:
        """Give the number of rows in a step."""
        return n_rows if self.batch_size == "auto" else int(self.batch_size)

    def _run(
        self, objective: Objective, training: Training, stage: Stage, *guards: Callback
    ) -> None:
        """Train one objective, and add to the record."""
        held_out = training.left_out.any()
        record = train(
            objective,
            training.batches(stage, self._step_size(training.n_rows)),
            max_steps=stage.max_steps,
            generator=torch_generator(seed_of(training.seed, f"noise {stage.name}")),
            device=self.device_,
            validation=training.validation() if held_out else None,
            validate_every=stage.validate_every,
            ema_decay=stage.ema_decay,
            autocast=autocast_type(self.precision, self.device_),
            callbacks=[*guards, *self._callbacks(training, stage)],
        )
        history = pd.DataFrame(record.history)
        history["step"] += self.n_steps_
        self.history_ = pd.concat([self.history_, history], ignore_index=True)
        self.n_steps_ += record.n_steps
        self.stopped_by_ = record.stopped_by

    def _callbacks(self, training: Training, stage: Stage) -> list[Callback]:
        """Give what watches the training."""
        callbacks: list[Callback] = [DivergenceGuard()]
        if training.left_out.any():
            callbacks.append(EarlyStopping(stage.patience, min_delta=1e-3))
        if self.checkpoint is not None:
            silent = {"checkpoint", "checkpoint_every", "verbose", "device", "random_state"}
            given: dict[str, Any] = self.get_params(deep=False)  # type: ignore[attr-defined] # mixed in
            parameters = {k: v for k, v in given.items() if k not in silent}
            parameters["seed"] = training.seed
            key = fingerprint(type(self).__name__ + stage.name, parameters, training.arrays())
            path = str(self.checkpoint) + (f".{stage.name}" if stage.is_first else "")
            callbacks.append(Checkpoint(path, self.checkpoint_every, key))
        if self.verbose:
            callbacks.append(Progress(f"{type(self).__name__} {stage.name}".strip()))
        return callbacks


def seed_of(seed: int, purpose: str) -> int:
    """Give the seed of one purpose, independent of those of all others.

    Examples
    --------
    >>> seed_of(0, "folds") == seed_of(0, "folds"), seed_of(0, "folds") == seed_of(0, "noise")
    (True, False)
    """
    return int(rng_for(seed, zlib.crc32(purpose.encode())).integers(2**62))

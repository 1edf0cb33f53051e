"""Generators of tables whose law is an ensemble of networks."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import ndtri
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from augment._device import resolve_device
from augment._random import rng_for, spawn_seeds, torch_generator
from augment._typing import BoolArray, FloatArray, State
from augment.data.conditions import Conditions
from augment.data.encoder import TableEncoder
from augment.generators._base import BLOCK
from augment.generators._calibration import MarginCorrection
from augment.generators._fingerprint import fingerprint
from augment.generators._folds import leave_out
from augment.generators._separation import separation
from augment.generators._tabular import Rows, ScoreGenerator
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

__all__ = ["NETWORK_CONSTRAINTS", "NetworkGenerator"]

_AUTO = StrOptions({"auto"})
_COUNT = Interval(Integral, 1, None, closed="left")

NETWORK_CONSTRAINTS: dict[str, Any] = {
    "latent_dim": [_COUNT, _AUTO],
    "kl_weight": [Interval(Real, 0, None, closed="neither"), _AUTO],
    "pooling": [Interval(Real, 0, None, closed="left")],
    "separation": [Interval(Real, 0, 1, closed="both"), _AUTO],
    "hidden_dim": [Interval(Integral, 0, None, closed="left"), _AUTO],
    "max_steps": [_COUNT, _AUTO],
    "batch_size": [_COUNT, _AUTO],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), _AUTO],
    "n_members": [_COUNT],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "schema": "no_validation",
    "checkpoint": "no_validation",
    "checkpoint_every": [_COUNT],
    "device": [str],
    "precision": [StrOptions({"float32"})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
"""What scikit-learn checks of the parameters that all network generators share."""

OUTER = 5e-4
"""Probability beyond which no score is drawn while training: 3.3 standard deviations."""

MAX_BATCH = 512
"""Rows in a step at most."""

CALIBRATION_DRAWS = 10_240
"""Decoded rows for each stratum from which the margin correction is estimated."""


@dataclass(frozen=True)
class Stage:
    """One run of the loop.

    Attributes
    ----------
    name : str
        Its name in the checkpoint's file name; empty for the last one.
    max_steps, validate_every, patience : int
        Steps at most; steps between looks at held-out rows; looks without improvement.
    ema_decay : float or None
        Decay of the average of the weights.
    """

    name: str
    max_steps: int
    validate_every: int = 20
    patience: int = 4
    ema_decay: float | None = None


@dataclass(frozen=True)
class Training:
    """The rows of a fit, as tensors, and who sees which.

    Attributes
    ----------
    tensors : dict of Tensor
        ``lower``, ``upper``, ``observed`` (n, d), ``conditions`` (n, c) and ``weight`` (n,).
    left_out : ndarray of bool (members, n)
        Rows that a member is judged on.
    batch_seed, noise_seed : int
        Seeds of the two streams.
    """

    tensors: Batch
    left_out: BoolArray
    batch_seed: int
    noise_seed: int

    def batches(self, batch_size: int) -> Batches:
        """Give shuffled batches of the rows that each member may see."""
        members = [torch.as_tensor(np.flatnonzero(~row)) for row in self.left_out]
        size = min(batch_size, MAX_BATCH)
        return Batches(self.tensors, size, torch_generator(self.batch_seed), members)

    def validation(self) -> Batch:
        """Give all rows for every member, with a mark on those that it is judged on."""
        n_members = len(self.left_out)
        rows = {k: v.expand(n_members, *v.shape) for k, v in self.tensors.items()}
        return {**rows, "held_out": torch.as_tensor(self.left_out, dtype=torch.float32)}

    def arrays(self) -> dict[str, np.ndarray]:
        """Give what a checkpoint's fingerprint depends on."""
        return {
            **{name: tensor.numpy() for name, tensor in self.tensors.items()},
            "left_out": self.left_out,
        }


class NetworkGenerator(ScoreGenerator):
    """A generator whose scores come from networks trained by the one loop.

    A subclass says how its objective is built and how noise becomes scores.

    Attributes
    ----------
    networks_ : torch.nn.ModuleDict
        The trained networks, on `device_`.
    history_ : DataFrame
        One row for each phase and validation point.
    n_steps_ : int
        Steps that were taken.
    device_ : torch.device
        Where the networks are.
    """

    latent_dim: Any
    pooling: float
    separation: Any
    hidden_dim: Any
    max_steps: Any
    batch_size: Any
    learning_rate: Any
    n_members: int
    validation_fraction: float
    checkpoint: Any
    checkpoint_every: int
    device: str
    precision: str
    verbose: Any

    networks_: nn.ModuleDict
    history_: pd.DataFrame
    n_steps_: int
    device_: torch.device

    @abc.abstractmethod
    def _fit_networks(self, training: Training) -> nn.ModuleDict:
        """Train, and give the networks that `sample` needs."""

    @abc.abstractmethod
    def _build_networks(self, sizes: State) -> nn.ModuleDict:
        """Build the networks that `sample` needs, to be filled from a file."""

    @abc.abstractmethod
    def _draw(self, conditions: Tensor, normals: Tensor) -> Tensor:
        """Draw scores `(members, n, n_scores)` for conditions `(members, n, c)`.

        `normals` `(members, n, latent_dim + n_scores)` is the noise.
        """

    def _fit_seed(self, frame: pd.DataFrame, conditions: Conditions) -> int:
        """Give the seed of this fit; with a checkpoint and no seed, one that follows the data.

        A fit that is to be gone on with must find its own seed again.
        """
        if self.checkpoint is None or self.random_state is not None:
            return super()._fit_seed(frame, conditions)
        arrays = {"frame": frame.to_numpy(), "strata": conditions.strata}
        return int(fingerprint(type(self).__name__, {}, arrays)[:15], 16)

    def _build_encoder(self, rows: Rows) -> TableEncoder:
        pooling, share = float(self.pooling), self.separation
        if share == "auto":
            strata = rows.conditions.strata
            borne_out = separation(
                self.schema_, rows.frame, strata, rows.groups, pooling, rows.seed
            )
            share = borne_out**0.5
        return TableEncoder(self.schema_, pooling=pooling, separation=float(share))

    def _fit_scores(self, rows: Rows) -> None:
        conditions = rows.conditions
        lower, upper, observed = self.encoder_.intervals(rows.frame, conditions.strata)
        seeds = spawn_seeds(rows.seed, 4)
        left_out = leave_out(
            conditions.strata, rows.groups, self.n_members, self.validation_fraction, seeds[0]
        )
        arrays = {
            "lower": np.clip(lower, OUTER, 1 - OUTER),
            "upper": np.clip(upper, OUTER, 1 - OUTER),
            "observed": observed,
            "conditions": conditions.features,
            "weight": rows.weight / rows.weight.mean(),
        }
        tensors = {name: torch.as_tensor(np.asarray(v, np.float32)) for name, v in arrays.items()}
        self.device_ = resolve_device(self.device)
        self.sizes_ = self._sizes(len(rows.frame))
        self.history_, self.n_steps_, self.stopped_by_ = pd.DataFrame(), 0, ""
        self.networks_ = self._fit_networks(Training(tensors, left_out, seeds[1], seeds[2]))
        self.correction_ = self._fit_correction(seeds[3])

    @abc.abstractmethod
    def _sizes(self, n_rows: int) -> dict[str, int]:
        """Give the sizes of the networks for so many rows."""

    def _run(
        self, objective: Objective, training: Training, stage: Stage, *guards: Callback
    ) -> None:
        """Train one objective, and add to the record."""
        n_rows = training.left_out.shape[1]
        held_out = training.left_out.any()
        record = train(
            objective,
            training.batches(n_rows if self.batch_size == "auto" else int(self.batch_size)),
            max_steps=stage.max_steps,
            generator=torch_generator(training.noise_seed),
            device=self.device_,
            validation=training.validation() if held_out else None,
            validate_every=stage.validate_every,
            ema_decay=stage.ema_decay,
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
            silent = {"checkpoint", "checkpoint_every", "verbose", "device"}
            parameters = {k: v for k, v in self.get_params(deep=False).items() if k not in silent}
            key = fingerprint(type(self).__name__ + stage.name, parameters, training.arrays())
            path = f"{self.checkpoint}.{stage.name}" if stage.name else str(self.checkpoint)
            callbacks.append(Checkpoint(path, self.checkpoint_every, key))
        if self.verbose:
            callbacks.append(Progress(f"{type(self).__name__} {stage.name}".strip()))
        return callbacks

    def _fit_correction(self, seed: int) -> MarginCorrection:
        """Estimate the margin correction from draws of the trained networks."""
        draws = []
        for stratum in range(self.conditions_.n_strata):
            given = self.conditions_.draw_stratum(stratum, CALIBRATION_DRAWS, seed)
            blocks = [
                self._raw_scores(given.rows(slice(start, start + BLOCK)), rng_for(seed, start))
                for start in range(0, CALIBRATION_DRAWS, BLOCK)
            ]
            draws.append(np.concatenate(blocks))
        # A combination of conditions that no row has is corrected by the average of the others.
        draws.append(np.concatenate([part[:: len(draws)] for part in draws]))
        shortest = min(len(part) for part in draws)
        return MarginCorrection.fit(np.stack([part[:shortest] for part in draws]))

    def _raw_scores(self, conditions: Conditions, rng: np.random.Generator) -> FloatArray:
        """Draw scores `(BLOCK, n_scores)`, as the networks give them.

        Noise is a scrambled Sobol net, one for each block: its points fill the space of codes
        more evenly than independent ones, so that few rows stand for the law better. Row `i`
        comes from member `(i + offset) mod n_members`; the members are asked equally often, and
        every product of matrices has the same shape.
        """
        per_member = -(-BLOCK // self.n_members)
        places = np.arange(per_member * self.n_members)
        member = (places + int(rng.integers(self.n_members))) % self.n_members
        order = np.argsort(member, kind="stable")
        row = np.minimum(places, BLOCK - 1)[order]
        normals = sobol_normals(self.sizes_["latent_dim"] + self.sizes_["n_scores"], rng)
        with torch.inference_mode():
            given = self._stacked(conditions.features[row], per_member)
            drawn = self._draw(given, self._stacked(normals[row], per_member))
        scores = np.empty((len(order), self.sizes_["n_scores"]))
        scores[order] = drawn.reshape(scores.shape).double().cpu().numpy()
        return scores[:BLOCK]

    def _stacked(self, rows: np.ndarray, per_member: int) -> Tensor:
        """Give rows, sorted by member, as a tensor `(members, n, width)`."""
        stacked = np.asarray(rows, np.float32).reshape(self.n_members, per_member, rows.shape[1])
        return torch.as_tensor(stacked, device=self.device_)

    def _sample_scores(self, conditions: Conditions, rng: np.random.Generator) -> FloatArray:
        return self.correction_.apply(self._raw_scores(conditions, rng), conditions.strata)

    def _get_score_law(self) -> State:
        return {
            "networks": {k: v.detach().cpu() for k, v in self.networks_.state_dict().items()},
            "correction": self.correction_.get_state(),
            "history": self.history_.to_dict(orient="list"),
            "n_steps": self.n_steps_,
            "stopped_by": self.stopped_by_,
            "sizes": self.sizes_,
        }

    def _set_score_law(self, law: State) -> None:
        self.device_ = resolve_device(self.device)
        self.sizes_ = dict(law["sizes"])
        self.networks_ = self._build_networks(self.sizes_)
        weights = {k: torch.as_tensor(np.asarray(v)) for k, v in law["networks"].items()}
        self.networks_.load_state_dict(weights)
        self.networks_.to(self.device_).eval()
        self.correction_ = MarginCorrection.from_state(law["correction"])
        self.history_ = pd.DataFrame(law["history"])
        self.n_steps_, self.stopped_by_ = int(law["n_steps"]), law["stopped_by"]


def sobol_normals(width: int, rng: np.random.Generator) -> FloatArray:
    """Give a scrambled Sobol net as standard normal rows `(BLOCK, width)`.

    Notes
    -----
    `BLOCK` is a power of two, which is what makes a net balanced. See A. B. Owen, "Scrambling
    Sobol' and Niederreiter-Xing points", Journal of Complexity, 1998.
    """
    engine = torch.quasirandom.SobolEngine(width, scramble=True, seed=int(rng.integers(2**31)))
    points = engine.draw(BLOCK, dtype=torch.float64).numpy()
    return np.asarray(ndtri(np.clip(points, 1e-6, 1 - 1e-6)))

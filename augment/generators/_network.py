"""Generators of tables whose law is an ensemble of networks."""

from __future__ import annotations

import abc
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import ndtri
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from augment._device import resolve_device
from augment._typing import FloatArray, IntArray, State
from augment.data.conditions import Conditions
from augment.data.encoder import TableEncoder
from augment.generators._base import BLOCK, Block, in_blocks
from augment.generators._calibration import MarginCorrection
from augment.generators._fingerprint import fingerprint
from augment.generators._folds import leave_out
from augment.generators._latent_scores import draw_scores
from augment.generators._separation import separation
from augment.generators._tabular import Rows, ScoreGenerator
from augment.generators._training import NETWORK_CONSTRAINTS, LoopMixin, Training, seed_of

__all__ = ["TABLE_CONSTRAINTS", "NetworkGenerator"]

_AUTO = StrOptions({"auto"})
_COUNT = Interval(Integral, 1, None, closed="left")

TABLE_CONSTRAINTS: dict[str, Any] = {
    **NETWORK_CONSTRAINTS,
    "kl_weight": [Interval(Real, 0, None, closed="neither"), _AUTO],
    "pooling": [Interval(Real, 0, None, closed="left")],
    "separation": [Interval(Real, 0, 1, closed="both"), _AUTO],
    "n_members": [_COUNT],
    "schema": "no_validation",
}
"""What scikit-learn checks of the parameters that all network generators of tables share."""

CALIBRATION_DRAWS = 10_240
"""Decoded rows for each stratum from which the margin correction is estimated."""


class NetworkGenerator(LoopMixin, ScoreGenerator):
    """A generator whose scores come from networks trained by the one loop.

    A subclass says how its objective is built and how noise becomes scores.

    Attributes
    ----------
    networks_ : torch.nn.ModuleDict
        The trained networks, on `device_`.
    device_ : torch.device
        Where the networks are.
    """

    latent_dim: Any
    pooling: float
    separation: Any
    hidden_dim: Any
    max_steps: Any
    learning_rate: Any
    n_members: int
    validation_fraction: float
    checkpoint: Any
    device: str
    precision: str

    networks_: nn.ModuleDict

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
            share = separation(self.schema_, rows, pooling) ** (1 / 3)
        return TableEncoder(self.schema_, pooling=pooling, separation=float(share))

    def _fit_scores(self, rows: Rows) -> None:
        conditions = rows.conditions
        lower, upper, observed = self._intervals(rows.frame, conditions)
        folds = seed_of(rows.seed, "folds")
        left_out = leave_out(
            conditions.strata, rows.groups, self.n_members, self.validation_fraction, folds
        )
        scores = draw_scores(
            lower,
            upper,
            observed,
            conditions.features,
            rows.weight,
            seed_of(rows.seed, "scores"),
        )
        arrays = {
            "observed": observed,
            "conditions": conditions.features,
            "weight": rows.weight,
        }
        tensors = {name: torch.as_tensor(np.asarray(v, np.float32)) for name, v in arrays.items()}
        self.device_ = resolve_device(self.device)
        self.sizes_ = self._sizes()
        self._start_record()
        in_turn = {"scores": torch.as_tensor(scores)}
        self.networks_ = self._fit_networks(Training(tensors, left_out, rows.seed, in_turn))
        self.correction_ = self._fit_correction(seed_of(rows.seed, "correction"))

    @abc.abstractmethod
    def _sizes(self) -> dict[str, int]:
        """Give the sizes of the networks."""

    def _fit_correction(self, seed: int) -> MarginCorrection:
        """Estimate the margin correction from draws of the trained networks.

        A stratum that decodes through the pooled margins, for want of rows, is corrected by the
        maps of all rows together: what the networks know of its conditions then survives.
        """
        conditions, small = self.conditions_, self.encoder_.small_strata
        mixture = self._knots(conditions.draw(CALIBRATION_DRAWS, 0, seed), seed)
        n_draws = max(CALIBRATION_DRAWS // max(1, int((~small).sum())), 2 * BLOCK)
        knots = [
            mixture
            if small[stratum]
            else self._knots(conditions.draw_stratum(stratum, n_draws, seed), seed)
            for stratum in range(conditions.n_strata)
        ]
        return MarginCorrection(np.stack([*knots, mixture]))

    def _knots(self, given: Conditions, seed: int) -> FloatArray:
        """Give the knots of what the networks draw for some conditions."""
        blocks = [self._raw_scores(block) for block in in_blocks(given, seed)]
        return MarginCorrection.knots_of(np.concatenate(blocks))

    def _raw_scores(self, block: Block) -> FloatArray:
        """Draw scores `(BLOCK, n_scores)`, as the networks give them.

        Noise is a scrambled Sobol net, one for each block: its points fill the space of codes
        more evenly than independent ones, so that few rows stand for the law better. Members are
        asked equally often, and every product of matrices has the same shape.
        """
        per_member = -(-BLOCK // self.n_members)
        places = np.arange(per_member * self.n_members)
        row = np.minimum(places, BLOCK - 1)
        member = (block.order[row] + int(block.rng.integers(self.n_members))) % self.n_members
        member[BLOCK:] = _fewest(member[:BLOCK], self.n_members, per_member)
        sequence = np.argsort(member, kind="stable")
        width = self.sizes_["latent_dim"] + self.sizes_["n_scores"]
        normals = sobol_normals(width, block.rng)[block.order]
        features = block.conditions.features
        with torch.inference_mode():
            given = self._stacked(features[row[sequence]], per_member)
            drawn = self._draw(given, self._stacked(normals[row[sequence]], per_member))
        scores = np.empty((len(sequence), self.sizes_["n_scores"]))
        scores[sequence] = drawn.reshape(scores.shape).cpu().numpy()
        return scores[:BLOCK]

    def _stacked(self, rows: np.ndarray, per_member: int) -> Tensor:
        """Give rows, sorted by member, as a tensor `(members, n, width)`."""
        stacked = np.asarray(rows, np.float32).reshape(self.n_members, per_member, rows.shape[1])
        return torch.as_tensor(stacked, device=self.device_)

    def _sample_scores(self, block: Block) -> FloatArray:
        return self.correction_.apply(self._raw_scores(block), block.conditions.strata)

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
        self.device_ = torch.device("cpu")  # where every machine can load it
        self.sizes_ = dict(law["sizes"])
        self.networks_ = self._build_networks(self.sizes_)
        weights = {k: torch.as_tensor(np.asarray(v)) for k, v in law["networks"].items()}
        self.networks_.load_state_dict(weights)
        self.networks_.to(self.device_).eval()
        self.correction_ = MarginCorrection.from_state(law["correction"])
        self.history_ = pd.DataFrame(law["history"])
        self.n_steps_, self.stopped_by_ = int(law["n_steps"]), law["stopped_by"]


def _fewest(member: IntArray, n_members: int, per_member: int) -> IntArray:
    """Give the members that fill up a block, so that each is asked `per_member` times."""
    missing = per_member - np.bincount(member, minlength=n_members)
    return np.repeat(np.arange(n_members), missing)


def sobol_normals(width: int, rng: np.random.Generator) -> FloatArray:
    """Give a scrambled Sobol net as standard normal rows `(BLOCK, width)`.

    The rows are sorted by one more coordinate of the net, which is not returned: any run of
    neighbouring rows lies in a slab of the net, and fills the other coordinates evenly.

    Notes
    -----
    `BLOCK` is a power of two, which is what makes a net balanced. See A. B. Owen, "Scrambling
    Sobol' and Niederreiter-Xing points", Journal of Complexity, 1998.
    """
    engine = torch.quasirandom.SobolEngine(width + 1, scramble=True, seed=int(rng.integers(2**31)))
    points = engine.draw(BLOCK, dtype=torch.float64).numpy()
    points = points[np.argsort(points[:, 0], kind="stable"), 1:]
    return np.asarray(ndtri(np.clip(points, 1e-6, 1 - 1e-6)))

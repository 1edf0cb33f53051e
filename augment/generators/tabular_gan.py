"""The conditional generative adversarial network of clinical tables."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from augment._errors import AugmentWarning
from augment._random import torch_generator
from augment._typing import RandomState
from augment.generators._autoencoder import MAX_STEPS, AutoencoderGenerator
from augment.generators._collapse import effects_kept
from augment.generators._inversion import INVERSIONS, search_codes
from augment.generators._network import TABLE_CONSTRAINTS
from augment.generators._tabular import Rows
from augment.generators._training import Stage, Training, seed_of
from augment.objectives.adversarial import AdversarialObjective, RowCritic
from augment.objectives.base import Objective
from augment.objectives.inversion import RowInversion, row_energy
from augment.training import CollapseGuard, LastWeights

__all__ = ["TabularGAN"]

ADVERSARIAL_STEPS = 200
GENERATOR_SLOWER, CRITIC_SLOWER = 20.0, 10.0
"""How many times slower than the warm start the two sides learn."""
ENCODER_STEPS, ENCODER_SLOWER = 200, 10.0
"""Steps of an encoder that is trained at most, and how many times slower it learns."""
EMA_DECAY = 0.98
COLLAPSE_FLOOR = 0.4
"""Share of the real spread, and of the effects of conditions, below which a GAN has collapsed."""


class TabularGAN(AutoencoderGenerator):
    """Conditional generative adversarial network for tables of 10 to a few thousand rows.

    The generator is the decoder of a `TabularVAE`, trained further against a critic: a GAN that
    starts where the likelihood ended. The loss is relativistic with gradient penalties on real
    and synthetic rows; the weights are averaged; the snapshot that comes closest to held-out rows
    is kept for each member of the ensemble; training goes back when spread or the effects of the
    conditions collapse. Margins are put right as in the VAE.

    Parameters
    ----------
    latent_dim : int or "auto", default="auto"
        Width of the latent code. "auto": 16, or the number of scores if that is less.
    hidden_dim : int or "auto", default="auto"
        Width of the generator's non-linear path; 0 leaves it out. "auto": 32.
    critic_dim : int, default=64
        Width of the critic.
    penalty : float, default=1.0
        Weight of the gradient penalties.
    kl_weight : float or "auto", default="auto"
        Weight of the Kullback-Leibler term in the warm start. "auto": as in `TabularVAE`.
    pooling : float, default=0.2
        How strongly a column's margins in different classes are drawn together where the data do
        not tell them apart; 0 keeps them apart.
    separation : float or "auto", default="auto"
        Share of the class differences that is kept in all columns. "auto" takes the cube root
        of the share that held-out labels bear out.
    max_steps : int or "auto", default="auto"
        Adversarial steps at most; held-out rows stop them earlier.
    batch_size : int or "auto", default="auto"
        Rows in a step. "auto": all rows, up to 512.
    learning_rate : float or "auto", default="auto"
        Step size of the warm start; the adversarial step sizes are 1/20 and 1/10 of it.
    inversion : {"start", "encoder", "search"}, default="start"
        How `encode` finds the code of a row, and so `reconstruct` and a detector. "start": by the
        encoder of the warm start. "encoder": that encoder is trained further, to invert the
        generator in what it draws and in what the critic sees of it (f-AnoGAN [3]_). "search":
        from its codes the best one is searched for each row, by the same measure.
    n_members : int, default=5
        Generators in the ensemble, trained as one batched program. Each leaves out some rows.
    validation_fraction : float, default=0.2
        Share of rows that each member leaves out, and is judged on; at most a half.
    schema : mapping, default=None
        Corrections of the inferred column kinds, such as ``{"stage": "categorical"}``.
    checkpoint : str or Path, default=None
        A file that an interrupted `fit` goes on from when it is called again.
    checkpoint_every : int, default=100
        Steps between writes of the checkpoint.
    device : str, default="auto"
        Where to train: "auto", "cpu", "cuda", ...
    precision : {"float32"}, default="float32"
        Number format of the training.
    random_state : None, int, RandomState or Generator
        Seed of `fit`. Give an int for a repeatable model.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    schema_ : TableSchema
        The columns as they were understood.
    classes_ : ndarray
        The labels, if `y` was labels.
    history_ : DataFrame
        Loss terms and held-out distance by step and phase; the warm start first.
    n_steps_ : int
        Steps that were taken, the warm start included.
    device_ : torch.device
        Where the networks are.
    n_features_in_ : int
        Number of columns.

    See Also
    --------
    TabularVAE : The warm start alone.
    augment.evaluate_lift : Says whether the rows help a classifier.

    Notes
    -----
    **What this does not do.** It gives no guarantee of privacy. On a few hundred rows a critic
    sees little that a likelihood does not: compare with `TabularVAE` before you prefer it.

    References
    ----------
    .. [1] N. Huang et al., "The GAN is dead; long live the GAN! A modern GAN baseline" (R3GAN),
       NeurIPS 2024.
    .. [2] L. Xu et al., "Modeling tabular data using conditional GAN" (CTGAN), NeurIPS 2019.
    .. [3] T. Schlegl et al., "f-AnoGAN: Fast unsupervised anomaly detection with generative
       adversarial networks", Medical Image Analysis, 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from augment import TabularGAN
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> gan = TabularGAN(max_steps=25, random_state=0).fit(X, y)
    >>> X_new, y_new = gan.sample(4, y=1, random_state=1)
    >>> X_new.shape, y_new.tolist()
    ((4, 13), [1, 1, 1, 1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TABLE_CONSTRAINTS,
        "critic_dim": [Interval(Integral, 1, None, closed="left")],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "inversion": INVERSIONS,
    }

    def __init__(
        self,
        *,
        latent_dim: int | str = "auto",
        hidden_dim: int | str = "auto",
        critic_dim: int = 64,
        penalty: float = 1.0,
        kl_weight: float | str = "auto",
        pooling: float = 0.2,
        separation: float | str = "auto",
        max_steps: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        inversion: str = "start",
        n_members: int = 5,
        validation_fraction: float = 0.2,
        schema: Any = None,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 100,
        device: str = "auto",
        precision: str = "float32",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.latent_dim = latent_dim
        self.hidden_dim = hidden_dim
        self.critic_dim = critic_dim
        self.penalty = penalty
        self.kl_weight = kl_weight
        self.pooling = pooling
        self.separation = separation
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.inversion = inversion
        self.n_members = n_members
        self.validation_fraction = validation_fraction
        self.schema = schema
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose

    def _fit_scores(self, rows: Rows) -> None:
        super()._fit_scores(rows)
        kept = effects_kept(self, rows)
        if kept < COLLAPSE_FLOOR:
            warnings.warn(
                f"The adversarial training lost the effect of the conditions (it kept {kept:.0%} "
                "of it), so the rows will come from its warm start, a TabularVAE. More rows, or a "
                "smaller learning_rate, may help.",
                AugmentWarning,
                stacklevel=6,
            )
            for name, weights in self._warm_start.items():
                self.networks_[name].load_state_dict(weights)
            self.correction_ = self._fit_correction(seed_of(rows.seed, "correction"))
        del self._warm_start

    def _fit_networks(self, training: Training) -> nn.ModuleDict:
        stage = Stage("warm-start", MAX_STEPS, is_first=True)
        networks = self._fit_autoencoders(training, stage)
        self._warm_start = {
            part: {name: value.clone() for name, value in network.state_dict().items()}
            for part, network in networks.items()
        }
        if not self.encoder_.n_scores:  # nothing varies, so there is nothing to tell apart
            return networks if self.inversion == "start" else self._with_critic(networks)
        objective = AdversarialObjective(
            networks["decoder"],
            self.n_members,
            self.encoder_.n_scores,
            self.conditions_.n_features,
            self.sizes_["latent_dim"],
            self.critic_dim,
            penalty=float(self.penalty),
            generator_rate=self._base_rate() / GENERATOR_SLOWER,
            critic_rate=self._base_rate() / CRITIC_SLOWER,
            generator=torch_generator(seed_of(training.seed, "critic")),
        )
        steps = ADVERSARIAL_STEPS if self.max_steps == "auto" else int(self.max_steps)
        trained = self.inversion == "encoder"
        stage = Stage("adversarial", steps, patience=8, ema_decay=EMA_DECAY, is_first=trained)
        guard, critic = CollapseGuard(_spread(training), COLLAPSE_FLOOR), LastWeights("critic")
        self._run(objective, training, stage, guard, critic)
        if self.inversion != "start":
            self._with_critic(networks)["critic"].load_state_dict(critic.weights)
            self._fit_inversion(networks.to(self.device_), training)
        return networks

    def _with_critic(self, networks: nn.ModuleDict) -> nn.ModuleDict:
        """Put a critic beside the networks, with weights to be overwritten."""
        members, n_scores = self.sizes_["members"], self.sizes_["n_scores"]
        networks["critic"] = RowCritic(
            members, n_scores, self.sizes_["n_conditions"], self.critic_dim
        )
        return networks

    def _fit_inversion(self, networks: nn.ModuleDict, training: Training) -> None:
        """Measure what the critic sees, and train the encoder where that is asked for."""
        rows = {name: value.to(self.device_) for name, value in training.validation().items()}
        critic: Any = networks["critic"]
        critic.measure(rows["scores"], rows["conditions"])
        if self.inversion == "encoder":
            objective = RowInversion(networks, self._base_rate() / ENCODER_SLOWER)
            steps = ENCODER_STEPS if self.max_steps == "auto" else int(self.max_steps)
            self._run(objective, training, Stage("encoder", steps))

    def _build_networks(self, sizes: dict[str, int]) -> nn.ModuleDict:
        networks = super()._build_networks(sizes)
        return networks if self.inversion == "start" else self._with_critic(networks)

    def _invert(
        self, networks: nn.ModuleDict, scores: Tensor, observed: Tensor, conditions: Tensor
    ) -> Tensor:
        codes = super()._invert(networks, scores, observed, conditions)
        if self.inversion != "search":
            return codes
        energy = partial(row_energy, networks)
        return search_codes(energy, codes, scores, observed, conditions)


def _spread(training: Training) -> Callable[[Objective], float]:
    """Give the check of the collapse guard: the spread of the worst member."""
    rows, seed = training.validation(), seed_of(training.seed, "spread")

    def check(objective: Objective) -> float:
        if not isinstance(objective, AdversarialObjective):
            raise TypeError(f"expected an AdversarialObjective; got {type(objective).__name__}.")
        device = next(objective.networks.parameters()).device
        here = {name: value.to(device) for name, value in rows.items()}
        return float(objective.spread(here, torch_generator(seed)).min())

    return check

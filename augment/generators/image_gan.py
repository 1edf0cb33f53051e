"""The conditional generative adversarial network of images."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import nn

from augment._device import resolve_device
from augment._errors import AugmentWarning, InvalidInputError
from augment._random import torch_generator
from augment._typing import BoolArray, FloatArray, RandomState
from augment.generators._folds import leave_out
from augment.generators._image_inversion import InvertedImageGenerator
from augment.generators._images import Images, background_of
from augment.generators._inversion import INVERSIONS
from augment.generators._training import IMAGE_CONSTRAINTS, Stage, Training, seed_of
from augment.networks.image_gan import ImageRefiner
from augment.objectives.adversarial_images import AdversarialImageObjective
from augment.objectives.base import Objective
from augment.training import CollapseGuard, LastWeights

__all__ = ["ImageGAN"]

MAX_STEPS, BATCH_SIZE, LEARNING_RATE = 200, 16, 1e-3
HIDDEN_DIM = 16
CRITIC_FASTER = 2.0
"""How many times faster than the generator the critic learns."""
ANCHOR = 0.5
"""Weight of the mean absolute change of a drawn image."""
EMA_DECAY = 0.98
COLLAPSE_FLOOR = 0.6
"""Share of the variety of the starting point below which a GAN has collapsed."""


class ImageGAN(InvertedImageGenerator):
    """Conditional generative adversarial network for 20 to a few hundred small images.

    It starts where `ImageVAE` ends: latent codes are drawn from the fitted law of the conditions,
    and decoded. A small convolutional network then refines each image until a critic cannot tell
    it from a real one of the same conditions. Both see images moved, shaded and cut at random, so
    that few do for them; weights are averaged. Snapshots are compared, by the kernel distance to
    images of held-out patients, with the images that were drawn first, and the refiner is used
    only where it came clearly nearer. Training goes back when variety collapses.

    Parameters
    ----------
    latent_dim : int or "auto", default="auto"
        Width of the latent code. "auto": as many axes as the images span, at most 256.
    shrinkage : float, default=0.2
        As in `ImageVAE`.
    deformation_grid : int or "auto", default="auto"
        Control points along a side of the smooth deformation that brings like images into one
        shape; 0 leaves it out. "auto": one for every four pixels of the shorter side, at most 8,
        and none below 12 pixels.
    hidden_dim : int or "auto", default="auto"
        Channels of the refiner at full size, rounded up to a multiple of four. "auto": 16.
    critic_dim : int, default=16
        Channels of the critic at full size.
    penalty : float, default=0.03
        Weight of the gradient penalty of the critic.
    max_steps : int or "auto", default="auto"
        Adversarial steps at most; held-out images stop them earlier. "auto": 200.
    batch_size : int or "auto", default="auto"
        Images in a step. "auto": 16.
    learning_rate : float or "auto", default="auto"
        Step size of the refiner; the critic's is twice as large. "auto": 0.001.
    inversion : {"start", "encoder", "search"}, default="start"
        How `encode` finds the code of an image, and so `reconstruct` and a detector. "start": along
        the linear path. "encoder": a convolutional encoder is trained to correct that code, so that
        the generator gives back the image, and what the critic sees of it (f-AnoGAN [5]_).
        "search": the best code is searched for each image, by the same measure. Neither goes with
        a deformation: "auto" leaves that out.
    validation_fraction : float, default=0.2
        Share of images that snapshots are judged on, and that neither side sees; at most a half.
    checkpoint : str or Path, default=None
        A file that an interrupted `fit` goes on from when it is called again.
    checkpoint_every : int, default=100
        Steps between writes of the checkpoint.
    device : str, default="auto"
        Where to train: "auto", "cpu", "cuda", ...
    precision : {"float32", "bfloat16", "auto"}, default="float32"
        Number format that losses are computed in; "auto" takes bfloat16 where a GPU has it.
    random_state : None, int, RandomState or Generator
        Seed of `fit`. Give an int for a repeatable model.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    image_shape_ : tuple of int
        Channels, height and width.
    classes_ : ndarray
        The labels, if `y` was labels.
    law_ : ImageLaw
        The linear path and the law of its codes.
    networks_ : torch.nn.ModuleDict
        The refiner.
    kept_step_ : int
        Step of the snapshot that is used. 0: none came clearly nearer than the starting point, so
        the images are those of an `ImageVAE`.
    history_ : DataFrame
        Loss by step and phase. ``approach`` is how much the kernel distance to held-out images
        fell, ``validation`` its upper bound with the sign changed: below 0 is clearly nearer.
    n_steps_ : int
        Steps that were taken.
    device_ : torch.device
        Where the networks are.

    See Also
    --------
    ImageVAE : The starting point alone; fits in a fraction of the time.
    augment.evaluate_fidelity : Says how near the images are to real ones.

    Notes
    -----
    `fit` and `sample` take and give arrays as `ImageVAE` does; any height and width from 8 pixels
    on, any number of channels. `decode` and `reconstruct` refine what the linear path decodes to,
    without noise.

    **What this does not do.** It has not been shown to be better than its starting point:
    prefer `ImageVAE` where time matters. It learns how real slices look near by, and no new
    anatomy: what is drawn where is the business of the law of the codes. With few held-out images
    it seldom dares to leave the starting point. It gives no guarantee of privacy. Its speed and
    memory on a GPU have not been measured.

    References
    ----------
    .. [1] N. Huang et al., "The GAN is dead; long live the GAN! A modern GAN baseline" (R3GAN),
       NeurIPS 2024.
    .. [2] S. Zhao et al., "Differentiable augmentation for data-efficient GAN training", NeurIPS
       2020.
    .. [3] T. Miyato and M. Koyama, "cGANs with projection discriminator", ICLR 2018.
    .. [4] A. Shrivastava et al., "Learning from simulated and unsupervised images through
       adversarial training", CVPR 2017, on refining images instead of drawing them.
    .. [5] T. Schlegl et al., "f-AnoGAN: Fast unsupervised anomaly detection with generative
       adversarial networks", Medical Image Analysis, 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from augment import ImageGAN
    >>> digits, y = load_digits(n_class=3, return_X_y=True)
    >>> X = digits[:90].reshape(-1, 1, 8, 8)
    >>> gan = ImageGAN(hidden_dim=4, critic_dim=4, max_steps=5, random_state=0).fit(X, y[:90])
    >>> X_new, y_new = gan.sample(y={0: 3, 2: 2}, random_state=1)
    >>> X_new.shape, y_new.tolist()
    ((5, 1, 8, 8), [0, 0, 0, 2, 2])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **IMAGE_CONSTRAINTS,
        "hidden_dim": IMAGE_CONSTRAINTS["max_steps"],
        "critic_dim": [Interval(Integral, 1, None, closed="left")],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "inversion": INVERSIONS,
    }

    def __init__(
        self,
        *,
        latent_dim: int | str = "auto",
        shrinkage: float = 0.2,
        deformation_grid: int | str = "auto",
        hidden_dim: int | str = "auto",
        critic_dim: int = 16,
        penalty: float = 0.03,
        max_steps: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        inversion: str = "start",
        validation_fraction: float = 0.2,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 100,
        device: str = "auto",
        precision: str = "float32",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.latent_dim = latent_dim
        self.shrinkage = shrinkage
        self.deformation_grid = deformation_grid
        self.hidden_dim = hidden_dim
        self.critic_dim = critic_dim
        self.penalty = penalty
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.inversion = inversion
        self.validation_fraction = validation_fraction
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose

    kept_step_: int

    def _fit_images(self, images: Images) -> None:
        if self.inversion != "start" and self.deformation_grid not in ("auto", 0):
            raise InvalidInputError(
                f"inversion={self.inversion!r} cannot invert a deformation; got deformation_grid="
                f"{self.deformation_grid}. Set it to 0, or inversion to 'start'."
            )
        self.device_ = resolve_device(self.device)
        self._start_record()
        self.law_ = self._fit_law(images, np.arange(len(images.pixels)))
        wanted = HIDDEN_DIM if self.hidden_dim == "auto" else int(self.hidden_dim)
        self._width = -(-wanted // 4) * 4
        self.kept_step_ = 0
        held_out = leave_out(
            images.conditions.strata,
            images.groups,
            1,
            self.validation_fraction,
            seed_of(images.seed, "held out"),
        )
        if held_out.any():
            self._train(images, held_out)
            return
        warnings.warn(
            "All images are of one patient, so none could be held out to judge an adversarial "
            "training by: there was none, and the images will be those of an ImageVAE. Pass "
            "images of more patients.",
            AugmentWarning,
            stacklevel=4,
        )
        self.networks_ = nn.ModuleDict({"decoder": self._build_network()})

    def _train(self, images: Images, held_out: BoolArray) -> None:
        """Train the refiner on draws of a law that has not seen the held-out images."""
        law = self._fit_law(images, ~held_out[0])
        objective = self._objective(images, law)
        tensors = {
            "image": torch.as_tensor(images.pixels, dtype=torch.float32),
            "conditions": torch.as_tensor(images.conditions.features, dtype=torch.float32),
            "strata": torch.as_tensor(images.conditions.strata),
        }
        training = Training(tensors, held_out, images.seed)
        steps = MAX_STEPS if self.max_steps == "auto" else int(self.max_steps)
        stage = Stage(
            "adversarial",
            steps,
            validate_every=25,
            patience=8,
            ema_decay=EMA_DECAY,
            is_first=self.inversion == "encoder",
        )
        guard = CollapseGuard(_variety(training), COLLAPSE_FLOOR)
        critic = LastWeights("critic")
        self._run(objective, training, stage, guard, critic)
        self.networks_ = nn.ModuleDict({"decoder": objective.networks["refiner"]})
        self.kept_step_ = self._best_step()
        if self.inversion != "start":
            objective.networks["critic"].load_state_dict(critic.weights)
            self.networks_["critic"] = objective.networks["critic"]
            rate = LEARNING_RATE if self.learning_rate == "auto" else float(self.learning_rate)
            self._fit_inversion(training, steps, rate)
        if guard.n_rollbacks:
            warnings.warn(
                "The adversarial training lost the variety of the images (less than "
                f"{COLLAPSE_FLOOR:.0%} of that of its starting point was left), so it was taken "
                f"back {guard.n_rollbacks} times and slowed down. The images will come from step "
                f"{self.kept_step_}, which had kept it. More images, a larger penalty or a smaller "
                "learning_rate may help.",
                AugmentWarning,
                stacklevel=5,
            )

    def _objective(self, images: Images, law: Any) -> AdversarialImageObjective:
        """Build the two sides."""
        rate = LEARNING_RATE if self.learning_rate == "auto" else float(self.learning_rate)
        return AdversarialImageObjective(
            self._starting_point(law),
            self.image_shape_[0],
            self.conditions_.n_features,
            (self.image_shape_[1], self.image_shape_[2]),
            width=self._width,
            critic_width=self.critic_dim,
            background=background_of(images.pixels),
            penalty=float(self.penalty),
            anchor=ANCHOR,
            generator_rate=rate,
            critic_rate=rate * CRITIC_FASTER,
            seed=seed_of(images.seed, "first weights"),
        )

    def _best_step(self) -> int:
        """Find the step whose weights were kept: the nearest to held-out images, if any is."""
        sound = self.history_[self.history_["collapse_check"] >= COLLAPSE_FLOOR]
        scores = sound["validation"].to_numpy()
        clear = len(scores) and scores.min() < 0
        return int(sound["step"].to_numpy()[scores.argmin()]) if clear else 0

    def _step_size(self, n_rows: int) -> int:
        return min(BATCH_SIZE, n_rows) if self.batch_size == "auto" else int(self.batch_size)

    def _build_network(self) -> ImageRefiner:
        return ImageRefiner(self.image_shape_[0], self.conditions_.n_features, self._width)

    def _refined(
        self, images: FloatArray, features: FloatArray, rng: np.random.Generator | None
    ) -> FloatArray:
        shape = (len(images), 1, *images.shape[2:])
        noise = np.zeros(shape) if rng is None else rng.standard_normal(shape)
        if not self.kept_step_:
            return images
        with torch.inference_mode():
            refined = self.networks_["decoder"](
                self._tensor(images), self._tensor(features), self._tensor(noise)
            )
        return np.asarray(refined.cpu().double().numpy())

    def _get_law(self) -> dict[str, Any]:
        return {**super()._get_law(), "kept_step": self.kept_step_}

    def _set_law(self, law: dict[str, Any]) -> None:
        super()._set_law(law)
        self.kept_step_ = int(law["kept_step"])


def _variety(training: Training) -> Callable[[Objective], float]:
    """Give the check of the collapse guard: the variety of refined images."""
    rows, seed = training.validation(), seed_of(training.seed, "variety")

    def check(objective: Objective) -> float:
        if not isinstance(objective, AdversarialImageObjective):
            raise TypeError(
                f"expected an AdversarialImageObjective; got {type(objective).__name__}."
            )
        device = next(objective.networks.parameters()).device
        here = {name: value.to(device) for name, value in rows.items()}
        return float(objective.spread(here, torch_generator(seed)))

    return check

"""The conditional variational autoencoder of images."""

from __future__ import annotations

from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import nn

from augment._device import resolve_device
from augment._typing import FloatArray, RandomState
from augment.generators._denoising import DenoisedImageGenerator
from augment.generators._folds import leave_out
from augment.generators._images import Images
from augment.generators._training import IMAGE_CONSTRAINTS, Stage, Training, seed_of
from augment.networks.images import DetailNetwork
from augment.objectives.images import DetailObjective

__all__ = ["ImageVAE"]

MAX_STEPS, BATCH_SIZE, LEARNING_RATE = 300, 16, 3e-3
"""Of the training of the convolutional path, where it is asked for."""
CROSS_FITS, CROSS_FRACTION = 5, 0.2
"""Folds whose images are reconstructed by the path of the others, to learn from."""


class ImageVAE(DenoisedImageGenerator):
    """Conditional variational autoencoder for 20 to a few hundred small images.

    An image becomes an appearance and a shape: like images are deformed smoothly until they fit
    each other [4]_. The encoder and the decoder of both are linear, and at their known optimum:
    conditions move the mean, principal axes carry the rest. What makes the images good is the law
    of the latent codes: not a standard normal, but for each condition a mixture of Gaussians, each
    of at least five images, and of at least five patients where `groups` name them, with
    covariances drawn towards a common one. Detail of draws is then made as sparse as that of real
    images [5]_. A convolutional path can be added with `hidden_dim`; on
    small sets it smoothed more than it mended, so it is off by default.

    Parameters
    ----------
    latent_dim : int or "auto", default="auto"
        Width of the latent code. "auto": as many axes as the images span, at most 256. Fewer give
        away less of who was in `fit`, should the model itself be published, and blur the draws.
    shrinkage : float, default=0.2
        Share of each component's variance that is common to all components of a condition. 0
        stays closest to the images of `fit`, 1 makes all components alike in shape.
    deformation_grid : int or "auto", default="auto"
        Control points along a side of the smooth deformation that brings like images into one
        shape; 0 leaves it out. "auto": one for every four pixels of the shorter side, at most 8,
        and none below 12 pixels.
    hidden_dim : int or "auto", default="auto"
        Channels of the convolutional path behind the linear one; "auto" and 0 leave it out.
    max_steps : int or "auto", default="auto"
        Training steps of the convolutional path at most. "auto": 300.
    batch_size : int or "auto", default="auto"
        Images in a step. "auto": 16.
    learning_rate : float or "auto", default="auto"
        Step size. "auto": 0.003.
    denoising_steps : int, default=0
        Training steps of a denoising autoencoder; 0 leaves it out. What `reconstruct` and the
        errors of reconstruction see is then the mean of its images and those of the linear path.
        It helps to find anomalies, and does nothing to draws; `ReconstructionDetector` takes 250.
    validation_fraction : float, default=0.2
        Share of images that the convolutional path is judged on; at most a half.
    checkpoint : str or Path, default=None
        A file that an interrupted training of the convolutional path goes on from.
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
        The alignment, the linear path and the law of its codes.
    history_ : DataFrame
        Loss by step. Empty by default, because the linear path and the law are computed and not
        trained: only a convolutional path (`hidden_dim`) and a denoising autoencoder
        (`denoising_steps`) have steps.
    n_steps_ : int
        Steps that were taken; 0 by default.
    device_ : torch.device
        Where the networks are.

    See Also
    --------
    augment.evaluate_fidelity : Says how near the images are to real ones.

    Notes
    -----
    `fit` takes an array `(n, channels, height, width)` of any intensity range, and `sample` gives
    the same dtype, and the range of each channel, back. Missing or infinite pixels are refused.

    **What this does not do.** Detail that the deformation does not find in other images is mixed:
    outlines are sharp, folds of the cortex are not, and flat tissue is too uneven. Fine detail has
    the mean power that it has in the images of `fit`, frequency by frequency. It gives no guarantee
    of privacy: a component may describe five images, and the images that it draws lie between them.
    Without `groups` these may be five slices of one patient, and draws then give that patient away;
    where a condition has fewer than five patients, its only component describes all of them, and a
    class of two to four images is drawn with what these have in common beyond chance. With as many
    axes as images, those of `fit` are reconstructed better than any other: whoever has the model
    itself can tell who was in it. A continuous condition shifts the mean and the choice of
    components alone. `reconstruct` deforms, too: to find anomalies set ``deformation_grid=0``.

    References
    ----------
    .. [1] D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
    .. [2] J. Lucas et al., "Don't blame the ELBO! A linear VAE perspective on posterior
       collapse", NeurIPS 2019.
    .. [3] M. E. Tipping and C. M. Bishop, "Mixtures of probabilistic principal component
       analyzers", Neural Computation, 1999.
    .. [4] T. F. Cootes, G. J. Edwards and C. J. Taylor, "Active appearance models", IEEE TPAMI
       2001.
    .. [5] J. Portilla and E. P. Simoncelli, "A parametric texture model based on joint statistics
       of complex wavelet coefficients", IJCV, 2000.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from augment import ImageVAE
    >>> digits, y = load_digits(n_class=3, return_X_y=True)
    >>> X = digits[:90].reshape(-1, 1, 8, 8)
    >>> vae = ImageVAE(random_state=0).fit(X, y[:90])
    >>> X_new, y_new = vae.sample(y={0: 3, 2: 2}, random_state=1)
    >>> X_new.shape, y_new.tolist()
    ((5, 1, 8, 8), [0, 0, 0, 2, 2])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **IMAGE_CONSTRAINTS,
        "denoising_steps": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        latent_dim: int | str = "auto",
        shrinkage: float = 0.2,
        deformation_grid: int | str = "auto",
        hidden_dim: int | str = "auto",
        max_steps: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        denoising_steps: int = 0,
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
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.denoising_steps = denoising_steps
        self.validation_fraction = validation_fraction
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose

    def _fit_images(self, images: Images) -> None:
        self.device_ = resolve_device(self.device)
        self._start_record()
        self.law_ = self._fit_law(images, np.arange(len(images.pixels)))
        self._width = 0 if self.hidden_dim == "auto" else int(self.hidden_dim)
        self.networks_ = nn.ModuleDict()
        if self._width:
            self.networks_ = self._fit_networks(images)
        if self.denoising_steps:
            self._fit_denoiser(images)

    def _fit_networks(self, images: Images) -> nn.ModuleDict:
        """Train the convolutional path on images as the linear path of others sees them."""
        strata, groups = images.conditions.strata, images.groups
        coarse = np.empty_like(images.pixels)
        folds = leave_out(
            strata, groups, CROSS_FITS, CROSS_FRACTION, seed_of(images.seed, "cross-fits")
        )
        for left_out in folds:
            law = self._fit_law(images, ~left_out if left_out.any() else left_out | True)
            features = np.asarray(images.conditions.features[left_out], np.float64)
            codes = law.encode(images.pixels[left_out], features, strata[left_out])
            coarse[left_out] = law.decode(codes, features)
        arrays = {
            "image": images.pixels,
            "coarse": coarse,
            "conditions": images.conditions.features,
        }
        tensors = {name: torch.as_tensor(np.asarray(v, np.float32)) for name, v in arrays.items()}
        held_out = leave_out(
            strata, groups, 1, self.validation_fraction, seed_of(images.seed, "held out")
        )
        objective = DetailObjective(
            self.image_shape_[0],
            self.conditions_.n_features,
            self._width,
            LEARNING_RATE if self.learning_rate == "auto" else float(self.learning_rate),
            seed_of(images.seed, "first weights"),
        )
        steps = MAX_STEPS if self.max_steps == "auto" else int(self.max_steps)
        stage = Stage(
            "decoder",
            steps,
            validate_every=25,
            ema_decay=0.98,
            is_first=self.denoising_steps > 0,
        )
        self._run(objective, Training(tensors, held_out, images.seed), stage)
        return objective.networks

    def _step_size(self, n_rows: int) -> int:
        return min(BATCH_SIZE, n_rows) if self.batch_size == "auto" else int(self.batch_size)

    def _build_network(self) -> nn.Module | None:
        if not self._width:
            return None
        return DetailNetwork(self.image_shape_[0], self.conditions_.n_features, self._width)

    def _refined(
        self, images: FloatArray, features: FloatArray, rng: np.random.Generator | None
    ) -> FloatArray:
        if not self._width:
            return super()._refined(images, features, rng)
        with torch.inference_mode():
            mean, _ = self.networks_["decoder"](self._tensor(images), self._tensor(features))
        return np.clip(mean.cpu().double().numpy(), 0.0, 1.0)

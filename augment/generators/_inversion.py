"""How generators without an encoder of their own find the code of a row or an image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn

from augment.generators._image_law import ImageLaw
from augment.objectives.inversion import ImagePath
from augment.training.optimizer import AdamW

__all__ = ["INVERSIONS", "image_path", "search_codes"]

INVERSIONS = [StrOptions({"start", "encoder", "search"})]
"""Ways to invert: the encoder that the generator started from, a trained one, or a search."""
SEARCH_STEPS, SEARCH_RATE = 50, 0.05
"""Of the search of a code; the step size is in units of the spread of the codes."""


def search_codes(
    energy: Callable[..., Tensor], start: Tensor, *given: Tensor, spread: Tensor | float = 1.0
) -> Tensor:
    """Search the code of each row that accounts for it best, by gradient descent.

    Rows do not influence each other: a batch of one finds what a large batch finds.

    Parameters
    ----------
    energy : callable
        Codes, shaped as `start`, and what is given, to how badly each accounts for its row.
    start : Tensor of shape (..., latent_dim)
        First codes.
    *given : Tensor
        What else `energy` wants.
    spread : Tensor or float
        Of the codes, by axis.

    Returns
    -------
    Tensor of the shape of `start`
        Codes; those of the start where the search did not find better ones.

    References
    ----------
    .. [1] T. Schlegl et al., "Unsupervised anomaly detection with generative adversarial networks
       to guide marker discovery" (AnoGAN), IPMI 2017.
    """
    with torch.inference_mode(False), torch.enable_grad():
        start = start.clone()  # out of inference mode
        fixed = [tensor.clone() for tensor in given]
        moved = torch.nn.Parameter(torch.zeros_like(start))
        optimizer = AdamW([moved], SEARCH_RATE)
        for _ in range(SEARCH_STEPS):
            (moved.grad,) = torch.autograd.grad(energy(start + spread * moved, *fixed).sum(), moved)
            optimizer.step()
        with torch.no_grad():
            found = start + spread * moved
            better = energy(found, *fixed) < energy(start, *fixed)
    return torch.where(better.unsqueeze(-1), found.detach(), start)


def image_path(law: ImageLaw, critic: nn.Module, refiner: nn.Module | None) -> ImagePath:
    """Give the generator of images that were not deformed, as a differentiable map."""
    path, mixture = law.path, law.mixtures[-1]
    around = mixture.means - mixture.shares @ mixture.means
    variance = mixture.shares @ np.square(around) + np.square(mixture.common).sum(axis=0)
    arrays = (path.mean, path.center, path.effects, path.axes, np.sqrt(variance + 1e-12))
    mean, center, effects, axes, spread = (
        torch.as_tensor(value, dtype=torch.float32) for value in arrays
    )
    return ImagePath(mean, center, effects, axes, spread, critic, refiner)

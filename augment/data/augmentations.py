"""Classical augmentation of slices: what a radiology paper means by "we augmented the data".

The formulas are those of MONAI's `RandAffine`, `RandBiasField`, `GibbsNoise`, `RandRicianNoise`
and `AdjustContrast`. MONAI's own transforms take one image at a time, about 13 ms for all five at
64 pixels on one CPU thread, which is several times the training step of a small network; here a
batch goes through each of them at once.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from augment._errors import InvalidInputError
from augment._random import seed_from, torch_generator
from augment._typing import RandomState

__all__ = ["ClassicalAugmentation", "augment_images"]

_DEGREE = 3
_CHUNK = 64
"""Images that `augment_images` changes at a time."""
_LEAST_SPAN = 1e-7


@dataclasses.dataclass(frozen=True)
class ClassicalAugmentation:
    """How much slices are moved, bent and disturbed at most; every image gets its own draw.

    Parameters
    ----------
    rotation : float, default=6
        Degrees, either way.
    scaling : float, default=0.06
        Share by which an image grows or shrinks; height and width alike.
    translation : float, default=0.03
        Share of the image's height and width, either way.
    shear : float, default=0.04
        Slope, either way.
    bias_field : float, default=0.1
        Coefficients of the logarithm of a smooth field (Legendre polynomials of degree 3), either
        way.
    gibbs : float, default=0.3
        Share of the radius of k-space that is cut off.
    noise : float, default=0.02
        Standard deviation of Rician noise, as a share of the intensity range.
    contrast : float, default=0.2
        Logarithm of the exponent of the gamma curve, either way.
    probability : float, default=0.2
        How often each of the last four happens. Moves always happen.

    Notes
    -----
    **What this does not do.** It mirrors nothing, because the side of a lesion may be the label.
    It adds no lesions, and it knows no labels: whether a label survives what is done to an image
    is for the user to judge, who should lower a strength where it does not.

    References
    ----------
    .. [1] M. J. Cardoso et al., "MONAI: an open-source framework for deep learning in
       healthcare", 2022 (the transforms).
    .. [2] H. Gudbjartsson and S. Patz, "The Rician distribution of noisy MRI data", Magnetic
       Resonance in Medicine 34, 1995.

    Examples
    --------
    >>> images = torch.rand(4, 1, 16, 16, generator=torch_generator(0))
    >>> changed = ClassicalAugmentation().apply(images, torch_generator(1))
    >>> changed.shape, bool(torch.isfinite(changed).all())
    (torch.Size([4, 1, 16, 16]), True)
    """

    rotation: float = 6.0
    scaling: float = 0.06
    translation: float = 0.03
    shear: float = 0.04
    bias_field: float = 0.1
    gibbs: float = 0.3
    noise: float = 0.02
    contrast: float = 0.2
    probability: float = 0.2

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change a batch of images.

        Parameters
        ----------
        images : Tensor of shape (n, channels, height, width)
            Intensities from about 0 (no signal) to 1, on any device.
        generator : torch.Generator
            On the CPU; all randomness comes from it.

        Returns
        -------
        Tensor of the same shape
            New images; the given ones stay as they are.
        """
        moved = affine(images, self._moves(len(images), generator))
        for change, strength in (
            (self._with_bias, self.bias_field),
            (self._with_gibbs, self.gibbs),
            (self._with_contrast, self.contrast),
            (self._with_noise, self.noise),
        ):
            chosen = torch.rand(len(images), generator=generator) < self.probability
            rows = torch.nonzero(chosen)[:, 0].to(images.device)
            if strength > 0 and len(rows):
                moved[rows] = change(moved[rows], generator)
        return moved

    def _moves(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw affine maps (n, 2, 3) from places in the new image to places in the old one."""
        angle, stretch, slope, down, across = (
            2 * torch.rand(5, n, generator=generator) - 1
        ).unbind()
        angle = angle * math.radians(self.rotation)
        size = torch.exp(-stretch * self.scaling)
        cosine, sine, slope = torch.cos(angle), torch.sin(angle), slope * self.shear
        first = torch.stack([cosine, slope * cosine - sine], dim=1) * size[:, None]
        second = torch.stack([sine, slope * sine + cosine], dim=1) * size[:, None]
        # Places run from -1 to 1, so that a whole height or width is 2.
        shift = 2 * self.translation * torch.stack([across, down], dim=1)
        return torch.cat([torch.stack([first, second], dim=1), shift[:, :, None]], dim=2)

    def _with_bias(self, images: Tensor, generator: torch.Generator) -> Tensor:
        n_terms = (_DEGREE + 1) * (_DEGREE + 2) // 2
        drawn = 2 * torch.rand(len(images), n_terms, generator=generator) - 1
        return images * bias_fields(self.bias_field * drawn.to(images.device), images.shape[-2:])

    def _with_gibbs(self, images: Tensor, generator: torch.Generator) -> Tensor:
        share = self.gibbs * torch.rand(len(images), generator=generator)
        return gibbs_ringing(images, share.to(images.device))

    def _with_contrast(self, images: Tensor, generator: torch.Generator) -> Tensor:
        drawn = 2 * torch.rand(len(images), generator=generator) - 1
        return gamma_curve(images, torch.exp(self.contrast * drawn).to(images.device))

    def _with_noise(self, images: Tensor, generator: torch.Generator) -> Tensor:
        spread = self.noise * torch.rand(len(images), 1, 1, 1, generator=generator)
        real, imaginary = torch.randn(2, *images.shape, generator=generator).to(images.device)
        spread = spread.to(images.device)
        return torch.hypot(images.clamp_min(0) + spread * real, spread * imaginary)


def affine(images: Tensor, maps: Tensor) -> Tensor:
    """Resample images under affine maps (n, 2, 3); the border is repeated beyond the edge."""
    places = functional.affine_grid(
        maps.to(images.device, images.dtype), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, places, padding_mode="border", align_corners=False)


def bias_fields(coefficients: Tensor, shape: torch.Size | tuple[int, int]) -> Tensor:
    """Give fields (n, 1, height, width): exponentials of Legendre polynomials of degree 3.

    `coefficients` (n, 10) belong to the lower triangle of the products of both coordinates'
    polynomials, row by row, as in MONAI's `RandBiasField`.
    """
    down, across = (_legendre(size).to(coefficients) for size in shape)
    table = coefficients.new_zeros(len(coefficients), _DEGREE + 1, _DEGREE + 1)
    rows, columns = torch.tril_indices(_DEGREE + 1, _DEGREE + 1)
    table[:, rows, columns] = coefficients
    return torch.exp(torch.einsum("nij,ih,jw->nhw", table, down, across))[:, None]


def _legendre(size: int) -> Tensor:
    """Give the polynomials of degree 0 to 3 at `size` places from -1 to 1."""
    table = np.polynomial.legendre.legvander(np.linspace(-1, 1, size), _DEGREE)
    return torch.as_tensor(table.T, dtype=torch.float32)


def gibbs_ringing(images: Tensor, share: Tensor) -> Tensor:
    """Cut off the outer `share` (n,) of the radius of k-space."""
    height, width = images.shape[-2:]
    radius = (1 - share) * max(height, width) * math.sqrt(2) / 2
    down = torch.fft.ifftshift(torch.arange(height, device=images.device) - (height - 1) / 2)
    across = torch.fft.ifftshift(torch.arange(width, device=images.device) - (width - 1) / 2)
    distance = torch.hypot(down[:, None], across[None, :])
    kept = distance <= radius[:, None, None, None]
    return torch.fft.ifft2(torch.fft.fft2(images) * kept).real


def gamma_curve(images: Tensor, exponent: Tensor) -> Tensor:
    """Raise intensities, taken from 0 to 1 in each image, to a power (n,), and bring them back."""
    low = images.amin(dim=(1, 2, 3), keepdim=True)
    span = images.amax(dim=(1, 2, 3), keepdim=True) - low
    share = ((images - low) / (span + _LEAST_SPAN)).clamp_min(0)
    return share ** exponent[:, None, None, None] * span + low


def augment_images(
    images: Any,
    *,
    settings: ClassicalAugmentation | None = None,
    intensity_range: tuple[float, float] | None = None,
    random_state: RandomState = None,
) -> np.ndarray:
    """Move, bend and disturb slices as scanners and patients do.

    Parameters
    ----------
    images : array-like of shape (n, channels, height, width)
        Finite, of any intensity range.
    settings : ClassicalAugmentation, optional
        How much of each; by default the strengths of `ClassicalAugmentation`.
    intensity_range : tuple of two float, optional
        What counts as no signal and as full signal; by default the least and the largest pixel.
    random_state : None, int, RandomState or Generator
        An int repeats the result.

    Returns
    -------
    ndarray of the same shape and dtype
        Integers are rounded. Intensities stay inside `intensity_range`.

    Raises
    ------
    InvalidInputError
        If the images have another shape or hold values that are not finite.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (3, 1, 32, 32), dtype=np.uint8)
    >>> changed = augment_images(images, random_state=0)
    >>> changed.shape, changed.dtype
    ((3, 1, 32, 32), dtype('uint8'))
    """
    array = np.asarray(images)
    if array.ndim != 4:
        raise InvalidInputError(
            "images must have the shape (n, channels, height, width); found shape "
            f"{array.shape}. Grey images need a channel axis: images[:, None]."
        )
    if not np.isfinite(array).all():
        raise InvalidInputError("images must be finite; found NaN or infinite pixels.")
    if not array.size:
        return array.copy()
    low, high = intensity_range or (float(array.min()), float(array.max()))
    span = max(high - low, _LEAST_SPAN)
    chosen, generator = (
        settings or ClassicalAugmentation(),
        torch_generator(seed_from(random_state)),
    )
    changed = np.empty(array.shape)
    for start in range(0, len(array), _CHUNK):
        part = torch.as_tensor((array[start : start + _CHUNK] - low) / span, dtype=torch.float32)
        changed[start : start + _CHUNK] = chosen.apply(part, generator).numpy()
    changed = np.clip(low + span * changed, low, high)
    if np.issubdtype(array.dtype, np.integer):
        changed = np.rint(changed)
    return changed.astype(array.dtype)

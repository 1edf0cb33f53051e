"""A small network with fixed random filters: features of images that need no download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from augment._errors import InvalidInputError
from augment._random import rng_for, seed_from
from augment._typing import FloatArray, RandomState
from augment.metrics._pixels import Pixels, checked_images, rescaled
from augment.metrics.fidelity import standardised

if TYPE_CHECKING:
    import torch

__all__ = ["random_conv_features", "random_conv_responses"]

_STAGES = 4
# Each filter gives the mean and the spread over the image, and the mean in each quarter of it.
_STEP = 6 * _STAGES
_CHUNK = 64


def random_conv_features(
    images: Any,
    *,
    reference: Any = None,
    n_features: int = 192,
    n_components: int | None = None,
    random_state: RandomState = 0,
) -> FloatArray:
    """Give the responses of a small network with fixed random filters.

    Four stages of random 3 × 3 filters (sum 0, length 1), leaky ReLU and average pooling. Each
    filter gives its mean and spread over the image and its mean in each quarter, so that texture
    at four scales and coarse position both count.

    Parameters
    ----------
    images : array-like of shape (n, channels, height, width)
        Finite; at least 16 pixels a side.
    reference : array-like of shape (m, channels, height, width), optional
        The real images: their 0.5 and 99.5 percentiles become 0 and 1, in each channel. By
        default the images themselves.
    n_features : int, default=192
        A multiple of 24.
    n_components : int, optional
        Standardise by the reference, and keep its so many leading principal axes (see
        `augment.metrics.fidelity.standardised`): a Frechet distance needs twice as many rows as
        columns.
    random_state : int, default=0
        The filters depend on it and on the number of channels alone: equal numbers give
        comparable features everywhere.

    Returns
    -------
    ndarray of shape (n, n_features) or (n, n_components), float64

    Raises
    ------
    InvalidInputError
        If the images or settings cannot be used.

    Notes
    -----
    **What this does not do.** Random filters know no anatomy: they see sharpness, texture,
    contrast and rough layout, and not whether a lesion is plausible. That random features can
    serve is shown by M. Naeem et al., "Reliable fidelity and diversity metrics for generative
    models", ICML 2020.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((5, 1, 32, 32))
    >>> random_conv_features(images).shape
    (5, 192)
    """
    pixels = checked_images(images)
    real = pixels if reference is None else checked_images(reference, "reference", like=pixels)
    if n_features < _STEP or n_features % _STEP:
        raise InvalidInputError(f"n_features must be a multiple of {_STEP}; got {n_features}.")
    width, seed = n_features // _STEP, seed_from(random_state)
    features = random_conv_responses(rescaled(pixels, real), width, seed)
    if n_components is None:
        return features
    known = random_conv_responses(rescaled(real, real), width, seed)
    return standardised(known, features, n_components=n_components)[1]


def random_conv_responses(images: Pixels, width: int = 8, seed: int = 0) -> FloatArray:
    """Give the pooled responses of images that were rescaled before.

    Parameters
    ----------
    images : ndarray of shape (n, channels, height, width), float32
        About 0 to 1.
    width : int
        Filters of each stage.
    seed : int
        The filters depend on it and on the number of channels alone.

    Returns
    -------
    ndarray of shape (n, 24 * width), float64
    """
    import torch

    channels = images.shape[1]
    banks = [_bank(seed, stage, width, width if stage else channels) for stage in range(_STAGES)]
    with torch.no_grad():
        parts = [
            _through(torch.from_numpy(images[start : start + _CHUNK]), banks)
            for start in range(0, len(images), _CHUNK)
        ]
    return np.asarray(np.concatenate(parts), dtype=np.float64)


def _bank(seed: int, stage: int, width: int, channels: int) -> torch.Tensor:
    """Draw filters of sum 0 and length 1; the first of the first stage is a plain mean."""
    import torch

    filters = rng_for(seed, stage).normal(size=(width, channels, 3, 3))
    filters -= filters.mean(axis=(2, 3), keepdims=True)
    if stage == 0:
        filters[0] = 1.0
    filters /= np.linalg.norm(filters.reshape(width, -1), axis=1)[:, None, None, None]
    return torch.from_numpy(filters.astype(np.float32))


def _through(images: torch.Tensor, banks: list[torch.Tensor]) -> FloatArray:
    """Send a chunk of images through all stages."""
    import torch
    from torch.nn import functional

    features = []
    for bank in banks:
        # Reflected edges: a frame of zeros would look like an edge of the image.
        padded = functional.pad(images, (1, 1, 1, 1), mode="reflect")
        images = functional.leaky_relu(functional.conv2d(padded, bank), 0.2)
        spread, mean = torch.std_mean(images, dim=(2, 3), correction=0)
        quarters = functional.adaptive_avg_pool2d(images, 2).flatten(1)
        features += [mean, spread, quarters]
        images = functional.avg_pool2d(images, 2)
    return np.asarray(torch.cat(features, dim=1).numpy())

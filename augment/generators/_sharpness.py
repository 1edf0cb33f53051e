"""What resampling takes from images, frequency by frequency, and giving it back."""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter

from augment._typing import FloatArray

__all__ = ["sharpened", "spectral_gain"]

SMOOTHING = 1 / 32
"""Width over which the power of frequencies is averaged, as a share of all frequencies."""
LEAST_GAIN, LARGEST_GAIN = 0.5, 3.0
FAINT = 1e-6
"""Share of the mean power that is added to the power of each frequency."""


def spectral_gain(images: FloatArray, resampled: FloatArray) -> FloatArray:
    """Compare the mean power of images with that of the same images resampled.

    Parameters
    ----------
    images, resampled : ndarray of float64 (n, channels, height, width)
        Before and after.

    Returns
    -------
    ndarray of float64 (channels, height, width)
        What the cosine transform is to be multiplied by, from 0.5 to 3.
    """
    before, after = _power(images), _power(resampled)
    faint = FAINT * before.mean(axis=(1, 2), keepdims=True) + np.finfo(np.float64).tiny
    gain = np.sqrt((before + faint) / (after + faint))
    return np.asarray(gain.clip(LEAST_GAIN, LARGEST_GAIN))


def sharpened(images: FloatArray, gain: FloatArray) -> FloatArray:
    """Multiply the frequencies of images `(n, channels, height, width)`."""
    found = idctn(dctn(images, axes=(2, 3)) * gain, axes=(2, 3))
    return np.asarray(found)


def _power(images: FloatArray) -> FloatArray:
    """Give the mean power of each frequency, smoothed: shape (channels, height, width)."""
    power = np.square(dctn(images, axes=(2, 3))).mean(axis=0)
    width = (0.0, SMOOTHING * images.shape[2], SMOOTHING * images.shape[3])
    return np.asarray(gaussian_filter(power, width, mode="nearest"))

"""Fifty-odd classical image features: intensities, co-occurrence, edges and wavelet bands."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from augment._typing import FloatArray
from augment.metrics._pixels import Pixels, checked_images, rescaled

__all__ = ["radiomic_features", "radiomics"]

_LEVELS = 16
# Steps between the two pixels of a pair: neighbours and second neighbours, four directions each.
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
_STEPS = (1, 2)
_SCALES = (1.0, 2.0, 4.0)
_TINY = 1e-6
_CHUNK = 256


def radiomic_features(images: Any, *, reference: Any = None) -> FloatArray:
    """Give 51 classical features of each channel.

    Parameters
    ----------
    images : array-like of shape (n, channels, height, width)
        Finite; at least 16 pixels a side.
    reference : array-like of shape (m, channels, height, width), optional
        The real images: their 0.5 and 99.5 percentiles become 0 and 1, in each channel. By
        default the images themselves.

    Returns
    -------
    ndarray of shape (n, 51 * channels), float64
        Intensities (15), place and extent of the bright pixels (4), grey-level co-occurrence at
        two distances (14), Laplacian of a Gaussian at three scales (9) and Haar wavelet bands at
        three levels (9). Energies are logarithms.

    Raises
    ------
    InvalidInputError
        If the images cannot be used.

    Notes
    -----
    **What this does not do.** It needs no outline of a lesion, and so describes the whole image;
    it does not follow the definitions of the IBSI to the letter. Distances in such features
    follow N. Konz et al., "RaD: a metric for medical image distribution comparison", 2024, here
    with fewer features for small samples.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((5, 2, 32, 32))
    >>> radiomic_features(images).shape
    (5, 102)
    """
    pixels = checked_images(images)
    real = pixels if reference is None else checked_images(reference, "reference", like=pixels)
    return radiomics(rescaled(pixels, real))


def radiomics(scaled: Pixels) -> FloatArray:
    """Give the features of images that were rescaled before."""
    parts = []
    for start in range(0, len(scaled), _CHUNK):
        chunk = scaled[start : start + _CHUNK]
        planes = [_features(chunk[:, c]) for c in range(scaled.shape[1])]
        parts.append(np.column_stack([v for found in planes for v in found.values()]))
    return np.concatenate(parts)


def _features(planes: Pixels) -> dict[str, FloatArray]:
    values = planes.astype(np.float64)
    return {
        **_intensities(values),
        **_shape(values),
        **_co_occurrence(values),
        **_edges(values),
        **_wavelets(values),
    }


def _log(values: FloatArray) -> FloatArray:
    """Make a heavy-tailed, non-negative feature comparable."""
    return np.asarray(np.log(values + _TINY))


def _intensities(planes: FloatArray) -> dict[str, FloatArray]:
    """First-order statistics."""
    flat = planes.reshape(len(planes), -1)
    mean, spread = flat.mean(axis=1), flat.std(axis=1)
    centred = (flat - mean[:, None]) / (spread[:, None] + _TINY)
    ranks = (5, 10, 25, 50, 75, 90, 95, 99)
    found = {
        f"percentile_{p}": q for p, q in zip(ranks, np.percentile(flat, ranks, axis=1), strict=True)
    }
    shares = _histogram(flat)
    return {
        "mean": mean,
        "spread": spread,
        "skewness": (centred**3).mean(axis=1),
        "kurtosis": _log((centred**4).mean(axis=1)),
        "entropy": -(shares * np.log(shares + _TINY)).sum(axis=1),
        "uniformity": np.square(shares).sum(axis=1),
        "background": (flat < 0.05).mean(axis=1),
        **found,
    }


def _levels(planes: FloatArray) -> np.ndarray:
    """Quantise to whole levels."""
    return np.clip(planes * _LEVELS, 0, _LEVELS - 1).astype(np.int64)


def _histogram(flat: FloatArray) -> FloatArray:
    """Give the share of pixels in each level, per image."""
    codes = _levels(flat) + _LEVELS * np.arange(len(flat))[:, None]
    counts = np.bincount(codes.ravel(), minlength=_LEVELS * len(flat))
    return np.asarray(counts.reshape(len(flat), _LEVELS) / flat.shape[1])


def _shape(planes: FloatArray) -> dict[str, FloatArray]:
    """Where the bright pixels lie, in units of the image's sides."""
    weight = np.clip(planes, 0, None) + _TINY
    total = weight.sum(axis=(1, 2))
    y = np.linspace(-0.5, 0.5, planes.shape[1])
    x = np.linspace(-0.5, 0.5, planes.shape[2])
    rows, columns = weight.sum(axis=2) / total[:, None], weight.sum(axis=1) / total[:, None]
    middle_y, middle_x = rows @ y, columns @ x
    return {
        "centre_y": middle_y,
        "centre_x": middle_x,
        "extent_y": np.sqrt(rows @ y**2 - middle_y**2),
        "extent_x": np.sqrt(columns @ x**2 - middle_x**2),
    }


def _co_occurrence(planes: FloatArray) -> dict[str, FloatArray]:
    """Grey-level co-occurrence after R. M. Haralick et al., 1973, over four directions."""
    levels = _levels(planes)
    found: dict[str, FloatArray] = {}
    for step in _STEPS:
        found |= {f"{k}_{step}": v for k, v in _haralick(_pair_shares(levels, step)).items()}
    return found


def _pair_shares(levels: np.ndarray, step: int) -> FloatArray:
    """Give the symmetric share of each pair of levels: shape (n, levels, levels)."""
    n, height, width = levels.shape
    image = (_LEVELS * _LEVELS * np.arange(n))[:, None, None]
    counts = np.zeros(n * _LEVELS * _LEVELS)
    for down, right in _DIRECTIONS:
        dy, dx = down * step, right * step
        left = slice(max(0, -dx), width - max(0, dx))
        moved = slice(max(0, dx), width + min(0, dx))
        first, second = levels[:, : height - dy, left], levels[:, dy:, moved]
        counts += np.bincount((image + first * _LEVELS + second).ravel(), minlength=len(counts))
    pairs = counts.reshape(n, _LEVELS, _LEVELS)
    pairs = pairs + pairs.transpose(0, 2, 1)
    return np.asarray(pairs / pairs.sum(axis=(1, 2), keepdims=True))


def _haralick(shares: FloatArray) -> dict[str, FloatArray]:
    """Give the usual seven summaries of pair shares."""
    level = np.arange(_LEVELS) / _LEVELS
    apart = np.abs(level[:, None] - level[None, :])
    margin = shares.sum(axis=2)
    mean = margin @ level
    variance = margin @ level**2 - mean**2
    product = (shares * (level[:, None] * level[None, :])).sum(axis=(1, 2))
    sums = level[:, None] + level[None, :] - 2 * mean[:, None, None]
    return {
        "contrast": _log((shares * apart**2).sum(axis=(1, 2))),
        "dissimilarity": (shares * apart).sum(axis=(1, 2)),
        "homogeneity": (shares / (1 + _LEVELS * apart)).sum(axis=(1, 2)),
        "pair_uniformity": np.square(shares).sum(axis=(1, 2)),
        "pair_entropy": -(shares * np.log(shares + _TINY)).sum(axis=(1, 2)),
        "correlation": (product - mean**2 + _TINY) / (variance + _TINY),
        "cluster_shade": np.cbrt((shares * sums**3).sum(axis=(1, 2))),
    }


def _edges(planes: FloatArray) -> dict[str, FloatArray]:
    """Energy, tail and balance of the Laplacian of a Gaussian at three scales."""
    found = {}
    for scale in _SCALES:
        smooth = [
            ndimage.gaussian_filter(planes, scale, order=order, axes=(1, 2))
            for order in ((2, 0), (0, 2))
        ]
        flat = (scale**2 * (smooth[0] + smooth[1])).reshape(len(planes), -1)
        spread = flat.std(axis=1)
        found[f"edge_energy_{scale:g}"] = _log(spread)
        found[f"edge_tail_{scale:g}"] = _log((flat**4).mean(axis=1) / (spread**4 + _TINY**2))
        found[f"edge_size_{scale:g}"] = _log(np.abs(flat).mean(axis=1))
    return found


def _wavelets(planes: FloatArray) -> dict[str, FloatArray]:
    """Energy of the three detail bands of the Haar wavelet at three levels."""
    found = {}
    for level in range(1, 4):
        planes = planes[:, : planes.shape[1] // 2 * 2, : planes.shape[2] // 2 * 2]
        a, b = planes[:, ::2, ::2], planes[:, ::2, 1::2]
        c, d = planes[:, 1::2, ::2], planes[:, 1::2, 1::2]
        bands = {"across": a - b + c - d, "down": a + b - c - d, "diagonal": a - b - c + d}
        for name, band in bands.items():
            found[f"band_{name}_{level}"] = _log(np.sqrt(np.square(band / 2).mean(axis=(1, 2))))
        planes = (a + b + c + d) / 4
    return found

"""The law of local detail: how often it is faint, and how often it stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from augment._typing import FloatArray, IntArray, State
from augment.generators._foreground import foreground

__all__ = ["LocalDetail"]

SCALES = (1 / 64, 1 / 32, 1 / 16)
"""Widths that detail is divided at, as shares of the shorter side."""
SMOOTHING, EDGE = 1 / 32, 1 / 64
"""Widths over which variances, and the border of the object, are averaged."""
FAINTEST = 1e-3
"""Added to the standard deviation of detail, as a share of that of all places."""
NOTHING = 1e-12
"""Below this, in units of the range of intensities, there is no detail."""
GRID = np.linspace(-4.0, 4.0, 161)
"""Where the law of detail is known, in standard deviations of a normal one."""
FEWEST = 1000
"""Values of detail below which its law is taken to be normal."""


@dataclass(frozen=True)
class LocalDetail:
    """What makes a sum of many images look like one: most of its detail is faint, some stands out.

    Detail is what an image shows beyond the mean of its component, divided into bands of width.
    In real images it is sparse: flat tissue, and here and there a vessel, a fold or a mass. A
    Gaussian law sums many images, and its detail is normal: uneven everywhere, outstanding
    nowhere. Here each value of a draw, in units of the standard deviation at its place, becomes
    the value of real images that is as rare. Values of all places, images and conditions make one
    law for each band and channel, so it holds nothing of an image in particular.

    Attributes
    ----------
    values : ndarray of float64 (bands, channels, 161)
        What a normal value becomes, in standard deviations; see `GRID`.
    spreads : tuple of ndarray of float64 (m, bands, channels, height, width)
        For each mixture, the standard deviation of detail in each component.
    inside : tuple of ndarray of float64 (m, height, width)
        For each mixture, 1 in the object that its components show, and 0 outside, where the edge
        of the object moves and nothing is changed.

    References
    ----------
    .. [1] J. Portilla and E. P. Simoncelli, "A parametric texture model based on joint statistics
       of complex wavelet coefficients", IJCV, 2000.
    """

    values: FloatArray
    spreads: tuple[FloatArray, ...]
    inside: tuple[FloatArray, ...]

    @classmethod
    def fit(
        cls,
        members: list[tuple[FloatArray, IntArray]],
        faces: list[FloatArray],
        own: float,
    ) -> Self:
        """Learn the law of detail.

        Parameters
        ----------
        members : list of (ndarray of float64 (n, channels, height, width), ndarray of int64 (n,))
            For each mixture, what its images show beyond the means of their components, and the
            component of each.
        faces : list of ndarray of float64 (m, channels, height, width)
            For each mixture, the mean image of each component.
        own : float
            Share of a component's variance that is its own.

        Returns
        -------
        LocalDetail
            The fitted law.
        """
        spreads, inside, found = [], [], []
        for (images, component), means in zip(members, faces, strict=True):
            bands = _bands(images)
            lost = np.sqrt(len(images) / max(len(images) - len(means), 1))
            common = _spread(bands)
            spread = np.empty((len(means), *common.shape))
            here = _object(means)
            for part in range(len(means)):
                mine = bands[:, component == part]
                narrow = _spread(mine) if mine.shape[1] else common
                values = mine / narrow[:, None]
                kept = values[..., here[part] > 0.5].swapaxes(1, 2)
                found.append(kept.reshape(*kept.shape[:2], -1))
                spread[part] = lost * np.sqrt(own * narrow**2 + (1 - own) * common**2)
            spreads.append(spread)
            inside.append(here)
        return cls(_values(np.concatenate(found, axis=2)), tuple(spreads), tuple(inside))

    def given_to(self, images: FloatArray, mixture: int, component: IntArray) -> FloatArray:
        """Give drawn detail the law of real detail.

        Parameters
        ----------
        images : ndarray of float64 (n, channels, height, width)
            What draws show beyond the means of their components.
        mixture : int
            Which mixture they are drawn from.
        component : ndarray of int64 (n,)
            The component of each.

        Returns
        -------
        ndarray of float64 (n, channels, height, width)
            The same in sparse.
        """
        bands, spread = _bands(images), self.spreads[mixture][component].swapaxes(0, 1)
        scaled = bands / spread
        real = np.empty_like(scaled)
        for band, channel in np.ndindex(*self.values.shape[:2]):
            law = self.values[band, channel]
            real[band, :, channel] = np.interp(scaled[band, :, channel], GRID, law)
        weight = self.inside[mixture][component][:, None]
        return np.asarray(images + weight * ((real - scaled) * spread).sum(axis=0))

    def get_state(self) -> State:
        """Give the arrays, to be written to a file."""
        return {
            "values": self.values,
            "spreads": list(self.spreads),
            "inside": list(self.inside),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Restore what `get_state` gave."""
        spreads, inside = (
            tuple(np.asarray(part) for part in state[name]) for name in ("spreads", "inside")
        )
        return cls(np.asarray(state["values"]), spreads, inside)


def _blurred(images: FloatArray, width: float) -> FloatArray:
    """Average images over a width that is given as a share of the shorter side."""
    sigma = width * min(images.shape[-2:])
    smooth = gaussian_filter(images, (0,) * (images.ndim - 2) + (sigma, sigma), mode="nearest")
    return np.asarray(smooth)


def _bands(images: FloatArray) -> FloatArray:
    """Divide images into bands `(bands, n, channels, height, width)`, whose sum they are."""
    bands, rest = [], images
    for width in SCALES:
        smooth = _blurred(rest, width)
        bands.append(rest - smooth)
        rest = smooth
    return np.stack([*bands, rest])


def _spread(bands: FloatArray) -> FloatArray:
    """Give the standard deviation of detail at each place: shape (bands, channels, h, w)."""
    spread = np.sqrt(_blurred(np.square(bands).mean(axis=1), SMOOTHING))
    least = FAINTEST * spread.mean(axis=(2, 3), keepdims=True) + NOTHING
    return np.asarray(spread + least)


def _object(means: FloatArray) -> FloatArray:
    """Give the inside of what mean images show beside their edges, with a soft border."""
    edges = [means[..., side, :] for side in (0, -1)] + [means[..., side] for side in (0, -1)]
    background = np.median(np.concatenate(edges, axis=2), axis=2)[..., None, None]
    beside = np.abs(means - background)
    beside /= np.maximum(beside.max(axis=(2, 3), keepdims=True), NOTHING)
    return _blurred(foreground(beside)[1].astype(np.float64), EDGE)


def _values(found: FloatArray) -> FloatArray:
    """Give the value of real detail that is as rare as each normal one."""
    if found.shape[2] < FEWEST:
        return np.tile(GRID, (*found.shape[:2], 1))
    middle, scale = (statistic(found, axis=2, keepdims=True) for statistic in (np.mean, np.std))
    quantiles = np.quantile((found - middle) / np.maximum(scale, NOTHING), norm.cdf(GRID), axis=2)
    return np.moveaxis(quantiles, 0, 2)

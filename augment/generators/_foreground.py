"""Where the head is in a slice, and its intensities in units of its own inside."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from augment._typing import BoolArray, FloatArray

__all__ = ["foreground", "prepared_images"]

RIM = 1 / 16
"""Rim that is cut off, in parts of the smaller side: skull and skin vary more than lesions."""
SMALLEST, LARGEST = 0.05, 0.95
"""Shares of an image between which a foreground is believed."""
LIMIT = 6.0
"""Intensities farther out than this, in interquartile ranges, are brought back to it."""
BINS = 128


def foreground(images: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Find the object of each image, and its inside.

    Parameters
    ----------
    images : ndarray of shape (n, channels, height, width)

    Returns
    -------
    whole, inside : ndarray of bool (n, height, width)
        The largest connected part above half of Otsu's threshold, holes filled; and the same
        without its rim. Where nothing of the kind stands out, both are the whole image.
    """
    gray = _gray(np.asarray(images, np.float64))
    thick = round(RIM * min(gray.shape[1:]))
    whole = np.stack([_object(image) for image in gray])
    inside = whole.copy()
    for i, mask in enumerate(whole):
        if thick and not mask.all():
            eroded = ndimage.binary_erosion(mask, iterations=thick)
            inside[i] = eroded if eroded.mean() >= SMALLEST / 2 else mask
    return whole, inside


def prepared_images(images: FloatArray) -> FloatArray:
    """Scale each image by its own inside: median 0, interquartile range 1; background 0.

    Slices of different patients and scanners then have tissue at the same height.
    """
    whole, inside = foreground(images)
    scaled = np.zeros(images.shape)
    for i, image in enumerate(np.asarray(images, np.float64)):
        for c, channel in enumerate(image):
            low, middle, high = np.quantile(channel[inside[i]], [0.25, 0.5, 0.75])
            size = high - low or channel[inside[i]].std() or 1.0
            scaled[i, c] = np.where(whole[i], (channel - middle) / size, 0.0)
    return np.clip(scaled, -LIMIT, LIMIT)


def _gray(images: FloatArray) -> FloatArray:
    """Give the mean of the channels, each from 0 to 1: they may have units of their own."""
    low, span = images.min(axis=(2, 3), keepdims=True), np.ptp(images, axis=(2, 3), keepdims=True)
    return np.asarray(((images - low) / np.where(span > 0, span, 1.0)).mean(axis=1))


def _object(image: FloatArray) -> BoolArray:
    """Give the largest part that stands out, or everything."""
    everything = np.ones(image.shape, dtype=bool)
    if np.ptp(image) == 0:
        return everything
    low = float(image.min())
    mask = ndimage.binary_fill_holes(image - low > 0.5 * _otsu(image - low))
    labels, n = ndimage.label(mask)
    if n > 1:
        sizes = np.bincount(labels.ravel())[1:]
        mask = ndimage.binary_fill_holes(labels == 1 + int(sizes.argmax()))
    return mask if SMALLEST < mask.mean() < LARGEST else everything


def _otsu(image: FloatArray) -> float:
    """Give the threshold that separates two classes of intensity best (N. Otsu, 1979)."""
    counts, edges = np.histogram(image, BINS)
    centers = (edges[1:] + edges[:-1]) / 2
    below, weighted = np.cumsum(counts), np.cumsum(counts * centers)
    above = below[-1] - below
    between = np.square(weighted[-1] * below / below[-1] - weighted) / np.maximum(below * above, 1)
    return float(centers[int(np.argmax(between[:-1]))])

"""Image arrays: checked, and brought to one range of intensities."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augment._errors import InvalidInputError

__all__ = ["MIN_SIDE", "Pixels", "checked_images", "rescaled"]

Pixels: TypeAlias = npt.NDArray[np.float32]

# Below this, four halvings leave nothing to look at.
MIN_SIDE = 16
# Percentiles of the reference images that become 0 and 1: single hot pixels do not count.
_LOW, _HIGH = 0.5, 99.5


def checked_images(images: Any, name: str = "images", *, like: Pixels | None = None) -> Pixels:
    """Check an array of images of shape (n, channels, height, width)."""
    try:
        array = np.asarray(images, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{name} must be numbers of shape (n, channels, height, width); found values that "
            f"are not numbers ({error})."
        ) from error
    if array.ndim != 4 or not array.size:
        raise InvalidInputError(
            f"{name} must have the shape (n, channels, height, width) with at least one image; "
            f"found shape {array.shape}. Grey images need a channel axis: images[:, None]."
        )
    if min(array.shape[2:]) < MIN_SIDE:
        raise InvalidInputError(
            f"{name} must be at least {MIN_SIDE} pixels high and wide; found shape {array.shape}."
        )
    if not np.isfinite(array).all():
        raise InvalidInputError(f"{name} must be finite; found NaN or infinite pixels.")
    if like is not None and array.shape[1:] != like.shape[1:]:
        raise InvalidInputError(
            f"{name} must have the channels, height and width of the other images, "
            f"{like.shape[1:]}; found {array.shape[1:]}."
        )
    return array


def rescaled(images: Pixels, reference: Pixels) -> Pixels:
    """Bring images to the range of the reference, channel by channel: about 0 to 1, not clipped."""
    low, high = np.percentile(reference, (_LOW, _HIGH), axis=(0, 2, 3), keepdims=True)
    width = high - low
    if (width <= 0).any():
        # Mostly background: the full range is what is left.
        low = reference.min(axis=(0, 2, 3), keepdims=True)
        width = reference.max(axis=(0, 2, 3), keepdims=True) - low
    if (width <= 0).any():
        raise InvalidInputError(
            "The reference images are constant in a channel; there is nothing to compare. "
            "Check how they were loaded."
        )
    return np.asarray((images - low) / width, dtype=np.float32)

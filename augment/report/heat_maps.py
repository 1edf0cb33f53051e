"""Heat maps over slices, as PNG."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augment._typing import FloatArray
from augment.report.image_figures import window_of

__all__ = ["overlay", "png_of", "write_png"]

LOW, HIGH = 2.0, 6.0
"""Residuals, in units of the usual one, between which the colour rises."""
_BRIGHTER, _DARKER = np.array([60, 160, 230.0]), np.array([230, 140, 40.0])
_ZOOM = 3


def overlay(image: FloatArray, residuals: FloatArray) -> npt.NDArray[np.uint8]:
    """Put a slice beside itself with its map.

    Parameters
    ----------
    image, residuals : ndarray of shape (channels, height, width)
        The first channel of the image is shown; of the map the channel that is farthest out.

    Returns
    -------
    ndarray of uint8 (height, 2 * width, 3)
        Blue where brighter, ochre where darker than expected.
    """
    window = window_of(image[None])
    gray = np.clip((image - window.low) / (window.high - window.low), 0, 1)[0][..., None] * 255
    farthest = np.abs(residuals).argmax(axis=0)[None]
    signed = np.take_along_axis(residuals, farthest, axis=0)[0][..., None]
    share = 0.8 * np.clip((np.abs(signed) - LOW) / (HIGH - LOW), 0, 1)
    tint = np.where(signed > 0, _BRIGHTER, _DARKER)
    shades = [np.repeat(gray, 3, axis=2), (1 - share) * gray + share * tint]
    return np.round(np.concatenate(shades, axis=1)).astype(np.uint8)


def write_png(pixels: npt.NDArray[np.uint8], path: str | Path) -> None:
    """Write a picture, enlarged."""
    _enlarged(pixels).save(path, format="PNG", optimize=True)


def png_of(pixels: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Give a picture as base64, with its size on the page."""
    buffer, picture = io.BytesIO(), _enlarged(pixels)
    picture.save(buffer, format="PNG", optimize=True)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"png": text, "width": picture.width, "height": picture.height}


def _enlarged(pixels: npt.NDArray[np.uint8]) -> Any:
    from PIL import Image

    zoom = max(1, round(_ZOOM * 64 / pixels.shape[0]))
    picture = Image.fromarray(pixels)
    return picture.resize(
        (pixels.shape[1] * zoom, pixels.shape[0] * zoom), Image.Resampling.NEAREST
    )

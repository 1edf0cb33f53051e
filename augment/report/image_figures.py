"""Pictures of images: sheets and strips as inline PNG, and how near synthetic ones come."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augment._typing import FloatArray
from augment.report.style import BLUE, GREY, Drawing, drawing, quiet

__all__ = ["Picture", "Window", "montage", "nearest_figure", "window_of"]

_LOW, _HIGH = 0.5, 99.5
_WHITE = 255
_SMALLEST = 84  # CSS pixels that an image gets, however few pixels of its own it has


@dataclass(frozen=True)
class Window:
    """The intensities that become black and white, in each channel.

    Attributes
    ----------
    low, high : ndarray of shape (channels, 1, 1)
    """

    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class Picture:
    """A PNG picture and its size on the page.

    Attributes
    ----------
    png : str
        The file in base64.
    width, height : int
        CSS pixels.
    """

    png: str
    width: int
    height: int


def window_of(images: npt.ArrayLike) -> Window:
    """Choose one window for all images of a report: percentiles of the real ones.

    Parameters
    ----------
    images : array-like of shape (n, channels, height, width)
        Real images.

    Returns
    -------
    Window
        The 0.5 and 99.5 percentiles of each channel, or its range where these are equal.
    """
    array = np.asarray(images, dtype=np.float64)
    low, high = np.percentile(array, (_LOW, _HIGH), axis=(0, 2, 3))
    flat = high <= low
    low = np.where(flat, array.min(axis=(0, 2, 3)), low)
    high = np.where(flat, array.max(axis=(0, 2, 3)), high)
    high = np.where(high <= low, low + 1, high)
    return Window(low[:, None, None], high[:, None, None])


def montage(images: npt.ArrayLike, window: Window, *, columns: int) -> Picture:
    """Put images in a grid, row by row, all in one intensity window.

    Parameters
    ----------
    images : array-like of shape (n, channels, height, width)
        At least one. Three channels are taken as red, green and blue; of other numbers the first
        channel is shown.
    window : Window
        What becomes black and white; beyond it is clipped.
    columns : int
        Images in a row.

    Returns
    -------
    Picture

    Examples
    --------
    >>> images = np.random.default_rng(0).random((5, 1, 20, 20))
    >>> made = montage(images, window_of(images), columns=3)
    >>> made.width, made.height
    (260, 172)
    """
    from PIL import Image

    shades = _shades(np.asarray(images, dtype=np.float64), window)
    n, height, width, channels = shades.shape
    gap, rows = max(1, min(height, width) // 32), -(-n // columns)
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    canvas = np.full(size, _WHITE, dtype=np.uint8)
    for place, image in enumerate(shades):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = image
    picture = Image.fromarray(canvas if channels == 3 else canvas[:, :, 0])
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    zoom = max(1.0, _SMALLEST / max(height, width))
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(text, round(zoom * size[1]), round(zoom * size[0]))


def _shades(images: FloatArray, window: Window) -> npt.NDArray[np.uint8]:
    """Give bytes of shape (n, height, width, 1 or 3)."""
    scaled = np.clip((images - window.low) / (window.high - window.low), 0, 1)
    shown = scaled if images.shape[1] == 3 else scaled[:, :1]
    return np.round(_WHITE * shown).astype(np.uint8).transpose(0, 2, 3, 1)


def nearest_figure(key: str, nearest: Mapping[str, Any]) -> Drawing:
    """Draw how far synthetic images lie from the nearest real one, beside other real images.

    Parameters
    ----------
    key : str
        Identifier.
    nearest : mapping
        ``edges``, ``synthetic`` and ``real`` (shares in each bin), ``median_synthetic``,
        ``nearer`` and ``expected`` (shares of images).

    Returns
    -------
    Drawing
    """
    edges = np.array(nearest["edges"])
    summary = (
        f"In the middle, synthetic images lie {nearest['median_synthetic']:.2f} times as far from "
        "the nearest training image as other real images do; "
        f"{100 * nearest['nearer']:.0f} % of them come nearer than all but "
        f"{100 * nearest['expected']:.0f} % of those."
    )
    title = "Distance to the nearest training image"
    with drawing(key, title, summary, width=4.3, height=2.8) as (result, ax):
        _steps(ax, nearest["real"], edges, fill=True, color=GREY, alpha=0.32)
        _steps(ax, nearest["synthetic"], edges, color=BLUE, linewidth=1.8)
        ax.axvline(1, color=GREY, linewidth=0.9, linestyle="--")
        ax.set_xlabel("Distance (1: as other real images in the middle)")
        ax.set_ylabel("Share of images, %")
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(bottom=0)
        quiet(ax, grid="y")
    return result


def _steps(ax: Any, shares: Sequence[float], edges: FloatArray, **style: Any) -> None:
    ax.stairs(100 * np.array(shares), edges, **style)

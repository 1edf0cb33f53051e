"""Planes of a volume, and their pixels: where each lies, and how it is computed."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from augment._errors import InvalidInputError, did_you_mean
from augment._typing import FloatArray

__all__ = ["PLANES", "Grid", "Plane", "Size", "check_plane", "check_size", "fit_picture"]

Size = tuple[int, int]
"""Height and width, in pixels."""


@dataclasses.dataclass(frozen=True)
class Plane:
    """A plane of a volume in RAS order: its axes for columns, rows (upwards) and slices."""

    name: str
    columns: int
    rows: int
    axis: int


PLANES = {
    "axial": Plane("axial", 0, 1, 2),
    "coronal": Plane("coronal", 0, 2, 1),
    "sagittal": Plane("sagittal", 1, 2, 0),
}


def check_plane(plane: str) -> Plane:
    """Look a plane up by its name."""
    if plane not in PLANES:
        raise InvalidInputError(
            f"plane must be one of {list(PLANES)}; got {plane!r}.{did_you_mean(plane, PLANES)}"
        )
    return PLANES[plane]


def check_size(size: int | Size | None) -> Size | None:
    """Give height and width; None means that pixels stay as they are."""
    if size is None:
        return None
    both = (size, size) if isinstance(size, int | np.integer) else tuple(size)
    if len(both) != 2 or not all(isinstance(s, int | np.integer) and s >= 8 for s in both):
        raise InvalidInputError(
            f"size must be a whole number of pixels from 8, a pair (height, width), or None; "
            f"got {size!r}."
        )
    return int(both[0]), int(both[1])


@dataclasses.dataclass(frozen=True)
class Grid:
    """Pixels of a slice over the voxels of a plane, centre on centre.

    Attributes
    ----------
    size : (height, width)
    pixel : float
        Millimetres from pixel to pixel, both ways.
    counts : (n_rows, n_columns)
        Voxels of the plane.
    zooms : (row, column)
        Millimetres from voxel to voxel.
    """

    size: Size
    pixel: tuple[float, float]
    counts: tuple[int, int]
    zooms: tuple[float, float]

    def steps(self) -> tuple[float, float]:
        """Voxels from pixel to pixel, along rows (upwards) and columns."""
        return self.pixel[0] / self.zooms[0], self.pixel[1] / self.zooms[1]

    def origin(self) -> tuple[float, float]:
        """Voxel under the lowest row's, and the first column's, pixel."""
        pairs = zip(self.counts, self.size, self.steps(), strict=True)
        rows, columns = ((n - 1) / 2 - (m - 1) / 2 * step for n, m, step in pairs)
        return rows, columns

    def resample(self, plane: FloatArray) -> FloatArray:
        """Turn voxels (columns, rows upwards) into pixels (rows downwards, columns)."""
        rows, columns = self._weights()
        return (rows @ plane.T @ columns.T)[::-1]

    def to_slice(self, plane: Plane, index: int) -> FloatArray:
        """Give the matrix from voxels of the slice to voxels of the volume (both RAS)."""
        matrix = np.eye(4)
        for axis, step, origin in zip(
            (plane.rows, plane.columns), self.steps(), self.origin(), strict=True
        ):
            matrix[axis, axis], matrix[axis, 3] = step, origin
        matrix[plane.axis, 3] = index
        return matrix

    def _weights(self) -> tuple[FloatArray, FloatArray]:
        parts = zip(self.size, self.counts, self.steps(), self.origin(), strict=True)
        rows, columns = (_weights(*part) for part in parts)
        return rows, columns


@functools.lru_cache(maxsize=64)
def _weights(n_pixels: int, n_voxels: int, step: float, origin: float) -> FloatArray:
    """Give linear interpolation, widened where pixels are coarser than voxels.

    A pixel whose centre lies outside the voxels is empty (0).
    """
    centres = origin + step * np.arange(n_pixels)
    distance = np.abs(centres[:, None] - np.arange(n_voxels)[None, :])
    weights = np.clip(1 - distance / max(step, 1.0), 0, None)
    outside = (centres < -0.5 - 1e-6) | (centres > n_voxels - 0.5 + 1e-6)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    weights[outside] = 0
    return weights


def fit_picture(picture: FloatArray, size: Size) -> FloatArray:
    """Fit a picture (channels, rows, columns) into ``size``, its shape kept, the rest empty."""
    height, width = picture.shape[1:]
    if (height, width) == size:
        return picture
    pixel = max(height / size[0], width / size[1])
    grid = Grid(size, (pixel, pixel), (height, width), (1.0, 1.0))
    return np.stack([grid.resample(channel[::-1].T) for channel in picture])

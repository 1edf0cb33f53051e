"""NIfTI volumes: what may be read, and which slices are worth having."""

from __future__ import annotations

import dataclasses
import gzip
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from augment._errors import InvalidInputError
from augment._typing import FloatArray, IntArray

__all__ = [
    "READ_ERRORS",
    "VolumeHeader",
    "check_whole",
    "choose_slices",
    "read_header",
    "scaled",
    "unreadable",
]

FOREGROUND = 0.1
"""Share of the scaled range above which a voxel counts as tissue."""
_PIECE = 2**20
READ_ERRORS = (
    EOFError, OSError, ValueError, RuntimeError, zlib.error, ImageFileError, HeaderDataError,
    WrapStructError,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class VolumeHeader:
    """What a file says of itself before its voxels are read, in RAS order.

    Attributes
    ----------
    path : Path
    shape : tuple of three int
    zooms : tuple of three float
        Millimetres.
    facts : dict
        See `SliceGeometry.header`.
    """

    path: Path
    shape: tuple[int, int, int]
    zooms: tuple[float, float, float]
    facts: dict[str, Any]


def unreadable(path: Path, error: BaseException) -> InvalidInputError:
    """Say that a file cannot be read."""
    found = " ".join(str(error).split()) or type(error).__name__
    return InvalidInputError(
        f"'{path}' cannot be read as a NIfTI volume ({found[:200]}). The file may be cut short or "
        "damaged: copy it again, or leave it out."
    )


def read_header(path: Path) -> VolumeHeader:
    """Read and check the header of a volume.

    Raises
    ------
    InvalidInputError
        If the file is damaged, does not hold one three-dimensional volume, or its affine cannot
        be inverted.
    """
    try:
        image: Any = nib.load(path)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    header: Any = image.header
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        raise InvalidInputError(
            f"'{path}' holds an array of shape {shape}; expected one volume of three dimensions. "
            "Save one volume of the series, or its mean."
        )
    affine = np.asarray(image.affine, np.float64)
    if 0 in shape or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-12:
        raise InvalidInputError(
            f"'{path}' has shape {shape} and an affine that cannot be used: {affine.tolist()}. "
            "Mend its header, or leave it out."
        )
    order = nib.orientations.io_orientation(affine)
    zooms = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    axes = np.argsort(order[:, 0])
    in_ras = [(shape[i], float(zooms[i])) for i in axes]
    facts = {
        "shape": shape[:3],
        "zooms": tuple(float(zoom) for zoom in zooms),
        "dtype": str(image.get_data_dtype()),
        "orientation": "".join(nib.aff2axcodes(affine)),
        "units": header.get_xyzt_units()[0] if hasattr(header, "get_xyzt_units") else "unknown",
        "sform_code": int(header["sform_code"]) if "sform_code" in header else 0,
        "qform_code": int(header["qform_code"]) if "qform_code" in header else 0,
        "affine": affine.tolist(),
    }
    (nx, dx), (ny, dy), (nz, dz) = in_ras
    return VolumeHeader(path, (nx, ny, nz), (dx, dy, dz), facts)


def check_whole(path: Path) -> None:
    """Compare a compressed file with its check sum, which readers of volumes leave unread."""
    if path.name.endswith(".gz"):
        with gzip.open(path) as file:
            while file.read(_PIECE):
                pass


def scaled(volume: FloatArray, percentiles: tuple[float, float] | None, path: Path) -> FloatArray:
    """Bring a volume's intensities to 0 to 1, clipped at two of its percentiles.

    Raises
    ------
    InvalidInputError
        If a voxel is NaN or infinite, or all are alike.
    """
    bad = int((~np.isfinite(volume)).sum())
    if bad:
        raise InvalidInputError(
            f"'{path}' holds {bad} NaN or infinite voxels. Fill them (0 outside the head), or "
            "leave the file out."
        )
    lowest, highest = float(volume.min()), float(volume.max())
    if lowest == highest:
        raise InvalidInputError(
            f"'{path}' holds one intensity only, {lowest:g}. Leave the file out."
        )
    if percentiles is None:
        return volume
    low, high = (float(value) for value in np.percentile(volume, percentiles))
    if not high > low:  # nearly everything is background
        low, high = lowest, highest
    return np.clip((volume - low) / (high - low), 0, 1)


def choose_slices(
    tissue: FloatArray, n_slices: int | None, min_foreground: float
) -> tuple[IntArray, FloatArray]:
    """Choose slices that show something, spread evenly.

    Parameters
    ----------
    tissue : ndarray of shape (depth,)
        Tissue voxels of each slice.
    n_slices : int or None
        How many; None takes all that show enough.
    min_foreground : float
        Share of the fullest slice's tissue that a slice must show.

    Returns
    -------
    indices : ndarray of int64 (at most n_slices,)
    positions : ndarray of float64
        0 at the first, 1 at the last slice that shows enough.

    Examples
    --------
    >>> tissue = np.array([0, 0, 50, 90, 100, 90, 50, 0.0])
    >>> choose_slices(tissue, 2, 0.4)
    (array([3, 5]), array([0.25, 0.75]))
    """
    enough = np.flatnonzero(tissue >= min_foreground * tissue.max())
    first, last = int(enough[0]), int(enough[-1])
    if n_slices is None:
        chosen = enough
    else:
        wanted = first + (np.arange(n_slices) + 0.5) / n_slices * (last - first)
        nearest = np.abs(enough[None, :] - wanted[:, None] - 1e-9).argmin(axis=1)
        chosen = np.unique(enough[nearest])
    span = max(last - first, 1)
    positions = (chosen - first) / span if last > first else np.full(len(chosen), 0.5)
    return chosen.astype(np.int64), positions.astype(np.float64)

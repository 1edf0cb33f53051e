"""Pictures (PNG and the like), and archives of arrays (.npz)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from augment._errors import InvalidInputError, did_you_mean, listed
from augment._typing import FloatArray
from augment.data._label_table import warn_if_synthetic

__all__ = ["ARCHIVE_SPLITS", "PICTURES", "in_range", "read_archive", "read_picture"]

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
ARCHIVE_SPLITS = ("train", "val", "test")
_GREYS = ("1", "LA")
_COLOURS = ("P", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "PA")


def read_picture(path: Path) -> FloatArray:
    """Read a picture.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ndarray of float64 (1 or 3, height, width)
        From 0 to 1 of the range of the file's numbers. Transparency is left out; a colour
        picture whose three channels are alike is grey.

    Raises
    ------
    InvalidInputError
        If the file is damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            mode = "RGB" if file.mode in _COLOURS else "L" if file.mode in _GREYS else file.mode
            pixels = np.asarray(file.convert(mode))
    except (OSError, ValueError, SyntaxError, EOFError, UnidentifiedImageError,
            Image.DecompressionBombError) as error:  # fmt: skip
        raise InvalidInputError(
            f"'{path}' cannot be read as a picture ({error}). The file may be cut short or "
            "damaged: copy it again, or leave it out."
        ) from error
    pixels = in_range(pixels, f"'{path}'")
    if pixels.ndim == 2:
        return pixels[None]
    if (pixels == pixels[..., :1]).all():
        return pixels[None, ..., 0]
    return np.moveaxis(pixels, 2, 0)


def in_range(pixels: np.ndarray, what: str) -> FloatArray:
    """Bring whole numbers to 0 to 1 by the range of their dtype (or of 16 bits, if wider)."""
    values = np.asarray(pixels, np.float64)
    if not np.isfinite(values).all():
        raise InvalidInputError(f"{what} holds NaN or infinite pixels. Fill or leave it out.")
    if np.issubdtype(pixels.dtype, np.integer):
        return values / min(float(np.iinfo(pixels.dtype).max), 65535.0)
    return values


def read_archive(path: Path, split: str | None) -> tuple[np.ndarray, np.ndarray | None, Any]:
    """Read images, labels and groups from an ``.npz`` file.

    Parameters
    ----------
    path : Path
        MedMNIST's names (``train_images``, ``train_labels``, ``val_...``, ``test_...``), or
        ``images`` or ``X``, ``labels`` or ``y``, and perhaps ``groups``.
    split : {"train", "val", "test", "all"} or None
        Which part of a MedMNIST file; None means "train".

    Returns
    -------
    images : ndarray of shape (n, channels, height, width)
    labels : ndarray of shape (n,) or None
    groups : ndarray of shape (n,) or None
    """
    if not zipfile.is_zipfile(path):
        raise InvalidInputError(
            f"'{path}' is no .npz archive: it may be damaged, or of another kind. Copy it again, "
            "or write it with numpy.savez."
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
            warn_if_synthetic("synthetic" in arrays, f"'{path}'")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise InvalidInputError(
            f"'{path}' cannot be read as an archive of arrays ({error}). Write it with "
            "numpy.savez, without Python objects."
        ) from error
    if any(name.endswith("_images") for name in arrays):
        images, labels, groups = _medmnist(arrays, path, split)
    else:
        images = _first(arrays, ("images", "X", "x"))
        labels, groups = _first(arrays, ("labels", "y")), _first(arrays, ("groups", "subjects"))
    if images is None:
        raise InvalidInputError(
            f"Expected 'train_images', 'images' or 'X' in '{path}'; found {listed(arrays)}."
        )
    images = _channels_first(images, path)
    for name, values in (("labels", labels), ("groups", groups)):
        if values is not None and len(values) != len(images):
            raise InvalidInputError(
                f"Expected one entry of {name} for each of {len(images)} images in '{path}'; "
                f"found {len(values)}."
            )
    return images, _flat(labels, path), _flat(groups, path)


def _medmnist(arrays: dict[str, np.ndarray], path: Path, split: str | None) -> Any:
    parts = [name for name in ARCHIVE_SPLITS if f"{name}_images" in arrays]
    wanted = parts if split == "all" else [split or "train"]
    for part in wanted:
        if part not in parts:
            raise InvalidInputError(
                f"split must be one of {[*parts, 'all']} for '{path}'; got {part!r}."
                f"{did_you_mean(part, parts)}"
            )
    images = np.concatenate([arrays[f"{part}_images"] for part in wanted])
    labels = [arrays.get(f"{part}_labels") for part in wanted]
    given = [values for values in labels if values is not None]
    return images, np.concatenate(given) if len(given) == len(labels) else None, None


def _first(arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray | None:
    return next((arrays[name] for name in names if name in arrays), None)


def _flat(values: np.ndarray | None, path: Path) -> np.ndarray | None:
    """Give labels as one row."""
    if values is None:
        return None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InvalidInputError(
            f"Expected one label for each image in '{path}'; found labels of shape {values.shape}."
        )
    return values


def _channels_first(images: np.ndarray, path: Path) -> np.ndarray:
    """Give (n, channels, height, width) from grey, channels-last or channels-first images."""
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[3] in (1, 3) and images.shape[1] not in (1, 3):
        return np.moveaxis(images, 3, 1)
    if images.ndim == 4:
        return images
    raise InvalidInputError(
        f"Expected images of shape (n, height, width) or with a channel axis in '{path}'; found "
        f"{images.shape}."
    )

"""Slices as files: NIfTI, PNG or an archive, marked as synthetic where they are."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from augment._errors import InvalidInputError, did_you_mean
from augment._typing import FloatArray
from augment.data._resampling import PLANES
from augment.data._slice_set import POSITION, SliceGeometry, SliceSet

__all__ = ["FORMATS", "NOTE", "save_slices"]

FORMATS = ("nifti", "png", "npz")
NOTE = "SYNTHETIC image made by augment: not a patient"
"""What stands in the header of a synthetic file."""


def save_slices(
    slices: SliceSet | np.ndarray,
    folder: str | Path,
    *,
    y: Any = None,
    like: SliceSet | None = None,
    format: str | None = None,  # noqa: A002 (the word for it)
    synthetic: bool = True,
) -> pd.DataFrame:
    """Write slices as NIfTI or PNG files with a table, or as one archive.

    Parameters
    ----------
    slices : SliceSet or ndarray of shape (n, channels, height, width)
        What to write, such as what `ImageVAE.sample` gave.
    folder : path
        A folder that is new or empty, or the name of an ``.npz`` file.
    y : array-like of shape (n,) or DataFrame of n rows, optional
        Labels or conditions of an array.
    like : SliceSet, optional
        The real slices that an array was learned from: each image is placed where the one of them
        lay whose ``slice_position`` is nearest, or else where they lay in turn.
    format : {"nifti", "png", "npz"}, optional
        By default "npz" for a name that ends so, "nifti" where it is known where slices lie, else
        "png".
    synthetic : bool
        Mark the files: ``descrip`` and ``intent_name`` of a NIfTI header, a text of a PNG file, an
        entry of an archive, the column ``synthetic`` of the table, and the names of the files.

    Returns
    -------
    DataFrame
        What stands in ``index.csv``: ``file``, conditions, ``subject``, ``synthetic``.
        `load_slices` reads it again.

    Raises
    ------
    InvalidInputError
        If the folder is not empty or cannot be written, the format is unknown, or it cannot hold
        so many channels (NIfTI: 1; PNG: 1 or 3).

    Notes
    -----
    A NIfTI file is a volume in RAS order with one voxel across the plane: its affine puts it where
    the slice was cut. Numbers are written as they are (float32). PNG has 8 bits: 0 to 1 becomes 0
    to 255, and any other range is stretched from its minimum to its maximum.

    **What this does not do.** It does not undo the percentile scaling of `load_slices`. A mark can
    be removed by whoever wants to.

    Examples
    --------
    >>> import tempfile
    >>> from augment.data import load_slices, make_phantoms
    >>> phantoms = make_phantoms(n_subjects=4, n_slices=2, size=32, random_state=0)
    >>> folder = Path(tempfile.mkdtemp()) / "synthetic"
    >>> index = save_slices(phantoms.images, folder, y=phantoms.y, like=phantoms)
    >>> index.loc[0].to_dict()
    {'file': 'synthetic-00001.nii.gz', 'diagnosis': 'healthy', 'synthetic': True}
    >>> nib.load(folder / "synthetic-00001.nii.gz").header["descrip"].item().decode()
    'SYNTHETIC image made by augment: not a patient'
    """
    folder = Path(folder)
    chosen = _as_set(slices, y, like)
    kind = _format(format, folder, chosen)
    if synthetic and chosen.groups is not None and isinstance(slices, SliceSet):
        chosen = SliceSet(chosen.images, chosen.y, None, chosen.conditions, chosen.geometry,
                          chosen.masks)  # fmt: skip
    if folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise InvalidInputError(
            f"Expected a new or empty place to write to; '{folder}' is not. Choose another name, "
            "or remove it first."
        )
    index = _index(chosen, kind, synthetic)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    except OSError as error:
        raise InvalidInputError(
            f"Cannot write '{folder}' ({error.strerror}). Choose a place you may write to."
        ) from error
    try:
        _write(chosen, index, stage, kind, synthetic)
        if kind == "npz":
            (stage / "slices.npz").replace(folder)
        else:
            stage.chmod(0o755)
            stage.replace(folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return index


def _as_set(slices: SliceSet | np.ndarray, y: Any, like: SliceSet | None) -> SliceSet:
    """Put an array beside its labels and places."""
    if isinstance(slices, SliceSet):
        if y is not None or like is not None:
            raise InvalidInputError(
                "A SliceSet brings its labels and its places; pass y and like beside arrays only."
            )
        return slices
    images = np.asarray(slices)
    if images.ndim != 4 or not len(images):
        raise InvalidInputError(
            f"Expected slices of shape (n, channels, height, width); found {images.shape}."
        )
    conditions = pd.DataFrame()
    if isinstance(y, pd.DataFrame):
        conditions = y.reset_index(drop=True)
    elif y is not None:
        name = getattr(y, "name", None)
        conditions = pd.DataFrame({"label" if name is None else name: np.asarray(y)})
    return SliceSet(images, None, None, conditions, _places(conditions, like, len(images)))


def _places(conditions: pd.DataFrame, like: SliceSet | None, n: int) -> list[SliceGeometry]:
    """Give each image the place of a real slice, and nothing else of it."""
    if like is None:
        return []
    rows = np.arange(n) % len(like)
    if POSITION in conditions and POSITION in like.conditions:
        wanted = conditions[POSITION].to_numpy(np.float64)
        there = like.conditions[POSITION].to_numpy(np.float64)
        rows = np.abs(wanted[:, None] - there[None, :]).argmin(axis=1)
    places = [like.geometry[row] for row in rows]
    return [SliceGeometry("", place.plane, place.axis, place.index, place.affine)
            for place in places]  # fmt: skip


def _format(wanted: str | None, folder: Path, slices: SliceSet) -> str:
    """Choose the format, and check that it can hold the slices."""
    if wanted is None:
        placed = slices.geometry[0].affine is not None and slices.images.shape[1] == 1
        wanted = "npz" if folder.suffix == ".npz" else "nifti" if placed else "png"
    if wanted not in FORMATS:
        raise InvalidInputError(
            f"format must be one of {list(FORMATS)}; got {wanted!r}.{did_you_mean(wanted, FORMATS)}"
        )
    if (wanted == "npz") != (folder.suffix == ".npz"):
        raise InvalidInputError(
            f"The format {wanted!r} does not go with the name '{folder.name}': an archive ends in "
            ".npz, a folder of files does not."
        )
    channels, allowed = slices.images.shape[1], {"nifti": (1,), "png": (1, 3)}
    if channels not in allowed.get(wanted, (channels,)):
        raise InvalidInputError(
            f"Slices of {channels} channels cannot be written as {wanted}; write an .npz archive."
        )
    return wanted


def _index(slices: SliceSet, kind: str, synthetic: bool) -> pd.DataFrame:
    """Make the table of the files."""
    ending = {"nifti": ".nii.gz", "png": ".png", "npz": ""}[kind]
    stem = "synthetic" if synthetic else "slice"
    names = [f"{stem}-{i:05d}{ending}" for i in range(1, len(slices) + 1)]
    index = slices.conditions.copy()
    if slices.y is not None and not index.shape[1]:
        index["label"] = np.asarray(slices.y)
    for name in ("file", "synthetic", "subject", "mask"):
        if name in index:
            raise InvalidInputError(
                f"A condition is called {name!r}, as a column of the table is. Rename it."
            )
    index.insert(0, "file", names)
    if slices.groups is not None:
        index["subject"] = slices.groups
    if slices.masks is not None:
        index["mask"] = [f"masks/{name}" for name in names]
    index["synthetic"] = synthetic
    return index


def _write(slices: SliceSet, index: pd.DataFrame, stage: Path, kind: str, synthetic: bool) -> None:
    """Write everything into a folder."""
    if kind == "npz":
        _write_archive(slices, stage / "slices.npz", synthetic)
        return
    index.to_csv(stage / "index.csv", index=False)
    low, high = _range(slices.images)
    for i, name in enumerate(index["file"]):
        image = slices.images[i]
        if kind == "png":
            _write_png((image - low) / (high - low), stage / name, synthetic)
        else:
            _write_nifti(image[0], slices.geometry[i], stage / name, synthetic)
        if slices.masks is not None:
            (stage / "masks").mkdir(exist_ok=True)
            outline, path = slices.masks[i].astype(np.float64), stage / "masks" / name
            if kind == "png":
                _write_png(outline[None], path, synthetic)
            else:
                _write_nifti(outline, slices.geometry[i], path, synthetic)


def _range(images: np.ndarray) -> tuple[float, float]:
    """Give the range that becomes 0 to 255."""
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1.0


def _write_nifti(image: FloatArray, place: SliceGeometry, path: Path, synthetic: bool) -> None:
    """Write a slice as a volume in RAS order with one voxel across."""
    plane = PLANES[place.plane or "axial"]
    data = np.expand_dims(np.asarray(image, np.float32)[::-1].T, plane.axis)
    affine = np.eye(4) if place.affine is None else place.affine
    volume = nib.Nifti1Image(data, affine)
    known = place.affine is not None
    volume.set_sform(affine, code=1 if known else 0)
    volume.set_qform(affine, code=1 if known else 0, strip_shears=True)
    volume.header.set_xyzt_units("mm")
    if synthetic:
        volume.header["descrip"] = NOTE
        volume.header.set_intent("none", name="synthetic")
    nib.save(volume, path)


def _write_png(image: FloatArray, path: Path, synthetic: bool) -> None:
    """Write a picture of 8 bits."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2))
    text = PngInfo()
    if synthetic:
        text.add_text("Description", NOTE)
    picture.save(path, pnginfo=text)


def _write_archive(slices: SliceSet, path: Path, synthetic: bool) -> None:
    """Write all slices as one archive."""
    arrays: dict[str, Any] = {"images": slices.images}
    names = list(slices.conditions)
    labels = slices.y if slices.y is not None else slices.conditions[names[0]] if names else None
    if labels is not None:
        values = np.asarray(labels)
        arrays["labels"] = values.astype(str) if values.dtype == object else values
    for name in names:
        values = slices.conditions[name].to_numpy()
        arrays[f"condition_{name}"] = values.astype(str) if values.dtype == object else values
    if slices.groups is not None:
        arrays["groups"] = slices.groups.astype(str)
    if slices.masks is not None:
        arrays["masks"] = slices.masks
    if synthetic:
        arrays["synthetic"] = np.array(NOTE)
    np.savez_compressed(path, **arrays)

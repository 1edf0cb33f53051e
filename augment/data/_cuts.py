"""Slices cut from files, one file after the other."""

from __future__ import annotations

import dataclasses
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from augment._errors import AugmentWarning, InvalidInputError
from augment._typing import BoolArray, FloatArray
from augment.data._pictures import read_picture
from augment.data._resampling import Grid, Plane, Size, fit_picture
from augment.data._slice_files import Found
from augment.data._slice_set import SliceGeometry
from augment.data._slice_store import new_store
from augment.data._volumes import FOREGROUND, VolumeHeader, choose_slices, read_header, scaled

__all__ = [
    "Cut",
    "Options",
    "check_alike",
    "cut_pictures",
    "cut_volumes",
    "store_for",
]

Reader = Callable[[Path], tuple[FloatArray, FloatArray]]
"""Gives a volume in RAS order, and its affine."""


@dataclasses.dataclass(frozen=True)
class Options:
    """How slices are cut."""

    plane: Plane
    size: Size | None
    n_slices: int | None
    percentiles: tuple[float, float] | None
    pixel_size: float | None
    min_foreground: float
    memory_limit: int
    cache_dir: str | Path | None

    def __post_init__(self) -> None:
        n, percentiles = self.n_slices, self.percentiles
        if n is not None and (not isinstance(n, int | np.integer) or n < 1):
            raise InvalidInputError(f"n_slices must be a whole number from 1, or None; got {n!r}.")
        if percentiles is not None and not 0 <= percentiles[0] < percentiles[1] <= 100:
            raise InvalidInputError(
                "percentiles must be two numbers from 0 to 100, the lower first; got "
                f"{percentiles}."
            )
        if self.pixel_size is not None and not self.pixel_size > 0:
            raise InvalidInputError(f"pixel_size must be above 0 mm; got {self.pixel_size}.")
        if not 0 < self.min_foreground <= 1:
            raise InvalidInputError(
                f"min_foreground must be above 0 and at most 1; got {self.min_foreground}."
            )


@dataclasses.dataclass
class Cut:
    """The slices of one file."""

    images: FloatArray
    geometry: list[SliceGeometry]
    positions: FloatArray | None = None
    masks: BoolArray | None = None


def cut_volumes(found: Found, options: Options, read: Reader) -> Iterator[Cut]:
    """Read volumes one after the other, and give the slices of each."""
    headers = [read_header(path) for path in found.files]
    unknown = [h.path.name for h in headers if not (h.facts["sform_code"] or h.facts["qform_code"])]
    if unknown:
        warnings.warn(
            f"{len(unknown)} volumes, such as {unknown[0]!r}, do not say how they are oriented "
            "(sform_code and qform_code are 0): left and right may be swapped.",
            AugmentWarning,
            stacklevel=4,
        )
    grids = _grids(headers, options)
    for header, grid, mask in zip(headers, grids, found.masks, strict=True):
        yield _cut_volume(header, grid, mask, options, read)


def _grids(headers: Sequence[VolumeHeader], options: Options) -> list[Grid]:
    """Lay the pixels over each volume's plane: the same millimetres for all."""
    axes = (options.plane.rows, options.plane.columns)
    counts = [(h.shape[axes[0]], h.shape[axes[1]]) for h in headers]
    zooms = [(h.zooms[axes[0]], h.zooms[axes[1]]) for h in headers]
    if options.size is None:
        for header, count in zip(headers, counts, strict=True):
            if count != counts[0]:
                raise InvalidInputError(
                    f"'{header.path}' has slices of {count[0]}x{count[1]} voxels, "
                    f"'{headers[0].path}' of {counts[0][0]}x{counts[0][1]}. Give a size to bring "
                    "them to one."
                )
        return [Grid(n, zoom, n, zoom) for n, zoom in zip(counts, zooms, strict=True)]
    pixel = options.pixel_size or max(
        n * zoom / wanted
        for count, zoom_pair in zip(counts, zooms, strict=True)
        for n, zoom, wanted in zip(count, zoom_pair, options.size, strict=True)
    )
    return [
        Grid(options.size, (pixel, pixel), n, zoom) for n, zoom in zip(counts, zooms, strict=True)
    ]


def _cut_volume(
    header: VolumeHeader, grid: Grid, mask: Path | None, options: Options, read: Reader
) -> Cut:
    """Read a volume, and cut its slices."""
    plane = options.plane
    volume, affine = read(header.path)
    shown = scaled(volume, options.percentiles, header.path)
    span = scaled(volume, (0.5, 99.5), header.path) if options.percentiles is None else shown
    others = tuple(axis for axis in range(3) if axis != plane.axis)
    tissue = (span > FOREGROUND).sum(axis=others).astype(np.float64)
    indices, positions = choose_slices(tissue, options.n_slices, options.min_foreground)
    outline = None if mask is None else _mask_volume(mask, volume.shape, read)
    images, masks, geometry = [], [], []
    for index in indices:
        images.append(grid.resample(shown.take(index, plane.axis))[None])
        if outline is not None:
            masks.append(grid.resample(outline.take(index, plane.axis)) > 0.5)
        placed = affine @ grid.to_slice(plane, int(index))
        geometry.append(SliceGeometry(header.path.name, plane.name, plane.axis, int(index), placed,
                                      header.facts))  # fmt: skip
    return Cut(np.stack(images), geometry, positions, np.stack(masks) if masks else None)


def _mask_volume(path: Path, shape: tuple[int, ...], read: Reader) -> FloatArray:
    """Read an outline: 1 inside, 0 outside."""
    read_header(path)
    outline, _ = read(path)
    if outline.shape != shape:
        raise InvalidInputError(
            f"The outline '{path}' has shape {outline.shape}, its volume {shape}. Give the outline "
            "of the same volume."
        )
    return (outline > 0).astype(np.float64)


def cut_pictures(found: Found, options: Options) -> Iterator[Cut]:
    """Read pictures one after the other; warn if they had different sizes."""
    shapes: Counter[tuple[int, ...]] = Counter()
    for path, mask in zip(found.files, found.masks, strict=True):
        picture = read_picture(path)
        if picture.min() == picture.max():
            raise InvalidInputError(
                f"'{path}' holds one intensity only, {picture.flat[0]:g}. Leave the file out."
            )
        shapes[picture.shape[1:]] += 1
        size = options.size or picture.shape[1:]
        fitted = fit_picture(picture, size)
        outline = None if mask is None else _outline(mask, picture.shape[1:], size)
        yield Cut(fitted[None], [SliceGeometry(path.name)], masks=outline)
    _warn_of_sizes(shapes)


def _warn_of_sizes(shapes: Counter[tuple[int, ...]]) -> None:
    """Say that pictures of several sizes were brought to one."""
    if len(shapes) < 2:
        return
    (usual, n), *others = shapes.most_common()
    other = others[0][0]
    warnings.warn(
        f"{shapes.total() - n} of {shapes.total()} pictures are not {usual[0]}x{usual[1]} pixels "
        f"as the others are, but {other[0]}x{other[1]}{' and so on' if others[1:] else ''}. Each "
        "was scaled to fit into the same size by itself: bodies that are equally large may no "
        "longer look so.",
        AugmentWarning,
        stacklevel=4,
    )


def _outline(path: Path, shape: tuple[int, ...], size: Size) -> BoolArray:
    outline: BoolArray = np.any(read_picture(path) > 0, axis=0)
    if outline.shape != shape:
        raise InvalidInputError(
            f"The outline '{path}' has {outline.shape[0]}x{outline.shape[1]} pixels, its picture "
            f"{shape[0]}x{shape[1]}. Give the outline of the same picture."
        )
    inside: BoolArray = fit_picture(outline[None].astype(np.float64), size) > 0.5
    return inside


def store_for(found: Found, cut: Cut, options: Options) -> tuple[np.ndarray, int]:
    """Make the array for all slices, by the first file and the most slices a file can have."""
    if found.kind == "pictures":
        most = len(found.files)
    else:
        depths = [read_header(path).shape[options.plane.axis] for path in found.files]
        most = sum(min(depth, options.n_slices or depth) for depth in depths)
    shape = (most, *cut.images.shape[1:])
    return new_store(shape, options.memory_limit, options.cache_dir), most


def check_alike(cut: Cut, store: np.ndarray, found: Found, i: int) -> None:
    """Refuse a file that is unlike the first one."""
    first, own = store.shape[1:], cut.images.shape[1:]
    if own == first:
        return
    if own[0] != first[0]:
        raise InvalidInputError(
            f"'{found.files[i]}' has {own[0]} channels, '{found.files[0]}' {first[0]}. Convert "
            "them to one kind (all grey or all colour), or read them apart."
        )
    raise InvalidInputError(
        f"'{found.files[i]}' has {own[1]}x{own[2]} pixels, '{found.files[0]}' "
        f"{first[1]}x{first[2]}. Give a size to bring them to one."
    )

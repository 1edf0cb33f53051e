"""Slices with their labels, patients, conditions and place in the head."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from augment._errors import InvalidInputError, did_you_mean, listed
from augment._typing import BoolArray, FloatArray

__all__ = ["POSITION", "SliceGeometry", "SliceSet"]

POSITION = "slice_position"
"""The condition that says how high a slice lies."""


@dataclasses.dataclass(frozen=True, eq=False)
class SliceGeometry:
    """Where a slice was cut, and from what.

    Attributes
    ----------
    source : str
        Name of the file.
    plane : {"axial", "coronal", "sagittal"} or None
        None for a picture, which lies nowhere.
    axis : int or None
        Axis of the volume (in RAS order: 0 right, 1 anterior, 2 superior) that the slice is
        perpendicular to.
    index : int or None
        Position along that axis, in voxels of the volume in RAS order.
    affine : ndarray of shape (4, 4) or None
        From voxels of the slice, written as a volume in RAS order with one voxel along `axis`,
        to millimetres.
    header : mapping
        Facts of the file: ``shape``, ``zooms`` (mm), ``dtype``, ``orientation``, ``units``,
        ``sform_code``, ``qform_code``, ``affine`` (rows of the file's own affine).
    """

    source: str
    plane: str | None = None
    axis: int | None = None
    index: int | None = None
    affine: FloatArray | None = None
    header: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SliceSet:
    """Slices, and what is known of each.

    Indexing with a mask, an array of rows or a slice gives a smaller set.

    Attributes
    ----------
    images : ndarray of float32 (n, channels, height, width)
        Rows of pixels run from anterior (axial) or superior to posterior or inferior, columns
        from the patient's left to right (sagittal: from posterior to anterior). May be a memory
        map on disk.
    y : Series, ndarray or None
        The label of each slice.
    groups : ndarray of str (n,) or None
        The subject of each slice: slices of one subject belong on one side of a split.
    conditions : DataFrame of n rows
        Label, covariates, and ``slice_position`` from 0 to 1 where it is known: what a
        conditional generator can be fitted on.
    geometry : list of n SliceGeometry
    masks : ndarray of bool (n, height, width) or None
        Lesions or other outlines, where there are some.

    Raises
    ------
    InvalidInputError
        If the parts are not of one length.

    Examples
    --------
    >>> from augment.data import make_phantoms
    >>> slices = make_phantoms(n_subjects=4, n_slices=2, size=32, random_state=0)
    >>> slices
    SliceSet(8 slices of 1x32x32; 4 subjects; labels healthy 4, lesion 4)
    >>> len(slices[slices.y == "healthy"])
    4
    """

    images: npt.NDArray[np.float32]
    y: pd.Series | np.ndarray | None = None
    groups: np.ndarray | None = None
    conditions: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    geometry: list[SliceGeometry] = dataclasses.field(default_factory=list)
    masks: BoolArray | None = None

    def __post_init__(self) -> None:
        if np.ndim(self.images) != 4:
            raise InvalidInputError(
                "Slices must have shape (n, channels, height, width); found "
                f"{np.shape(self.images)}."
            )
        n = len(self.images)
        if not self.conditions.shape[1]:
            object.__setattr__(self, "conditions", pd.DataFrame(index=range(n)))
        if not self.geometry:
            object.__setattr__(self, "geometry", [SliceGeometry("")] * n)
        for name in ("y", "groups", "conditions", "geometry", "masks"):
            part = getattr(self, name)
            if part is not None and len(part) != n:
                raise InvalidInputError(
                    f"Expected one entry of {name} for each of {n} slices; found {len(part)}."
                )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Any) -> SliceSet:
        chosen = np.atleast_1d(np.arange(len(self))[np.asarray(rows) if _listed(rows) else rows])
        y = self.y
        if y is not None:
            y = y.iloc[chosen].reset_index(drop=True) if isinstance(y, pd.Series) else y[chosen]
        return SliceSet(
            images=self.images[chosen],
            y=y,
            groups=None if self.groups is None else self.groups[chosen],
            conditions=self.conditions.iloc[chosen].reset_index(drop=True),
            geometry=[self.geometry[i] for i in chosen],
            masks=None if self.masks is None else self.masks[chosen],
        )

    def given(self, covariates: Sequence[str] = ()) -> Any:
        """Give what a generator is conditioned on.

        Parameters
        ----------
        covariates : sequence of str
            Columns of ``conditions`` besides the label, such as ``slice_position``.

        Returns
        -------
        Series, ndarray, DataFrame or None
            The labels alone (None if there are none), or a frame of label and covariates.

        Raises
        ------
        InvalidInputError
            If there is no such column.
        """
        if not covariates:
            return self.y
        for name in covariates:
            if name not in self.conditions:
                raise InvalidInputError(
                    f"Expected a condition {name!r} of each slice; found "
                    f"{listed(self.conditions.columns)}."
                    f"{did_you_mean(name, self.conditions.columns)} Only volumes have a "
                    f"{POSITION} of their own."
                )
        label = [name for name in (getattr(self.y, "name", None),) if name in self.conditions]
        return self.conditions[[*label, *covariates]]

    def __repr__(self) -> str:
        return f"SliceSet({self})"

    def __str__(self) -> str:
        channels, height, width = self.images.shape[1:]
        parts = [f"{len(self)} slices of {channels}x{height}x{width}"]
        if self.groups is not None:
            parts.append(f"{len(np.unique(self.groups))} subjects")
        if self.y is not None:
            names, counts = np.unique(np.asarray(self.y).astype(str), return_counts=True)
            shown = ", ".join(f"{n} {c}" for n, c in list(zip(names, counts, strict=True))[:8])
            parts.append(f"labels {shown}{', …' if len(names) > 8 else ''}")
        return "; ".join(parts)


def _listed(rows: Any) -> bool:
    """Tell whether rows are given one by one or as a mask."""
    return not isinstance(rows, slice | int | np.integer)

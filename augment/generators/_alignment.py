"""Images as an appearance in a common shape, and a deformation of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from scipy.linalg import svd
from torch.nn import functional

from augment._random import torch_generator
from augment._typing import FloatArray, IntArray, State
from augment.data._pooling import MIN_STRATUM_ROWS
from augment.generators._likeness import LEADING, alike
from augment.generators._sharpness import sharpened, spectral_gain
from augment.networks.warping import displacements, moved
from augment.objectives.alignment import AlignmentObjective
from augment.training import Batches, train

__all__ = ["Alignment", "grid_for"]

SIDES, STEPS = (64, 64, 64), 20
"""Pixels of the longer side, at most, in each round of alignment, and the steps of a round."""
LARGEST_GRID, PIXELS_A_POINT = 8, 4
CHUNK = 128
"""Images that are aligned at a time."""


def grid_for(height: int, width: int) -> int:
    """Give the control points along a side: none for very small images.

    Examples
    --------
    >>> grid_for(64, 64), grid_for(18, 14), grid_for(8, 8)
    (8, 3, 0)
    """
    points = min(LARGEST_GRID, min(height, width) // PIXELS_A_POINT)
    return points if points >= 3 else 0


@dataclass(frozen=True)
class Alignment:
    """Images to rows of numbers and back: pixels in the shape of like images, and a deformation.

    Attributes
    ----------
    image_shape : tuple of int
        Channels, height and width.
    grid : int
        Control points along a side; 0 leaves the deformation out.
    scale : float
        What a velocity is multiplied by in a row, so that shapes vary as much as appearances.
    faces : ndarray of float64 (m, channels, small height, small width)
        The mean of each group of like images, at the size that images are aligned at.
    strata : ndarray of int64 (m,)
        The condition of each group.
    unit : float
        Variance of the pixels.
    gain : ndarray of float64 (channels, height, width)
        What frequencies are multiplied by at the end: being deformed twice blurs an image, and
        this gives the images of `fit` the power back that they had.

    References
    ----------
    .. [1] T. F. Cootes, G. J. Edwards and C. J. Taylor, "Active appearance models", IEEE TPAMI
       2001.
    """

    image_shape: tuple[int, ...]
    grid: int
    scale: float
    faces: FloatArray
    strata: IntArray
    unit: float
    gain: FloatArray

    @classmethod
    def fit(
        cls,
        images: FloatArray,
        strata: IntArray,
        given: FloatArray,
        grid: int,
        seed: int,
        device: torch.device | str = "cpu",
        owners: IntArray | None = None,
    ) -> tuple[Self, FloatArray, IntArray | None]:
        """Group like images of each condition, and bring each group into one shape.

        Parameters
        ----------
        images : ndarray of float64 (n, channels, height, width)
            From 0 to 1.
        strata : ndarray of int64 (n,)
            Their combination of categorical conditions.
        given : ndarray of float64 (n, q)
            Their continuous conditions.
        grid : int
            Control points along a side; 0 for no deformation.
        seed : int
            Of the groups.
        device : torch.device or str
            Where to compute.
        owners : ndarray of int64 (n,) or None
            The patient of each image, if known.

        Returns
        -------
        alignment, rows, group : Alignment, ndarray (n, d), ndarray of int64 (n,) or None
            The alignment, the images as rows, and the group of each image.
        """
        shape = images.shape[1:]
        if not grid:
            nothing = np.zeros((0, *shape)), np.zeros(0, dtype=np.int64)
            alignment = cls(shape, 0, 1.0, *nothing, 1.0, np.ones(shape))
            return alignment, images.reshape(len(images), -1), None
        unit = max(float(images.var(axis=0).mean()), 1e-12)
        velocities = torch.zeros(len(images), 2, grid, grid)
        for side in SIDES:
            small = _at_most(_tensor(images), side)
            aligned = _deformed(small, velocities)
            group = _groups(aligned.flatten(1).double().numpy(), strata, given, seed, owners)
            targets = _means_of_others(aligned, group)
            velocities = _aligned(small, targets, velocities, unit, device)
            velocities -= _means(velocities, group)[group]
        faces = _means(_deformed(small, velocities), group)
        owners = np.array([strata[group == part][0] for part in range(len(faces))])
        pixels = _deformed(_tensor(images), velocities, "bicubic").double().numpy()
        flat, shapes = pixels.reshape(len(images), -1), velocities.flatten(1).double().numpy()
        scale = float(np.sqrt(flat.var(axis=0).sum() / max(shapes.var(axis=0).sum(), 1e-12)))
        blunt = cls(shape, grid, scale, faces.double().numpy(), owners, unit, np.ones(shape))
        rows = np.concatenate([flat, scale * shapes], axis=1)
        return replace(blunt, gain=spectral_gain(images, blunt.images(rows))), rows, group

    def rows(self, images: FloatArray, strata: IntArray | None = None) -> FloatArray:
        """Give rows `(n, d)` of images, brought into the shape of the group that is nearest.

        Parameters
        ----------
        images : ndarray of float64 (n, channels, height, width)
            From 0 to 1.
        strata : ndarray of int64 (n,) or None
            Their conditions, if known: only groups of the same are looked at.

        Returns
        -------
        ndarray of float64 (n, d)
            Aligned pixels, then scaled velocities.
        """
        if not self.grid:
            return images.reshape(len(images), -1)
        pixels, faces = _tensor(images), _tensor(self.faces)
        seen, known = (_at_most(each, SIDES[0]).flatten(1) for each in (pixels, faces))
        apart = torch.cdist(seen, known).numpy()
        if strata is not None:
            foreign = strata[:, None] != self.strata
            foreign &= ~foreign.all(axis=1, keepdims=True)
            apart[foreign] = np.inf
        targets = faces[torch.as_tensor(apart.argmin(axis=1))]
        velocities = torch.zeros(len(images), 2, self.grid, self.grid)
        for side in SIDES:
            small, target = _at_most(pixels, side), _at_most(targets, side)
            velocities = _aligned(small, target, velocities, self.unit, "cpu")
        aligned = _deformed(pixels, velocities, "bicubic").flatten(1)
        rows = torch.cat([aligned, self.scale * velocities.flatten(1)], dim=1)
        return np.asarray(rows.double().numpy())

    def images(self, rows: FloatArray) -> FloatArray:
        """Give images `(n, channels, height, width)`, from 0 to 1, of rows `(n, d)`."""
        n_pixels = int(np.prod(self.image_shape))
        pixels = np.clip(rows[:, :n_pixels], 0.0, 1.0).reshape(-1, *self.image_shape)
        if not self.grid:
            return pixels
        shapes = rows[:, n_pixels:].reshape(-1, 2, self.grid, self.grid) / self.scale
        back = _deformed(_tensor(pixels), -_tensor(shapes), "bicubic")
        return np.clip(sharpened(back.clamp(0.0, 1.0).double().numpy(), self.gain), 0.0, 1.0)

    def get_state(self) -> State:
        """Give the arrays, to be written to a file."""
        return {
            "image_shape": list(self.image_shape),
            "grid": self.grid,
            "scale": self.scale,
            "faces": self.faces,
            "strata": self.strata,
            "unit": self.unit,
            "gain": self.gain,
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Restore what `get_state` gave."""
        return cls(
            tuple(int(side) for side in state["image_shape"]),
            int(state["grid"]),
            float(state["scale"]),
            np.asarray(state["faces"]),
            np.asarray(state["strata"]),
            float(state["unit"]),
            np.asarray(state["gain"]),
        )


def _aligned(
    images: torch.Tensor,
    targets: torch.Tensor,
    velocities: torch.Tensor,
    unit: float,
    device: torch.device | str,
) -> torch.Tensor:
    """Move velocities so that images come nearer to their targets."""
    found = []
    for part in torch.arange(len(images)).split(CHUNK):
        objective = AlignmentObjective(velocities[part], unit)
        tensors = {
            "image": images[part],
            "target": targets[part],
            "row": torch.arange(len(part)),
        }
        batches = Batches(tensors, len(part), torch_generator(0))
        train(objective, batches, max_steps=STEPS, generator=torch_generator(0), device=device)
        found.append(objective.velocities)
    return torch.cat(found)


def _groups(
    rows: FloatArray, strata: IntArray, given: FloatArray, seed: int, owners: IntArray | None
) -> IntArray:
    """Group like images of each condition; those of rare conditions join the nearest group."""
    group = np.full(len(rows), -1)
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        theirs = None if owners is None else owners[own]
        if len(own) >= MIN_STRATUM_ROWS:
            group[own] = group.max() + 1 + alike(_leading(rows[own]), given[own], seed, theirs)
    if group.max() < 0:
        return np.zeros(len(rows), dtype=np.int64)
    lone = np.flatnonzero(group < 0)
    centers = np.stack([rows[group == part].mean(axis=0) for part in range(group.max() + 1)])
    for row in lone:
        group[row] = np.square(centers - rows[row]).sum(axis=1).argmin()
    return group


def _leading(rows: FloatArray) -> FloatArray:
    """Give the leading principal scores of rows."""
    scores, singular, _ = svd(rows - rows.mean(axis=0), full_matrices=False)
    return np.asarray(scores * singular)[:, :LEADING]


def _means(values: torch.Tensor, group: IntArray) -> torch.Tensor:
    """Give the mean of each group."""
    return torch.stack([values[group == part].mean(dim=0) for part in range(group.max() + 1)])


def _means_of_others(values: torch.Tensor, group: IntArray) -> torch.Tensor:
    """Give for each image the mean of the others of its group."""
    size = torch.as_tensor(np.bincount(group)[group], dtype=torch.float32).view(-1, 1, 1, 1)
    means = _means(values, group)[group]
    return torch.where(size > 1, (size * means - values) / (size - 1).clamp_min(1), means)


def _deformed(
    images: torch.Tensor, velocities: torch.Tensor, mode: str = "bilinear"
) -> torch.Tensor:
    """Deform images by velocities, without gradients."""
    size = (images.shape[-2], images.shape[-1])
    parts = zip(images.split(CHUNK), velocities.split(CHUNK), strict=True)
    with torch.no_grad():
        return torch.cat([moved(part, displacements(own, size), mode) for part, own in parts])


def _at_most(images: torch.Tensor, side: int) -> torch.Tensor:
    """Make images smaller, if a side is longer than wanted."""
    shrunk = max(1.0, max(images.shape[-2:]) / side)
    size = [max(1, round(length / shrunk)) for length in images.shape[-2:]]
    return functional.interpolate(images, size=size, mode="area")


def _tensor(values: FloatArray) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float32)

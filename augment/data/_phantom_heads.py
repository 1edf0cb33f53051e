"""Heads made of ellipsoids and waves."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from augment._typing import BoolArray, FloatArray

__all__ = ["FIELD_MM", "Head", "Lesion", "draw_head", "draw_lesion", "render"]

FIELD_MM = 240.0
"""Side of the field of view."""
_SKIN, _BONE, _FLUID, _GREY, _WHITE = 0.75, 0.08, 0.15, 0.5, 0.72


@dataclasses.dataclass(frozen=True)
class Head:
    """A head: lengths in millimetres, intensities from 0 to 1."""

    axes: FloatArray  # half the width, length and height of the brain
    skull: float
    turn: float  # radians
    shift: FloatArray
    folds: FloatArray  # (n, 4): waves around, along the height, phase, depth
    ventricle: FloatArray  # half-width, half-length, distance from the middle
    tissue: FloatArray  # factors of grey, white and fluid
    bias: FloatArray  # (3, 3): cosine waves of the coil


@dataclasses.dataclass(frozen=True)
class Lesion:
    """A lesion in the coordinates of the head."""

    kind: str
    centre: FloatArray
    radius: float
    waves: FloatArray  # (n, 2): depth and phase of its outline
    contrast: float


def draw_head(rng: np.random.Generator, age: float) -> Head:
    """Draw a head; ventricles widen and the cortex thins with age."""
    old = (age - 25) / 60
    n_folds = 14
    folds = np.stack(
        [
            rng.integers(5, 22, n_folds).astype(float),
            rng.uniform(0.02, 0.09, n_folds),
            rng.uniform(0, 2 * np.pi, n_folds),
            rng.normal(0, 0.016 * (1 + 0.5 * old), n_folds),
        ],
        axis=1,
    )
    return Head(
        axes=np.array([64.0, 80.0, 64.0]) * (1 + rng.normal(0, [0.04, 0.04, 0.04])),
        skull=rng.uniform(5, 8),
        turn=float(rng.normal(0, 0.05)),
        shift=rng.normal(0, 3.0, 2),
        folds=folds,
        ventricle=np.array([5.0 + 6.0 * old, 22.0 + 6.0 * old, 8.0 + 3.0 * old])
        * (1 + rng.normal(0, 0.12, 3)),
        tissue=1 + rng.normal(0, [0.05, 0.04, 0.1]),
        bias=rng.normal(0, 0.07, (3, 3)),
    )


def draw_lesion(
    rng: np.random.Generator, kind: str, head: Head, centre: float, contrast: float
) -> Lesion:
    """Draw a lesion in the brain, ``centre`` mm above the lowest slice."""
    z = centre - 80.0
    at_height = np.sqrt(max(1 - (z / head.axes[2]) ** 2, 0.1))
    angle = rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(0.4, 0.7) * at_height
    place = distance * head.axes[:2] * np.array([np.cos(angle), np.sin(angle)])
    waves = np.stack([rng.normal(0, 0.09, 4), rng.uniform(0, 2 * np.pi, 4)], axis=1)
    return Lesion(kind, np.array([*place, z]), float(rng.uniform(11, 19)), waves, contrast)


def render(
    head: Head, lesion: Lesion | None, z: float, size: int, noise: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], BoolArray]:
    """Draw one axial slice at height ``z`` (mm above the middle), with the lesion's outline."""
    x, y = _coordinates(head, size)
    picture = _anatomy(head, x, y, z, soft=FIELD_MM / size)
    mask = np.zeros((size, size), np.bool_)
    if lesion is not None:
        mask = _add_lesion(picture, head, lesion, x, y, z)
    picture *= _bias(head, size)
    real, imaginary = rng.normal(0, noise, (2, size, size))
    noisy = np.sqrt((picture + real) ** 2 + imaginary**2)
    return np.clip(noisy, 0, 1).astype(np.float32), mask


def _coordinates(head: Head, size: int) -> tuple[FloatArray, FloatArray]:
    """Give millimetres to the right and forward of each pixel, in the axes of the head."""
    pixel = FIELD_MM / size
    line = (np.arange(size) - (size - 1) / 2) * pixel
    right, front = np.meshgrid(line - head.shift[0], -line - head.shift[1])
    cos, sin = np.cos(head.turn), np.sin(head.turn)
    return cos * right + sin * front, cos * front - sin * right


def _inside(level: FloatArray, scale: float, soft: float) -> FloatArray:
    """Give 1 inside a level set (below 1), 0 outside, and a ramp of a pixel's width between."""
    return np.clip(0.5 - (level - 1) * scale / soft, 0, 1)


def _anatomy(head: Head, x: FloatArray, y: FloatArray, z: float, soft: float) -> FloatArray:
    """Draw the healthy head, from the outside in."""
    grey, white, fluid = _GREY * head.tissue[0], _WHITE * head.tissue[1], _FLUID * head.tissue[2]
    scale = float(head.axes[0])

    def level(margin: float) -> FloatArray:
        a, b, c = head.axes + margin
        # the front of a brain is narrower than its back
        return np.sqrt((x / (a * (1 - 0.1 * y / b))) ** 2 + (y / b) ** 2 + (z / c) ** 2)

    brain = level(0.0)
    around = np.arctan2(x, y)
    waves, along, phase, depth = head.folds.T
    folded = (depth * np.cos(waves * around[..., None] + along * z + phase)).sum(axis=-1)
    parts = [
        (_inside(level(head.skull + 6.0), scale, soft), _SKIN),
        (_inside(level(head.skull + 2.0), scale, soft), _BONE),
        (_inside(level(2.0), scale, soft), fluid),
        (_inside(brain - 0.35 * folded, scale, soft), grey),
        (_inside(brain + 0.13 - folded, scale, soft), white),
        (np.clip(0.5 + (1.0 - np.abs(x)) / soft, 0, 1) * (brain < 0.97) * (np.abs(y) > 25), fluid),
        (_ventricles(head, x, y, z, soft), fluid),
    ]
    picture = np.zeros_like(x)
    for share, value in parts:
        picture += share * (value - picture)
    return picture


def _ventricles(head: Head, x: FloatArray, y: FloatArray, z: float, soft: float) -> FloatArray:
    """Draw the two ventricles, bent outwards to the back."""
    half_width, half_length, apart = head.ventricle
    bent = apart + 0.006 * np.clip(-y, 0, None) ** 2
    across = (np.abs(x) - bent) / half_width
    shape = np.sqrt(across**2 + ((y + 4) / half_length) ** 2 + ((z - 8) / 24.0) ** 2)
    return _inside(shape, float(half_width), soft)


def _add_lesion(
    picture: FloatArray, head: Head, lesion: Lesion, x: FloatArray, y: FloatArray, z: float
) -> BoolArray:
    """Draw the lesion into the picture; give its outline."""
    dx, dy, dz = x - lesion.centre[0], y - lesion.centre[1], z - lesion.centre[2]
    angle = np.arctan2(dx, dy)
    order = np.arange(2, 2 + len(lesion.waves))
    bumps = (lesion.waves[:, 0] * np.cos(order * angle[..., None] + lesion.waves[:, 1])).sum(-1)
    level = np.sqrt(dx**2 + dy**2 + dz**2) / (lesion.radius * (1 + bumps))
    brain = np.sqrt((x / head.axes[0]) ** 2 + (y / head.axes[1]) ** 2 + (z / head.axes[2]) ** 2)
    inside = brain < 0.97
    bright = min(_WHITE * head.tissue[1] * (1 + lesion.contrast), 1.0)
    soft = FIELD_MM / len(x)
    spot = _inside(level, lesion.radius, soft) * inside
    if lesion.kind == "rim lesion":
        swelling = 0.5 * _inside(level / 1.5, lesion.radius, 4 * soft) * inside
        picture += swelling * (_GREY - 0.1 - picture)
    picture += spot * (bright - picture)
    if lesion.kind == "rim lesion":
        core = _inside(level / 0.65, lesion.radius * 0.65, soft) * inside
        picture += core * (_FLUID + 0.1 - picture)
    return np.asarray((level < 1) & inside)


def _bias(head: Head, size: int) -> FloatArray:
    """Give the smooth brightness of the coil, about 1."""
    line = np.linspace(0, np.pi, size)
    waves = np.stack([np.cos(k * line) for k in range(3)])
    field = np.einsum("ab,ai,bj->ij", head.bias, waves, waves)
    return np.exp(field - head.bias[0, 0])

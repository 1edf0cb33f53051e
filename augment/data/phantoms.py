"""Phantoms: a seeded cohort of heads for examples, tests and teaching, with no download."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError
from augment._random import rng_for, seed_from
from augment._typing import RandomState
from augment.data._phantom_heads import FIELD_MM, draw_head, draw_lesion, render
from augment.data._resampling import PLANES, Grid
from augment.data._slice_set import SliceGeometry, SliceSet

__all__ = ["make_phantoms"]

_KINDS = ("healthy", "lesion", "rim lesion")
_DEPTH = 160
"""Millimetres from the lowest to the highest slice, and as many slices of a whole head."""


def make_phantoms(
    n_subjects: int = 40,
    *,
    n_slices: int = 4,
    size: int = 64,
    classes: Sequence[str] = ("healthy", "lesion"),
    contrast: float = 0.35,
    noise: float = 0.03,
    random_state: RandomState = None,
) -> SliceSet:
    """Make axial slices of brain-like heads, a few of each subject.

    Each subject has a skull, a folded cortex, white matter, ventricles that widen with age, a bias
    field of the coil, and a head that is turned and shifted a little. Noise is Rician. A lesion
    lies in one place of the head and shows, larger or smaller, in all slices of its subject.

    Parameters
    ----------
    n_subjects : int
        Heads, spread evenly over the classes.
    n_slices : int
        Slices of each head, 4 mm apart. They resemble each other: split by subject.
    size : int
        Pixels a side, from 16; the field of view is 240 mm.
    classes : sequence of str
        Among "healthy", "lesion" (a bright spot in the brain) and "rim lesion" (a dark core in a
        bright rim, with a swelling around it).
    contrast : float
        How much brighter a lesion is than white matter, as a share of its brightness. Near 0 the
        classes cannot be told apart.
    noise : float
        Standard deviation of the noise, as a share of the brightest tissue.
    random_state : None, int, RandomState or Generator
        Seed.

    Returns
    -------
    SliceSet
        ``images`` from 0 to 1; ``y`` called ``diagnosis``; ``groups`` ("sub-001", ...);
        ``conditions`` with ``diagnosis``, ``age`` (years) and ``slice_position``; ``masks`` of
        the lesions; ``geometry`` with affines.

    Raises
    ------
    InvalidInputError
        If a number or class cannot be used.

    Notes
    -----
    **What this does not do.** A phantom is made of ellipsoids and waves: its anatomy is that of a
    drawing, its lesions resemble no disease. It shows that a path works; figures measured on
    phantoms say nothing of patients.

    Examples
    --------
    >>> slices = make_phantoms(n_subjects=6, n_slices=2, size=32, random_state=0)
    >>> slices.images.shape, sorted(slices.conditions)
    ((12, 1, 32, 32), ['age', 'diagnosis', 'slice_position'])
    >>> sick = np.asarray(slices.y == "lesion")
    >>> bool(slices.masks[sick].any(axis=(1, 2)).all()), bool(slices.masks[~sick].any())
    (True, False)
    """
    _check(n_subjects, n_slices, size, classes, contrast, noise)
    seed = seed_from(random_state)
    images = np.empty((n_subjects * n_slices, 1, size, size), np.float32)
    masks = np.empty((len(images), size, size), np.bool_)
    rows, geometry = [], []
    for subject in range(n_subjects):
        rng = rng_for(seed, subject)
        name, kind = f"sub-{subject + 1:03d}", classes[subject % len(classes)]
        age = float(np.round(rng.uniform(25, 85), 1))
        head = draw_head(rng, age)
        centre = rng.uniform(70, 100)
        lesion = None if kind == "healthy" else draw_lesion(rng, kind, head, centre, contrast)
        for i in range(n_slices):
            z = centre + 4.0 * (i - (n_slices - 1) / 2)
            n = subject * n_slices + i
            images[n, 0], masks[n] = render(head, lesion, z - 80.0, size, noise, rng)
            rows.append((kind, age, float(np.clip(z / _DEPTH, 0, 1)), name))
            geometry.append(_geometry(name, z, size))
    frame = pd.DataFrame(rows, columns=["diagnosis", "age", "slice_position", "subject"])
    groups = frame.pop("subject").to_numpy(dtype=str)
    return SliceSet(images, frame["diagnosis"].copy(), groups, frame, geometry, masks)


def _geometry(name: str, z: float, size: int) -> SliceGeometry:
    """Say where a slice lies: the middle of the field of view is the origin."""
    plane, index = PLANES["axial"], round(z)
    grid = Grid((size, size), (FIELD_MM / size,) * 2, (240, 240), (1.0, 1.0))
    volume = np.eye(4)
    volume[:3, 3] = -(240 - 1) / 2, -(240 - 1) / 2, -_DEPTH / 2
    affine = volume @ grid.to_slice(plane, index)
    header = {"shape": (240, 240, _DEPTH), "zooms": (1.0, 1.0, 1.0), "orientation": "RAS"}
    return SliceGeometry(name, plane.name, plane.axis, index, affine, header)


def _check(
    n_subjects: int, n_slices: int, size: int, classes: Sequence[str], contrast: float, noise: float
) -> None:
    """Refuse what cannot be drawn."""
    least = {"n_subjects": (n_subjects, 1), "n_slices": (n_slices, 1), "size": (size, 16)}
    for name, (value, fewest) in least.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < fewest:
            raise InvalidInputError(f"{name} must be a whole number from {fewest}; got {value!r}.")
    unknown = [kind for kind in classes if kind not in _KINDS]
    if isinstance(classes, str) or unknown or not classes:
        raise InvalidInputError(f"classes must be among {list(_KINDS)}; got {classes!r}.")
    if not contrast >= 0 or not noise >= 0:
        raise InvalidInputError(
            f"contrast and noise must be at least 0; got {contrast} and {noise}."
        )

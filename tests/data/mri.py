"""Volumes for tests: smooth marks in the head's own millimetres, sampled on any grid."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

# Centre (mm to the right, front and top), height and width of each mark.
MARKS = (((22, 4, 0), 3.0, 9.0), ((-3, 26, 2), 2.0, 9.0), ((2, -3, 20), 1.0, 9.0))


def marks_at(points):
    """Brightness at points (..., 3) in millimetres, RAS."""
    total = np.zeros(np.shape(points)[:-1])
    for centre, height, width in MARKS:
        square = ((np.asarray(points) - np.array(centre)) ** 2).sum(axis=-1)
        total += height * np.exp(-square / (2 * width**2))
    return total


def affine_of(axes: str, zooms=(2.0, 2.0, 2.0), shape=(40, 40, 40), turn=0.0):
    """Affine whose voxel axes point to ``axes``, its field of view about the origin."""
    directions = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    linear = np.zeros((3, 3))
    for i, letter in enumerate(axes):
        axis, sign = directions[letter]
        linear[axis, i] = sign * zooms[i]
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ linear
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = -linear @ ((np.array(shape) - 1) / 2)
    return affine


def marked_volume(axes: str, zooms=(2.0, 2.0, 2.0), shape=(40, 40, 40), turn=0.0):
    """The marks on a grid, as a NIfTI image."""
    affine = affine_of(axes, zooms, shape, turn)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    values = marks_at(grid @ affine[:3, :3].T + affine[:3, 3])
    return nib.Nifti1Image(values.astype(np.float32), affine)


def noise_volume(shape=(20, 20, 12), seed=0, scale=1000.0):
    """A bright ellipsoid with noise, in an empty field."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"), axis=-1)
    inside = (grid**2).sum(axis=-1) < 0.9
    values = inside * rng.uniform(0.5, 1.0, shape) * scale
    return nib.Nifti1Image(values.astype(np.float32), np.diag([2.0, 2.0, 2.0, 1.0]))


def cohort(folder: Path, n=4, shape=(20, 20, 12), labels=("ill", "well")):
    """A BIDS folder: a volume for each subject, and ``participants.tsv``."""
    lines = ["participant_id\tage\tdiagnosis"]
    for i in range(n):
        place = folder / f"sub-{i + 1:02d}" / "anat"
        place.mkdir(parents=True)
        nib.save(noise_volume(shape, seed=i), place / f"sub-{i + 1:02d}_T1w.nii.gz")
        lines.append(f"sub-{i + 1:02d}\t{40 + i}\t{labels[i % len(labels)]}")
    (folder / "participants.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder

"""How near synthetic images come to training images once they are laid on one another."""

from __future__ import annotations

from typing import Any

import numpy as np

from augment._typing import FloatArray, IntArray
from augment.metrics._alignment import Aligned, align
from augment.metrics._nearness import Nearness, RatioLaw, chance_of, ratio_law
from augment.metrics._pixels import checked_images, rescaled
from augment.metrics._sides import group_codes

__all__ = ["aligned_nearness"]

# More real images make the law of their ratios no steadier than it need be.
_MOST = 300
_N_BEST, _N_EACH = 12, 3
# Resampling alone changes an image by about as much.
_LEAST = 0.003


def aligned_nearness(
    train: Any,
    synthetic: Any,
    holdout: Any,
    *,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Nearness:
    """Compare images as `nearness` does, each laid on the other as well as possible.

    Parameters
    ----------
    train, synthetic, holdout : array-like of shape (n, channels, height, width), (m, ...), (h, ...)
        Finite; at least 16 pixels a side.
    groups, holdout_groups : array-like of shape (n,) and (h,), optional
        The patient of each image.

    Returns
    -------
    Nearness
        ``p_values`` (m,): how often a fresh image of another patient lies as much nearer to a
        training image than to any held-out image; ``nearest`` (m,): the position of the nearest
        training image; ``train_distance``, ``holdout_distance`` (m,): the root of the share of the
        image that the nearest one does not explain, from 0 to 1.

    Raises
    ------
    InvalidInputError
        If the images cannot be used.

    Notes
    -----
    Images are averaged down to 32 pixels and blurred. An affine map lays one on the other: turned,
    mirrored (square ones by quarters of a turn, too), moved, and stretched a little. Brightness and
    contrast of each channel do not count. A grid of turns and shifts on images of 16 pixels finds
    the twelve real images that fit best; from there the six numbers of the map are fitted.

    Real images are compared with those of other patients in the same way, and over all ways to
    call patients training patients their ratios of distances give the law that synthetic images
    are compared with. So a fresh image has the same chance to look like a copy, whatever was
    tried to lay it on others.

    **What this does not do.** It does not see copies that are bent, cut, or moved by more than a
    quarter of their side, nor copies of a small part.

    Examples
    --------
    >>> train, holdout, fresh = np.random.default_rng(0).random((3, 20, 1, 16, 16))
    >>> mixed = np.concatenate([fresh, train[:3, ..., ::-1]])
    >>> found = aligned_nearness(train, mixed, holdout)
    >>> found.nearest[-3:].tolist(), bool(found.p_values[-3:].max() < 1e-6)
    ([0, 1, 2], True)
    """
    pixels = checked_images(train, "train")
    new, held = (
        checked_images(part, name, like=pixels)
        for part, name in ((synthetic, "synthetic"), (holdout, "holdout"))
    )
    real = np.concatenate([pixels, held])
    ours = group_codes(groups, len(pixels))
    theirs = group_codes(holdout_groups, len(held), "holdout_groups") + ours.max() + 1
    owners = np.concatenate([ours, theirs])
    scaled = rescaled(real, real)
    law_rows = np.linspace(0, len(real) - 1, min(len(real), _MOST)).astype(np.int64)
    asked = np.concatenate([scaled[law_rows], rescaled(new, real)])
    patients = np.concatenate([owners[law_rows], np.full(len(new), -1)])
    pairs = align(asked, scaled, (patients, owners), _N_BEST, _N_EACH)
    distance, place = _sorted(pairs, len(asked))
    n_law = len(law_rows)
    share = len(np.unique(ours)) / len(np.unique(owners))
    law = _law(distance[:n_law], owners[place[:n_law]], share)
    distance, place = distance[n_law:], place[n_law:]
    # A side that none of the best images is on is taken to be as far as the last of them.
    last = _last(distance)
    near, far = (
        np.minimum(np.where(side, distance, np.inf).min(axis=1), last)
        for side in (place < len(pixels), place >= len(pixels))
    )
    is_ours = place < len(pixels)
    nearest = np.where(is_ours.any(axis=1), place[np.arange(len(new)), is_ours.argmax(axis=1)], -1)
    return Nearness(chance_of(near / far, law), nearest, near, far)


def _sorted(pairs: Aligned, n: int) -> tuple[FloatArray, IntArray]:
    """Give the distances of each image, the nearest first, and whose they are; inf where none."""
    order = np.lexsort([pairs.distance, pairs.first])
    first = pairs.first[order]
    column = np.arange(len(first)) - np.searchsorted(first, first)
    distance = np.full((n, _N_BEST), np.inf)
    place = np.full((n, _N_BEST), -1)
    distance[first, column] = np.maximum(pairs.distance[order], _LEAST)
    place[first, column] = pairs.second[order]
    return distance, place


def _last(distance: FloatArray) -> FloatArray:
    return np.where(np.isfinite(distance), distance, -np.inf).max(axis=1)


def _law(distance: FloatArray, owners: IntArray, share: float) -> RatioLaw:
    """Give the law of the ratios of real images.

    The ratio of an image is that of its distances to the first patient and to patient j + 1, if
    the first j were called training patients and the next one a held-out patient.
    """
    is_new = np.isfinite(distance)
    for k in range(1, distance.shape[1]):
        is_new[:, k] &= (owners[:, :k] != owners[:, k : k + 1]).all(axis=1)
    rank = is_new.cumsum(axis=1) - 1
    chances = np.where(is_new & (rank > 0), share**rank * (1 - share), 0.0)
    chances = np.column_stack([chances, share ** is_new.sum(axis=1)])
    ratios = distance[:, :1] / np.column_stack([distance, _last(distance)])
    return ratio_law(ratios, chances / len(distance))

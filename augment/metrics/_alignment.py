"""Images laid on one another: moved, turned, mirrored and stretched until they fit best.

Two steps. On small images all turns, mirrors and shifts of a grid are tried for every pair; then
the best few pairs of each image are fitted exactly (Gauss-Newton on the six numbers of an affine
map). Brightness and contrast do not count: images are compared by their correlation.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augment._typing import FloatArray, IntArray
from augment.metrics._pixels import Pixels

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Aligned", "align"]

# Pixels of the longer side, for the search on a grid and for the exact fit.
_SMALL, _SIDE = 16, 32
# Pixels of a small image, either way: an eighth of its side.
_REACH = 2
_ANGLES = (-12, -6, 0, 6, 12)
_FIRST_STEPS, _STEPS, _LARGEST_STEP = 3, 4, 0.15
# The noise of pixels, which a move by half a pixel changes, is blurred away.
_BLUR = 1.0
# The rim, where moved copies hold what was never in the image, counts less.
_RIM = 0.15
_CHUNK = 256
# A channel that varies less, of images of about 0 to 1, is constant.
_LEAST_SPREAD = 1e-4


class Aligned(NamedTuple):
    """Pairs of images that were laid on one another; see `align`.

    Attributes
    ----------
    first, second : ndarray of shape (k,)
        Positions in both samples, sorted by the first.
    distance : ndarray of shape (k,)
        The root of the share of an image that the other one does not explain: 0 to 1.
    """

    first: IntArray
    second: IntArray
    distance: FloatArray


def align(
    first: Pixels, second: Pixels, owners: tuple[IntArray, IntArray], n_best: int, n_each: int
) -> Aligned:
    """Lay each image of the first sample on the nearest images of the second.

    Parameters
    ----------
    first, second : ndarray of shape (n, channels, height, width) and (m, ...), float32
    owners : pair of ndarray of shape (n,) and (m,)
        The patient of each image; images of one patient are not compared.
    n_best : int
        Images of the second sample that each image is laid on.
    n_each : int
        No more than so many of them are of one patient.
    """
    import torch

    with torch.no_grad():
        ours, theirs = torch.from_numpy(first), torch.from_numpy(second)
        small = [_sized(images, _SMALL) for images in (ours, theirs)]
        found, best = _search(*small)
        maps = _grid(*small[1].shape[2:])
        score = found.numpy()
        twice = np.tile(owners[1], 2)
        score[owners[0][:, None] == twice] = -np.inf
        # The grid lies apart: a few steps from each of its best places tell which of them are best.
        i, j = _best_pairs(score, twice, 4 * n_best, 4 * n_each)
        fits, maps = _fits(small, (i, j % len(theirs)), maps[best[i, j]], _FIRST_STEPS)
        score[:] = -np.inf
        score[i, j] = fits
        place = np.zeros(score.shape, dtype=np.int64)
        place[i, j] = np.arange(len(fits))
        i, j = _best_pairs(score, twice, n_best, n_each)
        pairs = i, j % len(theirs)
        sharp = [_blurred(_sized(images, _SIDE)) for images in (ours, theirs)]
        fits, maps = _fits(sharp, pairs, maps[place[i, j]], _STEPS)
    distance = np.sqrt(1 - np.square(fits.astype(np.float64).clip(0, 1)))
    return Aligned(*pairs, distance)


def _best_pairs(
    score: FloatArray, owners: IntArray, n_best: int, n_each: int
) -> tuple[IntArray, IntArray]:
    """Choose for each line of scores the best columns, not too many of one owner."""
    first, second = [], []
    for i, line in enumerate(score):
        order = np.argsort(-line, kind="stable")[: np.isfinite(line).sum()]
        # The rank of each image among those of its patient.
        by_owner = np.argsort(owners[order], kind="stable")
        sorted_owners = owners[order][by_owner]
        rank = np.empty(len(order), dtype=np.int64)
        rank[by_owner] = np.arange(len(order)) - np.searchsorted(sorted_owners, sorted_owners)
        chosen = order[rank < n_each][:n_best]
        first.append(np.full(len(chosen), i))
        second.append(chosen)
    return np.concatenate(first), np.concatenate(second)


def _fits(
    images: list[Tensor], pairs: tuple[IntArray, IntArray], maps: Tensor, n_steps: int
) -> tuple[FloatArray, Tensor]:
    """Fit the maps of all pairs, a part of them at a time; give correlations and maps."""
    import torch

    places = [torch.from_numpy(part).split(_CHUNK) for part in pairs]
    found = [
        _fit(images[0][i], images[1][j], start, n_steps)
        for i, j, start in zip(*places, maps.split(_CHUNK), strict=True)
    ]
    correlations, fitted = (torch.cat(parts) for parts in zip(*found, strict=True))
    return correlations.numpy(), fitted


def _search(ours: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
    """Give the best correlations of every pair over the grid, and where there their maps are.

    The first ``len(theirs)`` columns hold the best mirror image and its map, the others the second
    best: heads are nearly symmetric, and between the shifts the wrong one may seem best.
    """
    import torch

    n_maps = len(_ANGLES) * (2 * _REACH + 1) ** 2
    score = torch.full((3, len(ours), len(theirs)), -2.0)
    best = torch.zeros(score.shape, dtype=torch.int64)
    for start, maps in enumerate(_grid(*theirs.shape[2:]).split(n_maps)):
        score[2], best[2] = _search_mirror(ours, theirs, maps)
        best[2] += start * n_maps
        score[:2], order = score.topk(2, dim=0)
        best[:2] = best.gather(0, order)
    return torch.cat([*score[:2]], dim=1), torch.cat([*best[:2]], dim=1)


def _search_mirror(ours: Tensor, theirs: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Give the best correlation of every pair over some maps, and the place of the map."""
    import torch
    from torch.nn import functional

    height, width = theirs.shape[2:]
    root = _window(height, width).sqrt()
    asked = (_normed(ours)[0] * root).flatten(1)
    score = torch.full((len(ours), len(theirs)), -2.0)
    best = torch.zeros(score.shape, dtype=torch.int64)
    n_shifts = (2 * _REACH + 1) ** 2
    for start in range(0, len(maps), n_shifts):
        middle = maps[start + n_shifts // 2]
        turned = _sampled(theirs, middle.expand(len(theirs), 2, 3))
        padded = functional.pad(turned, (_REACH,) * 4, mode="replicate")
        moved = padded.unfold(2, height, 1).unfold(3, width, 1)
        moved = moved.permute(2, 3, 0, 1, 4, 5).reshape(-1, *theirs.shape[1:])
        known = (_normed(moved)[0] * root).flatten(1).T
        for rows in torch.arange(len(asked)).split(_CHUNK):
            found, at = _peak((asked[rows] @ known).view(len(rows), n_shifts, -1))
            better = found > score[rows]
            score[rows] = torch.where(better, found, score[rows])
            best[rows] = torch.where(better, start + at, best[rows])
    return score, best


def _peak(values: Tensor) -> tuple[Tensor, Tensor]:
    """Give the height of the peak over the shifts (axis 1), between them too, and the nearest.

    The peak is that of a parabola through the best shift and its neighbours: an image that is
    moved by half a pixel would otherwise look less like itself than another one does.
    """
    import torch

    side = 2 * _REACH + 1
    top, at = values.max(dim=1)
    height = top
    for step, place in ((side, at // side), (1, at % side)):
        inside = (place > 0) & (place < side - 1)
        low, high = (
            values.gather(1, (at + move).clamp(0, side**2 - 1)[:, None])[:, 0]
            for move in (-step, step)
        )
        rise = (high - low).square() / (8 * (2 * top - low - high).clamp_min(1e-6))
        height = height + torch.where(inside, rise, 0.0)
    return height, at


def _fit(first: Tensor, second: Tensor, maps: Tensor, n_steps: int) -> tuple[Tensor, Tensor]:
    """Improve the maps step by step; give the best correlations and their maps."""
    import torch

    channels, (height, width) = first.shape[1], first.shape[2:]
    asked, window = _normed(first)[0], _window(height, width)
    slopes = torch.zeros(2, *second.shape)
    slopes[0, ..., 1:-1] = (second[..., 2:] - second[..., :-2]) * width / 4
    slopes[1, ..., 1:-1, :] = (second[..., 2:, :] - second[..., :-2, :]) * height / 4
    stack = torch.cat([second, *slopes], dim=1)
    across, down = ((torch.arange(n) + 0.5) * 2 / n - 1 for n in (width, height))
    places = torch.stack(
        [across.expand(height, width), down[:, None].expand(height, width), torch.ones_like(window)]
    )
    best, found = torch.full((len(first),), -2.0), maps
    for step in range(n_steps + 1):
        moved, *slope = _sampled(stack, maps).split(channels, dim=1)
        shown, scale = _normed(moved)
        correlation = (shown * asked * window).sum((1, 2, 3))
        better = correlation > best
        best = torch.where(better, correlation, best)
        found = torch.where(better[:, None, None], maps, found)
        if step < n_steps:
            changes = torch.stack([part / scale for part in slope], dim=1)[:, :, None]
            changes = (changes * places[:, None]).flatten(1, 2)
            maps = maps + _step(changes, shown, asked, window)
    return best, found


def _step(changes: Tensor, shown: Tensor, asked: Tensor, window: Tensor) -> Tensor:
    """Solve for the step (n, 2, 3) that brings the moved images nearest to those asked for.

    `changes` (n, 6, channels, height, width) is what each number of the map changes in them.
    """
    import torch

    # What brightness and contrast explain is no reason to move.
    known = shown / _total(shown.square(), window).clamp_min(1e-12)
    changes = changes - _total(changes, window)
    changes = changes - known[:, None] * _total(changes * shown[:, None], window)
    rest = asked - known * _total(asked * shown, window)
    weighted = (changes * window).flatten(2)
    square = weighted @ changes.flatten(2).transpose(1, 2)
    square = square + torch.diag_embed(1e-3 * square.diagonal(dim1=1, dim2=2) + 1e-8)
    solved = torch.linalg.solve(square, weighted @ rest.flatten(1)[..., None])
    return solved.clamp(-_LARGEST_STEP, _LARGEST_STEP).view(-1, 2, 3)


def _grid(height: int, width: int) -> Tensor:
    """Give all maps that are tried (k, 2, 3): the shifts of one turn side by side."""
    import torch

    square = height == width
    size = np.diag([width, height])
    reach = np.arange(-_REACH, _REACH + 1)
    maps = []
    for mirror in range(8 if square else 4):
        flip = np.diag([1.0 - 2 * (mirror & 1), 1.0 - (mirror & 2)])
        flip = flip[:, ::-1] if mirror & 4 else flip
        for angle in np.radians(_ANGLES):
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            # Turned in pixels: a place of an oblong image runs from -1 to 1 both ways.
            matrix = np.linalg.inv(size) @ flip @ turn @ size
            maps += [
                np.column_stack([matrix, matrix @ [2 * j / width, 2 * i / height]])
                for i in reach
                for j in reach
            ]
    return torch.from_numpy(np.array(maps, dtype=np.float32))


def _sampled(images: Tensor, maps: Tensor) -> Tensor:
    from torch.nn import functional

    where = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, where, padding_mode="border", align_corners=False)


def _sized(images: Tensor, side: int) -> Tensor:
    """Average images down until their longer side has so many pixels."""
    from torch.nn import functional

    shape = np.array(images.shape[2:])
    if shape.max() <= side:
        return images
    size = np.maximum(np.rint(shape * side / shape.max()), 4).astype(int).tolist()
    return functional.interpolate(
        images, size=size, mode="bilinear", antialias=True, align_corners=False
    )


def _blurred(images: Tensor) -> Tensor:
    import torch
    from torch.nn import functional

    reach = math.ceil(3 * _BLUR)
    line = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * _BLUR**2))
    kernel = (line[:, None] * line)[None, None] / line.sum() ** 2
    padded = functional.pad(images, (reach,) * 4, mode="replicate")
    return functional.conv2d(
        padded, kernel.expand(images.shape[1], 1, -1, -1), groups=images.shape[1]
    )


def _window(height: int, width: int) -> Tensor:
    """Give weights that fall off towards the rim, of sum 1."""
    import torch

    def taper(n: int) -> torch.Tensor:
        place = (torch.arange(n) + 0.5) / n
        return torch.sin(math.pi / 2 * (torch.minimum(place, 1 - place) / _RIM).clamp_max(1)) ** 2

    window = taper(height)[:, None] * taper(width)
    return window / window.sum()


def _total(images: Tensor, window: Tensor) -> Tensor:
    return (images * window).sum((-2, -1), keepdim=True)


def _normed(images: Tensor) -> tuple[Tensor, Tensor]:
    """Bring each channel to mean 0, and all of them together to length 1; constant ones to 0.

    What each channel was divided by comes second.
    """
    import torch

    window = _window(*images.shape[-2:])
    centred = images - _total(images, window)
    spread = _total(centred.square(), window).sqrt()
    varies = spread > _LEAST_SPREAD
    scale = torch.where(varies, spread * varies.sum(-3, keepdim=True).sqrt(), torch.inf)
    return centred / scale, scale

"""Classes of two to four images: what they have in common, and all else borrowed from others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from augment._typing import FloatArray, IntArray
from augment.data._pooling import MIN_STRATUM_ROWS
from augment.generators._alignment import Alignment

if TYPE_CHECKING:
    from augment.generators._image_law import ImageLaw, Mixture

__all__ = ["with_rare_classes"]

Law = TypeVar("Law", bound="ImageLaw")

FEWEST = 2
"""Patients (images, where patients are not known) that must share what a rare class shows."""
SMOOTHING = 1 / 16
"""Width over which differences are judged, as a share of the shorter side."""
NOTHING = 1e-12
"""Below this there is no difference."""


@dataclass(frozen=True)
class _Parts:
    """The components of conditions with enough images.

    Attributes
    ----------
    stratum, component : ndarray of int64 (m,)
        Where each is found in the law.
    rows : ndarray of float64 (m, d)
        Their mean images, as rows of pixels and velocities.
    variance : ndarray of float64 (d,)
        Of images around the means of their components.
    """

    stratum: IntArray
    component: IntArray
    rows: FloatArray
    variance: FloatArray

    @classmethod
    def of(cls, law: ImageLaw, features: FloatArray, strata: IntArray) -> Self:
        """Collect them; where no condition has enough images, those of all images together."""
        sizes = np.bincount(strata, minlength=len(law.mixtures) - 1)
        large = np.flatnonzero(sizes >= MIN_STRATUM_ROWS)
        members = {int(s): strata == s for s in large} or {
            len(law.mixtures) - 1: np.ones(len(strata), dtype=bool)
        }
        found, variance = [], np.zeros(law.path.axes.shape[1])
        for stratum, here in members.items():
            mixture = law.mixtures[stratum]
            average = np.repeat(features[here].mean(axis=0)[None], len(mixture.means), axis=0)
            found.append(law.path.decode(mixture.means, average))
            around = np.square(mixture.common @ law.path.axes).sum(axis=0)
            variance += here.sum() * around / sum(each.sum() for each in members.values())
        numbers = [(s, part) for s in members for part in range(len(law.mixtures[s].means))]
        stratum, component = np.array(numbers, dtype=np.int64).T
        return cls(stratum, component, np.concatenate(found), variance)


def with_rare_classes(
    law: Law,
    rows: FloatArray,
    features: FloatArray,
    strata: IntArray,
    *,
    n_continuous: int,
    owners: IntArray | None,
) -> Law:
    """Give the classes of two to four images something of their own.

    Each of their images is compared with the component of other classes that it is nearest to.
    Where the mean difference stands out from what so few images of the other classes would show by
    chance, the class has it as an effect; where it does not, nothing is learned. Its draws are
    draws of those components, with this effect. No other class is touched.

    Parameters
    ----------
    law : ImageLaw
        What was learned without effects of rare classes.
    rows : ndarray of float64 (n, d)
        Aligned images.
    features : ndarray of float64 (n, c)
        Of their conditions, those of continuous ones last.
    strata : ndarray of int64 (n,)
        Their combinations of categorical conditions.
    n_continuous : int
        How many conditions are continuous.
    owners : ndarray of int64 (n,) or None
        The patient of each image.

    Returns
    -------
    ImageLaw
        The law of all classes.
    """
    labels = features[:, : features.shape[1] - n_continuous]
    rare = np.flatnonzero(labels.sum(axis=0) < MIN_STRATUM_ROWS)
    few = np.flatnonzero((labels[:, rare] > 0).any(axis=1))
    if not len(few):
        return law
    parts = _Parts.of(law, features, strata)
    people = few if owners is None else owners[few]
    joined = cdist(rows[few], parts.rows).argmin(axis=1)
    beyond = rows[few] - parts.rows[joined]
    effects, center = law.path.effects.copy(), law.path.center.copy()
    is_learned = np.zeros(len(few), dtype=bool)
    for level in rare:
        here = labels[few, level] > 0
        if len(np.unique(people[here])) >= FEWEST:
            effects[level] = _in_common(beyond[here], people[here], parts, law.alignment)
            center[level] = 0.0  # so the others stay where they are
            beyond[here] -= effects[level]
            is_learned |= here
    mixtures = list(law.mixtures)
    spreads, inside = list(law.detail.spreads), list(law.detail.inside)
    for stratum in np.unique(strata[few[is_learned]]):
        own = strata[few] == stratum
        chosen, count = np.unique(joined[own], return_counts=True)
        where = list(zip(parts.stratum[chosen], parts.component[chosen], strict=True))
        average = np.repeat(features[few[own]].mean(axis=0)[None], len(chosen), axis=0)
        means = law.path.encode(parts.rows[chosen], average)
        mixtures[stratum] = _borrowed(law.mixtures, where, means, count / count.sum())
        spreads[stratum], inside[stratum] = (
            np.stack([each[s][part] for s, part in where])
            for each in (law.detail.spreads, law.detail.inside)
        )
    return replace(
        law,
        path=replace(law.path, effects=effects, center=center),
        mixtures=tuple(mixtures),
        detail=replace(law.detail, spreads=tuple(spreads), inside=tuple(inside)),
    )


def _in_common(
    beyond: FloatArray, people: IntArray, parts: _Parts, alignment: Alignment
) -> FloatArray:
    """Give what patients have in common `(d,)`, as far as it stands out from chance."""
    each = np.stack([beyond[people == one].mean(axis=0) for one in np.unique(people)])
    # Chance as if one patient were missing: what is kept would stand out without any of them, too.
    mean, chance = each.mean(axis=0), parts.variance / (len(each) - 1)
    shape, n_pixels = alignment.image_shape, int(np.prod(alignment.image_shape))
    sigma = SMOOTHING * min(shape[1:])

    def smooth(values: FloatArray) -> FloatArray:
        pixels = gaussian_filter(values[:n_pixels].reshape(shape), (0, sigma, sigma)).ravel()
        shapes = np.full(len(values) - n_pixels, values[n_pixels:].sum())
        return np.concatenate([pixels, shapes])

    energy = np.maximum(smooth(np.square(mean)), NOTHING)
    return np.asarray(mean * np.clip(1 - smooth(chance) / energy, 0.0, 1.0))


def _borrowed(
    mixtures: tuple[Mixture, ...],
    where: list[tuple[int, int]],
    means: FloatArray,
    shares: FloatArray,
) -> Mixture:
    """Make a mixture of components of others, around means that are given."""
    common = np.concatenate(
        [np.sqrt(share) * mixtures[s].common for share, (s, _) in zip(shares, where, strict=True)]
    )
    spread = np.stack([mixtures[s].spread for s, _ in where])
    return replace(
        mixtures[-1],
        shares=shares,
        means=means,
        roots=tuple(mixtures[s].roots[part] for s, part in where),
        common=common,
        places=np.stack([mixtures[s].places[part] for s, part in where]),
        spread=np.sqrt(shares @ np.square(spread)),
    )

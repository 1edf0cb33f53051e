"""Distances of synthetic rows from real ones, each beside the same distance of real rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from augment._random import rng_for
from augment._typing import FloatArray, IntArray
from augment.metrics._sides import Draws, Rows, Side, halves, pooled
from augment.metrics.fidelity import (
    copy_rate,
    frechet_distance,
    kernel_distance,
    manifold,
    standardised,
)
from augment.metrics.two_sample import two_sample_auc

__all__ = [
    "Figures",
    "Readings",
    "Sample",
    "copies",
    "distances",
    "read",
    "samples_of",
    "summarised",
    "to_other_patients",
]

# Which values are better. "like floor": as real rows have it.
_BETTER = {
    "kernel distance": "lower",
    "Frechet distance": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "two-sample AUC": "lower",
    "two-sample AUC (boosting)": "lower",
    "marginals": "lower",
    "dependence": "lower",
    "relations kept": "higher",
    "label agreement": "like floor",
    "copy rate": "lower",
    "MS-SSIM of pairs": "like floor",
}
# Rows nearer to a training row than this quantile of fresh rows count as copies.
_COPY_QUANTILE = 0.05
_MAX_COMPONENTS = 32
_NEIGHBORS = 5
# (metric, class or ""): figure
Figures: TypeAlias = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Readings:
    """Figures of each draw, as in `Draws`."""

    values: list[Figures]
    floors: list[Figures]
    spread: list[Figures]


@dataclass(frozen=True)
class Sample:
    """Features of one sample in one space, with the class and patient of each row."""

    features: FloatArray
    rows: Rows

    def take(self, chosen: IntArray) -> Sample:
        """Give some of the rows."""
        rows = Rows(self.rows.labels[chosen], self.rows.groups[chosen])
        return Sample(self.features[chosen], rows)


def read(draws: Draws, measure: Callable[[Side, Side], Figures]) -> Readings:
    """Take the same figures of all pairs."""
    return Readings(*([measure(*pair) for pair in pairs] for pairs in draws))


def samples_of(features: list[FloatArray], rows: list[Rows]) -> list[Sample]:
    """Bundle features with rows, and add real and held-out rows together."""
    both = zip(pooled(features), pooled(rows), strict=True)
    return [Sample(part, which) for part, which in both]


def distances(reference: Sample, other: Sample, classes: list[Any], seed: int) -> Figures:
    """Measure how far a sample lies from a reference of as many rows.

    What too few rows forbid is left out.
    """
    n = min(len(reference.rows), len(other.rows))
    moved = standardised(reference.features, other.features)
    found: Figures = {("kernel distance", ""): kernel_distance(*moved)}
    components = min(_MAX_COMPONENTS, n // 2, moved[0].shape[1])
    if components >= 2:
        axes = standardised(reference.features, other.features, n_components=components)
        found["Frechet distance", ""] = frechet_distance(*axes)
    if n > _NEIGHBORS:
        near = manifold(*moved, n_neighbors=_NEIGHBORS)
        found |= {(name, ""): getattr(near, name) for name in near._fields}
    for code in np.unique(reference.rows.labels):
        first, second = (
            side.take(np.flatnonzero(side.rows.labels == code)) for side in (reference, other)
        )
        if min(len(first.rows), len(second.rows)) < 2 * _NEIGHBORS:
            continue
        label = str(classes[code]) if classes else ""
        found["two-sample AUC", label] = two_sample_auc(
            first.features,
            second.features,
            groups=first.rows.groups,
            synthetic_groups=second.rows.groups,
            random_state=seed,
        )
    return found


def copies(samples: list[Sample], *, n_repeats: int, seed: int) -> Readings:
    """Give the share of synthetic rows nearer to a real row than fresh rows of other patients.

    Without a hold-out the fresh rows are the real ones, each against those of other patients.
    """
    nothing = Readings([], [], [])
    key = ("copy rate", "")
    real, synthetic = samples[:2]
    if len(samples) == 2:
        known, new = standardised(real.features, synthetic.features)
        apart = to_other_patients(known, real.rows.groups)
        nearest = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(new)[0][:, 0]
        threshold = np.quantile(apart, _COPY_QUANTILE)
        if not np.isfinite(threshold):
            return nothing
        # Equal rows of different patients are ties: then the floor is above the quantile.
        rates = [float((values <= threshold).mean()) for values in (nearest, apart)]
        chance = {key: _by_chance(len(known))}
        return Readings([{key: rates[0]}], [{key: rates[1]}], [chance])
    holdout = samples[2]
    known, new, fresh = standardised(real.features, synthetic.features, holdout.features)
    values, floors = [], []
    for repeat in range(n_repeats):
        first, second = halves(holdout.rows, rng_for(seed, repeat))
        if not len(first) or not len(second):
            return nothing
        values.append({key: copy_rate(known, new, fresh[first], quantile=_COPY_QUANTILE)})
        floors.append({key: copy_rate(known, fresh[second], fresh[first], quantile=_COPY_QUANTILE)})
    return Readings(values, floors, [{key: _by_chance(len(fresh) // 2)}])


def _by_chance(n: int) -> float:
    """Give a rate of fresh rows that is passed once in a hundred: few rows set the threshold."""
    rank = 1 + _COPY_QUANTILE * (n - 1)
    return float(stats.beta.ppf(0.99, rank, n + 1 - rank))


def to_other_patients(rows: FloatArray, groups: IntArray) -> FloatArray:
    """Give each row's distance to the nearest row of another group."""
    apart = np.full(len(rows), np.inf)
    for group in np.unique(groups):
        own = groups == group
        if not own.all():
            search = NearestNeighbors(n_neighbors=1).fit(rows[~own])
            apart[own] = search.kneighbors(rows[own])[0][:, 0]
    return apart


def summarised(found: Mapping[str, Sequence[Readings]], n: int) -> pd.DataFrame:
    """Give the mean of each figure over the draws, with the range of its floor."""
    lines = []
    for space, several in found.items():
        for readings in several:
            for key in dict.fromkeys(k for figures in readings.values for k in figures):
                value, floor, spread = (
                    [f[key] for f in part if key in f and np.isfinite(f[key])]
                    for part in (readings.values, readings.floors, readings.spread)
                )
                if not value or not floor:
                    continue
                lines.append(
                    {
                        "features": space,
                        "metric": key[0],
                        "label": key[1],
                        "value": float(np.mean(value)),
                        "floor": float(np.mean(floor)),
                        "floor_lower": min(floor + spread),
                        "floor_upper": max(floor + spread),
                        "better": _BETTER[key[0]],
                        "n": n,
                    }
                )
    return pd.DataFrame(lines)

"""Distances of synthetic rows from real ones, each beside the same distance of real rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from augment._random import rng_for
from augment._typing import FloatArray, IntArray
from augment.metrics._sides import Rows, halves
from augment.metrics.fidelity import (
    copy_rate,
    frechet_distance,
    kernel_distance,
    manifold,
    standardised,
)
from augment.metrics.two_sample import two_sample_auc

__all__ = ["BETTER", "Sample", "copies", "distances", "summarised"]

# Which values are better. "like floor": as real rows have it.
BETTER = {
    "kernel distance": "lower",
    "Frechet distance": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "two-sample AUC": "lower",
    "copy rate": "lower",
    "MS-SSIM of pairs": "like floor",
}
# Rows nearer to a training row than this quantile of fresh rows count as copies.
_COPY_QUANTILE = 0.05
_MAX_COMPONENTS = 32
_NEIGHBORS = 5
# (metric, class or ""): (value, floor)
Readings: TypeAlias = dict[tuple[str, str], tuple[float, float]]


@dataclass(frozen=True)
class Sample:
    """Features of one sample in one space, with the class and patient of each row."""

    features: FloatArray
    rows: Rows

    def take(self, chosen: IntArray) -> Sample:
        """Give some of the rows."""
        rows = Rows(self.rows.labels[chosen], self.rows.groups[chosen])
        return Sample(self.features[chosen], rows)


def distances(
    reference: Sample, other: Sample, synthetic: Sample, classes: list[Any], seed: int
) -> Readings:
    """Measure synthetic rows, and as many other real ones, against the reference.

    The three samples have as many rows each. What too few rows forbid is not a number.
    """
    n = len(reference.rows)
    moved = standardised(reference.features, other.features, synthetic.features)
    found: Readings = {}
    found["kernel distance", ""] = _both(kernel_distance, moved)
    components = min(_MAX_COMPONENTS, n // 2, moved[0].shape[1])
    if components >= 2:
        axes = standardised(
            reference.features, other.features, synthetic.features, n_components=components
        )
        found["Frechet distance", ""] = _both(frechet_distance, axes)
    if n > _NEIGHBORS:
        floor = manifold(moved[0], moved[1], n_neighbors=_NEIGHBORS)
        value = manifold(moved[0], moved[2], n_neighbors=_NEIGHBORS)
        for name in value._fields:
            found[name, ""] = getattr(value, name), getattr(floor, name)
    for code in np.unique(reference.rows.labels):
        trio = [side.take(np.flatnonzero(side.rows.labels == code))
                for side in (reference, other, synthetic)]  # fmt: skip
        label = str(classes[code]) if classes else ""
        found["two-sample AUC", label] = _auc(trio[0], trio[2], seed), _auc(trio[0], trio[1], seed)
    return found


def _both(metric: Any, moved: list[FloatArray]) -> tuple[float, float]:
    """Give a distance of the synthetic rows and that of the other real rows."""
    reference, other, synthetic = moved
    return metric(reference, synthetic), metric(reference, other)


def _auc(first: Sample, second: Sample, seed: int) -> float:
    if len(first.rows) < 2 * _NEIGHBORS:
        return math.nan
    return two_sample_auc(
        first.features,
        second.features,
        groups=first.rows.groups,
        synthetic_groups=second.rows.groups,
        random_state=seed,
    )


def copies(
    real: Sample, synthetic: Sample, holdout: Sample | None, *, n_repeats: int, seed: int
) -> Readings:
    """Give the share of synthetic rows nearer to a real row than fresh rows of other patients.

    Without a hold-out the fresh rows are the real ones, each against those of other patients.
    """
    if holdout is None:
        known, new = standardised(real.features, synthetic.features)
        apart = _to_other_patients(known, real.rows.groups)
        nearest = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(new)[0][:, 0]
        rate = float((nearest <= np.quantile(apart, _COPY_QUANTILE)).mean())
        return {("copy rate", ""): (rate, _COPY_QUANTILE)}
    known, new, fresh = standardised(real.features, synthetic.features, holdout.features)
    values, floors = [], []
    for repeat in range(n_repeats):
        first, second = halves(holdout.rows, rng_for(seed, repeat))
        if not len(first) or not len(second):
            return {}
        values.append(copy_rate(known, new, fresh[first], quantile=_COPY_QUANTILE))
        floors.append(copy_rate(known, fresh[second], fresh[first], quantile=_COPY_QUANTILE))
    return {("copy rate", ""): (float(np.mean(values)), float(np.mean(floors)))}


def _to_other_patients(rows: FloatArray, groups: IntArray) -> FloatArray:
    """Give each row's distance to the nearest row of another group."""
    apart = np.full(len(rows), np.inf)
    for group in np.unique(groups):
        own = groups == group
        if not own.all():
            search = NearestNeighbors(n_neighbors=1).fit(rows[~own])
            apart[own] = search.kneighbors(rows[own])[0][:, 0]
    return apart


def summarised(readings: Mapping[str, list[Readings]], n: int) -> pd.DataFrame:
    """Give the mean of each reading over the repeats, with the range of its floor."""
    lines = []
    for space, repeats in readings.items():
        for metric, label in dict.fromkeys(key for found in repeats for key in found):
            pairs = np.array(
                [found[metric, label] for found in repeats if (metric, label) in found]
            )
            value, floor = pairs.mean(axis=0)
            lines.append(
                {
                    "features": space,
                    "metric": metric,
                    "label": label,
                    "value": value,
                    "floor": floor,
                    "floor_lower": pairs[:, 1].min(),
                    "floor_upper": pairs[:, 1].max(),
                    "better": BETTER[metric],
                    "n": n,
                }
            )
    return pd.DataFrame(lines)

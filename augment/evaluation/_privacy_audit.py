"""What would happen without this patient? Generators fitted on random halves tell."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from augment._random import rng_for, spawn_seeds
from augment._typing import BoolArray, FloatArray, IntArray
from augment.evaluation._fidelity_inputs import check_samples, parts_of
from augment.evaluation._privacy_space import Space
from augment.metrics._sides import Rows, halves
from augment.metrics.exposure import Exposure, exposure

__all__ = ["Audit", "audit"]

_FEWEST_DRAWN, _MOST_DRAWN = 100, 1000
# A synthetic row is near a patient if it is twice as near as any other patient.
_NEAR = 0.5


@dataclasses.dataclass(frozen=True)
class Audit:
    """What refits on random halves showed.

    Attributes
    ----------
    exposure : Exposure
        Of the training rows.
    near_inside, near_outside : ndarray of shape (n,)
        Share of the fits with, and without, the patient whose rows came near.
    n_fits, n_drawn : int
        Fits, and rows drawn from each.
    """

    exposure: Exposure
    near_inside: FloatArray
    near_outside: FloatArray
    n_fits: int
    n_drawn: int


def audit(
    generator: Any,
    train: Any,
    groups: Any,
    rows: Rows,
    space: Space,
    features: list[FloatArray],
    n_fits: int,
    seed: int,
) -> Audit:
    """Fit clones of the generator on both halves of random splits of the training patients."""
    X, y, own = parts_of(train)
    groups = own if groups is None else groups
    n_drawn = int(np.clip(len(features[1]), _FEWEST_DRAWN, _MOST_DRAWN))
    sides = [side for k in range(n_fits // 2) for side in halves(rows, rng_for(seed, k))]
    jobs = (
        delayed(_nearest_draw)(_Fit(generator, X, y, groups, space, features[0], n_drawn), *pair)
        for pair in zip(sides, spawn_seeds(seed, len(sides)), strict=True)
    )
    distances = np.stack(Parallel()(jobs))
    inside = np.stack([np.isin(np.arange(len(rows)), side) for side in sides])
    near = distances < _NEAR * _spacing(features)
    return Audit(
        exposure(distances, inside, random_state=seed),
        _share(near, inside),
        _share(near, ~inside),
        len(sides),
        n_drawn,
    )


@dataclasses.dataclass(frozen=True)
class _Fit:
    """What all fits share."""

    generator: Any
    X: Any
    y: Any
    groups: Any
    space: Space
    known: FloatArray
    n_drawn: int


def _nearest_draw(job: _Fit, side: IntArray, seed: int) -> FloatArray:
    """Fit on a part of the patients, draw, and give each patient's distance to what came out."""
    generator = clone(job.generator)
    if "random_state" in generator.get_params(deep=False):
        generator.set_params(random_state=seed)
    X, y, groups = (
        None if values is None else _safe_indexing(values, side)
        for values in (job.X, job.y, job.groups)
    )
    takes_groups = groups is not None and has_fit_parameter(generator, "groups")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generator.fit(X, y, **({"groups": groups} if takes_groups else {}))
        drawn, labels = generator.sample(job.n_drawn, random_state=seed)
        pair = drawn if labels is None else (drawn, labels)
        samples = check_samples(pair, pair, None, None, None)
    new = job.space.features(samples.X[0], samples.extra[0])
    return np.asarray(NearestNeighbors(n_neighbors=1).fit(new).kneighbors(job.known)[0][:, 0])


def _spacing(features: list[FloatArray]) -> FloatArray:
    """Give each training row's distance to the nearest other real row."""
    train, _, holdout = features
    real = np.concatenate([train, holdout])
    return np.asarray(NearestNeighbors(n_neighbors=2).fit(real).kneighbors(train)[0][:, 1])


def _share(near: BoolArray, chosen: BoolArray) -> FloatArray:
    return np.asarray((near & chosen).sum(axis=0) / chosen.sum(axis=0))

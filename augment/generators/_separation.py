"""How far apart the classes of a table may stand."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.covariance import ledoit_wolf

from augment._random import rng_for
from augment._typing import BoolArray, FloatArray, IntArray
from augment.data.encoder import TableEncoder
from augment.data.schema import TableSchema
from augment.generators._folds import leave_out

__all__ = ["separation"]

_REPEATS, _FOLDS = 3, 5
_GRID = np.linspace(0.1, 1.0, 19)
_DRAWS = 3
"""Draws of the scores of held-out rows, averaged, so that ties do not decide."""


def separation(
    schema: TableSchema,
    frame: pd.DataFrame,
    strata: IntArray,
    groups: IntArray | None,
    pooling: float,
    seed: int,
) -> float:
    """Give the share of the class differences that held-out labels bear out.

    The differences between the classes of a small table are partly noise, and a generator that
    repeats them in full makes a classifier too sure of itself. The Gaussian classifier that a
    linear autoencoder implies (class means shrunk column by column, one covariance, shrunk) is
    fitted on folds; the factor on its class differences that gives held-out labels the highest
    likelihood is the share.

    Parameters
    ----------
    schema : TableSchema
        Of the frame.
    frame : DataFrame of float64, shape (n, n_columns)
        Canonical rows.
    strata : ndarray of int64 (n,)
        Their classes.
    groups : ndarray of int64 (n,) or None
        The patient of each row; rows of one patient stay in one fold.
    pooling : float
        Strength of the shrinkage of each column's class means.
    seed : int
        Seed of the folds.

    Returns
    -------
    float
        Between 0.1 and 1; 1 for a single class.

    References
    ----------
    .. [1] C. M. Stein, "Inadmissibility of the usual estimator for the mean of a multivariate
       normal distribution", Third Berkeley Symposium, 1956.
    """
    classes, labels = np.unique(strata, return_inverse=True)
    if len(classes) < 2:
        return 1.0
    folds = leave_out(labels, groups, _REPEATS * _FOLDS, 1 / _FOLDS, seed)
    parts = [
        _discriminants(schema, frame, labels, held_out, pooling, rng_for(seed, number))
        for number, held_out in enumerate(folds)
        if held_out.any()
    ]
    if not parts:
        return 1.0
    prior, linear, quadratic = (np.vstack(part) for part in zip(*parts, strict=True))
    truth = np.concatenate([labels[held_out] for held_out in folds if held_out.any()])
    losses = [_log_loss(prior + t * linear - t * t * quadratic, truth) for t in _GRID]
    return float(_GRID[int(np.argmin(losses))])


def _discriminants(
    schema: TableSchema,
    frame: pd.DataFrame,
    labels: IntArray,
    held_out: BoolArray,
    pooling: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give the parts of the discriminant of each held-out row, each `(n_held_out, n_classes)`."""
    n_classes = int(labels.max()) + 1
    own = labels[~held_out]
    nowhere = np.zeros(len(labels), dtype=np.int64)
    encoder = TableEncoder(schema).fit(frame[~held_out], nowhere[~held_out], 1)
    scores, seen = encoder.transform(frame[~held_out], nowhere[~held_out], rng)
    draws = [encoder.transform(frame[held_out], nowhere[held_out], rng) for _ in range(_DRAWS)]
    judged, judged_seen = np.mean([draw for draw, _ in draws], axis=0), draws[0][1]

    member = np.eye(n_classes)[own]
    means = member.T @ scores / (member.T @ seen + 1)
    grand = scores.sum(axis=0) / (seen.sum(axis=0) + 1)
    residual = (scores - means[own]) * seen
    between = (seen * np.square(means[own] - grand)).sum(axis=0) / (n_classes - 1)
    within = np.square(residual).sum(axis=0) / np.maximum(seen.sum(axis=0) - n_classes, 1)
    shrink = np.maximum(0, 1 - pooling * within / np.maximum(between, 1e-9))
    effect = (means - grand) * shrink

    covariance = ledoit_wolf(residual)[0] + 1e-3 * np.eye(scores.shape[1])
    toward = np.linalg.solve(covariance, effect.T)
    sizes = member.sum(axis=0) + 0.5
    prior = np.tile(np.log(sizes / sizes.sum()), (int(held_out.sum()), 1))
    linear = (judged - grand * judged_seen) @ toward
    quadratic = np.tile(0.5 * (effect * toward.T).sum(axis=1), (len(prior), 1))
    return prior, linear, quadratic


def _log_loss(discriminant: FloatArray, truth: IntArray) -> float:
    shifted = discriminant - discriminant.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return float((log_sum - shifted[np.arange(len(truth)), truth]).mean())

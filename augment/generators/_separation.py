"""How far apart the classes of a table may stand."""

from __future__ import annotations

import numpy as np
from sklearn.covariance import ledoit_wolf

from augment._random import rng_for
from augment._typing import BoolArray, FloatArray, IntArray
from augment.data.encoder import TableEncoder
from augment.data.schema import TableSchema
from augment.generators._folds import leave_out
from augment.generators._tabular import Rows

__all__ = ["separation"]

_REPEATS, _FOLDS = 3, 5
_MANY_ROWS = 2_000
"""From here on one division into folds is as good as three."""
_GRID = np.linspace(0.1, 1.0, 19)
_DRAWS = 3
"""Draws of the scores of held-out rows, averaged, so that ties do not decide."""


def separation(
    schema: TableSchema,
    rows: Rows,
    pooling: float,
) -> float:
    """Give the share of the class differences that held-out labels bear out.

    The differences between the classes of a small table are partly noise, and a generator that
    repeats them in full makes a classifier too sure of itself. The Gaussian classifier that a
    linear autoencoder implies (class means shrunk column by column, one covariance, shrunk) is
    fitted on folds, and a factor on its class differences gives held-out labels a likelihood. The
    share is the mean of the factor under that likelihood, all factors being equally likely
    beforehand: among few patients the best factor is a matter of luck, the mean is not.

    Parameters
    ----------
    schema : TableSchema
        Of the rows.
    rows : Rows
        What the generator learns from; rows of one patient stay in one fold.
    pooling : float
        Strength of the shrinkage of each column's class means.

    Returns
    -------
    float
        Between 0.1 and 1; 1 for a single class.

    References
    ----------
    .. [1] C. M. Stein, "Inadmissibility of the usual estimator for the mean of a multivariate
       normal distribution", Third Berkeley Symposium, 1956.
    """
    classes, labels = np.unique(rows.conditions.strata, return_inverse=True)
    if len(classes) < 2:
        return 1.0
    repeats = _REPEATS if len(labels) < _MANY_ROWS else 1
    folds = leave_out(labels, rows.groups, repeats * _FOLDS, 1 / _FOLDS, rows.seed)
    parts = [
        _discriminants(schema, rows, labels, held_out, pooling, rng_for(rows.seed, 2, number))
        for number, held_out in enumerate(folds)
    ]
    judged = [held_out for held_out, part in zip(folds, parts, strict=True) if part is not None]
    found = [part for part in parts if part is not None]
    if not found:
        return 1.0
    prior, linear, quadratic = (np.vstack(part) for part in zip(*found, strict=True))
    truth = np.concatenate([labels[held_out] for held_out in judged])
    weight = np.concatenate([rows.weight[held_out] for held_out in judged])
    at_each = [prior + t * linear - t * t * quadratic for t in _GRID]
    losses = np.array([_log_loss(part, truth, weight) for part in at_each])
    n_patients = len(labels) if rows.groups is None else len(np.unique(rows.groups))
    return float(np.average(_GRID, weights=np.exp(-n_patients * (losses - losses.min()))))


def _discriminants(
    schema: TableSchema,
    rows: Rows,
    labels: IntArray,
    held_out: BoolArray,
    pooling: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Give the parts of the discriminant of each held-out row, each `(n_held_out, n_classes)`.

    None where a fold has nothing to judge, or no column that varies.
    """
    frame, n_classes, learned = rows.frame, int(labels.max()) + 1, ~held_out
    own, weight = labels[learned], rows.weight[learned, None]
    nowhere = np.zeros(len(labels), dtype=np.int64)
    encoder = TableEncoder(schema).fit(frame[learned], nowhere[learned], 1, weight[:, 0])
    if not held_out.any() or not encoder.n_scores:
        return None
    scores, seen = encoder.transform(frame[learned], nowhere[learned], rng)
    draws = [encoder.transform(frame[held_out], nowhere[held_out], rng) for _ in range(_DRAWS)]
    judged, judged_seen = np.mean([draw for draw, _ in draws], axis=0), draws[0][1]

    member, mass = weight * np.eye(n_classes)[own], weight * seen
    means = member.T @ scores / (member.T @ seen + 1)
    grand = (weight * scores).sum(axis=0) / (mass.sum(axis=0) + 1)
    residual = (scores - means[own]) * seen
    between = (mass * np.square(means[own] - grand)).sum(axis=0) / (n_classes - 1)
    spread = (weight * np.square(residual)).sum(axis=0)
    within = spread / np.maximum(mass.sum(axis=0) - n_classes, 1)
    shrink = np.maximum(0, 1 - pooling * within / np.maximum(between, 1e-9))
    effect = (means - grand) * shrink

    covariance = ledoit_wolf(np.sqrt(weight) * residual)[0] + 1e-3 * np.eye(scores.shape[1])
    toward = np.linalg.solve(covariance, effect.T)
    sizes = member.sum(axis=0) + 0.5
    prior = np.tile(np.log(sizes / sizes.sum()), (int(held_out.sum()), 1))
    linear = (judged - grand * judged_seen) @ toward
    quadratic = np.tile(0.5 * (effect * toward.T).sum(axis=1), (len(prior), 1))
    return prior, linear, quadratic


def _log_loss(discriminant: FloatArray, truth: IntArray, weight: FloatArray) -> float:
    shifted = discriminant - discriminant.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return float(np.average(log_sum - shifted[np.arange(len(truth)), truth], weights=weight))

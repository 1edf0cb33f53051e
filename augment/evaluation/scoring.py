"""Scores of predicted probabilities, and how much each row moved them.

Every metric is larger for better, calibration slope apart (1 is best). Each comes with its
influence function: one number per row whose variance, divided by the number of rows, is the
variance of the metric over test rows. For the AUC these are the placement values of DeLong
et al. (1988). They replace a bootstrap over test rows by what it converges to.

References
----------
DeLong, E., DeLong, D. and Clarke-Pearson, D. (1988). Comparing the areas under two or more
correlated receiver operating characteristic curves. Biometrics 44. Efron, B. (1982). The jackknife,
the bootstrap and other resampling plans (the infinitesimal jackknife). Firth, D. (1993). Bias
reduction of maximum likelihood estimates. Biometrika 80. Van Calster, B. et al. (2019).
Calibration: the Achilles heel of predictive analytics. BMC Medicine 17.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from augment._typing import BoolArray, FloatArray, IntArray

__all__ = ["METRICS", "PROBABILITY_FLOOR", "reliability", "scorable_probabilities", "score"]

# A certain and wrong prediction costs -log(0.001) = 6.9 nats. Without a floor one such row would
# decide the log loss of a forest or of k-NN, whose probabilities are often exactly 0.
PROBABILITY_FLOOR = 1e-3
N_BINS = 10

Scored = tuple[float, FloatArray]


def scorable_probabilities(proba: FloatArray, columns: IntArray) -> FloatArray:
    """Keep the columns of some classes and make rows sum to one again.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Probabilities of all classes.
    columns : ndarray of int of shape (k,)
        The classes that are scored.

    Returns
    -------
    ndarray of shape (n, k)
        A row without any mass on these classes becomes uniform.
    """
    kept = np.asarray(proba[:, columns], dtype=np.float64)
    total = kept.sum(axis=1, keepdims=True)
    uniform = np.full_like(kept, 1 / kept.shape[1])
    return np.where(total > 0, kept / np.where(total > 0, total, 1.0), uniform)


def _one_auc(values: FloatArray, positive: BoolArray) -> Scored:
    """AUC of one class against the rest, with its placement values as influences."""
    high, low = values[positive], values[~positive]
    low_sorted, high_sorted = np.sort(low), np.sort(high)
    above = (
        np.searchsorted(low_sorted, high, "left") + np.searchsorted(low_sorted, high, "right")
    ) / (2 * low.size)
    below = 1 - (
        np.searchsorted(high_sorted, low, "left") + np.searchsorted(high_sorted, low, "right")
    ) / (2 * high.size)
    auc = float(above.mean())
    influence = np.empty_like(values)
    influence[positive] = (above - auc) * values.size / high.size
    influence[~positive] = (below - auc) * values.size / low.size
    return auc, influence


def _roc_auc(codes: IntArray, proba: FloatArray) -> Scored:
    """Mean over classes of one-against-rest AUC; two classes have one AUC."""
    present = [k for k in range(proba.shape[1]) if 0 < np.sum(codes == k) < codes.size]
    if proba.shape[1] == 2:
        present = present[-1:]
    parts = [_one_auc(proba[:, k], codes == k) for k in present]
    return float(np.mean([auc for auc, _ in parts])), np.mean([row for _, row in parts], axis=0)


def _mean_of_rows(rows: FloatArray) -> Scored:
    return float(rows.mean()), rows - rows.mean()


def _neg_log_loss(codes: IntArray, proba: FloatArray) -> Scored:
    """Mean log probability of the true class, with the probability floored."""
    true = proba[np.arange(codes.size), codes]
    return _mean_of_rows(np.log(np.maximum(true, PROBABILITY_FLOOR)))


def _neg_brier(codes: IntArray, proba: FloatArray) -> Scored:
    """Minus half the squared distance to the true class: for two classes the usual Brier score."""
    target = np.eye(proba.shape[1])[codes]
    return _mean_of_rows(-0.5 * np.square(proba - target).sum(axis=1))


def _balanced_accuracy(codes: IntArray, proba: FloatArray) -> Scored:
    """Mean over classes of the share of their rows that got the largest probability."""
    hit = (proba.argmax(axis=1) == codes).astype(np.float64)
    counts = np.bincount(codes, minlength=proba.shape[1])
    recall = np.bincount(codes, weights=hit, minlength=proba.shape[1]) / np.maximum(counts, 1)
    n_present = int(np.sum(counts > 0))
    influence = (hit - recall[codes]) * codes.size / (counts[codes] * n_present)
    return float(recall[counts > 0].mean()), influence


def _one_against_rest(codes: IntArray, proba: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Predicted and observed (n, k') for calibration: two classes count once."""
    first = 1 if proba.shape[1] == 2 else 0
    observed = np.eye(proba.shape[1], dtype=np.float64)[codes]
    return proba[:, first:], np.asarray(observed[:, first:])


def _firth_logistic(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Logistic regression with Jeffreys' prior: coefficients (p,) and inverse information."""
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        weight = p * (1 - p)
        inverse = np.linalg.pinv((x * weight[:, None]).T @ x)
        leverage = weight * np.einsum("ij,jk,ik->i", x, inverse, x)
        step = inverse @ (x.T @ (y - p + leverage * (0.5 - p)))
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-8:
            break
    return np.asarray(beta), np.asarray(inverse, dtype=np.float64)


def _calibration_slope(codes: IntArray, proba: FloatArray) -> Scored:
    """Slope of the outcome on the logit of the prediction, classes pooled one against the rest.

    Firth's correction keeps it finite where the classes are separated. It is not a number where
    all predictions are equal.
    """
    predicted, observed = _one_against_rest(codes, proba)
    clipped = np.clip(predicted, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    logit = np.log(clipped / (1 - clipped))
    if float(np.ptp(logit)) < 1e-9:
        return float("nan"), np.full(codes.size, np.nan)
    x = np.column_stack([np.ones(logit.size), logit.ravel()])
    beta, inverse = _firth_logistic(x, observed.ravel())
    residual = observed.ravel() - 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
    influence = codes.size * (x * residual[:, None] @ inverse)[:, 1]
    return float(beta[1]), influence.reshape(predicted.shape).sum(axis=1)


METRICS: dict[str, Callable[[IntArray, FloatArray], Scored]] = {
    "roc_auc": _roc_auc,
    "neg_log_loss": _neg_log_loss,
    "balanced_accuracy": _balanced_accuracy,
    "neg_brier": _neg_brier,
    "calibration_slope": _calibration_slope,
}


def score(
    codes: IntArray, proba: FloatArray, metrics: tuple[str, ...]
) -> tuple[FloatArray, FloatArray]:
    """Score probabilities by several metrics.

    Parameters
    ----------
    codes : ndarray of int64 of shape (n,)
        True classes, as columns of `proba`. At least two classes must occur.
    proba : ndarray of shape (n, k)
        Probabilities; rows sum to one.
    metrics : tuple of str
        Names out of `METRICS`.

    Returns
    -------
    values : ndarray of shape (n_metrics,)
        The scores.
    influences : ndarray of shape (n_metrics, n)
        Influence of each row; they sum to zero, and ``variance(influences) / n`` is the variance
        of the score over test rows.

    Examples
    --------
    >>> proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    >>> values, _ = score(np.array([0, 1, 1]), proba, ("roc_auc", "neg_brier"))
    >>> values.round(3).tolist()
    [1.0, -0.07]
    """
    scored = [METRICS[name](codes, proba) for name in metrics]
    return np.array([value for value, _ in scored]), np.array([row for _, row in scored])


def reliability(codes: IntArray, proba: FloatArray) -> FloatArray:
    """Sum up predictions in ten bins of equal width.

    Returns
    -------
    ndarray of shape (10, 3)
        Per bin: sum of predicted probabilities, number of events, number of predictions. Two
        classes: of the second; more: of each against the rest.
    """
    predicted, observed = _one_against_rest(codes, proba)
    bins = np.minimum((predicted * N_BINS).astype(np.int64), N_BINS - 1).ravel()
    parts = (predicted.ravel(), observed.ravel(), np.ones(bins.size))
    return np.column_stack([np.bincount(bins, weights=part, minlength=N_BINS) for part in parts])

"""A detector of anomalies beside simple ones, on rows whose labels are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from augment._errors import InvalidInputError
from augment._random import rng_for
from augment._typing import BoolArray, FloatArray
from augment.generators._foreground import foreground, prepared_images
from augment.metrics.anomaly_baselines import TABLE_BASELINES, as_numbers, table_baseline_scores
from augment.metrics.anomaly_images import IMAGE_BASELINES, confounds, image_scores

__all__ = ["compare_detectors"]

N_BOOTSTRAPS = 1000
OWN = "ReconstructionDetector"


def compare_detectors(
    scores: FloatArray,
    train: Any,
    new: Any,
    is_abnormal: BoolArray,
    *,
    groups: Any = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Put the scores of a detector beside those of simple detectors fitted on the same rows.

    Parameters
    ----------
    scores : ndarray of shape (m,)
        ``detector.score_samples(new)``: higher is more normal.
    train, new : DataFrame, or ndarray of images
        What all detectors are fitted on, and what they score.
    is_abnormal : ndarray of bool (m,)
        The truth.
    groups : array-like of shape (m,), optional
        The patient of each row: intervals then resample patients.
    random_state : int
        Of the bootstrap and the isolation forest.

    Returns
    -------
    DataFrame
        One line a detector, best ROC AUC first: ``detector``, ``kind`` (own, baseline, confound),
        ``auroc`` with ``lower`` and ``upper`` (95 % bootstrap interval), ``auprc``, and
        ``difference``, ``difference_lower``, ``difference_upper``: own minus this one, paired.

    Raises
    ------
    InvalidInputError
        If all rows have the same label.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> train = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    >>> far = np.repeat([[1], [9]], 20, axis=0)
    >>> new = pd.DataFrame(rng.normal(size=(40, 2)) * far, columns=["a", "b"])
    >>> table = compare_detectors(-new.abs().sum(axis=1).to_numpy(), train, new, np.arange(40) > 19)
    >>> table.loc[table["kind"] == "own", "auroc"].item() > 0.8
    True
    """
    truth = np.asarray(is_abnormal, dtype=bool)
    if truth.all() or not truth.any():
        raise InvalidInputError(
            "Detectors can be compared on rows of both kinds, normal and abnormal; the labels "
            f"call {int(truth.sum())} of {len(truth)} rows abnormal."
        )
    rivals = _rivals(train, new, random_state)
    found = {OWN: ("own", -np.asarray(scores, np.float64)), **rivals}
    draws = _draws(truth, groups, random_state)
    samples = {name: _aurocs(truth, score, draws) for name, (_, score) in found.items()}
    rows = []
    for name, (kind, score) in found.items():
        gain = samples[OWN] - samples[name]
        own, this = roc_auc_score(truth, found[OWN][1]), roc_auc_score(truth, score)
        lower, upper = np.quantile(samples[name], [0.025, 0.975])
        gain_lower, gain_upper = np.quantile(gain, [0.025, 0.975])
        rows.append(
            {
                "detector": name,
                "kind": kind,
                "auroc": this,
                "lower": lower,
                "upper": upper,
                "auprc": average_precision_score(truth, score),
                "difference": own - this,
                "difference_lower": gain_lower,
                "difference_upper": gain_upper,
            }
        )
    table = pd.DataFrame(rows)
    return table.sort_values("auroc", ascending=False, kind="stable").reset_index(drop=True)


def _rivals(train: Any, new: Any, seed: int) -> dict[str, tuple[str, FloatArray]]:
    """Score with every simple detector."""
    if isinstance(train, pd.DataFrame):
        scores = table_baseline_scores(*as_numbers(train, new), seed=seed)
        return {TABLE_BASELINES[name]: ("baseline", value) for name, value in scores.items()}
    inside = foreground(new)[1]
    scores = image_scores(prepared_images(train), prepared_images(new), inside)
    found = {IMAGE_BASELINES[name]: ("baseline", value) for name, value in scores.items()}
    trivial = confounds(np.asarray(new, np.float64), inside)
    return found | {name.capitalize(): ("confound", value) for name, value in trivial.items()}


def _draws(truth: BoolArray, groups: Any, seed: int) -> list[FloatArray]:
    """Give weights of rows for each bootstrap sample that holds both kinds."""
    units = np.arange(len(truth)) if groups is None else pd.factorize(np.asarray(groups))[0]
    n_units, rng, draws = int(units.max()) + 1, rng_for(seed, 0), []
    for _ in range(N_BOOTSTRAPS):
        weight = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)[units]
        if weight[truth].sum() and weight[~truth].sum():
            draws.append(weight.astype(np.float64))
    return draws


def _aurocs(truth: BoolArray, score: FloatArray, draws: list[FloatArray]) -> FloatArray:
    """Give the ROC AUC of each bootstrap sample."""
    order = np.argsort(score, kind="stable")
    ranked, marks = score[order], truth[order]
    first = np.searchsorted(ranked, ranked, side="left")
    last = np.searchsorted(ranked, ranked, side="right")
    result = np.empty(len(draws))
    for i, weight in enumerate(draws):
        own = weight[order]
        below = np.concatenate([[0.0], np.cumsum(own * ~marks)])
        wins = 0.5 * (below[first] + below[last])
        result[i] = (wins * own * marks).sum() / ((own * marks).sum() * below[-1])
    return result

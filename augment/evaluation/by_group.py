"""Comparisons of arms, with intervals over splits and over patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from augment._typing import FloatArray, IntArray
from augment.evaluation.study import ALL, Study, masked_mean

__all__ = ["compare", "group_error"]


def group_error(influences: Sequence[FloatArray], groups: Sequence[IntArray]) -> tuple[float, int]:
    """Give the standard error of a mean over splits when patients, not rows, are the sample.

    Parameters
    ----------
    influences : sequence of ndarray (n_test,)
        For each split the influence of each tested row on a score, or on a difference of scores.
    groups : sequence of ndarray of int64 (n_test,)
        The patient of each of these rows.

    Returns
    -------
    float, int
        Standard error, and number of patients. Not a number with fewer than two.

    Notes
    -----
    The infinitesimal jackknife over clusters: what a patient contributes is the sum over all of
    its rows and splits. The models count as given, so that luck of the training parts is not in
    it; the interval over splits has that.

    Examples
    --------
    >>> rows = np.array([1.0, 1.0, -1.0, -1.0])
    >>> alone, _ = group_error([rows], [np.arange(4)])
    >>> together, n = group_error([rows], [np.array([0, 0, 1, 1])])
    >>> round(alone, 3), round(together, 3), n
    (0.577, 1.0, 2)
    """
    names, codes = np.unique(np.concatenate(groups), return_inverse=True)
    shares = np.concatenate([part / part.size for part in influences]) / len(influences)
    total = np.bincount(codes, weights=shares, minlength=names.size)
    if names.size < 2:
        return float("nan"), int(names.size)
    factor = names.size / (names.size - 1)
    return float(np.sqrt(factor * np.square(total).sum())), int(names.size)


def _group_interval(
    study: Study,
    influences: Sequence[FloatArray],
    groups: Sequence[IntArray],
    at: tuple[str, str, str, int],
    lift: float,
) -> dict[str, float]:
    """Give the interval over patients of (classifier, arm, reference, metric)."""
    classifier, arm, reference, k = at
    one, two = study.arms.index(arm), study.arms.index(reference)
    rows = []
    for part in influences:
        difference = np.asarray(part[one, :, k] - part[two, :, k], dtype=np.float64)
        if classifier == ALL:
            rows.append(masked_mean(difference, 0))
        else:
            rows.append(difference[study.classifiers.index(classifier)])
    error, n_groups = group_error(rows, groups)
    half = float(stats.t.ppf(0.975, max(n_groups - 1, 1))) * error
    return {"group_lower": lift - half, "group_upper": lift + half, "n_groups": n_groups}


def compare(
    study: Study, influences: Sequence[FloatArray] | None, groups: Sequence[IntArray] | None
) -> pd.DataFrame:
    """Tabulate all comparisons of interest.

    Parameters
    ----------
    study : Study
        The scores.
    influences : sequence of ndarray (n_arms, n_classifiers, n_metrics, n_test), or None
        Of each split.
    groups : sequence of ndarray of int64 (n_test,), or None
        Patients of the tested rows of each split.

    Returns
    -------
    DataFrame
        As `LiftResult.comparisons`.
    """
    rows: list[dict[str, Any]] = []
    for classifier, arm, reference in study.comparisons():
        for k, metric in enumerate(study.metrics):
            lift = study.lift(classifier, arm, reference, metric)
            row = {
                "estimator": classifier,
                "arm": arm,
                "reference": reference,
                "metric": metric,
                "lift": float(lift.estimate),
                "lower": float(lift.lower),
                "upper": float(lift.upper),
                "group_lower": np.nan,
                "group_upper": np.nan,
                "n_groups": np.nan,
            }
            if influences is not None and groups is not None:
                at = (classifier, arm, reference, k)
                row |= _group_interval(study, influences, groups, at, float(lift.estimate))
            rows.append(row)
    return pd.DataFrame(rows)

"""How many real rows the synthetic ones were worth.

The augmented score at ``m`` real rows is placed on a monotone learning curve of real rows alone,
which runs from ``m / 2`` to ``2 m``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from augment._random import rng_for
from augment._typing import FloatArray, IntArray
from augment.evaluation._text import DECIDING
from augment.evaluation.arms import Plan, draw, reference_set
from augment.evaluation.inputs import take
from augment.evaluation.results import EquivalentRows
from augment.evaluation.rows import TrainingSet
from augment.evaluation.scoring import score
from augment.evaluation.splits import nested_subset
from augment.evaluation.statistics import corrected_lift
from augment.evaluation.trial import predictions
from augment.evaluation.worker import Report, isolated

__all__ = ["CurvePoint", "Reading", "equivalent_rows", "place_on_curve", "run_curve"]

N_DRAWS = 2000
_NAMES = dict(zip(DECIDING, ("ROC AUC", "log loss"), strict=True))
# Fewer rows than this at the bottom of the curve, and classifiers are fitted to nothing.
MIN_BOTTOM = 10


@dataclasses.dataclass
class CurvePoint:
    """Scores of one split for the learning curve.

    Attributes
    ----------
    real : ndarray of shape (n_sizes - 1, n_candidates, 2)
        Real-only scores at all sizes but the largest, deciding metrics alone.
    augmented : ndarray of shape (n_candidates, 2)
        Scores of half the training part with synthetic rows.
    report : Report
        Failures, warnings, seconds.
    """

    real: FloatArray
    augmented: FloatArray
    report: Report


def curve_sizes(n_train: int) -> list[int]:
    """Give five sizes, equally spaced in the logarithm, from a quarter of ``n_train`` to all.

    Examples
    --------
    >>> curve_sizes(240)
    [60, 85, 120, 170, 240]
    """
    m = n_train // 2
    return [round(m * 2.0 ** (step / 2)) for step in (-2, -1, 0, 1)] + [n_train]


def run_curve(plan: Plan, train: IntArray, test: IntArray, key: tuple[int, ...]) -> CurvePoint:
    """Score nested parts of one training part, and half of it with synthetic rows.

    The generator is fitted on that half alone.
    """
    report = Report()
    sizes = curve_sizes(train.size)[:-1]
    subsets = nested_subset(plan.cohort, train, sizes, _order_seed(plan, key))
    shape = (len(subsets), len(plan.candidates), len(DECIDING))
    point = CurvePoint(np.full(shape, np.nan), np.full(shape[1:], np.nan), report)
    codes = np.searchsorted(plan.kept, plan.cohort.codes[test])
    table = [take(plan.cohort.X, test)]

    def fill(values: FloatArray, data: TrainingSet, name: str) -> None:
        for i, predicted in predictions(plan, data, table, key, name, report):
            values[i], _ = score(codes, predicted[0], DECIDING)

    with isolated(report):
        for rows, values in zip(subsets, point.real, strict=True):
            fill(
                values,
                reference_set(plan, plan.real(rows)),
                f"learning curve, {rows.size} real rows",
            )
        half = subsets[2]
        name = f"learning curve, {half.size} real rows augmented"
        try:
            new = draw(plan, "augmented", half, plan.n_synthetic(half.size), key)
        except Exception as error:
            report.failed(name, None, error)
            return point
        fill(point.augmented, reference_set(plan, plan.real(half), new), name)
    return point


def _order_seed(plan: Plan, key: tuple[int, ...]) -> int:
    return int(rng_for(plan.seed, *key, 1).integers(2**31))


def _isotonic(values: FloatArray) -> FloatArray:
    """Least-squares non-decreasing fit along the last axis, by the max-min formula."""
    n = values.shape[-1]
    sums = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    fitted = np.full(values.shape, -np.inf)
    for start in range(n):
        means = [
            (sums[..., end + 1] - sums[..., start]) / (end + 1 - start) for end in range(start, n)
        ]
        least = np.full(values.shape[:-1], np.inf)
        for end in range(n - 1, start - 1, -1):
            least = np.minimum(least, means[end - start])
            fitted[..., end] = np.maximum(fitted[..., end], least)
    return fitted


def place_on_curve(curve: FloatArray, sizes: FloatArray, score: FloatArray) -> FloatArray:
    """Find the number of real rows at which a monotone curve first reaches a score.

    Parameters
    ----------
    curve : ndarray of shape (..., n_sizes)
        Real-only scores; the monotone fit is made here.
    sizes : ndarray of shape (n_sizes,)
        Real rows; between them the curve is linear in their logarithm.
    score : ndarray of shape (...)
        What to place.

    Returns
    -------
    ndarray of shape (...)
        Rows, cut off at the first and the last size.

    Examples
    --------
    >>> place_on_curve(np.array([0.7, 0.8, 0.9]), np.array([50.0, 100.0, 200.0]), np.array(0.8))
    array(100.)
    """
    fitted = _isotonic(curve)
    position = np.sum(fitted < score[..., None], axis=-1)
    high = np.clip(position, 1, sizes.size - 1)
    left = np.take_along_axis(fitted, high[..., None] - 1, axis=-1)[..., 0]
    right = np.take_along_axis(fitted, high[..., None], axis=-1)[..., 0]
    rise = np.where(right > left, right - left, 1.0)
    share = np.clip((score - left) / rise, 0.0, 1.0)
    logs = np.log(sizes)
    rows = np.exp(logs[high - 1] + share * (logs[high] - logs[high - 1]))
    rows = np.where(position == 0, sizes[0], rows)
    return np.asarray(np.where(position == sizes.size, sizes[-1], rows))


@dataclasses.dataclass(frozen=True)
class Reading:
    """Equivalent rows by one metric; None where the curve is flat."""

    estimate: float | None
    lower: float | None
    upper: float | None


def equivalent_rows(
    real: FloatArray, augmented: FloatArray, sizes: list[int], test_train_ratio: float, seed: int
) -> Reading:
    """Place augmented scores on real-only learning curves, with an interval.

    Parameters
    ----------
    real : ndarray of shape (J, n_sizes)
        Real-only scores per split; larger is better.
    augmented : ndarray of shape (J,)
        Augmented scores per split at the middle size.
    sizes : list of int
        Real rows; the middle one is ``m``.
    test_train_ratio : float
        For the correction below.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    Reading
        Further real rows, between ``sizes[0] - m`` and ``sizes[-1] - m``. All None (not estimable)
        where the rise from the first to the last size is not above 0 at a one-sided 5 %, or the
        interval spans the whole curve.

    Notes
    -----
    The interval is a percentile bootstrap over splits in which deviations from the mean are
    stretched: by the Nadeau-Bengio factor, because training parts overlap, and from normal to t
    quantiles, because there are few splits.
    """
    flat = Reading(None, None, None)
    rise = corrected_lift(real[:, -1] - real[:, 0], test_train_ratio)
    # One-sided at 5 %: more rows do not hurt. NaN counts as flat.
    if not rise.p_above(0.0) <= 0.10:
        return flat
    scores = np.column_stack([real, augmented])
    n_splits = len(scores)
    mean = scores.mean(axis=0)
    picks = rng_for(seed).integers(n_splits, size=(N_DRAWS, n_splits))
    overlap = (1 + n_splits * test_train_ratio) * n_splits / (n_splits - 1)
    tails = stats.t.ppf(0.975, n_splits - 1) / stats.norm.ppf(0.975)
    draws = mean + tails * np.sqrt(overlap) * (scores[picks].mean(axis=1) - mean)
    at, m = np.array(sizes, dtype=np.float64), sizes[len(sizes) // 2]
    estimate = float(place_on_curve(mean[:-1], at, mean[-1])) - m
    placed = place_on_curve(draws[:, :-1], at, draws[:, -1]) - m
    lower, upper = np.quantile(placed, [0.025, 0.975])
    if lower <= sizes[0] - m and upper >= sizes[-1] - m:
        return flat
    return Reading(estimate, float(min(lower, estimate)), float(max(upper, estimate)))


def _rows_text(rows: float, sizes: list[int], m: int) -> str:
    """Write a number of rows, with ``>=`` and ``<=`` at the ends of the curve."""
    top, bottom = sizes[-1] - m, sizes[0] - m
    if rows >= top - 0.5:
        return f">= {top}"
    return f"<= {bottom}" if rows <= bottom + 0.5 else f"{rows:.0f}"


def _text(reading: Reading, sizes: list[int], metric: str) -> str:
    m = sizes[len(sizes) // 2]
    if reading.estimate is None or reading.lower is None or reading.upper is None:
        return (
            f"not estimable: between {sizes[0]} and {sizes[-1]} real rows the learning curve is "
            f"too flat for its noise ({_NAMES[metric]})"
        )
    estimate, lower, upper = (
        _rows_text(value, sizes, m) for value in (reading.estimate, reading.lower, reading.upper)
    )
    return (
        f"{estimate} further real rows (95 % interval {lower} to {upper}) at {m} real rows, by "
        f"{_NAMES[metric]}"
    )


def curve_frame(
    real: FloatArray, augmented: FloatArray, sizes: list[int], test_train_ratio: float
) -> pd.DataFrame:
    """Tabulate the curve: ``real`` (J, n_sizes, 2) and ``augmented`` (J, 2), over splits."""
    m = sizes[len(sizes) // 2]
    series = [("real", n, real[:, i]) for i, n in enumerate(sizes)] + [("augmented", m, augmented)]
    rows: list[dict[str, Any]] = []
    for k, metric in enumerate(DECIDING):
        for arm, n, scores in series:
            mean = corrected_lift(scores[:, k], test_train_ratio)
            rows.append(
                {
                    "arm": arm,
                    "n": n,
                    "metric": metric,
                    "mean": float(mean.estimate),
                    "lower": float(mean.lower),
                    "upper": float(mean.upper),
                }
            )
    return pd.DataFrame(rows)


def read_curve(
    real: FloatArray, augmented: FloatArray, sizes: list[int], test_train_ratio: float, seed: int
) -> EquivalentRows:
    """Turn the scores of all curve splits, averaged over classifiers, into the result.

    Parameters
    ----------
    real : ndarray of shape (J, n_sizes, 2)
        Real-only scores by the two deciding metrics.
    augmented : ndarray of shape (J, 2)
        Augmented scores at the middle size.
    sizes, test_train_ratio, seed
        As in `equivalent_rows`.

    Returns
    -------
    EquivalentRows
        Read by ROC AUC; `by_metric` holds both.
    """
    readings = [
        equivalent_rows(real[:, :, k], augmented[:, k], sizes, test_train_ratio, seed)
        for k in range(len(DECIDING))
    ]
    texts = [_text(r, sizes, metric) for r, metric in zip(readings, DECIDING, strict=True)]
    table = pd.DataFrame(
        {
            "metric": list(DECIDING),
            **{
                part: [np.nan if getattr(r, part) is None else getattr(r, part) for r in readings]
                for part in ("estimate", "lower", "upper")
            },
            "text": texts,
        }
    )
    first = readings[0]
    return EquivalentRows(
        m=sizes[len(sizes) // 2],
        metric=DECIDING[0],
        estimate=first.estimate,
        lower=first.lower,
        upper=first.upper,
        text=texts[0],
        curve=curve_frame(real, augmented, sizes, test_train_ratio),
        by_metric=table,
    )

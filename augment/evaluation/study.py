"""From the scores of all splits to tables and verdicts.

`Study` holds one array of scores, ``(splits, arms, classifiers, metrics)``; a value that is not a
number marks an arm or a classifier that could not run.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from augment._typing import BoolArray, FloatArray
from augment.evaluation._text import DECIDING
from augment.evaluation.roles import TABLE_ROLES, Roles
from augment.evaluation.statistics import Claims, Lift, claims, corrected_lift, verdicts
from augment.evaluation.words import reason

__all__ = ["Judgement", "Study", "masked_mean"]

ALL = "all"


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The verdict of one comparison.

    Attributes
    ----------
    verdict, reason : str
        The rule applied, and one sentence.
    real : tuple of two Lift
        The arm in question minus its reference.
    claims : Claims
        P-values of what could have been claimed.
    """

    verdict: str
    reason: str
    real: tuple[Lift, Lift]
    claims: Claims


def masked_mean(values: FloatArray, axis: int) -> FloatArray:
    """Mean over what is a number; not a number where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclasses.dataclass(frozen=True)
class Study:
    """Scores of all splits.

    Attributes
    ----------
    values : ndarray of shape (J, n_arms, n_classifiers, n_metrics)
        The scores.
    arms, classifiers, metrics : tuple of str
        Names along the axes.
    ropes : tuple of two float
        Tolerances of the deciding metrics.
    test_train_ratio : float
        Rows of a test part per row of a training part.
    roles : Roles
        Which arms the verdict is about.
    """

    values: FloatArray
    arms: tuple[str, ...]
    classifiers: tuple[str, ...]
    metrics: tuple[str, ...]
    ropes: tuple[float, float]
    test_train_ratio: float
    roles: Roles = TABLE_ROLES

    def present(self) -> BoolArray:
        """Tell which classifiers ran in which arms: (n_arms, n_classifiers)."""
        deciding = [self.metrics.index(name) for name in DECIDING]
        return np.asarray(~np.isnan(self.values[..., deciding]).any(axis=(0, 3)))

    def over(self, classifier: str, values: FloatArray) -> FloatArray:
        """Pick a classifier, or average over all, in an array whose axis 1 is classifiers."""
        if classifier == ALL:
            return masked_mean(values, 1)
        return np.asarray(values[:, self.classifiers.index(classifier)])

    def differences(self, classifier: str, arm: str, reference: str) -> FloatArray:
        """Paired differences (J, n_metrics); "all" averages what ran in both arms."""
        first, second = (self.values[:, self.arms.index(name)] for name in (arm, reference))
        return self.over(classifier, first - second)

    def lift(self, classifier: str, arm: str, reference: str, metric: str) -> Lift:
        """Judge one paired difference."""
        column = self.differences(classifier, arm, reference)[:, self.metrics.index(metric)]
        return corrected_lift(column, self.test_train_ratio)

    def deciding(self, classifier: str, reference: str) -> tuple[Lift, Lift]:
        """Judge the arm in question minus a reference arm by the two deciding metrics."""
        arm = self.roles.judged
        first, second = (self.lift(classifier, arm, reference, name) for name in DECIDING)
        return first, second

    def summary(self) -> pd.DataFrame:
        """Tabulate mean, spread and lift of every classifier, arm and metric."""
        rows: list[dict[str, Any]] = []
        ran = self.present()
        for classifier in (*self.classifiers, ALL):
            for arm, name in enumerate(self.arms):
                one = classifier != ALL
                if not (ran[arm, self.classifiers.index(classifier)] if one else ran[arm].any()):
                    continue
                scores = self.over(classifier, self.values[:, arm])
                for k, metric in enumerate(self.metrics):
                    lift = self.lift(classifier, name, "real", metric)
                    rows.append(
                        {"estimator": classifier, "arm": name, "metric": metric}
                        | _spread(scores[:, k])
                        | _bounds(lift)
                    )
        return pd.DataFrame(rows)

    def comparisons(self) -> list[tuple[str, str, str]]:
        """Name (classifier, arm, reference) of all comparisons of interest that ran."""
        return [
            (classifier, arm, reference)
            for arm, reference in self.roles.pairs()
            for classifier in (*self.classifiers, ALL)
            if self.ran_both(classifier, arm, reference)
        ]

    def judge(self, classifier: str = ALL) -> Judgement:
        """Apply the rule of the verdict to one classifier, or to the mean over all."""
        real = self.deciding(classifier, self.roles.reference)
        copies = None
        if self.ran_with_copies(classifier):
            copies = self.deciding(classifier, self.roles.copies)
        return judgement(real, copies, self.ropes, self.roles)

    def ran_with_copies(self, classifier: str) -> bool:
        """Tell whether there are plain copies to compare with."""
        return self.ran_both(classifier, self.roles.judged, self.roles.copies)

    def ran_both(self, classifier: str, arm: str, reference: str) -> bool:
        """Tell whether a classifier (or any) ran in both of two arms."""
        if arm not in self.arms or reference not in self.arms:
            return False
        ran = self.present()
        both = ran[self.arms.index(arm)] & ran[self.arms.index(reference)]
        return bool(both.any() if classifier == ALL else both[self.classifiers.index(classifier)])

    def by_estimator(self) -> pd.DataFrame:
        """Judge each classifier by the rule, adjusted over classifiers by Holm's method."""
        ran = self.present()[self.arms.index(self.roles.judged)]
        names = [name for name, here in zip(self.classifiers, ran, strict=True) if here]
        judged = [self.judge(name) for name in names]
        raw = Claims(
            *(
                np.array([float(getattr(j.claims, claim)) for j in judged])
                for claim in ("helps", "harms", "equivalent")
            )
        )
        adjusted = raw.adjusted()
        table = pd.DataFrame(
            {
                "estimator": names,
                "verdict": verdicts(adjusted).tolist(),
                "p_value": raw.helps,
                "p_adjusted": adjusted.helps,
            }
        )
        for k, metric in enumerate(DECIDING):
            for part, values in _columns([j.real[k] for j in judged]).items():
                table[f"{part}_{metric}"] = values
        return table

    def smallest_detectable_lift(self) -> dict[str, float]:
        """Give, per metric, the lift of the mean over classifiers found four times in five."""
        at = (ALL, self.roles.judged, self.roles.reference)
        return {
            metric: float(self.lift(*at, metric).smallest_detectable) for metric in self.metrics
        }


def judgement(
    real: tuple[Lift, Lift],
    copies: tuple[Lift, Lift] | None,
    ropes: tuple[float, float],
    roles: Roles,
) -> Judgement:
    """Apply the rule to lifts, however they were judged."""
    found = claims(real, copies, ropes)
    verdict = str(verdicts(found))
    return Judgement(verdict, reason(verdict, real, copies, ropes, roles), real, found)


def _spread(scores: FloatArray) -> dict[str, float]:
    known = scores[~np.isnan(scores)]
    deviation = float(known.std(ddof=1)) if known.size > 1 else float("nan")
    return {"mean": float(known.mean()) if known.size else float("nan"), "sd": deviation}


def _bounds(lift: Lift) -> dict[str, float]:
    return {
        "lift": float(lift.estimate),
        "lower": float(lift.lower),
        "upper": float(lift.upper),
    }


def _columns(lifts: list[Lift]) -> dict[str, list[float]]:
    rows = [_bounds(lift) for lift in lifts]
    return {part: [row[part] for row in rows] for part in ("lift", "lower", "upper")}

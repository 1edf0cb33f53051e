"""The verdict on rows from elsewhere, such as another hospital.

The models of all splits are scored on one external test set. That set is the same for all of them,
so the correction of repeated cross-validation does not apply: see
`augment.evaluation.statistics.external_lift` for the variance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from augment._typing import FloatArray
from augment.evaluation._text import DECIDING
from augment.evaluation.results import ExternalResult
from augment.evaluation.statistics import Lift, external_lift
from augment.evaluation.study import ALL, Study, judgement, masked_mean

__all__ = ["external_result"]


def _lift(
    study: Study, influences: FloatArray, n_repeats: int, at: tuple[str, str, str, str]
) -> Lift:
    """Judge (classifier, arm, reference, metric) on the external rows."""
    classifier, arm, reference, metric = at
    k, one, two = study.metrics.index(metric), study.arms.index(arm), study.arms.index(reference)
    differences = study.differences(classifier, arm, reference)[:, k]
    # Splits without a value (a constant prediction has no calibration slope) take the mean.
    differences = np.where(np.isnan(differences), np.nanmean(differences), differences)
    rows = influences[one, :, k] - influences[two, :, k]
    one_classifier = rows if classifier == ALL else rows[[study.classifiers.index(classifier)]]
    return external_lift(differences.reshape(n_repeats, -1), masked_mean(one_classifier, 0))


def _summary(study: Study, influences: FloatArray, n_repeats: int) -> pd.DataFrame:
    """Tabulate as `Study.summary`, with the intervals of the external test set."""
    table = study.summary()
    bounds: list[dict[str, Any]] = []
    for row in table.to_dict("records"):
        at = (str(row["estimator"]), str(row["arm"]), "real", str(row["metric"]))
        if np.isnan(row["lift"]):
            bounds.append({"lower": np.nan, "upper": np.nan})
            continue
        lift = _lift(study, influences, n_repeats, at)
        bounds.append({"lower": float(lift.lower), "upper": float(lift.upper)})
    return table.assign(**pd.DataFrame(bounds, index=table.index))


def external_result(study: Study, influences: FloatArray, n_repeats: int) -> ExternalResult:
    """Judge the models of all splits on the external rows.

    Parameters
    ----------
    study : Study
        Scores on the external rows.
    influences : ndarray of shape (n_arms, n_classifiers, n_metrics, n_test)
        Influence of each external row, mean over splits.
    n_repeats : int
        Repetitions in the first axis of the scores.

    Returns
    -------
    ExternalResult
        Verdict by the same rule as at home.
    """

    def deciding(reference: str) -> tuple[Lift, Lift]:
        first, second = (
            _lift(study, influences, n_repeats, (ALL, study.roles.judged, reference, metric))
            for metric in DECIDING
        )
        return first, second

    copies = deciding(study.roles.copies) if study.ran_with_copies(ALL) else None
    judged = judgement(deciding(study.roles.reference), copies, study.ropes, study.roles)
    table = _summary(study, influences, n_repeats)
    return ExternalResult(judged.verdict, judged.reason, table, influences.shape[-1])

"""A made-up `LiftResult` for tests that render one; no number in it was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from augment.evaluation.results import EquivalentRows, ExternalResult, LiftResult

ARMS = ("real", "augmented", "bootstrap", "jitter", "smote", "class_weight", "synthetic")
ESTIMATORS = ("logistic regression", "random forest", "SVM")
METRICS = ("roc_auc", "neg_log_loss", "balanced_accuracy", "neg_brier", "calibration_slope")
LEVEL = {
    "roc_auc": 0.88,
    "neg_log_loss": -0.42,
    "balanced_accuracy": 0.80,
    "neg_brier": -0.13,
    "calibration_slope": 0.85,
}


def example_scores(n_repeats: int = 6, n_splits: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for repeat in range(n_repeats):
        for split in range(n_splits):
            luck = rng.normal(0, 0.03)
            for estimator in ESTIMATORS:
                for i, arm in enumerate(ARMS):
                    rows.extend(
                        {
                            "repeat": repeat,
                            "split": split,
                            "estimator": estimator,
                            "arm": arm,
                            "metric": metric,
                            "value": LEVEL[metric]
                            + luck
                            + 0.01 * (arm == "augmented")
                            - 0.004 * (i > 1)
                            + rng.normal(0, 0.01),
                            "n_train": 240,
                            "n_synthetic": 0 if arm in ("real", "class_weight") else 1200,
                        }
                        for metric in METRICS
                    )
    return pd.DataFrame(rows)


def example_summary(scores: pd.DataFrame) -> pd.DataFrame:
    everyone = scores.groupby(["repeat", "split", "arm", "metric"], as_index=False)["value"].mean()
    long = pd.concat([scores, everyone.assign(estimator="all")])
    table = (
        long.groupby(["estimator", "arm", "metric"], sort=False)["value"]
        .agg(mean="mean", sd="std")
        .reset_index()
    )
    real = table[table["arm"] == "real"].set_index(["estimator", "metric"])["mean"]
    keys = pd.MultiIndex.from_frame(table[["estimator", "metric"]])
    table["lift"] = table["mean"] - real.loc[keys].to_numpy()
    width = np.where(table["arm"] == "real", 0.0, 0.009)
    return table.assign(lower=table["lift"] - width, upper=table["lift"] + width)


def example_curve() -> pd.DataFrame:
    rows = [
        {
            "arm": "real",
            "n": n,
            "metric": metric,
            "mean": LEVEL[metric] + gain,
            "lower": LEVEL[metric] + gain - 0.02,
            "upper": LEVEL[metric] + gain + 0.02,
        }
        for metric in ("roc_auc", "neg_log_loss")
        for n, gain in ((60, -0.06), (85, -0.04), (120, -0.02), (170, -0.01), (240, 0.0))
    ]
    rows += [
        {
            "arm": "augmented",
            "n": 120,
            "metric": metric,
            "mean": LEVEL[metric] - 0.008,
            "lower": LEVEL[metric] - 0.028,
            "upper": LEVEL[metric] + 0.012,
        }
        for metric in ("roc_auc", "neg_log_loss")
    ]
    return pd.DataFrame(rows)


def example_equivalent_rows() -> EquivalentRows:
    text = "57 further real rows (95 % interval 8 to >= 120) at 120 real rows, by ROC AUC"
    by_metric = pd.DataFrame(
        {
            "metric": ["roc_auc", "neg_log_loss"],
            "estimate": [57.0, float("nan")],
            "lower": [8.0, float("nan")],
            "upper": [120.0, float("nan")],
            "text": [
                text,
                "not estimable: between 60 and 240 real rows the learning curve is too flat for "
                "its noise (log loss)",
            ],
        }
    )
    return EquivalentRows(120, "roc_auc", 57.0, 8.0, 120.0, text, example_curve(), by_metric)


def example_calibration() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "arm": arm,
                "bin": b,
                "predicted": 0.05 + 0.1 * b,
                "observed": min(1.0, max(0.0, 0.5 + (0.1 * b - 0.45) * (0.8 + 0.05 * i))),
                "n": 200 - 10 * b,
            }
            for i, arm in enumerate(ARMS)
            for b in range(10)
        ]
    )


def example_by_estimator(summary: pd.DataFrame) -> pd.DataFrame:
    by_estimator = pd.DataFrame(
        {
            "estimator": list(ESTIMATORS),
            "verdict": ["helps", "no evidence", "equivalent"],
            "p_value": [0.004, 0.21, 0.08],
            "p_adjusted": [0.012, 0.21, 0.16],
        }
    )
    for metric in ("roc_auc", "neg_log_loss"):
        lifts = summary[(summary["arm"] == "augmented") & (summary["metric"] == metric)]
        lifts = lifts.set_index("estimator").loc[list(ESTIMATORS)]
        for part in ("lift", "lower", "upper"):
            by_estimator[f"{part}_{metric}"] = lifts[part].to_numpy()
    return by_estimator


def example_settings() -> dict[str, Any]:
    return {
        "n_rows": 303,
        "n_columns": 13,
        "columns": ["age", "sex", "cp"],
        "classes": {"disease": 138, "healthy": 165},
        "left_out_classes": {},
        "groups": None,
        "n_splits": 5,
        "n_repeats": 6,
        "n_train": 242,
        "n_test": 61,
        "ratio": "auto",
        "ratio_rule": "max(500, 5 n) synthetic rows for n training rows",
        "n_synthetic": 1210,
        "arms": list(ARMS),
        "metrics": list(METRICS),
        "probability_floor": 0.001,
        "estimators": {name: name for name in ESTIMATORS},
        "generator": "TabularVAE",
        "generator_repr": "TabularVAE(random_state=0)",
        "generator_params": {"random_state": "0"},
        "n_external": 294,
        "n_curve_splits": 10,
        "random_state": 0,
        "processor_seconds_per_split": {"generator augmented": 0.8, "SVM": 0.7},
        "versions": {"augment": "0.1.0", "python": "3.11.9"},
        "rope": {"roc_auc": 0.005, "neg_log_loss": 0.01},
        "seconds": 201.5,
        "n_jobs": 2,
    }


def example_result(*, external: bool = True) -> LiftResult:
    """A result that looks as `evaluate_lift` makes it; ``external=False`` leaves that part out."""
    scores = example_scores()
    summary = example_summary(scores)
    by_estimator = example_by_estimator(summary)
    reason = (
        "ROC AUC changed by +0.010 (95 % interval +0.001 to +0.019) and log loss is within "
        "tolerance."
    )
    return LiftResult(
        verdict="helps",
        reason=reason,
        summary=summary,
        by_estimator=by_estimator,
        scores=scores,
        smallest_detectable_lift={
            "roc_auc": 0.012,
            "neg_log_loss": 0.021,
            "balanced_accuracy": 0.02,
            "neg_brier": 0.008,
            "calibration_slope": float("nan"),
        },
        equivalent_rows=example_equivalent_rows(),
        calibration=example_calibration(),
        external=ExternalResult("no evidence", "Both intervals contain 0.", summary, 294)
        if external
        else None,
        settings=example_settings(),
        notes=("1 row has an exact duplicate elsewhere in the table.",),
    )

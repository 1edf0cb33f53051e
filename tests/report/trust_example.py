"""Made-up results of fidelity and privacy for tests that render them; nothing was measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from augment.evaluation.fidelity import FidelityResult
from augment.evaluation.privacy import PrivacyResult

NOTHING = "nothing found at this size"
_LINES = (
    ("marginals", "", 0.07, 0.06, 0.05, 0.08, "lower"),
    ("dependence", "", 0.11, 0.12, 0.10, 0.14, "lower"),
    ("two-sample AUC", "disease", 0.71, 0.52, 0.44, 0.60, "lower"),
    ("two-sample AUC", "healthy", 0.55, 0.51, 0.45, 0.61, "lower"),
    ("kernel distance", "", 0.0001, -0.002, -0.01, 0.02, "lower"),
    ("precision", "", 0.85, 0.82, 0.75, 0.9, "higher"),
    ("recall", "", 0.60, 0.81, 0.74, 0.88, "higher"),
    ("coverage", "", 0.92, 0.93, 0.9, 0.96, "higher"),
    ("label agreement", "", 0.79, 0.78, 0.7, 0.84, "like floor"),
    ("copy rate", "", 0.04, 0.05, 0.0, 0.14, "lower"),
)
_PARTS = ["metric", "label", "value", "floor", "floor_lower", "floor_upper", "better"]


def example_fidelity(verdict: str = "near the floor") -> FidelityResult:
    """A result that looks as `evaluate_fidelity` makes it for a table."""
    summary = pd.DataFrame(_LINES, columns=_PARTS).assign(features="columns", n=70)
    pairs = {"first": ["age", "sex"], "second": ["marker", "outcome"]}
    figures = {"value": [0.3, 0.1], "floor": [0.1, 0.1], "floor_upper": [0.2, 0.15]}
    figures |= {"p_value": [0.01, 0.7], "far": [True, False]}
    return FidelityResult(
        verdict=verdict,
        reason="a classifier tells synthetic from real rows with an AUC of 0.71; recall is 0.60.",
        summary=summary,
        by_column=pd.DataFrame({"column": ["age", "stage <b>"], **figures}),
        by_pair=pd.DataFrame({**pairs, **figures}),
        relations=pd.DataFrame({"relation": ["total = a + b"], "real": [1.0], "synthetic": [0.4]}),
        settings={"n_real": 140, "n_synthetic": 700, "n_holdout": 70, "n_per_side": 70, "seed": 0},
        notes=("1 of 70 held-out rows is equal to a real row.",),
    )


def example_privacy(verdict: str = "memorisation found", *, refits: bool = True) -> PrivacyResult:
    """A result that looks as `evaluate_privacy` makes it; rows 3 and 7 are exposed."""
    rng = np.random.default_rng(0)
    n_train, n_new = 140, 700
    copied = np.zeros(n_new, dtype=bool)
    if verdict == "copies found":
        copied[[5, 9, 11]] = True
    copies = pd.DataFrame(
        {
            "row": np.arange(n_new),
            "nearest_train_row": np.where(copied, 3, rng.integers(0, n_train, n_new)),
            "exact": np.isin(np.arange(n_new), [5, 20, 21]),
            "changed": copied & (np.arange(n_new) == 11),
            "beyond_chance": copied,
            "copied": copied | np.isin(np.arange(n_new), [20, 21] if verdict == NOTHING else []),
        }
    )
    names = ["density ratio", "k-NN ratio", "classifier"]
    auc = np.array([0.66, 0.58, 0.52] if verdict == "memorisation found" else [0.52, 0.5, 0.49])
    attacks = pd.DataFrame({"attack": names, "auc": auc, "lower": auc - 0.07, "upper": auc + 0.07})
    attacks = attacks.assign(tpr=0.22, fpr=0.1, p_value=[0.004, 0.3, 1.0], material=auc > 0.6)
    attacks = attacks.assign(strongest=auc == auc[0])
    exposed = pd.DataFrame({"row": [3, 7, *(i for i in range(n_train) if i not in (3, 7))]})
    exposed = exposed.assign(n_copies=[int(copied.sum()), *[0] * (n_train - 1)])
    exposed["attack_p_value"] = np.linspace(0.0004, 1, n_train)
    for name in ("times_nearer", "near_inside", "near_outside", "exposed_p_value"):
        exposed[name] = np.linspace(0.0004, 1, n_train) if refits else np.nan
    if refits:
        line = {"attack": "refits on halves", "auc": 0.7, "lower": 0.62, "upper": 0.78}
        line |= {"tpr": 0.3, "fpr": 0.1, "p_value": 0.001, "material": False, "strongest": False}
        attacks = pd.concat([attacks, pd.DataFrame([line])], ignore_index=True)
    strongest = {"attack": names[0], "auc": auc[0], "lower": 0.5, "upper": 0.7}
    sizes = {"n_train": n_train, "n_synthetic": n_new, "n_holdout": 70}
    return PrivacyResult(
        verdict=verdict,
        reason="An attack (density ratio) tells training rows from rows of other patients.",
        copies=copies,
        attacks=attacks,
        exposed=exposed,
        strongest={**strongest, "tpr": 0.22, "fpr": 0.1},
        nearest={
            "share": 0.71,
            "expected": 0.667,
            "balanced_share": 0.55,
            "very_near": 0.06,
            "p_value": 0.04,
        },
        settings={**sizes, "n_audit_fits": 32 * refits, "copy_level": 0.005, "seed": 0},
        notes=("With 140 training and 70 held-out patients only a large leak can be seen.",),
    )

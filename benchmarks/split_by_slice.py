"""Show on phantoms how much a split by slice flatters a classifier.

    python benchmarks/split_by_slice.py

Each cohort is scored twice by five-fold cross-validation of extremely randomised trees: folds of
slices, and folds of subjects. In the first cohorts the label is a coin thrown for each subject, so
nothing can be learned; in the others it is a faint lesion. Prints the mean AUC over cohorts of 40
subjects, the range over them, and how much the split by slice adds. Minutes on one core.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict

from augment.data import SliceSet, make_phantoms

CONTRAST = 0.1


def auc(slices: SliceSet, y: np.ndarray, seed: int, *, by_subject: bool) -> float:
    """Give the AUC of slices that were scored by models of the other folds."""
    folds = (StratifiedGroupKFold if by_subject else StratifiedKFold)(
        5, shuffle=True, random_state=seed
    )
    trees = ExtraTreesClassifier(100, min_samples_leaf=2, random_state=seed)
    pixels = slices.images.reshape(len(slices), -1)
    groups = slices.groups if by_subject else None
    scores = cross_val_predict(
        trees, pixels, y, groups=groups, cv=folds, method="predict_proba", n_jobs=1
    )
    return float(roc_auc_score(y, scores[:, 1]))


def cohort(n_slices: int, seed: int, label: str) -> tuple[SliceSet, np.ndarray]:
    """Draw 40 subjects with a label each: a coin, or a lesion."""
    contrast = CONTRAST if label == "faint lesion" else 0.0
    classes = ("healthy", "lesion") if contrast else ("healthy",)
    slices = make_phantoms(
        40, n_slices=n_slices, size=32, classes=classes, contrast=contrast, random_state=seed
    )
    if contrast:
        return slices, np.asarray(slices.y == "lesion").astype(int)
    coins = np.random.default_rng(seed).permutation(np.repeat([0, 1], 20))
    return slices, coins[np.unique(slices.groups, return_inverse=True)[1]]


def main() -> None:
    """Score all cohorts, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cohorts", type=int, default=10)
    options = parser.parse_args()
    rows = []
    for label in ("coin", "faint lesion"):
        for n_slices in (2, 5, 10):
            for seed in range(options.cohorts):
                slices, y = cohort(n_slices, seed, label)
                both = {kind: auc(slices, y, seed, by_subject=kind == "by subject")
                        for kind in ("by slice", "by subject")}  # fmt: skip
                rows.append({"label": label, "slices a subject": n_slices, **both})
    frame = pd.DataFrame(rows)
    frame["inflation"] = frame["by slice"] - frame["by subject"]
    table = frame.groupby(["label", "slices a subject"]).agg(["mean", "min", "max"])
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()

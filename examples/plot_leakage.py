"""
How to fool yourself: augment, then split
=========================================

A table that was grown before it was split has told the test part about the training part. The same
patients are evaluated here in the wrong order and in the right one; then once more with labels
that mean nothing, where every honest answer is an AUC of 0.5.
"""

# %%
# One table, two sets of labels
# -----------------------------
#
# 80 patients, and the measurements of texture and shape. The second labels are the first in a
# random order: nobody can predict them.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split

from augment import Jitter, Smote, TabularVAE

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X = X.filter(regex="texture|smoothness|symmetry|fractal")
X, _, y, _ = train_test_split(X, y, train_size=80, stratify=y, random_state=0)
X, y = X.reset_index(drop=True), y.reset_index(drop=True)
shuffled = pd.Series(np.random.default_rng(0).permutation(y), name="target")

forest = RandomForestClassifier(50, min_samples_leaf=2, random_state=0)
N_NEW = 400


def auc(X_train, y_train, X_test, y_test):
    """Train a forest, and score it."""
    fitted = clone(forest).fit(X_train, y_train)
    return roc_auc_score(y_test, fitted.predict_proba(X_test)[:, 1])


def folds(X, y):
    """Give five stratified folds, twice."""
    for seed in range(2):
        yield from StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y)


def grown(X, y, X_new, y_new):
    """Put synthetic rows below the real ones."""
    return pd.concat([X, X_new], ignore_index=True), np.append(y, y_new)


# %%
# The wrong way
# -------------
#
# It looks harmless: make the table larger, then cross-validate as always. But now synthetic rows
# are in the test part, and rows that were made from a test patient are in the training part.


def augment_then_split(generator, X, y):
    """Grow the table once, and cross-validate the grown table."""
    X_new, y_new = clone(generator).fit(X, y).sample(N_NEW, random_state=1)
    X_all, y_all = grown(X, y, X_new, y_new)
    parts = folds(X_all, y_all)
    return [auc(X_all.loc[a], y_all[a], X_all.loc[b], y_all[b]) for a, b in parts]


# %%
# Half right is still wrong
# -------------------------
#
# Testing on real patients alone is better, but it does not mend it: the generator has seen them.


def fit_on_everything(generator, X, y):
    """Split the real rows, but give every training part rows that were made from all of them."""
    X_new, y_new = clone(generator).fit(X, y).sample(N_NEW, random_state=1)
    return [auc(*grown(X.loc[a], y[a], X_new, y_new), X.loc[b], y[b]) for a, b in folds(X, y)]


# %%
# The right way
# -------------
#
# Split first. The generator is fitted on the training part of each split, and never sees the rest.
# :func:`augment.evaluate_lift` and :class:`augment.AugmentedClassifier` work like this.


def split_then_augment(generator, X, y):
    """Fit the generator on each training part alone."""
    scores = []
    for a, b in folds(X, y):
        X_new, y_new = clone(generator).fit(X.loc[a], y[a]).sample(N_NEW, random_state=1)
        scores.append(auc(*grown(X.loc[a], y[a], X_new, y_new), X.loc[b], y[b]))
    return scores


# %%
# What comes out
# --------------

generators = {
    "SMOTE": Smote(random_state=0),
    "jittered copies": Jitter(random_state=0),
    "TabularVAE": TabularVAE(random_state=0),
}
ways = {
    "augment, then split": augment_then_split,
    "split, but fit the generator on all": fit_on_everything,
    "split, then augment": split_then_augment,
}
rows = []
for labels, target in {"the true labels": y, "labels that mean nothing": shuffled}.items():
    plain = [auc(X.loc[a], target[a], X.loc[b], target[b]) for a, b in folds(X, target)]
    rows.append((labels, "no synthetic rows", "real rows alone", np.mean(plain)))
    for name, generator in generators.items():
        for way, evaluate in ways.items():
            rows.append((labels, name, way, np.mean(evaluate(generator, X, target))))
results = pd.DataFrame(rows, columns=["labels", "generator", "way", "AUC"])
print(results.pivot_table(index=["labels", "generator"], columns="way", values="AUC").round(2))

# %%
# The same patients, the same forest, the same rows: only the order of the steps differs. On labels
# that mean nothing, the wrong way finds a forest that is nearly perfect.

COLOURS = dict(zip(ways, ("#b4351b", "#d9953b", "#0a6a94"), strict=True))
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
names = list(generators)
for axis, (labels, part) in zip(axes, results.groupby("labels", sort=False), strict=True):
    plain = part.loc[part["generator"] == "no synthetic rows", "AUC"].item()
    honest = 0.5 if "nothing" in labels else plain
    axis.axvline(honest, color="#76808c", lw=1.2, ls="--")
    note = "nothing to find" if "nothing" in labels else "real rows alone"
    axis.text(honest, len(names) - 0.42, f" {note}", color="#76808c", ha="left", va="top")
    for shift, (way, colour) in enumerate(COLOURS.items()):
        scores = part[part["way"] == way].set_index("generator").loc[names, "AUC"]
        height = np.arange(len(names))[::-1] + 0.2 - 0.2 * shift
        axis.hlines(height, honest, scores, color=colour, lw=1.5, alpha=0.5)
        axis.plot(scores, height, "o", ms=8, color=colour, label=way)
    axis.set(title=labels, xlabel="ROC AUC, as it was reported", xlim=(0.3, 1.03))
    axis.set_ylim(-0.5, len(names) - 0.4)
    axis.spines[["top", "right", "left"]].set_visible(False)
axes[0].set_yticks(range(len(names)), names[::-1])
axes[0].tick_params(axis="y", length=0)
axes[0].legend(frameon=False, loc="lower left")
plt.show()

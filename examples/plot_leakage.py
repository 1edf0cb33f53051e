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
# 80 patients, and the measurements of texture and shape. The other labels are the true ones in
# four random orders: nobody can predict them.

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
orders = [np.random.default_rng(seed).permutation(len(y)) for seed in range(4)]
targets = {
    "the true labels": [y],
    "labels that mean nothing": [y.iloc[order].reset_index(drop=True) for order in orders],
}

forest = RandomForestClassifier(30, min_samples_leaf=2, random_state=0)
N_NEW = 400


def auc(X_train, y_train, X_test, y_test):
    """Train a forest, and score it."""
    fitted = clone(forest).fit(X_train, y_train)
    return roc_auc_score(y_test, fitted.predict_proba(X_test)[:, 1])


def folds(X, y):
    """Give five stratified folds."""
    return StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)


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
    "TabularVAE": TabularVAE(n_members=1, random_state=0),
}
ways = {
    "augment, then split": augment_then_split,
    "split, but fit the generator on all": fit_on_everything,
    "split, then augment": split_then_augment,
}


def real_alone(X, y):
    """Add nothing."""
    return [auc(X.loc[a], y[a], X.loc[b], y[b]) for a, b in folds(X, y)]


plain = {name: np.mean([real_alone(X, y) for y in given]) for name, given in targets.items()}
rows = [
    (labels, name, way, np.mean([evaluate(generator, X, y) for y in given]))
    for labels, given in targets.items()
    for name, generator in generators.items()
    for way, evaluate in ways.items()
]
results = pd.DataFrame(rows, columns=["labels", "generator", "way", "AUC"])
print("real rows alone:", {name: round(float(score), 2) for name, score in plain.items()})
print(results.set_index(["labels", "generator", "way"])["AUC"].unstack().round(2).to_string())

# %%
# The same patients and the same forest: only the order of the steps differs. On labels that mean
# nothing, rows made by SMOTE or jitter and split afterwards give a forest that looks nearly
# perfect. `TabularVAE` keeps of the classes what held-out rows bear out, so it leaks less where
# there is nothing; on the true labels the wrong order flatters it as well. In the right order none
# of the three helps this forest: that is the answer, and only the right order gives it.

COLOURS = dict(zip(ways, ("#b4351b", "#d9953b", "#0a6a94"), strict=True))
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
names = list(generators)
for axis, (labels, part) in zip(axes, results.groupby("labels", sort=False), strict=True):
    honest = plain[labels]
    axis.axvline(honest, color="#76808c", lw=1.2, ls="--")
    axis.text(
        honest - 0.01, len(names) - 0.42, "real rows alone", color="#76808c", ha="right", va="top"
    )
    for shift, (way, colour) in enumerate(COLOURS.items()):
        scores = part[part["way"] == way].set_index("generator").loc[names, "AUC"]
        height = np.arange(len(names))[::-1] + 0.2 - 0.2 * shift
        axis.hlines(height, honest, scores, color=colour, lw=1.5, alpha=0.5)
        axis.plot(scores, height, "o", ms=8, color=colour, label=way)
    axis.set(title=labels, xlabel="ROC AUC that would be reported", xlim=(0.38, 1.03))
    axis.set_ylim(-0.5, len(names) - 0.4)
    axis.spines[["top", "right", "left"]].set_visible(False)
axes[0].set_yticks(range(len(names)), names[::-1])
for axis in axes:
    axis.tick_params(axis="y", length=0)
axes[0].legend(frameon=False, loc="lower left")
plt.show()

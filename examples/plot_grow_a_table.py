"""
Grow a table, and look at it
============================

A hundred and twenty patients of the Wisconsin breast cancer table, and synthetic ones beside them.
Before any figure of merit, *look*: do the classes lie where they should, and do the columns still
depend on each other?
"""

# %%
# The patients
# ------------
#
# Each row is a tumour, and each column a measurement of its cell nuclei. We keep 120 rows, as a
# small hospital might have, and put the rest aside: they will tell us what another 120 real
# patients look like.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from augment import TabularVAE

data = load_breast_cancer(as_frame=True)
X, y = data.data, data.target.map({0: "malignant", 1: "benign"}).rename("diagnosis")
X, X_other, y, y_other = train_test_split(X, y, train_size=120, stratify=y, random_state=0)
X_other, y_other = X_other[:120], y_other[:120]
y.value_counts()

# %%
# Fit and sample
# --------------
#
# ``sample`` always returns a pair, in the proportions of the fitted labels.

vae = TabularVAE(random_state=0).fit(X, y)
X_new, y_new = vae.sample(120, random_state=1)
X_new.iloc[:, :5].describe().round(2)

# %%
# The classes
# -----------
#
# In the middle, patients who never lived; on the right, real ones whom the model never saw. The
# middle should differ from the left no more than the right does.

COLOURS = {"malignant": "#b4631b", "benign": "#0a6a94"}
tables = {
    "real, 120 training rows": (X, y),
    "synthetic, 120 rows": (X_new, y_new),
    "real, 120 other rows": (X_other, y_other),
}
across, up = "mean concave points", "mean radius"

figure, axes = plt.subplots(1, 3, figsize=(11, 4), sharex=True, sharey=True, layout="constrained")
for axis, (title, (table, labels)) in zip(axes, tables.items(), strict=True):
    for label, colour in COLOURS.items():
        rows = table[labels == label]
        axis.scatter(rows[across], rows[up], s=22, color=colour, alpha=0.65, lw=0, label=label)
    axis.set(title=title, xlabel=across)
    axis.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel(up)
axes[0].legend(frameon=False, loc="lower right")
plt.show()

# %%
# Each column
# -----------
#
# The share of patients below each value, for six columns. A column that came out too narrow or
# lost its tail would show here.

columns = X.columns[[0, 1, 4, 7, 13, 26]]
X_many, _ = vae.sample(2000, random_state=2)
lines = {
    "real, training": (X, "#1f2a37", "-"),
    "synthetic": (X_many, "#0a6a94", "-"),
    "real, other": (X_other, "#76808c", ":"),
}

figure, axes = plt.subplots(2, 3, figsize=(11, 5.2), sharey=True, layout="constrained")
for axis, column in zip(axes.flat, columns, strict=True):
    for name, (table, colour, style) in lines.items():
        axis.ecdf(table[column], color=colour, ls=style, lw=1.8, label=name)
    axis.set_title(column)
    axis.spines[["top", "right"]].set_visible(False)
axes[0, 0].legend(frameon=False)
plt.show()

# %%
# How the columns depend on each other
# ------------------------------------
#
# Rank correlations of all thirty columns, in three tables of 120 rows. The right half shows by how
# much two of them disagree: synthetic against training, and real against real.

ranks = {name: table.corr("spearman").to_numpy() for name, (table, _) in tables.items()}
training, synthetic, other = ranks.values()
panels = {
    "real, training": training,
    "synthetic": synthetic,
    "synthetic - training": synthetic - training,
    "other real - training": other - training,
}

figure, axes = plt.subplots(1, 4, figsize=(11, 3.3), layout="constrained")
for axis, (title, matrix) in zip(axes, panels.items(), strict=True):
    picture = axis.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    axis.set(title=title, xticks=[], yticks=[])
figure.colorbar(picture, ax=axes, shrink=0.8, label="rank correlation")
plt.show()

for title in ("synthetic - training", "other real - training"):
    print(f"{title}: mean absolute difference {np.abs(panels[title]).mean():.3f}")

# %%
# The synthetic table lies a little farther from the training table than other patients do, and most
# of its correlations are too weak: the VAE shrinks dependence on purpose, because a part of what
# 120 patients show is accident.
#
# What this does not show
# -----------------------
#
# Rows that look right need not be useful, and nothing here says how close a synthetic row comes to
# a patient. Whether the rows help a classifier is the next question.

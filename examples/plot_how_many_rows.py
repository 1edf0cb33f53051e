"""
Let cross-validation choose how many rows
=========================================

Synthetic rows can help a classifier, do nothing, or harm it. ``AugmentedClassifier`` tries several
ratios by inner cross-validation, and adds rows only where they are clearly better than none.
"""

# %%
# The patients, and two generators
# --------------------------------
#
# Sixty patients to learn from; all the others, whom nothing sees, to judge by. One generator is a
# VAE. The other is a trap: it copies real rows, and deals their labels out anew.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from augment import AugmentedClassifier, Bootstrap, TabularVAE

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X, X_later, y, y_later = train_test_split(X, y, train_size=60, stratify=y, random_state=0)


class Trap(Bootstrap):
    """Copies with the labels of other rows."""

    def sample(self, n_samples=1, *, y=None, random_state=None):
        rows, labels = super().sample(n_samples, y=y, random_state=random_state)
        return rows, np.random.default_rng(random_state).permutation(labels)


# %%
# Fit
# ---
#
# The plain classifier is what ``AugmentedClassifier`` falls back to.

plain = RandomForestClassifier(n_estimators=100, random_state=0)
models = {
    "VAE": AugmentedClassifier(plain, TabularVAE(random_state=0), random_state=0).fit(X, y),
    "trap": AugmentedClassifier(plain, Trap(random_state=0), random_state=0).fit(X, y),
}
for name, model in models.items():
    print(f"{name}: {model.best_ratio_:g} synthetic rows per real one")

# %%
# What was compared
# -----------------
#
# The gain in log loss over no synthetic rows, with one corrected standard error. Rows are kept only
# if the whole bar of the best candidate lies above the line.

COLOURS = {0.3: "#76808c", 1.0: "#0a6a94"}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for axis, (name, model) in zip(axes, models.items(), strict=True):
    tried = pd.DataFrame(model.cv_results_)
    for shift, (weight, colour) in zip((-0.08, 0.08), COLOURS.items(), strict=True):
        rows = tried[tried["weight"] == weight]
        places = np.arange(len(rows)) + shift
        axis.errorbar(
            places,
            rows["mean_gain"],
            rows["standard_error"],
            fmt="o",
            color=colour,
            label=f"a synthetic row counts {weight:g}",
        )
    axis.axhline(0, color="#1f2a37", lw=1)
    axis.set_xticks(range(4), [f"{ratio:g}" for ratio in rows["ratio"]])
    axis.set(title=f"{name}: chosen {model.best_ratio_:g}", xlabel="synthetic rows per real row")
    axis.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("gain in log loss")
axes[1].legend(frameon=False)
plt.show()

# %%
# And on patients whom nothing saw
# --------------------------------

losses = {"plain": log_loss(y_later, plain.fit(X, y).predict_proba(X_later))}
losses |= {name: log_loss(y_later, model.predict_proba(X_later)) for name, model in models.items()}
pd.Series(losses, name="log loss").round(3)

# %%
# One table and one split show how it works, not that it works. The scores above were used to
# choose; ``evaluate_lift`` and an outer cross-validation measure.

"""
Does it help?
=============

Synthetic rows are worth having if a classifier that is trained with them predicts new patients
better. :func:`augment.evaluate_lift` measures that, split by split, with the generator fitted on
the training part alone.
"""

# %%
# A small study
# -------------
#
# 80 patients, three classifiers and ten splits, to finish in a minute. The defaults are six
# classifiers and thirty splits: use those for a real answer. We keep the measurements of texture
# and shape alone, because with all thirty this table is too easy: nobody could improve on it.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from augment import TabularVAE, evaluate_lift

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X = X.filter(regex="texture|smoothness|symmetry|fractal")
X, _, y, _ = train_test_split(X, y, train_size=80, stratify=y, random_state=0)

estimators = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "random forest": RandomForestClassifier(50, min_samples_leaf=3, random_state=0),
    "k nearest neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(10)),
}
result = evaluate_lift(
    TabularVAE(random_state=0), X, y, estimators=estimators, n_repeats=2, random_state=0
)
print(result)

# %%
# The forest plot
# ---------------
#
# Each dot is a lift: the score with the added rows minus the score without, in the same splits.
# The bar is its corrected 95 % interval. Right of zero is better for both metrics, since the sign
# of the log loss is turned. Copies and SMOTE stand below as controls: a generator must beat them.

METRICS = {"roc_auc": "ROC AUC", "neg_log_loss": "log loss (sign turned)"}
ARMS = {"augmented": "#0a6a94", "bootstrap": "#76808c", "smote": "#b4631b"}
summary = result.summary
names = [*estimators, "all"]

figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
for axis, (metric, title) in zip(axes, METRICS.items(), strict=True):
    axis.axvline(0, color="#222222", lw=0.8)
    for shift, (arm, colour) in enumerate(ARMS.items()):
        rows = summary[(summary["arm"] == arm) & (summary["metric"] == metric)]
        rows = rows.set_index("estimator")
        rows = rows.loc[[name for name in names if name in rows.index]]
        height = [len(names) - names.index(name) - 0.22 * shift for name in rows.index]
        axis.hlines(height, rows["lower"], rows["upper"], color=colour, lw=2)
        axis.plot(rows["lift"], height, "o", color=colour, label=arm)
    axis.set(title=title, xlabel="lift over real rows alone")
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
axes[0].set_yticks([len(names) - i - 0.22 for i in range(len(names))], names)
axes[1].legend(frameon=False)
plt.show()

# %%
# What this study could have seen
# -------------------------------
#
# With few patients only large lifts can be told from chance. This is the lift that a study of this
# size would find four times in five:

for metric, lift in result.smallest_detectable_lift.items():
    print(f"{metric:18s} {lift:.3f}")

# %%
# Many real patients or a few?
# ----------------------------
#
# The learning curve of real patients alone says how many of them the synthetic ones were worth.

if result.equivalent_rows is not None:
    print(result.equivalent_rows.text)

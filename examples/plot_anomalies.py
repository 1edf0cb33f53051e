"""
Flag what does not belong
=========================

A VAE learns what benign tumours look like. Of tumours that it has not seen, which look unusual, and
why? And does the false-positive rate hold?
"""

# %%
# Normal rows, and others
# -----------------------
#
# 150 benign tumours to learn from. The other benign ones, the malignant ones, and five benign ones
# of which one number was typed with a slipped decimal point.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

from augment import ReconstructionDetector, TabularVAE

source = load_breast_cancer(as_frame=True)
X = source.data[[f"mean {name}" for name in ("radius", "texture", "smoothness", "symmetry")]]
benign, malignant = X[source.target == 1], X[source.target == 0]
train, others = benign[:150], benign[150:]
typos = others[:5].assign(**{"mean texture": others["mean texture"][:5] * 10})
others = others[5:]

# %%
# Fit
# ---
#
# One in twenty new benign tumours shall be flagged.

generator = TabularVAE(max_steps=150, n_members=2, random_state=0)
detector = ReconstructionDetector(generator, false_positive_rate=0.05, random_state=0).fit(train)
groups = {"benign": others, "malignant": malignant, "typing error": typos}
for name, rows in groups.items():
    print(f"{name}: {(detector.predict(rows) == -1).mean():.0%} of {len(rows)} flagged")

# %%
# Scores and reasons
# ------------------
#
# On the left, the share of each group by score. The dashed line is the threshold; it was set from
# benign tumours that were left out of training. On the right, five tumours of each group: how far
# each number lies from what the others let one expect, in usual sizes of such differences.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
edges = np.linspace(-5, 2, 36)
for (name, rows), colour in zip(groups.items(), ("grey", "tab:blue", "tab:orange"), strict=True):
    scores = np.clip(detector.score_samples(rows), edges[0], edges[-1])
    share = np.full(len(scores), 1 / len(scores))
    left.hist(scores, edges, weights=share, alpha=0.55, color=colour, label=name)
left.axvline(detector.offset_, color="black", linestyle="--", linewidth=1, label="threshold")
left.set(xlabel="score (higher is more normal)", ylabel="share of the group")
left.legend(loc="upper right")

reasons = pd.concat({name: detector.explain(rows).head(5) for name, rows in groups.items()})
picture = right.imshow(reasons, aspect="auto", cmap="RdBu_r", vmin=-6, vmax=6)
right.set_xticks(range(X.shape[1]), [name.removeprefix("mean ") for name in X.columns])
right.set_yticks([2, 7, 12], list(groups))
for border in (4.5, 9.5):
    right.axhline(border, color="black", linewidth=0.8)
right.tick_params(length=0)
figure.colorbar(picture, label="far too low          as expected          far too high")
plt.show()

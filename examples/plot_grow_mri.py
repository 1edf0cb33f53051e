"""
Grow a set of brain slices
==========================

Forty phantom heads, a few slices of each, stand in for a small MRI study: half of the subjects
have a lesion. We hold out whole subjects, grow the others with a VAE, and look at the result as a
reader of a report would: real slices beside synthetic ones in the same window, the figures beside
their floors, and heads of growing age.

With files of your own, the first line is ``slices = load_slices("study", covariates=["age"])``.
"""

# %%
# The slices know their subjects
# ------------------------------
#
# A split by slice would put slices of one head on both sides. ``split_slices`` keeps each subject
# on one side.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from augment import ImageVAE, evaluate_fidelity
from augment.data import make_phantoms, split_slices
from augment.evaluation import sample_without_copies

slices = make_phantoms(n_subjects=40, n_slices=3, size=64, random_state=0)
train, holdout = split_slices(slices, random_state=0)
print(train)
print(holdout)

# %%
# Fit, and draw
# -------------
#
# The model is conditioned on the diagnosis, on age and on the height of the slice. Draws that come
# nearer to a training slice than slices of other subjects do are drawn anew.

vae = ImageVAE(random_state=0).fit(train.images, train.conditions, groups=train.groups)
drawn = sample_without_copies(vae, 100, train=train.images, holdout=holdout.images, random_state=1)
print(f"{drawn.n_rejected} of {drawn.n_drawn} draws were too near to a training slice")

# %%
# Real above, synthetic below
# ---------------------------

figure, axes = plt.subplots(4, 8, figsize=(9, 4.8))
for block, name in enumerate(["healthy", "lesion"]):
    real = train.images[np.asarray(train.y == name)][::5]
    synthetic = drawn.images[np.asarray(drawn.y["diagnosis"] == name)]
    for row, (kind, images) in enumerate([("real", real), ("synthetic", synthetic)]):
        for column in range(8):
            axis = axes[2 * block + row, column]
            axis.imshow(images[column, 0], cmap="gray", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
        axes[2 * block + row, 0].set_ylabel(f"{name}\n{kind}", fontsize=8)
figure.tight_layout(pad=0.4)

# %%
# How near is that?
# -----------------
#
# Each figure stands beside its floor: the same figure for as many real slices of other subjects.

result = evaluate_fidelity(train, (drawn.images, drawn.y["diagnosis"]), holdout, random_state=0)
print(result)

# %%
# Older heads
# -----------
#
# The same height and diagnosis at growing age: the ventricles widen, as they do in the phantoms.
# The left edge of the head moves, too. In the phantoms it knows nothing of age; in these few heads
# it goes with age by chance, and a model cannot tell the two apart.

ages = [30, 45, 60, 75]
wanted = pd.DataFrame({"diagnosis": "healthy", "age": np.repeat(ages, 40), "slice_position": 0.55})
older, _ = vae.sample(y=wanted, random_state=2)
figure, axes = plt.subplots(1, 4, figsize=(9, 2.5), layout="constrained")
for axis, age in zip(axes, ages, strict=True):
    mean = older[np.asarray(wanted["age"] == age)].mean(axis=0)[0]
    axis.imshow(mean, cmap="gray", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"{age} years, mean of 40", fontsize=10)
plt.show()

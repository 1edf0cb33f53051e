"""
Do synthetic slices help on top of classical augmentation?
==========================================================

Whoever trains on slices turns, shifts and disturbs them already. So the question is not whether
synthetic slices beat nothing, but what they add to that, and whether copies would have added as
much.
"""

# %%
# Forty phantom heads
# -------------------
#
# Two slices of each; half of the heads have a faint lesion. Phantoms are drawings, so what follows
# shows how to ask, and says nothing of patients.

import matplotlib.pyplot as plt

from augment import ImageVAE, evaluate_lift
from augment.data import augment_images, make_phantoms
from augment.evaluation import image_estimators

slices = make_phantoms(n_subjects=40, n_slices=2, size=32, contrast=0.25, random_state=0)
X, y = slices.images, slices.y

# %%
# What is learned from
# --------------------
#
# Real slices, the same slices moved and disturbed, and slices that a VAE draws for their label.

vae = ImageVAE(random_state=0).fit(X, y, groups=slices.groups)
sick = [i for i, label in enumerate(y) if label == "lesion"][:12:2]
rows = {
    "real": X[sick],
    "classical\naugmentation": augment_images(X, random_state=0)[sick],
    "synthetic": vae.sample(6, y="lesion", random_state=0)[0],
}
figure, axes = plt.subplots(3, 6, figsize=(7.5, 4.0), layout="constrained")
for line, (name, images) in zip(axes, rows.items(), strict=True):
    for place, image in zip(line, images, strict=True):
        place.imshow(image[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        place.set(xticks=[], yticks=[])
    line[0].set_ylabel(name, fontsize=10)
figure.suptitle("Slices with a lesion")

# %%
# The study
# ---------
#
# Five splits by head. The generator is fitted on the training heads of each split alone. To keep
# it short, one fast classifier is asked: logistic regression on fixed random convolutions. Leave
# `estimators` out to ask the small convolutional network, too.

fast = {name: m for name, m in image_estimators().items() if name == "logistic regression"}
result = evaluate_lift(
    ImageVAE(random_state=0),
    X,
    y,
    estimators=fast,
    groups=slices.groups,
    n_repeats=1,
    random_state=0,
)
print(result)

# %%
# Each comparison, with two intervals
# -----------------------------------
#
# The thick line is the interval over splits, which decides. The thin one is over heads, with the
# trained classifiers taken as given. The first two comparisons decide the verdict.

table = result.comparisons.query("estimator == 'all' and metric == 'neg_log_loss'")
names = [f"{row.arm}\nminus {row.reference}" for row in table.itertuples()]
figure, axis = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
axis.axvline(0, color="0.6", linewidth=0.8)
for place, row in enumerate(table.itertuples()):
    color = "tab:blue" if place < 2 else "0.45"
    axis.plot([row.lower, row.upper], [-place, -place], color=color, linewidth=4, alpha=0.5)
    axis.plot([row.group_lower, row.group_upper], [-place, -place], color=color, linewidth=1)
    axis.plot(row.lift, -place, "o", color=color)
axis.set_yticks([-place for place in range(len(names))], names, fontsize=9)
axis.set_xlabel("change in log probability of the true label (to the right is better)")
axis.set_title(f"Verdict: {result.verdict}")
plt.show()

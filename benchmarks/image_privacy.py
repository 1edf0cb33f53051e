"""Measure what slices of an `ImageVAE` give away, with and without `groups`.

    python benchmarks/image_privacy.py --cohorts 3
    python benchmarks/image_privacy.py --cohorts 3 --model --slices 3
    python benchmarks/image_privacy.py --cohorts 5 --copies --slices 1 --heads 80
    python benchmarks/image_privacy.py --cohorts 20 --fresh --slices 1 3 --heads 80
    python benchmarks/image_privacy.py --cohorts 10 --fresh --data FOLDER

Phantom heads of several slices each: two thirds of the heads are learned from, the others are the
hold-out of `augment.evaluate_privacy`. The same generator is fitted once knowing which slices are
of one head, and once not. The last line is what fresh heads of the same law would show.

``--model`` asks instead what the file of the model gives away: how well the reconstruction error
tells heads that were learned from and others apart, for several widths of the latent code, and
how far the draws of each are from held-out heads.

``--copies`` asks what `evaluate_privacy` sees of the slices of the fit themselves, handed in as
synthetic: as they are, brighter, with noise, moved, turned and mirrored; and of one of them among
slices of other heads.

``--fresh`` counts how often slices of other patients are called changed copies: of phantoms, or of
the images of FOLDER, with an ``index.csv`` as `image_fidelity.py` reads it. Its blocks are dealt
into a part to learn from, a hold-out (150 slices of each) and fresh slices (200).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from image_fidelity import read
from scipy.ndimage import rotate, shift
from sklearn.metrics import roc_auc_score

from augment import ImageVAE, evaluate_privacy
from augment.data import augment_images, make_phantoms, split_slices
from augment.metrics import aligned_nearness, compare_images, false_discovery

ATTACKS = ("density ratio", "k-NN ratio", "classifier")
N_DRAWN = 400
LATENT_DIMS = (4, 8, 16, 32, 64, "auto")
SIDE = 32
COPY_LEVEL, N_AMONG = 0.005, 100
COPIES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "exact": lambda images, _: images,
    "10 % brighter": lambda images, _: 1.1 * images,
    "noise, SD .02": lambda images, rng: images + rng.normal(0, 0.02, images.shape),
    "noise, SD .05": lambda images, rng: images + rng.normal(0, 0.05, images.shape),
    "moved by half a pixel": lambda images, _: shift(images, (0, 0, 0, 0.5), order=1),
    "moved by a pixel": lambda images, _: np.roll(images, 1, axis=3),
    "moved by two pixels": lambda images, _: np.roll(images, 2, axis=3),
    "moved by three pixels and one": lambda images, _: np.roll(images, (3, 1), axis=(2, 3)),
    "turned by 3 degrees": lambda images, _: rotate(images, 3, axes=(2, 3), reshape=False, order=1),
    "turned by 10 degrees": lambda images, _: rotate(
        images, 10, axes=(2, 3), reshape=False, order=1
    ),
    "mirrored": lambda images, _: images[..., ::-1],
    "turned by a quarter": lambda images, _: np.rot90(images, axes=(2, 3)),
    "other contrast (power .8)": lambda images, _: np.clip(images, 0, None) ** 0.8,
    "augmented (augment_images)": lambda images, _: augment_images(images, random_state=0),
}


class Part(NamedTuple):
    """Slices, and the patient of each."""

    images: np.ndarray
    groups: np.ndarray


def one_cohort(n_heads: int, n_slices: int, seed: int) -> list[dict[str, object]]:
    """Attack the draws of both fits, and other heads."""
    heads = make_phantoms(n_subjects=n_heads, n_slices=n_slices, size=SIDE, random_state=seed)
    train, holdout = split_slices(heads, random_state=seed)
    fresh = make_phantoms(
        n_subjects=N_DRAWN // n_slices, n_slices=n_slices, size=SIDE, random_state=seed + 1000
    )
    rows = []
    for fit, groups in (("with groups", train.groups), ("without groups", None), ("fresh", None)):
        drawn = (fresh.images, fresh.y)
        if fit != "fresh":
            vae = ImageVAE(random_state=seed).fit(train.images, train.y, groups=groups)
            drawn = vae.sample(N_DRAWN, random_state=seed)
        found = evaluate_privacy(train, drawn, holdout, random_state=seed)
        auc = found.attacks.set_index("attack")["auc"]
        rows.append(
            {
                "fit": fit,
                "slices": n_slices,
                **{name: auc[name] for name in ATTACKS},
                "found": found.verdict != "nothing found at this size",
                "heads": len(np.unique(train.groups)),
            }
        )
    return rows


def one_model(n_heads: int, n_slices: int, seed: int) -> list[dict[str, object]]:
    """Attack the model itself at each width of its code."""
    heads = make_phantoms(n_subjects=n_heads, n_slices=n_slices, size=SIDE, random_state=seed)
    train, holdout = split_slices(heads, random_state=seed)
    member = np.repeat([1, 0], [len(train.images), len(holdout.images)])
    rows = []
    for width in LATENT_DIMS:
        vae = ImageVAE(latent_dim=width, random_state=seed)
        vae.fit(train.images, train.y, groups=train.groups)
        errors = [vae.reconstruction_error(part.images, part.y) for part in (train, holdout)]
        drawn = vae.sample(y=np.asarray(train.y), random_state=seed)[0]
        likeness = compare_images(train.images, drawn, holdout=holdout.images, n_repeats=2)
        frechet = likeness.query("metric == 'Frechet distance'").set_index("features")["value"]
        rows.append(
            {
                "latent_dim": width,
                "slices": n_slices,
                "attack AUC": roc_auc_score(member, -np.concatenate(errors)),
                **{f"Frechet, {name}": value for name, value in frechet.items()},
            }
        )
    return rows


def one_set_of_copies(n_heads: int, n_slices: int, seed: int) -> list[dict[str, object]]:
    """Hand in the slices of the fit, changed a little, and slices of other heads."""
    heads = make_phantoms(n_subjects=n_heads, n_slices=n_slices, size=SIDE, random_state=seed)
    train, holdout = split_slices(heads, holdout_fraction=0.5, random_state=seed)
    others = make_phantoms(n_heads // 2, n_slices=n_slices, size=SIDE, random_state=seed + 1000)
    drawn = {
        name: change(train.images, np.random.default_rng(seed)) for name, change in COPIES.items()
    }
    rows = []
    for name, images in {**drawn, "other heads": others.images}.items():
        found = evaluate_privacy(
            train.images,
            images,
            holdout.images,
            groups=train.groups,
            holdout_groups=holdout.groups,
            random_state=seed,
        )
        rows.append(
            {
                "copies": name,
                "slices": n_slices,
                "copies found": found.verdict == "copies found",
                "anything found": found.verdict != "nothing found at this size",
                "share flagged": found.copied_.mean(),
                "strongest AUC": found.strongest["auc"],
                "found alone": (found.copies["changed_p_value"] <= COPY_LEVEL / N_AMONG).mean(),
            }
        )
    return rows


def one_set_of_fresh_slices(n_heads: int, n_slices: int, seed: int) -> list[dict[str, object]]:
    """Lay slices of other phantoms on those of the fit and of the hold-out."""
    heads = make_phantoms(n_heads, n_slices=n_slices, size=SIDE, random_state=seed + 100)
    parts = split_slices(heads, holdout_fraction=0.5, random_state=seed + 100)
    others = make_phantoms(n_heads // 2, n_slices=n_slices, size=SIDE, random_state=seed + 1100)
    return [called_copies(parts[0], others, parts[1], n_slices)]


def one_set_of_patients(data: Part, seed: int) -> dict[str, object]:
    """Lay slices of some patients on those of others."""
    blocks = np.random.default_rng(seed + 100).permutation(np.unique(data.groups))
    size, rng = len(blocks) // 3, np.random.default_rng(seed + 100)
    parts = []
    for k, n in enumerate((150, 150, 200)):
        own = np.flatnonzero(np.isin(data.groups, blocks[k * size : (k + 1) * size]))
        rows = own[np.sort(rng.permutation(len(own))[:n])]
        parts.append(Part(data.images[rows], data.groups[rows]))
    return called_copies(parts[0], parts[2], parts[1], 0)


def called_copies(train: Part, fresh: Part, holdout: Part, n_slices: int) -> dict[str, object]:
    """Count fresh slices that are called copies once they are laid on others."""
    found = aligned_nearness(
        train.images,
        fresh.images,
        holdout.images,
        groups=train.groups,
        holdout_groups=holdout.groups,
    )
    return {
        "slices": n_slices,
        "cohorts": "fresh",
        "any called a copy": false_discovery(found.p_values, COPY_LEVEL).any(),
        "p at most .05": (found.p_values <= 0.05).mean(),
        "p at most .01": (found.p_values <= 0.01).mean(),
        "p at most .001": (found.p_values <= 0.001).mean(),
    }


def main() -> None:
    """Run all cohorts, and print means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=3)
    parser.add_argument("--heads", type=int, default=40)
    parser.add_argument("--slices", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--model", action="store_true", help="attack the file of the model")
    parser.add_argument("--copies", action="store_true", help="hand in changed copies")
    parser.add_argument("--fresh", action="store_true", help="count false alarms")
    parser.add_argument("--data", type=Path, help="with --fresh: a folder of slices")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    attack, key = (one_model, "latent_dim") if arguments.model else (one_cohort, "fit")
    if arguments.copies:
        attack, key = one_set_of_copies, "copies"
    if arguments.fresh:
        attack, key = one_set_of_fresh_slices, "cohorts"
    seeds = range(arguments.cohorts)
    if arguments.data is None:
        found = pd.DataFrame(
            row
            for n_slices in arguments.slices
            for seed in seeds
            for row in attack(arguments.heads, n_slices, seed)
        )
    else:
        images, _, blocks = read(arguments.data)
        data = Part(images, blocks)
        found = pd.DataFrame(one_set_of_patients(data, seed) for seed in seeds)
    means = found.groupby(["slices", key], sort=False).mean()
    print(means.round(4 if arguments.fresh else 2).to_string())


if __name__ == "__main__":
    main()

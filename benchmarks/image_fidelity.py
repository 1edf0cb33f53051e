"""Compare generators of images with a class-wise PCA and Gaussian, and with other patients.

    python benchmarks/image_fidelity.py FOLDER --sizes 20 50 --splits 5 --out results.csv

FOLDER holds images and an ``index.csv`` with columns ``file`` (relative), ``label`` and ``block``
(the patient, or a run of slices that keeps patients together). Half of the blocks of each class
are learned from, a quarter is the hold-out, and a quarter gives the fresh slices of other
patients: what a perfect generator would reach. Figures are means over splits.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from augment import ImageVAE
from augment.metrics import compare_images

SIDE = 64
METRICS = ["kernel distance", "Frechet distance", "recall", "coverage", "copy rate"]


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read images at 64 px, labels and blocks."""
    index = pd.read_csv(folder / "index.csv")
    images = [
        np.asarray(
            Image.open(folder / name).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
        )
        for name in index["file"]
    ]
    return np.stack(images)[:, None], index["label"].to_numpy(), index["block"].to_numpy()


def split(
    labels: np.ndarray, blocks: np.ndarray, size: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choose training, fresh and held-out rows: `size` a class, and up to 100 held out."""
    rng = np.random.default_rng(seed)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for label in np.unique(labels):
        own = rng.permutation(np.unique(blocks[labels == label]))
        half, rest = len(own) // 2, len(own) // 4
        for part, chosen, most in zip(
            parts,
            (own[:half], own[half : half + rest], own[half + rest :]),
            (size, size, 100),
            strict=True,
        ):
            rows = np.flatnonzero((labels == label) & np.isin(blocks, chosen))
            part += rng.permutation(rows)[:most].tolist()
    train, fresh, held_out = (np.array(part) for part in parts)
    return train, fresh, held_out


def pca_gaussian(
    X: np.ndarray, y: np.ndarray, wanted: np.ndarray, axes: int | None, seed: int
) -> np.ndarray:
    """Draw from a Gaussian on the principal scores of each class."""
    rng, drawn = np.random.default_rng(seed), np.empty((len(wanted), *X.shape[1:]))
    for label in np.unique(y):
        rows = X[y == label].reshape((y == label).sum(), -1).astype(float)
        mean = rows.mean(axis=0)
        _, singular, directions = np.linalg.svd(rows - mean, full_matrices=False)
        k = min(axes or len(rows), len(rows) - 1)
        here = wanted == label
        codes = rng.normal(size=(here.sum(), k)) * singular[:k] / np.sqrt(len(rows) - 1)
        drawn[here] = (mean + codes @ directions[:k]).reshape(-1, *X.shape[1:])
    return drawn.clip(0, 255)


def main() -> None:
    """Run all splits, keep every figure, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("image_fidelity.csv"))
    arguments = parser.parse_args()
    X, y, blocks = read(arguments.folder)
    found = []
    for size in arguments.sizes:
        for seed in range(arguments.splits):
            train, fresh, held_out = split(y, blocks, size, seed)
            wanted = np.repeat(y[train], 2)
            start = time.perf_counter()
            vae = ImageVAE(random_state=seed).fit(X[train], y[train], groups=blocks[train])
            seconds = time.perf_counter() - start
            drawn = {
                "other patients": (X[fresh], y[fresh]),
                "PCA + Gaussian, all axes": (
                    pca_gaussian(X[train], y[train], wanted, None, seed),
                    wanted,
                ),
                "PCA + Gaussian, 20 axes": (
                    pca_gaussian(X[train], y[train], wanted, 20, seed),
                    wanted,
                ),
                "ImageVAE": vae.sample(y=wanted, random_state=seed),
            }
            for name, (images, labels) in drawn.items():
                frame = compare_images(
                    X[train],
                    images,
                    holdout=X[held_out],
                    labels=y[train],
                    synthetic_labels=labels,
                    holdout_labels=y[held_out],
                    groups=blocks[train],
                    holdout_groups=blocks[held_out],
                    n_repeats=2,
                    random_state=seed,
                )
                found.append(frame.assign(generator=name, size=size, split=seed, seconds=seconds))
                pd.concat(found).to_csv(arguments.out, index=False)
    table = pd.concat(found)
    kept = table[table["metric"].isin([*METRICS, "two-sample AUC"])]
    keys = ["size", "features", "generator"]
    print(kept.pivot_table(index=keys, columns="metric", values="value").round(3).to_string())
    print(f"ImageVAE fit: {table['seconds'].max():.1f} s at most")


if __name__ == "__main__":
    main()

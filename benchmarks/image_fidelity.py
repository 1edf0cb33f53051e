"""Compare generators of images with PCA, with MONAI's networks, and with other patients.

    python benchmarks/image_fidelity.py FOLDER --sizes 20 50 --splits 5 --out results.csv

FOLDER holds images and an ``index.csv`` with columns ``file`` (relative), ``label`` and ``block``
(the patient, or a run of slices that keeps patients together). Half of the blocks of each class
are learned from, a quarter is the hold-out, and a quarter gives the fresh slices of other
patients: what a perfect generator would reach. Figures are means over splits.

Rivals train for as many seconds of computing as the targets allow: 60 for autoencoders, 180 for
adversarial networks, times ``--budget``. A classifier that is trained on all slices of the
hold-out's patients says whether images show the label that was asked for: 600 further draws, and
beside them all slices of the other patients, because sixty slices from ten blocks say little.
Results are added to the file split by split, and what it holds is not computed again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.base import clone

from augment import ImageClassifier, ImageGAN, ImageVAE
from augment._random import isolated_rng
from augment.benchmarking.rivals import monai_gan, monai_vae
from augment.metrics import compare_images

SIDE = 64
VAE_SECONDS, GAN_SECONDS = 60.0, 180.0
JUDGE_STEPS = 200
N_JUDGED = 600
"""Further draws whose labels are judged; distances are taken of two for each training image."""
FLOOR, RIGID = "other patients", "ImageVAE, no deformation"
METRICS = [
    "kernel distance",
    "Frechet distance",
    "recall",
    "coverage",
    "two-sample AUC",
    "copy rate",
    "label accuracy",
]
Frame: TypeAlias = pd.DataFrame


@dataclass(frozen=True)
class Data:
    """Images, their labels, and the patient of each."""

    X: np.ndarray
    y: np.ndarray
    blocks: np.ndarray

    def rows(self, chosen: np.ndarray) -> Data:
        """Give some of them."""
        return Data(self.X[chosen], self.y[chosen], self.blocks[chosen])

    def exchanged(self) -> dict[str, np.ndarray]:
        """Give images and labels as rivals of the benchmark take them."""
        return {"images": self.X, "labels": self.y}


Draw: TypeAlias = Callable[[Data, np.ndarray, int], dict[str, np.ndarray]]


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


def generators(budget: float) -> dict[str, Draw]:
    """Give what is compared: training images, labels, blocks, wanted labels and seed to images."""

    def fitted(name: str, generator: Any) -> Draw:
        def draw(data: Data, wanted: np.ndarray, seed: int) -> dict[str, np.ndarray]:
            model = clone(generator).set_params(random_state=seed)
            model.fit(data.X, data.y, groups=data.blocks)
            return {name: model.sample(y=wanted, random_state=seed)[0]}

        return draw

    def pca(axes: int | None) -> Draw:
        name = f"PCA + Gaussian, {axes or 'all'} axes"
        return lambda data, wanted, seed: {name: pca_gaussian(data.X, data.y, wanted, axes, seed)}

    def variational(data: Data, wanted: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        with isolated_rng(seed):
            model = monai_vae.fit(data.exchanged(), "", [], seed, seconds=VAE_SECONDS * budget)
        laws = {"fitted law": "class", "N(0, I)": "standard"}
        return {
            f"MONAI VAE, {name}": monai_vae.draw((*model[:-1], law), wanted, seed)
            for name, law in laws.items()
        }

    def adversarial(data: Data, wanted: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        with isolated_rng(seed):
            model = monai_gan.fit(data.exchanged(), "", [], seed, seconds=GAN_SECONDS * budget)
        return {"MONAI DCGAN": monai_gan.draw(model, wanted, seed)}

    return {
        "PCA + Gaussian, all axes": pca(None),
        "PCA + Gaussian, 20 axes": pca(20),
        RIGID: fitted(RIGID, ImageVAE(deformation_grid=0, shrinkage=0.3)),
        "ImageVAE": fitted("ImageVAE", ImageVAE()),
        "MONAI VAE, fitted law": variational,
        "MONAI DCGAN": adversarial,
        "ImageGAN": fitted("ImageGAN", ImageGAN()),
    }


def classifier(data: Data, seed: int) -> ImageClassifier:
    """Fit the judge of labels, classes weighed alike."""
    share = data.y[:, None] == np.unique(data.y)
    weight = (share / share.sum(axis=0)).sum(axis=1)
    model = ImageClassifier(max_steps=JUDGE_STEPS, random_state=seed)
    return model.fit(data.X, data.y, sample_weight=weight / weight.mean())


def agreement(judge: ImageClassifier, images: np.ndarray, labels: np.ndarray) -> float:
    """Give the share of images that show their label, the mean over classes."""
    right = judge.predict(images) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def compared(parts: dict[str, Data], images: np.ndarray, labels: np.ndarray, seed: int) -> Frame:
    """Take all figures of some images."""
    train, held_out = parts["train"], parts["held out"]
    return compare_images(
        train.X,
        images,
        holdout=held_out.X,
        labels=train.y,
        synthetic_labels=labels,
        holdout_labels=held_out.y,
        groups=train.blocks,
        holdout_groups=held_out.blocks,
        n_repeats=2,
        random_state=seed,
    )


def one_split(
    data: Data, size: int, seed: int, wanted: list[str], budget: float
) -> Iterator[Frame]:
    """Give the figures of each generator that is wanted."""
    names = ("train", "fresh", "held out")
    rows = dict(zip(names, split(data.y, data.blocks, size, seed), strict=True))
    parts = {name: data.rows(chosen) for name, chosen in rows.items()}
    theirs = np.isin(data.blocks, np.unique(parts["held out"].blocks))
    judge = classifier(data.rows(np.flatnonzero(theirs)), seed)
    own = parts["train"].y
    labels = np.concatenate([np.repeat(own, 2), np.repeat(own, -(-N_JUDGED // len(own)))])
    others = data.rows(np.concatenate([rows["fresh"], np.flatnonzero(~theirs)]))
    for name in wanted:
        start, computed = time.perf_counter(), time.process_time()
        if name == FLOOR:
            drawn, shown, n = {FLOOR: others.X}, others.y, len(rows["fresh"])
        else:
            drawn, shown = generators(budget)[name](parts["train"], labels, seed), labels
            n = 2 * len(own)
        took = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - computed}
        for found, images in drawn.items():  # the first n are compared, the rest are judged
            right = agreement(judge, images[n:], shown[n:])
            judged = pd.DataFrame([{"metric": "label accuracy", "value": right}])
            frame = pd.concat([compared(parts, images[:n], shown[:n], seed), judged])
            yield frame.assign(generator=found, size=size, split=seed, budget=budget, **took)


def table(found: Frame) -> str:
    """Give the means over splits."""
    found = found.assign(features=found["features"].fillna("classifier"))
    kept = found[found["metric"].isin(METRICS)]
    keys = ["size", "features", "generator"]
    means = kept.pivot_table(index=keys, columns="metric", values="value")
    times = found.groupby(["size", "generator"])[["seconds", "cpu"]].mean().round(1)
    splits = found.groupby(["size", "generator"])["split"].nunique().rename("splits")
    return f"{means.round(3).to_string()}\n\n{times.join(splits).to_string()}"


def main() -> None:
    """Run what is missing, keep every figure, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--budget", type=float, default=1.0)
    parser.add_argument("--generators", nargs="+", default=[FLOOR, *generators(1.0)])
    parser.add_argument("--out", type=Path, default=Path("image_fidelity.csv"))
    arguments = parser.parse_args()
    data = Data(*read(arguments.folder))
    found = pd.read_csv(arguments.out) if arguments.out.exists() else pd.DataFrame()
    for seed in range(arguments.splits):
        for size in arguments.sizes:
            done = (
                found.query("size == @size and split == @seed")["generator"] if len(found) else []
            )
            missing = [name for name in arguments.generators if name not in set(done)]
            for frame in one_split(data, size, seed, missing, arguments.budget) if missing else ():
                found = pd.concat([found, frame], ignore_index=True)
                partial = arguments.out.with_suffix(".part")
                found.to_csv(partial, index=False)
                partial.replace(arguments.out)
                print(size, seed, frame["generator"].iloc[0], flush=True)
    print(table(found))


if __name__ == "__main__":
    main()

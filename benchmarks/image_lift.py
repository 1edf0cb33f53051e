"""Measure what synthetic slices add to real ones, plain and with classical augmentation.

    python benchmarks/image_lift.py SOURCE --sizes 20 50 --out image_lift

SOURCE is a folder with images and an ``index.csv`` with columns ``file`` (relative), ``label``
and ``block`` (the patient, or a run of slices that keeps patients together), or a ``.npz`` file in
the layout of MedMNIST. The images are divided into five parts by block. In turn each part is the
test set, and `size` images a class, drawn from the other four, are learned from; so every image
is tested once. Each arm trains the same classifiers, with the same number of optimiser steps.

Finished splits are kept in the folder ``OUT/memory``: an interrupted run that is started again
goes on. ``OUT/scores.csv`` has one line for each score, ``OUT/comparisons.csv`` one for each
comparison, with two intervals: over splits (Nadeau and Bengio's correction, with the share of
training images that two splits have in common), and over blocks.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Memory
from PIL import Image

from augment import ImageVAE
from augment._random import rng_for
from augment.evaluation.arms import Plan
from augment.evaluation.by_group import compare
from augment.evaluation.classifiers import candidates
from augment.evaluation.images import AUTO_AMOUNT, image_estimators
from augment.evaluation.inputs import Cohort, check_cohort
from augment.evaluation.parameters import controls, provenance
from augment.evaluation.splits import Split, plan_splits, scorable_classes
from augment.evaluation.study import Study
from augment.evaluation.trial import Trial, run_split

SIDE = 64
METRICS = ("roc_auc", "neg_log_loss", "balanced_accuracy")
ROPES = (0.005, 0.01)


def read(source: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read images at 64 px, labels, and blocks where they are known."""
    if source.suffix == ".npz":
        with np.load(source) as parts:
            images = np.concatenate([parts[f"{p}_images"] for p in ("train", "val", "test")])
            labels = np.concatenate([parts[f"{p}_labels"] for p in ("train", "val", "test")])
        return images.reshape(len(images), 1, *images.shape[1:3]), labels.ravel(), None
    index = pd.read_csv(source / "index.csv")
    images = [
        np.asarray(
            Image.open(source / name).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
        )
        for name in index["file"]
    ]
    return np.stack(images)[:, None], index["label"].to_numpy(), index["block"].to_numpy()


def thinned(cohort: Cohort, split: Split, size: int, seed: int) -> Split:
    """Keep `size` training images of each class."""
    rng = rng_for(seed, split.split, size)
    kept = [
        rng.permutation(split.train[cohort.codes[split.train] == code])[:size]
        for code in range(len(cohort.classes))
    ]
    return dataclasses.replace(split, train=np.sort(np.concatenate(kept)))


def overlap(splits: list[Split]) -> float:
    """Give the mean share of training images that two splits have in common."""
    shares = [
        len(np.intersect1d(one.train, two.train)) / len(one.train)
        for i, one in enumerate(splits)
        for two in splits[:i]
    ]
    return float(np.mean(shares))


def one_split(
    plan: Plan,
    split: Split,
    known: dict[str, str],  # noqa: ARG001 (tells results of other code apart)
) -> Trial:
    """Run all arms on one split."""
    return run_split(plan, split.train, split.test, (split.repeat, split.split))


class Remembered:
    """Runs splits that the memory lacks, up to a number of them.

    Parameters
    ----------
    memory : Memory
        Where finished splits are.
    at_most : int
        New splits before the program ends.
    """

    def __init__(self, memory: Memory, at_most: int) -> None:
        self.run, self.left = memory.cache(one_split, verbose=0), at_most

    def __call__(self, plan: Plan, split: Split, size: int) -> Trial:
        """Give the scores of a split."""
        given = (plan, split, provenance())
        self.left -= not self.run.check_call_in_cache(*given)
        if self.left < 0:
            raise SystemExit("The number of new splits is reached. Run it again to go on.")
        start = time.perf_counter()
        trial = self.run(*given)
        print(f"size {size}, split {split.split}: {time.perf_counter() - start:.0f} s", flush=True)
        for arm, classifier, text in trial.report.failures:
            print(f"  failed: {arm}, {classifier}: {text}")
        return trial


def study(
    plan: Plan, splits: list[Split], size: int, run: Remembered
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run the splits of one size; give scores and comparisons."""
    trials = [run(plan, split, size) for split in splits]
    values, names = np.stack([trial.values for trial in trials]), [c.name for c in plan.candidates]
    shared = overlap(splits)
    ratio = shared / (1 - shared)
    table = Study(values, plan.arms, tuple(names), plan.metrics, ROPES, ratio, plan.roles)
    influences, groups = None, None
    if plan.cohort.groups is not None:
        influences = [trial.influences for trial in trials]
        groups = [plan.cohort.groups[split.test] for split in splits]
    axes = [[split.split for split in splits], plan.arms, names, plan.metrics]
    index = pd.MultiIndex.from_product(axes, names=["split", "arm", "estimator", "metric"])
    scores = pd.DataFrame({"value": values.ravel()}, index=index).reset_index()
    return scores.assign(size=size), compare(table, influences, groups).assign(size=size)


def show(scores: pd.DataFrame, comparisons: pd.DataFrame) -> None:
    """Print means of all arms, and the comparisons, as Markdown."""
    means = scores.pivot_table(
        index=["size", "estimator", "arm"], columns="metric", values="value", sort=False
    )
    print(markdown(means.round(3).reset_index()))
    keys = ["size", "estimator", "arm", "reference"]
    shown = comparisons.assign(text=[lift_text(row) for row in comparisons.to_dict("records")])
    wide = shown.pivot_table(
        index=keys, columns="metric", values="text", aggfunc="first", sort=False
    )
    print("\nLift [over splits] (over blocks)\n")
    print(markdown(wide[list(METRICS)].reset_index()))


def lift_text(row: dict) -> str:
    """Write a lift with its intervals."""
    text = f"{row['lift']:+.3f} [{row['lower']:+.3f}, {row['upper']:+.3f}]"
    if np.isnan(row["n_groups"]):
        return text
    return f"{text} ({row['group_lower']:+.3f}, {row['group_upper']:+.3f})"


def markdown(table: pd.DataFrame) -> str:
    """Write a table."""
    rows = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def main() -> None:
    """Run all sizes, write and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("image_lift"))
    parser.add_argument("--ratio", type=float, default=AUTO_AMOUNT.ratio)
    parser.add_argument("--weight", type=float, default=AUTO_AMOUNT.weight)
    parser.add_argument("--estimators", nargs="+", default=[*image_estimators()])
    parser.add_argument("--at-most", type=int, default=10**6, help="new splits in this call")
    arguments = parser.parse_args()
    X, y, blocks = read(arguments.source)
    cohort, generator = check_cohort(X, y, blocks), ImageVAE()
    wanted = controls("auto", generator, is_table=False)
    chosen = {name: image_estimators()[name] for name in arguments.estimators}
    plan = Plan(
        cohort=cohort,
        kept=scorable_classes(cohort, arguments.splits),
        generators={"augmented": generator, **wanted.generators},
        class_weight=wanted.class_weight,
        candidates=candidates(chosen, is_table=False),
        metrics=METRICS,
        ratio=arguments.ratio,
        weight=arguments.weight,
        seed=0,
        external=None,
        classical=wanted.classical,
    )
    run = Remembered(Memory(arguments.out / "memory", verbose=0), arguments.at_most)
    found = []
    for size in arguments.sizes:
        splits = [
            thinned(cohort, split, size, 0) for split in plan_splits(cohort, arguments.splits, 1, 0)
        ]
        found.append(study(plan, splits, size, run))
        scores, comparisons = (
            pd.concat(part, ignore_index=True) for part in zip(*found, strict=True)
        )
        scores.to_csv(arguments.out / "scores.csv", index=False)
        comparisons.to_csv(arguments.out / "comparisons.csv", index=False)
    show(scores, comparisons)


if __name__ == "__main__":
    main()

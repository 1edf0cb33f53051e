"""Cells of images: how near what was drawn lies to the images of other patients."""

from __future__ import annotations

from typing import Any

import numpy as np

from augment._random import rng_for
from augment._typing import IntArray
from augment.benchmarking.datasets import Part
from augment.metrics import compare_images

__all__ = ["IMAGE_METRICS", "image_scores"]

IMAGE_METRICS: dict[str, str] = {
    "kernel distance": "kernel_distance",
    "Frechet distance": "frechet_distance",
    "recall": "recall",
    "coverage": "coverage",
    "copy rate": "copy_rate",
}
"""What `augment.metrics.compare_images` calls each figure, and what it is called here."""


def image_scores(part: Part, draw: Any, seed: int) -> list[dict[str, Any]]:
    """Measure images against a held-out half of the test part.

    Parameters
    ----------
    part : Part
        Training and test images.
    draw : Draw or None
        What a generator drew; None takes the other half of the test part, which is what a perfect
        generator would give.
    seed : int
        Of the halves.

    Returns
    -------
    list of dict
        A score for each figure, with an empty ``classifier``.
    """
    cohort, train = part.cohort, part.train
    holdout, fresh = _halves(part, seed)
    synthetic, labels = (
        (cohort.X[fresh], cohort.codes[fresh])
        if draw is None
        else (np.asarray(draw.X), np.searchsorted(cohort.classes, np.asarray(draw.y)))
    )
    groups = cohort.groups
    frame = compare_images(
        cohort.X[train],
        synthetic,
        holdout=cohort.X[holdout],
        labels=cohort.codes[train],
        synthetic_labels=labels,
        holdout_labels=cohort.codes[holdout],
        groups=None if groups is None else groups[train],
        holdout_groups=None if groups is None else groups[holdout],
        features=["convolutions"],
        n_repeats=2,
        random_state=seed,
    )
    found = frame[frame["metric"].isin(list(IMAGE_METRICS))].groupby("metric")["value"].mean()
    return [
        {
            "classifier": "",
            "metric": IMAGE_METRICS[str(name)],
            "value": float(value),
            "error": None,
        }
        for name, value in found.items()
    ]


def _halves(part: Part, seed: int) -> tuple[IntArray, IntArray]:
    """Divide the test part by patient, each class about in half."""
    rng, codes = rng_for(seed, 2), part.cohort.codes
    groups = part.cohort.groups
    units = part.test if groups is None else groups[part.test]
    first: list[int] = []
    for code in part.kept:
        own = codes[part.test] == code
        names = rng.permutation(np.unique(units[own]))
        inside = np.isin(units, names[: (len(names) + 1) // 2])
        first += part.test[own & inside].tolist()
    return np.sort(np.array(first, dtype=np.int64)), np.setdiff1d(part.test, first)

"""What the figures of fidelity show, and what they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augment.report.words import fill, plural

__all__ = [
    "SPACES",
    "fidelity_methods",
    "fidelity_words",
    "metric_words",
]

SPACES = {
    "columns": "columns of the table",
    "convolutions": "random convolutions",
    "radiomics": "radiomics",
    "both": "convolutions and radiomics",
}

_FIDELITY: dict[str, dict[str, str]] = {
    "at the floor": {
        "mark": "=",
        "headline": "Synthetic {rows} are about as near to real ones as other real {rows}.",
        "means": "At this size, no deciding figure sets the synthetic {rows} clearly apart from "
        "real {rows} of other patients.",
        "not": "That they are real, that they help a classifier, or that they hide anybody: a "
        "generator that repeats its {rows} would look the same here.",
    },
    "near the floor": {
        "mark": "≈",
        "headline": "Synthetic {rows} come near real ones, with differences.",
        "means": "Some figures are worse than those of other real {rows}, none by far.",
        "not": "That the difference matters for your purpose. The lift says whether they help.",
    },
    "far from the floor": {
        "mark": "≠",
        "headline": "Synthetic {rows} are easily told from real ones.",
        "means": "At least one figure is far from that of other real {rows}: something that a "
        "machine sees at once is missing or added.",
        "not": "That they are useless. {Rows} that are easily told apart may still help a "
        "classifier.",
    },
    "copies": {
        "mark": "!",
        "headline": "Synthetic {rows} lie too near to real ones.",
        "means": "More synthetic {rows} than chance explains lie nearer to a {row} of the training "
        "data than {rows} of other patients do.",
        "not": "That each of them is a copy. See the section on privacy.",
    },
    "too few rows": {
        "mark": "–",
        "headline": "Too few {rows} to compare.",
        "means": "With fewer than 20 {rows} a side no figure means much; they are shown for the "
        "sake of completeness.",
        "not": "That the synthetic {rows} are good or bad.",
    },
}

# What each figure shows, and what it does not.
_METRICS: dict[str, tuple[str, str]] = {
    "marginals": (
        "How far the distribution of a column lies from the real one, 0 to 1, mean over columns.",
        "how columns go together.",
    ),
    "dependence": (
        "The largest difference of correlations for each pair of columns, mean over pairs.",
        "dependence among three columns, or curves.",
    ),
    "relations kept": (
        "The share of {rows} in which sums that are exact in the real {rows} still hold.",
        "relations that are only nearly exact.",
    ),
    "two-sample AUC": (
        "How well a linear classifier tells synthetic from real {rows} of a class: 0.5 is not at "
        "all, 1 is always.",
        "whether the difference matters; a single trait suffices for 1.",
    ),
    "two-sample AUC (boosting)": (
        "The same for a classifier that also sees curves, steps and interactions.",
        "whether the difference matters; a single trait suffices for 1.",
    ),
    "kernel distance": (
        "How far apart the two samples lie as a whole; 0 for equal laws.",
        "copies, and which way they differ.",
    ),
    "Frechet distance": (
        "How far means and covariances lie apart, as a share of the real variance.",
        "anything beyond means and covariances.",
    ),
    "precision": (
        "The share of synthetic {rows} that lie where real ones do.",
        "variety: blurred or average {rows} score high.",
    ),
    "recall": (
        "The share of real {rows} that lie where synthetic ones do: variety.",
        "whether they occur as often as they should.",
    ),
    "density": (
        "How crowded with real {rows} the places of the synthetic ones are.",
        "variety.",
    ),
    "coverage": (
        "The share of real {rows} that have a synthetic one near them.",
        "what the synthetic {rows} have that real ones lack.",
    ),
    "label agreement": (
        "How often a classifier trained on real {rows} reads the label that a synthetic one was "
        "drawn for. Far above the floor means too typical.",
        "whether hard cases are among them.",
    ),
    "copy rate": (
        "The share of synthetic {rows} nearer to a training {row} than 95 % of other real {rows}.",
        "privacy: see the section on it.",
    ),
    "MS-SSIM of pairs": (
        "How alike two random synthetic {rows} of a class are; above the floor means too little "
        "variety.",
        "whether they look right.",
    ),
}


def fidelity_words(verdict: str, unit: str) -> dict[str, str]:
    """Say what a fidelity verdict means, and what it does not."""
    return fill(_FIDELITY[verdict], unit)


def metric_words(metric: str, unit: str) -> dict[str, str] | None:
    """Say what a figure shows (``shows``) and what it does not (``not``).

    Examples
    --------
    >>> metric_words("coverage", "slice")["shows"]
    'The share of real slices that have a synthetic one near them.'
    """
    if metric not in _METRICS:
        return None
    shows, does_not = _METRICS[metric]
    return fill({"shows": shows, "not": does_not}, unit)


def fidelity_methods(fidelity: Mapping[str, Any] | None, unit: str) -> list[str]:
    """Say how the comparison with real rows was made."""
    if not fidelity:
        return []
    s, rows = fidelity["settings"], plural(unit)
    held = s.get("n_holdout")
    reference = (
        f"{held} held-out real {rows}, which that generator never saw"
        if held
        else f"one half of the real {rows}, five times"
    )
    return [
        f"Likeness was measured with a generator fitted on {s.get('n_real')} real {rows}: "
        f"{s.get('n_synthetic')} synthetic {rows} and the real {rows} of the fit were each "
        f"compared with {reference}, at {s.get('n_per_side')} {rows} a side, so that every figure "
        f"stands beside that of other real {rows}.",
    ]

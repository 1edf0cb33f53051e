"""Metrics: arrays in, numbers out; nothing is fitted to a generator here."""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "Exposure": "augment.metrics.exposure",
    "Manifold": "augment.metrics.fidelity",
    "Membership": "augment.metrics.privacy",
    "Nearness": "augment.metrics.privacy",
    "compare_images": "augment.metrics.images",
    "copy_rate": "augment.metrics.fidelity",
    "excess_matches": "augment.metrics.privacy",
    "aligned_nearness": "augment.metrics.privacy",
    "excess_nearness": "augment.metrics.privacy",
    "exposure": "augment.metrics.exposure",
    "false_discovery": "augment.metrics.privacy",
    "frechet_distance": "augment.metrics.fidelity",
    "kernel_distance": "augment.metrics.fidelity",
    "manifold": "augment.metrics.fidelity",
    "match_probabilities": "augment.metrics.privacy",
    "membership_inference": "augment.metrics.privacy",
    "ms_ssim_diversity": "augment.metrics.images",
    "nearness": "augment.metrics.privacy",
    "radiomic_features": "augment.metrics.images",
    "random_conv_features": "augment.metrics.images",
    "standardised": "augment.metrics.fidelity",
    "two_sample_auc": "augment.metrics.two_sample",
}
__all__ = [
    "Exposure",
    "Manifold",
    "Membership",
    "Nearness",
    "aligned_nearness",
    "compare_images",
    "copy_rate",
    "excess_matches",
    "excess_nearness",
    "exposure",
    "false_discovery",
    "frechet_distance",
    "kernel_distance",
    "manifold",
    "match_probabilities",
    "membership_inference",
    "ms_ssim_diversity",
    "nearness",
    "radiomic_features",
    "random_conv_features",
    "standardised",
    "two_sample_auc",
]


def __getattr__(name: str) -> Any:
    """Import a name on first use."""
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'augment.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the names, loaded or not."""
    return sorted({*globals(), *__all__})

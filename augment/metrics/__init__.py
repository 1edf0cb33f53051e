"""Metrics: arrays in, numbers out; nothing is fitted to a generator here."""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "Manifold": "augment.metrics.fidelity",
    "compare_images": "augment.metrics.images",
    "copy_rate": "augment.metrics.fidelity",
    "frechet_distance": "augment.metrics.fidelity",
    "kernel_distance": "augment.metrics.fidelity",
    "manifold": "augment.metrics.fidelity",
    "ms_ssim_diversity": "augment.metrics.images",
    "radiomic_features": "augment.metrics.images",
    "random_conv_features": "augment.metrics.images",
    "standardised": "augment.metrics.fidelity",
    "two_sample_auc": "augment.metrics.two_sample",
}
__all__ = [
    "Manifold",
    "compare_images",
    "copy_rate",
    "frechet_distance",
    "kernel_distance",
    "manifold",
    "ms_ssim_diversity",
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

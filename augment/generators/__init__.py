"""Generators: scikit-learn estimators with ``fit`` and ``sample``."""

from __future__ import annotations

import importlib
from typing import Any

import augment

__all__ = [
    "Bootstrap",
    "GaussianCopula",
    "ImageGAN",
    "ImageVAE",
    "Jitter",
    "Smote",
    "TabularGAN",
    "TabularVAE",
]


def __getattr__(name: str) -> Any:
    """Import a generator on first use."""
    if name in __all__:
        return getattr(importlib.import_module(augment._MODELS[name]), name)
    raise AttributeError(f"module 'augment.generators' has no attribute {name!r}")

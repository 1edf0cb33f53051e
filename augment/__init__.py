"""Grow a small medical data set, and learn honestly whether it helped.

The public names are imported on first use, so that ``import augment`` stays instant: it loads
neither torch nor monai, scikit-learn or pandas.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augment.anomaly import ReconstructionDetector
    from augment.augmented import AugmentedClassifier
    from augment.evaluation.fidelity import FidelityResult, evaluate_fidelity
    from augment.evaluation.lift import evaluate_lift
    from augment.evaluation.privacy import PrivacyResult, evaluate_privacy
    from augment.evaluation.results import LiftResult
    from augment.generators.baselines import Bootstrap, Jitter
    from augment.generators.copula import GaussianCopula
    from augment.generators.image_gan import ImageGAN
    from augment.generators.image_vae import ImageVAE
    from augment.generators.smote import Smote
    from augment.generators.tabular_gan import TabularGAN
    from augment.generators.tabular_vae import TabularVAE
    from augment.image_classifier import ImageClassifier
    from augment.persistence import load
    from augment.samplers import GeneratorOverSampler

_HERE = Path(__file__).parent
if not (_HERE / "pipelines").is_dir():
    # In a checkout the pipelines stand beside this folder, where `python -m augment` looks first.
    __path__.append(str(_HERE.parent))

try:
    __version__ = version("medaugment")
except PackageNotFoundError:  # a source tree on the path that was never installed
    __version__ = "0+unknown"

_MODELS = {
    "Bootstrap": "augment.generators.baselines",
    "GaussianCopula": "augment.generators.copula",
    "ImageGAN": "augment.generators.image_gan",
    "ImageVAE": "augment.generators.image_vae",
    "Jitter": "augment.generators.baselines",
    "Smote": "augment.generators.smote",
    "TabularGAN": "augment.generators.tabular_gan",
    "TabularVAE": "augment.generators.tabular_vae",
}
# The classes that a model file may hold: the generators, and what is built on them.
_STORED = {
    **_MODELS,
    "ImageClassifier": "augment.image_classifier",
    "ReconstructionDetector": "augment.anomaly",
}
_EXPORTS = {
    **_STORED,
    "AugmentedClassifier": "augment.augmented",
    "FidelityResult": "augment.evaluation.fidelity",
    "GeneratorOverSampler": "augment.samplers",
    "LiftResult": "augment.evaluation.results",
    "PrivacyResult": "augment.evaluation.privacy",
    "evaluate_fidelity": "augment.evaluation.fidelity",
    "evaluate_lift": "augment.evaluation.lift",
    "evaluate_privacy": "augment.evaluation.privacy",
    "load": "augment.persistence",
}
_SUBPACKAGES = ("benchmarking", "data", "evaluation", "generators", "metrics", "report")

__all__ = [
    "AugmentedClassifier",
    "Bootstrap",
    "FidelityResult",
    "GaussianCopula",
    "GeneratorOverSampler",
    "ImageClassifier",
    "ImageGAN",
    "ImageVAE",
    "Jitter",
    "LiftResult",
    "PrivacyResult",
    "ReconstructionDetector",
    "Smote",
    "TabularGAN",
    "TabularVAE",
    "evaluate_fidelity",
    "evaluate_lift",
    "evaluate_privacy",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"augment.{name}")
    raise AttributeError(f"module 'augment' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__, *_SUBPACKAGES})

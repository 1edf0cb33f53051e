"""Evaluation: whether synthetic rows help, whether they are faithful, whom they copy."""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "CheckedSample": "augment.evaluation.copies",
    "EquivalentRows": "augment.evaluation.results",
    "ExternalResult": "augment.evaluation.results",
    "FidelityResult": "augment.evaluation.fidelity",
    "LiftResult": "augment.evaluation.results",
    "PrivacyResult": "augment.evaluation.privacy",
    "Result": "augment.evaluation.results",
    "compare_detectors": "augment.evaluation.detection",
    "default_estimators": "augment.evaluation.classifiers",
    "evaluate_fidelity": "augment.evaluation.fidelity",
    "evaluate_lift": "augment.evaluation.lift",
    "image_estimators": "augment.evaluation.images",
    "sample_without_copies": "augment.evaluation.copies",
    "evaluate_privacy": "augment.evaluation.privacy",
}
__all__ = [
    "CheckedSample",
    "EquivalentRows",
    "ExternalResult",
    "FidelityResult",
    "LiftResult",
    "PrivacyResult",
    "Result",
    "compare_detectors",
    "default_estimators",
    "evaluate_fidelity",
    "evaluate_lift",
    "evaluate_privacy",
    "image_estimators",
    "sample_without_copies",
]


def __getattr__(name: str) -> Any:
    """Import a name on first use."""
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'augment.evaluation' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the names, loaded or not."""
    return sorted({*globals(), *__all__})

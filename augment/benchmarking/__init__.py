"""Benchmarks: generators and rivals on many data sets, resumable, on one machine or a cluster."""

from __future__ import annotations

import importlib
from typing import Any

_EXPORTS = {
    "BACKENDS": "augment.benchmarking.dispatch",
    "CellStore": "augment.benchmarking.store",
    "Grid": "augment.benchmarking.grid",
    "Limit": "augment.benchmarking.grid",
    "build_leaderboard": "augment.benchmarking.leaderboard",
    "build_methods": "augment.benchmarking.methods",
    "cell_lifts": "augment.benchmarking.ranking",
    "check_backend": "augment.benchmarking.dispatch",
    "load_datasets": "augment.benchmarking.sources",
    "markdown_leaderboard": "augment.benchmarking.markdown",
    "method_names": "augment.benchmarking.methods",
    "render_leaderboard": "augment.benchmarking.page",
    "script_fingerprints": "augment.benchmarking.methods",
    "text_leaderboard": "augment.benchmarking.markdown",
}
__all__ = [
    "BACKENDS",
    "CellStore",
    "Grid",
    "Limit",
    "build_leaderboard",
    "build_methods",
    "cell_lifts",
    "check_backend",
    "load_datasets",
    "markdown_leaderboard",
    "method_names",
    "render_leaderboard",
    "script_fingerprints",
    "text_leaderboard",
]


def __getattr__(name: str) -> Any:
    """Import a name on first use."""
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'augment.benchmarking' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the names, loaded or not."""
    return sorted({*globals(), *__all__})

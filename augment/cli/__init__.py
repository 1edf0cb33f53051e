"""The ``augment`` command: from a table to an honest verdict without writing code.

Each file holds a few commands and registers them with the application. Everything heavy is
imported inside the commands, so that ``augment --help`` is instant.
"""

from __future__ import annotations

from augment.cli import benchmark, detect, models, studies
from augment.cli._app import app

__all__ = ["app", "benchmark", "detect", "main", "models", "studies"]


def main() -> None:
    """Run the command."""
    app()

"""Packages that only some users need."""

from __future__ import annotations

import importlib
from types import ModuleType

from augment._errors import MissingDependencyError

__all__ = ["optional_import"]


def optional_import(name: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say how to get it.

    Parameters
    ----------
    name : str
        The package to import.
    extra : str
        The extra of this distribution that installs it.
    purpose : str
        What it is needed for, as it will stand in the message.

    Returns
    -------
    module
        The imported package.

    Raises
    ------
    MissingDependencyError
        If the package is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != name.split(".")[0]:
            raise
        raise MissingDependencyError(
            f"{purpose} needs the package {name!r}, which is not installed. "
            f"Install it with: pip install 'medaugment[{extra}]'"
        ) from error

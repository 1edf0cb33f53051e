"""Saving and loading fitted models: one safetensors file with a JSON header, no pickle."""

from __future__ import annotations

import importlib
import inspect
import os
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

import augment
from augment._errors import InvalidInputError, InvalidTypeError, ModelFileError, did_you_mean
from augment._statefile import read_file, write_file
from augment._stateio import Packer
from augment._typing import State

__all__ = ["StoredModel", "load", "read_state", "write_state"]


class Storable(Protocol):
    """What a class needs so that `load` can build it."""

    def _set_state(self, state: State) -> None:
        """Become the fitted model that gave the state."""


@dataclass(frozen=True)
class StoredModel:
    """What a model file holds.

    Attributes
    ----------
    class_name : str
        Class of the model.
    params : dict
        Its constructor's parameters.
    state : dict
        Its fitted state: nested dicts and lists of JSON values, numpy arrays and torch tensors.
    versions : dict of str
        Versions of the libraries that it was saved with.
    """

    class_name: str
    params: dict[str, Any]
    state: State
    versions: dict[str, str]


def write_state(
    path: str | os.PathLike[str],
    class_name: str,
    params: dict[str, Any],
    state: State,
    versions: dict[str, str] | None = None,
) -> None:
    """Write a model file, at once or not at all.

    Parameters
    ----------
    path : path-like
        Where to. An existing file is replaced only when the new one is complete.
    class_name : str
        Class of the model, a key of the package's allow-list.
    params : dict
        Parameters of its constructor: None, booleans, numbers, strings, and lists, tuples and dicts
        of them.
    state : dict
        Nested dicts (with any plain keys), lists and tuples; their leaves may also be numpy arrays
        and scalars (numbers, booleans, strings, dates) and dense torch tensors on any device.
    versions : dict of str, optional
        Versions of the libraries, for the record; by default those that are installed.

    Raises
    ------
    InvalidInputError
        If a parameter cannot be stored, or the path cannot be written. Both are named.
    InvalidTypeError
        If the state holds something else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_state(f"{folder}/model", "Jitter", {"scale": 0.1}, {"sizes": (3, float("inf"))})
    ...     stored = read_state(f"{folder}/model")
    >>> stored.class_name, stored.params, stored.state
    ('Jitter', {'scale': 0.1}, {'sizes': (3, inf)})
    """
    for name, value in params.items():
        try:
            Packer(arrays_allowed=False).pack(value, name)
        except InvalidTypeError as error:
            raise InvalidInputError(
                f"Parameter {name!r} of {class_name} cannot be saved: {error} "
                "Set it to a plain value (for example random_state=0) before fit."
            ) from error
    head = {"class": class_name, "params": params, "versions": versions or _versions()}
    write_file(path, "model", head, state)


def read_state(path: str | os.PathLike[str]) -> StoredModel:
    """Read a model file without building the model.

    Parameters
    ----------
    path : path-like
        Where from.

    Returns
    -------
    StoredModel
        All that the file holds; tensors on the CPU, wherever the model was trained.

    Raises
    ------
    ModelFileError
        If the file is unreadable, cut off, damaged, foreign, or from a newer version.
    """
    head, state = read_file(path, "model")
    try:
        return StoredModel(head["class"], head["params"], state, head["versions"])
    except KeyError as error:
        raise ModelFileError(
            f"{os.fspath(path)!r} lacks {error} in its header. Save the model again."
        ) from error


def load(path: str | os.PathLike[str]) -> Any:
    """Load a fitted model.

    Parameters
    ----------
    path : path-like
        A file that ``save`` wrote.

    Returns
    -------
    object
        The fitted model, of the class that was saved, on the CPU.

    Raises
    ------
    ModelFileError
        If the file is unreadable, damaged, foreign or too new, names a class that is not one of
        the package's models, or parameters or a state that this class does not have.

    Notes
    -----
    Loading runs no code from the file: only classes of a fixed list are ever built. It does not
    make a file from a stranger *trustworthy*: a model can still have been trained on anything.

    Examples
    --------
    >>> import augment
    >>> augment.load("no such file")
    Traceback (most recent call last):
    augment._errors.ModelFileError: Cannot read 'no such file': No such file or directory. ...
    """
    stored = read_state(path)
    if stored.class_name not in augment._STORED:
        raise ModelFileError(
            f"{os.fspath(path)!r} holds a {stored.class_name!r}, which is no model of this version "
            f"of augment.{did_you_mean(stored.class_name, augment._STORED)} "
            f"It can load {sorted(augment._STORED)}."
        )
    module = importlib.import_module(augment._STORED[stored.class_name])
    model_class = getattr(module, stored.class_name)
    unknown = stored.params.keys() - inspect.signature(model_class).parameters.keys()
    if unknown:
        raise ModelFileError(
            f"{os.fspath(path)!r} was saved with parameters {sorted(unknown)}, which "
            f"this version's {stored.class_name} does not have. "
            f"It was saved with {stored.versions}."
        )
    model: Storable = model_class(**stored.params)
    try:
        model._set_state(stored.state)
    except ModelFileError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelFileError(
            f"{os.fspath(path)!r} holds a state that this version's {stored.class_name} cannot "
            f"take ({type(error).__name__}: {error}). It was saved with {stored.versions}. Load it "
            "with these versions, or fit and save the model again."
        ) from error
    return model


def _versions() -> dict[str, str]:
    """Give the versions of what a model's numbers depend on."""
    libraries = {name: version(name) for name in ("torch", "numpy", "pandas")}
    return {"augment": augment.__version__, **libraries}

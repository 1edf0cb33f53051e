"""The errors and warnings of the package.

Each message says what was expected, what was found, and what to do. User errors also inherit
the built-in class that a caller would expect, so ``except ValueError`` works.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

__all__ = [
    "AugmentError",
    "AugmentWarning",
    "InvalidInputError",
    "InvalidTypeError",
    "MissingDependencyError",
    "ModelFileError",
    "SmallDataWarning",
    "TrainingError",
    "as_option",
    "did_you_mean",
    "listed",
    "or_note",
    "shown",
]

T = TypeVar("T")


class AugmentError(Exception):
    """Base class of every error that the package raises on purpose."""


class InvalidInputError(AugmentError, ValueError):
    """Data or a parameter has a value that cannot be used."""


class InvalidTypeError(AugmentError, TypeError):
    """Data or a parameter has a type that cannot be used."""


class ModelFileError(AugmentError, ValueError):
    """A model file is unreadable, damaged, foreign, or too new."""


class MissingDependencyError(AugmentError, ImportError):
    """An optional package is needed and not installed."""


class TrainingError(AugmentError, RuntimeError):
    """Training failed and could not be rescued."""


class AugmentWarning(UserWarning):
    """Something was served, but not as asked."""


class SmallDataWarning(AugmentWarning):
    """There is so little data that the result deserves extra care."""


def did_you_mean(word: Any, options: Iterable[Any]) -> str:
    """Suggest the closest option, as a sentence with a leading space.

    Digits are no spelling: for a number only a text is suggested, which may be that number.

    Parameters
    ----------
    word : object
        What the user wrote.
    options : iterable
        What would have been accepted.

    Returns
    -------
    str
        ``" Did you mean 'x'?"``, or an empty string when nothing is close.

    Examples
    --------
    >>> did_you_mean("sx", ["sex", "age"]), did_you_mean(99, [9, 10])
    (" Did you mean 'sex'?", '')
    """
    texts = [str(o) for o in options if isinstance(word, str) or isinstance(o, str)]
    close = difflib.get_close_matches(str(word), texts, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def as_option(column: Any, kind: str) -> str:
    """Write how a command is told the kind of a column, to be pasted into a shell.

    Examples
    --------
    >>> print(as_option("stage", "ordinal"))
    --set columns.stage=ordinal
    >>> print(as_option("mean.area", "numeric"))
    --set 'columns."mean.area"=numeric'
    """
    name = str(column)
    named = f'"{name}"' if any(mark in name for mark in ".=") else name
    return f"--set {shlex.quote(f'columns.{named}={kind}')}"


def listed(values: Iterable[Any], limit: int = 8) -> str:
    """Write a list for a message, cut after ``limit`` entries.

    Examples
    --------
    >>> listed(range(4), limit=2)
    '[0, 1, … 2 more]'
    """
    items = list(values)
    texts = ", ".join(shown(value) for value in items[:limit])
    more = f", … {len(items) - limit} more" if len(items) > limit else ""
    return f"[{texts}{more}]"


def shown(value: Any) -> str:
    """Write a value for a message as Python does, numbers of numpy like any others."""
    return repr(value.item() if hasattr(value, "dtype") and hasattr(value, "item") else value)


def or_note(what: str, make: Callable[[], T]) -> tuple[T | None, str]:
    """Make a part of a study, or say why it cannot be made of these data.

    Parameters
    ----------
    what : str
        The part, for the note.
    make : callable
        Makes it.

    Returns
    -------
    object or None, str
        What was made and an empty note; or None and the note.

    Examples
    --------
    >>> def refuse():
    ...     raise InvalidInputError("Expected 10 rows; found 3.")
    >>> or_note("privacy", refuse)
    (None, 'No section on privacy: Expected 10 rows; found 3.')
    """
    try:
        return make(), ""
    except InvalidInputError as error:
        return None, f"No section on {what}: {error}"

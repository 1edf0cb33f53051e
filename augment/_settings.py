"""Settings from YAML files and from the command line, with mistakes said in one line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from augment._errors import InvalidInputError, did_you_mean, listed

__all__ = ["Settings", "check_names", "load_settings", "parse_overrides"]

# Parts of a name end at dots, and the name at an equals sign; in double quotes both are text.
_NAME_AND_VALUE = re.compile(r'(?P<name>(?:"[^"]+"|[^"=])+)=(?P<value>.*)', re.DOTALL)
_PART = re.compile(r'"([^"]+)"|([^".]+)')


class Settings(BaseModel):
    """Base of a pipeline's settings: typed, immutable, and strict about names.

    Examples
    --------
    >>> class Study(Settings):
    ...     n_splits: int = 5
    >>> load_settings(Study, overrides=["n_splits=3"]).n_splits
    3
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


SettingsT = TypeVar("SettingsT", bound=Settings)


def load_settings(
    cls: type[SettingsT],
    path: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    **values: Any,
) -> SettingsT:
    """Build settings from a YAML file, then from values, then from ``a.b=c`` overrides.

    Parameters
    ----------
    cls : type of Settings
        The pipeline's own settings class.
    path : path, optional
        A YAML file with a mapping at its top.
    overrides : sequence of str
        ``name=value`` or ``outer.inner=value``; values are read as YAML, so ``5``, ``true`` and
        ``[a, b]`` mean what they look like. A name that holds a dot or an equals sign stands in
        double quotes: ``columns."mean.area"=numeric``.
    **values : object
        Values set by name; None means "not given".

    Returns
    -------
    Settings
        An instance of ``cls``.

    Raises
    ------
    InvalidInputError
        If a name is unknown, a value has the wrong type, or something needed is missing.
    """
    tree = _read_yaml(Path(path)) if path is not None else {}
    tree.update({name: value for name, value in values.items() if value is not None})
    _override(tree, overrides)
    try:
        return cls.model_validate(tree)
    except ValidationError as error:
        raise InvalidInputError(_explain(cls, error)) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file."""
    import yaml

    if not path.is_file():
        raise InvalidInputError(
            f"Expected a YAML file of settings at '{path}'; found none. Check the path."
        )
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        where = str(getattr(error, "problem_mark", "")).strip()
        raise InvalidInputError(
            f"Expected valid YAML in '{path}'; found a mistake {where}. Mend the file."
        ) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise InvalidInputError(
            f"Expected 'name: value' lines in '{path}'; found a {type(tree).__name__}."
        )
    return tree


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Read ``a.b=c`` texts into a nested dict, values as YAML.

    Examples
    --------
    >>> parse_overrides(["max_steps=50", "schema.stage=categorical"])
    {'max_steps': 50, 'schema': {'stage': 'categorical'}}
    >>> parse_overrides(['schema."mean.area"=numeric'])
    {'schema': {'mean.area': 'numeric'}}
    """
    tree: dict[str, Any] = {}
    _override(tree, overrides)
    return tree


def _override(tree: dict[str, Any], overrides: Sequence[str]) -> None:
    """Apply ``a.b=c`` texts to a nested dict, in place."""
    for override in overrides:
        _override_one(tree, override)


def _override_one(tree: dict[str, Any], override: str) -> None:
    """Apply one ``a.b=c`` to a nested dict, in place."""
    import yaml

    found = _NAME_AND_VALUE.fullmatch(override)
    if not found:
        raise InvalidInputError(
            f"Expected --set name=value; found {override!r}. Write for example --set n_splits=5."
        )
    try:
        value = yaml.safe_load(found["value"])
    except yaml.YAMLError as error:
        raise InvalidInputError(
            f"The value in --set {override!r} cannot be read as YAML. Put quotes around it."
        ) from error
    *parents, last = (quoted or bare for quoted, bare in _PART.findall(found["name"]))
    for parent in parents:
        if tree.get(parent) is None:
            tree[parent] = {}
        tree = tree[parent]
        if not isinstance(tree, dict):
            raise InvalidInputError(
                f"--set {override!r} goes inside {parent!r}, which is a {type(tree).__name__} "
                f"without parts of its own. Write --set {parent}=value."
            )
    tree[last] = value


def _explain(cls: type[Settings], error: ValidationError) -> str:
    """Say the first thing that is wrong with the settings, in one line."""
    first, *others = error.errors()
    name = ".".join(str(part) for part in first["loc"])
    whole = itertools.takewhile(lambda part: not isinstance(part, int), first["loc"])
    option = ".".join(str(part) for part in whole)  # a list is given as a whole
    more = "1 more mistake follows" if len(others) == 1 else f"{len(others)} more mistakes follow"
    tail = f" ({more}.)" if others else ""
    if first["type"] == "extra_forbidden":
        known = list(cls.model_fields)
        hint = did_you_mean(name, known)
        return f"Unknown setting {name!r}.{hint} Known: {listed(known, 30)}.{tail}"
    if first["type"] == "missing":
        return f"The setting {name!r} is needed; found nothing. Add --set {name}=VALUE.{tail}"
    expected = first["msg"][:1].lower() + first["msg"][1:]
    found = f"found {first['input']!r}"
    return f"Setting {name!r}: {expected}; {found}. Mend it with --set {option}=VALUE.{tail}"


def check_names(what: str, wanted: Sequence[str], known: Iterable[str]) -> list[str]:
    """Check that every wanted name is known.

    Parameters
    ----------
    what : str
        What the names are, for the message.
    wanted : sequence of str
        The names that were asked for.
    known : iterable of str
        The names there are.

    Returns
    -------
    list of str
        The wanted names.

    Raises
    ------
    InvalidInputError
        If one of them is unknown.
    """
    options = list(known)
    for name in wanted:
        if name not in options:
            hint = did_you_mean(name, options)
            raise InvalidInputError(f"Unknown {what} {name!r}.{hint} Known: {listed(options, 30)}.")
    return list(wanted)

"""Settings, tables and run directories: what a pipeline needs around its few lines of work.

Files are always written under a temporary name and renamed when they are whole, so a run that
fails leaves nothing half-written.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from augment._errors import InvalidInputError, did_you_mean, listed
from augment._tables import read_table, split_table, write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RunDirectory",
    "Settings",
    "atomic_path",
    "describe_environment",
    "ensure_writable",
    "generator_names",
    "load_settings",
    "make_generator",
    "read_table",
    "split_table",
    "to_json",
    "to_plain",
    "write_table",
]


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
        ``[a, b]`` mean what they look like.
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
    for override in overrides:
        _override(tree, override)
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


def _override(tree: dict[str, Any], override: str) -> None:
    """Apply one ``a.b=c`` to a nested dict, in place."""
    import yaml

    name, equals, text = override.partition("=")
    if not equals or not name:
        raise InvalidInputError(
            f"Expected --set name=value; found {override!r}. Write for example --set n_splits=5."
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInputError(
            f"The value in --set {override!r} cannot be read as YAML. Put quotes around it."
        ) from error
    *parents, last = name.split(".")
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
    more = f" ({len(others)} more mistake{'s' if len(others) > 1 else ''} follow.)"
    tail = more if others else ""
    if first["type"] == "extra_forbidden":
        known = list(cls.model_fields)
        hint = did_you_mean(name, known)
        return f"Unknown setting {name!r}.{hint} Known: {listed(known, 30)}.{tail}"
    if first["type"] == "missing":
        return f"The setting {name!r} is needed; found nothing. Add --set {name}=VALUE.{tail}"
    expected = first["msg"][:1].lower() + first["msg"][1:]
    found = f"found {first['input']!r}"
    return f"Setting {name!r}: {expected}; {found}. Mend it with --set {name}=VALUE.{tail}"


def generator_names() -> dict[str, str]:
    """Map the short name of each generator (``tabular_vae``) to its class (``TabularVAE``)."""
    import augment

    return {_snake(name): name for name in sorted(augment._MODELS)}


def _snake(name: str) -> str:
    """Write ``TabularVAE`` as ``tabular_vae``."""
    breaks = (
        "_"
        if i and c.isupper() and (name[i - 1].islower() or name[i + 1 : i + 2].islower())
        else ""
        for i, c in enumerate(name)
    )
    return "".join(mark + c.lower() for mark, c in zip(breaks, name, strict=True))


def make_generator(name: str, **params: Any) -> Any:
    """Build a generator from its short name.

    Parameters
    ----------
    name : str
        One of :func:`generator_names`, such as ``"tabular_vae"``; the class's name works too.
    **params : object
        Its parameters. ``random_state`` and ``schema`` are left out for a class without them.

    Returns
    -------
    estimator
        An unfitted generator.

    Raises
    ------
    InvalidInputError
        If the name or a parameter is unknown.
    """
    import augment

    names = generator_names()
    class_name = names.get(name, name)
    if class_name not in augment._MODELS:
        raise InvalidInputError(
            f"Unknown generator {name!r}.{did_you_mean(name, names)} Known: {listed(names, 30)}."
        )
    cls = getattr(augment, class_name)
    known = set(cls().get_params(deep=False))
    given = {key: value for key, value in params.items() if key in known}
    for key in params.keys() - known - {"random_state", "schema"}:
        raise InvalidInputError(
            f"{class_name} has no parameter {key!r}.{did_you_mean(key, known)} "
            f"It has {listed(sorted(known), 30)}."
        )
    return cls(**given)


def describe_environment() -> dict[str, Any]:
    """Say what a run was computed with: versions, platform, cores; no names, no paths.

    Returns
    -------
    dict
        JSON values only.
    """
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import joblib

    import augment

    packages = {}
    for name in ("numpy", "scipy", "pandas", "scikit-learn", "imbalanced-learn", "torch", "monai"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "augment": augment.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": int(joblib.cpu_count()),
        "packages": packages,
    }


def to_json(value: Any) -> str:
    """Write JSON that any reader accepts: not-a-number and infinity become null."""
    return json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_plain(value: Any) -> Any:
    """Turn numpy scalars and arrays, paths, tuples and NaN into plain JSON values."""
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    return str(value)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` when the block succeeds.

    Parameters
    ----------
    path : path
        Where the whole file shall stand. Missing folders are made.

    Yields
    ------
    Path
        A name in the same folder with the same ending.
    """
    path = Path(path)
    ensure_writable(path)
    handle, name = tempfile.mkstemp(prefix=".partial-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _umask() -> int:
    """Read the process's file mode mask (there is no call that only reads it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def ensure_writable(path: str | Path) -> None:
    """Check, before work starts, that a file can be written at ``path``.

    Raises
    ------
    InvalidInputError
        If ``path`` is a folder, or its folder cannot be made or written to.
    """
    path = Path(path)
    if path.is_dir():
        raise InvalidInputError(f"Expected a file name to write to; '{path}' is a folder.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"Cannot write '{path}' ({error.strerror}). Choose a place you may write to."
        ) from error


class RunDirectory:
    """A folder of results that appears whole or not at all.

    Files are staged in a hidden folder beside their place and moved there when the ``with`` block
    ends well. When it fails, the stage is removed, and so is the folder if this run made it.
    Files of other names that are already there are left alone.

    Parameters
    ----------
    path : path
        The folder of the run.

    Raises
    ------
    InvalidInputError
        On entry, if the folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with RunDirectory(Path(folder) / "run") as run:
    ...         run.write_json("metrics.json", {"verdict": "helps"})
    ...     sorted(p.name for p in (Path(folder) / "run").iterdir())
    ['metrics.json']
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> Self:
        """Make the folder and its stage."""
        self._made = _missing_folders(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._stage = Path(tempfile.mkdtemp(prefix=".partial-", dir=self.path))
        except OSError as error:
            self._remove_made()
            raise InvalidInputError(
                f"Cannot write results to the folder '{self.path}' ({error.strerror}). "
                "Choose another with --out."
            ) from error
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Move the staged files to their place, or remove them."""
        if kind is None:
            for staged in sorted(self._stage.iterdir()):
                staged.replace(self.path / staged.name)
        shutil.rmtree(self._stage, ignore_errors=True)
        if kind is not None:
            self._remove_made()

    def _remove_made(self) -> None:
        """Remove the folders that this run made, as far as they are empty."""
        for folder in self._made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def file(self, name: str) -> Path:
        """Give the staged name of a file, for code that writes it itself."""
        return self._stage / name

    def write_text(self, name: str, text: str) -> None:
        """Write UTF-8 text."""
        self.file(name).write_text(text, encoding="utf-8")

    def write_json(self, name: str, value: Any) -> None:
        """Write indented JSON."""
        self.write_text(name, to_json(value))

    def write_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Write a tidy CSV without the index."""
        frame.to_csv(self.file(name), index=False)

    def write_settings(self, settings: Settings) -> None:
        """Write ``settings.json``: enough to run the same study again."""
        self.write_json("settings.json", settings.model_dump(mode="json"))

    def write_environment(self) -> dict[str, Any]:
        """Write ``environment.json`` and return it: versions, platform, cores and seconds."""
        seconds = round(time.perf_counter() - self._started, 1)
        environment = {**describe_environment(), "seconds": seconds}
        self.write_json("environment.json", environment)
        return environment


def _missing_folders(path: Path) -> list[Path]:
    """List the folders that must be made for ``path``, innermost first."""
    missing = []
    while not path.exists() and path != path.parent:
        missing.append(path)
        path = path.parent
    return missing

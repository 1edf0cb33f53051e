"""Files and folders of results that appear whole or not at all."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from augment._errors import AugmentWarning, InvalidInputError, listed
from augment._settings import Settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RunDirectory",
    "atomic_path",
    "describe_environment",
    "ensure_writable",
    "to_json",
    "to_plain",
]

_RECORD = "environment.json"
"""By this file a folder is known as that of an earlier run."""


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
    Files of other names that are already there are left alone; where an earlier run wrote to the
    folder they are named in a warning, since they may be its results. A folder that a run wants to
    write and that is not of an earlier run is kept under another name.

    Parameters
    ----------
    path : path
        The folder of the run.
    keeps : sequence of str, default=()
        Files beside the results that belong to the run and stay from one to the next.

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

    def __init__(self, path: str | Path, *, keeps: Sequence[str] = ()) -> None:
        self.path, self.keeps = Path(path), keeps

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
            is_rerun = (self.path / _RECORD).is_file()
            written = sorted(staged.name for staged in self._stage.iterdir())
            for name in written:
                _move(self._stage / name, self.path / name, is_rerun)
            if is_rerun and _RECORD in written:
                _name_leftovers(self.path, [*written, *self.keeps])
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
        given = [value for value in settings.model_dump().values() if isinstance(value, Path)]
        here = self.path.resolve()
        self.keeps = [*self.keeps, *(path.name for path in given if path.resolve().parent == here)]

    def write_environment(self, seconds: float | None = None) -> dict[str, Any]:
        """Write ``environment.json`` and return it: versions, platform, cores and seconds.

        Parameters
        ----------
        seconds : float, optional
            What the run took, where parts of it were done earlier; by default since the folder
            was opened.
        """
        spent = time.perf_counter() - self._started if seconds is None else seconds
        environment = {**describe_environment(), "seconds": round(spent, 1)}
        self.write_json(_RECORD, environment)
        return environment


def _move(staged: Path, place: Path, is_rerun: bool) -> None:
    """Put a file or folder in its place; a folder of an earlier run makes way."""
    if staged.is_dir() and place.is_dir():
        if is_rerun:
            shutil.rmtree(place)
        else:
            kept = place.with_name(f"{place.name}-before")
            if kept.exists():
                kept = Path(tempfile.mkdtemp(prefix=f"{kept.name}-", dir=place.parent))
            place.replace(kept)
            warnings.warn(
                f"'{place}' was there and is not of an earlier run; it is '{kept.name}' now.",
                AugmentWarning,
                stacklevel=4,
            )
    staged.replace(place)


def _name_leftovers(folder: Path, written: list[str]) -> None:
    """Warn of files beside the results that this run did not write."""
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    left = [name for name in files if name not in written and not name.startswith(".")]
    if left:
        warnings.warn(
            f"'{folder}' also holds files that this run did not write: {listed(left)}. They may be "
            "of an earlier run; another --out keeps runs apart.",
            AugmentWarning,
            stacklevel=3,
        )


def _missing_folders(path: Path) -> list[Path]:
    """List the folders that must be made for ``path``, innermost first."""
    missing = []
    while not path.exists() and path != path.parent:
        missing.append(path)
        path = path.parent
    return missing

"""One rival in an interpreter of its own: rows to files, files to rows."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError, TrainingError
from augment._typing import FloatArray
from augment.data.columns import Column
from augment.data.schema import TableSchema

__all__ = ["Rival", "check_script", "rival_scripts"]

_FOLDER = Path(__file__).parent / "rivals"
_CHILD = _FOLDER / "_child.py"
_TARGET = "target"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Looks for each package without importing it: torch alone takes seconds.
_LOOK = """
import importlib.util, sys
for name in sys.argv[1:]:
    try:
        found = importlib.util.find_spec(name)
    except ImportError:
        found = None
    if found is None:
        print(name)
        break
"""


def rival_scripts() -> dict[str, Path]:
    """Map the short name of each rival that comes along to its script."""
    return {path.stem: path for path in _FOLDER.glob("*.py") if not path.stem.startswith("_")}


def check_script(script: Path) -> None:
    """Refuse, before anything runs, a script that cannot be a rival.

    Raises
    ------
    InvalidInputError
        If it is no Python, or has no ``fit`` or no ``sample``.
    """
    body = _parsed(script).body
    names = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    brought = [node.names for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    names |= {alias.asname or alias.name for aliases in brought for alias in aliases}
    assigned = [node.targets for node in body if isinstance(node, ast.Assign)]
    names |= {ast.unparse(target) for targets in assigned for target in targets}
    absent = [name for name in ("fit", "sample") if name not in names]
    if absent:
        raise InvalidInputError(
            f"Expected functions fit and sample in '{script}'; found no {' and no '.join(absent)}. "
            "docs/how_to/add_a_rival.md shows a rival."
        )


@dataclasses.dataclass(frozen=True)
class Rival:
    """A rival's script, and where it runs.

    The training rows are written to a folder of their own; levels of categories go as ``v0``,
    ``v1``, ..., and are put back, with all dtypes, on what returns. Nothing but files passes
    between the two interpreters, so their packages may clash.

    Attributes
    ----------
    script : Path
        Has ``REQUIRES``, ``fit`` and ``sample``; see `augment.benchmarking.rivals`.
    parameters : dict
        Handed to ``fit``.
    interpreter : str or None
        Python of the environment that has the rival; None for this one.
    timeout : float
        Seconds for one fit and one draw.
    """

    script: Path
    parameters: dict[str, Any]
    interpreter: str | None = None
    timeout: float = 1800.0

    @property
    def python(self) -> str:
        """The interpreter that it runs in."""
        return self.interpreter or sys.executable

    @property
    def kind(self) -> str:
        """What it grows: ``table``, or ``images`` where its script says ``KIND = "images"``."""
        return str(_constant(self.script, "KIND", "table"))

    def missing(self) -> str | None:
        """Name the first package that its interpreter lacks; None if it can run."""
        required = [str(name) for name in _constant(self.script, "REQUIRES", ())]
        command = [self.python, "-I", "-c", _LOOK, *required]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            raise InvalidInputError(
                f"Expected a Python interpreter at '{self.python}'; it does not run ({error}). "
                "Mend python_of."
            ) from error
        return done.stdout.strip() or None

    def draw(
        self, kind: str, X: Any, y: Any, n_rows: int, seeds: tuple[int, int]
    ) -> tuple[Any, Any, dict[str, float]]:
        """Fit on some rows and draw, in the other interpreter.

        Returns
        -------
        X_new, y_new
            In the container and the dtypes of `X` and `y`.
        answer : dict
            ``fit_seconds``, ``sample_seconds``, ``peak_memory_mb``.

        Raises
        ------
        TrainingError
            If it fails, takes too long, or gives rows that cannot be read; the message ends in
            the last line that it printed.
        """
        labels = np.asarray(y)
        classes = np.unique(labels)
        with tempfile.TemporaryDirectory(prefix="augment-rival-") as name:
            folder = Path(name)
            job: dict[str, Any] = {
                "script": str(self.script.resolve()),
                "kind": kind,
                "parameters": self.parameters,
                "n_rows": n_rows,
                "seed": seeds[0] % 2**31,
                "sample_seed": seeds[1] % 2**31,
                "target": _TARGET,
                "discrete": [],
            }
            exchange = _Images(X) if kind == "images" else _Table(X)
            job["discrete"] = exchange.write(folder, np.searchsorted(classes, labels))
            (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
            self._run(folder)
            answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
            X_new, codes = exchange.read(folder)
        if len(codes) > n_rows:
            raise TrainingError(f"the rival drew {len(codes)} rows where {n_rows} were asked for.")
        known = codes >= 0
        if not known.all() or codes.max(initial=0) >= len(classes):
            raise TrainingError("the rival drew rows with a label that its training rows lack.")
        drawn = classes[codes]
        y_new = pd.Series(drawn, name=y.name) if isinstance(y, pd.Series) else drawn
        return X_new, y_new, answer

    def _run(self, folder: Path) -> None:
        """Run the child, and turn its last words into an error."""
        environment = {**os.environ, **dict.fromkeys(_THREADS, "1")}
        environment.pop("PYTHONPATH", None)
        process = subprocess.Popen(
            [self.python, "-I", str(_CHILD), str(folder)],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,  # so that its own children can be ended with it
        )
        try:
            _, said = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired as error:
            raise TrainingError(
                f"took more than {self.timeout:g} seconds and was ended."
            ) from error
        finally:
            _end_all(process)
        if process.returncode < 0:
            raise TrainingError(
                f"was killed by signal {-process.returncode} (memory may be short)."
            )
        last = [line for line in said.splitlines() if line.strip()][-1:]
        if process.returncode:
            raise TrainingError(
                last[0].strip() if last else f"ended with code {process.returncode}."
            )
        if not (folder / "answer.json").is_file():
            raise TrainingError("ended before it gave any rows.")


def _end_all(process: subprocess.Popen[str]) -> None:
    """End a process, if it still runs, and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Table:
    """A table on its way to a rival and back."""

    def __init__(self, X: Any) -> None:
        self.schema = TableSchema.infer(X)
        self.rows = self.schema.conform(X)

    def _columns(self) -> list[tuple[str, Column]]:
        """Columns that say something, by the names that they travel under."""
        named = [(f"x{i}", column) for i, column in enumerate(self.schema.columns)]
        return [(name, c) for name, c in named if c.kind not in ("constant", "missing")]

    def write(self, folder: Path, codes: np.ndarray) -> list[str]:
        """Write the rows, and name the discrete columns."""
        sent, discrete = {}, [_TARGET]
        for name, column in self._columns():
            values = self.rows.iloc[:, int(name[1:])]
            sent[name] = values if column.is_number else _texts(values.to_numpy())
            if not column.is_number:
                discrete.append(name)
        sent[_TARGET] = _texts(codes.astype(np.float64))
        pd.DataFrame(sent).to_csv(folder / "rows.csv", index=False)
        return discrete

    def read(self, folder: Path) -> tuple[Any, np.ndarray]:
        """Read what the rival drew: rows as they were, and codes of the labels."""
        text = {name: str for name, c in self._columns() if not c.is_number} | {_TARGET: str}
        try:
            drawn = pd.read_csv(folder / "drawn.csv", dtype=text)
        except pd.errors.EmptyDataError:
            drawn = pd.DataFrame(columns=[name for name, _ in self._columns()] + [_TARGET])
        absent = [n for n, _ in [*self._columns(), (_TARGET, None)] if n not in drawn.columns]
        if absent:
            raise TrainingError(f"the rival drew rows without the columns {absent}.")
        frame = pd.DataFrame(0.0, index=drawn.index, columns=pd.RangeIndex(self.rows.shape[1]))
        for i, column in enumerate(self.schema.columns):
            if column.kind == "missing":
                frame[i] = np.nan
        for name, column in self._columns():
            values = drawn[name]
            number = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
            if np.isinf(number).any():
                raise TrainingError(f"the rival drew infinite numbers in the column {name!r}.")
            place = int(name[1:])
            frame[place] = number if column.is_number else _codes(values, len(column.levels))
        labels = np.where(np.isnan(c := _codes(drawn[_TARGET], 1 << 30)), -1, c).astype(np.int64)
        frame.columns = pd.Index(self.schema.names)
        return self.schema.restore(frame), labels


class _Images:
    """Images on their way to a rival and back."""

    def __init__(self, X: Any) -> None:
        self.images = np.asarray(X)

    def write(self, folder: Path, codes: np.ndarray) -> list[str]:
        """Write images and codes of their labels."""
        np.savez(folder / "rows.npz", images=self.images, labels=codes)
        return []

    def read(self, folder: Path) -> tuple[Any, np.ndarray]:
        """Read images and codes of their labels."""
        with np.load(folder / "drawn.npz", allow_pickle=False) as archive:
            images, labels = archive["images"], archive["labels"]
        if len(images) != len(labels):
            raise TrainingError(f"the rival drew {len(images)} images and {len(labels)} labels.")
        if images.shape[1:] != self.images.shape[1:]:
            raise TrainingError(
                f"the rival drew images of shape {images.shape[1:]} for {self.images.shape[1:]}."
            )
        return images.astype(self.images.dtype), labels.astype(np.int64)


def _texts(codes: FloatArray) -> list[str]:
    """Write codes as ``v0``, ``v1``, ...; empty where missing."""
    return ["" if np.isnan(code) else f"v{int(code)}" for code in codes]


def _codes(texts: pd.Series, n_levels: int) -> FloatArray:
    """Read ``v0``, ``v1``, ... back; anything else is missing."""
    found = pd.to_numeric(texts.astype(str).str.extract(r"^v(\d+)$")[0]).to_numpy(np.float64)
    return np.where(found < n_levels, found, np.nan)


def _parsed(script: Path) -> ast.Module:
    """Parse a script."""
    try:
        return ast.parse(script.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"Expected a rival in '{script}'; it cannot be read as Python ({error})."
        ) from error


def _constant(script: Path, name: str, default: Any) -> Any:
    """Read a constant of a script without running it: its packages may not be here."""
    for node in _parsed(script).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    return default

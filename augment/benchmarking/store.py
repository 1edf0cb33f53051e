"""The folder of a benchmark: what is to be done, and one file for each cell that is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from augment._errors import InvalidInputError, listed
from augment.workflow import atomic_path, ensure_writable, to_json, to_plain

__all__ = ["CellStore"]

_CELL = ("dataset", "size", "repeat", "generator")
_COSTS = (
    "n_train", "n_test", "n_classes", "n_wanted", "n_synthetic",
    "fit_seconds", "sample_seconds", "cpu_seconds", "score_seconds", "peak_memory_mb", "error",
)  # fmt: skip


class CellStore:
    """A folder that remembers which cells are done.

    A cell is written under a temporary name and renamed when it is whole: whenever the process is
    killed, a cell is either done or not begun.

    Parameters
    ----------
    path : path
        The folder of the run.
    plan : mapping
        All that the cells depend on. In a mapping inside it (generators, data sets) names may be
        added; what was there may not change.

    Raises
    ------
    InvalidInputError
        If the folder cannot be written, or holds the cells of another plan.
    """

    RECORD = "plan.json"

    def __init__(self, path: str | Path, plan: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.cells = self.path / "cells"
        ensure_writable(self.path / self.RECORD)
        self._check(to_plain(plan))
        self.cells.mkdir(exist_ok=True)
        for partial in self.cells.glob(".partial-*"):  # what a killed run left
            partial.unlink()

    def _check(self, plan: dict[str, Any]) -> None:
        """Compare the plan with the one that the folder was begun with, and write it."""
        file = self.path / self.RECORD
        begun: dict[str, Any] = {}
        if file.is_file():
            try:
                begun = json.loads(file.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise InvalidInputError(
                    f"'{file}' is damaged ({error}). Choose another folder with --out."
                ) from error
            self._refuse(list(_differing(begun, plan)))
        grown = {name: _joined(begun.get(name), value) for name, value in plan.items()}
        if grown != begun:
            with atomic_path(file) as partial:
                partial.write_text(to_json(grown), encoding="utf-8")

    def _refuse(self, differing: list[tuple[str, Any, Any]]) -> None:
        """Refuse to mix the cells of two plans in one folder."""
        if not differing:
            return
        name, there, now = differing[0]
        also = f"; also another {listed(n for n, *_ in differing[1:])}" if differing[1:] else ""
        raise InvalidInputError(
            f"'{self.path}' holds a benchmark with another '{name}' ({_short(there)} there, "
            f"{_short(now)} now{also}). Give the settings it was begun with to go on, or another "
            "folder with --out."
        )

    def file(self, key: str) -> Path:
        """Give the file of a cell."""
        return self.cells / f"{key}.json"

    def done(self, key: str) -> bool:
        """Tell whether a cell is done."""
        return self.file(key).is_file()

    def write(self, key: str, record: Mapping[str, Any]) -> None:
        """Write a cell that is done."""
        with atomic_path(self.file(key)) as partial:
            partial.write_text(to_json(record), encoding="utf-8")

    def gather(self, keys: Iterable[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Read cells back as two tidy tables.

        Parameters
        ----------
        keys : iterable of str
            The cells, in the order of the tables.

        Returns
        -------
        scores : DataFrame
            A row for each score: ``dataset``, ``size``, ``repeat``, ``generator``, ``classifier``,
            ``metric``, ``value``, ``error``. A cell that failed has one row, with its error.
        cells : DataFrame
            A row for each cell: rows, times, memory, error.
        """
        scores: list[dict[str, Any]] = []
        cells = []
        for key in keys:
            record = json.loads(self.file(key).read_text(encoding="utf-8"))
            where = {name: record[name] for name in _CELL}
            cells.append({**where, **{name: record[name] for name in _COSTS}})
            nothing = {"classifier": None, "metric": None, "value": None, "error": record["error"]}
            scores += [{**where, **score} for score in record["scores"] or [nothing]]
        frame = pd.DataFrame(scores, columns=[*_CELL, "classifier", "metric", "value", "error"])
        return frame.astype({"value": float}), pd.DataFrame(cells, columns=[*_CELL, *_COSTS])


def _differing(begun: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Name what two plans have in common and say differently; either may have more."""
    for name in [*plan, *(key for key in begun if key not in plan)]:
        there, now = begun.get(name), plan.get(name)
        if isinstance(there, dict) or isinstance(now, dict):
            there, now = there or {}, now or {}
            for key in there.keys() & now.keys():
                if there[key] != now[key]:
                    yield f"{name}.{key}", there[key], now[key]
        elif there != now:
            yield name, there, now


def _joined(there: Any, now: Any) -> Any:
    """Put what a plan adds to what was there."""
    return {**(there or {}), **now} if isinstance(now, dict) else now


def _short(value: Any) -> str:
    """Write a setting so that it fits into a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."

"""The folder of a benchmark: what is to be done, and one file for each cell that is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from augment._errors import InvalidInputError, listed
from augment.workflow import atomic_path, ensure_writable, to_json, to_plain

__all__ = ["CellStore"]

_CELL = ("dataset", "size", "repeat", "generator")
_COSTS = (
    "n_train", "n_test", "n_classes", "n_wanted", "n_synthetic",
    "fit_seconds", "sample_seconds", "score_seconds", "peak_memory_mb", "error",
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
        All that the results depend on. A folder that was begun with another plan is refused.

    Raises
    ------
    InvalidInputError
        If the folder cannot be written, or holds the cells of another plan.
    """

    def __init__(self, path: str | Path, plan: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.cells = self.path / "cells"
        ensure_writable(self.path / "plan.json")
        self._check(to_plain(plan))
        self.cells.mkdir(exist_ok=True)
        for partial in self.cells.glob(".partial-*"):  # what a killed run left
            partial.unlink()

    def _check(self, plan: dict[str, Any]) -> None:
        """Compare the plan with the one that the folder was begun with, or write it."""
        file = self.path / "plan.json"
        if not file.is_file():
            with atomic_path(file) as partial:
                partial.write_text(to_json(plan), encoding="utf-8")
            return
        try:
            begun = json.loads(file.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise InvalidInputError(
                f"'{file}' is damaged ({error}). Choose another folder with --out."
            ) from error
        differing = [name for name in {**begun, **plan} if begun.get(name) != plan.get(name)]
        if differing:
            name = differing[0]
            raise InvalidInputError(
                f"'{self.path}' holds a benchmark with another {name!r} ({_short(begun.get(name))} "
                f"there, {_short(plan.get(name))} now"
                f"{'; also ' + listed(differing[1:]) if differing[1:] else ''}). Give the settings "
                "it was begun with to go on, or another folder with --out."
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


def _short(value: Any) -> str:
    """Write a setting so that it fits into a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."

"""Which label, covariates and subject belong to which file."""

from __future__ import annotations

import dataclasses
import os
import re
import warnings
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from augment._errors import AugmentWarning, InvalidInputError, did_you_mean, listed
from augment._tables import MARK, read_table

__all__ = [
    "Columns",
    "LabelTable",
    "absolute",
    "bids_subject",
    "find_table",
    "read_labels",
    "subject_of",
]

AUTO = "auto"
TABLES = ("participants.tsv", "participants.csv", "index.csv", "labels.csv")
_LABELS = ("label", "diagnosis", "dx", "class", "target", "group")
_SUBJECTS = ("participant_id", "subject", "subject_id", "patient", "patient_id", "block")
_FILES = ("file", "path", "filename", "image")
_IMAGE = re.compile(r"\.(nii|nii\.gz|png|jpe?g|bmp|tiff?)$", re.IGNORECASE)
_BIDS = re.compile(r"(?:^|[/_\\])(sub-[A-Za-z0-9]+)")


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns that the user named; "auto" looks for the usual names, None wants none."""

    label: str | None = AUTO
    group: str | None = AUTO
    file: str | None = AUTO
    mask: str | None = None
    covariates: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class LabelTable:
    """A table of labels, its columns found.

    Attributes
    ----------
    frame : DataFrame
    folder : Path
        Where the files of the table lie.
    name : str
        How to call the table in a message.
    label, group, file, mask : name of a column, or None
    covariates : tuple of names
    """

    frame: pd.DataFrame
    folder: Path
    name: str
    label: Hashable | None
    group: Hashable | None
    file: Hashable | None
    mask: Hashable | None
    covariates: tuple[Hashable, ...]

    def files(self) -> list[Path]:
        """Give the file of each row."""
        cells = self.frame[self.file]
        if cells.isna().any():
            raise InvalidInputError(
                f"Expected a file in every row of {self.name}; found "
                f"{int(cells.isna().sum())} empty cells in {self.file!r}. Fill or drop those rows."
            )
        repeats = [name for name, count in Counter(cells).items() if count > 1]
        if repeats:
            raise InvalidInputError(
                f"Expected each file once in {self.name}; found {listed(repeats, 3)} more than "
                "once. Keep one row a file."
            )
        return [self.folder / str(cell) for cell in cells]

    def rows_of(self, files: Sequence[Path], root: Path) -> list[int]:
        """Give the row of each file, found by its name or by its subject."""
        if self.file is not None:
            named = self.files()
            places = {str(absolute(path)): i for i, path in enumerate(named)}
            keys = [str(absolute(path)) for path in files]
            if any(key not in places for key in keys):  # perhaps by way of a link
                places = {str(path.resolve()): i for i, path in enumerate(named)}
                keys = [str(path.resolve()) for path in files]
            what = "file"
        else:
            places = self._subjects()
            keys = [_known(subject_of(path, root), places) for path in files]
            what = "subject"
        missing = [path for path, key in zip(files, keys, strict=True) if key not in places]
        if missing:
            raise InvalidInputError(
                f"'{missing[0]}' has no row in {self.name}, as {len(missing)} of {len(files)} "
                f"files have none. Add a row for each {what}, or pass the list of files to read."
            )
        return [places[key] for key in keys]

    def _subjects(self) -> dict[str, int]:
        if self.group is None:
            raise InvalidInputError(
                f"Expected a column that names the subject, or the file, of each row in "
                f"{self.name}; found {listed(self.frame.columns)}. Name it with group_column or "
                "file_column."
            )
        cells = self.frame[self.group]
        keys = [_plain(cell) for cell in cells]
        repeats = [cell for cell, key in zip(cells, keys, strict=True) if keys.count(key) > 1]
        if repeats:
            raise InvalidInputError(
                f"Expected each subject once in {self.name}; found "
                f"{listed(dict.fromkeys(repeats), 3)} more than once. Keep one row a subject, or "
                "add a column 'file'."
            )
        return {key: i for i, key in enumerate(keys)}

    def labels(self, rows: Sequence[int]) -> pd.Series | None:
        """Give the labels of rows, all of them filled."""
        if self.label is None:
            return None
        cells = self.frame[self.label].iloc[list(rows)]
        if cells.isna().any():
            first = int(cells.index[cells.isna()][0])
            raise InvalidInputError(
                f"Expected a label for each image; {int(cells.isna().sum())} cells of "
                f"{self.label!r} in {self.name} are empty, the first in row {first + 1} "
                f"({self.frame.iloc[first].to_dict()}). Fill or drop those rows."
            )
        return cells.reset_index(drop=True)


def absolute(path: Path) -> Path:
    """Give a path from the root, links left as they are: data sets are kept as links, too."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve() follows links)


def find_table(folder: Path) -> Path | None:
    """Find the table that stands in a folder of images under a usual name."""
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    return found[0] if found else None


def read_labels(labels: Any, folder: Path, columns: Columns) -> LabelTable | None:
    """Read a table of labels, or take the one that stands in the folder.

    Parameters
    ----------
    labels : path, DataFrame, Series, mapping or None
        A Series or mapping gives a label for each subject.
    folder : Path
        The folder of images.
    columns : Columns
    """
    if labels is None:
        labels = find_table(folder)
    if labels is None:
        return None
    name, home = "the table of labels", folder
    if isinstance(labels, str | Path):
        path = Path(labels)
        frame, name, home = read_table(path), f"'{path}'", path.parent
    elif isinstance(labels, pd.DataFrame):
        frame = labels.reset_index(drop=True)
    elif isinstance(labels, pd.Series | Mapping):
        items = dict(labels)
        frame = pd.DataFrame({"subject": list(items), "label": list(items.values())})
    else:
        raise InvalidInputError(
            "labels must be the path of a table, a DataFrame, a Series or a dict by subject; got "
            f"{type(labels).__name__}."
        )
    wanted = {"label_column": columns.label, "group_column": columns.group,
              "file_column": columns.file, "mask_column": columns.mask}  # fmt: skip
    for column in [*wanted.values(), *columns.covariates]:
        if column not in (None, AUTO) and column not in frame.columns:
            raise InvalidInputError(
                f"Expected a column {column!r} in {name}; found {listed(frame.columns, 12)}."
                f"{did_you_mean(column, frame.columns)}"
            )
    warn_if_synthetic(MARK in frame and bool((frame[MARK] == True).any()), name)  # noqa: E712 (text too)
    file = _found(columns.file, _FILES, frame)
    if file is not None and not _holds_files(frame[file]) and columns.file == AUTO:
        file = None
    label: Hashable | None = columns.label
    if label == AUTO:
        usable = frame.drop(columns=[c for c in frame.columns if _holds_files(frame[c])])
        label = _found(AUTO, _LABELS, usable)
    group = _found(columns.group, _SUBJECTS, frame)
    return LabelTable(
        frame, home, name, label, group, file, columns.mask, tuple(columns.covariates)
    )


def warn_if_synthetic(marked: bool, what: str) -> None:
    """Warn of images that this package made itself."""
    if marked:
        warnings.warn(
            f"{what} holds images that are marked as synthetic. Never take them for patients in an "
            "evaluation.",
            AugmentWarning,
            stacklevel=4,
        )


def _found(wanted: str | None, usual: Sequence[str], frame: pd.DataFrame) -> Hashable | None:
    """Give the column that is wanted, or the first of the usual names that is there."""
    if wanted != AUTO:
        return wanted
    names = {str(column).lower(): column for column in frame.columns}
    return next((names[name] for name in usual if name in names), None)


def _holds_files(cells: pd.Series) -> bool:
    """Tell whether a column holds names of image files."""
    filled = cells.dropna()
    return bool(len(filled)) and all(_IMAGE.search(str(cell)) for cell in filled)


def bids_subject(path: Path, root: Path) -> str | None:
    """Give the ``sub-XX`` in the path of a file below the root."""
    inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    match = _BIDS.search(inside.as_posix())
    return match.group(1) if match else None


def subject_of(path: Path, root: Path) -> str:
    """Give the subject that a file belongs to: ``sub-XX`` in its path, or else its own name."""
    return bids_subject(path, root) or _IMAGE.sub("", path.name)


def _plain(name: Any) -> str:
    """Write a subject so that ``sub-007``, ``007`` and 7 are one."""
    text = str(name).strip().removeprefix("sub-").removesuffix(".0")
    return text.lstrip("0") or "0" if text.isdigit() else text


def _known(name: str, keys: Mapping[str, int]) -> str:
    """Find a subject among the keys: itself, or the longest key that the name begins with."""
    key = _plain(name)
    if key in keys:
        return key
    fits = [k for k in keys if key.startswith(k) and not key[len(k)].isalnum()]
    return max(fits, key=len, default=key)

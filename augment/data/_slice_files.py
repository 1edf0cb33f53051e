"""Which files of a folder are images, and what is known of each."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from augment._errors import AugmentWarning, InvalidInputError
from augment.data._label_table import LabelTable, absolute, bids_subject, subject_of
from augment.data._pictures import PICTURES

__all__ = ["Found", "find_files"]

VOLUMES = (".nii", ".nii.gz")
_SIDE_FILES = (".csv", ".tsv", ".json", ".txt", ".md", ".bval", ".bvec")
"""What belongs in a folder of images, and is skipped without a word."""


@dataclasses.dataclass(frozen=True)
class Found:
    """The image files of a folder or list.

    Attributes
    ----------
    kind : {"volumes", "pictures"}
    files : list of Path
        At least one.
    root : Path
        The folder.
    table : LabelTable or None
    rows : list of int
        The row of each file in the table.
    masks : list of Path or None
        The outline of each file.
    """

    kind: str
    files: list[Path]
    root: Path
    table: LabelTable | None
    rows: list[int]
    masks: list[Path | None]

    def classes(self) -> list[str] | None:
        """Give the folder of each picture as its class, where files lie in folders of the root."""
        if self.kind == "volumes" or any(path.parent == self.root for path in self.files):
            return None
        if not all(path.is_relative_to(self.root) for path in self.files):
            return None
        return [path.relative_to(self.root).parts[0] for path in self.files]

    def subjects(self) -> list[str] | None:
        """Give the subject of each file; None where nothing says it."""
        table = self.table
        if table is not None and table.group is not None:
            cells = table.frame[table.group].iloc[self.rows]
            if cells.isna().any():
                raise InvalidInputError(
                    f"Expected a subject in every row of {table.name}; found "
                    f"{int(cells.isna().sum())} empty cells in {table.group!r}. Fill them."
                )
            return [str(cell) for cell in cells]
        if self.kind == "volumes":
            return [subject_of(path, self.root) for path in self.files]
        named = [bids_subject(path, self.root) for path in self.files]
        return None if None in named else [str(name) for name in named]


def find_files(folder_or_paths: Any, pattern: str, table: LabelTable | None) -> Found:
    """Find volumes or pictures.

    Raises
    ------
    InvalidInputError
        If there is no image, a file is missing, or the files and the table do not agree.
    """
    if isinstance(folder_or_paths, str | Path):
        root = Path(folder_or_paths)
        files = _one_or_all(root, pattern, table)
        root = root.parent if root.is_file() else root
    else:
        files = [Path(path) for path in folder_or_paths]
        root = _common_root(files)
    endings = [ending(path) for path in files]
    for path, own in zip(files, endings, strict=True):
        if own not in VOLUMES and own not in PICTURES:
            raise InvalidInputError(
                f"'{path}' is neither a NIfTI volume nor a picture (.nii, .nii.gz, .png, .jpg, "
                ".bmp, .tif). Leave it out."
            )
        if not path.is_file():
            raise InvalidInputError(f"Expected an image at '{path}'; found no file.")
    kinds = {own in VOLUMES for own in endings}
    if len(kinds) > 1:
        raise InvalidInputError(
            "Expected NIfTI volumes or pictures; found both in one list. Read them apart."
        )
    rows = [] if table is None else table.rows_of(files, root)
    _warn_of_unused_rows(table, rows)
    masks: list[Path | None] = [None] * len(files)
    if table is not None and table.mask is not None:
        masks = [table.folder / str(cell) for cell in table.frame[table.mask].iloc[rows]]
    return Found("volumes" if True in kinds else "pictures", files, root, table, rows, masks)


def ending(path: Path) -> str:
    """Give the ending of a file's name; ``.nii.gz`` is one ending."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _one_or_all(root: Path, pattern: str, table: LabelTable | None) -> list[Path]:
    """Give the files of a folder (those that the table names, if it does), or the one file."""
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise InvalidInputError(
            f"Expected a folder of images or an .npz file at '{root}'; found nothing. Check the "
            "path."
        )
    everything = sorted(
        path
        for path in root.rglob(pattern)
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    )
    if table is not None and table.file is not None:
        return _named(table, everything, pattern)
    volumes = [path for path in everything if ending(path) in VOLUMES]
    images = volumes or [path for path in everything if ending(path) in PICTURES]
    if not everything:
        raise InvalidInputError(
            f"Expected NIfTI volumes or pictures in '{root}'; found no file that matches "
            f"{pattern!r}. Check the path."
        )
    if not images:
        raise InvalidInputError(
            f"Expected NIfTI volumes or pictures in '{root}'; found none among {len(everything)} "
            f"files that match {pattern!r}. Check the path, or convert DICOM to NIfTI first."
        )
    known = set(images)
    skipped = [p for p in everything if p not in known and ending(p) not in _SIDE_FILES]
    if skipped:
        warnings.warn(
            f"{len(skipped)} files were skipped, as they are no "
            f"{'NIfTI volumes' if volumes else 'pictures'}, such as '{skipped[0]}'.",
            AugmentWarning,
            stacklevel=5,
        )
    return images


def _named(table: LabelTable, everything: Sequence[Path], pattern: str) -> list[Path]:
    """Give the files that a table names; their folders may hold no other image."""
    files = [path for path in table.files() if fnmatch(path.name, pattern)]
    if not files:
        raise InvalidInputError(f"No file in {table.name} matches {pattern!r}.")
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise InvalidInputError(
            f"{table.name} names '{missing[0]}', which is not there, as {len(missing)} of "
            f"{len(files)} files are not. Check the paths; they start at '{table.folder}'."
        )
    known = {absolute(path) for path in files}
    folders = {path.parent for path in known}
    endings = {ending(path) for path in files}
    others = (absolute(path) for path in everything if ending(path) in endings)
    unnamed = [path for path in others if path.parent in folders and path not in known]
    if unnamed:
        raise InvalidInputError(
            f"'{unnamed[0]}' has no row in {table.name}, as {len(unnamed)} files beside those in "
            "the table have none. Add rows, or pass the list of files to read."
        )
    return files


def _common_root(files: Sequence[Path]) -> Path:
    """Give the folder that holds the folders of all files."""
    if not files:
        raise InvalidInputError("Expected image files to read; found an empty list.")
    parents = [set(path.parent.parents) for path in files]
    shared = set.intersection(*parents)
    return max(shared, key=lambda path: len(path.parts), default=Path())


def _warn_of_unused_rows(table: LabelTable | None, rows: Sequence[int]) -> None:
    if table is not None and table.file is None and len(set(rows)) < len(table.frame):
        unused = len(table.frame) - len(set(rows))
        warnings.warn(
            f"{unused} rows of {table.name} have no image, and were left out.",
            AugmentWarning,
            stacklevel=4,
        )

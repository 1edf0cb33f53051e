"""Where data sets come from: files, scikit-learn, OpenML."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import AugmentWarning, InvalidInputError, did_you_mean, listed
from augment.benchmarking.datasets import SCORED_CLASS, DataSet
from augment.data._label_table import find_table
from augment.data._slice_files import PICTURES, VOLUMES, ending
from augment.evaluation.inputs import check_cohort
from augment.workflow import read_table, split_table

__all__ = ["BUNDLED", "load_datasets"]

BUNDLED = ("breast_cancer", "iris", "wine")
"""Tables that come with scikit-learn."""
_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq")
_PACKED = (".gz", ".bz2", ".xz")
_SIDE = 64


def load_datasets(
    sources: Sequence[str], *, target: str = "target", groups: str | None = None
) -> dict[str, DataSet]:
    """Load the data sets of a benchmark.

    Parameters
    ----------
    sources : sequence of str
        Each is a table file, a folder of tables, a MedMNIST ``.npz`` file, a folder of images or
        NIfTI volumes (with an ``index.csv``), one of `BUNDLED`, or ``openml:ID``.
    target : str, default="target"
        The column to predict.
    groups : str, optional
        Column with the patient of each row, where a table has it.

    Returns
    -------
    dict of str to DataSet
        By name: the file's, without its ending.

    Raises
    ------
    InvalidInputError
        If a source is unknown, two have one name, no table has the groups, or fewer than two
        classes can be scored.
    """
    found: dict[str, DataSet] = {}
    for source in sources:
        for name, load in _expand(source, target, groups):
            data = load()
            if name in found:
                raise InvalidInputError(
                    f"Two data sets are called {name!r}. Rename a file, or leave one out."
                )
            if len(data.kept) < 2:
                raise InvalidInputError(
                    f"Expected two classes of at least {SCORED_CLASS} rows in '{name}'; found "
                    f"{data.describe()['classes']}. Leave this data set out."
                )
            found[name] = data
    if not found:
        raise InvalidInputError("A benchmark needs at least one data set; found none.")
    if groups is not None:
        _check_groups(found, groups)
    return found


def _check_groups(found: Mapping[str, DataSet], groups: str) -> None:
    """Refuse groups that nothing has, and name what has none."""
    lack = [name for name, data in found.items() if data.cohort.groups is None]
    if len(lack) == len(found):
        tables = [data.cohort.X for data in found.values() if data.kind == "table"]
        hint = did_you_mean(groups, {column for X in tables for column in X.columns})
        raise InvalidInputError(
            f"Expected a column {groups!r} (groups) in one data set at least; found it in none of "
            f"{listed(lack)}.{hint} Mend --set groups=COLUMN, or leave it out if no patient has "
            "two rows."
        )
    if lack:
        _warn(f"{listed(lack)} have no column {groups!r}: there each row counts as a patient.")


def _warn(message: str) -> None:
    """Warn of what was loaded otherwise than asked."""
    warnings.warn(message, AugmentWarning, stacklevel=2)


def _expand(
    source: str, target: str, groups: str | None
) -> list[tuple[str, Callable[[], DataSet]]]:
    """List the data sets that a source stands for, with what loads each."""
    path = Path(source)
    if source in BUNDLED and not path.exists():
        return [(source, lambda: _bundled(source))]
    if source.startswith("openml:"):
        number = source.partition(":")[2]
        return [(f"openml-{number}", lambda: _openml(number))]
    if path.is_file() and path.suffix == ".npz":
        return [(path.stem, lambda: _medmnist(path))]
    if path.is_file():
        return [(path.name.split(".")[0], lambda: _table(path, target, groups))]
    if path.is_dir():
        return _folder(path, target, groups)
    raise InvalidInputError(
        f"Expected a data set at '{source}'; found nothing. Give a table, a folder, a .npz file, "
        f"openml:ID, or one of {listed(BUNDLED)}."
    )


def _folder(
    folder: Path, target: str, groups: str | None
) -> list[tuple[str, Callable[[], DataSet]]]:
    """List the tables of a folder that have the target; else its images."""
    has_images = any(ending(path) in VOLUMES + PICTURES for path in folder.rglob("*"))
    index = find_table(folder) if has_images else None
    files = sorted(p for p in folder.iterdir() if p.is_file() and p != index and _is_table(p))
    tables = {path: list(read_table(path).columns) for path in files}
    wanted = [path for path, columns in tables.items() if target in columns]
    if wanted:
        if len(wanted) < len(tables):
            lack = [path.name for path in tables if path not in wanted]
            _warn(f"{listed(lack)} in '{folder}' have no column {target!r} and were left out.")
        return [(path.name.split(".")[0], partial(_table, path, target, groups)) for path in wanted]
    archives = sorted(folder.glob("*.npz"))
    if archives:
        return [(path.stem, partial(_medmnist, path)) for path in archives]
    if not has_images:
        raise InvalidInputError(_nothing_in(folder, target, tables))
    return [(folder.name, lambda: _slices(folder, target, groups))]


def _is_table(path: Path) -> bool:
    """Tell by its name whether a file is a table, perhaps a compressed one."""
    name = path.stem if path.suffix.lower() in _PACKED else path.name
    return Path(name).suffix.lower() in _TABLES


def _nothing_in(folder: Path, target: str, tables: Mapping[Path, list[str]]) -> str:
    """Say that a folder holds no data set, and what it holds."""
    if not tables:
        return (
            f"Expected tables, .npz files, NIfTI volumes or pictures in '{folder}'; found none. "
            "Check the path."
        )
    names = [path.name for path in tables]
    columns = next(iter(tables.values()))
    return (
        f"Expected a column {target!r} (target) in the tables of '{folder}'; found it in none of "
        f"{listed(names)}: '{names[0]}' has {listed(columns, 20)}.{did_you_mean(target, columns)} "
        "Name the column to predict with --set target=COLUMN."
    )


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say which data set a mistake is in."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(f"Data set '{name}': {error}") from error


def _table(path: Path, target: str, groups: str | None) -> DataSet:
    """Read a table."""
    name, table = path.name.split(".")[0], read_table(path)
    there = groups if groups is not None and groups in table.columns else None
    with _named(name):
        X, y, patients = split_table(table, target, there)
    return _dataset(name, "table", X, y, patients)


def _bundled(name: str) -> DataSet:
    """Load a table that comes with scikit-learn."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    y = pd.Series(np.asarray(bunch.target_names)[bunch.target.to_numpy()], name="target")
    return _dataset(name, "table", bunch.data, y.astype(str))


def _openml(number: str) -> DataSet:
    """Fetch a table from OpenML."""
    from sklearn.datasets import fetch_openml

    if not number.isdecimal():
        raise InvalidInputError(f"Expected openml:ID with a number; found 'openml:{number}'.")
    try:
        bunch = fetch_openml(data_id=int(number), as_frame=True, parser="auto")
    except OSError as error:
        raise InvalidInputError(
            f"OpenML's data set {number} cannot be fetched ({error}). It needs a network; without "
            "one, save the table as CSV and give the file."
        ) from error
    y = bunch.target if isinstance(bunch.target, pd.Series) else None
    if y is None or bunch.data.empty:
        raise InvalidInputError(f"OpenML's data set {number} has no single target. Use another.")
    keep = y.notna().to_numpy()
    return _dataset(f"openml-{number}", "table", bunch.data[keep], y[keep].astype(str))


def _medmnist(path: Path) -> DataSet:
    """Read the images and labels of a MedMNIST archive, its three parts together."""
    with np.load(path, allow_pickle=False) as archive:
        parts = [p for p in ("train", "val", "test") if f"{p}_images" in archive]
        if not parts:
            raise InvalidInputError(
                f"Expected 'train_images' and 'train_labels' in '{path.name}', as MedMNIST has "
                f"them; found {listed(archive.files)}."
            )
        images = np.concatenate([archive[f"{p}_images"] for p in parts])
        labels = np.concatenate([archive[f"{p}_labels"] for p in parts])
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise InvalidInputError(f"'{path.name}' has several labels an image; one is needed.")
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3)):
        raise InvalidInputError(
            f"Expected grey or colour images in '{path.name}', as (n, height, width) or (n, "
            f"height, width, 3); found {images.shape}. Volumes are no data set of a benchmark: "
            "save their slices."
        )
    images = images[:, None] if images.ndim == 3 else np.moveaxis(images, -1, 1)
    return _dataset(path.stem, "images", images.astype(np.float32), labels.ravel())


def _slices(folder: Path, target: str, groups: str | None) -> DataSet:
    """Read a folder of images or volumes; target and groups may name columns of its table."""
    from augment import data

    index = find_table(folder)
    columns = [] if index is None else list(read_table(index).columns)
    slices = data.load_slices(
        folder,
        size=_SIDE,
        label_column=target if target in columns else "auto",
        group_column=groups if groups in columns else "auto",
    )
    if slices.y is None:
        found = "no index.csv" if index is None else f"'{index.name}' with {listed(columns, 12)}"
        raise InvalidInputError(
            f"Expected labels of the images in '{folder}'; found {found}. Add a column 'label' to "
            "it, or name the one to predict with --set target=COLUMN."
        )
    return _dataset(folder.name, "images", slices.images, np.asarray(slices.y), slices.groups)


def _dataset(name: str, kind: str, X: Any, y: Any, groups: Any = None) -> DataSet:
    """Check rows."""
    with _named(name):
        return DataSet(name, kind, check_cohort(X, y, groups))

"""Data sets of a benchmark: tables and images, from files, from scikit-learn, from OpenML."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from augment._errors import InvalidInputError, listed
from augment._random import rng_for
from augment._typing import IntArray
from augment.evaluation.inputs import Cohort, check_cohort, take
from augment.workflow import read_table, split_table

__all__ = ["BUNDLED", "DataSet", "Part", "load_datasets"]

BUNDLED = ("breast_cancer", "iris", "wine")
"""Tables that come with scikit-learn."""
SCORED_CLASS = 10
"""Classes with fewer rows stay in training and are not scored."""
SPARE = 1.3
"""A size runs where a data set has this many times as many rows; the rest is the test part."""
TEST_IMAGES = 600
"""Images in a test part at most."""
_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".gz", ".bz2", ".xz")
_ATTEMPTS = 50
_SIDE = 64


@dataclasses.dataclass(frozen=True)
class Part:
    """The rows of one cell: what is learned from, and what is tested on.

    Attributes
    ----------
    cohort : Cohort
        The rows of both.
    train, test : ndarray of int64
        Positions in the cohort.
    kept : ndarray of int64
        Classes that are scored.
    """

    cohort: Cohort
    train: IntArray
    test: IntArray
    kept: IntArray


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A labelled table, or labelled images.

    Attributes
    ----------
    name : str
        Unique in a benchmark.
    kind : {"table", "images"}
        What a row is.
    cohort : Cohort
        The rows.
    """

    name: str
    kind: str
    cohort: Cohort

    @property
    def kept(self) -> IntArray:
        """Classes that are scored: with at least 10 rows."""
        return np.flatnonzero(np.bincount(self.cohort.codes) >= SCORED_CLASS)

    def describe(self) -> dict[str, Any]:
        """Give its size, its classes and a fingerprint of its content, as JSON values."""
        cohort = self.cohort
        shape = cohort.X.shape[1:]
        return {
            "kind": self.kind,
            "rows": len(cohort),
            "columns": int(shape[0]) if self.kind == "table" else "x".join(map(str, shape)),
            "classes": {
                str(label): int(n)
                for label, n in zip(cohort.classes, np.bincount(cohort.codes), strict=True)
            },
            "scored": [str(cohort.classes[k]) for k in self.kept],
            "fingerprint": joblib.hash((cohort.X, np.asarray(cohort.y), cohort.groups)),
        }

    def serves(self, size: int) -> bool:
        """Tell whether ``size`` rows can be learned from and enough are left over."""
        return len(self.cohort) >= SPARE * size

    def split(self, size: int, repeat: int, seed: int) -> Part:
        """Draw a training part, stratified or by patient, and take the rest as the test part.

        Parameters
        ----------
        size : int
            Rows to learn from; with groups, as many whole patients as fit.
        repeat, seed : int
            The same numbers give the same split, whatever the generator.

        Returns
        -------
        Part

        Raises
        ------
        InvalidInputError
            If no division puts two scored classes on both sides.
        """
        for attempt in range(_ATTEMPTS):
            rng = rng_for(seed, size, repeat, attempt)
            train, test = self._divide(size, rng)
            test = test[np.isin(self.cohort.codes[test], self.kept)]
            wanted = set(self.kept.tolist())
            if all(wanted <= set(self.cohort.codes[rows].tolist()) for rows in (train, test)):
                return self._part(np.sort(train), np.sort(test))
        raise InvalidInputError(
            f"No division of '{self.name}' into {size} rows and the rest puts every scored class "
            f"on both sides ({_ATTEMPTS} were tried). Use another size."
        )

    def _divide(self, size: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        """Divide all rows in two."""
        codes, groups = self.cohort.codes, self.cohort.groups
        if groups is None:
            from sklearn.model_selection import train_test_split

            counts = np.bincount(codes)
            layers = np.where(counts[codes] >= 2 * SCORED_CLASS, codes, -1)
            if np.unique(layers, return_counts=True)[1].min() < 2:
                layers = np.zeros(len(codes), dtype=np.int64)
            train, test = train_test_split(
                np.arange(len(codes)),
                train_size=size,
                random_state=int(rng.integers(2**31)),
                stratify=layers,
            )
        else:
            order = rng.permutation(groups.max() + 1)
            sizes = np.bincount(groups)[order]
            chosen = order[np.cumsum(sizes) <= size]
            inside = np.isin(groups, chosen)
            train, test = np.flatnonzero(inside), np.flatnonzero(~inside)
        if self.kind == "images" and len(test) > TEST_IMAGES:
            test = rng.permutation(test)[:TEST_IMAGES]
        return train, test

    def _part(self, train: IntArray, test: IntArray) -> Part:
        """Take the rows of one cell out of the cohort, so that a worker is sent no others."""
        rows = np.concatenate([train, test])
        whole = self.cohort
        groups = None if whole.groups is None else whole.groups[rows]
        cohort = Cohort(
            take(whole.X, rows), take(whole.y, rows), whole.codes[rows], whole.classes, groups
        )
        return Part(cohort, np.arange(len(train)), np.arange(len(train), len(rows)), self.kept)


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
        If a source is unknown, two have one name, or fewer than two classes can be scored.
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
    return found


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
    tables = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in _TABLES)
    wanted = [path for path in tables if target in read_table(path).columns]
    if wanted:
        return [(path.name.split(".")[0], partial(_table, path, target, groups)) for path in wanted]
    archives = sorted(folder.glob("*.npz"))
    if archives:
        return [(path.stem, partial(_medmnist, path)) for path in archives]
    return [(folder.name, lambda: _slices(folder))]


def _table(path: Path, target: str, groups: str | None) -> DataSet:
    """Read a table."""
    table = read_table(path)
    there = groups if groups is not None and groups in table.columns else None
    X, y, patients = split_table(table, target, there)
    return _dataset(path.name.split(".")[0], "table", X, y, patients)


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
    images = images[:, None] if images.ndim == 3 else np.moveaxis(images, -1, 1)
    return _dataset(path.stem, "images", images.astype(np.float32), labels.ravel())


def _slices(folder: Path) -> DataSet:
    """Read a folder of images or volumes."""
    from augment import data

    if not hasattr(data, "load_slices"):
        raise InvalidInputError(
            f"Expected tables with the target in '{folder}'; found none, and this version reads no "
            "folders of images."
        )
    slices = data.load_slices(folder, size=_SIDE)
    if slices.y is None:
        raise InvalidInputError(f"The images in '{folder}' have no labels. Add an index.csv.")
    return _dataset(folder.name, "images", slices.images, np.asarray(slices.y), slices.groups)


def _dataset(name: str, kind: str, X: Any, y: Any, groups: Any = None) -> DataSet:
    """Check rows, and say which data set a mistake is in."""
    try:
        return DataSet(name, kind, check_cohort(X, y, groups))
    except InvalidInputError as error:
        raise InvalidInputError(f"Data set '{name}': {error}") from error

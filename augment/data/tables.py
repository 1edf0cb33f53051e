"""Read a table from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from augment._errors import InvalidInputError, MissingDependencyError, did_you_mean, listed

__all__ = ["load_table"]

_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")


def load_table(path: str | Path, *, target: Any = None) -> tuple[pd.DataFrame, pd.Series | None]:
    r"""Read a CSV, TSV or parquet file.

    Parameters
    ----------
    path : str or Path
        ``.csv`` (commas, or semicolons if the header has no comma), ``.tsv``, ``.txt`` (tabs) or
        ``.parquet``, compressed or not. Text is UTF-8; an empty cell is missing.
    target : str, optional
        The column with the labels.

    Returns
    -------
    X : DataFrame of shape (n, k)
        All columns but the target.
    y : Series of shape (n,), or None
        The target; None without ``target``.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or has no rows, or if the target is missing from the file or
        from some rows.
    MissingDependencyError
        For a parquet file without pyarrow.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.csv"
    >>> _ = path.write_text("age,sex,dx\n61,f,ill\n44,m,well\n")
    >>> X, y = load_table(path, target="dx")
    >>> X.shape, y.tolist()
    ((2, 2), ['ill', 'well'])
    """
    frame = _read(Path(path))
    if not len(frame) or not len(frame.columns):
        raise InvalidInputError(
            f"{path} is an empty table (shape={frame.shape}); expected a header and at least one "
            "row."
        )
    if target is None:
        return frame, None
    if target not in frame.columns:
        raise InvalidInputError(
            f"{path} has no column {target!r} to take as the target; its columns are "
            f"{listed(frame.columns)}.{did_you_mean(target, frame.columns)}"
        )
    y = frame.pop(target)
    missing = int(y.isna().sum())
    if missing:
        raise InvalidInputError(
            f"the target {target!r} is missing in {missing} of {len(y)} rows of {path}, the first "
            f"in row {int(y.isna().argmax())}. Drop these rows: a label cannot be guessed."
        )
    if not len(frame.columns):
        raise InvalidInputError(f"{path} has no column beside the target {target!r}.")
    return frame, y


def _read(path: Path) -> pd.DataFrame:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next((suffix for suffix in reversed(suffixes) if suffix in _SUFFIXES), None)
    if kind is None:
        raise InvalidInputError(
            f"the type of {path} is not known from its name; expected one of {listed(_SUFFIXES)}."
        )
    if not path.is_file():
        raise InvalidInputError(f"there is no file {path}; check the path.")
    try:
        if kind == ".parquet":
            return pd.read_parquet(path)
        return _read_text(path, kind)
    except ImportError as error:
        raise MissingDependencyError(
            "reading parquet needs pyarrow. Install it with: pip install 'medaugment[parquet]'"
        ) from error
    except (ValueError, OSError) as error:
        raise InvalidInputError(f"{path} cannot be read as a {kind} table: {error}") from error


def _read_text(path: Path, kind: str) -> pd.DataFrame:
    if kind != ".csv":
        return pd.read_csv(path, sep="\t", low_memory=False)
    # Spreadsheets of half of Europe write semicolons; a comma is then a decimal point.
    header = [str(name) for name in pd.read_csv(path, nrows=0, sep=",").columns]
    if len(header) == 1 and ";" in header[0]:
        return pd.read_csv(path, sep=";", decimal=",", low_memory=False)
    return pd.read_csv(path, low_memory=False)

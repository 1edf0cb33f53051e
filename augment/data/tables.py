"""Read a table from a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from augment._tables import read_table, split_table

__all__ = ["load_table"]


def load_table(
    path: str | Path, *, target: str | None = None
) -> tuple[pd.DataFrame, pd.Series | None]:
    r"""Read a CSV, TSV or Parquet file, as the command line does.

    Parameters
    ----------
    path : str or Path
        ``.csv``, ``.tsv`` or ``.txt``, compressed (``.gz``, ``.bz2``, ``.xz``) or not, or
        ``.parquet``. Text is UTF-8 with a header line; the separator (comma, semicolon, tab or
        bar) is taken from it. Except between commas, numbers may have a decimal comma. An empty
        cell is missing.
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
        If the file cannot be read, has no rows or repeats a column name, or if the target is
        missing from the file or from some rows.
    MissingDependencyError
        For a Parquet file without pyarrow.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.csv"
    >>> _ = path.write_text("age,sex,dx\n61,f,ill\n44,m,well\n")
    >>> X, y = load_table(path, target="dx")
    >>> X.shape, y.tolist()
    ((2, 2), ['ill', 'well'])
    """
    X, y, _ = split_table(read_table(path), target)
    return X, y

"""Tables in files: read with care, split from their target, written with a mark."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment._errors import AugmentWarning, InvalidInputError, did_you_mean, listed
from augment._optional import optional_import

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MARK",
    "check_table_ending",
    "match_columns",
    "read_table",
    "split_table",
    "write_table",
]

MARK = "synthetic"
_PARQUET = (".parquet", ".pq")
_TEXT = (".csv", ".tsv", ".txt")
_OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_COMMA_NUMBER = r'(^|{0})[ ]*"?[-+]?\d*,{1}([eE][-+]?\d+)?"?[ ]*({0}|$)'
# What pandas reads as missing, but for "None".
_MISSING = ["", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null"]
_MISSING += ["#N/A", "#N/A N/A", "#NA", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]
_ALL_BUT_NONE: dict[str, Any] = {"na_values": _MISSING, "keep_default_na": False}
_ANY, _NOT_THREE = r"\d+", r"(\d{1,2}|\d{4,})"


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table from a CSV, TSV or Parquet file.

    The separator (comma, semicolon, tab or bar) is taken from the header line; except between
    commas, numbers written with a decimal comma are understood.

    Parameters
    ----------
    path : path
        A UTF-8 text file with a header line (``.csv``, ``.tsv`` or ``.txt``, also compressed as
        ``.csv.gz``, ``.bz2`` or ``.xz``), or a Parquet file (``.parquet`` or ``.pq``).

    Returns
    -------
    pandas.DataFrame
        Empty cells and marks such as NA or NaN are missing values; "None" is one only among
        numbers.

    Raises
    ------
    InvalidInputError
        If the file is missing, empty, unreadable, of another kind, or repeats a column name.
    MissingDependencyError
        For a Parquet file without pyarrow.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidInputError(f"Expected a table at '{path}'; found no file. Check the path.")
    ending = _ending(path)
    if ending in _PARQUET:
        table = _read_parquet(path)
    elif ending in _TEXT:
        table = _read_text(path, ending)
    else:
        raise InvalidInputError(
            f"Expected a table ending in .csv, .tsv or .parquet; found '{path.name}'. "
            "Save it as CSV with a header line."
        )
    if not len(table):
        raise InvalidInputError(
            f"Expected rows of patients in '{path.name}'; the table is empty. "
            "It needs a header line and at least 10 rows."
        )
    return table


def _ending(path: Path) -> str:
    """Give the ending that says what is in a file, without that of a compression."""
    packed = path.suffix.lower() in _OPENERS
    return Path(path.stem if packed else path.name).suffix.lower()


def _read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file."""
    import pandas as pd

    pyarrow = optional_import("pyarrow", extra="parquet", purpose="Reading Parquet")
    parquet = optional_import("pyarrow.parquet", extra="parquet", purpose="Reading Parquet")
    try:
        _refuse_repeats(parquet.read_schema(path).names, path)
        return pd.read_parquet(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InvalidInputError(
            f"Expected a Parquet file; '{path.name}' is not one. Save the table again, or as CSV."
        ) from error


def _read_text(path: Path, ending: str) -> pd.DataFrame:
    """Read a delimited text file, separator and decimal sign found from its text."""
    import pandas as pd

    text = _text_of(path)
    header = next((line for line in text.splitlines() if line.strip()), "")
    separator = _separator(header, ending)
    _refuse_repeats(next(csv.reader([header], delimiter=separator), []), path)
    decimal = "," if _has_decimal_commas(text, separator) else "."
    try:
        # in one piece, so that a column has one type from its first row to its last
        how: dict[str, Any] = {"sep": separator, "decimal": decimal, "low_memory": False}
        table = pd.read_csv(io.StringIO(text), **how)
        if "None" in text:
            _keep_none(table, pd.read_csv(io.StringIO(text), **how, **_ALL_BUT_NONE))
        return table
    except pd.errors.EmptyDataError as error:
        raise InvalidInputError(
            f"Expected a header line and rows in '{path.name}'; the file is empty."
        ) from error
    except pd.errors.ParserError as error:
        raise InvalidInputError(
            f"'{path.name}' cannot be read as a table ({str(error).strip()}). "
            "Every line needs as many cells as the header."
        ) from error


def _keep_none(table: pd.DataFrame, with_none: pd.DataFrame) -> None:
    """Let "None" be a level where cells are text: many a finding is graded from it on."""
    import pandas as pd

    for name in table.columns:
        if pd.api.types.infer_dtype(table[name], skipna=True) == "string":
            table[name] = with_none[name]


def _text_of(path: Path) -> str:
    """Read a text file, compressed or not, without its byte-order mark."""
    opened = _OPENERS.get(path.suffix.lower(), Path.open)
    try:
        with io.TextIOWrapper(opened(path, "rb"), encoding="utf-8-sig") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"Expected UTF-8 text in '{path.name}'; byte {error.start} is not. "
            "Save the table as 'CSV UTF-8'."
        ) from error
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise InvalidInputError(
            f"'{path.name}' cannot be read ({error}). Check the file, and save it again."
        ) from error


def _separator(header: str, ending: str) -> str:
    """Find the separator in a header line; what stands in quotes does not count."""
    header = re.sub(r'"[^"]*"', "", header)
    if ending != ".csv" and "\t" in header:
        return "\t"
    return max(",;\t|", key=header.count)


def _has_decimal_commas(text: str, separator: str) -> bool:
    """Tell whether numbers are written with a decimal comma.

    Semicolons are there because commas are taken. Behind tabs and bars a comma may also part
    thousands, so that some number needs other than three digits after it.
    """
    if separator == ",":
        return False
    digits = _ANY if separator == ";" else _NOT_THREE
    pattern = _COMMA_NUMBER.format(re.escape(separator), digits)
    return re.search(pattern, text, re.MULTILINE) is not None


def _refuse_repeats(names: list[str], path: Path) -> None:
    """Refuse repeated column names, which pandas would rename in silence."""
    repeats = [name for name, count in Counter(names).items() if count > 1]
    if repeats:
        raise InvalidInputError(
            f"Expected different column names in '{path.name}'; found {listed(repeats)} "
            "more than once. Rename or drop the repeats."
        )


def split_table(
    table: pd.DataFrame,
    target: str | None,
    groups: str | None = None,
    *,
    ignore: Sequence[str] = (),
    what: str = "table",
) -> tuple[pd.DataFrame, pd.Series | None, pd.Series | None]:
    """Split a table into features, target and groups.

    Parameters
    ----------
    table : pandas.DataFrame
        Everything in one frame.
    target : str or None
        The column to predict; it must be filled in every row. None: there is none.
    groups : str, optional
        A column that says which rows belong together (a patient's number). It is no feature.
    ignore : sequence of str
        Columns to leave out.
    what : str
        How to call the table in a message.

    Returns
    -------
    X : pandas.DataFrame
    y : pandas.Series or None
    groups : pandas.Series or None

    Raises
    ------
    InvalidInputError
        If a column is not there, or has empty cells.
    """
    roles = [("target", target), ("groups", groups), *(("ignored", name) for name in ignore)]
    for role, name in roles:
        if name is None:
            continue
        if name not in table.columns:
            raise InvalidInputError(
                f"Expected a column {name!r} ({role}) in the {what}; "
                f"found {listed(table.columns)}.{did_you_mean(name, table.columns)}"
            )
        empty = 0 if role == "ignored" else int(table[name].isna().sum())
        if empty:
            raise InvalidInputError(
                f"Expected the {role} column {name!r} to be filled in every row of the {what}; "
                f"found {empty} empty cell{'s' if empty > 1 else ''}. Fill or drop those rows."
            )
    if groups is not None and groups == target:
        raise InvalidInputError(f"Expected different columns; {target!r} is target and groups.")
    if target is not None and target in ignore:
        raise InvalidInputError(f"The target {target!r} cannot be ignored. Leave it out of one.")
    drop = list(dict.fromkeys(name for _, name in roles if name is not None))
    X = table.drop(columns=drop)
    if not X.shape[1]:
        raise InvalidInputError(f"Expected feature columns beside {listed(drop)}; found none.")
    y = None if target is None else table[target]
    return X, y, None if groups is None else table[groups]


def match_columns(
    X: pd.DataFrame, like: pd.DataFrame, *, ignored: Iterable[Any] = ()
) -> pd.DataFrame:
    """Give the features of a second table in the order of the first.

    Parameters
    ----------
    X : pandas.DataFrame
        The second table. Columns that the first does not have are left out, with a warning.
    like : pandas.DataFrame
        The first table.
    ignored : iterable
        Columns of the second table that are left out on purpose, without a warning.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    InvalidInputError
        If a column of the first table is missing.

    Warns
    -----
    AugmentWarning
        Naming the columns that are left out.
    """
    missing = [name for name in like.columns if name not in X.columns]
    if missing:
        raise InvalidInputError(
            f"Expected the same columns in both tables; the second lacks {listed(missing)}."
            f"{did_you_mean(missing[0], X.columns)} Rename its columns, or leave them out of both."
        )
    known = {*like.columns, *ignored}
    extra = [name for name in X.columns if name not in known]
    if extra:
        warnings.warn(
            f"The second table has columns that the first lacks, {listed(extra)}: they are left "
            "out. If one was renamed, give it the same name in both.",
            AugmentWarning,
            stacklevel=2,
        )
    return X[list(like.columns)]


def write_table(
    table: pd.DataFrame | Iterable[pd.DataFrame], path: str | Path, *, mark: bool = True
) -> None:
    """Write synthetic rows, marked as such.

    Parameters
    ----------
    table : DataFrame or iterable of DataFrame
        The rows, or the rows in pieces, which are written one after the other.
    path : path
        CSV, TSV or (with pyarrow) Parquet, by its ending.
    mark : bool, default=True
        Put a first column ``synthetic`` with True in every row, so that nobody takes the rows for
        patients.

    Raises
    ------
    InvalidInputError
        If the ending is unknown, or the table has a column of that name already.
    """
    path = Path(path)
    import pandas as pd

    check_table_ending(path)
    pieces = [table] if isinstance(table, pd.DataFrame) else table
    marked = (_mark(piece) for piece in pieces) if mark else iter(pieces)
    if path.suffix.lower() in _PARQUET:
        _write_parquet(marked, path)
        return
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    with path.open("w", encoding="utf-8", newline="") as file:
        for i, piece in enumerate(marked):
            piece.to_csv(file, index=False, sep=separator, header=i == 0)


def _write_parquet(pieces: Iterable[pd.DataFrame], path: Path) -> None:
    """Write pieces as row groups of one file, so that only one of them is in memory."""
    pyarrow = optional_import("pyarrow", extra="parquet", purpose="Writing Parquet")
    parquet = optional_import("pyarrow.parquet", extra="parquet", purpose="Writing Parquet")
    writer = None
    try:
        for piece in pieces:
            schema = None if writer is None else writer.schema
            rows = pyarrow.Table.from_pandas(piece, schema=schema, preserve_index=False)
            if writer is None:
                writer = parquet.ParquetWriter(path, rows.schema)
            writer.write_table(rows)
    finally:
        if writer is not None:
            writer.close()


def _mark(table: pd.DataFrame) -> pd.DataFrame:
    """Put the column ``synthetic`` in front."""
    if MARK in table.columns:
        raise InvalidInputError(
            f"The table already has a column {MARK!r}, so its rows cannot be marked. "
            "Rename that column, or write without the mark (--no-mark)."
        )
    table = table.copy()
    table.insert(0, MARK, True)
    return table


def check_table_ending(path: str | Path) -> None:
    """Check, before work starts, that a table can be written under this name.

    Raises
    ------
    InvalidInputError
        If the ending is none of .csv, .tsv, .txt, .parquet.
    MissingDependencyError
        If it is .parquet and pyarrow is not installed.
    """
    ending = Path(path).suffix.lower()
    if ending in _PARQUET:
        optional_import("pyarrow", extra="parquet", purpose="Writing Parquet")
    elif ending not in _TEXT:
        raise InvalidInputError(
            f"Expected a file ending in .csv, .tsv or .parquet; found '{Path(path).name}'."
        )

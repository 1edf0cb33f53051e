"""From whatever the caller passes to a plain frame with a fresh index, or a clear refusal.

The words of the refusals hold those that scikit-learn's own checks look for.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from augment._errors import AugmentWarning, InvalidInputError, InvalidTypeError, listed

__all__ = ["as_frame", "column_names"]


def as_frame(X: Any, *, warn: bool = True) -> tuple[pd.DataFrame, str, str]:
    """Give the table as a frame, with its container and (for arrays) its dtype.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_rows, n_columns)
        Lists of rows count as arrays.
    warn : bool, default=True
        Whether to warn of column names that are not strings.

    Returns
    -------
    frame : DataFrame
        With a fresh range index; the columns of an array are called x0, x1, ...
    container : {"frame", "array"}
    dtype : str
        The dtype of the array; an empty string for a frame.

    Raises
    ------
    InvalidInputError
        For empty tables, wrong dimensions, duplicate names and complex numbers.
    InvalidTypeError
        For sparse matrices and things that are no table.
    """
    if isinstance(X, pd.DataFrame):
        _check_size(X.shape)
        _check_names(X, warn)
        return X.reset_index(drop=True), "frame", ""
    if sparse.issparse(X):
        raise InvalidTypeError(
            "Sparse data was passed, but dense data is required. Use X.toarray() to convert it."
        )
    if hasattr(X, "to_pandas"):  # of polars or pyarrow: as an array it would lose names and dtypes
        raise InvalidTypeError(
            f"X must be a pandas DataFrame or a 2-D array; got {type(X).__module__.split('.')[0]} "
            f"{type(X).__name__}. Pass X.to_pandas()."
        )
    if isinstance(X, str | bytes | dict) or X is None:
        raise InvalidTypeError(
            f"X must be a DataFrame or a 2-D array; got {type(X).__name__}. "
            "Read a file with augment.data.load_table first."
        )
    array = _as_array(X)
    return pd.DataFrame(array, columns=column_names(array.shape[1])), "array", str(array.dtype)


def column_names(n: int) -> list[str]:
    """Name the columns of an array as scikit-learn does: x0, x1, ..."""
    return [f"x{i}" for i in range(n)]


def _as_array(X: Any) -> np.ndarray:
    try:
        array = np.asarray(X)
        if array.dtype.kind in "US" and not isinstance(X, np.ndarray):
            # numpy would turn the numbers of a mixed list into strings
            array = np.array(X, dtype=object)
    except ValueError as error:
        raise InvalidInputError(
            f"X must be a rectangular table, every row of the same length; numpy says: {error}"
        ) from error
    if array.dtype.kind == "c":
        raise InvalidInputError("Complex data not supported: X holds complex numbers.")
    if array.ndim != 2:
        raise InvalidInputError(
            f"Expected 2D array, got {array.ndim}D array instead (shape={array.shape}). Reshape "
            "your data: X.reshape(-1, 1) if it has one column, X.reshape(1, -1) if it is one row."
        )
    if array.dtype.kind == "V":
        raise InvalidTypeError("X is a structured array; pass pandas.DataFrame(X) instead.")
    _check_size(array.shape)
    return array


def _check_size(shape: tuple[int, ...]) -> None:
    for size, what in zip(shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise InvalidInputError(
                f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is required. "
                "The table is empty: check the file and the filters before this step."
            )


def _check_names(frame: pd.DataFrame, warn: bool) -> None:
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise InvalidInputError(
            f"column names must be unique; found twice: {listed(twice)}. "
            "Rename or drop one of each."
        )
    odd = [name for name in frame.columns if not isinstance(name, str)]
    if odd and warn:
        warnings.warn(
            f"column names that are not strings are kept as they are: {listed(odd)}. "
            "Use X.columns = X.columns.astype(str) where other tools need strings.",
            AugmentWarning,
            stacklevel=4,
        )

"""Checks of what `evaluate_lift` is given, and access to rows of frames and arrays alike."""

from __future__ import annotations

import dataclasses
import numbers
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import type_of_target

from augment._errors import InvalidInputError, InvalidTypeError, listed
from augment._typing import IntArray

__all__ = [
    "Cohort",
    "check_cohort",
    "check_external",
    "concatenate",
    "encode_labels",
    "n_duplicates",
    "take",
]

MIN_ROWS = 10
_MAX_INTEGER_CLASSES = 20


@dataclasses.dataclass(frozen=True)
class Cohort:
    """Checked rows.

    Attributes
    ----------
    X : DataFrame or ndarray
        What the user gave.
    y : Series or ndarray
        Labels as the user gave them: what the generator is fitted with.
    codes : ndarray of int64 of shape (n,)
        Labels as positions in `classes`.
    classes : ndarray
        Sorted labels: what the classifiers are fitted with.
    groups : ndarray of int64 of shape (n,) or None
        Patients.
    """

    X: Any
    y: Any
    codes: IntArray
    classes: np.ndarray
    groups: IntArray | None

    def __len__(self) -> int:
        return self.codes.size


def take(data: Any, rows: IntArray) -> Any:
    """Select rows of a frame, series or array; a frame keeps its index."""
    return data.iloc[rows] if hasattr(data, "iloc") else data[rows]


def concatenate(first: Any, second: Any) -> Any:
    """Put the rows of two tables (or image arrays) of one kind under each other."""
    if isinstance(first, pd.DataFrame):
        return pd.concat([first, second[first.columns]], ignore_index=True)
    return np.concatenate([first, second])


def _check_table(X: Any, name: str) -> Any:
    if isinstance(X, pd.DataFrame):
        if not X.columns.is_unique:
            double = X.columns[X.columns.duplicated()].unique()
            raise InvalidInputError(
                f"{name} has several columns of one name: {listed(double)}. Rename or drop them."
            )
        return X
    array = np.asarray(X)
    if array.ndim < 2:
        raise InvalidTypeError(
            f"{name} must be a DataFrame or an array of at least two dimensions (rows first); got "
            f"{type(X).__name__} of {array.ndim} dimension(s). Use X.reshape(-1, 1) for one column."
        )
    if np.iscomplexobj(array):
        raise InvalidTypeError(f"{name} holds complex numbers. Give real and imaginary parts.")
    return array


def _check_length(name: str, values: Any, n_rows: int) -> None:
    if len(values) != n_rows:
        raise InvalidInputError(
            f"{name} must have one entry per row of X: {n_rows} are needed, {len(values)} given."
        )


def _check_no_missing(name: str, values: Any) -> None:
    missing = np.flatnonzero(np.asarray(pd.isna(values)))
    if missing.size:
        raise InvalidInputError(
            f"{name} is missing in {missing.size} row(s), the first at positions "
            f"{listed(missing[:5].tolist())}. Drop these rows or fill them in before evaluating."
        )


def _flat(name: str, values: Any) -> Any:
    """Give labels as a one-dimensional series or array; one column is flattened, with a warning."""
    if isinstance(values, pd.Series):
        return values
    if isinstance(values, pd.DataFrame):
        if values.shape[1] == 1:
            _warn_of_column(name)
            return values.iloc[:, 0]
        raise InvalidTypeError(
            f"{name} must be one column of labels; got a DataFrame with columns "
            f"{listed(values.columns)}. Pass the column to predict, such as y['diagnosis']."
        )
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        _warn_of_column(name)
        return array.ravel()
    if array.ndim != 1:
        raise InvalidTypeError(f"{name} must have one dimension; got shape {array.shape}.")
    return array


def _warn_of_column(name: str) -> None:
    """Say, as scikit-learn does, that a column stands where a vector was expected."""
    warnings.warn(
        f"A column-vector {name} was passed when a 1d array was expected. Please change the shape "
        f"of {name} to (n_samples,), for example using ravel().",
        DataConversionWarning,
        stacklevel=5,
    )


def _check_one_type(name: str, values: Any) -> None:
    """Refuse labels that mix text and numbers; lists would silently become text."""
    if hasattr(values, "dtype") and not pd.api.types.is_object_dtype(values.dtype):
        return
    number = (numbers.Number, np.bool_)
    kinds = {"number" if isinstance(v, number) else type(v).__name__ for v in values}
    if len(kinds) > 1:
        raise InvalidInputError(
            f"{name} mixes types ({', '.join(sorted(kinds))}). Make all labels strings: "
            f"{name} = [str(label) for label in {name}]."
        )


def _check_labels(y: Any) -> None:
    """Refuse a continuous target."""
    plain = np.array(np.asarray(y).tolist())
    n_values = len(np.unique(plain))
    if type_of_target(plain) == "continuous" or (
        plain.dtype.kind in "iu" and n_values > _MAX_INTEGER_CLASSES
    ):
        raise InvalidInputError(
            f"y looks like a continuous target ({n_values} distinct numbers); evaluate_lift "
            "measures classifiers. Cut it into classes, or pass labels as strings."
        )


def check_cohort(X: Any, y: Any, groups: Any) -> Cohort:
    """Check table, labels and groups, and number the classes.

    Raises
    ------
    InvalidInputError
        Fewer than 10 rows, lengths that differ, missing labels or groups, duplicate columns, one
        class, a continuous target.
    InvalidTypeError
        Something that is not a table, or labels that are not one column.
    """
    X, given, y = _check_table(X, "X"), y, _flat("y", y)
    _check_length("y", y, len(X))
    if len(X) < MIN_ROWS:
        raise InvalidInputError(
            f"evaluate_lift needs at least {MIN_ROWS} rows, so that there is something to hold "
            f"out; X has {len(X)}."
        )
    _check_no_missing("y", y)
    _check_one_type("y", given)
    _check_labels(y)
    codes, labels = pd.factorize(y, sort=True)
    if len(labels) < 2:
        raise InvalidInputError(
            f"y has one class only ({labels[0]!r}): there is nothing to predict. evaluate_lift "
            "needs labels of at least two classes."
        )
    patients = None
    if groups is not None:
        _check_length("groups", groups, len(X))
        _check_no_missing("groups", groups)
        patients = np.asarray(pd.factorize(_flat("groups", groups))[0], dtype=np.int64)
    classes = np.array(list(labels.tolist()))
    return Cohort(X, y, np.asarray(codes, dtype=np.int64), classes, patients)


def encode_labels(y: Any, classes: np.ndarray) -> IntArray:
    """Give labels as positions in ``classes``, -1 where a label is unknown."""
    values = pd.Index(np.asarray(y).tolist())
    return np.asarray(pd.Index(classes.tolist()).get_indexer(values), dtype=np.int64)


def _check_same_columns(X: Any, X_test: Any) -> None:
    if isinstance(X, pd.DataFrame) != isinstance(X_test, pd.DataFrame):
        raise InvalidTypeError(
            f"X is a {type(X).__name__} and X_test a {type(X_test).__name__}. Give both as "
            "DataFrames with the same columns, or both as arrays."
        )
    if not isinstance(X, pd.DataFrame):
        if X.shape[1:] != X_test.shape[1:]:
            raise InvalidInputError(
                f"X_test must have the shape of X beyond its rows: {X.shape[1:]} was expected, "
                f"{X_test.shape[1:]} found."
            )
        return
    absent = [name for name in X.columns if name not in X_test.columns]
    extra = [name for name in X_test.columns if name not in X.columns]
    if absent or extra:
        raise InvalidInputError(
            f"X_test must have the columns of X. Missing from X_test: {listed(absent)}; not in X: "
            f"{listed(extra)}. Rename or drop columns so that both tables agree."
        )


def _same_kinds(X: pd.DataFrame, X_test: pd.DataFrame) -> pd.DataFrame:
    """Put the columns of X_test in the order of X, with its dtypes where that loses nothing."""
    X_test = X_test[X.columns].copy()
    for name, dtype in X.dtypes.items():
        numeric = pd.api.types.is_numeric_dtype
        if numeric(dtype) and not numeric(X_test[name].dtype):
            known = X_test[name].dropna()
            if len(known):
                raise InvalidInputError(
                    f"column {name!r} is numeric in X but holds {known.iloc[0]!r} in X_test. "
                    "Code it the same way in both tables."
                )
            X_test[name] = X_test[name].astype("float64")
    return X_test


def check_external(cohort: Cohort, X_test: Any, y_test: Any) -> tuple[Any, IntArray] | None:
    """Check the external test set against the table that is learned from.

    Returns
    -------
    tuple or None
        ``X_test`` with the columns in order and the labels as codes; None where neither was given.

    Raises
    ------
    InvalidInputError
        One of the two is missing, columns or shapes differ, labels are missing or unknown.
    """
    if X_test is None and y_test is None:
        return None
    if X_test is None or y_test is None:
        absent = "X_test" if X_test is None else "y_test"
        raise InvalidInputError(f"{absent} is missing: give X_test and y_test together.")
    X_test, y_test = _check_table(X_test, "X_test"), _flat("y_test", y_test)
    _check_same_columns(cohort.X, X_test)
    _check_length("y_test", y_test, len(X_test))
    _check_no_missing("y_test", y_test)
    codes = encode_labels(y_test, cohort.classes)
    if np.any(codes < 0):
        unknown = pd.unique(np.asarray(y_test)[codes < 0]).tolist()
        raise InvalidInputError(
            f"y_test holds labels that y does not have: {listed(unknown)}; known are "
            f"{listed(cohort.classes.tolist())}. Spell the labels as in y, or drop these rows."
        )
    if isinstance(X_test, pd.DataFrame):
        X_test = _same_kinds(cohort.X, X_test)
    return X_test, codes


def n_duplicates(X: Any, groups: IntArray | None) -> int:
    """Count the rows that have an exact twin in another group (or anywhere, without groups)."""
    frame = pd.DataFrame(X if isinstance(X, pd.DataFrame) else X.reshape(len(X), -1))
    frame = frame.reset_index(drop=True)
    twins = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    owners = np.arange(len(twins)) if groups is None else groups
    pairs = pd.DataFrame({"twin": twins, "owner": owners})
    return int((pairs.groupby("twin")["owner"].transform("nunique") > 1).sum())

"""Which rows a generator was fitted on: keyed fingerprints, in memory alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from augment._typing import BoolArray

__all__ = ["SeenRows"]

_DIGEST = 16


class SeenRows:
    """Recognises rows again, and cannot say what they were.

    Each row becomes a keyed hash (BLAKE2b). The key is random, belongs to one fit, and is never
    written: whoever gets hold of the fingerprints alone cannot try out rows on them. They are
    dropped by saving, pickling and copying; see `augment.generators._base`.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n, ...)
        The rows of a fit.

    Examples
    --------
    >>> seen = SeenRows(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> seen.matches(np.array([[3, 4], [3, 5]])).tolist()
    [True, False]
    """

    def __init__(self, X: Any) -> None:
        self._key = secrets.token_bytes(32)
        self._names = [str(name) for name in X.columns] if isinstance(X, pd.DataFrame) else None
        self._digests = frozenset(self._hashed(X))

    def matches(self, X: Any) -> BoolArray:
        """Tell which of these rows the fit saw; the order of a frame's columns does not matter."""
        if isinstance(X, pd.DataFrame) and self._names is not None:
            found = {str(name): name for name in X.columns}
            if set(found) == set(self._names):
                X = X[[found[name] for name in self._names]]
        return np.array([digest in self._digests for digest in self._hashed(X)], dtype=bool)

    def _hashed(self, X: Any) -> Iterator[bytes]:
        for row in _row_bytes(X):
            yield hashlib.blake2b(row, key=self._key, digest_size=_DIGEST).digest()


def _row_bytes(X: Any) -> Iterator[bytes]:
    """Write each row such that equal rows are equal, whatever their container and dtypes."""
    if not isinstance(X, pd.DataFrame | list | tuple):
        X = np.asarray(X)
    if np.ndim(X) > 2:
        for image in np.asarray(X, dtype=np.float32):
            yield image.tobytes()
        return
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    columns = [_texts(frame.iloc[:, i]) for i in range(frame.shape[1])]
    for row in zip(*columns, strict=True):
        yield "\x1f".join(row).encode("utf-8", "surrogatepass")


def _texts(column: pd.Series) -> list[str]:
    """Write numbers with nine digits, as a file would give them back, and missing as nothing."""
    if pd.api.types.is_numeric_dtype(column.dtype) and not isinstance(column.dtype, pd.SparseDtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return ["" if np.isnan(value) else f"{value + 0.0:.9g}" for value in values.tolist()]
    return [_text(value) for value in column.tolist()]


def _text(value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, int | float | np.number | np.bool_):
        return f"{float(value) + 0.0:.9g}"
    return str(value)

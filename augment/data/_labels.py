"""The containers that ``y`` may come in, and how it goes back into them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import AugmentWarning, InvalidInputError, InvalidTypeError
from augment.data._containers import as_frame
from augment.data._scalars import plain, rebuilt

__all__ = ["YContainer", "as_condition_frame", "is_continuous"]

# Whole numbers with more different values than this are amounts, not labels.
_MOST_CLASSES = 20


@dataclass(frozen=True)
class YContainer:
    """How ``y`` was passed.

    Attributes
    ----------
    kind : {"none", "array", "categorical", "series", "frame"}
    name : object
        The name of a series.
    dtype : str
        The dtype of an array.
    categories : dict of int to dict
        For each column of dtype category its levels, their dtype ("item"), and "ordered".
    """

    kind: str
    name: Any
    dtype: str
    categories: dict[int, dict[str, Any]] = field(default_factory=dict)

    def restore(
        self, frame: pd.DataFrame
    ) -> np.ndarray | pd.Categorical | pd.Series | pd.DataFrame:
        """Put restored conditions back into the container."""
        for position, spec in self.categories.items():
            dtype = pd.CategoricalDtype(
                pd.Index(list(spec["levels"]), dtype=spec["item"]), ordered=spec["ordered"]
            )
            frame.isetitem(position, frame.iloc[:, position].astype(dtype).array)
        if self.kind == "frame":
            return frame
        series = frame.iloc[:, 0]
        if self.kind == "series":
            return series.rename(self.name)
        if self.kind == "categorical":
            return series.array
        return series.to_numpy().astype(self.dtype)

    def as_array(self, levels: tuple[Any, ...]) -> np.ndarray:
        """Give levels as an array of the dtype of ``y``."""
        if self.kind == "array":
            return np.array(list(levels), dtype=self.dtype)
        return pd.Series(list(levels)).to_numpy()

    def to_dict(self) -> dict[str, Any]:
        """Write the container with JSON values alone."""
        categories = {
            str(position): {**spec, "levels": [plain(level) for level in spec["levels"]]}
            for position, spec in self.categories.items()
        }
        return {
            "kind": self.kind,
            "name": plain(self.name),
            "dtype": self.dtype,
            "categories": categories,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> YContainer:
        """Read what :meth:`to_dict` wrote."""
        categories = {
            int(position): {**spec, "levels": tuple(rebuilt(level) for level in spec["levels"])}
            for position, spec in values["categories"].items()
        }
        return cls(values["kind"], rebuilt(values["name"]), values["dtype"], categories)


def as_condition_frame(y: Any) -> tuple[pd.DataFrame, YContainer]:
    """Give ``y`` as a frame of plain columns, with its container.

    Raises
    ------
    InvalidInputError
        For missing or infinite values, no rows, and more than one column in an array.
    """
    if isinstance(y, pd.DataFrame):
        frame, kind, name, dtype = as_frame(y, warn=False)[0], "frame", None, ""
    elif isinstance(y, pd.Series):
        frame, kind, name, dtype = y.reset_index(drop=True).to_frame("y"), "series", y.name, ""
    elif isinstance(y, pd.Categorical):
        frame, kind, name, dtype = pd.DataFrame({"y": y}), "categorical", None, ""
    else:
        array = _label_array(y)
        frame, kind, name, dtype = pd.DataFrame({"y": array}), "array", None, str(array.dtype)
    if not len(frame):
        raise InvalidInputError(
            f"Found array with 0 sample(s) (shape={frame.shape}) while a minimum of 1 is required: "
            "y is empty."
        )
    categories = {}
    for i in range(frame.shape[1]):
        _refuse_missing(frame.iloc[:, i])
        kept = frame.iloc[:, i].dtype
        if isinstance(kept, pd.CategoricalDtype):
            categories[i] = {
                "levels": tuple(kept.categories.tolist()),
                "item": str(kept.categories.dtype),
                "ordered": bool(kept.ordered),
            }
            frame = frame.copy() if len(categories) == 1 else frame
            frame.isetitem(i, frame.iloc[:, i].astype(kept.categories.dtype).array)
    return frame, YContainer(kind, name, dtype, categories)


def _label_array(y: Any) -> np.ndarray:
    if isinstance(y, pd.Index):
        y = np.asarray(y)
    if isinstance(y, str | bytes) or np.asarray(y, dtype=object).ndim == 0:
        raise InvalidTypeError(f"y must hold one entry for each row; got the single value {y!r}.")
    array = np.asarray(y)
    if array.dtype.kind in "US" and not isinstance(y, np.ndarray):
        items = np.array(y, dtype=object)
        # numpy turns numbers beside strings into strings; keep them, to be refused as mixed
        array = array if all(isinstance(item, str) for item in items.ravel()) else items
    if array.ndim == 2 and array.shape[1] == 1:
        from sklearn.exceptions import DataConversionWarning

        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of "
            "y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=4,
        )
        array = array.ravel()
    if array.ndim != 1:
        raise InvalidInputError(
            f"y should be a 1d array, got an array of shape {array.shape} instead. "
            "Pass a DataFrame if there are several conditions."
        )
    return array


def _refuse_missing(series: pd.Series) -> None:
    missing = series.isna().to_numpy()
    if missing.any():
        raise InvalidInputError(
            f"Input y contains NaN: {int(missing.sum())} of {len(series)} entries of "
            f"{series.name!r} are missing, the first in row {int(np.flatnonzero(missing)[0])}. "
            "Drop these rows, or make 'unknown' a label of its own."
        )
    if series.dtype.kind == "c":
        raise InvalidInputError("Complex data not supported: y holds complex numbers.")
    if series.dtype.kind == "f" and np.isinf(series.to_numpy(dtype=np.float64)).any():
        raise InvalidInputError(
            "Input y contains infinity or a value too large for dtype('float64'). Drop these rows."
        )


def is_continuous(series: pd.Series) -> bool:
    """Tell whether a condition is an amount rather than a label.

    Warns
    -----
    AugmentWarning
        For whole numbers with more than 20 different values, which are taken as amounts.
    """
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return True
    inferred = pd.api.types.infer_dtype(series)
    if inferred not in ("integer", "floating", "mixed-integer-float", "decimal"):
        return False
    values = series.to_numpy(dtype=np.float64)
    if (values != np.rint(values)).any():
        return True
    different = len(np.unique(values))
    if different <= _MOST_CLASSES:
        return False
    warnings.warn(
        f"{series.name!r} holds whole numbers with {different} different values; it is taken as a "
        "continuous condition. Convert it with astype(str) if these are labels.",
        AugmentWarning,
        stacklevel=3,
    )
    return True

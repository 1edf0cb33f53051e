"""From a mixed, incomplete table to what a classifier can read.

Two preparations, both fitted on a training part alone: a dense matrix (medians, missing
indicators, scaling, one-hot) for most classifiers, and a frame with native categories and missing
values for histogram gradient boosting.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

__all__ = ["TidyColumns", "dense_preparation"]

# Histogram gradient boosting takes at most 255 levels of a category.
_MAX_LEVELS = 254
_NS_PER_DAY = 86_400e9


def _numbers(column: pd.Series) -> pd.Series:
    """Numbers as they are, dates and durations in days, anything missing as NaN."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = column.dt.tz_localize(None) if column.dt.tz is not None else column
        column = column - pd.Timestamp(0)
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        return column.dt.total_seconds() / 86_400
    return pd.Series(column.to_numpy(dtype="float64", na_value=np.nan), index=column.index)


def _texts(column: pd.Series) -> pd.Series:
    """Levels as text, missing as NaN, in an object column."""
    values, missing = np.array(column, dtype=object), column.isna().to_numpy()
    if pd.api.types.infer_dtype(column, skipna=True) != "string":
        values[~missing] = [str(value) for value in values[~missing]]
    values[missing] = np.nan
    return pd.Series(values, index=column.index, dtype=object)


def _is_numeric(dtype: Any) -> bool:
    types = pd.api.types
    if types.is_bool_dtype(dtype):
        return False
    return bool(
        types.is_numeric_dtype(dtype)
        or types.is_datetime64_any_dtype(dtype)
        or types.is_timedelta64_dtype(dtype)
    )


class TidyColumns(TransformerMixin, BaseEstimator):
    """Bring any table to float columns and category columns.

    Parameters
    ----------
    categories : {"text", "native"}, default="text"
        How categories leave: as text in object columns (for one-hot encoding), or as pandas
        categoricals with the levels seen in `fit`, of which the 254 most frequent are kept.

    Attributes
    ----------
    numeric_ : list of bool
        Whether each column is numeric (numbers, dates, durations) rather than a category (text,
        booleans, pandas categoricals, objects).
    levels_ : dict
        Levels of each category column, by position.
    empty_ : list of bool
        Columns without any value: "native" gives 0 for them, because histogram gradient boosting
        cannot bin them.
    n_features_in_ : int
        Number of columns.

    Notes
    -----
    What this does not do: it does not recognise codes such as 1 to 4 as categories. Give such a
    column the dtype ``category``.
    """

    def __init__(self, categories: str = "text") -> None:
        self.categories = categories

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (the contract)
        """Learn which columns are numeric, and the levels of the others."""
        frame = pd.DataFrame(X)
        if not isinstance(X, pd.DataFrame):
            frame = frame.infer_objects()
        self.n_features_in_ = frame.shape[1]
        self.numeric_ = [_is_numeric(dtype) for dtype in frame.dtypes]
        self.empty_ = frame.isna().all().tolist()
        self.levels_ = {}
        for i, numeric in enumerate(self.numeric_):
            if not numeric:
                counts = _texts(frame.iloc[:, i]).value_counts()
                self.levels_[i] = sorted(counts.index[:_MAX_LEVELS])
        return self

    def transform(self, X: Any) -> pd.DataFrame:
        """Give the tidy frame; its columns are named by their positions."""
        frame = pd.DataFrame(X)
        return pd.DataFrame(
            {str(i): self._column(i, frame.iloc[:, i]) for i in range(self.n_features_in_)}
        )

    def _column(self, i: int, column: pd.Series) -> Any:
        native = self.categories == "native"
        if native and self.empty_[i]:
            return np.zeros(len(column))
        if self.numeric_[i]:
            return _numbers(column)
        text = _texts(column)
        if not native:
            return text
        levels = pd.CategoricalDtype(self.levels_[i])
        return text.where(text.isin(self.levels_[i])).astype(levels)


def dense_preparation() -> Pipeline:
    """Build the preparation of all classifiers that need a complete matrix.

    Numeric columns: median, an indicator per column that had missing values, then mean 0 and
    standard deviation 1. Categories: one-hot, missing as a level of its own, unknown levels all
    zero.

    Returns
    -------
    Pipeline
        Unfitted; gives an array of float64 without missing values.
    """
    numeric = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    category = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [
            ("numeric", numeric, make_column_selector(dtype_include="number")),
            ("category", category, make_column_selector(dtype_exclude="number")),
        ],
        sparse_threshold=0.0,
    )
    return make_pipeline(TidyColumns(), columns)

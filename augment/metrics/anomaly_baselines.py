"""Simple detectors of anomalies in tables, to stand beside any other.

All of them read a matrix of numbers; `as_numbers` makes one of a mixed table. All scores are higher
for rows that look more unusual.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import OneClassSVM

from augment._typing import FloatArray

__all__ = ["TABLE_BASELINES", "as_numbers", "table_baseline_scores", "tail_scores"]

N_NEIGHBORS, LOF_NEIGHBORS = 5, 20
PCA_VARIANCE = 0.9
TABLE_BASELINES = {
    "z_squared": "Sum of squared z-scores",
    "isolation_forest": "Isolation forest",
    "lof": "Local outlier factor",
    "ocsvm": "One-class SVM",
    "ecod": "ECOD (tails of each column)",
    "copod": "COPOD (tails of each column, skewed side)",
    "pca": "PCA, reconstruction error",
    "knn": "Distance of the 5th neighbours",
}
"""Names of the baselines, and how to write them."""


def as_numbers(train: pd.DataFrame, new: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Turn mixed tables into matrices: medians for missing numbers, a column for each level.

    Parameters
    ----------
    train, new : DataFrame
        With the same columns.

    Returns
    -------
    train, new : ndarray of float64
        Unseen levels are all zeros.
    """
    numeric = [c for c in train.columns if pd.api.types.is_numeric_dtype(train[c].dtype)]
    dated = [c for c in train.columns if pd.api.types.is_datetime64_any_dtype(train[c].dtype)]
    other = [c for c in train.columns if c not in numeric and c not in dated]
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    coder = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    transformer = ColumnTransformer(
        [("numbers", imputer, numeric + dated), ("levels", coder, other)]
    )
    frames = [_plain(frame, numeric, dated, other) for frame in (train, new)]
    fitted = transformer.fit(frames[0])
    first, second = (np.asarray(fitted.transform(frame), np.float64) for frame in frames)
    return first, second


def _plain(frame: pd.DataFrame, numeric: list[Any], dated: list[Any], other: list[Any]) -> Any:
    """Give numbers as floats, dates as seconds and everything else as text."""
    plain = {name: frame[name].astype("float64") for name in numeric}
    for name in dated:
        seconds = frame[name].astype("datetime64[s]").astype("int64").astype("float64")
        plain[name] = seconds.where(frame[name].notna())
    for name in other:
        plain[name] = frame[name].astype(object).where(frame[name].notna(), "missing").astype(str)
    return pd.DataFrame(plain)


def table_baseline_scores(
    train: FloatArray, new: FloatArray | None = None, *, seed: int = 0
) -> dict[str, FloatArray]:
    """Score rows with every baseline.

    Parameters
    ----------
    train : ndarray of shape (n, d)
        Finite.
    new : ndarray of shape (m, d), optional
        Rows to score; those of `train` if left out. A row of `train` is not its own neighbour.
    seed : int
        Of the isolation forest.

    Returns
    -------
    dict of ndarray of float64 (m,)
        By the names of `TABLE_BASELINES`. Higher is more unusual.

    References
    ----------
    .. [1] F. T. Liu et al., "Isolation forest", ICDM 2008.
    .. [2] M. M. Breunig et al., "LOF: identifying density-based local outliers", SIGMOD 2000.
    .. [3] Z. Li et al., "ECOD: unsupervised outlier detection using empirical cumulative
       distribution functions", TKDE 2022, and "COPOD", ICDM 2020.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores = table_baseline_scores(rng.normal(size=(50, 3)), np.array([[0, 0, 0], [9, 9, 9]]))
    >>> all(far > near for near, far in scores.values())
    True
    """
    own = new is None
    new = train if new is None else np.asarray(new, np.float64)
    scaler = StandardScaler().fit(train)
    a, b = scaler.transform(train), scaler.transform(new)
    forest = IsolationForest(random_state=seed).fit(a)
    pca = PCA(PCA_VARIANCE, svd_solver="full").fit(a)
    seen = pca.inverse_transform(pca.transform(b))
    two_sided, skewed = tail_scores(train, new)
    return {
        "z_squared": np.square(b).sum(axis=1),
        "isolation_forest": -forest.score_samples(b),
        "lof": _lof(a, b, own),
        "ocsvm": -OneClassSVM(nu=0.1).fit(a).score_samples(b),
        "ecod": two_sided,
        "copod": skewed,
        "pca": np.square(b - seen).sum(axis=1),
        "knn": _knn(a, b, own),
    }


def _lof(train: FloatArray, new: FloatArray, own: bool) -> FloatArray:
    k = min(LOF_NEIGHBORS, len(train) - 1)
    if own:
        return -LocalOutlierFactor(k).fit(train).negative_outlier_factor_
    return -LocalOutlierFactor(k, novelty=True).fit(train).score_samples(new)


def _knn(train: FloatArray, new: FloatArray, own: bool) -> FloatArray:
    neighbors = NearestNeighbors(n_neighbors=min(N_NEIGHBORS, len(train) - 1)).fit(train)
    distance = neighbors.kneighbors(None if own else new)[0]
    return np.asarray(distance[:, -1])


def tail_scores(train: FloatArray, new: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Add up how far in the tails of its columns each row lies.

    Parameters
    ----------
    train, new : ndarray of shape (n, d) and (m, d)

    Returns
    -------
    ecod, copod : ndarray of float64 (m,)
        The largest of the sums of minus log tail probabilities: left, right, or on the side that
        the column's skewness points to (ECOD); the mean of both sides, or the skewed side (COPOD).
    """
    both = np.concatenate([train, new]) if new is not train else train
    n = len(both)
    place = np.sort(both, axis=0)
    columns = range(both.shape[1])
    below = np.stack([np.searchsorted(place[:, j], new[:, j], "right") for j in columns], axis=1)
    above = n - np.stack([np.searchsorted(place[:, j], new[:, j], "left") for j in columns], axis=1)
    left, right = -np.log(below / n), -np.log(above / n)
    center = train - train.mean(axis=0)
    skew = np.mean(center**3, axis=0)
    skewed = np.where(skew < 0, left, right)
    ecod = np.maximum(np.maximum(left.sum(1), right.sum(1)), skewed.sum(1))
    return ecod, np.maximum((left + right) / 2, skewed).sum(axis=1)

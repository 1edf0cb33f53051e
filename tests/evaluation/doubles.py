"""Generators and tables for the tests of the evaluation."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator


class Copies(BaseEstimator):
    """Draws training rows with replacement."""

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        self.X_, self.y_ = X, y
        return self

    def sample(self, n_samples: int = 1, *, y: Any = None, random_state: Any = None) -> Any:
        rows = np.random.default_rng(random_state).integers(len(self.X_), size=n_samples)
        return tuple(
            part.iloc[rows].reset_index(drop=True) if hasattr(part, "iloc") else part[rows]
            for part in (self.X_, self.y_)
        )


class Spy(Copies):
    """Remembers the rows, seeds and groups of every fit."""

    seen: ClassVar[list[dict[str, Any]]] = []

    def fit(self, X: Any, y: Any = None, *, groups: Any = None) -> Self:
        rows = set(np.asarray(X["position"]).astype(int).tolist())
        Spy.seen.append({"rows": rows, "seed": self.random_state, "groups": groups})
        return super().fit(X, y)


class Broken(Copies):
    """Fails in `fit`."""

    def fit(self, X: Any, y: Any = None) -> Self:
        raise RuntimeError("the flux capacitor is empty")


class OneClass(Copies):
    """Draws the first label alone."""

    def sample(self, n_samples: int = 1, *, y: Any = None, random_state: Any = None) -> Any:
        X, labels = super().sample(n_samples, random_state=random_state)
        return X, np.full_like(np.asarray(labels), np.asarray(self.y_)[0])


class Oracle(BaseEstimator):
    """Draws fresh rows of the true law of `blobs`: augmentation that must help."""

    def __init__(
        self, n_columns: int = 10, distance: float = 1.0, random_state: Any = None
    ) -> None:
        self.n_columns = n_columns
        self.distance = distance
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        return self

    def sample(self, n_samples: int = 1, *, y: Any = None, random_state: Any = None) -> Any:
        return blobs(n_samples, self.n_columns, self.distance, seed=random_state)


def blobs(
    n: int, n_columns: int = 10, distance: float = 1.0, seed: Any = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Two Gaussian classes."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    X = rng.normal(size=(n, n_columns)) + distance / np.sqrt(n_columns) * y[:, None]
    return X, y


def clinical(n: int = 60, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """A mixed, incomplete table; the column ``position`` numbers its rows."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    age = (50 + 10 * y + rng.normal(0, 10, n)).round()
    age[rng.random(n) < 0.1] = np.nan
    sex = np.where(rng.random(n) < 0.5, "f", "m").astype(object)
    sex[rng.random(n) < 0.1] = None
    frame = pd.DataFrame(
        {
            "position": np.arange(n, dtype=float),
            "age": age,
            "sex": sex,
            "stage": pd.Categorical(rng.choice(["I", "II", "III"], n), ordered=True),
            "smoker": rng.random(n) < 0.3,
            "visit": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "stays": pd.array(rng.integers(0, 4, n), dtype="Int64"),
            "empty": np.full(n, np.nan),
        }
    )
    frame.loc[3, "stays"] = pd.NA
    frame.loc[5, "visit"] = pd.NaT
    return frame, pd.Series(np.where(y == 1, "disease", "healthy"), name="target")

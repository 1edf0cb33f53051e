"""Plant single wrong cells in clinical tables; count those that are named, and rows flagged.

Half of each table is learned from; cells are planted in the other half. *Wrong unit*: a number is
multiplied by 10, 100, 1/18 or 88.4. *Broken dependence*: a number that the other columns explain
(a squared multiple correlation of at least one half) becomes the opposite quantile of its column.

    python benchmarks/anomaly_explain.py --data FOLDER
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import RidgeCV

from augment import ReconstructionDetector, TabularVAE
from augment.data.tables import load_table

FACTORS = (10.0, 100.0, 1 / 18, 88.4)
TABLES = ("pima_diabetes", "heart_cleveland", "new_thyroid", "hcv_liver")
LINKED = 0.5


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the tables, without their labels."""
    found = {name: load_table(folder / f"{name}.csv", target="target")[0] for name in TABLES}
    return found | {"breast_cancer": load_breast_cancer(as_frame=True).data}


def linked(numbers: pd.DataFrame) -> list[str]:
    """Name the columns that the others explain."""
    filled = numbers.fillna(numbers.median())
    names = []
    for name in filled:
        others = filled.drop(columns=name)
        model = RidgeCV(np.logspace(-3, 3, 13)).fit(others, filled[name])
        if others.shape[1] and model.score(others, filled[name]) >= LINKED:
            names.append(name)
    return names


def study(X: pd.DataFrame, n: int, rng: np.random.Generator) -> dict[str, list[list[bool]]]:
    """Plant cells in one table; say of each case whether it was named, and its row flagged."""
    order = rng.permutation(len(X))
    train, rest = X.iloc[order[: len(X) // 2]], X.iloc[order[len(X) // 2 :]]
    detector = ReconstructionDetector(TabularVAE(), random_state=0).fit(train)
    numbers = X.select_dtypes("number").astype(float)
    numbers = numbers.loc[:, numbers.nunique() > 10]
    result: dict[str, list[list[bool]]] = {"wrong unit": [], "dependence": []}
    candidates = {"wrong unit": list(numbers.columns), "dependence": linked(numbers)}
    for kind, names in candidates.items():
        planted, truth = [], []
        while names and len(truth) < n:
            name, row = rng.choice(names), rest.iloc[[int(rng.integers(len(rest)))]].copy()
            value = float(row[name].iloc[0])
            if np.isnan(value) or value == 0:
                continue
            if kind == "wrong unit":
                new = value * rng.choice(FACTORS)
            else:
                place = (numbers[name] < value).mean()
                if 0.15 < place < 0.85:
                    continue
                new = float(numbers[name].quantile(1 - np.clip(place, 0.02, 0.98)))
            planted.append(row.astype({name: float}).assign(**{name: new}))
            truth.append(name)
        if planted:
            rows = pd.concat(planted)
            named = detector.explain(rows).abs().idxmax(axis=1).to_numpy() == np.array(truth)
            result[kind] += np.column_stack([named, detector.predict(rows) == -1]).tolist()
    return result


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data/tabular")
    parser.add_argument("--cases", type=int, default=40, help="of each kind, in each table")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    total: dict[str, list[list[bool]]] = {"wrong unit": [], "dependence": []}
    for name, X in tables(Path(args.data)).items():
        found = study(X, args.cases, np.random.default_rng(0))
        print(name, shares(found), flush=True)
        for kind, values in found.items():
            total[kind] += values
    print("all", shares(total))


def shares(found: dict[str, list[list[bool]]]) -> dict[str, tuple[int, float, float]]:
    """Give the number of cases of each kind, and the shares that were named and flagged."""
    return {k: (len(v), *np.mean(v, axis=0).round(3).tolist()) for k, v in found.items() if v}


if __name__ == "__main__":
    main()

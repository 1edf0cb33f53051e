"""Show how much of the dependence between two columns the rows of a generator keep.

    python benchmarks/dependence.py known
    python benchmarks/dependence.py shapes
    python benchmarks/dependence.py tables --data FOLDER

`known` draws pairs of columns of each kind beside four columns of noise, and prints the association
of the pair in the real and in the synthetic rows, a mean over seeds. `shapes` does the same with
what no correlation shows: a curve, and pairs that go together in one class and apart in the other,
evenly or in clusters. `tables` learns from 100 rows
of each CSV file with a column `target`, and compares all correlations of columns (numbers by ranks,
levels by indicators) in the synthetic rows with those in the rows that were held out: the share
that is kept, and the root mean square error, beside that of the 100 real rows. Minutes on one core.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from augment import GaussianCopula, Smote, TabularGAN, TabularVAE
from augment.data.tables import load_table

GENERATORS: dict[str, Callable[[int], Any]] = {
    "TabularVAE": lambda seed: TabularVAE(random_state=seed),
    "TabularGAN": lambda seed: TabularGAN(random_state=seed),
    "GaussianCopula": lambda seed: GaussianCopula(random_state=seed),
    "Smote": lambda seed: Smote(random_state=seed),
}
PAIRS = ("two numbers", "two flags", "flag and number", "two grades", "category and number")
SHAPES = ("curve", "correlation by class", "clusters by class")
LINEAR: dict[str, Callable[[int], Any]] = {
    "TabularVAE, hidden_dim=0": lambda seed: TabularVAE(hidden_dim=0, random_state=seed),
}
MANY_LEVELS = 12


def pair(kind: str, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw columns `a` and `b` that go with each other, and noise."""
    z = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], n)
    a, b = z.T
    columns: dict[str, Any] = {"a": a, "b": b}
    if kind == "two flags":
        columns = {"a": a > 0, "b": b > 0.5}
    elif kind == "flag and number":
        columns = {"a": a > 0, "b": b}
    elif kind == "two grades":
        columns = {"a": np.digitize(a, [-1, 0, 1]), "b": np.digitize(b, [-0.5, 0.5])}
    elif kind == "category and number":
        codes = rng.integers(0, 4, n)
        place = np.array([0.0, 2.0, -1.0, 0.5])[codes]
        columns = {
            "a": pd.Categorical.from_codes(codes, list("wxyz")),
            "b": place + 0.5 * rng.standard_normal(n),
        }
    noise = {f"noise {i}": rng.standard_normal(n) for i in range(4)}
    return pd.DataFrame({**columns, **noise})


def association(rows: pd.DataFrame) -> float:
    """Give the correlation of `a` and `b`; of a category, the correlation ratio."""
    if isinstance(rows["a"].dtype, pd.CategoricalDtype):
        means = rows.groupby("a", observed=True)["b"].transform("mean")
        return float(np.sqrt(means.var() / rows["b"].var()))
    return float(np.corrcoef(rows["a"].astype(float), rows["b"].astype(float))[0, 1])


def known(seeds: int) -> pd.DataFrame:
    """Give the association of each kind of pair in real and synthetic rows."""
    found = []
    for n in (100, 300):
        for kind in PAIRS:
            for seed in range(seeds):
                real = pair(kind, n, np.random.default_rng([seed, n]))
                line = {"rows": n, "pair": kind, "real": association(real)}
                for name, build in GENERATORS.items():
                    rows, _ = build(seed).fit(real).sample(4000, random_state=seed)
                    line[name] = association(rows)
                found.append(line)
    return pd.DataFrame(found).groupby(["rows", "pair"], sort=False).mean().round(2)


def shape(kind: str, n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw columns `a` and `b` without a correlation over all rows, three of noise, and labels."""
    labels = np.arange(n) % 2
    sign = 2 * labels - 1
    a = rng.standard_normal(n)
    b = 0.9 * sign * a + 0.44 * rng.standard_normal(n)
    if kind == "curve":
        b = a**2 + 0.3 * rng.standard_normal(n)
    elif kind == "clusters by class":
        side = rng.choice([-1, 1], n)
        a = 1.5 * side + 0.5 * rng.standard_normal(n)
        b = 1.5 * side * sign + 0.5 * rng.standard_normal(n)
    noise = {f"noise {i}": rng.standard_normal(n) for i in range(3)}
    return pd.DataFrame({"a": a, "b": b, **noise}), labels


def strength(kind: str, rows: pd.DataFrame, labels: np.ndarray) -> float:
    """Give the correlation of `b` with the square of `a`, or the mean of those within classes."""
    if kind == "curve":
        return float(np.corrcoef(rows["a"] ** 2, rows["b"])[0, 1])
    within = [np.corrcoef(rows.loc[labels == k, ["a", "b"]].T)[0, 1] for k in (0, 1)]
    return float((within[1] - within[0]) / 2)


def shapes(seeds: int) -> pd.DataFrame:
    """Give the strength of each shape in the real and in the synthetic rows."""
    found = []
    for n in (100, 300, 1000):
        for kind in SHAPES:
            for seed in range(seeds):
                real, labels = shape(kind, n, np.random.default_rng([seed, n]))
                line = {"rows": n, "shape": kind, "real": strength(kind, real, labels)}
                for name, build in (GENERATORS | LINEAR).items():
                    rows, drawn = build(seed).fit(real, labels).sample(4000, random_state=seed)
                    line[name] = strength(kind, rows, drawn)
                found.append(line)
    return pd.DataFrame(found).groupby(["rows", "shape"], sort=False).mean().round(2)


def indicators(rows: pd.DataFrame, like: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Turn a table into columns of numbers, and say which column each came from."""
    parts, owners = [], []
    for place, name in enumerate(like.columns):
        column, known_ = rows[name], like[name]
        if pd.api.types.is_numeric_dtype(known_):
            values = pd.to_numeric(column).astype(float)
            parts.append(values.fillna(values.median()).rank().to_numpy())
            owners.append(place)
            continue
        levels = known_.dropna().astype(str).unique()
        if len(levels) > MANY_LEVELS:
            continue
        for level in levels[: None if len(levels) > 2 else 1]:
            parts.append((column.astype(str) == level).to_numpy(float))
            owners.append(place)
    return np.column_stack(parts), np.array(owners)


def correlations(columns: np.ndarray) -> np.ndarray:
    """Give correlations; a column that does not vary has none."""
    spread = columns.std(axis=0)
    standard = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    return standard.T @ standard / len(standard)


def tables(folder: Path, n: int, splits: int) -> pd.DataFrame:
    """Compare correlations in synthetic rows with those in held-out rows."""
    found = []
    for path in sorted(folder.glob("*.csv")):
        X, y = load_table(path, target="target")
        whole = X.assign(target=y.astype(str))
        counts = y.map(y.value_counts())
        for split in range(splits if len(X) >= 1.3 * n else 0):
            train, test = train_test_split(
                np.arange(len(X)),
                train_size=n,
                random_state=split,
                stratify=np.where(counts >= 20, y.astype(str), ""),
            )
            truth, owners = indicators(whole.iloc[test], whole)
            expected, apart = correlations(truth), owners[:, None] != owners
            drawn = {"real rows": whole.iloc[train]}
            for name, build in GENERATORS.items():
                generator = build(split).fit(X.iloc[train], y.iloc[train])
                rows, labels = generator.sample(4000, random_state=split)
                drawn[name] = rows.assign(target=np.asarray(labels).astype(str))
            for name, rows in drawn.items():
                other = correlations(indicators(rows, whole)[0])[apart]
                kept = (other * expected[apart]).sum() / np.square(expected[apart]).sum()
                error = np.sqrt(np.square(other - expected[apart]).mean())
                found.append({"generator": name, "kept": kept, "error": error, "table": path.stem})
    by_table = pd.DataFrame(found).groupby(["generator", "table"], sort=False).mean()
    return by_table.groupby("generator", sort=False).mean().round(3)


def markdown(frame: pd.DataFrame) -> str:
    """Write a table."""
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["known", "shapes", "tables"])
    parser.add_argument("--data", type=Path, help="folder of CSV files with a column 'target'")
    parser.add_argument("--rows", type=int, default=100, help="training rows of each table")
    parser.add_argument("--seeds", type=int, default=3, help="seeds, or splits of each table")
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if options.what == "known":
            found = known(options.seeds)
        elif options.what == "shapes":
            found = shapes(options.seeds)
        elif options.data is None:
            parser.error("tables needs --data, a folder of CSV files with a column 'target'.")
        else:
            found = tables(options.data, options.rows, options.seeds)
    print(markdown(found.reset_index()))


if __name__ == "__main__":
    main()

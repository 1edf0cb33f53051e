"""Studies of `AugmentedClassifier`: is its choice safe, and does it keep what there is to gain.

Parts, each on data that say something else:

``useless``
    Synthetic rows that cannot help: copies; rows with the labels of others; a generator that cannot
    see what tells the classes apart (exclusive or); labels that mean nothing. 60 rows x 6 columns.
``useful``
    Rows that help: 40 rows x 10 columns of two normal classes, and learners that overfit.
``tables``
    Small clinical tables, 50, 100 and 200 training rows, histogram boosting and a random forest.

Every candidate is scored on the inner folds that `AugmentedClassifier` makes and, fitted on all
rows, on rows left over. So one run tells what the rule picks and what every fixed choice would have
given. Classifiers share the fits of the generator. Each cell is written as it finishes, so a run
that was stopped goes on where it was.

    python benchmarks/augmented_studies.py run useless useful --out runs/augmented.csv
    python benchmarks/augmented_studies.py run tables --data FOLDER --out runs/augmented.csv
    python benchmarks/augmented_studies.py report --out runs/augmented.csv
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

os.environ.setdefault("OMP_NUM_THREADS", "1")

import joblib
import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.covariance import ledoit_wolf
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from augment import Bootstrap, GaussianCopula
from augment._random import rng_for, spawn_seeds
from augment._selection import choose, plan_folds, unharmed
from augment.data.tables import load_table
from augment.evaluation.scoring import score
from augment.generators._trials import RealRows, draw, find_weight_name, learn

RATIOS, WEIGHTS = (0.5, 1.0, 2.0, 5.0), (0.3, 1.0)
CANDIDATES = [(0.0, 1.0), *((ratio, weight) for ratio in RATIOS for weight in WEIGHTS)]
METRICS = ("roc_auc", "neg_log_loss")
TOLERANCE = {"roc_auc": 0.005, "neg_log_loss": 0.01}
KEY = ["part", "data", "n", "index", "classifier"]
FIELDS = (*KEY, "fold", "ratio", "weight", "share", *METRICS)
TEST = -1  # in place of the number of a fold: scored on rows left over
SCORED_CLASS = 10  # classes with fewer rows stay in training and are not scored
LAWS = {
    "useless": ("copies", "labels of others", "exclusive or", "no labels"),
    "useful": ("normal",),
}
LEARNERS: dict[str, Any] = {
    "logistic regression": LogisticRegression(C=100.0, max_iter=1000),
    "decision tree": DecisionTreeClassifier(min_samples_leaf=5),
}
FORESTS: dict[str, Any] = {
    "boosting": HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=8, min_samples_leaf=8, early_stopping=False
    ),
    "random forest": RandomForestClassifier(30, min_samples_leaf=3),
}


class Normal(BaseEstimator):
    """Normal classes with one shrunken covariance."""

    def fit(self, X: Any, y: Any) -> Self:
        """Estimate means, covariance and prevalence."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.means_ = np.array([X[codes == k].mean(axis=0) for k in range(len(self.classes_))])
        self.covariance_, _ = ledoit_wolf(X - self.means_[codes], assume_centered=True)
        self.prevalence_ = np.bincount(codes) / len(codes)
        return self

    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> Any:
        """Draw rows and labels."""
        rng = np.random.default_rng(random_state)
        codes = rng.choice(len(self.classes_), size=n_samples, p=self.prevalence_)
        noise = rng.multivariate_normal(np.zeros(self.means_.shape[1]), self.covariance_, n_samples)
        return self.means_[codes] + noise, self.classes_[codes]


class LabelsOfOthers(Bootstrap):
    """Copies of rows, each with the label of another row."""

    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> Any:
        """Draw rows, and labels apart from them."""
        X, labels = super().sample(n_samples, random_state=random_state)
        return X, np.random.default_rng(random_state).permutation(labels)


GENERATORS = {"copies": Bootstrap(), "labels of others": LabelsOfOthers()}


def draw_law(law: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw n rows of a law."""
    y = rng.permutation(np.arange(n) % 2)
    if law == "exclusive or":
        signs = rng.choice([-1, 1], size=(n, 2))
        y = np.where(rng.random(n) < 0.1, 1 - (signs[:, 0] == signs[:, 1]), signs.prod(axis=1) > 0)
        X = rng.standard_normal((n, 6))
        X[:, :2] += 1.5 * signs
        return X, y.astype(int)
    columns, distance = {"normal": (10, 2.0), "no labels": (6, 0.0)}.get(law, (6, 1.5))
    return rng.standard_normal((n, columns)) + distance / np.sqrt(columns) * y[:, None], y


def read_table(path: Path, n: int, index: int) -> tuple[RealRows, RealRows]:
    """Draw n training rows of a table; texts become categories that are numbers."""
    X, y = load_table(path, target="target")
    X = X.copy()
    for name in X.columns:
        if not pd.api.types.is_numeric_dtype(X[name]):
            codes = pd.Series(pd.factorize(X[name], sort=True)[0], index=X.index)
            X[name] = pd.Categorical(codes.where(codes >= 0).astype(float))
    codes = np.unique(y.to_numpy(), return_inverse=True)[1]
    counts = np.bincount(codes)
    layers = np.where(counts[codes] >= 2 * SCORED_CLASS, codes, -1)
    train, test = train_test_split(
        np.arange(len(codes)), train_size=n, random_state=1000 * n + index, stratify=layers
    )
    test = test[counts[codes[test]] >= SCORED_CLASS]
    parts = (
        RealRows(X.iloc[p].reset_index(drop=True), codes[p], None, None) for p in (train, test)
    )
    return next(parts), next(parts)


def as_numbers(X: Any) -> np.ndarray:
    """Give a table of numbers and numbered categories as the classifiers read it."""
    if not isinstance(X, pd.DataFrame):
        return np.asarray(X)
    return np.column_stack([X[name].to_numpy(dtype=float, na_value=np.nan) for name in X.columns])


def measure(model: Any, rows: RealRows) -> np.ndarray:
    """Give ROC AUC and minus log loss, over the classes that the rows have."""
    found, codes = np.unique(rows.y, return_inverse=True)
    proba = np.zeros((len(rows), len(found)))
    known = np.isin(found, model.classes_)
    proba[:, known] = model.predict_proba(rows.X)[:, np.isin(model.classes_, found)]
    total = proba.sum(axis=1, keepdims=True)
    proba = np.where(total > 0, proba / np.where(total > 0, total, 1), 1 / len(found))
    if len(found) < 2:
        return np.array([np.nan, 0.0])
    return score(codes, proba, METRICS)[0]


def compare(
    generator: Any, learners: dict[str, Any], train: RealRows, test: RealRows, seeds: list[int]
) -> Iterator[tuple[str, float, float, np.ndarray]]:
    """Score all candidates of all learners on one division, with one fit of the generator."""
    _, X_new, y_new = draw(generator, train, round(max(RATIOS) * len(train)), seeds[0])
    # Histogram boosting stops at a column without any value.
    some = ~np.isnan(as_numbers(train.X)).all(axis=0)
    train, test = (replace(rows, X=as_numbers(rows.X)[:, some]) for rows in (train, test))
    X_new = as_numbers(X_new)[:, some]
    for name, learner in learners.items():
        weight_name = find_weight_name(learner)
        for ratio, weight in CANDIDATES:
            n_new = round(ratio * len(train))
            rows = train
            if n_new:
                rows = train.grown(X_new[:n_new], y_new[:n_new], weight)
            yield name, ratio, weight, measure(learn(learner, rows, weight_name, seeds[1]), test)


def run_cell(part: str, data: str, n: int, index: int, folder: Path) -> list[dict[str, Any]]:
    """Score everything on one draw of rows, as `AugmentedClassifier(random_state=index)` would."""
    if part == "tables":
        learners, generator = FORESTS, GaussianCopula()
        real, test = read_table(folder / f"{data}.csv", n, index)
    else:
        learners, generator = LEARNERS, GENERATORS.get(data, Normal())
        if part == "useful":
            learners = LEARNERS | {"boosting": FORESTS["boosting"]}
        rng = rng_for(7, sorted(sum(LAWS.values(), ())).index(data), index)
        real, test = (RealRows(*draw_law(data, size, rng), None, None) for size in (n, 2000))
    seeds = spawn_seeds(index, 4)
    codes = np.unique(real.y, return_inverse=True)[1]
    folds = plan_folds(real.X, codes, None, np.arange(n), 5, seeds[0])
    divisions = [(real.take(a), real.take(b)) for a, b in folds]
    jobs = [
        (*d, spawn_seeds(s, 2))
        for d, s in zip(divisions, spawn_seeds(seeds[1], len(folds)), strict=True)
    ]
    jobs.append((real, test, seeds[2:]))
    rows = []
    for number, (train, judged, fold_seeds) in enumerate(jobs):
        fold = number if number < len(folds) else TEST
        share = len(judged) / len(train)
        for name, ratio, weight, values in compare(generator, learners, train, judged, fold_seeds):
            cell = (part, data, n, index, name, fold, ratio, weight, share, *values)
            rows.append(dict(zip(FIELDS, cell, strict=True)))
    return rows


def cells(args: argparse.Namespace) -> Iterator[tuple[str, str, int, int]]:
    """List the cells asked for, one draw of all data after the other."""
    for part in args.parts:
        for index in range(args.splits if part == "tables" else args.runs):
            if part != "tables":
                yield from (
                    (part, law, 60 if part == "useless" else 40, index) for law in LAWS[part]
                )
                continue
            for n in args.sizes:
                for path in sorted(args.data.glob("*.csv")):
                    if args.tables and path.stem not in args.tables:
                        continue
                    if len(pd.read_csv(path, usecols=["target"])) >= 1.3 * n:
                        yield part, path.stem, n, index


def run(args: argparse.Namespace) -> None:
    """Run every cell that the file does not hold yet."""
    args.out.parent.mkdir(parents=True, exist_ok=True)
    fresh = not args.out.exists()
    done = (
        set() if fresh else set(pd.read_csv(args.out)[KEY[:-1]].itertuples(index=False, name=None))
    )
    todo = [cell for cell in cells(args) if cell not in done]
    print(f"{len(todo)} cells to run", flush=True)
    parallel = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator_unordered")
    with args.out.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if fresh:
            writer.writeheader()
        for rows in parallel(joblib.delayed(run_cell)(*cell, args.data) for cell in todo):
            writer.writerows(rows)
            file.flush()


def pick(inner: pd.DataFrame) -> int:
    """Apply the rule of `AugmentedClassifier` to the scores of the inner folds."""
    wide = [inner.pivot(index=["ratio", "weight"], columns="fold", values=m) for m in METRICS]
    auc, loss = (w.loc[CANDIDATES].to_numpy() for w in wide)
    share = inner.groupby("fold")["share"].first().mean()
    allowed = unharmed(
        np.nan_to_num(auc, nan=0.5), [ratio * weight for ratio, weight in CANDIDATES]
    )
    return choose(loss, [ratio for ratio, _ in CANDIDATES], share, allowed)


def read(path: Path, part: str) -> pd.DataFrame:
    """Give for each cell the lift of what was picked, and of each fixed choice."""
    results = pd.read_csv(path)
    rows = []
    for key, cell in results[results["part"] == part].groupby(KEY, sort=False):
        test = cell[cell["fold"] == TEST].set_index(["ratio", "weight"]).loc[CANDIDATES]
        lifts = test[list(METRICS)] - test[list(METRICS)].iloc[0]
        inner = cell[cell["fold"] != TEST]
        picks = {"picked": pick(inner)} | {
            f"{r:g} x {w:g}": i for i, (r, w) in enumerate(CANDIDATES) if r
        }
        rows += [
            (*key, name, CANDIDATES[i][0], *lifts.iloc[i].tolist()) for name, i in picks.items()
        ]
    return pd.DataFrame(rows, columns=[*KEY, "choice", "ratio", *METRICS])


def points(values: pd.Series) -> str:
    """Write a mean and its standard error, in points; more is better."""
    return f"{100 * values.mean():+.2f} ± {100 * values.sem():.2f}"


def summary(part: pd.DataFrame, by: list[str], choices: list[str]) -> pd.DataFrame:
    """Tabulate choices: how often rows were added, and what that did; all together at the end."""
    rows = []
    for keys in (by, []):
        for choice in choices:
            chosen = part[part["choice"] == choice]
            for key, group in chosen.groupby(keys, sort=False) if keys else [((), chosen)]:
                row = dict.fromkeys(by, "all") | dict(zip(keys, key, strict=True))
                row |= {"choice": choice, "runs": len(group)}
                row["rows added in"] = f"{100 * (group['ratio'] > 0).mean():.0f} %"
                row["AUC"], row["log loss"] = (points(group[m]) for m in METRICS)
                rows.append(row)
    return pd.DataFrame(rows)


def gain_kept(part: pd.DataFrame) -> pd.DataFrame:
    """Compare the log loss gained with that of the best fixed choice over all runs, in points."""
    means = part.groupby(["data", "classifier", "choice"], sort=False)["neg_log_loss"].mean()
    rows = []
    for key, group in means.groupby(level=[0, 1]):
        gains = group.droplevel([0, 1])
        fixed = gains.drop("picked")
        row = dict(zip(("data", "classifier"), key, strict=True)) | {"best fixed": fixed.idxmax()}
        row["its gain"] = f"{100 * fixed.max():+.2f}"
        row["gained by what was picked"] = f"{100 * gains['picked']:+.2f}"
        row["share kept"] = f"{100 * gains['picked'] / fixed.max():.0f} %"
        rows.append(row)
    return pd.DataFrame(rows)


def by_table(part: pd.DataFrame) -> pd.DataFrame:
    """Give the mean lift of each table, and whether a fixed ratio of 5 helps it."""
    mean = part.groupby(["classifier", "data", "choice"])[list(METRICS)].mean().unstack()
    share = part[part["choice"] == "picked"].groupby(["classifier", "data"])["ratio"]
    found = pd.DataFrame({m: mean[m, "picked"] for m in METRICS})
    found["rows added"] = share.apply(lambda ratio: (ratio > 0).mean())
    found["5 x 1 helps"] = mean["neg_log_loss", "5 x 1"] > 0
    return found


def report(args: argparse.Namespace) -> None:
    """Print Markdown tables of all parts that were run."""
    for name in ("useless", "useful"):
        part = read(args.out, name)
        if len(part):
            print(
                f"\n{name}\n\n"
                + markdown(summary(part, ["data", "classifier"], ["picked", "5 x 1"]))
            )
        if len(part) and name == "useful":
            print("\n" + markdown(gain_kept(part)))
    part = read(args.out, "tables")
    if not len(part):
        return
    choices = ["picked", "0.5 x 0.3", "1 x 0.3", "1 x 1", "5 x 0.3", "5 x 1"]
    print("\ntables\n\n" + markdown(summary(part, ["classifier"], choices)))
    print("\n" + markdown(summary(part, ["classifier", "n"], ["picked", "5 x 1"])))
    for classifier, found in by_table(part).groupby(level=0):
        helped = found[found["5 x 1 helps"]]["rows added"]
        print(f"\n{classifier}: {len(found)} tables")
        for metric, tolerance in TOLERANCE.items():
            worst = found[metric].droplevel(0).sort_values()
            below = [f"{t} {100 * v:+.2f}" for t, v in worst.items() if v < -tolerance]
            half = stats.t.ppf(0.975, len(worst) - 1) * worst.sem()
            print(
                f"- {metric}: mean over tables {100 * worst.mean():+.2f} ± {100 * half:.2f}; "
                f"worst {worst.index[0]} {100 * worst.iloc[0]:+.2f}; "
                f"beyond the tolerance: {below or 'none'}"
            )
        print(
            f"- rows added in {100 * helped.mean():.0f} % on {len(helped)} tables that 5 x 1 helps"
        )


def markdown(frame: pd.DataFrame) -> str:
    """Write a frame as a Markdown table."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in frame.to_numpy()]
    head = "| " + " | ".join(frame.columns) + " |"
    return "\n".join([head, "|" + "---|" * frame.shape[1], *lines])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    running = commands.add_parser("run")
    running.set_defaults(call=run)
    running.add_argument("parts", nargs="+", choices=["useless", "useful", "tables"])
    running.add_argument("--data", type=Path, default=Path("../shared/data/tabular"))
    running.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200])
    running.add_argument("--tables", nargs="+", help="names of the tables to run; all without it")
    running.add_argument("--splits", type=int, default=5)
    running.add_argument("--runs", type=int, default=100)
    running.add_argument("--n-jobs", type=int, default=1)
    running.add_argument("--out", type=Path, default=Path("runs/augmented.csv"))
    reporting = commands.add_parser("report")
    reporting.set_defaults(call=report)
    reporting.add_argument("--out", type=Path, default=Path("runs/augmented.csv"))
    args = parser.parse_args()
    args.call(args)


if __name__ == "__main__":
    main()

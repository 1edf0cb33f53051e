"""Compare generators by what they do for classifiers on small clinical tables.

For each table, training size and split: train six classifiers on the real rows, and on the real
rows with ``max(500, 5 n)`` synthetic ones of each method; score them on the rows left over. Each
split is written as it finishes, so a run that was stopped goes on where it was.

    python benchmarks/small_tables.py run --data FOLDER --out runs/small_tables.csv
    python benchmarks/small_tables.py report --out runs/small_tables.csv
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import joblib
import numpy as np
import pandas as pd
from scipy import stats
from sklearn.model_selection import train_test_split

from augment import Bootstrap, GaussianCopula, Jitter, Smote, TabularGAN, TabularVAE
from augment.data.tables import load_table
from augment.evaluation.arms import Plan
from augment.evaluation.classifiers import candidates
from augment.evaluation.inputs import Cohort
from augment.evaluation.trial import run_split

METRICS = ("roc_auc", "neg_log_loss", "balanced_accuracy", "neg_brier")
FIELDS = ("table", "n", "split", "method", "classifier", *METRICS, "fit_seconds")
SCORED_CLASS = 10  # classes with fewer rows stay in training and are not scored
MEASURES = {"roc_auc": "AUC", "neg_log_loss": "log loss", "balanced_accuracy": "bal. acc."}
METHODS: dict[str, Any] = {
    "Bootstrap": Bootstrap(),
    "Jitter": Jitter(),
    "Smote": Smote(),
    "GaussianCopula": GaussianCopula(),
    "TabularVAE": TabularVAE(),
    "TabularGAN": TabularGAN(),
    "GaussianCopula pooling=0": GaussianCopula(pooling=0.0),
    "VAE separation=1": TabularVAE(separation=1.0),
    "VAE pooling=0": TabularVAE(pooling=0.0),
    "VAE pooling=0.5": TabularVAE(pooling=0.5),
    "VAE kl_weight=1": TabularVAE(kl_weight=1.0),
    "VAE kl_weight=2": TabularVAE(kl_weight=2.0),
    "VAE one member": TabularVAE(n_members=1),
    "VAE hidden_dim=32": TabularVAE(hidden_dim=32),
    "GAN hidden_dim=0": TabularGAN(hidden_dim=0),
    "GAN max_steps=60": TabularGAN(max_steps=60),
    "GAN penalty=10": TabularGAN(penalty=10.0),
}
MAIN = ("Bootstrap", "Jitter", "Smote", "GaussianCopula", "TabularVAE", "TabularGAN")


def cohort_of(path: Path) -> Cohort:
    """Read one table."""
    X, y = load_table(path, target="target")
    classes, codes = np.unique(y.to_numpy(), return_inverse=True)
    return Cohort(X, y, codes.astype(np.int64), classes, None)


def run_cell(path: Path, n: int, split: int, methods: list[str]) -> list[dict[str, Any]]:
    """Score all methods on one split of one table."""
    cohort = cohort_of(path)
    counts = np.bincount(cohort.codes)
    scored = np.flatnonzero(counts >= SCORED_CLASS)
    layers = np.where(counts[cohort.codes] >= 2 * SCORED_CLASS, cohort.codes, -1)
    train, test = train_test_split(
        np.arange(len(cohort)), train_size=n, random_state=1000 * n + split, stratify=layers
    )
    test = test[np.isin(cohort.codes[test], scored)]
    plan = Plan(
        cohort=cohort,
        kept=scored,
        generators={name: METHODS[name] for name in methods if name != "real"},
        class_weight=False,
        candidates=candidates(None, is_table=True),
        metrics=METRICS,
        ratio="auto",
        seed=0,
        external=None,
    )
    trial = run_split(plan, np.sort(train), np.sort(test), (n, split))
    for arm, classifier, message in trial.report.failures:
        print(f"FAILED {path.stem} n={n} split={split} {arm} {classifier or ''}: {message}")
    rows = []
    for arm, method in enumerate(plan.arms):
        for i, candidate in enumerate(plan.candidates):
            values = trial.values[arm, i]
            if method in methods and not np.isnan(values).all():
                seconds = trial.report.seconds.get(f"generator {method}", 0.0)
                cell = (path.stem, n, split, method, candidate.name, *values, seconds)
                rows.append(dict(zip(FIELDS, cell, strict=True)))
    return rows


def run(args: argparse.Namespace) -> None:
    """Run every cell that the file does not hold yet."""
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if out.exists():
        kept = pd.read_csv(out)
        done = set(zip(kept["table"], kept["n"], kept["split"], kept["method"], strict=True))
    wanted = ["real", *(args.methods or MAIN)]
    cells = []
    for split in range(args.splits):
        for path in sorted(Path(args.data).glob("*.csv")):
            rows = len(pd.read_csv(path, usecols=["target"]))
            for n in args.sizes:
                todo = [m for m in wanted if (path.stem, n, split, m) not in done]
                if rows >= 1.3 * n and todo and (not args.tables or path.stem in args.tables):
                    cells.append((path, n, split, todo))
    print(f"{len(cells)} cells to run")
    parallel = joblib.Parallel(n_jobs=args.n_jobs, return_as="generator_unordered")
    fresh = not out.exists()
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if fresh:
            writer.writeheader()
        for rows in parallel(joblib.delayed(run_cell)(*cell) for cell in cells):
            writer.writerows(rows)
            file.flush()


def lifts(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Give the mean over splits of each (table, n, classifier) by method, minus real-only."""
    mean = results.pivot_table(
        index=["table", "n", "classifier"], columns="method", values=metric, aggfunc="mean"
    )
    return mean.sub(mean["real"], axis=0)


def interval(values: pd.Series) -> str:
    """Write a mean with its 95 % interval over tables, in points; more is better."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.sem()
    return f"{100 * values.mean():+.2f} ± {100 * half:.2f}"


def report(args: argparse.Namespace) -> None:
    """Print lifts and average ranks as a Markdown table, over cells that every method has."""
    results = pd.read_csv(args.out)
    results = results[results["n"].isin(args.sizes)]
    found = set(results["method"])
    methods = ["real", *(args.methods or [m for m in METHODS if m in found])]
    results = results[results["method"].isin(methods)]
    whole = results.groupby(["table", "n", "split"])["method"].transform("nunique") == len(methods)
    results = results[whole]
    cells = results[["table", "n", "split", "classifier"]].drop_duplicates()
    print(
        f"{len(cells)} cells (table x n x split x classifier), {results['table'].nunique()} "
        f"tables, n = {sorted(set(results['n']))}; change against real rows only\n"
    )
    columns: dict[str, list[Any]] = {"method": methods}
    for metric, name in MEASURES.items():
        lift = lifts(results, metric)
        per_table, per_cell = lift.groupby("table").mean(), lift.groupby(["table", "n"]).mean()
        columns[name] = [interval(per_table[m]) for m in methods]
        columns[f"{name} rank"] = ranks(per_cell[methods])
    for metric in ("roc_auc", "neg_log_loss"):
        name = MEASURES[metric]
        forest = lifts(results, metric).xs("random forest", level="classifier")
        columns[f"forest {name}"] = [f"{100 * forest[m].mean():+.2f}" for m in methods]
        best = best_of_six(results, metric)
        columns[f"best of six {name}"] = [f"{100 * best[m].mean():+.2f}" for m in methods]
    seconds = results.groupby("method")["fit_seconds"].median()
    columns["fit, s"] = [f"{seconds[m]:.2f}" for m in methods]
    print(markdown(pd.DataFrame(columns).sort_values("AUC rank")))
    print()
    for first, second in args.versus:
        parts = []
        for metric, name in MEASURES.items():
            per_table = lifts(results, metric).groupby("table").mean()
            parts.append(f"{name} {interval(per_table[first] - per_table[second])}")
        print(f"- {first} minus {second}: " + ", ".join(parts))


def ranks(per_cell: pd.DataFrame) -> list[str]:
    """Give the average rank of each method over (table, n)."""
    return [f"{rank:.2f}" for rank in per_cell.rank(axis=1, ascending=False).mean()]


def best_of_six(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Give the best classifier's mean score of each (table, n) by method, minus real-only."""
    mean = results.pivot_table(
        index=["table", "n", "classifier"], columns="method", values=metric, aggfunc="mean"
    )
    best = mean.groupby(["table", "n"]).max()
    return best.sub(best["real"], axis=0)


def markdown(frame: pd.DataFrame) -> str:
    """Write a frame as a Markdown table."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in frame.to_numpy()]
    head = "| " + " | ".join(frame.columns) + " |"
    return "\n".join([head, "|" + "---|" * frame.shape[1], *lines])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run", "report"])
    parser.add_argument("--data", default="../shared/data/tabular")
    parser.add_argument("--out", default="runs/small_tables.csv")
    parser.add_argument("--sizes", type=int, nargs="*", default=[50, 100, 200])
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--methods", nargs="*")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--versus", nargs=2, action="append", default=[], metavar=("A", "B"))
    args = parser.parse_args()
    run(args) if args.command == "run" else report(args)


if __name__ == "__main__":
    main()

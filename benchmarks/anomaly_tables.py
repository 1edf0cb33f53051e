"""Compare detectors of anomalies on small clinical tables of the ADBench collection.

Duplicate rows are dropped. Protocol A: fitted on all rows, without labels. Protocol B: fitted on
half of the normal rows, scored on the rest. Every cell is written as it finishes, so a run that was
stopped goes on where it was.

    python benchmarks/anomaly_tables.py run --data FOLDER --out runs/anomaly_tables.csv
    python benchmarks/anomaly_tables.py report --out runs/anomaly_tables.csv
    python benchmarks/anomaly_tables.py false-positives --splits 200 --out runs/false_positives.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from augment import ReconstructionDetector, TabularGAN, TabularVAE
from augment.metrics.anomaly_baselines import table_baseline_scores

FIELDS = ("set", "protocol", "seed", "method", "auroc", "auprc", "tpr_at_10", "fpr", "seconds")
DETECTORS: dict[str, Any] = {
    "detector": ReconstructionDetector(TabularVAE()),
    "detector trim=0.1": ReconstructionDetector(TabularVAE(), trim=0.1),
    "detector trim=0.3": ReconstructionDetector(TabularVAE(), trim=0.3),
    "detector GAN": ReconstructionDetector(TabularGAN()),
    "detector GAN encoder": ReconstructionDetector(TabularGAN(inversion="encoder")),
    "detector GAN search": ReconstructionDetector(TabularGAN(inversion="search")),
    "detector elbo": ReconstructionDetector(TabularVAE(), method="elbo"),
    "detector latent": ReconstructionDetector(TabularVAE(), method="latent"),
    "detector reconstruction": ReconstructionDetector(TabularVAE(), method="reconstruction"),
}
FALSE_FIELDS = ("set", "split", "n_train", "n_new", "flagged", "one_p_value")


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one set, without duplicate rows."""
    with np.load(path) as file:
        X, y = file["X"].astype(np.float64), file["y"].astype(int)
    kept = np.sort(np.unique(X, axis=0, return_index=True)[1])
    return X[kept], y[kept]


def halves(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give half of the normal rows, and the rest with its labels."""
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    train = normal[: len(normal) // 2]
    rest = np.setdiff1d(np.arange(len(y)), train)
    return X[train], X[rest], y[rest]


def figures(y: np.ndarray, surprise: np.ndarray) -> dict[str, float]:
    """Judge one score."""
    cut = np.quantile(surprise[y == 0], 0.9)
    return {
        "auroc": roc_auc_score(y, surprise),
        "auprc": average_precision_score(y, surprise),
        "tpr_at_10": float((surprise[y == 1] > cut).mean()),
    }


def run_cell(path: Path, protocol: str, seed: int, methods: list[str]) -> list[dict[str, Any]]:
    """Score one set with the given detectors, and all baselines where they are asked for."""
    X, y = read(path)
    train, new, truth = (X, X, y) if protocol == "A" else halves(X, y, seed)
    rows = []
    head = {"set": path.stem, "protocol": protocol, "seed": seed}
    for name in [name for name in methods if name != "baselines"]:
        start = time.process_time()
        detector = DETECTORS[name].set_params(random_state=seed).fit(train)
        seconds = time.process_time() - start
        flagged = float((detector.predict(new)[truth == 0] == -1).mean())
        found = figures(truth, -detector.score_samples(new))
        rows.append({**head, "method": name, **found, "fpr": flagged, "seconds": seconds})
    if "baselines" in methods:
        scores = table_baseline_scores(train, None if protocol == "A" else new, seed=seed)
        rows += [{**head, "method": k, **figures(truth, v)} for k, v in scores.items()]
    return rows


def run(args: argparse.Namespace) -> None:
    """Run every cell that the file does not hold yet."""
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = not out.exists()
    done = set() if fresh else set(_keys(pd.read_csv(out)))
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if fresh:
            writer.writeheader()
        for seed in range(args.seeds):
            for protocol in args.protocols:
                for path in sorted(Path(args.data).glob("*.npz")):
                    todo = [
                        method
                        for method in args.methods
                        if (path.stem, protocol, seed, _first(method)) not in done
                    ]
                    writer.writerows(run_cell(path, protocol, seed, todo))
                    file.flush()


def _keys(frame: pd.DataFrame) -> Any:
    return zip(frame["set"], frame["protocol"], frame["seed"], frame["method"], strict=True)


def _first(method: str) -> str:
    return "z_squared" if method == "baselines" else method


def report(args: argparse.Namespace) -> None:
    """Print means over sets, and average ranks over sets, as Markdown tables."""
    results = pd.read_csv(args.out)
    if args.rivals:
        results = pd.concat([results, pd.read_csv(args.rivals)], ignore_index=True)
    for protocol in args.protocols:
        own = results[results["protocol"] == protocol]
        by_set = own.groupby(["method", "set"])[["auroc", "auprc", "tpr_at_10"]].mean()
        table = by_set.groupby("method").mean()
        for name in ("auroc", "auprc"):
            ranks = by_set[name].unstack("method").rank(axis=1, ascending=False)
            table[f"{name} rank"] = ranks.mean()
        table["seconds"] = own.groupby("method")["seconds"].max()
        print(f"\nProtocol {protocol}, {own['seed'].nunique()} seeds\n")
        print(markdown(table.sort_values("auroc rank").round(3).reset_index()))
        print()
        print(markdown(by_set["auroc"].unstack("set").round(3).reset_index()))


def markdown(frame: pd.DataFrame) -> str:
    """Write a frame as a Markdown table."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in frame.to_numpy()]
    head = "| " + " | ".join(map(str, frame.columns)) + " |"
    return "\n".join([head, "|" + "---|" * frame.shape[1], *lines])


def false_positives(args: argparse.Namespace) -> None:
    """Count false alarms among new normal rows over many random halves of the normal rows."""
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = not out.exists()
    done = set() if fresh else set(pd.read_csv(out)[["set", "split"]].itertuples(index=False))
    with out.open("a", newline="") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(FALSE_FIELDS)
        for split in range(args.splits):
            for path in sorted(Path(args.data).glob("*.npz")):
                if (path.stem, split) not in done:
                    writer.writerow(_false_positives(path, split))
                    file.flush()
    summary(pd.read_csv(out))


def _false_positives(path: Path, split: int) -> tuple[Any, ...]:
    X, y = read(path)
    train, rest, truth = halves(X, y, split)
    new = rest[truth == 0]
    # whether the rate holds does not depend on how well the generator fits
    generator = TabularVAE(max_steps=30, n_members=1)
    detector = ReconstructionDetector(generator, random_state=split).fit(train)
    p = detector.p_values(new)
    # of one row drawn at random, ties broken at random: uniform over splits
    rng = np.random.default_rng(split)
    one = p[rng.integers(len(p))] - rng.random() / (len(train) + 1)
    return path.stem, split, len(train), len(new), int((p <= 0.1).sum()), one


def summary(results: pd.DataFrame) -> None:
    """Say how the rate of false alarms is distributed, beside its beta-binomial law."""
    for name, own in results.groupby("set"):
        rate = (own["flagged"] / own["n_new"]).mean()
        n, m = int(own["n_train"].iloc[0]), int(own["n_new"].iloc[0])
        k = int(0.1 * (n + 1) + 1e-9)
        low, high = stats.betabinom(m, k, n + 1 - k).ppf([0.025, 0.975])
        inside = own["flagged"].between(low, high).mean()
        test = stats.kstest(own["one_p_value"], "uniform").pvalue
        print(f"{name}: {len(own)} splits, rate {rate:.3f}, nominal {k / (n + 1):.3f}, ", end="")
        print(f"inside the 95 % interval {inside:.3f}, p-values uniform: p = {test:.3f}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run", "report", "false-positives"])
    parser.add_argument("--data", default="../shared/data/anomaly/tabular")
    parser.add_argument("--out", default="runs/anomaly_tables.csv")
    parser.add_argument("--rivals", help="CSV with the same columns, of detectors run elsewhere")
    parser.add_argument("--seeds", type=int, default=7)
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--protocols", nargs="*", default=["A", "B"])
    parser.add_argument("--methods", nargs="*", default=["detector", "baselines"])
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    {"run": run, "report": report, "false-positives": false_positives}[args.command](args)


if __name__ == "__main__":
    main()

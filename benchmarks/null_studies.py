"""Null studies: how often `evaluate_lift` says "helps" where nothing can help.

Three parts, each a line or more of a Markdown table:

``matrices``
    The statistics alone on 10,000 drawn score matrices per law: splits that correlate as
    cross-validation makes them (0.2 for five parts), or more, or less; normal or heavy tails.
``power``
    The same with a true lift, for several split-to-split standard deviations.
``tables``
    Whole studies: 120 rows x 8 columns, logistic regression, 5 x 6 splits. Labels shuffled (nothing
    can be learned), or the generator under test is `Bootstrap` itself (copies against copies).

Every study is written to a JSON-lines file as it ends, so an interrupted run goes on where it was:

    python benchmarks/null_studies.py --out runs/null
    python benchmarks/null_studies.py --out runs/null --parts tables --generators TabularVAE \
        --studies 40

What is a null here? Shuffled labels are one for the ROC AUC. They are none for the log loss: a
generator that shrinks the classes towards each other truly lowers the loss of a classifier that
believes in noise. Copies change a classifier's regularisation, so they are a null against copies
with another seed, not against the real rows alone; the rule asks for both. The table therefore
gives, beside the verdict, how often the ROC AUC alone was found to be above zero.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from sklearn.linear_model import LogisticRegression

import augment
from augment._random import rng_for
from augment.evaluation.statistics import claims, corrected_lift, verdicts

N_SPLITS, N_REPEATS = 5, 6
RATIO = 1 / (N_SPLITS - 1)
ROPES = (0.005, 0.01)
N_MATRICES = 10_000


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Exact 95 % interval of a share."""
    lower = stats.beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    upper = stats.beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return float(lower), float(upper)


def share(hits: int, n: int) -> str:
    """Write a count with its exact interval."""
    lower, upper = clopper_pearson(hits, n)
    return f"{hits} / {n} ({100 * hits / n:.1f} %, {100 * lower:.1f} to {100 * upper:.1f})"


def draw_differences(
    rng: np.random.Generator,
    n: int,
    *,
    sd: float,
    rho: float,
    lift: float = 0.0,
    df: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw paired differences (n, J) of two metrics, exchangeable over splits.

    Log loss differences have twice the spread of AUC differences and correlate with them by 0.6.
    """

    def matrix() -> np.ndarray:
        shape = (n, N_SPLITS * N_REPEATS)
        own = rng.standard_normal(shape) if np.isinf(df) else _heavy(rng, shape, df)
        return np.sqrt(rho) * rng.standard_normal((n, 1)) + np.sqrt(1 - rho) * own

    first, second = matrix(), matrix()
    auc = lift + sd * first
    loss = 2 * lift + 2 * sd * (0.6 * first + 0.8 * second)
    return auc, loss


def _heavy(rng: np.random.Generator, shape: tuple[int, int], df: float) -> np.ndarray:
    return rng.standard_t(df, shape) / np.sqrt(df / (df - 2))


def judge_matrices(seed: int, n: int, **law: float) -> np.ndarray:
    """Apply the rule to drawn studies; differences to copies are drawn like those to real rows.

    Copies and real rows share the augmented arm, so that both differences correlate by 0.5.
    """
    rng = rng_for(seed)
    (a1, l1), (a2, l2) = (draw_differences(rng, n, **law) for _ in range(2))
    root = np.sqrt(0.5)
    lift = law.get("lift", 0.0)
    mixed = [
        scale * lift + root * ((x - scale * lift) + (y - scale * lift))
        for x, y, scale in ((a1, a2, 1), (l1, l2, 2))
    ]
    real = tuple(corrected_lift(x, RATIO) for x in (a1, l1))
    copies = tuple(corrected_lift(x, RATIO) for x in mixed)
    return verdicts(claims(real, copies, ROPES))


def matrices() -> Iterator[dict[str, str]]:
    """Null studies on drawn score matrices, and the same without the copies arm."""
    for sd in (0.002, 0.005, 0.015, 0.05):
        for rho, df in ((0.2, np.inf), (0.2, 4.0), (0.0, np.inf), (0.4, np.inf)):
            found = judge_matrices(1, N_MATRICES, sd=sd, rho=rho, df=df)
            tails = "normal" if np.isinf(df) else f"t with {df:g} df"
            counts = {v: int((found == v).sum()) for v in ("helps", "harms", "equivalent")}
            yield {
                "SD of a split": f"{sd:g}",
                "correlation of splits": f"{rho:g}",
                "tails": tails,
                "helps": share(counts["helps"], N_MATRICES),
                "harms": f"{100 * counts['harms'] / N_MATRICES:.1f} %",
                "equivalent": f"{100 * counts['equivalent'] / N_MATRICES:.1f} %",
            }


def power() -> Iterator[dict[str, str]]:
    """Share of "helps" by true lift and spread, and the smallest detectable lift."""
    for sd in (0.01, 0.015, 0.02, 0.03):
        error = sd * np.sqrt(1 - 0.2) * np.sqrt(1 / (N_SPLITS * N_REPEATS) + RATIO)
        df = N_SPLITS * N_REPEATS - 1
        smallest = (stats.t.ppf(0.975, df) + stats.t.ppf(0.8, df)) * error
        row = {"SD of a split": f"{sd:g}", "smallest detectable lift": f"{smallest:.4f}"}
        for lift in (0.01, 0.02, 0.03, smallest):
            found = judge_matrices(2, N_MATRICES, sd=sd, rho=0.2, lift=lift)
            name = f"lift {lift:g}" if lift != smallest else "that lift"
            row[name] = f"{100 * np.mean(found == 'helps'):.1f} %"
        auc, _ = draw_differences(rng_for(2), N_MATRICES, sd=sd, rho=0.2, lift=float(smallest))
        alone = np.mean(corrected_lift(auc, RATIO).lower > 0)
        row["that lift, AUC interval above 0"] = f"{100 * alone:.1f} %"
        yield row


def null_table(kind: str, index: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Make 120 rows x 8 columns of two classes that differ; "shuffled" breaks the labels' tie."""
    rng = rng_for(4, index)
    y = np.repeat([0, 1], 60)
    mixing = rng.standard_normal((8, 8)) * 0.3 + np.eye(8)
    X = (rng.standard_normal((120, 8)) + 0.5 * y[:, None] * (np.arange(8) < 4)) @ mixing
    if kind == "shuffled":
        y = rng.permutation(y)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(8)]), y


def one_table(generator: str, kind: str, index: int) -> dict[str, Any]:
    """Run one whole study."""
    X, y = null_table(kind, index)
    start = time.perf_counter()
    result = augment.evaluate_lift(
        getattr(augment, generator)(),
        X,
        y,
        estimators=LogisticRegression(max_iter=1000),
        n_splits=N_SPLITS,
        n_repeats=N_REPEATS,
        baselines=("bootstrap",),
        metrics=("roc_auc", "neg_log_loss"),
        random_state=index,
    )
    overall = result.summary.query("estimator == 'all' and arm == 'augmented'").set_index("metric")
    return {
        "generator": generator,
        "kind": kind,
        "index": index,
        "verdict": result.verdict,
        "seconds": round(time.perf_counter() - start, 2),
        **{
            f"{part}_{metric}": float(overall.loc[metric, part])
            for metric in overall.index
            for part in ("lift", "lower", "upper")
        },
    }


def recorded(path: Path) -> list[dict[str, Any]]:
    """Read the studies that ended; a line cut short by an interruption is run again."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def run_tables(out: Path, generators: list[str], n_studies: int, n_jobs: int) -> None:
    """Run the whole null studies that are not yet recorded."""
    path = out / "tables.jsonl"
    done = {(r["generator"], r["kind"], r["index"]) for r in recorded(path)}
    todo = [
        (generator, kind, index)
        for generator in generators
        for kind in (("copies",) if generator == "Bootstrap" else ("shuffled",))
        for index in range(n_studies)
        if (generator, kind, index) not in done
    ]
    run_batches(path, one_table, todo, n_jobs)


def run_batches(path: Path, study: Callable[..., Any], todo: list[Any], n_jobs: int) -> None:
    """Run studies in batches that are written as they end."""
    batch = 4 * n_jobs
    for start in range(0, len(todo), batch):
        results = Parallel(n_jobs=n_jobs)(
            delayed(study)(*key) for key in todo[start : start + batch]
        )
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(result) + "\n" for result in results)
        print(f"{path.stem}: {start + len(results)} of {len(todo)}", flush=True)


def tables(out: Path) -> Iterator[dict[str, str]]:
    """Count the verdicts of all recorded studies."""
    frame = pd.DataFrame(recorded(out / "tables.jsonl"))
    for (generator, kind), part in frame.groupby(["generator", "kind"]):
        n = len(part)
        yield {
            "generator": str(generator),
            "null": str(kind),
            "helps": share(int((part["verdict"] == "helps").sum()), n),
            "AUC above 0": share(int((part["lower_roc_auc"] > 0).sum()), n),
            "AUC below 0": share(int((part["upper_roc_auc"] < 0).sum()), n),
            "log loss above 0": share(int((part["lower_neg_log_loss"] > 0).sum()), n),
            "harms": share(int((part["verdict"] == "harms").sum()), n),
            "mean AUC lift": f"{part['lift_roc_auc'].mean():+.4f}",
            "seconds a study": f"{part['seconds'].mean():.1f}",
        }


def markdown(rows: list[dict[str, str]]) -> str:
    """Write rows as a Markdown table."""
    if not rows:
        return "(nothing recorded)"
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(row[name] for name in names) + " |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    """Run the parts asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parts = ("matrices", "power", "tables")
    parser.add_argument("--out", type=Path, default=Path("runs/null"))
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--generators", nargs="+", default=["GaussianCopula", "Bootstrap"])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if "tables" in given.parts:
        run_tables(given.out, given.generators, given.studies, given.jobs)
    makers: dict[str, Callable[[], Iterator[dict[str, str]]]] = {
        "matrices": matrices,
        "power": power,
        "tables": lambda: tables(given.out),
    }
    for part in given.parts:
        text = markdown(list(makers[part]()))
        (given.out / f"{part}.md").write_text(text + "\n", encoding="utf-8")
        print(f"\n## {part}\n\n{text}")


if __name__ == "__main__":
    main()

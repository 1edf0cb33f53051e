"""Coverage studies: whether the intervals of `evaluate_lift` hold the truth.

Two parts, each a line or more of a Markdown table:

``lift``
    Whole studies on fresh tables of one law (100 rows x 8 columns, two normal classes, logistic
    regression that overfits, rows from normal classes with one shrunken covariance, 5 x 6 splits).
    The truth is the mean lift over 1,000 fresh data sets as large as a training part (80 rows),
    each judged on 2,000 fresh rows.
``curves``
    `equivalent_rows` on drawn learning curves with a known answer.

Every study is written to a JSON-lines file as it ends, so an interrupted run goes on where it was:

    python benchmarks/coverage_studies.py --out runs/coverage
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from augmented_studies import Normal
from null_studies import N_REPEATS, N_SPLITS, RATIO, markdown, recorded, run_batches, share
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import augment
from augment._random import rng_for
from augment.evaluation.learning_curve import Reading, equivalent_rows
from augment.evaluation.scoring import score

DECIDING = ("roc_auc", "neg_log_loss")
N_ROWS = 100
N_TRUTHS = 1000


def lift_table(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw n rows x 8 columns of two normal classes 1.6 standard deviations apart."""
    y = rng.permutation(np.arange(n) % 2)
    return rng.standard_normal((n, 8)) + 1.6 / np.sqrt(8) * y[:, None], y


def weakly_held() -> Any:
    """Make a classifier that overfits, so that there is something to gain."""
    return make_pipeline("passthrough", LogisticRegression(C=100.0, max_iter=1000))


def one_truth(index: int) -> dict[str, Any]:
    """Measure the lift on one fresh data set as large as a training part, with 2,000 test rows."""
    rng = rng_for(5, index)
    X, y = lift_table(N_ROWS * (N_SPLITS - 1) // N_SPLITS, rng)
    X_test, y_test = lift_table(2000, rng)
    X_new, y_new = Normal().fit(X, y).sample(500, random_state=index)
    plain = weakly_held().fit(X, y).predict_proba(X_test)
    grown = weakly_held().fit(np.vstack([X, X_new]), np.append(y, y_new)).predict_proba(X_test)
    change = score(y_test, grown, DECIDING)[0] - score(y_test, plain, DECIDING)[0]
    return {"index": index, **dict(zip(DECIDING, change.tolist(), strict=True))}


def one_interval(index: int) -> dict[str, Any]:
    """Run one whole study of the law, controls left out."""
    X, y = lift_table(N_ROWS, rng_for(6, index))
    result = augment.evaluate_lift(
        Normal(),
        X,
        y,
        estimators=weakly_held(),
        n_splits=N_SPLITS,
        n_repeats=N_REPEATS,
        baselines=(),
        metrics=DECIDING,
        random_state=index,
    )
    overall = result.summary.query("estimator == 'all' and arm == 'augmented'").set_index("metric")
    smallest = {f"smallest_{m}": float(result.smallest_detectable_lift[m]) for m in DECIDING}
    bounds = {
        f"{part}_{metric}": float(overall.loc[metric, part])
        for metric in DECIDING
        for part in ("lift", "lower", "upper")
    }
    return {"index": index, **bounds, **smallest}


def lift(out: Path) -> Iterator[dict[str, str]]:
    """Compare the intervals of the recorded studies with the recorded truth."""
    truths = pd.DataFrame(recorded(out / "truth.jsonl"))
    found = pd.DataFrame(recorded(out / "intervals.jsonl"))
    for metric in DECIDING:
        truth, error = truths[metric].mean(), truths[metric].sem()
        lower, upper = found[f"lower_{metric}"], found[f"upper_{metric}"]
        yield {
            "metric": metric,
            "true lift (standard error)": f"{truth:+.4f} ({error:.4f})",
            "mean of the estimates": f"{found[f'lift_{metric}'].mean():+.4f}",
            "interval holds the true lift": share(
                int(((lower <= truth) & (truth <= upper)).sum()), len(found)
            ),
            "interval above 0": share(int((lower > 0).sum()), len(found)),
            "SD of the estimates": f"{found[f'lift_{metric}'].std():.4f}",
            "median half-width": f"{(upper - lower).median() / 2:.4f}",
        }


def run_lift(out: Path, n_studies: int, n_jobs: int) -> None:
    """Measure the true lift, and run the studies whose intervals should hold it."""
    for name, study, n in (("truth", one_truth, N_TRUTHS), ("intervals", one_interval, n_studies)):
        path = out / f"{name}.jsonl"
        done = {record["index"] for record in recorded(path)}
        run_batches(path, study, [(index,) for index in range(n) if index not in done], n_jobs)


def curves(n_studies: int) -> Iterator[dict[str, str]]:
    """Coverage of `equivalent_rows` where the truth is known."""
    sizes = [60, 85, 120, 170, 240]
    for rise in (0.0, 0.02, 0.04, 0.08):
        for worth in (-30.0, 0.0, 40.0, 90.0, 200.0):
            readings = [_one_curve(sizes, rise, worth, i) for i in range(n_studies)]
            known = [r for r in readings if r.estimate is not None]
            hits = sum(_covers(r, sizes, worth) for r in known)
            top = sizes[-1] - sizes[2] - 0.5
            reaches = np.mean([r.upper is not None and r.upper >= top for r in known or readings])
            yield {
                "rise of the curve": f"{rise:g}",
                "true worth, rows": f"{worth:g}",
                "not estimable": f"{100 * (1 - len(known) / n_studies):.1f} %",
                "covered": share(hits, len(known)) if known and rise else "-",
                "interval ends in >= 120": f"{100 * reaches:.1f} %" if rise else "-",
            }


def _one_curve(sizes: list[int], rise: float, worth: float, index: int) -> Reading:
    """Draw ten splits of a study, and read them."""
    rng, m = rng_for(3, index), sizes[2]

    def truth(n: Any) -> Any:
        return 0.85 + rise * np.log(np.asarray(n, dtype=float) / m) / np.log(4)

    points = np.append(truth(sizes), truth(m + worth))
    # A split is easy or hard for all points alike; what is left correlates as splits do.
    luck = 0.03 * rng.standard_normal((10, 1))
    shared, own = rng.standard_normal((1, 6)), rng.standard_normal((10, 6))
    scores = points + luck + 0.012 * (np.sqrt(0.2) * shared + np.sqrt(0.8) * own)
    return equivalent_rows(scores[:, :-1], scores[:, -1], sizes, RATIO, index)


def _covers(reading: Reading, sizes: list[int], worth: float) -> bool:
    """Tell whether the interval holds the truth; beyond an end of the curve, that end."""
    if reading.lower is None or reading.upper is None:
        return False
    inside = np.clip(worth, sizes[0] - sizes[2], sizes[-1] - sizes[2])
    return bool(reading.lower - 0.5 <= inside <= reading.upper + 0.5)


def main() -> None:
    """Run the parts asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("runs/coverage"))
    parser.add_argument(
        "--parts", nargs="+", choices=("lift", "curves"), default=["lift", "curves"]
    )
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if "lift" in given.parts:
        run_lift(given.out, given.studies, given.jobs)
    makers: dict[str, Callable[[], Iterator[dict[str, str]]]] = {
        "lift": lambda: lift(given.out),
        "curves": lambda: curves(given.studies),
    }
    for part in given.parts:
        text = markdown(list(makers[part]()))
        (given.out / f"{part}.md").write_text(text + "\n", encoding="utf-8")
        print(f"\n## {part}\n\n{text}")


if __name__ == "__main__":
    main()

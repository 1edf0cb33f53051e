"""What a privacy budget costs: `TabularVAE(dp_epsilon=...)` on tables of a known law.

A table of five columns and a label is drawn, a generator fitted, a logistic regression learns from
2,000 synthetic rows, and is judged on 4,000 fresh ones. "dependence" is the rank correlation of two
columns whose true one is 0.80.

    python benchmarks/private_tables.py --repeats 3
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from augment import TabularVAE
from augment._random import rng_for

SCHEMA = {
    "age": {"lower": 18, "upper": 100},
    "pressure": {"lower": 60, "upper": 220},
    "marker": {"lower": 0, "upper": 20},
    "sex": {"levels": ["f", "m"]},
    "stage": {"levels": ["I", "II"]},
}
SIZES = (200, 1000, 5000)
EPSILONS = (0.5, 1.0, 3.0, 10.0)


def draw(n: int, *key: int) -> tuple[pd.DataFrame, pd.Series]:
    """Draw a table and its labels."""
    rng = rng_for(11, *key)
    ill = rng.random(n) < 0.4
    severity = rng.normal(size=n) + ill
    X = pd.DataFrame(
        {
            "age": rng.normal(55 + 8 * ill, 12).clip(18, 100).round().astype(int),
            "pressure": (130 + 12 * severity + 6 * rng.normal(size=n)).clip(60, 220),
            "marker": np.exp(0.5 * severity + 0.3 * rng.normal(size=n)).clip(0, 20),
            "sex": rng.choice(["f", "m"], n),
            "stage": np.where(rng.random(n) < 0.3 + 0.3 * ill, "II", "I"),
        }
    )
    labels = pd.Series(np.where(ill, "ill", "well"), name="diagnosis")
    return X, labels.astype(pd.CategoricalDtype(["ill", "well"]))


def numbers(X: pd.DataFrame) -> np.ndarray:
    """Give the table as numbers."""
    return np.column_stack(
        [X[["age", "pressure", "marker"]], X["sex"] == "m", X["stage"] == "II"]
    ).astype(float)


def figures(X: pd.DataFrame, y: pd.Series, test: tuple[pd.DataFrame, pd.Series]) -> list[float]:
    """Judge rows: AUC of a classifier that learned from them, dependence, and prevalence."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    scores = model.fit(numbers(X), y == "ill").predict_proba(numbers(test[0]))[:, 1]
    dependence = X[["pressure", "marker"]].corr(method="spearman").iloc[0, 1]
    return [roc_auc_score(test[1] == "ill", scores), dependence, (y == "ill").mean()]


def one_line(n: int, epsilon: float | None, repeats: int) -> dict[str, Any]:
    """Give the means over repeats for one size and budget."""
    found, test = [], draw(4000, 0)
    for repeat in range(repeats):
        X, y = draw(n, 1, n, repeat)
        private = {} if epsilon is None else {"dp_epsilon": epsilon, "n_members": 1}
        start = time.process_time()
        vae = TabularVAE(schema=SCHEMA, random_state=repeat, **private).fit(X, y)
        seconds = time.process_time() - start
        found.append([*figures(*vae.sample(2000, random_state=1), test), seconds])
    auc, dependence, prevalence, seconds = np.mean(found, axis=0)
    spread = np.std(found, axis=0)[0]
    return {
        "rows": n,
        "epsilon": "no budget" if epsilon is None else f"{epsilon:g}",
        "AUC (SD over repeats)": f"{auc:.3f} ({spread:.3f})",
        "dependence (true .80)": f"{dependence:.2f}",
        "share of ill (true .40)": f"{prevalence:.2f}",
        "fit, s": f"{seconds:.1f}",
    }


def main() -> None:
    """Print a Markdown table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    head = None
    for n in SIZES:
        for epsilon in (None, *EPSILONS[::-1]):
            line = one_line(n, epsilon, given.repeats)
            if head is None:
                head = list(line)
                print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
            print("| " + " | ".join(str(value) for value in line.values()) + " |", flush=True)


if __name__ == "__main__":
    main()

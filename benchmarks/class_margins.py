"""Show whether what a column looks like in each class is drawn so: zeros, limits, spread, humps.

    python benchmarks/class_margins.py

Five columns whose law differs between two classes beside three columns of noise, 4,000 rows drawn,
mean over seeds. "zeros" is the difference of the classes in the share of zeros (.8 and .3), "only
one class" the share of zeros in the class that has nothing else, "limit" the difference in the
share of values at a detection limit, "spread" the ratio of the standard deviations (3 to 1), and
"humps" the ratio of what lies within 1 of the middle, in a class with two humps and in one with
one. A minute or two on one core.
"""

from __future__ import annotations

import argparse
import os
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from augment import GaussianCopula, Smote, TabularGAN, TabularVAE

GENERATORS = {
    "TabularVAE": TabularVAE,
    "TabularGAN": TabularGAN,
    "GaussianCopula": GaussianCopula,
    "Smote": Smote,
}
LIMIT = 0.5


def cohort(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw rows of two classes."""
    y = np.arange(n) % 2
    amount = rng.lognormal(size=(n, 3))
    humps = np.where(y, 2 * rng.choice([-1, 1], n) + 0.3 * rng.standard_normal(n), 0.0)
    X = pd.DataFrame(
        {
            "zeros": np.where(rng.random(n) < np.where(y, 0.3, 0.8), 0.0, amount[:, 0]),
            "only one class": np.where(y, 3 + amount[:, 1], 0.0),
            "limit": np.maximum(LIMIT, amount[:, 2] * np.exp(y - 0.5)),
            "spread": rng.standard_normal(n) * np.where(y, 3, 1),
            "humps": np.where(y, humps, 2 * rng.standard_normal(n)),
            **{f"noise {i}": rng.standard_normal(n) for i in range(3)},
        }
    )
    return X, y


def figures(X: pd.DataFrame, y: np.ndarray) -> dict[str, float]:
    """Give what each column shows of its law."""
    ill, well = X[y == 1], X[y == 0]
    near = [(rows["humps"].abs() < 1).mean() for rows in (ill, well)]
    return {
        "zeros": (well["zeros"] == 0).mean() - (ill["zeros"] == 0).mean(),
        "only one class": (well["only one class"] == 0).mean(),
        "limit": (well["limit"] == LIMIT).mean() - (ill["limit"] == LIMIT).mean(),
        "spread": ill["spread"].std() / well["spread"].std(),
        "humps": near[0] / near[1],
    }


def study(seeds: int, sizes: tuple[int, ...] = (100, 300, 1000)) -> pd.DataFrame:
    """Give the figures of real and of synthetic rows."""
    found = []
    for n in sizes:
        for seed in range(seeds):
            X, y = cohort(n, np.random.default_rng([seed, n]))
            found.append({"rows": n, "drawn by": "real rows", **figures(X, y)})
            for name, build in GENERATORS.items():
                drawn = build(random_state=seed).fit(X, y).sample(4000, random_state=seed)
                found.append({"rows": n, "drawn by": name, **figures(*drawn)})
    return pd.DataFrame(found).groupby(["rows", "drawn by"], sort=False).mean().round(2)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = study(parser.parse_args().seeds).reset_index()
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    print("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines))


if __name__ == "__main__":
    main()

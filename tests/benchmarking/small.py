"""A benchmark of seconds: small tables, cheap generators, one classifier."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
from augment.pipelines import benchmark

from augment import workflow

# What may differ between two runs of the same cells.
MEASURED = ["fit_seconds", "sample_seconds", "cpu_seconds", "score_seconds", "peak_memory_mb"]
SHIFTED = '''
"""A rival that adds a number to real rows."""
REQUIRES = ("pandas",)
def fit(rows, target, discrete, seed, shift=0.0):
    return rows, target, discrete, shift
def sample(model, n_rows, seed):
    rows, target, discrete, shift = model
    drawn = rows.sample(n_rows, replace=True, random_state=seed).reset_index(drop=True)
    numbers = [name for name in rows if name not in discrete]
    drawn[numbers] += shift
    return drawn
'''


def write_tables(folder: Path, names: tuple[str, ...] = ("a", "b"), n_rows: int = 60) -> Path:
    """Write tables of two numbers and a category, with two classes."""
    folder.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        rng = np.random.default_rng(i)
        label = rng.permutation(np.repeat(["ill", "well"], [n_rows // 3, n_rows - n_rows // 3]))
        frame = pd.DataFrame(
            {
                "age": (rng.normal(60, 9, n_rows) + 8 * (label == "ill")).round(),
                "sex": rng.choice(["f", "m"], n_rows),
                "lactate": rng.gamma(2, 1, n_rows).round(1),
                "target": label,
            }
        )
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def small_settings(folder: Path, **values: object) -> benchmark.Settings:
    """Give settings of a benchmark of seconds."""
    given = {
        "datasets": (str(folder),),
        "generators": {"bootstrap": {}, "gaussian_copula": {}},
        "sizes": (30,),
        "repeats": 2,
        "estimators": ("logistic regression",),
        "ratio": 1.0,
        "backend": "threading",
        "n_jobs": 1,
        "progress": False,
    }
    return workflow.load_settings(benchmark.Settings, **{**given, **values})


def tables(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what a run found, without what it measured of itself."""
    cells = pd.read_csv(out / "cells.csv").drop(columns=MEASURED)
    return pd.read_csv(out / "scores.csv"), cells


def run_and_kill(settings: benchmark.Settings, out: Path, n_more: int, delay: float) -> int:
    """Run in a process of its own; kill it `delay` seconds after `n_more` new cells are there.

    Returns the signal that ended it, or 0 if it was faster.
    """
    before = len(list((out / "cells").glob("*.json")))
    child = os.fork()
    if child == 0:
        try:
            benchmark.run(settings, out)
        finally:
            os._exit(0)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.WTERMSIG(status)
        if len(list((out / "cells").glob("*.json"))) >= before + n_more:
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
            return os.WTERMSIG(os.waitpid(child, 0)[1])
        time.sleep(0.005)

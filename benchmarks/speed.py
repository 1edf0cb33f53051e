"""Print the speed of the tabular path beside its targets.

    python benchmarks/speed.py

Times are wall-clock seconds, the median of a few runs, on at most two threads. Start-up times are
those of a fresh process.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from augment import TabularGAN, TabularVAE

HEAVY = "{'torch', 'monai', 'sklearn', 'pandas'}"


def table(n: int, columns: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw a table of correlated columns, a fifth of them categories, with two classes."""
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.4).astype(int)
    factors = rng.normal(size=(n, 4))
    X = factors @ rng.normal(size=(4, columns)) + rng.normal(size=(n, columns)) + 0.4 * y[:, None]
    frame = pd.DataFrame(X.round(3), columns=[f"x{i}" for i in range(columns)])
    for name in frame.columns[: columns // 5]:
        frame[name] = pd.cut(frame[name], 3, labels=["low", "middle", "high"])
    return frame, y


def seconds(call: Callable[[], object], runs: int) -> float:
    """Give the median wall-clock time of a call, after one to warm up."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def process(code: str) -> Callable[[], object]:
    """Give a call that runs some code in a fresh interpreter."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def loaded_by_import() -> str:
    """Name the heavy packages that importing augment loads."""
    code = f"import sys, augment; print(sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    torch.set_num_threads(min(2, torch.get_num_threads()))
    small, large = table(200, 20), table(1000, 30)
    fitted = TabularVAE(random_state=0).fit(*small)
    rate = 100_000 / seconds(lambda: fitted.sample(100_000, random_state=0), runs)
    help_text = "import sys; sys.argv = ['augment', '--help']; import augment.cli as c; c.main()"
    rows = [
        ("heavy packages loaded by `import augment`", loaded_by_import(), "[]"),
        ("`augment --help`, s", f"{seconds(process(help_text), runs):.2f}", "0.5"),
        (
            "`TabularVAE` (5 members) fit, 200 x 20, s",
            f"{seconds(lambda: TabularVAE(random_state=0).fit(*small), runs):.2f}",
            "5",
        ),
        (
            "`TabularVAE` (5 members) fit, 1,000 x 30, s",
            f"{seconds(lambda: TabularVAE(random_state=0).fit(*large), runs):.2f}",
            "15",
        ),
        (
            "`TabularGAN` fit, 200 x 20, s",
            f"{seconds(lambda: TabularGAN(random_state=0).fit(*small), runs):.2f}",
            "10",
        ),
        ("sampling, rows of 20 columns a second", f"{rate:,.0f}", "at least 100,000"),
    ]
    print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}\n")
    print("| what | measured | target |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()

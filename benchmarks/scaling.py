"""Measure how time and memory grow: with rows, columns, workers and processes; and beside rivals.

    python benchmarks/scaling.py run --out runs/scaling.jsonl
    python benchmarks/scaling.py report --out runs/scaling.jsonl --plot scaling.png

Each measurement has a process of its own, on one thread, and is written as it finishes; a run
that was stopped goes on where it was. Rivals are measured where they are installed
(``--python PATH`` names the interpreter that has the package ctgan). Times are of the fit and
of the draw alone; memory is the peak of the whole process, its libraries included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

ROWS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
COLUMNS = (5, 20, 50, 150, 500)
OWN = ("tabular_vae", "tabular_gan")
RIVALS = ("tvae", "ctgan")
DRAWN = 1_000_000
PARTS = ("rivals", "rows", "columns", "sampling", "workers")


def table(n: int, columns: int) -> tuple[pd.DataFrame, pd.Series]:
    """Draw a table of correlated columns, a fifth of them categories, with two classes."""
    rng = np.random.default_rng(0)
    y = rng.random(n) < 0.4
    factors = rng.normal(size=(n, 4))
    X = factors @ rng.normal(size=(4, columns)) + rng.normal(size=(n, columns)) + 0.4 * y[:, None]
    frame = pd.DataFrame(X.round(3), columns=[f"x{i}" for i in range(columns)])
    for name in frame.columns[: columns // 5]:
        frame[name] = pd.cut(frame[name], 3, labels=["low", "middle", "high"]).astype(str)
    return frame, pd.Series(np.where(y, "ill", "well"), name="target")


def plan(parts: list[str]) -> list[dict[str, Any]]:
    """List the measurements, cheap ones first."""
    jobs: list[dict[str, Any]] = []
    if "rivals" in parts:
        sizes = ((200, 20), (1000, 30))
        jobs += [fit_job("rivals", g, *size) for size in sizes for g in (*OWN, *RIVALS)]
    if "rows" in parts:
        jobs += [fit_job("rows", g, n, 20) for n in ROWS for g in OWN]
    if "columns" in parts:
        jobs += [fit_job("columns", g, 200, k) for k in COLUMNS for g in OWN]
    if "sampling" in parts:
        for n in (DRAWN // 10, DRAWN):
            for n_jobs in (1, 2):
                jobs.append({"part": "sampling", "what": "tabular_vae", "n": n, "jobs": n_jobs})
    if "workers" in parts:
        jobs += [{"part": "workers", "what": "benchmark", "n": 64, "jobs": n} for n in (1, 2)]
    return jobs


def fit_job(part: str, generator: str, n: int, columns: int) -> dict[str, Any]:
    """Describe one fit."""
    return {"part": part, "what": generator, "n": n, "columns": columns}


def measure(job: dict[str, Any], python: str | None) -> dict[str, float]:
    """Do one measurement in this process."""
    if job["part"] == "sampling":
        return measure_sampling(job)
    if job["part"] == "workers":
        return measure_workers(job)
    from augment.benchmarking import build_methods

    name = job["what"]
    methods, _ = build_methods({name: {}}, python_of={} if python is None else {name: python})
    X, y = table(job["n"], job["columns"])
    draw = methods[name].draw(X, y, None, 10_000, (0, 1))
    return {
        "fit_seconds": draw.fit_seconds,
        "sample_seconds": draw.sample_seconds,
        "cpu_seconds": draw.cpu_seconds,
        "peak_memory_mb": draw.peak_memory_mb,
    }


def measure_sampling(job: dict[str, Any]) -> dict[str, float]:
    """Stream rows of 20 columns to a Parquet file."""
    import augment
    from augment import workflow
    from augment.benchmarking._memory import peak_memory

    model = augment.TabularVAE(random_state=0).fit(*table(200, 20))
    with tempfile.TemporaryDirectory() as folder, peak_memory() as peak:
        start = time.perf_counter()
        pieces = workflow.draw_rows(model, job["n"], None, 0, 65_536, job["jobs"])
        workflow.write_table(pieces, Path(folder) / "rows.parquet")
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_memory_mb": peak.megabytes}


def measure_workers(job: dict[str, Any]) -> dict[str, float]:
    """Run a small benchmark of 64 cells on some workers."""
    from augment.pipelines import benchmark

    settings = benchmark.Settings(
        datasets=("breast_cancer", "wine"),
        sizes=(50, 100),
        repeats=4,
        generators={"bootstrap": {}, "gaussian_copula": {}, "tabular_vae": {}},
        estimators=("logistic regression", "random forest"),
        n_jobs=job["jobs"],
        progress=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        benchmark.run(settings, folder)
        return {"seconds": time.perf_counter() - start}


def run(args: argparse.Namespace) -> None:
    """Measure what the file does not hold yet, each in a fresh process."""
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = out.read_text().splitlines() if out.exists() else []
    done = {json.dumps(json.loads(line)["job"]) for line in lines}
    for job in plan(args.parts):
        if json.dumps(job) in done:
            continue
        command = [sys.executable, __file__, "child", "--job", json.dumps(job)]
        command += ["--python", args.python] if args.python and job["what"] in RIVALS else []
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        record: dict[str, Any] = {"job": job}
        if found.returncode:
            record["error"] = found.stderr.strip().splitlines()[-1]
        else:
            record |= json.loads(found.stdout.splitlines()[-1])
        with out.open("a") as file:
            file.write(json.dumps(record) + "\n")
        print(record, flush=True)


def read(path: str) -> pd.DataFrame:
    """Read the measurements."""
    records = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return pd.DataFrame([{**r.pop("job"), **r} for r in records])


def report(args: argparse.Namespace) -> None:
    """Print a Markdown table for each part, and draw the plot."""
    found = read(args.out)
    for part, own in found.groupby("part", sort=False):
        shown = own.drop(columns="part").dropna(axis=1, how="all")
        print(f"\n{part}\n")
        print("| " + " | ".join(shown.columns) + " |\n|" + "---|" * shown.shape[1])
        for row in shown.to_numpy():
            print(
                "| "
                + " | ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row)
                + " |"
            )
    if args.plot:
        draw_plot(found, args.plot)


def draw_plot(found: pd.DataFrame, path: str) -> None:
    """Draw processor time against rows and columns, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
    for ax, part, across in zip(axes, ("rows", "columns"), ("n", "columns"), strict=True):
        own = found[(found["part"] == part) & found["cpu_seconds"].notna()]
        for (name, line), color in zip(own.groupby("what"), ("#b4631b", "#0a6a94"), strict=False):
            ax.plot(line[across], line["cpu_seconds"], "o-", color=color, label=name)
        if len(own):
            low = own[across].min()
            ends = np.array([low, own[across].max()])
            base = own.loc[own[across] == low, "cpu_seconds"].min()
            ax.plot(ends, base * ends / low, ":", color="#76808c", label="linear")
        ax.set(xscale="log", yscale="log", xlabel={"n": "rows"}.get(across, across))
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("fit and 10,000 rows, processor seconds")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run", "report", "child"])
    parser.add_argument("--out", default="runs/scaling.jsonl")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--python", help="Interpreter that has the rivals' package.")
    parser.add_argument("--plot")
    parser.add_argument("--job")
    args = parser.parse_args()
    if args.command == "child":
        print(json.dumps(measure(json.loads(args.job), args.python)))
    else:
        {"run": run, "report": report}[args.command](args)


if __name__ == "__main__":
    main()

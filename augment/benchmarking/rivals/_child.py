"""Run one rival in this interpreter: ``python _child.py FOLDER``.

The folder holds ``job.json`` and the training rows; what the rival draws, its times and its
peak memory are written beside them. Nothing of Augment is imported here.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def main(folder: Path) -> None:
    """Fit, sample, and write the answer."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    script = _load(Path(job["script"]))
    rows = _read(folder, job, fill=not getattr(script, "TAKES_MISSING", False))
    start, begun = time.perf_counter(), time.process_time()
    model = script.fit(rows, job["target"], job["discrete"], job["seed"], **job["parameters"])
    fitted = time.perf_counter()
    drawn = script.sample(model, job["n_rows"], job["sample_seed"])
    seconds = {
        "fit_seconds": fitted - start,
        "sample_seconds": time.perf_counter() - fitted,
        "cpu_seconds": time.process_time() - begun,
    }
    if job["kind"] == "table":
        if not isinstance(drawn, pd.DataFrame):
            raise TypeError(f"sample gave no DataFrame, but {type(drawn).__name__}.")
        drawn.to_csv(folder / "drawn.csv", index=False)
    else:
        np.savez(folder / "drawn.npz", **drawn)
    answer = {**seconds, "peak_memory_mb": round(_peak_memory(), 1)}
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def _peak_memory() -> float:
    """Give the peak resident size of this process in megabytes.

    On Linux ``ru_maxrss`` begins with the peak of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 1024 if sys.platform == "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / unit


def _end_with(parent: int) -> None:
    """End this process, and all that it started, when nobody waits for its answer any more."""
    while os.getppid() == parent:
        time.sleep(1)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _load(path: Path) -> Any:
    """Import the rival's script from its file."""
    spec = importlib.util.spec_from_file_location("rival_script", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"'{path}' is no Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read(folder: Path, job: dict[str, Any], *, fill: bool) -> Any:
    """Read the training rows; fill empty cells for a rival that knows no missing values."""
    if job["kind"] == "images":
        with np.load(folder / "rows.npz", allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    text = dict.fromkeys(job["discrete"], str)
    rows = pd.read_csv(folder / "rows.csv", dtype=text, na_values=[""], keep_default_na=False)
    if fill:
        for name in rows.columns:
            if name in job["discrete"]:
                rows[name] = rows[name].fillna("missing")
            else:
                rows[name] = rows[name].fillna(rows[name].median())
    return rows


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(Path(sys.argv[1]))

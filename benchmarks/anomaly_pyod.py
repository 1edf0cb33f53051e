"""Run PyOD's detectors on the sets of `anomaly_tables.py`, in an environment that has PyOD.

PyOD is no dependency of the project, but the project must be on that environment's path. Columns
are standardised; every other parameter is PyOD's default. Its IForest, KNN and LOF are left out:
they gave the figures of the project's own baselines, digit by digit. The file has the columns of
`anomaly_tables.py`, whose `report` takes it as `--rivals`.

    PYTHONPATH=. python benchmarks/anomaly_pyod.py --data FOLDER --out runs/anomaly_pyod.csv
    python benchmarks/anomaly_tables.py report --rivals runs/anomaly_pyod.csv
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
from anomaly_tables import FIELDS, figures, halves, read
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from pyod.models.ocsvm import OCSVM
from pyod.models.pca import PCA
from pyod.models.vae import VAE
from sklearn.preprocessing import StandardScaler

QUICK: dict[str, Any] = {
    "COPOD": lambda _: COPOD(),
    "ECOD": lambda _: ECOD(),
    "HBOS": lambda _: HBOS(),
    "OCSVM": lambda _: OCSVM(),
    "PCA": lambda seed: PCA(random_state=seed),
}
NETWORKS: dict[str, Any] = {
    "AutoEncoder": lambda seed: AutoEncoder(random_state=seed, verbose=0),
    "VAE": lambda seed: VAE(random_state=seed, verbose=0),
}


def run_cell(path: Path, protocol: str, seed: int, models: dict[str, Any]) -> list[dict[str, Any]]:
    """Score one set with the given detectors."""
    X, y = read(path)
    train, new, truth = (X, X, y) if protocol == "A" else halves(X, y, seed)
    scaler = StandardScaler().fit(train)
    train, new = scaler.transform(train), scaler.transform(new)
    head = {"set": path.stem, "protocol": protocol, "seed": seed, "fpr": np.nan}
    rows = []
    for name, build in models.items():
        start = time.process_time()
        model = build(seed).fit(train)
        seconds = time.process_time() - start
        scores = model.decision_scores_ if protocol == "A" else model.decision_function(new)
        found = figures(truth, np.nan_to_num(scores))
        rows.append({**head, "method": f"PyOD {name}", **found, "seconds": seconds})
    return rows


def main() -> None:
    """Run every cell that the file does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data/anomaly/tabular")
    parser.add_argument("--out", default="runs/anomaly_pyod.csv")
    parser.add_argument("--seeds", type=int, default=7)
    parser.add_argument("--network-seeds", type=int, default=1)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = not out.exists()
    keys = ["set", "protocol", "seed", "method"]
    done = set() if fresh else set(pd.read_csv(out)[keys].itertuples(index=False, name=None))
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if fresh:
            writer.writeheader()
        for seed in range(args.seeds):
            models = QUICK | (NETWORKS if seed < args.network_seeds else {})
            for protocol in ("A", "B"):
                for path in sorted(Path(args.data).glob("*.npz")):
                    key = (path.stem, protocol, seed)
                    todo = {n: m for n, m in models.items() if (*key, f"PyOD {n}") not in done}
                    writer.writerows(run_cell(path, protocol, seed, todo))
                    file.flush()


if __name__ == "__main__":
    main()

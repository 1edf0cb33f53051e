"""Privacy studies: how often `evaluate_privacy` accuses rows that know nobody, and what it finds.

Parts, each a Markdown table:

``null``
    Training, held-out and synthetic rows are fresh draws of one law. Every verdict but "nothing
    found at this size" is wrong. Laws: normal columns (2, 5, or 15 on four axes), heavy tails,
    clusters of very different width, one number beside five flags, a clinical mixture (numbers,
    levels, missing entries), and few values, where patients have equal rows by nature.
``power``
    A share of the synthetic rows are training rows with noise (in units of each column's standard
    deviation; 0: exact copies), the others are fresh.
``real``
    With ``--data FOLDER`` (CSV files): training, held-out and "synthetic" rows are other rows of
    one real table, so that again nothing is to be found. Where fewer than 4 % of the rows have an
    equal one, these are patients who were entered twice, and one of the two is left out.
``generators``
    What is found of our own generators, fitted on 150 rows of the clinical mixture, with the audit.

``leaning``
    With ``--data``: our generators fitted on 80 and 200 rows of ``--tables``, with as many other
    rows held out where there are so many, and the audit: who memorises, and who leans a little?

Every study is written to a JSON-lines file as it ends, so an interrupted run goes on where it was:

    python benchmarks/privacy_studies.py --out runs/privacy
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import stats

import augment
from augment._random import rng_for

Key: TypeAlias = tuple[str, str, int, int, float, float]
KEY = ("part", "law", "n", "index", "share", "noise")
SIZES = (60, 150, 500)
N_SYNTHETIC = 400
# A smaller share of equal rows are patients who were entered twice; a larger one is natural.
FEW_TWINS = 0.04
POWER_LAWS = ("normal, 5 columns", "clinical mixture", "few values")
SHARES, NOISES = (0.02, 0.1, 1.0), (0.0, 0.05, 0.2)


GENERATORS: dict[str, Callable[[], Any]] = {
    "Bootstrap": augment.Bootstrap,
    "Jitter(0.2)": lambda: augment.Jitter(0.2),
    "GaussianCopula": augment.GaussianCopula,
    "TabularVAE": lambda: augment.TabularVAE(random_state=0),
}
LEANING: dict[str, Callable[[], Any]] = {
    "Bootstrap": augment.Bootstrap,
    "Jitter(0.02)": lambda: augment.Jitter(0.02),
    "Jitter(0.1)": lambda: augment.Jitter(0.1),
    "Jitter(0.3)": lambda: augment.Jitter(0.3),
    "Jitter(0.5)": lambda: augment.Jitter(0.5),
    "Smote": augment.Smote,
    "GaussianCopula": augment.GaussianCopula,
    "TabularVAE": lambda: augment.TabularVAE(random_state=0),
    "TabularGAN": lambda: augment.TabularGAN(random_state=0),
}
LEANING_SIZES = (80, 200)


def normal(n: int, rng: np.random.Generator, n_columns: int) -> pd.DataFrame:
    """Draw independent normal columns."""
    return pd.DataFrame(rng.normal(size=(n, n_columns)))


def factors(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw 15 columns that hang on four axes."""
    loadings = rng_for(1).normal(size=(4, 15))
    return pd.DataFrame(rng.normal(size=(n, 4)) @ loadings + 0.5 * rng.normal(size=(n, 15)))


def clusters(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw three columns in six clusters, 50 times wider or narrower than each other."""
    kind = rng.integers(6, size=n)
    width = np.array([1, 0.3, 0.1, 0.02, 1, 0.5])[kind, None]
    return pd.DataFrame(rng.normal(size=(n, 3)) * width + 4 * rng_for(2).normal(size=(6, 3))[kind])


def one_number(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw a number beside five flags."""
    flags = rng.random((n, 5)) < (0.3, 0.5, 0.2, 0.4, 0.1)
    return pd.DataFrame(flags).add_prefix("flag ").assign(number=rng.normal(size=n))


def clinical(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw whole numbers, heavy tails, levels and missing entries that hang together."""
    ill = rng.random(n) < 0.4
    crp = rng.lognormal(1 + ill, 1, n).round(1)
    return pd.DataFrame(
        {
            "age": rng.normal(55 + 8 * ill, 12).round(),
            "pressure": rng.normal(130 + 6 * ill, 15).round(),
            "crp": np.where(rng.random(n) < 0.15, np.nan, crp),
            "sex": rng.choice(["f", "m"], n),
            "stage": np.where(ill, rng.choice(["II", "III"], n), rng.choice(["I", "II"], n)),
            "smoker": rng.random(n) < 0.3 + 0.2 * ill,
        }
    )


def few_values(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw seven flags that hang together: many patients have equal rows."""
    return pd.DataFrame(rng.random((n, 7)) < rng.beta(1, 2, (n, 1))).astype(str).add_prefix("m")


LAWS: dict[str, Callable[[int, np.random.Generator], pd.DataFrame]] = {
    "normal, 2 columns": lambda n, rng: normal(n, rng, 2),
    "normal, 5 columns": lambda n, rng: normal(n, rng, 5),
    "15 columns on 4 axes": factors,
    "heavy tails": lambda n, rng: pd.DataFrame(rng.standard_t(2, size=(n, 4))),
    "clusters": clusters,
    "a number and 5 flags": one_number,
    "clinical mixture": clinical,
    "few values": few_values,
}


def noisy(rows: pd.DataFrame, noise: float, rng: np.random.Generator) -> pd.DataFrame:
    """Add noise to numbers, and let a level change as often as the noise is large."""
    if not noise:
        return rows
    changed = rows.copy()
    for name, column in rows.items():
        if pd.api.types.is_float_dtype(column.dtype):
            changed[name] = column + noise * column.std() * rng.normal(size=len(rows))
        else:
            other = column.sample(frac=1, random_state=rng.integers(2**31)).to_numpy()
            changed[name] = column.where(rng.random(len(rows)) > noise / 2, other)
    return changed


def one_study(law: str, n: int, index: int, share: float, noise: float) -> dict[str, Any]:
    """Draw three samples, evaluate them, and record what was found."""
    rng = rng_for(7, list(LAWS).index(law), n, index)
    train, holdout, drawn = (LAWS[law](size, rng) for size in (n, n, N_SYNTHETIC))
    n_copies = int(share * N_SYNTHETIC)
    if n_copies:
        copies = noisy(train.iloc[rng.integers(n, size=n_copies)], noise, rng)
        drawn = pd.concat([copies, drawn[n_copies:]], ignore_index=True)
    start = time.process_time()
    result = augment.evaluate_privacy(train, drawn, holdout, random_state=index)
    copied = result.copied_
    return {
        "verdict": result.verdict,
        "found": float(copied[:n_copies].mean()) if n_copies else 0.0,
        "wrong": int(copied[n_copies:].sum()),
        "auc": result.strongest["auc"],
        "above": result.strongest["lower"] > 0.5,
        "seconds": time.process_time() - start,
    }


def read_table(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Read a table, without patients who were entered twice."""
    X, y = augment.data.load_table(path, target="target")
    twin = X.duplicated(keep="first")
    return (X[~twin], y[~twin]) if twin.mean() < FEW_TWINS else (X, y)


def real_study(path: Path, index: int) -> dict[str, Any]:
    """Deal the rows of a real table into three parts, at most 200 each."""
    X, y = read_table(path)
    n = min(len(X) // 3, 200)
    order = rng_for(8, index).permutation(len(X))
    train, holdout, drawn = (
        (X.iloc[rows], y.iloc[rows]) for rows in (order[:n], order[n : 2 * n], order[2 * n : 3 * n])
    )
    result = augment.evaluate_privacy(train, drawn, holdout, random_state=index)
    return {
        "verdict": result.verdict,
    }


def real_lines(frame: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Count false alarms on real tables."""
    for law, part in [*frame.groupby("law"), ("all", frame)]:
        yield {
            "table": str(law),
            "false alarms": interval(int((part["verdict"] != NOTHING).sum()), len(part)),
        }


def generator_study(name: str, index: int) -> dict[str, Any]:
    """Fit a generator on a clinical mixture with a label, and audit it."""
    rng = rng_for(9, index)
    train, holdout = clinical(150, rng), clinical(150, rng)
    generator = GENERATORS[name]()
    drawn, _ = generator.fit(train).sample(N_SYNTHETIC, random_state=index)
    return audited(generator, train, drawn, holdout, index)


def leaning_study(path: Path, name: str, n: int, index: int) -> dict[str, Any]:
    """Fit a generator on n rows of a real table, and audit it with other rows held out."""
    X, y = read_table(path)
    order = rng_for(11, index).permutation(len(X))
    train, holdout = (
        (X.iloc[rows].reset_index(drop=True), y.iloc[rows].reset_index(drop=True))
        for rows in (order[:n], order[n : 2 * n])
    )
    generator = LEANING[name]()
    drawn = generator.fit(*train).sample(N_SYNTHETIC, random_state=index)
    return audited(generator, train, drawn, holdout, index)


def audited(generator: Any, train: Any, drawn: Any, holdout: Any, index: int) -> dict[str, Any]:
    """Evaluate a generator with the audit, and record what was found."""
    start = time.process_time()
    result = augment.evaluate_privacy(
        train, drawn, holdout, generator=generator, n_audit_fits=16, random_state=index
    )
    audit = result.attacks.iloc[-1]
    return {
        "verdict": result.verdict,
        "copied": float(result.copied_.mean()),
        "auc": result.strongest["auc"],
        "audit_auc": float(audit["auc"]),
        "nearer": float(result.exposed["times_nearer"].median()),
        "balanced": result.nearest["balanced_share"],
        "told": "lean on the training rows" in result.reason,
        "seconds": time.process_time() - start,
    }


def generator_lines(frame: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Say what was found of each generator."""
    for name, part in frame.groupby("law", sort=False):
        yield {
            "generator": str(name),
            "verdicts": "; ".join(f"{v} {k}" for k, v in part["verdict"].value_counts().items()),
            "rows flagged": f"{part['copied'].mean():.1%}",
            "AUC of the strongest attack": f"{part['auc'].mean():.2f}",
            "AUC of refits": f"{part['audit_auc'].mean():.2f}",
            "times nearer (median row)": f"{part['nearer'].mean():.2f}",
            "seconds": f"{part['seconds'].mean():.0f}",
        }


def leaning_lines(frame: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Say what was found of each generator, over the tables: the range of each figure."""
    tables = frame["law"].str.split(": ", n=1, expand=True)
    for (name, n), part in frame.assign(generator=tables[1]).groupby(
        ["generator", "n"], sort=False
    ):
        counts = part["verdict"].value_counts()
        ranges = {
            "AUC of the strongest attack": "auc",
            "AUC of refits": "audit_auc",
            "nearest to a training row, of equal numbers": "balanced",
        }
        yield {
            "generator": str(name),
            "rows": str(n),
            "tables": str(len(part)),
            "verdicts": "; ".join(f"{v} {k}" for k, v in counts.items()),
            "a lean is told": str(int(part["told"].sum())),
            **{k: f"{part[v].min():.2f} to {part[v].max():.2f}" for k, v in ranges.items()},
            "seconds": f"{part['seconds'].max():.0f}",
        }


def studies(given: argparse.Namespace) -> Iterator[tuple[Key, Callable[[], dict[str, Any]]]]:
    """List all studies that were asked for."""
    for key in keys(given.null, given.power):
        yield key, partial(one_study, *key[1:])
    for index in range(given.real if given.data else 0):
        for table in sorted(given.data.glob("*.csv")):
            yield ("real", table.stem, 0, index, 0.0, 0.0), partial(real_study, table, index)
    for index in range(given.fitted):
        for name in GENERATORS:
            key = ("generators", name, 150, index, 0.0, 0.0)
            yield key, partial(generator_study, name, index)
    for index in range(given.leaning if given.data else 0):
        for n in LEANING_SIZES:
            for table in given.tables:
                for name in given.generators:
                    key = ("leaning", f"{table}: {name}", n, index, 0.0, 0.0)
                    path = given.data / f"{table}.csv"
                    yield key, partial(leaning_study, path, name, n, index)


def keys(n_null: int, n_power: int) -> Iterator[Key]:
    """List all studies, a few of each kind first: a run that is cut short is still balanced."""
    for index in range(max(n_null, n_power)):
        for law in LAWS:
            for n in SIZES:
                if index < n_null:
                    yield "null", law, n, index, 0.0, 0.0
        for law in POWER_LAWS:
            for share in SHARES:
                for noise in NOISES:
                    if index < n_power:
                        yield "power", law, 150, index, share, noise


def interval(hits: int, n: int) -> str:
    """Write a count with its exact 95 % interval."""
    lower = stats.beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    upper = stats.beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return f"{hits} / {n} ({100 * lower:.1f} to {100 * upper:.1f} %)"


def null_lines(frame: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Count false alarms."""
    parts = [*frame.groupby(["law", "n"], sort=False), (("all", "all"), frame)]
    for (law, n), part in parts:
        counts = part["verdict"].value_counts()
        yield {
            "law": str(law),
            "rows": str(n),
            "false alarms": interval(int((part["verdict"] != NOTHING).sum()), len(part)),
            "copies found": str(counts.get("copies found", 0)),
            "memorisation found": str(counts.get("memorisation found", 0)),
            "interval above 0.5": str(int(part["above"].sum())),
            "seconds": f"{part['seconds'].mean():.1f}",
        }


def power_lines(frame: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Say how often something was found, and how many of the copies."""
    for (law, share, noise), part in frame.groupby(["law", "share", "noise"]):
        yield {
            "law": str(law),
            "rows that are copies": f"{share:.0%}",
            "noise": f"{noise:g}",
            "something found": interval(int((part["verdict"] != NOTHING).sum()), len(part)),
            "copies found": f"{(part['verdict'] == 'copies found').mean():.0%}",
            "of the copies": f"{part['found'].mean():.0%}",
            "other rows flagged": f"{part['wrong'].mean():.2f}",
            "AUC": f"{part['auc'].mean():.2f}",
        }


NOTHING = "nothing found at this size"


def markdown(rows: list[dict[str, str]]) -> str:
    """Write rows as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join(lines + ["| " + " | ".join(row.values()) + " |" for row in rows])


def main() -> None:
    """Run the studies that are not yet recorded, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("runs/privacy"))
    parser.add_argument("--null", type=int, default=100, help="null studies of each law and size")
    parser.add_argument("--power", type=int, default=20, help="power studies of each kind")
    parser.add_argument("--minutes", type=float, default=14.0, help="stop after so many")
    parser.add_argument("--data", type=Path, help="folder of CSV files with a column target")
    parser.add_argument("--real", type=int, default=3, help="studies of each real table")
    parser.add_argument("--fitted", type=int, default=2, help="studies of each generator")
    parser.add_argument("--leaning", type=int, default=1, help="studies of generators and tables")
    parser.add_argument("--tables", nargs="+", default=["pima_diabetes", "hcv_liver"])
    parser.add_argument("--generators", nargs="+", default=list(LEANING), choices=LEANING)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    path, stop = given.out / "studies.jsonl", time.monotonic() + 60 * given.minutes
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("}")]
    done = {tuple(r[k] for k in KEY) for r in records}
    with path.open("a", encoding="utf-8") as file:
        for key, study in studies(given):
            if key not in done and time.monotonic() < stop:
                records.append(dict(zip(KEY, key, strict=True)) | study())
                file.write(json.dumps(records[-1]) + "\n")
                file.flush()
    frame = pd.DataFrame(records)
    makers = {
        "null": null_lines,
        "real": real_lines,
        "generators": generator_lines,
        "leaning": leaning_lines,
        "power": power_lines,
    }
    for part, make in makers.items():
        chosen = frame[frame["part"] == part]
        if len(chosen):
            print(f"\n## {part}\n\n{markdown(list(make(chosen)))}")


if __name__ == "__main__":
    main()

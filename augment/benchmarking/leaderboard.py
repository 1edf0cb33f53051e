"""The leaderboard: panels of generators that ran on the same cells, as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from augment.benchmarking.grid import Grid, Limit
from augment.benchmarking.methods import REAL
from augment.benchmarking.ranking import MEASURES, Ranking, lifts, rank
from augment.workflow import to_plain

__all__ = ["build_leaderboard"]

_METRICS = {
    "table": ("roc_auc", "neg_log_loss", "balanced_accuracy", "neg_brier"),
    "images": (
        "kernel_distance",
        "frechet_distance",
        "recall",
        "coverage",
        "copy_rate",
        "roc_auc",
        "neg_log_loss",
    ),
}
_FOREST = "random forest"
_EXTREMES = ("roc_auc", "neg_log_loss")


def build_leaderboard(
    grid: Grid, scores: pd.DataFrame, cells: pd.DataFrame, missing: Iterable[str] = ()
) -> dict[str, Any]:
    """Compute all that the leaderboard says.

    Parameters
    ----------
    grid : Grid
        The benchmark.
    scores, cells : DataFrame
        As `CellStore.gather` gives them.
    missing : iterable of str
        Rivals that were not installed.

    Returns
    -------
    dict
        JSON values: ``panels``, each with its table, ranks, pairs and costs; ``failures``;
        ``notes``.
    """
    panels = []
    for kind, metrics in _METRICS.items():
        names = [name for name, data in grid.datasets.items() if data.kind == kind]
        if not names:
            continue
        for title, limit, generators in _parts(grid, kind):
            inside = _inside(cells, limit, generators, names)
            if len(inside):
                panels.append(_panel(title, kind, inside, scores, metrics, generators))
    failed = cells[cells["error"].notna()]
    whole = scores[scores["metric"].notna() & scores["error"].notna()]
    classifiers = whole.drop_duplicates(["dataset", "size", "repeat", "generator", "classifier"])
    result = {
        "panels": panels,
        "failures": _failures(failed),
        "classifier_failures": len(classifiers),
        "notes": [
            *grid.skipped(),
            *(f"{name} is not installed and was left out" for name in missing),
        ],
    }
    plain: dict[str, Any] = to_plain(result)
    return plain


def _parts(grid: Grid, kind: str) -> list[tuple[str, Limit, list[str]]]:
    """Divide generators into those of the whole grid, and those of each smaller part."""
    own = [name for name, method in grid.methods.items() if method.kind == kind]
    whole = [name for name in own if grid.limits.get(name, Limit()) == Limit()]
    parts = [("All cells", Limit(), whole)] if whole or not own else []
    for limit in dict.fromkeys(grid.limits[name] for name in own if name not in whole):
        inside = [name for name in own if name in whole or grid.limits[name] == limit]
        parts.append(("The cells that slower generators ran on", limit, inside))
    return [(title, limit, [REAL, *names]) for title, limit, names in parts]


def _inside(
    cells: pd.DataFrame, limit: Limit, generators: list[str], datasets: list[str]
) -> pd.DataFrame:
    """Give the cells of one panel."""
    keep = cells["generator"].isin(generators) & cells["dataset"].isin(datasets)
    if limit.datasets:
        keep &= cells["dataset"].isin(limit.datasets)
    if limit.sizes:
        keep &= cells["size"].isin(limit.sizes)
    if limit.repeats is not None:
        keep &= cells["repeat"] < limit.repeats
    return cells[keep]


def _panel(
    title: str,
    kind: str,
    cells: pd.DataFrame,
    scores: pd.DataFrame,
    metrics: tuple[str, ...],
    generators: list[str],
) -> dict[str, Any]:
    """Compute one panel."""
    keys = ["dataset", "size", "repeat", "generator"]
    own = scores.merge(cells[keys], on=keys)
    there = [metric for metric in metrics if (own["metric"] == metric).any()]
    rankings = {metric: rank(own, metric, generators) for metric in there}
    first = rankings[there[0]] if there else None
    order = list(first.ranks.index) if first is not None else generators
    splits = cells[["dataset", "size", "repeat"]].drop_duplicates()
    classifiers = own.loc[own["classifier"].fillna("") != "", "classifier"].nunique()
    return {
        "title": title,
        "kind": kind,
        "n_datasets": cells["dataset"].nunique(),
        "datasets": sorted(cells["dataset"].unique()),
        "sizes": sorted(int(size) for size in cells["size"].unique()),
        "n_blocks": len(cells[["dataset", "size"]].drop_duplicates()),
        "n_splits": len(splits),
        "n_classifiers": int(classifiers),
        "metrics": there,
        "rows": [_row(name, own, cells, rankings) for name in order],
        "rankings": {metric: _ranking(found) for metric, found in rankings.items()},
    }


def _row(
    name: str, scores: pd.DataFrame, cells: pd.DataFrame, rankings: Mapping[str, Ranking]
) -> dict[str, Any]:
    """Gather what the table says of one generator."""
    own = cells[cells["generator"] == name]
    row: dict[str, Any] = {
        "generator": name,
        "n_cells": len(own),
        "failed": float(own["error"].notna().mean()),
        "empty": float((own["n_synthetic"].eq(0) & own["n_wanted"].gt(0)).mean()),
        "given": (own["n_synthetic"] / own["n_wanted"].where(own["n_wanted"] > 0)).mean(),
        "fit_seconds": own["fit_seconds"].median(),
        "sample_seconds": own["sample_seconds"].median(),
        "cpu_seconds": own["cpu_seconds"].median(),
        "peak_memory_mb": own["peak_memory_mb"].median(),
        "metrics": {},
    }
    for metric, ranking in rankings.items():
        line = ranking.summary.set_index("generator").loc[name]
        row["metrics"][metric] = {part: line[part] for part in ("rank", "lift", "lower", "upper")}
    for metric in _EXTREMES:
        if metric in rankings:
            row["metrics"][metric] |= _extremes(scores, metric, name)
    return row


def _extremes(scores: pd.DataFrame, metric: str, name: str) -> dict[str, float]:
    """Give the lift of a random forest, and that of the best classifier of each block."""
    found = lifts(scores, metric)
    forest = float("nan")
    if name in found and _FOREST in found.index.get_level_values("classifier"):
        forest = float(found[name].xs(_FOREST, level="classifier").mean())
    return {"forest": forest, "best": _best(scores, metric, name)}


def _best(scores: pd.DataFrame, metric: str, name: str) -> float:
    """Give the best mean score of a classifier with synthetic rows minus the best without.

    Both over the splits on which the generator did not fail.
    """
    own = scores[(scores["metric"] == metric) & scores["generator"].isin([name, REAL])]
    where = ["dataset", "size", "classifier"]
    wide = own.pivot_table(index=[*where, "repeat"], columns="generator", values="value").dropna()
    if not {name, REAL} <= set(wide.columns):
        return float("nan")
    best = wide.groupby(where).mean().groupby(["dataset", "size"]).max()
    return float((best[name] - best[REAL]).mean())


def _ranking(found: Ranking) -> dict[str, Any]:
    """Write a ranking as JSON values."""
    return {
        "name": MEASURES[found.metric].name,
        "ranks": {str(name): float(place) for name, place in found.ranks.items()},
        "critical_difference": found.critical_difference,
        "friedman_p": found.friedman_p,
        "pairs": found.pairs.to_dict("records"),
    }


def _failures(failed: pd.DataFrame) -> list[dict[str, Any]]:
    """Count each error of each generator, and name one cell that had it."""
    rows = []
    for (generator, error), own in failed.groupby(["generator", "error"]):
        first = own.iloc[0]
        where = f"{first['dataset']}, n = {first['size']}, repeat {first['repeat']}"
        rows.append({"generator": generator, "error": error, "cells": len(own), "first": where})
    return sorted(rows, key=lambda row: -row["cells"])

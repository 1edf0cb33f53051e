"""The figures of `evaluate_fidelity`: for tables and for images."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from augment._typing import FloatArray, IntArray
from augment.evaluation._fidelity_inputs import Samples
from augment.evaluation._fidelity_table import (
    Tables,
    column_distances,
    outside,
    pair_distances,
    relation_shares,
    tables_of,
)
from augment.metrics._comparison import (
    Figures,
    Readings,
    copies,
    distances,
    read,
    samples_of,
    summarised,
)
from augment.metrics._sides import Draws, Side, pooled
from augment.metrics.images import compare_images, radiomic_features, random_conv_features
from augment.metrics.two_sample import two_sample_auc

__all__ = ["N_REPEATS", "Measures", "image_measures", "table_measures"]

N_REPEATS = 5
_SPACE = "columns"
_COLUMN_PARTS = ["column", "kind", "value", "floor", "floor_upper", "outside"]
_PAIR_PARTS = ["first", "second", "value", "floor", "floor_upper"]


@dataclasses.dataclass(frozen=True)
class Measures:
    """The tables of a `FidelityResult`."""

    summary: pd.DataFrame
    by_column: pd.DataFrame
    by_pair: pd.DataFrame
    relations: pd.DataFrame


def table_measures(samples: Samples, draws: Draws, seed: int) -> Measures:
    """Compare tables."""
    tables = tables_of(samples)
    bundles = samples_of(tables.features, samples.rows)
    features, owners = _with_labels(tables, samples)
    values, whole = pooled(tables.values), pooled(features)

    def margins(a: Side, b: Side) -> FloatArray:
        return column_distances(tables, values[a.sample][a.rows], values[b.sample][b.rows])

    def pairs(a: Side, b: Side) -> FloatArray:
        return pair_distances(owners, whole[a.sample][a.rows], whole[b.sample][b.rows])

    def measure(a: Side, b: Side) -> Figures:
        first, second = bundles[a.sample].take(a.rows), bundles[b.sample].take(b.rows)
        found: Figures = {("marginals", ""): float(margins(a, b).mean())}
        if len(np.unique(owners)) > 1:
            found["dependence", ""] = float(pairs(a, b).mean())
        found["two-sample AUC (boosting)", ""] = two_sample_auc(
            whole[a.sample][a.rows],
            whole[b.sample][b.rows],
            groups=first.rows.groups,
            synthetic_groups=second.rows.groups,
            n_splits=3,
            classifier=_boosting(),
            random_state=seed,
        )
        return found | distances(first, second, samples.classes, seed)

    relations = relation_shares(tables)
    readings = [read(draws, measure)]
    if len(relations):
        key = ("relations kept", "")
        kept = [[{key: float(relations[c].min())}] for c in ("synthetic", "real")]
        readings.append(Readings(kept[0], kept[1], []))
    n_real = len(samples.rows)
    readings.append(copies(bundles[:n_real], n_repeats=N_REPEATS, seed=seed))
    readings += _agreement(samples, tables.features, draws, _boosting())
    by_column = _by_column(tables, _three(draws, margins))
    by_pair = _by_pair([*tables.names, "label"], owners, _three(draws, pairs))
    return Measures(summarised({_SPACE: readings}, draws.n), by_column, by_pair, relations)


def _boosting() -> HistGradientBoostingClassifier:
    """Build a small, quick classifier that sees curves, steps and interactions."""
    return HistGradientBoostingClassifier(
        max_iter=30, max_leaf_nodes=8, min_samples_leaf=5, early_stopping=False, random_state=0
    )


def _three(draws: Draws, distance: Callable[[Side, Side], FloatArray]) -> list[FloatArray]:
    """Give the mean of distances, that of their floors, and the largest floor."""
    value, floor, spread = (np.array([distance(*pair) for pair in pairs]) for pairs in draws)
    floors = np.concatenate([floor, spread]) if len(spread) else floor
    return [value.mean(axis=0), floor.mean(axis=0), floors.max(axis=0)]


def _with_labels(tables: Tables, samples: Samples) -> tuple[list[FloatArray], IntArray]:
    """Put an indicator of each class beside the features."""
    if len(samples.classes) < 2:
        return tables.features, tables.owners
    classes = np.arange(1 if len(samples.classes) == 2 else 0, len(samples.classes))
    whole = [
        np.hstack([features, rows.labels[:, None] == classes[None, :]])
        for features, rows in zip(tables.features, samples.rows, strict=True)
    ]
    place = len(tables.columns)
    return whole, np.append(tables.owners, np.full(len(classes), place))


def _by_column(tables: Tables, three: list[FloatArray]) -> pd.DataFrame:
    kinds = [column.kind for column in tables.columns]
    columns = (tables.names, kinds, *three, outside(tables))
    return pd.DataFrame(dict(zip(_COLUMN_PARTS, columns, strict=True)))


def _by_pair(names: list[str], owners: IntArray, three: list[FloatArray]) -> pd.DataFrame:
    pairs = list(combinations(np.unique(owners), 2))
    columns = ([names[i] for i, _ in pairs], [names[j] for _, j in pairs], *three)
    frame = pd.DataFrame(dict(zip(_PAIR_PARTS, columns, strict=True)))
    order = np.argsort(three[1] - three[0], kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def image_measures(samples: Samples, draws: Draws, seed: int) -> Measures:
    """Compare images."""
    labels: list[Any] = [None] * len(samples.X) if samples.labels is None else [*samples.labels]
    held = {}
    if len(samples.X) == 3:
        held = {
            "holdout": samples.X[2],
            "holdout_labels": labels[2],
            "holdout_groups": samples.rows[2].groups,
        }
    summary = compare_images(
        *samples.X[:2],
        labels=labels[0],
        synthetic_labels=labels[1],
        groups=samples.rows[0].groups,
        n_repeats=N_REPEATS,
        random_state=seed,
        **held,
    )
    if len(samples.classes) > 1:
        extract = (random_conv_features, radiomic_features)
        features = [
            np.hstack([make(X, reference=samples.X[0]) for make in extract]) for X in samples.X
        ]
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
        agreement = summarised({"both": _agreement(samples, features, draws, model)}, draws.n)
        summary = pd.concat([summary, agreement], ignore_index=True)
    nothing = [
        pd.DataFrame(columns=names, dtype=float)
        for names in (_COLUMN_PARTS, _PAIR_PARTS, ["relation", "real", "synthetic"])
    ]
    return Measures(summary, *nothing)


def _agreement(
    samples: Samples, features: list[FloatArray], draws: Draws, model: Any
) -> list[Readings]:
    """Let a classifier of the reference read the labels of synthetic and of other real rows."""
    if len(samples.classes) < 2:
        return []
    parts, rows = pooled(features), pooled(samples.rows)

    def measure(a: Side, b: Side) -> Figures:
        known, asked = rows[a.sample].labels[a.rows], rows[b.sample].labels[b.rows]
        if len(np.unique(known)) < 2:
            return {}
        guessed = clone(model).fit(parts[a.sample][a.rows], known).predict(parts[b.sample][b.rows])
        return {("label agreement", ""): float(balanced_accuracy_score(asked, guessed))}

    return [read(draws, measure)]

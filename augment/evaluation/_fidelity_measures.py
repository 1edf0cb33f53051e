"""The figures of `evaluate_fidelity`: for tables and for images."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import combinations
from typing import Any, TypeAlias

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
from augment.evaluation._fidelity_rule import FAR_LEVEL, TOLERANCE
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
from augment.metrics._sides import Draws, Side, draw_halves, pooled
from augment.metrics.images import compare_images, radiomic_features, random_conv_features
from augment.metrics.two_sample import two_sample_auc

__all__ = ["N_REPEATS", "Measures", "image_measures", "parts_beside_floor", "table_measures"]

Distance: TypeAlias = Callable[[list[Side], list[Side]], FloatArray]

N_REPEATS = 5
_SPACE = "columns"
_N_DEALT = 20
"""Times that the rows of a draw are dealt anew: how far may a column or a pair be off by chance?"""
_FIGURES = ["value", "floor", "floor_upper", "p_value", "far"]
_COLUMN_PARTS = ["column", "kind", *_FIGURES, "outside"]
_PAIR_PARTS = ["first", "second", *_FIGURES]
# A column that is the same on both sides, however rows are dealt, is not off by chance.
_LEAST_SCALE = 1e-3


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
    whole = pooled(features)
    margins, pairs = _distances(tables, samples)

    def measure(a: Side, b: Side) -> Figures:
        first, second = bundles[a.sample].take(a.rows), bundles[b.sample].take(b.rows)
        found: Figures = {("marginals", ""): float(margins([a], [b]).mean())}
        if len(np.unique(owners)) > 1:
            found["dependence", ""] = float(pairs([a], [b]).mean())
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
    parts = parts_beside_floor(tables, samples, draws, seed)
    return Measures(summarised({_SPACE: readings}, draws.n), *parts, relations)


def _distances(tables: Tables, samples: Samples) -> tuple[Distance, Distance]:
    """Give the distances of the margins, and of the dependence of all pairs, of two sides."""
    features, owners = _with_labels(tables, samples)
    values, whole = pooled(tables.values), pooled(features)

    def margins(a: list[Side], b: list[Side]) -> FloatArray:
        return column_distances(tables, _rows_of(values, a), _rows_of(values, b))

    def pairs(a: list[Side], b: list[Side]) -> FloatArray:
        return pair_distances(owners, _rows_of(whole, a), _rows_of(whole, b))

    return margins, pairs


def _rows_of(samples: list[FloatArray], sides: list[Side]) -> FloatArray:
    return np.concatenate([samples[side.sample][side.rows] for side in sides])


def parts_beside_floor(
    tables: Tables, samples: Samples, draws: Draws, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare column by column, and pair by pair: ``by_column`` and ``by_pair`` of the result."""
    margins, pairs = _distances(tables, samples)
    null = draw_halves(samples.rows, draws, n_each=_N_DEALT, seed=seed)
    owners = _with_labels(tables, samples)[1]
    return (
        _by_column(tables, _beside_floor(draws, null, margins)),
        _by_pair([*tables.names, "label"], owners, _beside_floor(draws, null, pairs)),
    )


def _boosting() -> HistGradientBoostingClassifier:
    """Build a small, quick classifier that sees curves, steps and interactions."""
    return HistGradientBoostingClassifier(
        max_iter=30, max_leaf_nodes=8, min_samples_leaf=5, early_stopping=False, random_state=0
    )


def _beside_floor(
    draws: Draws, null: list[tuple[list[Side], list[Side]]], distance: Distance
) -> list[np.ndarray]:
    """Give distances, their floors, the largest floors, p-values, and which are far.

    A p-value says how often any column (or pair) is as far off, in its own standard deviations,
    when rows are dealt to the two sides by chance (P. H. Westfall and S. S. Young, 1993): with
    fresh rows, the chance that any is called far is no more than ``FAR_LEVEL``.
    """
    value, floor, spread = (np.array([distance([a], [b]) for a, b in pairs]) for pairs in draws)
    halves = np.array([distance(*pair) for pair in null])
    floors = np.concatenate([floor, spread]) if len(spread) else floor
    figures = [value.mean(axis=0), floor.mean(axis=0), floors.max(axis=0)]
    middle, scale = halves.mean(axis=0), halves.std(axis=0, ddof=1) + _LEAST_SCALE
    by_chance = ((halves - middle) / scale).max(axis=1, initial=-np.inf)
    off = (figures[0] - middle) / scale
    p_values = (1 + (by_chance[:, None] >= off - 1e-9).sum(axis=0)) / (len(halves) + 1)
    far = (p_values <= FAR_LEVEL) & (figures[0] > figures[1] + TOLERANCE)
    return [*figures, p_values, far]


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


def _by_column(tables: Tables, figures: list[np.ndarray]) -> pd.DataFrame:
    kinds = [column.kind for column in tables.columns]
    columns = (tables.names, kinds, *figures, outside(tables))
    return pd.DataFrame(dict(zip(_COLUMN_PARTS, columns, strict=True)))


def _by_pair(names: list[str], owners: IntArray, figures: list[np.ndarray]) -> pd.DataFrame:
    pairs = list(combinations(np.unique(owners), 2))
    columns = ([names[i] for i, _ in pairs], [names[j] for _, j in pairs], *figures)
    frame = pd.DataFrame(dict(zip(_PAIR_PARTS, columns, strict=True)))
    order = np.argsort(figures[1] - figures[0], kind="stable")
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

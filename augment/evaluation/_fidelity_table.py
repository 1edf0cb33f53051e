"""Tables, compared column by column, pair by pair, and in their exact relations."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from augment._errors import AugmentWarning, InvalidInputError
from augment._typing import FloatArray, IntArray
from augment.data.columns import Column, LinearRelation
from augment.data.schema import TableSchema
from augment.evaluation._fidelity_inputs import Samples

__all__ = [
    "Tables",
    "check_columns",
    "column_distances",
    "dependence",
    "joined",
    "outside",
    "pair_distances",
    "relation_shares",
    "tables_of",
]

# A level, or a missing entry, that fewer real rows have is no feature of its own.
_MIN_LEVEL_ROWS = 5
_SCORE_LIMIT = 3.0
_NAMES = ("real", "synthetic", "holdout")


@dataclasses.dataclass(frozen=True)
class Tables:
    """Canonical values (float64, NaN where missing) and features of each sample.

    Attributes
    ----------
    columns : tuple of Column
    relations : tuple of LinearRelation
        Those of the real rows.
    values : list of ndarray of shape (n, n_columns)
    features : list of ndarray of shape (n, n_features)
        Normal scores of numbers; 0 and 1 for levels and missing entries.
    owners : ndarray of shape (n_features,)
        The column of each feature.
    """

    columns: tuple[Column, ...]
    relations: tuple[LinearRelation, ...]
    values: list[FloatArray]
    features: list[FloatArray]
    owners: IntArray

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [str(column.name) for column in self.columns]


def tables_of(samples: Samples) -> Tables:
    """Bring all samples to canonical values and features; both are learned from real rows alone."""
    frames = [joined(X, extra) for X, extra in zip(samples.X, samples.extra, strict=True)]
    real = [frames[0], *frames[2:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AugmentWarning)
        for name, frame in zip(_NAMES[1:], frames[1:], strict=False):
            check_columns(frames[0], frame, name)
        schema = TableSchema.infer(pd.concat(real, ignore_index=True))
        values = [
            _conformed(schema, frame[frames[0].columns], name).to_numpy()
            for name, frame in zip(_NAMES, frames, strict=False)
        ]
    known = np.concatenate([values[0], *values[2:]])
    parts, owners = [], []
    for j, column in enumerate(schema.columns):
        made = [_features(column, known[:, j], part[:, j]) for part in values]
        parts.append(made)
        owners += [j] * made[0].shape[1]
    if not owners:
        raise InvalidInputError("No column of the real rows varies; there is nothing to compare.")
    features = [np.concatenate([part[k] for part in parts], axis=1) for k in range(len(values))]
    places = np.array(owners, dtype=np.int64)
    return Tables(schema.columns, schema.relations, values, features, places)


def _conformed(schema: TableSchema, frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Bring a sample to the columns of the real rows, or say which sample does not fit them."""
    try:
        return schema.conform(frame)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"The {name} rows hold what no real row does: {error} Compare rows with the data that "
            "their generator was fitted on."
        ) from error


def joined(X: Any, extra: pd.DataFrame) -> pd.DataFrame:
    """Put the conditions beside the features."""
    if isinstance(X, pd.DataFrame):
        frame = X.reset_index(drop=True)
    else:
        frame = pd.DataFrame(np.asarray(X)).rename(columns=lambda i: f"x{i}")
    free = extra.rename(columns={c: f"{c} (y)" for c in extra.columns if c in frame.columns})
    return pd.concat([frame, free], axis=1)


def check_columns(real: pd.DataFrame, other: pd.DataFrame, name: str) -> None:
    missing = [c for c in real.columns if c not in other.columns]
    added = [c for c in other.columns if c not in real.columns]
    if missing or added:
        raise InvalidInputError(
            f"{name} must have the columns of the real rows; it lacks {missing} and adds {added}."
        )


def _features(column: Column, known: FloatArray, values: FloatArray) -> FloatArray:
    """Turn one column into scores and indicators, by what the real rows hold."""
    parts: list[FloatArray] = []
    seen = known[~np.isnan(known)]
    if column.is_number and len(np.unique(seen)) > 1:
        parts.append(_normal_scores(seen, values))
    elif column.kind in ("categorical", "boolean"):
        levels, counts = np.unique(seen, return_counts=True)
        common = levels[counts >= _MIN_LEVEL_ROWS]
        # With two levels one indicator says all.
        kept = common[1:] if len(common) == len(levels) == 2 else common
        parts += [(values == level).astype(np.float64) for level in kept if len(levels) > 1]
    n_missing = int(np.isnan(known).sum())
    if min(n_missing, len(known) - n_missing) >= _MIN_LEVEL_ROWS:
        parts.append(np.isnan(values).astype(np.float64))
    return np.column_stack(parts) if parts else np.empty((len(values), 0))


def _normal_scores(seen: FloatArray, values: FloatArray) -> FloatArray:
    """Give the normal scores of values among the real ones: outliers count, but not for all."""
    order = np.sort(seen)
    below = np.searchsorted(order, values, side="left")
    up_to = np.searchsorted(order, values, side="right")
    share = ((below + up_to) / 2 + 0.5) / (len(order) + 1)
    scores = np.clip(ndtri(np.clip(share, 1e-6, 1 - 1e-6)), -_SCORE_LIMIT, _SCORE_LIMIT)
    return np.where(np.isnan(values), 0.0, scores)


def column_distances(tables: Tables, first: FloatArray, second: FloatArray) -> FloatArray:
    """Give the distance of each column's margins, between 0 and 1.

    For numbers the largest difference of the distribution functions (Kolmogorov-Smirnov), with
    missing entries below all numbers; for levels half the summed difference of shares.
    """
    found = []
    for j, column in enumerate(tables.columns):
        a = np.nan_to_num(first[:, j], nan=-np.inf)
        b = np.nan_to_num(second[:, j], nan=-np.inf)
        points = np.unique(np.concatenate([a, b]))
        up_to = [np.searchsorted(np.sort(v), points, side="right") / len(v) for v in (a, b)]
        if column.is_number:
            found.append(float(np.abs(up_to[0] - up_to[1]).max()))
        else:
            shares = [np.diff(cumulative, prepend=0.0) for cumulative in up_to]
            found.append(float(np.abs(shares[0] - shares[1]).sum() / 2))
    return np.array(found)


def outside(tables: Tables) -> FloatArray:
    """Give the share of synthetic numbers of each column beyond all real ones; NaN for levels."""
    known = np.concatenate([tables.values[0], *tables.values[2:]])
    shares = np.full(len(tables.columns), np.nan)
    for j, column in enumerate(tables.columns):
        new = tables.values[1][:, j]
        seen, new = known[~np.isnan(known[:, j]), j], new[~np.isnan(new)]
        if column.is_number and len(seen) and len(new):
            shares[j] = ((new < seen.min()) | (new > seen.max())).mean()
    return shares


def dependence(features: FloatArray) -> FloatArray:
    """Give the correlations of all features; 0 with a feature that is constant."""
    centred = features - features.mean(axis=0)
    spread = np.sqrt(np.square(centred).sum(axis=0))
    scaled = centred / np.where(spread > 0, spread, 1.0)
    return np.asarray(scaled.T @ scaled)


def pair_distances(owners: IntArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Give the largest difference of the correlations of each pair of columns, in their order."""
    apart = np.abs(dependence(first) - dependence(second))
    # The features of a column stand side by side.
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    blocks = np.maximum.reduceat(np.maximum.reduceat(apart, starts, axis=0), starts, axis=1)
    return np.asarray(blocks[np.triu_indices(len(starts), k=1)])


def relation_shares(tables: Tables) -> pd.DataFrame:
    """Give, for each exact relation of the real rows, the share of rows that keep it."""
    names = [column.name for column in tables.columns]
    lines = []
    for relation in tables.relations:
        places = [names.index(relation.target), *(names.index(name) for name, _ in relation.terms)]
        factors = np.array([-1.0, *(factor for _, factor in relation.terms)])
        rests, kept = [], []
        for values in tables.values:
            rows = values[:, places]
            rows = rows[~np.isnan(rows).any(axis=1)]
            rests.append(np.abs(rows @ factors + relation.intercept))
        known = np.concatenate([rests[0], *rests[2:]])
        scale = 1e-9 * np.nanmax(np.abs(tables.values[0][:, places]))
        # What rounding leaves in the real rows is allowed in the synthetic ones.
        kept = [
            float((rest <= known.max() * (1 + 1e-6) + scale).mean()) if len(rest) else np.nan
            for rest in (known, rests[1])
        ]
        lines.append({"relation": str(relation), "real": kept[0], "synthetic": kept[1]})
    return pd.DataFrame(lines, columns=["relation", "real", "synthetic"])

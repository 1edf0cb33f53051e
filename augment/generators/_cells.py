"""What the margins of a fitted generator of tables say of each cell of given rows.

Nothing here looks at the training rows: quantile functions and frequencies of levels are what the
generator itself decodes with. Values beyond the ends of a margin, levels that `fit` never saw and
broken exact relations are judged here too, because the codec alone cannot see them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import ndtri

from augment._typing import BoolArray, FloatArray, State
from augment.data._containers import as_frame
from augment.data._quantiles import inverse, knot_grid
from augment.data.columns import Column, LinearRelation
from augment.data.encoder import TableEncoder
from augment.data.margins import LevelMargin, NumericMargin
from augment.data.schema import TableSchema

__all__ = ["CellReader", "Cells", "NumberLaw", "heavy_tailed"]

NEIGHBOURHOOD = 0.1
"""Half-width of the neighbourhood that a number's probability is read from, of the range."""
UNSEEN_ROWS = 0.3
"""Rows that a cell which no training row had is taken for."""
WIDE = 0.95
"""The scale of a number's distance is read from this quantile and its mirror image."""
LEAST_SCALE = 0.6
"""Least scale, in standard deviations."""
RATIO = 100.0
"""Numbers that are smaller than the least one by more than this factor are judged as if by it."""
LEAST_LOG_SCALE = 0.05
"""Least scale of logarithms."""
DEGREES_OF_FREEDOM = 2.0
"""Of the law that numbers are judged by."""
FARTHEST = 1e3
"""No score is farther out than this, so that sums of squares stay finite."""


@dataclass(frozen=True)
class Cells:
    """What the margins say of rows.

    Attributes
    ----------
    rarity : ndarray of float64 (n, n_columns)
        Minus log probability of each cell's neighbourhood; of missing cells that of being missing.
    distance : ndarray of float64 (n, n_columns)
        Numbers: signed distance from the median, in robust standard deviations; of what `fit`
        never saw that of a number as rare; else 0.
    strangeness : ndarray of float64 (n, n_columns)
        How far out each cell lies in its margin, and how rare it is; see `CellReader`.
    scores : ndarray of float64 (n, n_scores)
        Normal scores that go on beyond the ends of the margins; 0 where missing.
    ratio : ndarray of float64 (n, n_scores)
        What must be added to scores if numbers below the end of a positive column are judged by
        their ratio to it: a wrong unit divides. Not positive.
    observed : ndarray of bool (n, n_scores)
        False where a value is missing.
    unseen : ndarray of bool (n, n_columns)
        Levels that `fit` never saw, values where there was no choice or none at all, and cells that
        are missing where none ever was.
    broken : ndarray of float64 (n, n_columns)
        Where an exact relation is broken: signed, in tenths of a standard deviation, at the column
        of the relation that lies farthest out; else 0.
    """

    rarity: FloatArray
    distance: FloatArray
    strangeness: FloatArray
    scores: FloatArray
    ratio: FloatArray
    observed: BoolArray
    unseen: BoolArray
    broken: FloatArray


@dataclass(frozen=True)
class NumberLaw:
    """The distribution function of a numeric column, as its margin knows it.

    Attributes
    ----------
    values : ndarray of float64 (m,)
        Increasing: knots of the quantile function, or the values that occur.
    edges : ndarray of float64 (m,) or (m + 1,)
        Of knots the probability below each; of values the cumulated probabilities, from 0.
    """

    values: FloatArray
    edges: FloatArray

    @classmethod
    def of(cls, margin: LevelMargin | NumericMargin) -> NumberLaw:
        """Read the pooled margin."""
        if isinstance(margin, LevelMargin):
            return cls(margin.values, margin.edges[-1])
        knots = np.ldexp(margin.knots[-1], margin.exponent)
        return cls(knots, knot_grid(len(knots)))

    @property
    def has_steps(self) -> bool:
        """Whether there are but a few values."""
        return len(self.edges) > len(self.values)

    def quantiles(self, q: FloatArray) -> FloatArray:
        """Give quantiles `(n,)`."""
        if self.has_steps:
            places = np.searchsorted(self.edges[1:], q - 1e-12)
            return self.values[np.minimum(places, len(self.values) - 1)]
        return np.asarray(np.interp(q, self.edges, self.values))

    def quantile(self, q: float) -> float:
        """Give a quantile."""
        return float(self.quantiles(np.array([q]))[0])

    def spread(self) -> float:
        """Give the standard deviation."""
        mass = np.diff(self.edges)
        centers = self.values if self.has_steps else (self.values[1:] + self.values[:-1]) / 2
        mean = float(mass @ centers)
        return float(np.sqrt(mass @ np.square(centers - mean)))

    def mass(self, x: FloatArray, half: float) -> FloatArray:
        """Give the probability of values no farther than `half` from each of `x`."""
        lower, upper = x - half * (1 + 1e-9), x + half * (1 + 1e-9)
        if self.has_steps:
            above = self.edges[np.searchsorted(self.values, upper, side="right")]
            return above - self.edges[np.searchsorted(self.values, lower, side="left")]
        above = inverse(self.edges, self.values, upper, "right")
        return above - inverse(self.edges, self.values, lower, "left")

    def below_in_logarithms(self, x: FloatArray) -> FloatArray:
        """Say how far below the lower end of a positive column numbers lie, by their ratio to it.

        A wrong unit divides: a tenth of the least creatinine is no great distance in mg/dl.

        Returns
        -------
        ndarray of float64
            At most 0, in robust standard deviations of the logarithm; at least those of 1 / RATIO.
        """
        low = float(self.values[0])
        width = np.log(self.quantile(WIDE) / self.quantile(1 - WIDE)) / (2 * ndtri(WIDE))
        ratio = np.clip(x / low, 1 / RATIO, 1.0)
        return np.asarray(np.log(ratio) / max(float(width), LEAST_LOG_SCALE))

    def center_and_scale(self) -> tuple[float, float]:
        """Give the median, and a scale that a few outliers do not move.

        It is the same on both sides: on the long side of a skewed column numbers lie farther out.
        """
        width = (self.quantile(WIDE) - self.quantile(1 - WIDE)) / (2 * ndtri(WIDE))
        return self.quantile(0.5), max(float(width), LEAST_SCALE * self.spread())


class CellReader:
    """Read rows through the schema and the margins of a fitted generator.

    Parameters
    ----------
    schema : TableSchema
    encoder : TableEncoder
        Fitted, with one stratum.
    n_rows : int
        Rows that it was fitted on.

    Notes
    -----
    *Strangeness* is minus a log density, up to a constant. Of a measured number it is that of
    Student's t law with two degrees of freedom at the number's place, so that no single cell
    drowns all others. The place is the mean of two distances, one in robust standard deviations
    and one in normal scores: the first tells the long side of a skewed column from the short one,
    the second is at home in columns with heavy tails. Of levels, and of numbers that take but a
    few values, it is the mean of how rare and of how far out they are. Being missing counts as
    far as it is rare.
    """

    def __init__(self, schema: TableSchema, encoder: TableEncoder, n_rows: int) -> None:
        self.schema, self.encoder, self.n_rows = schema, encoder, n_rows
        self._least = UNSEEN_ROWS / n_rows
        names = schema.names
        self.places = [(names.index(name), part) for name, part in encoder.score_columns]
        self.laws = {
            k: NumberLaw.of(margin)
            for k, ((i, part), margin) in enumerate(zip(self.places, encoder._margins, strict=True))
            if part == "value" and schema.columns[i].is_number
        }
        self._masks = {i: k for k, (i, part) in enumerate(self.places) if part == "missing"}

    def read(self, X: Any) -> Cells:
        """Say what the margins know of each cell.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n, n_columns)

        Returns
        -------
        Cells

        Raises
        ------
        InvalidInputError
            If columns are missing, or hold what cannot be read as their kind.
        """
        frame, unseen = self._known(X)
        values, strata = frame.to_numpy(), np.zeros(len(frame), dtype=np.int64)
        scores, observed = self.encoder.transform(frame, strata)
        rarity, distance = np.zeros(values.shape), np.zeros(values.shape)
        missing, ratio = np.zeros(values.shape), np.zeros(scores.shape)
        for k, (entries, margin) in enumerate(self.encoder.entries(values)):
            i, part = self.places[k]
            if part == "choice":
                unseen[:, i] |= np.isnan(entries)  # a choice that is none
            if k in self.laws:
                cell = scores[:, k], ratio[:, k], rarity[:, i], distance[:, i]
                self._read_numbers(k, entries, *cell)
            else:
                seen = observed[:, k]
                lower, upper = margin.interval(entries[seen], strata[seen])
                judged = missing if part == "missing" else rarity
                judged[seen, i] += -np.log(np.maximum(upper - lower, self._least))
        self._mark_missing(values, unseen, missing)
        rarity += missing
        broken = self._broken(values, distance)
        never = unseen | (broken != 0)
        rarity[never] = -np.log(self._least)
        # the place, in standard deviations, of a number as rare as that
        distance[unseen] = np.sqrt(-2 * np.log(self._least))
        strangeness = (rarity + heavy_tailed(distance)) / 2
        for k, law in self.laws.items():
            if not law.has_steps:
                i = self.places[k][0]
                place = (np.abs(distance[:, i]) + np.abs(scores[:, k])) / 2
                strangeness[:, i] = heavy_tailed(place) + missing[:, i]
        strangeness[broken != 0] -= np.log(self._least)
        unseen = unseen | (missing > 0)
        return Cells(rarity, distance, strangeness, scores, ratio, observed, unseen, broken)

    def values(self, X: Any) -> FloatArray:
        """Give canonical values `(n, n_columns)`."""
        return np.asarray(self._known(X)[0].to_numpy(), dtype=np.float64)

    def is_unseen(self, rarity: FloatArray) -> BoolArray:
        """Mark cells that are as rare as what no training row had."""
        return np.asarray(rarity > -np.log(self._least) - 1e-9)

    def inside(self, cells: Cells) -> Cells:
        """Bring scores back to the ends of the margins."""
        farthest = float(ndtri(1 - self._least))
        return replace(cells, scores=np.clip(cells.scores, -farthest, farthest))

    def agrees_with(self, other: CellReader) -> bool:
        """Say whether scores mean the same to another reader: levels lie in the same order."""
        if self.places != other.places:
            return False
        margins: Any = zip(self.encoder._margins, other.encoder._margins, strict=True)
        return all(
            k in self.laws
            or (
                self.schema.columns[self.places[k][0]].levels
                == other.schema.columns[self.places[k][0]].levels
                and np.array_equal(own.values, its.values)
                and np.array_equal(own.order, its.order)
            )
            for k, (own, its) in enumerate(margins)
        )

    def get_state(self) -> State:
        """Give arrays and JSON values."""
        return {"encoder": self.encoder.get_state(), "n_rows": self.n_rows}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Restore what `get_state` gave."""
        encoder = TableEncoder.from_state(state["encoder"])
        return cls(encoder.schema, encoder, int(state["n_rows"]))

    def _known(self, X: Any) -> tuple[pd.DataFrame, BoolArray]:
        """Give the canonical frame with what `fit` never saw taken out, and marked."""
        frame, container, _ = as_frame(X, warn=False)
        if frame.shape[1] != len(self.schema.columns):
            self.schema.conform(X)  # it says what is wrong
        unseen = np.column_stack(
            [_unseen(known, frame.iloc[:, i]) for i, known in enumerate(self.schema.columns)]
        )
        for i in np.flatnonzero(unseen.any(axis=0)).tolist():
            column: Any = frame.iloc[:, i]
            frame.isetitem(i, column.astype(object).mask(unseen[:, i]))
        if container == "array":
            frame = frame.set_axis(self.schema.names, axis=1)
        return self.schema.conform(frame), unseen

    def _read_numbers(
        self,
        k: int,
        x: FloatArray,
        scores: FloatArray,
        ratio: FloatArray,
        rarity: FloatArray,
        distance: FloatArray,
    ) -> None:
        """Judge one numeric column, in place."""
        law, seen = self.laws[k], ~np.isnan(x)
        x = x[seen]
        middle, scale = law.center_and_scale()
        scale = max(scale, np.finfo(float).tiny)
        low, high = float(law.values[0]), float(law.values[-1])
        rarity[seen] += -np.log(np.maximum(law.mass(x, NEIGHBOURHOOD * (high - low)), self._least))
        distance[seen] = np.clip((x - middle) / scale, -FARTHEST, FARTHEST)
        beyond = (np.maximum(x - high, 0.0) - np.maximum(low - x, 0.0)) / scale
        scores[seen] = np.clip(scores[seen] + beyond, -FARTHEST, FARTHEST)
        if low > 0:
            ratio[seen] = np.minimum(law.below_in_logarithms(x) - beyond, 0.0) * (x < low)

    def _mark_missing(self, values: FloatArray, unseen: BoolArray, missing: FloatArray) -> None:
        """Judge what is missing where nothing ever was, or without what went missing with it."""
        absent, names = np.isnan(values), self.schema.names
        known = {names.index(n): names.index(s[0]) for s in self.schema.shared_masks for n in s}
        for i, column in enumerate(self.schema.columns):
            if i in known:
                strange = absent[:, i] != absent[:, known[i]]
            elif i not in self._masks and column.kind != "missing":
                strange = absent[:, i]
            else:
                continue
            missing[strange & ~unseen[:, i], i] = -np.log(self._least)

    def _broken(self, values: FloatArray, distance: FloatArray) -> FloatArray:
        """Say where exact relations are broken, and give their targets a distance, in place."""
        broken, names = np.zeros(values.shape), self.schema.names
        for relation in self.schema.relations:
            target = names.index(relation.target)
            column = self.schema.columns[target]
            low, high = column.limits
            spread = max((high - low) / 4, np.finfo(float).tiny)
            distance[:, target] = np.nan_to_num((values[:, target] - (low + high) / 2) / spread)
            members = [target, *(names.index(name) for name, _ in relation.terms)]
            signs = np.array([1.0, *(-np.sign(c) for _, c in relation.terms)])
            excess = values[:, target] - _implied(relation, names, values)
            excess = np.nan_to_num(excess)  # a missing cell breaks nothing
            excess[np.abs(excess) <= _tolerance(self.schema, relation, spread)] = 0.0
            guilty = np.argmax(np.abs(distance[:, members]), axis=1)
            size = np.clip(10 * excess * signs[guilty] / spread, -FARTHEST, FARTHEST)
            broken[np.arange(len(values)), np.array(members)[guilty]] += size
        return broken


def heavy_tailed(distance: FloatArray) -> FloatArray:
    """Give minus the log density of Student's t law, up to a constant.

    Examples
    --------
    >>> heavy_tailed(np.array([0.0, 2.0, 200.0])).round(2).tolist()
    [0.0, 1.65, 14.86]
    """
    nu = DEGREES_OF_FREEDOM
    return np.asarray((nu + 1) / 2 * np.log1p(np.square(distance) / nu))


def _unseen(column: Column, series: pd.Series) -> BoolArray:
    """Mark entries of a column without order of size that `fit` never saw."""
    present = series.notna().to_numpy()
    if column.kind == "missing":
        return present
    if column.is_number:
        return np.zeros(len(series), dtype=bool)
    levels = (column.value,) if column.kind == "constant" else column.levels
    known = pd.Index(list(levels), dtype=object)
    values = pd.Index(np.asarray(series, dtype=object), dtype=object)
    return present & (known.get_indexer_for(values) < 0)


def _implied(relation: LinearRelation, names: list[Any], values: FloatArray) -> FloatArray:
    total = np.full(len(values), relation.intercept)
    for name, coefficient in relation.terms:
        total = total + coefficient * values[:, names.index(name)]
    return total


def _tolerance(schema: TableSchema, relation: LinearRelation, spread: float) -> float:
    """Give the misfit that rounding explains."""
    parts: Iterator[tuple[Any, float]] = iter([(relation.target, 1.0), *relation.terms])
    rounding = sum(
        abs(c) * 0.5 * 10.0 ** -int(schema[name].decimals or 0)
        for name, c in parts
        if schema[name].decimals is not None
    )
    return 1.01 * max(rounding, 1e-6 * spread)

"""The table codec: canonical frames to normal scores, and back.

Each column becomes one normal score (and one more if entries are missing) through its margin; see
`augment.data.margins`. The networks then learn the dependence between scores only. Everything a
fitted encoder holds is arrays and JSON values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from augment._errors import InvalidInputError
from augment._typing import BoolArray, FloatArray, IntArray, State
from augment.data._nominal import level_orders
from augment.data._pooling import MIN_STRATUM_ROWS, Pooling
from augment.data._quantiles import are_grades, few_levels
from augment.data.margins import LevelMargin, NumericMargin, margin_from_state, nearest
from augment.data.order import keep_windows
from augment.data.relations import keep_relations
from augment.data.schema import TableSchema

__all__ = ["TableEncoder"]

# Scores are clipped to a finite range; beyond it lie 6e-7 of a normal variable.
SCORE_LIMIT = 5.0

Part = Literal["value", "choice", "missing"]


class TableEncoder:
    """Turn canonical frames into normal scores and back, per stratum.

    Parameters
    ----------
    schema : TableSchema
    pooling : float, default=1.0
        How strongly the strata's margins are pulled towards the pooled one: 0 keeps them as
        fitted; see `augment.data.margins`.
    max_knots : int, default=101
        Knots of a numeric column's quantile function.
    separation : float, default=1.0
        One factor for all columns, between 0 and 1, on the strata's share of their own margins.
    soft : bool, default=False
        Pool by F / (F + pooling) instead of max(0, 1 - pooling / F); see `augment.data._pooling`.

    Attributes
    ----------
    n_scores : int
        d, the number of scores. Constant and all-missing columns and the targets of exact
        relations have no score for their value; every column with missing entries that vary
        has one for its mask. Flags of one choice, and columns that go missing together, share one
        score, which bears the name of the first of them.
    score_names : list of str
    score_columns : list of (name, {"value", "choice", "missing"})
    small_strata : ndarray of shape (n_strata + 1,), bool
        True where a stratum had fewer than `MIN_STRATUM_ROWS` rows of positive weight at ``fit``,
        so that it takes the pooled margins. The last entry, combinations never seen, is True.

    Notes
    -----
    ``inverse_transform(transform(frame))`` gives back categories, booleans and the missing mask
    exactly; numbers inside the smoothed ends exactly if the column has a fixed number of
    decimals, else to about 1e-9 of the range; numbers beyond the ends as the ends. A value whose
    score passes ``SCORE_LIMIT`` (rarer than 3e-7) moves to the limit.

    This does not model dependence between columns, and does not extrapolate beyond the ends.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> X = pd.DataFrame({"age": np.arange(30, 70), "sex": ["f", "m"] * 20})
    >>> schema = TableSchema.infer(X)
    >>> frame, strata = schema.conform(X), np.zeros(40, dtype=np.int64)
    >>> encoder = TableEncoder(schema).fit(frame, strata, 1)
    >>> scores, observed = encoder.transform(frame, strata)
    >>> scores.shape, encoder.score_names
    ((40, 2), ['age', 'sex'])
    >>> schema.restore(encoder.inverse_transform(scores, strata)).iloc[8:11]
        age sex
    8    38   f
    9    39   m
    10   40   f
    """

    def __init__(
        self,
        schema: TableSchema,
        *,
        pooling: float = 1.0,
        max_knots: int = 101,
        separation: float = 1.0,
        soft: bool = False,
    ) -> None:
        if max_knots < 2 or pooling < 0 or not 0 <= separation <= 1:
            raise InvalidInputError(
                "max_knots must be at least 2, pooling at least 0 and separation between 0 and 1; "
                f"got max_knots={max_knots!r}, pooling={pooling!r}, separation={separation!r}."
            )
        self.schema = schema
        self.pooling = pooling
        self.max_knots = max_knots
        self.separation = separation
        self.soft = soft
        self._pooling = Pooling(pooling, separation, soft)
        self._margins: list[LevelMargin | NumericMargin] = []
        self._places: list[tuple[int, Part]] = []
        names = schema.names
        placed = [(c, [names.index(name) for name in c.columns]) for c in schema.choices]
        self._choices = {places[0]: (c, places) for c, places in placed}
        self.small_strata: BoolArray = np.ones(1, dtype=bool)

    @property
    def n_scores(self) -> int:
        """The number of scores."""
        return len(self._places)

    @property
    def score_columns(self) -> list[tuple[Any, Part]]:
        """The column of each score, and whether it is for value, choice or missing mask."""
        return [(self.schema.columns[i].name, part) for i, part in self._places]

    @property
    def score_names(self) -> list[str]:
        """The names of the scores."""
        ending = {"value": "", "choice": " (choice)", "missing": " (missing)"}
        return [f"{name}{ending[part]}" for name, part in self.score_columns]

    def fit(
        self,
        frame: pd.DataFrame,
        strata: IntArray,
        n_strata: int,
        sample_weight: FloatArray | None = None,
    ) -> TableEncoder:
        """Learn the margins.

        Parameters
        ----------
        frame : DataFrame of float64, shape (n, n_columns)
            Canonical, as given by ``schema.conform``.
        strata : ndarray of shape (n,), int64
            In [0, n_strata).
        n_strata : int
            Index ``n_strata`` is the pooled margin.
        sample_weight : ndarray of shape (n,), optional
            Not negative.

        Returns
        -------
        TableEncoder
            Itself.
        """
        values = frame.to_numpy(dtype=np.float64)
        strata = np.asarray(strata, dtype=np.int64)
        weights = np.ones(len(values)) if sample_weight is None else np.asarray(sample_weight)
        weights = weights * (len(values) / weights.sum())
        sizes = np.bincount(strata[weights > 0], minlength=n_strata)
        self.small_strata = np.append(sizes < MIN_STRATUM_ROWS, True)
        self._margins, self._places = [], []
        self._fit_values(values, strata, n_strata, weights)
        self._fit_masks(np.isnan(values), strata, n_strata, weights)
        return self

    def _fit_values(
        self, values: FloatArray, strata: IntArray, n_strata: int, weights: FloatArray
    ) -> None:
        """Learn the margins of what the columns hold."""
        entries, computed = {}, self.schema.computed
        for i, column in enumerate(self.schema.columns):
            if column.kind in ("constant", "missing") or column.name in computed:
                continue
            part: Part = "choice" if i in self._choices else "value"
            found = np.where(weights > 0, self._entry(values, i, part), np.nan)
            if not np.isnan(found).all():
                entries[i] = found
        nominal = {i: len(self._levels(i)) for i in entries if self._has_no_order(i)}
        orders = level_orders(entries, nominal, strata, weights)
        for i, found in entries.items():
            seen = ~np.isnan(found)
            own = found[seen], strata[seen], n_strata, weights[seen]
            self._margins.append(self._fit_column(i, *own, orders.get(i)))
            self._places.append((i, "choice" if i in self._choices else "value"))

    def _fit_masks(
        self, absent: BoolArray, strata: IntArray, n_strata: int, weights: FloatArray
    ) -> None:
        """Learn the margins of what is missing; columns that go missing together share one."""
        sharing = {name for names in self.schema.shared_masks for name in names[1:]}
        used = weights > 0
        for i, column in enumerate(self.schema.columns):
            varies = absent[:, i].any() and not absent[:, i].all()
            if column.kind == "missing" or column.name in sharing or not varies:
                continue
            rows = absent[used, i].astype(np.int64), strata[used], n_strata, weights[used]
            self._margins.append(LevelMargin.fit(np.array([0.0, 1.0]), *rows, self._pooling))
            self._places.append((i, "missing"))

    def _levels(self, i: int) -> FloatArray:
        """Give the codes of the levels of a category or a choice."""
        if i in self._choices:
            return self._choices[i][0].levels
        return np.arange(len(self.schema.columns[i].levels), dtype=np.float64)

    def _has_no_order(self, i: int) -> bool:
        column = self.schema.columns[i]
        return i in self._choices or (column.kind == "categorical" and not column.ordered)

    def _fit_column(
        self,
        i: int,
        values: FloatArray,
        strata: IntArray,
        n_strata: int,
        weights: FloatArray,
        order: IntArray | None,
    ) -> LevelMargin | NumericMargin:
        column = self.schema.columns[i]
        if i in self._choices or not column.is_number:
            codes = values.astype(np.int64)
            rows = self._levels(i), codes, strata, n_strata, weights
            return LevelMargin.fit(*rows, self._pooling, ordered=column.ordered, order=order)
        few = few_levels(values)
        if few is not None:
            inside = few[(few >= column.limits[0]) & (few <= column.limits[1])]
            # as for numbers at large, the extremes of single rows join the value next to them
            grades = column.kind == "numeric" and are_grades(few)
            levels = inside if len(inside) and not grades else few
            rows = levels, nearest(levels, values), strata, n_strata, weights
            return LevelMargin.fit(*rows, self._pooling, ordered=True)
        return NumericMargin.fit(
            values,
            strata,
            n_strata,
            weights,
            pooling=self._pooling,
            n_knots=self.max_knots,
            limits=column.limits,
            decimals=column.decimals,
        )

    def transform(
        self, frame: pd.DataFrame, strata: IntArray, rng: np.random.Generator | None = None
    ) -> tuple[FloatArray, BoolArray]:
        """Give the normal scores of a canonical frame.

        Parameters
        ----------
        frame : DataFrame of float64, shape (n, n_columns)
        strata : ndarray of shape (n,), int64
            In [0, n_strata]; n_strata takes the pooled margins.
        rng : numpy.random.Generator, optional
            Draws the score of tied and discrete values from their probability interval; without
            it the interval's middle is taken.

        Returns
        -------
        scores : ndarray of shape (n, d), float64
            Finite; 0 where missing.
        observed : ndarray of shape (n, d), bool
            False where the entry is missing. The mask itself is always observed.
        """
        lower, upper, observed = self.intervals(frame, strata)
        draws = 0.5 if rng is None else rng.random(lower.shape)
        scores = np.clip(ndtri(lower + (upper - lower) * draws), -SCORE_LIMIT, SCORE_LIMIT)
        return np.where(observed, scores, 0.0), observed

    def intervals(
        self, frame: pd.DataFrame, strata: IntArray
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Give the probability interval of each entry in its margin.

        Parameters
        ----------
        frame : DataFrame of float64, shape (n, n_columns)
        strata : ndarray of shape (n,), int64
            In [0, n_strata]; n_strata takes the pooled margins.

        Returns
        -------
        lower, upper : ndarray of shape (n, d), float64
            In [0, 1]; equal for a value that decimals do not limit; both 0.5 where missing.
        observed : ndarray of shape (n, d), bool
            False where the entry is missing. The mask itself is always observed.
        """
        values = frame.to_numpy(dtype=np.float64)
        strata = np.asarray(strata, dtype=np.int64)
        lower = np.full((len(values), self.n_scores), 0.5)
        upper = lower.copy()
        observed = np.ones(lower.shape, dtype=bool)
        for k, (column, margin) in enumerate(self.entries(values)):
            seen = ~np.isnan(column)
            observed[:, k] = seen
            lower[seen, k], upper[seen, k] = margin.interval(column[seen], strata[seen])
        return lower, upper, observed

    def log_margins(self, frame: pd.DataFrame, strata: IntArray) -> FloatArray:
        """Give the log probability of each entry in its margin, (n, d); 0 where missing.

        Numbers are judged by a small neighbourhood, the same in all strata.
        """
        values = frame.to_numpy(dtype=np.float64)
        strata = np.asarray(strata, dtype=np.int64)
        result = np.zeros((len(values), self.n_scores))
        for k, (column, margin) in enumerate(self.entries(values)):
            seen = ~np.isnan(column)
            result[seen, k] = margin.log_mass(column[seen], strata[seen])
        return result

    def entries(
        self, values: FloatArray
    ) -> Iterator[tuple[FloatArray, LevelMargin | NumericMargin]]:
        """Give the entries of a canonical array that each score stands for, and their margin."""
        for (i, part), margin in zip(self._places, self._margins, strict=True):
            yield self._entry(values, i, part), margin

    def _entry(self, values: FloatArray, i: int, part: Part) -> FloatArray:
        if part == "missing":
            return np.isnan(values[:, i]).astype(np.float64)
        if part == "choice":
            choice, places = self._choices[i]
            return choice.codes(values[:, places])
        return values[:, i]

    def inverse_transform(
        self, scores: FloatArray, strata: IntArray, noise: FloatArray | None = None
    ) -> pd.DataFrame:
        """Give the canonical frame that belongs to normal scores.

        Row i of the result depends on row i of the arguments alone.

        Parameters
        ----------
        scores : ndarray of shape (n, d), float
        strata : ndarray of shape (n,), int64
        noise : ndarray of shape (n, d), float, optional
            Standard normal; moves numbers by a small kernel, so that knots are not repeated.

        Returns
        -------
        DataFrame of float64, shape (n, n_columns)
            Canonical, in schema order; ``schema.restore`` gives the caller's dtypes.
        """
        # one row of memory for each score: columns are decoded one by one
        uniform = ndtr(np.ascontiguousarray(np.asarray(scores, dtype=np.float64).T))
        kernels = None if noise is None else np.ascontiguousarray(np.asarray(noise).T)
        strata = np.asarray(strata, dtype=np.int64)
        values = np.zeros((len(self.schema.columns), len(strata)))
        absent: list[tuple[int, BoolArray]] = []
        for k, ((i, part), margin) in enumerate(zip(self._places, self._margins, strict=True)):
            kernel = None if kernels is None else kernels[k]
            decoded = margin.decode(uniform[k], strata, kernel)
            if part == "value":
                values[i] = decoded
            elif part == "choice":
                choice, places = self._choices[i]
                values[places] = choice.flags(decoded.astype(np.int64)).T
            else:
                absent += [(place, decoded > 0.5) for place in self.schema.missing_with(i)]
        for i, column in enumerate(self.schema.columns):
            if column.kind == "missing":
                values[i] = np.nan
        keep_relations(self.schema.columns, self.schema.relations, values)
        keep_windows(self.schema.columns, values)
        for i, rows in absent:
            values[i, rows] = np.nan
        return pd.DataFrame(values.T, columns=pd.Index(self.schema.names))

    def get_state(self) -> State:
        """Give the fitted encoder as arrays and JSON values."""
        return {
            "schema": self.schema.to_dict(),
            "pooling": self.pooling,
            "max_knots": self.max_knots,
            "separation": self.separation,
            "soft": self.soft,
            "small_strata": self.small_strata,
            "places": [[i, part] for i, part in self._places],
            "margins": [margin.get_state() for margin in self._margins],
        }

    @classmethod
    def from_state(cls, state: State) -> TableEncoder:
        """Rebuild an encoder from what :meth:`get_state` gave."""
        encoder = cls(
            TableSchema.from_dict(state["schema"]),
            pooling=state["pooling"],
            max_knots=state["max_knots"],
            separation=state["separation"],
            soft=state["soft"],
        )
        encoder.small_strata = np.asarray(state["small_strata"], dtype=bool)
        encoder._places = [(int(i), part) for i, part in state["places"]]
        encoder._margins = [margin_from_state(margin) for margin in state["margins"]]
        return encoder

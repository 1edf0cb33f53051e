"""What an evaluation returns: frozen results that turn into frames, dictionaries and JSON.

Numbers are computed once and rendered many times: the command line, the report and the
documentation only read these objects.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import numbers
import types
import typing
from typing import Any, Self

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError
from augment.evaluation._text import lift_headline, lift_table

__all__ = ["EquivalentRows", "ExternalResult", "LiftResult", "Result"]


def _to_json_value(value: Any) -> Any:
    """Turn a field into JSON values: frames become columns, non-finite numbers become null."""
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, pd.DataFrame):
        return {str(name): _to_json_value(value[name].tolist()) for name in value.columns}
    if isinstance(value, dict):
        return {str(key): _to_json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray | pd.Index):
        return [_to_json_value(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def _to_frame(columns: dict[str, list[Any]]) -> pd.DataFrame:
    """Rebuild a frame from its columns; null in a column without text means not-a-number."""
    frame = pd.DataFrame(columns)
    for name in frame.columns:
        values = columns[name]
        if None in values and not any(isinstance(value, str) for value in values):
            frame[name] = np.array([math.nan if v is None else v for v in values], dtype=float)
    return frame


def _from_json_value(value: Any, annotation: Any) -> Any:
    """Turn JSON values back into what the annotation of the field says."""
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else ()
    if value is None:
        return None if options or annotation is not float else math.nan
    for option in options or (annotation,):
        if option is pd.DataFrame:
            return _to_frame(value)
        if isinstance(option, type) and issubclass(option, Result):
            return option.from_dict(value)
        if typing.get_origin(option) is tuple:
            return tuple(value)
        if typing.get_origin(option) is dict and typing.get_args(option)[1] is float:
            return {key: math.nan if item is None else item for key, item in value.items()}
    return value


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """Base of all results: a frozen record that can be written down and read back.

    What this does not do: it draws nothing and judges nothing. A verdict is computed by the
    function that returns the result.
    """

    def to_frame(self) -> pd.DataFrame:
        """Give the main table of the result, one row per reading."""
        raise NotImplementedError(f"{type(self).__name__} has no main table.")

    def to_dict(self) -> dict[str, Any]:
        """Give the result as JSON values.

        Returns
        -------
        dict
            One entry per field. Frames are dictionaries of columns; numbers that are not finite
            are None.
        """
        return {
            field.name: _to_json_value(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Give the result as JSON text.

        Parameters
        ----------
        indent : int or None
            Spaces per level; None writes one line.

        Returns
        -------
        str
            Strict JSON: it holds neither ``NaN`` nor ``Infinity``.
        """
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read back what `to_dict` or `to_json` wrote.

        Parameters
        ----------
        values : dict
            The dictionary, or what ``json.loads`` made of the text.

        Returns
        -------
        Result
            An equal result of this class.

        Raises
        ------
        InvalidInputError
            If a field is missing or unknown.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            raise InvalidInputError(
                f"a {cls.__name__} has the fields {sorted(names)}; missing here: "
                f"{sorted(names - set(values))}, unknown: {sorted(set(values) - names)}. "
                "Read it with the version of the package that wrote it."
            )
        hints = typing.get_type_hints(cls)
        return cls(**{name: _from_json_value(values[name], hints[name]) for name in names})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what `to_json` wrote."""
        return cls.from_dict(json.loads(text))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class EquivalentRows(Result):
    """How many further real rows the synthetic ones were worth.

    Attributes
    ----------
    m : int
        Real rows that the augmented score was measured at: half of a training part.
    metric : str
        The metric that `estimate` reads.
    estimate : float or None
        Further real rows with which the real-only score would equal the augmented one. It is
        negative where augmentation cost rows. None where the curve is flat (not estimable).
    lower, upper : float or None
        95 % interval. A bound at ``m`` or ``-m / 2`` is an end of the curve: the truth may lie
        beyond it.
    text : str
        The reading in words, with ``>= m`` above the top of the curve.
    curve : DataFrame
        Columns ``arm`` ("real" at each size, "augmented" at ``m``), ``n`` (real rows), ``metric``,
        ``mean``, ``lower``, ``upper``.
    by_metric : DataFrame
        The same reading for each deciding metric: ``metric``, ``estimate``, ``lower``, ``upper``,
        ``text``.
    """

    m: int
    metric: str
    estimate: float | None
    lower: float | None
    upper: float | None
    text: str
    curve: pd.DataFrame
    by_metric: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Give the learning curve and the augmented score at `m`."""
        return self.curve.copy()

    def __repr__(self) -> str:
        return f"EquivalentRows({self.text!r})"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ExternalResult(Result):
    """The same comparison on rows from elsewhere, such as another hospital.

    Attributes
    ----------
    verdict : str
        "helps", "no evidence", "harms" or "equivalent", by the rule of `LiftResult`.
    reason : str
        One plain sentence.
    summary : DataFrame
        As `LiftResult.summary`.
    n_test : int
        Rows that were scored.
    """

    verdict: str
    reason: str
    summary: pd.DataFrame
    n_test: int

    def to_frame(self) -> pd.DataFrame:
        """Give the summary."""
        return self.summary.copy()

    def __repr__(self) -> str:
        return f"ExternalResult({self.verdict!r}, n_test={self.n_test})"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LiftResult(Result):
    """Whether synthetic rows helped: what `evaluate_lift` returns.

    Attributes
    ----------
    verdict : str
        "helps", "no evidence", "harms" or "equivalent": the rule on the mean over estimators.
    reason : str
        One plain sentence that says why.
    summary : DataFrame
        Columns ``estimator`` ("all" is the mean over estimators within each split), ``arm``,
        ``metric``, ``mean``, ``sd``, ``lift`` (arm minus "real"), ``lower``, ``upper`` (95 %
        interval of the lift, Nadeau-Bengio corrected, not adjusted for multiplicity).
    by_estimator : DataFrame
        Columns ``estimator``, ``verdict``, ``p_value`` (of "helps"), ``p_adjusted`` (Holm), and
        ``lift_``, ``lower_``, ``upper_`` of the two deciding metrics.
    scores : DataFrame
        Every score: ``repeat``, ``split``, ``estimator``, ``arm``, ``metric``, ``value``,
        ``n_train`` (real rows), ``n_synthetic``.
    smallest_detectable_lift : dict
        For each metric the lift that this study would have found four times in five.
    equivalent_rows : EquivalentRows or None
        How many real rows the synthetic ones were worth; None if no learning curve could be run.
    calibration : DataFrame
        Columns ``arm``, ``bin``, ``predicted``, ``observed``, ``n``: reliability, pooled over
        splits and estimators (two classes: the second; more: one against the rest, all pooled).
    external : ExternalResult or None
        The verdict on `X_test`, if it was given.
    settings : dict
        What a methods paragraph needs.
    notes : tuple of str
        Everything that a careful reader should know: arms that failed, classes left out,
        duplicates across splits.
    comparisons : DataFrame
        Columns ``estimator``, ``arm``, ``reference``, ``metric``, ``lift`` (arm minus reference),
        ``lower``, ``upper`` (as in `summary`), ``group_lower``, ``group_upper``, ``n_groups``
        (95 % interval over the patients that were tested; not a number without `groups`). The
        first two pairs of arms decide the verdict; for images these are ``classical_augmented``
        against ``classical`` and against ``classical_bootstrap``.

    Examples
    --------
    >>> from augment.evaluation.results import LiftResult
    >>> result = LiftResult.from_json(text)      # doctest: +SKIP
    >>> result.verdict                           # doctest: +SKIP
    'no evidence'
    """

    verdict: str
    reason: str
    summary: pd.DataFrame
    by_estimator: pd.DataFrame
    scores: pd.DataFrame
    smallest_detectable_lift: dict[str, float]
    equivalent_rows: EquivalentRows | None
    calibration: pd.DataFrame
    external: ExternalResult | None
    settings: dict[str, Any]
    notes: tuple[str, ...]
    comparisons: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)

    def to_frame(self) -> pd.DataFrame:
        """Give the summary: one row per estimator, arm and metric."""
        return self.summary.copy()

    def __repr__(self) -> str:
        return f"LiftResult({lift_headline(self)})"

    def __str__(self) -> str:
        return lift_table(self)

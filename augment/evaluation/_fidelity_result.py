"""What `evaluate_fidelity` returns."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd

from augment.evaluation._fidelity_words import fidelity_table
from augment.evaluation.results import Result

__all__ = ["FidelityResult"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FidelityResult(Result):
    """How near synthetic rows lie to real ones: what `evaluate_fidelity` returns.

    Attributes
    ----------
    verdict : str
        "at the floor", "near the floor", "far from the floor", "copies" or "too few rows": the
        rule of `evaluate_fidelity`.
    reason : str
        One plain sentence that says why.
    summary : DataFrame
        Columns ``features`` (what the figure was measured in), ``metric``, ``label`` (of a class,
        else empty), ``value`` (of the synthetic rows), ``floor`` (of as many other real rows),
        ``floor_lower``, ``floor_upper`` (least and most over the draws), ``better`` ("lower",
        "higher" or "like floor"), ``n`` (rows a side).
    by_column : DataFrame
        Tables: ``column``, ``kind``, ``value``, ``floor``, ``floor_upper`` (distances of the
        margins), ``p_value`` (chance of any column being as far off), ``far``
        (what the reason names), ``outside`` (share of synthetic numbers beyond all real ones).
        Images: empty.
    by_pair : DataFrame
        Tables: ``first``, ``second``, ``value``, ``floor``, ``floor_upper`` (largest difference of
        correlations), ``p_value``, ``far``, worst first. Images: empty.
    relations : DataFrame
        Exact relations of the real rows: ``relation``, ``real``, ``synthetic`` (share of rows that
        keep it).
    settings : dict
        What a methods paragraph needs.
    notes : tuple of str
        What a careful reader should know.

    Examples
    --------
    >>> from augment.evaluation.fidelity import FidelityResult
    >>> result = FidelityResult.from_json(text)      # doctest: +SKIP
    >>> result.verdict                               # doctest: +SKIP
    'near the floor'
    """

    verdict: str
    reason: str
    summary: pd.DataFrame
    by_column: pd.DataFrame
    by_pair: pd.DataFrame
    relations: pd.DataFrame
    settings: dict[str, Any]
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Give the summary: one row per figure."""
        return self.summary.copy()

    def __repr__(self) -> str:
        return f"FidelityResult({self.verdict!r}, n={self.settings.get('n_per_side')})"

    def __str__(self) -> str:
        return fidelity_table(self)

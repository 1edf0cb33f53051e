"""Real and synthetic columns side by side, as aggregates: no row of a patient gets through.

Every bar stands for at least five real rows, bin edges are round numbers rather than anybody's
value, and the outermost bars also hold everything beyond them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from augment._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MIN_ROWS", "compare_columns", "compare_dependence"]

MIN_ROWS = 5
_MAX_LEVELS = 10
_MAX_MATRIX = 20
_FEW_VALUES = 8


def compare_columns(real: pd.DataFrame, synthetic: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare the distribution of every column.

    Parameters
    ----------
    real, synthetic : DataFrame
        The same columns; any number of rows.

    Returns
    -------
    list of dict
        One entry per column: ``name``, ``kind`` ("number", "category" or "hidden"), ``labels`` or
        ``edges``, shares ``real`` and ``synthetic`` of the filled cells, ``missing_real``,
        ``missing_synthetic``, ``gap`` (total variation distance over the bars, 0 to 1), and
        ``chance`` (the gap that two samples of these sizes from one law would show on average).
    """
    return [_compare(str(name), real[name], synthetic[name]) for name in real.columns]


def _compare(name: str, real: pd.Series, synthetic: pd.Series) -> dict[str, Any]:
    """Compare one column."""
    entry: dict[str, Any] = {
        "name": name,
        "missing_real": float(real.isna().mean()),
        "missing_synthetic": float(synthetic.isna().mean()),
    }
    a, b = real.dropna(), synthetic.dropna()
    if len(a) < 2 * MIN_ROWS or not len(b):
        return {**entry, "kind": "hidden", "gap": None, "chance": None}
    if is_number(real):
        bars = _number_bars(_as_float(a), _as_float(b))
    else:
        bars = _category_bars(a.astype(str), b.astype(str))
    p, q = np.array(bars.pop("all_real")), np.array(bars.pop("all_synthetic"))
    spread = np.sqrt(p * (1 - p) * (1 / len(a) + 1 / len(b)) * 2 / math.pi)
    return {
        **entry,
        **bars,
        "gap": float(np.abs(p - q).sum() / 2),
        "chance": float(spread.sum() / 2),
    }


def is_number(column: pd.Series) -> bool:
    """Tell whether a column is drawn as a histogram: numbers or dates with many values."""
    from pandas.api import types

    kind = types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)
    return bool(kind and not types.is_bool_dtype(column) and column.nunique() > _FEW_VALUES)


def _as_float(column: pd.Series) -> FloatArray:
    """Give numbers as they are, and dates as years."""
    from pandas.api import types

    if types.is_datetime64_any_dtype(column):
        year = column.dt.year + (column.dt.day_of_year - 1) / 365.25
        return year.to_numpy(dtype=float)
    return column.to_numpy(dtype=float)


def _number_bars(real: FloatArray, synthetic: FloatArray) -> dict[str, Any]:
    """Count numbers in bins with round edges and enough real rows each."""
    edges = _round_edges(real)
    counts = _count(real, edges)
    keep = [0]
    held = 0
    for i, count in enumerate(counts):
        held += int(count)
        if held >= MIN_ROWS:
            keep.append(i + 1)
            held = 0
    keep[-1] = len(edges) - 1  # what is left over joins the last bin
    edges = edges[keep]
    p = _count(real, edges) / len(real)
    q = _count(synthetic, edges) / len(synthetic)
    shares = {"real": p.tolist(), "synthetic": q.tolist()}
    totals = {"all_real": p.tolist(), "all_synthetic": q.tolist()}
    return {"kind": "number", "edges": edges.tolist(), **shares, **totals}


def _round_edges(values: FloatArray) -> FloatArray:
    """Give round bin edges over the middle 96 % of the values."""
    low, high = np.quantile(values, [0.02, 0.98])
    if high <= low:
        low, high = values.min(), values.max()
    wanted = min(max(round(2 * len(values) ** (1 / 3)), 6), 20)
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    whole = bool(np.all(values == np.round(values)))
    if whole:
        step = max(1.0, round(step))
    first, last = math.floor(low / step), math.ceil(high / step)
    edges = np.arange(first, max(last, first + 1) + 1, dtype=float) * step
    return edges - 0.5 if whole else edges


def _count(values: FloatArray, edges: FloatArray) -> FloatArray:
    """Count values per bin; the first and the last bin take everything beyond them."""
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(place, minlength=len(edges) - 1).astype(float)


def _category_bars(real: pd.Series, synthetic: pd.Series) -> dict[str, Any]:
    """Count levels; levels with few real rows share one bar, or none if they are few together."""
    counts = real.value_counts()
    named = [str(level) for level in counts[counts >= MIN_ROWS].index[:_MAX_LEVELS]]
    if all(_looks_numeric(level) for level in named):
        named.sort(key=float)
    p = [float((real == level).mean()) for level in named]
    q = [float((synthetic == level).mean()) for level in named]
    rest_real, rest_synthetic = max(0.0, 1 - sum(p)), max(0.0, 1 - sum(q))
    totals = {"all_real": [*p, rest_real], "all_synthetic": [*q, rest_synthetic]}
    if rest_real * len(real) >= MIN_ROWS - 0.5:
        named, p, q = [*named, "all others"], totals["all_real"], totals["all_synthetic"]
    return {"kind": "category", "labels": named, "real": p, "synthetic": q, **totals}


def _looks_numeric(text: str) -> bool:
    """Tell whether a level reads as a number, so that levels can stand in their order."""
    return text.replace(".", "", 1).lstrip("-").isdigit()


def compare_dependence(
    real: pd.DataFrame, synthetic: pd.DataFrame, *, keep: str | None = None
) -> dict[str, Any] | None:
    """Compare how strongly every two columns go together.

    Numbers with numbers (and two-level columns): Spearman's rank correlation, with its sign.
    Numbers with categories: the square root of epsilon squared of the ranks. Categories with
    categories: Cramér's V, bias-corrected. The latter two run from 0 to 1, and both are corrected
    for the number of rows, so that a long synthetic table and a short real one can be compared.

    Parameters
    ----------
    real, synthetic : DataFrame
        The same columns.
    keep : str, optional
        A column that is always shown (the target).

    Returns
    -------
    dict or None
        ``names``, ``real``, ``synthetic`` (square lists; None where too few rows are filled),
        ``left_out`` (number of columns beyond the 20 with the strongest dependence). None when
        fewer than two columns can be compared.

    References
    ----------
    .. [1] W. Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean
       Statistical Society 42 (2013).
    """
    names = [name for name in real.columns if _is_comparable(real[name])]
    if len(names) < 2:
        return None
    nominal = [_is_nominal(real[name]) for name in names]
    ours = _matrix(real, names, nominal)
    if len(names) > _MAX_MATRIX:
        strength = np.nansum(np.abs(ours), axis=1)
        strength[[i for i, name in enumerate(names) if name == keep]] = np.inf
        order = np.sort(np.argsort(-strength, kind="stable")[:_MAX_MATRIX])
        ours = ours[np.ix_(order, order)]
        left_out = len(names) - _MAX_MATRIX
        names, nominal = [names[i] for i in order], [nominal[i] for i in order]
    else:
        left_out = 0
    theirs = _matrix(synthetic.iloc[:5000], names, nominal)
    return {
        "names": [str(name) for name in names],
        "real": _listed(ours),
        "synthetic": _listed(theirs),
        "left_out": left_out,
    }


def _is_comparable(column: pd.Series) -> bool:
    """Tell whether a column varies, and is not nearly a name for each row."""
    values = column.nunique()
    return bool(is_number(column) or 1 < values < len(column) / 2)


def _is_nominal(column: pd.Series) -> bool:
    """Tell whether a column's values have no order: text or categories with over two levels."""
    import pandas as pd
    from pandas.api import types

    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        return False
    ordered = types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)
    return not ordered and column.nunique() > 2


def _matrix(table: pd.DataFrame, names: list[Any], nominal: list[bool]) -> FloatArray:
    """Give the symmetric matrix of associations; NaN where fewer than 20 rows are filled."""
    codes = [_codes(table[name]) for name in names]
    matrix = np.eye(len(names))
    for i in range(len(names)):
        for j in range(i):
            a, b = codes[i], codes[j]
            both = np.isfinite(a) & np.isfinite(b)
            value = math.nan
            if both.sum() >= 4 * MIN_ROWS:
                value = _association(a[both], b[both], nominal[i], nominal[j])
            matrix[i, j] = matrix[j, i] = value
    return matrix


def _codes(column: pd.Series) -> FloatArray:
    """Give one number per value, in the values' order; NaN where the cell is empty."""
    import pandas as pd
    from pandas.api import types

    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        return column.to_numpy(dtype=float, na_value=math.nan)
    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        codes = column.cat.codes.to_numpy(dtype=float)
    elif types.is_datetime64_any_dtype(column):
        codes = np.where(column.isna(), -1.0, column.rank().to_numpy(dtype=float))
    else:
        text = (
            column.astype(object)
            .where(column.notna(), None)
            .map(lambda value: None if value is None else str(value))
        )
        codes = pd.Categorical(text, categories=sorted(set(text.dropna()))).codes.astype(float)
    return np.where(codes < 0, math.nan, codes)


def _association(a: FloatArray, b: FloatArray, a_nominal: bool, b_nominal: bool) -> float:
    """Measure how two columns go together, by their kinds."""
    if len(np.unique(a)) < 2 or len(np.unique(b)) < 2:
        return math.nan
    if a_nominal and b_nominal:
        return _cramers_v(a, b)
    if a_nominal or b_nominal:
        return _epsilon(b, a) if a_nominal else _epsilon(a, b)
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: FloatArray) -> FloatArray:
    """Give average ranks."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=float)


def _epsilon(values: FloatArray, groups: FloatArray) -> float:
    """Give the root of epsilon squared: the ranks' spread between groups, corrected for chance."""
    ranks = _ranks(values)
    _, place = np.unique(groups, return_inverse=True)
    sizes = np.bincount(place)
    means = np.bincount(place, weights=ranks) / sizes
    total = float(((ranks - ranks.mean()) ** 2).sum())
    eta = float((sizes * (means - ranks.mean()) ** 2).sum()) / total
    n, k = len(ranks), len(sizes)
    return math.sqrt(max(0.0, 1 - (1 - eta) * (n - 1) / max(n - k, 1)))


def _cramers_v(a: FloatArray, b: FloatArray) -> float:
    """Give the bias-corrected Cramér's V of two categories."""
    _, i = np.unique(a, return_inverse=True)
    _, j = np.unique(b, return_inverse=True)
    table = np.zeros((i.max() + 1, j.max() + 1))
    np.add.at(table, (i, j), 1)
    n, (r, c) = table.sum(), table.shape
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    r, c = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return math.sqrt(phi / min(r - 1, c - 1)) if min(r, c) > 1 else 0.0


def _listed(matrix: FloatArray) -> list[list[float | None]]:
    """Give nested lists rounded to three decimals, None for NaN."""
    return [[None if math.isnan(v) else round(float(v), 3) for v in row] for row in matrix]

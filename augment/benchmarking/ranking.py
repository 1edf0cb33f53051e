"""Who comes first: lifts, average ranks, critical difference, paired tests.

A *block* is a data set at one size. Within a block each generator has a lift: the mean over
repeats and classifiers of its score minus that of the real rows alone on the same split with the
same classifier. Data sets, not blocks or cells, are the units of every test: sizes of one data
set share its rows.

References
----------
Demsar, J. (2006). Statistical comparisons of classifiers over multiple data sets. JMLR 7, 1-30
(average ranks, Friedman, Nemenyi's critical difference). Benavoli, A., Corani, G. and Mangili, F.
(2016). Should we really use post-hoc tests based on mean-ranks? JMLR 17 (why the paired tests are
given too). Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from augment.benchmarking.methods import REAL
from augment.evaluation.statistics import LEVEL, corrected_lift, holm

__all__ = ["MEASURES", "Measure", "Ranking", "cell_lifts", "lifts", "rank"]


@dataclasses.dataclass(frozen=True)
class Measure:
    """A metric as readers know it.

    Attributes
    ----------
    name : str
        For headings.
    sign : int
        1 if more is better, -1 if less is.
    points : bool
        Whether changes are given in hundredths.
    """

    name: str
    sign: int = 1
    points: bool = True


MEASURES: dict[str, Measure] = {
    "roc_auc": Measure("AUC"),
    "neg_log_loss": Measure("log loss"),
    "balanced_accuracy": Measure("balanced accuracy"),
    "neg_brier": Measure("Brier score"),
    "kernel_distance": Measure("kernel distance", -1, points=False),
    "frechet_distance": Measure("Fréchet distance", -1, points=False),
    "recall": Measure("recall", points=False),
    "coverage": Measure("coverage", points=False),
    "copy_rate": Measure("copy rate", -1, points=False),
}
"""Scores of classifiers (negative losses, so that more is better), then figures of images."""

_SPLIT = ["dataset", "size", "repeat", "classifier"]
_BLOCK = ["dataset", "size"]


@dataclasses.dataclass(frozen=True)
class Ranking:
    """How generators compare on one metric.

    Attributes
    ----------
    metric : str
    blocks : DataFrame
        Lift of each generator (columns) in each block (rows); more is better. Missing where it
        failed in every repeat.
    ranks : Series
        Mean rank over blocks, best first. A generator that failed in a block is last there.
    critical_difference : float
        Of mean ranks, by Nemenyi's test at 5 %, counting data sets; not a number for fewer than
        two generators.
    friedman_p : float
        That all generators are alike, from mean ranks over data sets.
    summary : DataFrame
        By generator: ``rank``, ``lift`` with ``lower`` and ``upper`` over data sets, ``n_blocks``.
    pairs : DataFrame
        ``first``, ``second``, ``difference`` with ``lower`` and ``upper`` over data sets,
        ``p_value`` (Wilcoxon's signed ranks) and ``p_adjusted`` (Holm).
    """

    metric: str
    blocks: pd.DataFrame
    ranks: pd.Series
    critical_difference: float
    friedman_p: float
    summary: pd.DataFrame
    pairs: pd.DataFrame


def lifts(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Give each score minus that of real rows alone, on the same split with the same classifier.

    Parameters
    ----------
    scores : DataFrame
        As `CellStore.gather` gives it.
    metric : str
        Out of `MEASURES`.

    Returns
    -------
    DataFrame
        Indexed by data set, size, repeat and classifier; a column for each generator, "real"
        (zeros) among them. More is better.
    """
    wide = _wide(scores, metric)
    sign = MEASURES[metric].sign
    return sign * wide.sub(wide[REAL], axis=0)


def _wide(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Give scores with a column for each generator."""
    own = scores[(scores["metric"] == metric) & scores["value"].notna()]
    wide = own.pivot_table(index=_SPLIT, columns="generator", values="value", aggfunc="mean")
    return wide if REAL in wide else wide.assign(**{REAL: np.nan})


def rank(scores: pd.DataFrame, metric: str, generators: Sequence[str]) -> Ranking:
    """Rank generators on the blocks of some scores.

    Parameters
    ----------
    scores : DataFrame
        Of the blocks that count.
    metric : str
        Out of `MEASURES`.
    generators : sequence of str
        Who is ranked; "real" may be among them.

    Returns
    -------
    Ranking
    """
    columns = list(generators)
    blocks = lifts(scores, metric).groupby(_BLOCK).mean().reindex(columns=columns)
    ranked = blocks.rank(axis=1, ascending=False, na_option="bottom")
    ranks = ranked.mean().sort_values(kind="stable")
    by_dataset = blocks.groupby("dataset").mean()
    places = ranked.groupby("dataset").mean()
    rows = []
    for name in ranks.index:
        estimate, lower, upper = _interval(by_dataset[name])
        rows.append(
            {
                "generator": name,
                "rank": ranks[name],
                "lift": estimate,
                "lower": lower,
                "upper": upper,
                "n_blocks": int(blocks[name].notna().sum()),
            }
        )
    return Ranking(
        metric,
        blocks,
        ranks,
        critical_difference(len(columns), len(by_dataset)),
        _friedman(places),
        pd.DataFrame(rows),
        _pairs(by_dataset, list(ranks.index)),
    )


def critical_difference(n_generators: int, n_datasets: int) -> float:
    """Give the difference of mean ranks that Nemenyi's test calls significant at 5 %.

    Examples
    --------
    Table 5 and section 3.2.2 of Demsar (2006): four classifiers on 14 data sets.

    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    if n_generators < 2 or n_datasets < 1:
        return float("nan")
    quantile = stats.studentized_range.ppf(1 - LEVEL, n_generators, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(n_generators * (n_generators + 1) / (6 * n_datasets)))


def _friedman(places: pd.DataFrame) -> float:
    """P-value of Friedman's test, ties counted, from the places on each data set."""
    if places.shape[1] < 3 or len(places) < 2:
        return float("nan")
    if np.ptp(places.to_numpy(), axis=1).max() < 1e-12:
        return 1.0
    return float(stats.friedmanchisquare(*(places[name] for name in places)).pvalue)


def _interval(values: pd.Series) -> tuple[float, float, float]:
    """Give the mean over data sets and its 95 % t interval."""
    known = values.dropna()
    if not len(known):
        return (float("nan"),) * 3
    half = float("nan")
    if len(known) > 1:
        half = float(stats.t.ppf(1 - LEVEL / 2, len(known) - 1) * known.sem())
    mean = float(known.mean())
    return mean, mean - half, mean + half


def _pairs(by_dataset: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Compare every two generators that ran on a data set both, over those data sets."""
    rows: list[dict[str, Any]] = []
    for first, second in itertools.combinations(order, 2):
        difference = (by_dataset[first] - by_dataset[second]).dropna()
        if difference.empty:
            continue
        estimate, lower, upper = _interval(difference)
        rows.append(
            {
                "first": first,
                "second": second,
                "difference": estimate,
                "lower": lower,
                "upper": upper,
                "n_datasets": len(difference),
                "p_value": _wilcoxon(difference.to_numpy()),
            }
        )
    columns = ["first", "second", "difference", "lower", "upper", "n_datasets", "p_value"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(p_adjusted=holm(frame["p_value"].to_numpy(dtype=float)))


def _wilcoxon(difference: np.ndarray) -> float:
    """P-value of Wilcoxon's signed ranks; 1 where nothing differs."""
    moved = difference[np.abs(difference) > 1e-12]
    return float(stats.wilcoxon(moved).pvalue) if len(moved) else 1.0


def _overlap(n_train: pd.Series, n_test: pd.Series) -> pd.Series:
    """Give the term by which repeats are corrected: rows of the smaller side per row of the other.

    Nadeau and Bengio's ``n_test / n_train`` was made for training parts that are the larger side.
    Where the test part is larger, it is the training parts that are nearly disjoint.
    """
    ratio = n_test / n_train
    return ratio.where(ratio <= 1, 1 / ratio)


def cell_lifts(scores: pd.DataFrame, cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Judge every generator in every block: paired interval over repeats, adjusted by Holm.

    Parameters
    ----------
    scores, cells : DataFrame
        As `CellStore.gather` gives them.
    metric : str
        Out of `MEASURES`.

    Returns
    -------
    DataFrame
        ``dataset``, ``size``, ``generator``, ``metric``, ``lift``, ``lower``, ``upper`` (95 %,
        corrected for the overlap of training parts, unadjusted), ``n_repeats``, ``p_value`` and
        ``p_adjusted`` (Holm over all rows).
    """
    per_split = lifts(scores, metric).drop(columns=REAL).groupby(["dataset", "size", "repeat"])
    means = per_split.mean()
    ratio = _overlap(cells["n_train"], cells["n_test"])
    ratios = ratio.groupby([cells["dataset"], cells["size"]]).mean().to_dict()
    rows = []
    for block, frame in means.groupby(_BLOCK):
        for name in frame.columns:
            found = corrected_lift(frame[name].to_numpy(), float(ratios[block]))
            values = frame[name].dropna()
            if not len(values):
                continue
            p = min(float(found.p_above(0.0)), float(found.p_below(0.0)))
            rows.append(
                {
                    "dataset": block[0],
                    "size": block[1],
                    "generator": name,
                    "metric": metric,
                    "lift": float(values.mean()),
                    "lower": float(found.lower),
                    "upper": float(found.upper),
                    "n_repeats": len(values),
                    "p_value": p,
                }
            )
    columns = ["dataset", "size", "generator", "metric", "lift", "lower", "upper", "n_repeats"]
    table = pd.DataFrame(rows, columns=[*columns, "p_value"])
    return table.assign(p_adjusted=holm(table["p_value"].to_numpy(dtype=float)))

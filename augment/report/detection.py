"""The page of a search for anomalies: what was flagged, why, and how the detector compares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augment._errors import InvalidInputError
from augment.report.pages import rendered
from augment.report.style import BLUE, GREY, INK, OCHRE, Drawing, drawing, quiet
from augment.workflow import describe_environment, to_json, to_plain

__all__ = ["render_detection", "summarise_detection"]

FORMAT = 1
KIND = "detection"
_BINS = 30
_MOST_COLUMNS = 12
_LONGEST = 32
_METHODS = (
    "Five clones of {generator} were fitted, each on four fifths of the {n_train} rows that were "
    "taken for normal; the fifth that each did not see shows how unusual normal rows look. A row "
    "is flagged if at most {rate} of {n_units} held-out normal {units} look as unusual (conformal "
    "p-value)."
)
_LIMITS = (
    "A p-value says how rare a row is among normal ones, not how likely it is to be abnormal: a "
    "healthy person may be rare, and an abnormal one ordinary.",
    "Of many normal rows, the stated share is flagged by chance. Look at the smallest p-values "
    "first, and expect false alarms.",
    "The rate holds for new rows that come from where the training rows came from. Another "
    "scanner, laboratory or hospital shifts all scores.",
    "p-values of different rows share one set of held-out rows, so they are not independent.",
)


def summarise_detection(
    *,
    title: str = "What does not belong?",
    subtitle: str = "",
    generator: str,
    n_train: int,
    n_calibration: int,
    units: str,
    rate: float,
    normal_scores: Any,
    scores: Any,
    offset: float,
    flagged: Any,
    top: Sequence[Mapping[str, Any]],
    columns: Mapping[str, float] | None = None,
    comparison: Sequence[Mapping[str, Any]] = (),
    pictures: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Gather everything that the page says, as JSON values.

    Parameters
    ----------
    title, subtitle : str
    generator : str
        Class of the generator.
    n_train, n_calibration : int
        Rows taken for normal; held-out rows or patients behind a p-value.
    units : str
        What `n_calibration` counts.
    rate : float
        The false-positive rate that was asked for.
    normal_scores, scores : array-like
        Scores of held-out normal rows, and of the new rows; higher is more normal.
    offset : float
        The threshold.
    flagged : array-like of bool
        New rows that are flagged.
    top : sequence of mapping
        The most unusual rows: ``row``, ``p``, ``flagged``, ``why``.
    columns : mapping, optional
        For each column the share of flagged rows in which it is farthest out.
    comparison : sequence of mapping, optional
        Rows of `augment.evaluation.detection.compare_detectors`.
    pictures : sequence of mapping, optional
        ``png`` (base64), ``width``, ``height``, ``caption``.
    settings, environment : mapping, optional

    Returns
    -------
    dict
        JSON values only: the input of `render_detection`.
    """
    normal, new = (np.asarray(part, np.float64) for part in (normal_scores, scores))
    low, high = np.quantile(np.concatenate([normal, new]), [0.005, 1.0])
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    shares = [np.histogram(np.maximum(part, low), edges)[0] / len(part) for part in (normal, new)]
    plain: dict[str, Any] = to_plain(
        {
            "format": FORMAT,
            "kind": KIND,
            "title": title,
            "subtitle": subtitle,
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "generator": generator,
            "n_train": n_train,
            "n_new": len(new),
            "n_flagged": int(np.sum(flagged)),
            "n_calibration": n_calibration,
            "units": units,
            "rate": rate,
            "offset": offset,
            "histogram": {"edges": edges, "normal": shares[0], "new": shares[1]},
            "top": list(top),
            "columns": dict(columns or {}),
            "comparison": list(comparison),
            "pictures": list(pictures),
            "settings": settings or {},
            "environment": describe_environment() if environment is None else environment,
        }
    )
    return plain


def render_detection(summary: Mapping[str, Any]) -> str:
    """Render the page.

    Parameters
    ----------
    summary : mapping
        From `summarise_detection`, or read back from ``report.json``.

    Returns
    -------
    str
        One HTML document that needs no other file, no network and no script.

    Raises
    ------
    InvalidInputError
        If the mapping is none of ours.
    """
    if summary.get("kind") != KIND or summary.get("format") != FORMAT:
        raise InvalidInputError(
            f"Expected a report on anomalies of format {FORMAT}; found "
            f"{summary.get('kind')!r} of format {summary.get('format')!r}."
        )
    return rendered(
        "detection.html.j2",
        report=summary,
        v=_view(summary),
        card=to_json(_card(summary)),
    )


def _view(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Prepare texts and figures."""
    rate, n_new = summary["rate"], summary["n_new"]
    return {
        "expected": f"{rate * n_new:.0f}",
        "rate": f"{100 * rate:g} %",
        "smallest": f"{1 / (summary['n_calibration'] + 1):.3g}",
        "scores": _score_figure(summary),
        "columns": _column_figure(summary["columns"]) if summary["columns"] else None,
        "winner": winner(summary["comparison"]),
        "methods": _METHODS.format(
            generator=summary["generator"],
            n_train=summary["n_train"],
            rate=f"{100 * rate:g} %",
            n_units=summary["n_calibration"],
            units=summary["units"],
        ),
        "limits": _LIMITS,
    }


def winner(comparison: Sequence[Mapping[str, Any]]) -> str:
    """Say which detector tells the labelled rows apart best; empty without a comparison.

    Examples
    --------
    >>> lines = [{"detector": "PCA", "kind": "baseline", "auroc": 0.9, "difference": -0.1,
    ...           "difference_lower": -0.2, "difference_upper": -0.02},
    ...          {"detector": "ReconstructionDetector", "kind": "own", "auroc": 0.8}]
    >>> winner(lines).split(":")[0]
    'A simple detector wins on the labelled rows'
    """
    if not comparison:
        return ""
    own = next(row for row in comparison if row["kind"] == "own")
    best = max((r for r in comparison if r["kind"] != "own"), key=lambda row: float(row["auroc"]))
    interval = (
        f"difference {best['difference']:.3f}, 95 % interval {best['difference_lower']:.3f} to "
        f"{best['difference_upper']:.3f}"
    )
    if best["auroc"] >= own["auroc"]:
        what = "A trivial confound" if best["kind"] == "confound" else "A simple detector"
        if not best["difference_upper"] < 0:
            return (
                f"{what} is as good on the labelled rows: {best['detector']}, ROC AUC "
                f"{best['auroc']:.3f}, against {own['auroc']:.3f} of the {own['detector']} "
                f"({interval}): no clear winner."
            )
        return (
            f"{what} wins on the labelled rows: {best['detector']}, ROC AUC {best['auroc']:.3f}, "
            f"against {own['auroc']:.3f} of the {own['detector']} ({interval}). Consider using it "
            "instead."
        )
    return (
        f"On the labelled rows the {own['detector']} is first with ROC AUC {own['auroc']:.3f}; "
        f"next is {best['detector']} with {best['auroc']:.3f} ({interval})."
    )


def _score_figure(summary: Mapping[str, Any]) -> Drawing:
    """Draw the scores of new rows over those of held-out normal ones."""
    found, edges = summary["histogram"], np.array(summary["histogram"]["edges"])
    words = (
        f"{summary['n_flagged']} of {summary['n_new']} new rows lie below the threshold. Rows far "
        "to the left are drawn at the edge."
    )
    with drawing(
        "scores", "Scores of held-out normal and of new rows", words, width=6, height=2.8
    ) as (
        result,
        ax,
    ):
        normal, new = (100 * np.array(found[name]) for name in ("normal", "new"))
        ax.stairs(normal, edges, fill=True, color=GREY, alpha=0.34, label="Held-out normal")
        ax.stairs(new, edges, color=BLUE, linewidth=1.8, label="New")
        if summary["offset"] is not None:
            ax.axvline(summary["offset"], color=OCHRE, linestyle="--", linewidth=1.2)
            ax.annotate(
                "flagged ", (summary["offset"], ax.get_ylim()[1]), ha="right", va="top", color=INK
            )
        ax.set_xlabel("Score (higher is more normal)")
        ax.set_ylabel("Share, %")
        ax.legend(loc="upper left")
        quiet(ax, grid="y")
    return result


def _column_figure(columns: Mapping[str, float]) -> Drawing:
    """Draw how often each column is the farthest out among flagged rows."""
    shown = sorted(columns.items(), key=lambda item: item[1])[-_MOST_COLUMNS:]
    words = f"{shown[-1][0]} is named most often: in {100 * shown[-1][1]:.0f} % of flagged rows."
    with drawing(
        "columns", "Column farthest out", words, width=5, height=0.7 + 0.24 * len(shown)
    ) as (result, ax):
        ax.barh(range(len(shown)), [100 * share for _, share in shown], color=BLUE)
        short = [name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…" for name, _ in shown]
        ax.set_yticks(range(len(shown)), short)
        ax.set_xlabel("Share of flagged rows, %")
        quiet(ax, grid="x")
    return result


def _card(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Give the figures that matter, for machines."""
    keys = ["title", "subtitle", "date", "generator", "n_train", "n_new", "n_flagged"]
    keys += ["n_calibration", "units", "rate", "offset", "comparison"]
    return {key: summary[key] for key in keys}

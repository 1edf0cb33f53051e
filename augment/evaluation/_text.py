"""Results in words: the verdict table that the command line and notebooks print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augment.evaluation._plain_table import aligned

if TYPE_CHECKING:
    from augment.evaluation.results import LiftResult

__all__ = ["DECIDING", "interval_text", "lift_headline", "lift_table"]

# The two metrics that decide, in the order in which they are printed.
DECIDING = ("roc_auc", "neg_log_loss")


def interval_text(lift: float, lower: float, upper: float) -> str:
    """Write a lift with its interval.

    Examples
    --------
    >>> interval_text(0.0123, -0.001, 0.0256)
    '+0.012 [-0.001, +0.026]'
    """
    return f"{lift:+.3f} [{lower:+.3f}, {upper:+.3f}]"


def _overall(result: LiftResult) -> dict[str, Any]:
    """Give the line of the mean over estimators in the form of a line of `by_estimator`."""
    table, (arm, reference) = result.comparisons, judged_arms(result)
    if len(table):
        here = (table["arm"] == arm) & (table["reference"] == reference)
        rows = table[here & (table["estimator"] == "all")]
    else:
        rows = result.summary.query("estimator == 'all' and arm == @arm")
    line: dict[str, Any] = {"estimator": "all (mean)", "verdict": result.verdict}
    for record in rows.to_dict("records"):
        for part in ("lift", "lower", "upper"):
            line[f"{part}_{record['metric']}"] = record[part]
    return line


def judged_arms(result: LiftResult) -> tuple[str, str]:
    """Name the arm that the verdict is about, and the one that it is compared with."""
    roles = result.settings.get("roles", {})
    return roles.get("judged", "augmented"), roles.get("reference", "real")


def _cell(line: dict[str, Any], metric: str) -> str:
    return interval_text(*(line[f"{part}_{metric}"] for part in ("lift", "lower", "upper")))


def lift_headline(result: LiftResult) -> str:
    """Write verdict and overall lifts in one line."""
    line = _overall(result)
    lifts = ", ".join(f"{metric}={_cell(line, metric)}" for metric in DECIDING)
    return f"verdict={result.verdict!r}, {lifts}"


def lift_table(result: LiftResult) -> str:
    """Write the verdicts as a table: a line per estimator, then the overall one and its reason.

    Parameters
    ----------
    result : LiftResult
        What to print.

    Returns
    -------
    str
        Several lines, without a trailing newline. Lifts are augmented minus real only, or what
        the first line says; above zero is better for both metrics.
    """
    lines: list[dict[str, Any]] = [
        {str(key): value for key, value in line.items()}
        for line in result.by_estimator.to_dict("records")
    ]
    lines.append(_overall(result))
    head = ["estimator", "verdict", "AUC lift [95 %]", "log loss lift [95 %]"]
    arm, reference = judged_arms(result)
    cells = [
        [str(line["estimator"]), str(line["verdict"]), *(_cell(line, m) for m in DECIDING)]
        for line in lines
    ]
    *rows, rule = aligned([head, *cells])
    compared = [] if reference == "real" else [f"Lift of {arm!r} over {reference!r}:", ""]
    text = [
        *compared,
        rows[0],
        rule,
        *rows[1:-1],
        rule,
        rows[-1],
        "Above 0 is better, for log loss too.",
        "",
        f"Verdict: {result.verdict}. {result.reason}",
    ]
    unit = result.settings.get("unit", "row")
    if result.equivalent_rows is not None:
        text.append(f"Synthetic {unit}s worth: {result.equivalent_rows.text}.")
    if result.external is not None:
        external = result.external
        text.append(
            f"External test ({external.n_test} {unit}s): {external.verdict}. {external.reason}"
        )
    text.extend(f"Note: {note}" for note in result.notes)
    return "\n".join(text)

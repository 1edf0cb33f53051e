"""Results in, one self-contained page out: compute a plain dictionary once, then render it.

The dictionary holds JSON values only and no row of any patient, so it can be stored beside the
page and rendered again without the data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from augment._errors import InvalidInputError
from augment.report.columns import compare_columns, compare_dependence
from augment.report.fidelity import fidelity_card, records, summarise_fidelity
from augment.report.history import history_panels
from augment.report.lifts import overall_lifts
from augment.report.pages import rendered
from augment.report.paragraphs import limits, methods
from augment.report.privacy import privacy_card, summarise_privacy
from augment.report.view import study_view
from augment.report.words import NOT_MEASURED, plural
from augment.workflow import describe_environment, to_json, to_plain

if TYPE_CHECKING:
    import pandas as pd

    from augment.evaluation.fidelity import FidelityResult
    from augment.evaluation.privacy import PrivacyResult
    from augment.evaluation.results import LiftResult

__all__ = [
    "build_lift_report",
    "render_report",
    "report_card",
    "summarise_report",
    "summarise_study",
]

FORMAT = 1
_ROLES = {"judged": "augmented", "reference": "real"}
# What a ``report.json`` of an earlier version lacks.
_ABSENT: dict[str, Any] = {
    "unit": "row",
    "comparisons": [],
    "roles": _ROLES,
    "fidelity": None,
    "privacy": None,
    "images": None,
}
_PROTOCOL = ["n_rows", "n_columns", "classes", "n_splits", "n_repeats", "ratio_rule", "rope"]
_PROTOCOL += ["random_state", "generator_params"]


def build_lift_report(
    result: LiftResult,
    *,
    title: str = "Do synthetic rows help?",
    real: pd.DataFrame | None = None,
    synthetic: pd.DataFrame | None = None,
    target: str | None = None,
    history: pd.DataFrame | None = None,
) -> str:
    """Build the page of one evaluation.

    Parameters
    ----------
    result : LiftResult
        What `augment.evaluate_lift` returned.
    title : str
        The heading of the page.
    real, synthetic : DataFrame, optional
        Rows to compare column by column, target included. Only aggregates reach the page.
    target : str, optional
        The name of the target's column.
    history : DataFrame, optional
        ``history_`` of the fitted generator.

    Returns
    -------
    str
        One HTML document that needs no other file, no network and no script.

    Examples
    --------
    >>> import augment
    >>> html = augment.report.build_lift_report(result)      # doctest: +SKIP
    """
    study = summarise_study(result, real=real, synthetic=synthetic, target=target, history=history)
    return render_report(summarise_report([study], title=title))


def summarise_study(
    result: LiftResult | None,
    *,
    name: str | None = None,
    real: pd.DataFrame | None = None,
    synthetic: pd.DataFrame | None = None,
    target: str | None = None,
    history: pd.DataFrame | None = None,
    fidelity: FidelityResult | None = None,
    privacy: PrivacyResult | None = None,
    train_rows: Sequence[int] | None = None,
    images: Mapping[str, Any] | None = None,
    unit: str = "row",
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Gather what the page says of one generator.

    Parameters
    ----------
    result : LiftResult or None
        The evaluation; None if it was not part of the run.
    name : str, optional
        How to call the generator; its class by default.
    real, synthetic, target, history
        As for `build_lift_report`.
    fidelity : FidelityResult, optional
        What `augment.evaluate_fidelity` returned.
    privacy : PrivacyResult, optional
        What `augment.evaluate_privacy` returned. Numbers of rows reach the page, no values.
    train_rows : sequence of int, optional
        The position in the whole table of each row of the training part of `privacy`.
    images : mapping, optional
        From `augment.report.image_section`.
    unit : {"row", "slice", "image"}
        What one synthetic thing is called.
    notes : sequence of str
        What a careful reader should know besides.

    Returns
    -------
    dict
        JSON values only; of the tables only aggregates.

    Raises
    ------
    InvalidInputError
        If `unit` is unknown, or `train_rows` does not fit.
    """
    plural(unit)
    settings = {} if result is None else result.settings
    study = {
        "name": name or str(settings.get("generator", "Generator")).split("(")[0],
        "unit": unit,
        **_lift(result),
        "settings": settings,
        "target": target,
        "columns": [],
        "dependence": None,
        "n_synthetic_shown": None if synthetic is None else len(synthetic),
        "history": [] if history is None else history_panels(history),
        "fidelity": None if fidelity is None else summarise_fidelity(fidelity),
        "privacy": None if privacy is None else summarise_privacy(privacy, train_rows),
        "images": images,
    }
    if real is not None and synthetic is not None:
        study["columns"] = compare_columns(real, synthetic[list(real.columns)])
        study["dependence"] = compare_dependence(real, synthetic, keep=target)
    study["notes"] = [*study["notes"], *notes]
    plain: dict[str, Any] = to_plain(study)
    return plain


def _lift(result: LiftResult | None) -> dict[str, Any]:
    """Gather what the comparison of classifiers gave."""
    if result is None:
        nothing: dict[str, Any] = {
            "summary": [],
            "by_estimator": [],
            "comparisons": [],
            "calibration": [],
            "notes": [],
        }
        none: dict[str, Any] = {
            "smallest_detectable_lift": {},
            "equivalent_rows": None,
            "external": None,
            "roles": _ROLES,
        }
        return {"verdict": NOT_MEASURED, "reason": "", **nothing, **none}
    worth, external = result.equivalent_rows, result.external
    return {
        "verdict": result.verdict,
        "reason": result.reason,
        "summary": records(result.summary),
        "by_estimator": records(result.by_estimator),
        "comparisons": records(result.comparisons),
        "roles": {**_ROLES, **result.settings.get("roles", {})},
        "smallest_detectable_lift": result.smallest_detectable_lift,
        "equivalent_rows": worth
        and {
            "m": worth.m,
            "metric": worth.metric,
            "estimate": worth.estimate,
            "lower": worth.lower,
            "upper": worth.upper,
            "text": worth.text,
            "curve": records(worth.curve),
            "by_metric": records(worth.by_metric),
        },
        "calibration": records(result.calibration),
        "external": external
        and {
            "verdict": external.verdict,
            "reason": external.reason,
            "n_test": external.n_test,
            "summary": records(external.summary),
        },
        "notes": list(result.notes),
    }


def summarise_report(
    studies: Sequence[Mapping[str, Any]],
    *,
    title: str = "Do synthetic rows help?",
    subtitle: str = "",
    settings: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Gather everything that the page says.

    Parameters
    ----------
    studies : sequence of dict
        One per generator, from `summarise_study`.
    title, subtitle : str
        The heading and the line under it.
    settings : mapping, optional
        The settings of the run.
    environment : mapping, optional
        As `augment.workflow.describe_environment` gives it, which is the default.

    Returns
    -------
    dict
        JSON values only: the input of `render_report`.
    """
    if not studies:
        raise InvalidInputError("A report needs at least one study; found none.")
    environment = describe_environment() if environment is None else environment
    full = [
        {**study, "methods": methods(study["name"], study, environment), "limits": limits(study)}
        for study in studies
    ]
    plain: dict[str, Any] = to_plain(
        {
            "format": FORMAT,
            "title": title,
            "subtitle": subtitle,
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "studies": full,
            "settings": settings or {},
            "environment": environment,
        }
    )
    return plain


def report_card(report: Mapping[str, Any]) -> dict[str, Any]:
    """Give the figures that matter, for machines: what ``metrics.json`` holds.

    Parameters
    ----------
    report : mapping
        From `summarise_report`.

    Returns
    -------
    dict
        JSON values only.
    """
    return {
        "title": report["title"],
        "subject": report["subtitle"],
        "date": report["date"],
        "augment": report["environment"].get("augment"),
        "studies": [_study_card(study) for study in report["studies"]],
    }


def _study_card(study: Mapping[str, Any]) -> dict[str, Any]:
    """Give the figures that matter of one study."""
    s, worth, external = study["settings"], study["equivalent_rows"], study["external"]
    keys = ("m", "metric", "estimate", "lower", "upper", "text")
    return {
        "generator": study["name"],
        "verdict": study["verdict"],
        "reason": study["reason"],
        "lift": overall_lifts(study),
        "smallest_detectable_lift": study["smallest_detectable_lift"],
        "equivalent_rows": worth and {key: worth[key] for key in keys},
        "by_estimator": {row["estimator"]: row["verdict"] for row in study["by_estimator"]},
        "external": external
        and {
            "verdict": external["verdict"],
            "n_test": external["n_test"],
            "lift": overall_lifts({**study, "comparisons": [], **external}),
        },
        "fidelity": study["fidelity"] and fidelity_card(study["fidelity"]),
        "privacy": study["privacy"] and privacy_card(study["privacy"]),
        "protocol": {key: s.get(key) for key in _PROTOCOL},
        "notes": study["notes"],
    }


def render_report(report: Mapping[str, Any]) -> str:
    """Render the page.

    Parameters
    ----------
    report : mapping
        From `summarise_report`, or read back from ``report.json``.

    Returns
    -------
    str
        One HTML document.

    Raises
    ------
    InvalidInputError
        If the dictionary is not one of ours, or is newer than this version can read.
    """
    if report.get("format") != FORMAT:
        raise InvalidInputError(
            f"Expected a report of format {FORMAT}; found {report.get('format')!r}. "
            "Render it with the version of Augment that wrote it."
        )
    report = {**report, "studies": [{**_ABSENT, **study} for study in report["studies"]]}
    views = [study_view(study, f"s{i}") for i, study in enumerate(report["studies"])]
    return rendered(
        "report.html.j2",
        report=report,
        views=views,
        card=to_json(report_card(report)),
        n_patient_pictures=sum(v["n_patient_pictures"] for v in views),
    )

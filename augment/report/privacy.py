"""Privacy in the report: from the result to JSON values, and from these to what is printed.

Positions of rows and figures reach the page; no value of any row does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from augment._errors import InvalidInputError
from augment.report.fidelity import records
from augment.report.privacy_words import privacy_explained, privacy_words
from augment.report.trust_figures import attack_figure

if TYPE_CHECKING:
    from augment.evaluation.privacy import PrivacyResult

__all__ = ["privacy_card", "privacy_view", "summarise_privacy"]

_MOST_EXPOSED = 10
_SETTINGS = ("n_train", "n_synthetic", "n_holdout", "n_audit_fits", "copy_level", "seed")


def summarise_privacy(
    result: PrivacyResult, train_rows: Sequence[int] | None = None
) -> dict[str, Any]:
    """Gather what the page says of privacy.

    Parameters
    ----------
    result : PrivacyResult
        What `augment.evaluate_privacy` returned.
    train_rows : sequence of int, optional
        The position in the whole table of each training row, so that the page names rows as the
        user knows them; by default their position in the training part.

    Returns
    -------
    dict
        Counts, figures and row numbers, the first row being 1.

    Raises
    ------
    InvalidInputError
        If `train_rows` has another length than the training part.
    """
    exposed = result.exposed
    places = np.arange(len(exposed)) if train_rows is None else np.asarray(train_rows)
    if places.shape != (len(exposed),):
        raise InvalidInputError(
            f"train_rows must give the position of each of the {len(exposed)} training rows; "
            f"found shape {places.shape}."
        )
    copies = result.copies
    shown = exposed.head(_MOST_EXPOSED)
    shown = shown.assign(row=places[shown["row"].to_numpy(dtype=int)] + 1)
    return {
        "verdict": result.verdict,
        "reason": result.reason,
        "n_copied": int(copies["beyond_chance"].sum()),
        "n_exact": int((copies["beyond_chance"] & copies["exact"]).sum()),
        "n_changed": int(copies["changed"].sum()),
        "n_perhaps": int((copies["copied"] & ~copies["beyond_chance"]).sum()),
        "n_copied_rows": int((exposed["n_copies"] > 0).sum()),
        "attacks": records(result.attacks),
        "strongest": result.strongest,
        "nearest": result.nearest,
        "exposed": records(shown),
        "in_table": train_rows is not None,
        "settings": {name: result.settings[name] for name in _SETTINGS if name in result.settings},
        "notes": list(result.notes),
    }


def privacy_card(privacy: Mapping[str, Any]) -> dict[str, Any]:
    """Give the figures that matter, for the card."""
    parts = ["verdict", "reason", "n_copied", "n_exact", "n_changed", "n_perhaps"]
    parts += ["nearest", "strongest", "attacks", "notes"]
    sizes = ("n_train", "n_synthetic", "n_holdout", "n_audit_fits")
    return {
        **{part: privacy[part] for part in parts},
        **{name: privacy["settings"].get(name) for name in sizes},
    }


def privacy_view(privacy: Mapping[str, Any], key: str, unit: str) -> dict[str, Any]:
    """Prepare the section for the template.

    Parameters
    ----------
    privacy : mapping
        From `summarise_privacy`.
    key : str
        Prefixes every identifier.
    unit : str
        "row", "slice" or "image".

    Returns
    -------
    dict
        Texts, table rows and a drawing.
    """
    s = privacy["settings"]
    refitted = bool(s.get("n_audit_fits"))
    return {
        **privacy,
        **{name: s.get(name) for name in ("n_train", "n_synthetic", "n_holdout", "n_audit_fits")},
        "by_chance": _by_chance(s),
        "nearness": _nearness(privacy["nearest"]),
        "words": privacy_words(privacy["verdict"], unit),
        "figure": attack_figure(f"{key}-attacks", privacy["attacks"]),
        "lines": [_attack(line) for line in privacy["attacks"]],
        "refitted": refitted,
        "rows": [_exposed(line) for line in privacy["exposed"]],
        "explained": privacy_explained(unit, refitted=refitted),
    }


def _by_chance(settings: Mapping[str, Any]) -> str:
    """Write how many copies chance alone gives at most."""
    level, n = settings.get("copy_level"), settings.get("n_synthetic")
    return "few" if level is None or n is None else f"{level * n:.2g}"


def _nearness(nearest: Mapping[str, float]) -> str:
    """Write how many synthetic rows are nearest to a training row."""
    share, expected = (f"{100 * nearest[name]:.0f} %" for name in ("share", "expected"))
    return f"{share}; {expected} by chance (p {_p(nearest['p_value'])})"


def _attack(line: Mapping[str, Any]) -> dict[str, Any]:
    """Write one attack's line of the table."""
    return {
        "name": str(line["attack"]),
        "strongest": line["strongest"],
        "auc": f"{line['auc']:.2f}",
        "interval": f"{line['lower']:.2f} to {line['upper']:.2f}",
        "found": f"{100 * line['tpr']:.0f} %",
        "accused": f"{100 * line['fpr']:.0f} %",
        "p": _p(line["p_value"]),
    }


def _exposed(line: Mapping[str, Any]) -> dict[str, str]:
    """Write one training row's line of the table."""
    near = line.get("times_nearer")
    return {
        "row": str(line["row"]),
        "copies": str(line["n_copies"]),
        "attack": _p(line["attack_p_value"]),
        "nearer": "n/a" if _missing(near) else f"{near:.2f}",
        "p": _p(line.get("exposed_p_value")),
    }


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _p(value: float | None) -> str:
    """Write a p-value."""
    if value is None or math.isnan(value):
        return "n/a"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"

"""The rule of the privacy verdict: what counts as found, and from where on it matters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from augment.evaluation._plain_table import records
from augment.evaluation._privacy_copies import Copies

__all__ = [
    "AUDIT",
    "LEAK_LEVEL",
    "MATERIAL_AUC",
    "MATERIAL_AUDIT_AUC",
    "NEARNESS_LEVEL",
    "VERY_NEAR",
    "is_material",
    "judge",
]

AUDIT = "refits on halves"
LEAK_LEVEL, NEARNESS_LEVEL = 0.02, 0.005
"""The chance of the attacks, and of the test of all rows, to find a leak where there is none."""
MATERIAL_AUC = 0.6
"""Of an attack on the rows. Told "in or out" for one patient at even odds, an attacker with this
AUC is right 57 times in 100, and finds 10 % of the patients while it accuses 5 % of the others."""
MATERIAL_AUDIT_AUC = 0.7
"""Of the attack by refits: right 64 times in 100. It knows the generator and fits it on halves, so
that every law estimated from few rows shows; differential privacy with epsilon 1 bounds the AUC
by 0.73."""
VERY_NEAR = 0.05
"""A row is very near to a training row if so few fresh rows are as near."""
_MATERIAL_SHARE, _TIMES_VERY_NEAR = 0.7, 2


def is_material(auc: Any, tpr: Any, fpr: Any, level: float) -> Any:
    """Say whether an attack is as good as one with this AUC, by its AUC or by what it finds.

    The share found is compared with that of normal scores of equal spread and this AUC. An attack
    that accuses everybody (``fpr`` 1) finds nobody.

    Examples
    --------
    >>> is_material([0.62, 0.55, 0.55, 0.5], [0.06, 0.08, 0.12, 1], [0.05, 0.05, 0.05, 1], 0.6)
    array([ True, False,  True, False])
    """
    apart = np.sqrt(2) * stats.norm.ppf(level)
    found = stats.norm.cdf(stats.norm.ppf(fpr) + apart)
    finds = (np.asarray(tpr) >= found) & (np.asarray(fpr) < 1)
    return np.logical_or(np.asarray(auc) >= level, finds)[()]


def judge(
    copies: Copies,
    attacks: pd.DataFrame,
    strongest: dict[str, Any],
    nearest: dict[str, float],
    n_train: int,
) -> tuple[str, str]:
    """Apply the rule that `evaluate_privacy` states, and say why."""
    leak = _leak(attacks[attacks["material"]], nearest, material=True)
    if copies.n_evident:
        exact = f", {copies.n_exact} of them exactly" if copies.n_exact else ""
        if copies.n_changed:
            exact += f", {copies.n_changed} of them moved, turned, mirrored or in other contrast"
        text = (
            f"{copies.n_evident} of {len(copies.table)} synthetic rows repeat a training row more "
            f"closely than chance explains{exact}."
        )
        return "copies found", f"{text} {leak}".strip()
    if leak:
        return "memorisation found", leak
    lean = _leak(attacks[attacks["p_value"] <= LEAK_LEVEL], nearest, material=False)
    if lean:
        lean = (
            f" The rows lean on the training rows, as rows of any law that was fitted on few rows "
            f"do, and less than what is called memorisation: {lean[0].lower()}{lean[1:]}"
        )
    return (
        "nothing found at this size",
        f"No copies that chance does not explain, and the strongest attack on {n_train} training "
        "rows has an AUC of "
        "{auc:.2f} [{lower:.2f}, {upper:.2f}], where 0.5 is guessing. Less than that cannot be "
        "seen with so few rows.".format(**strongest)
        + lean,
    )


def _leak(attacks: pd.DataFrame, nearest: dict[str, float], *, material: bool) -> str:
    """Put the best of these attacks into words, or else the nearness of all rows, or nothing."""
    if len(attacks):
        line = max(records(attacks), key=lambda line: float(line["auc"]))
        return (
            f"An attack ({line['attack']}) tells training rows from rows of other patients with an "
            f"AUC of {line['auc']:.2f}{_accusation(line)}."
        )
    if nearest["p_value"] > NEARNESS_LEVEL or (material and not _much_nearer(nearest)):
        return ""
    return (
        "Synthetic rows lie nearer to training rows than chance explains: {share:.0%} are "
        "nearest to one, where {expected:.0%} would be by chance, and {very_near:.0%} lie very "
        "near to one, where {level:.0%} would."
    ).format(**nearest, level=VERY_NEAR)


def _accusation(line: dict[str, Any]) -> str:
    """Say how many an attack finds; with few patients it may accuse all of them."""
    if line["fpr"] >= 1:
        return ""
    return f", and finds {line['tpr']:.0%} of them while it accuses {line['fpr']:.0%} of the others"


def _much_nearer(nearest: dict[str, float]) -> bool:
    """Say whether many rows are nearest to a training row, or some are very near."""
    return (
        nearest["balanced_share"] >= _MATERIAL_SHARE
        or nearest["very_near"] >= _TIMES_VERY_NEAR * VERY_NEAR
    )

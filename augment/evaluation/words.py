"""Why a verdict was reached, in one plain sentence."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from augment.evaluation.roles import CLASSICAL, Roles
from augment.evaluation.statistics import Lift

if TYPE_CHECKING:
    from augment.evaluation.results import LiftResult

__all__ = ["of_images", "reason"]

_NAMES = ("ROC AUC", "log loss")

Pair = tuple[Lift, Lift]


def _moved(k: int, lift: Lift) -> str:
    """Say how a metric moved, in its own direction: log loss falls when it gets better."""
    change, low, high = float(lift.estimate), float(lift.lower), float(lift.upper)
    better = ""
    if _NAMES[k] == "log loss":
        change, low, high, better = -change, -high, -low, "; lower is better"
    shown = [f"{value:+.3f}".replace("-0.000", "+0.000") for value in (change, low, high)]
    return f"{_NAMES[k]} changed by {shown[0]} (95 % interval {shown[1]} to {shown[2]}{better})"


def _ahead(lifts: Pair, ropes: tuple[float, float]) -> int | None:
    """Position of a metric that is above 0 while the other is within tolerance."""
    for k in (0, 1):
        if lifts[k].lower > 0 and lifts[1 - k].lower > -ropes[1 - k]:
            return k
    return None


def _helps(real: Pair, ropes: tuple[float, float]) -> str:
    k = _ahead(real, ropes) or 0
    other = 1 - k
    if real[other].lower > 0:
        both = f"{_moved(k, real[k])} and {_moved(other, real[other])}"
        return f"{both}; the synthetic rows also beat plain copies of the real ones."
    return (
        f"{_moved(k, real[k])} and {_NAMES[other]} is not worse beyond its tolerance of "
        f"{ropes[other]:g}; the synthetic rows also beat plain copies of the real ones."
    )


def _harms(real: Pair, ropes: tuple[float, float]) -> str:
    worse = [k for k in (0, 1) if real[k].upper < -ropes[k]]
    k = worse[0] if worse else 0
    return f"{_moved(k, real[k])}, which is worse than the tolerance of {ropes[k]:g}."


def _no_evidence(real: Pair, copies: Pair | None, ropes: tuple[float, float]) -> str:
    k = _ahead(real, ropes)
    if k is not None and copies is None:
        return (
            f"{_moved(k, real[k])}, but no arm of plain copies ran, without which the verdict "
            "'helps' is not given."
        )
    if k is not None:
        return f"{_moved(k, real[k])}, but plain copies of the real rows did about as well."
    for k in (0, 1):
        if real[k].lower > 0:
            other = 1 - k
            return (
                f"{_moved(k, real[k])}, but {_NAMES[other]} may be worse than its tolerance of "
                f"{ropes[other]:g}: {_moved(other, real[other])}."
            )
    return (
        f"{_moved(0, real[0])} and {_moved(1, real[1])}: neither is clearly better; this study "
        f"would have found a ROC AUC lift of {float(real[0].smallest_detectable):.3f} four times "
        "in five."
    )


def reason(
    verdict: str, real: Pair, copies: Pair | None, ropes: tuple[float, float], roles: Roles
) -> str:
    """Explain a verdict.

    Parameters
    ----------
    verdict : str
        What the rule said.
    real, copies : tuple of two Lift, or None
        The arm in question minus its reference, and minus copies, by ROC AUC and log loss.
    ropes : tuple of two float
        Tolerances.
    roles : Roles
        Which arms these are.

    Returns
    -------
    str
        One sentence.
    """
    if verdict == "helps":
        text = _helps(real, ropes)
    elif verdict == "harms":
        text = _harms(real, ropes)
    elif verdict == "equivalent":
        text = (
            f"{_moved(0, real[0])} and {_moved(1, real[1])}: both intervals lie inside the "
            f"tolerances ({ropes[0]:g} and {ropes[1]:g})."
        )
    else:
        text = _no_evidence(real, copies, ropes)
    if roles.reference == CLASSICAL:
        return f"On top of classical augmentation, {text}"
    return text[0].upper() + text[1:]


def of_images(result: LiftResult) -> LiftResult:
    """Say "images" where the sentences of a result say "rows"."""
    equivalent, external = result.equivalent_rows, result.external
    if equivalent is not None:
        equivalent = dataclasses.replace(equivalent, text=_as_images(equivalent.text))
    if external is not None:
        external = dataclasses.replace(external, reason=_as_images(external.reason))
    return dataclasses.replace(
        result,
        reason=_as_images(result.reason),
        equivalent_rows=equivalent,
        external=external,
    )


def _as_images(text: str) -> str:
    return text.replace("rows", "images").replace("real ones", "real images")

"""What the figures of privacy show, and what they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augment.report.words import fill, plural

__all__ = ["privacy_explained", "privacy_limits", "privacy_methods", "privacy_words"]

_PRIVACY: dict[str, dict[str, str]] = {
    "copies found": {
        "mark": "!",
        "headline": "Copies of training {rows} were found.",
        "means": "Some synthetic {rows} repeat a patient’s {row} more closely than chance "
        "explains. Whoever gets them gets these patients. Do not pass them on.",
        "not": "That the others are harmless. Leaving the copies out takes away what was found, "
        "and no more.",
    },
    "memorisation found": {
        "mark": "!",
        "headline": "The synthetic {rows} tell something of who was in the training data.",
        "means": "No single {row} is a copy, yet together they follow the training {rows} more "
        "closely than chance explains. Somebody who knows a patient’s {row} may tell better than "
        "by guessing whether that patient was among the training data.",
        "not": "That anybody’s values can be read off. How much is given away is in the figures.",
    },
    "nothing found at this size": {
        "mark": "○",
        "headline": "No copies beyond chance and no memorisation were found, as far as these data "
        "can show.",
        "means": "No attack on the synthetic {rows} did much better than guessing; how much it "
        "may have missed is in the intervals. What every fitted law gives away of few {rows} is "
        "told with its figures.",
        "not": "That the {rows} are anonymous. Few {rows} show large leaks only, and a stronger "
        "attack may exist. Whether data may be passed on is for whoever answers for the patients "
        "to decide.",
    },
}

_EXPLAINED: tuple[tuple[str, str, str], ...] = (
    (
        "Copies",
        "how many synthetic {rows} lie so much nearer to a training {row} than to any held-out "
        "one, or repeat its values where this is unlikely, that chance explains no more than a "
        "few in a thousand. Those that are equal to a training {row} and to no held-out one, as "
        "chance makes them where columns have few values, are counted apart as perhaps copies.",
        "what can be learned without a copy. Distance to the nearest {row} is a check for copies "
        "and no measure of privacy.",
    ),
    (
        "Nearer to training {rows}",
        "whether all synthetic {rows} together lie nearer to training {rows} than to held-out "
        "ones: the share whose nearest real {row} is a training {row}, beside that share by "
        "chance. The p-value also counts how much nearer they lie.",
        "which patients it is due to.",
    ),
    (
        "Attacks on the synthetic {rows}",
        "how well somebody who has the synthetic {rows}, the {row} of a patient, and {rows} of "
        "other patients can tell whether that patient was in the training data: AUC .5 is "
        "guessing, 1 is always.",
        "what an attacker with more knowledge could do.",
    ),
    (
        "Found and accused",
        "the share of training {rows} that the attack finds while it wrongly accuses the given "
        "share of others. It may be high for a few patients where the AUC is near .5.",
        "who they are.",
    ),
    (
        "Refits on halves",
        "whether draws of this kind of generator come nearer to a patient when the patient was in "
        "the fit: it was fitted again and again on random halves. The strictest test here, as it "
        "knows the generator: any influence shows, and an AUC up to .7 is not called "
        "memorisation.",
        "what these very synthetic {rows} give away; it speaks of the generator.",
    ),
    (
        "Most exposed",
        "the training {rows} that were copied, or whose presence shows most.",
        "proof for a single patient: somebody heads every list, and one in twenty has a p-value "
        "below .05 by chance.",
    ),
)


def privacy_words(verdict: str, unit: str) -> dict[str, str]:
    """Say what a verdict on privacy means, and what it does not."""
    return fill(_PRIVACY[verdict], unit)


def privacy_explained(unit: str, *, refitted: bool) -> list[dict[str, str]]:
    """Say of each figure what it shows and what it does not.

    Examples
    --------
    >>> [line["name"] for line in privacy_explained("row", refitted=False)][:2]
    ['Copies', 'Nearer to training rows']
    """
    keys = ("name", "shows", "not")
    lines = [fill(dict(zip(keys, line, strict=True)), unit) for line in _EXPLAINED]
    return [line for line in lines if refitted or line["name"] != "Refits on halves"]


def privacy_methods(privacy: Mapping[str, Any] | None, unit: str) -> list[str]:
    """Say how copies and memorisation were looked for."""
    if not privacy:
        return []
    s, rows = privacy["settings"], plural(unit)
    fits = s.get("n_audit_fits")
    return [
        f"Privacy was examined on {s.get('n_synthetic')} {rows} drawn from a generator that was "
        f"fitted on {s.get('n_train')} {rows} alone, with {s.get('n_holdout')} {rows} of other "
        "patients held out: each synthetic "
        f"{unit} was compared with the nearest training and the nearest held-out {unit} (copies; "
        "all together, by a permutation test), "
        "and membership of the training data was attacked by a ratio of kernel densities, a ratio "
        "of nearest-neighbour distances and a classifier, with non-members and reference from "
        "different halves of the held-out part, swapped and averaged; the strongest attack is "
        "given with an interval that accounts for choosing it.",
        f"In addition the generator was fitted {fits} times on random halves of the training part, "
        f"and draws of fits with and without each {unit} were compared."
        if fits
        else "",
    ]


def privacy_limits(privacy: Mapping[str, Any] | None, unit: str) -> list[str]:
    """Say what was not shown about privacy."""
    rows = plural(unit)
    if not privacy:
        return [
            f"This page does not examine privacy. That {rows} are synthetic does not by itself "
            "mean that nothing about a patient can be learned from them."
        ]
    return [
        f"Privacy was examined on {rows} of the generator that the section names. Other draws, and "
        "a generator fitted on more or other patients, were not examined.",
        "Attacks show leaks and never their absence. Only training with differential privacy "
        "bounds what any attacker can learn.",
    ]

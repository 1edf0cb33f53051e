"""Which synthetic rows are copies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from augment._typing import BoolArray, FloatArray, IntArray
from augment.evaluation._fidelity_inputs import Samples
from augment.evaluation._privacy_space import Space
from augment.metrics.privacy import (
    aligned_nearness,
    excess_matches,
    false_discovery,
    nearness,
)

__all__ = ["COPY_LEVEL", "Copies", "find_copies"]

COPY_LEVEL = 0.005
"""The chance to find evidence of copies where there are none, for each of the tests."""
_MUCH = 0.5


@dataclasses.dataclass(frozen=True)
class Copies:
    """The copy check.

    Attributes
    ----------
    table : DataFrame
        One line for each synthetic row.
    n_evident : int
        Copies that chance does not explain: the evidence for the verdict.
    n_exact : int
        Those of them that are equal to a training row.
    n_changed : int
        Those of them that are images and were found only once they were laid on one another:
        moved, turned, mirrored, or of another brightness.
    n_perhaps : int
        Rows that are equal to a training row and to no held-out row, and may be so by chance. They
        are in ``copied``, too: nobody can tell which of them are copies.
    n_shared : int
        Rows that are equal to a training row and to a held-out row: no copies.
    """

    table: pd.DataFrame
    n_evident: int
    n_exact: int
    n_changed: int
    n_perhaps: int
    n_shared: int


def find_copies(samples: Samples, space: Space, features: list[FloatArray]) -> Copies:
    """Check each synthetic row; see `augment.evaluate_privacy` for the rule."""
    train, synthetic, holdout = features
    near = nearness(train, synthetic, holdout)
    names = space.identities(samples.X, samples.extra)
    matched = _first_places(names[0], names[1])
    exact = matched >= 0
    # What other patients have, too, gives nobody away.
    shared = np.isin(names[1], names[2])
    p_values = near.p_values.copy()
    if exact.any():
        met, which = np.unique(matched[exact], return_inverse=True)
        chance = np.minimum(len(train) * space.chances(met), 1.0)
        p_values[exact] = np.where(shared[exact], 1.0, chance[which])
    evident = false_discovery(p_values, COPY_LEVEL)
    own = exact & ~shared
    if _too_many_matches(names) <= COPY_LEVEL:
        evident |= own
    changed_p_values, changed_from, much_nearer = _laid_on(samples)
    changed = false_discovery(changed_p_values, COPY_LEVEL) & much_nearer & ~evident
    evident |= changed
    nearest = np.where(changed, changed_from, np.where(exact, matched, near.nearest))
    table = pd.DataFrame(
        {
            "row": np.arange(len(synthetic)),
            "nearest_train_row": nearest,
            "train_distance": near.train_distance,
            "holdout_distance": near.holdout_distance,
            "exact": exact,
            "changed": changed,
            "p_value": p_values,
            "changed_p_value": changed_p_values,
            "beyond_chance": evident,
            "copied": evident | own,
        }
    )
    counts = (evident, evident & exact, changed, own & ~evident, exact & shared)
    return Copies(table, *(int(part.sum()) for part in counts))


def _laid_on(samples: Samples) -> tuple[FloatArray, IntArray, BoolArray]:
    """Give p-values and origins of images that were laid on one another; of rows, nothing.

    Last, which of them lie at least twice as near to a training image as to any held-out one: a
    copy lies far nearer to its origin than anything else does.
    """
    if not samples.is_image:
        n = len(samples.rows[1])
        return np.full(n, np.nan), np.full(n, -1), np.zeros(n, dtype=bool)
    near = aligned_nearness(
        *samples.X, groups=samples.rows[0].groups, holdout_groups=samples.rows[2].groups
    )
    much_nearer = near.train_distance <= _MUCH * near.holdout_distance
    return near.p_values, near.nearest, much_nearer


def _first_places(known: IntArray, asked: IntArray) -> IntArray:
    """Give the first place of each number among the known ones, -1 where there is none."""
    values, places = np.unique(known, return_index=True)
    found = np.searchsorted(values, asked).clip(max=len(values) - 1)
    return np.where(values[found] == asked, places[found], -1).astype(np.int64)


def _too_many_matches(names: list[IntArray]) -> float:
    train, synthetic, holdout = (np.unique(part) for part in names)
    hits: list[BoolArray] = [
        np.isin(np.setdiff1d(own, other), synthetic)
        for own, other in ((train, holdout), (holdout, train))
    ]
    return excess_matches(*hits)

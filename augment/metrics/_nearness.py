"""How near synthetic rows lie to training rows, beside held-out rows: arrays in, numbers out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

from augment._random import rng_for, seed_from
from augment._typing import BoolArray, FloatArray, IntArray, RandomState
from augment.metrics._sides import group_codes
from augment.metrics.fidelity import feature_pair

__all__ = ["Nearness", "RatioLaw", "chance_of", "excess_nearness", "nearness", "ratio_law"]

# More rows change no probability that matters, and cost their square.
_MOST = 2000
_NEIGHBORS, _RANKS = 16, 24
# The share of real rows whose nearness the tail is fitted on, and the fewest rows for it.
_TAIL, _FEWEST_IN_TAIL = 0.15, 10
_N_PERMUTATIONS, _ENOUGH_ABOVE = 999, 20
# No row counts for more than one in ten thousand in the test of all rows together.
_LEAST_CHANCE = 1e-4


class Nearness(NamedTuple):
    """How near synthetic rows lie to training rows; see `nearness`."""

    p_values: FloatArray
    nearest: IntArray
    train_distance: FloatArray
    holdout_distance: FloatArray


def nearness(train: Any, synthetic: Any, holdout: Any) -> Nearness:
    """Compare each synthetic row's nearest training row with its nearest held-out row.

    Parameters
    ----------
    train, synthetic, holdout : array-like of shape (n, d), (m, d) and (h, d)
        Features in common units; at least four training and held-out rows.

    Returns
    -------
    Nearness
        ``p_values`` (m,): how often a fresh row of the real law lies as much nearer to a training
        row than to any held-out row; ``nearest`` (m,): the position of the nearest training row;
        ``train_distance``, ``holdout_distance`` (m,): distances to the nearest rows.

    Raises
    ------
    InvalidInputError
        If the features cannot be used.

    Notes
    -----
    The ratio of the two distances is compared with that of real rows, each against the others,
    over all ways to call ``n`` of them training rows and ``h`` held-out rows. Below the ratios of
    the nearest 15 % of real rows, their distribution is taken as a power law, whose exponent is
    Hill's estimate less its uncertainty, and no more than the number of features in which near
    rows differ: where rows are spread evenly, it is the dimension of the data (E. Facco et al.,
    "Estimating the intrinsic dimension of datasets by a minimal neighborhood information",
    Scientific Reports, 2017).

    **What this does not do.** It says nothing about rows that are equal to a training row where
    columns have few values (see `match_probabilities`), and a row that is far from every patient
    can still give one away.

    Examples
    --------
    >>> import numpy as np
    >>> train, holdout, fresh = np.random.default_rng(0).normal(size=(3, 100, 4))
    >>> found = nearness(train, np.vstack([fresh, train[:3] + 1e-4]), holdout)
    >>> found.nearest[-3:].tolist(), bool(found.p_values[-3:].max() < 1e-6)
    ([0, 1, 2], True)
    """
    known, new = feature_pair(train, synthetic, at_least=4, names=("train", "synthetic"))
    held, _ = feature_pair(holdout, synthetic, at_least=4, names=("holdout", "synthetic"))
    to_train, nearest = _neighbors(known, new, 1)
    to_held = _neighbors(held, new, 1)[0][:, 0]
    distance = to_train[:, 0]
    ratio = _divided(distance, to_held)
    share = len(known) / (len(known) + len(held))
    p_values = chance_of(ratio, _real_ratios(np.concatenate([known, held]), share))
    return Nearness(p_values, nearest[:, 0], distance, to_held)


def excess_nearness(
    train: Any,
    synthetic: Any,
    holdout: Any,
    *,
    groups: Any = None,
    holdout_groups: Any = None,
    random_state: RandomState = 0,
) -> tuple[float, float]:
    """Test whether synthetic rows lie nearer to training rows than to held-out rows, together.

    Parameters
    ----------
    train, synthetic, holdout : array-like of shape (n, d), (m, d) and (h, d)
        Features in common units; at least four training and held-out rows.
    groups, holdout_groups : array-like of shape (n,) and (h,), optional
        The patient of each row.
    random_state : int, default=0
        The permutations, and which synthetic rows are looked at if there are very many.

    Returns
    -------
    share : float
        The share of synthetic rows whose nearest real row is a training row; ``n / (n + h)`` is to
        be expected.
    p_value : float
        Of a permutation test, one-sided: if synthetic rows know neither side, who is called a
        training patient is a matter of chance. Each row counts by its p-value in `nearness`.

    Raises
    ------
    InvalidInputError
        If the features or groups cannot be used.

    Notes
    -----
    The test is exact for exchangeable patients; it stops early where the p-value will be large (J.
    Besag and P. Clifford, "Sequential Monte Carlo p-values", Biometrika, 1991). It sees what no
    row shows alone, such as a tenth of the rows that are noisy copies.

    **What this does not do.** It does not say which rows or patients.

    Examples
    --------
    >>> train, holdout, fresh = np.random.default_rng(0).normal(size=(3, 100, 4))
    >>> drawn = np.vstack([fresh, train[:30] + 0.2 * fresh[:30]])
    >>> excess_nearness(train, drawn, holdout)[1] < 0.01 < excess_nearness(train, fresh, holdout)[1]
    True
    """
    known, new = feature_pair(train, synthetic, at_least=4, names=("train", "synthetic"))
    held, _ = feature_pair(holdout, synthetic, at_least=4, names=("holdout", "synthetic"))
    rng = rng_for(seed_from(random_state), 3)
    new = new[rng.permutation(len(new))[:_MOST]]
    ours = group_codes(groups, len(known))
    theirs = group_codes(holdout_groups, len(held), "holdout_groups") + ours.max() + 1
    owners = np.unique(np.concatenate([ours, theirs]), return_inverse=True)[1]
    is_member = np.arange(owners.max() + 1) < len(np.unique(ours))
    real = np.concatenate([known, held])
    distances, places = _neighbors(real, new, min(_RANKS, len(real)))
    law = _real_ratios(real, len(known) / len(real))

    def weight(members: BoolArray) -> float:
        ratio = _ratio(distances, members[owners[places]])
        return float(-np.log(np.maximum(chance_of(ratio, law), _LEAST_CHANCE)).mean())

    found = weight(is_member)
    share = float(is_member[owners[places[:, 0]]].mean())
    n_above = 0
    for n_drawn in range(1, _N_PERMUTATIONS + 1):
        n_above += weight(rng.permutation(is_member)) >= found - 1e-12
        if n_above == _ENOUGH_ABOVE:
            return share, n_above / n_drawn
    return share, (1 + n_above) / (_N_PERMUTATIONS + 1)


def _ratio(distances: FloatArray, is_train: BoolArray) -> FloatArray:
    """Give the ratio of the distances to the first training and the first held-out neighbour."""
    rows = np.arange(len(distances))
    near, far = (
        np.where(side.any(axis=1), distances[rows, side.argmax(axis=1)], distances[:, -1])
        for side in (is_train, ~is_train)
    )
    return _divided(near, far)


def _divided(near: FloatArray, far: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(far > 0, near / far, np.where(near > 0, np.inf, 1.0))


def _neighbors(known: FloatArray, rows: FloatArray, n: int) -> tuple[FloatArray, IntArray]:
    distances, places = NearestNeighbors(n_neighbors=n).fit(known).kneighbors(rows)
    return np.asarray(distances, dtype=np.float64), np.asarray(places, dtype=np.int64)


class RatioLaw(NamedTuple):
    """How often a fresh row has which ratio of its two distances.

    Attributes
    ----------
    ratios, cumulated : ndarray of shape (k,)
        Those of real rows, sorted, and how often each or a smaller one comes up.
    cut, mass, exponent : float
        Below ``cut`` a ratio r comes up with the chance ``mass * (r / cut) ** exponent``.
    """

    ratios: FloatArray
    cumulated: FloatArray
    cut: float
    mass: float
    exponent: float


def _real_ratios(rows: FloatArray, share: float) -> RatioLaw:
    """Give the law of the ratios of real rows.

    The ratio of a row is that of its first distance to its distance of rank j + 1, if the first j
    neighbours were called training rows and the next one a held-out row.
    """
    rows = np.unique(rows, axis=0)
    # Any subset would do; an even one does not depend on a seed.
    asked = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST)).astype(np.int64)]
    rank = min(_NEIGHBORS, len(rows) - 1)
    if rank < 2:
        return RatioLaw(np.ones(1), np.ones(1), 0.0, 0.0, 1.0)
    distances, places = _neighbors(rows, asked, rank + 1)
    ratios = distances[:, 1:2] / distances[:, 2:]
    chances = share ** np.arange(1, rank) * (1 - share)
    chances[-1] += share**rank
    weights = np.broadcast_to(chances / len(asked), ratios.shape)
    n_differing = (np.abs(rows[places[:, 1]] - asked) > 0).sum(axis=1)
    return ratio_law(ratios, weights, n_differing)


def ratio_law(
    ratios: FloatArray, weights: FloatArray, n_differing: IntArray | None = None
) -> RatioLaw:
    """Give the law of ratios that come up with the given weights.

    Parameters
    ----------
    ratios, weights : ndarray of shape (n, k)
        k ratios for each of n rows.
    n_differing : ndarray of shape (n,), optional
        In how many features a row differs from its nearest one. Rows come ever nearer along the
        features in which near rows differ at all: beside many flags a single number lets a fresh
        row come very near by chance, so there are no more dimensions than such features.
    """
    order = np.argsort(ratios, axis=None)
    sorted_ratios, cumulated = ratios.ravel()[order], np.cumsum(weights.ravel()[order])
    tail = max(_TAIL, _FEWEST_IN_TAIL / len(ratios)) * min(1.0, cumulated[-1])
    cut = float(sorted_ratios[min(np.searchsorted(cumulated, tail), len(sorted_ratios) - 1)])
    inside = np.where(ratios < cut, weights, 0.0)
    with np.errstate(divide="ignore"):
        logs = np.where(inside > 0, np.log(cut / ratios), 0.0)
    if (inside * logs).sum() <= 0:
        return RatioLaw(sorted_ratios, cumulated, 0.0, 0.0, 1.0)
    exponent = _tail_exponent(inside, logs)
    if n_differing is not None:
        exponent = min(exponent, float(np.average(n_differing, weights=inside.sum(axis=1))))
    return RatioLaw(sorted_ratios, cumulated, cut, float(inside.sum()), exponent)


def _tail_exponent(inside: FloatArray, logs: FloatArray) -> float:
    """Estimate the exponent of the tail, with caution.

    Parameters
    ----------
    inside, logs : ndarray of shape (n, k)
        Weight of each ratio below the cut, and how far below it is, of k ratios for each row.
    """
    effective = inside.sum() ** 2 / np.square(inside).sum()
    return float(inside.sum() / (inside * logs).sum() * max(1 - 1.3 / np.sqrt(effective), 0.2))


def chance_of(asked: FloatArray, law: RatioLaw) -> FloatArray:
    """Give how often a fresh row has such a ratio or a smaller one."""
    place = np.searchsorted(law.ratios, asked, side="right")
    # Ratios of 1 and more: the nearest row is a held-out one.
    chance = np.where(place > 0, law.cumulated[np.maximum(place, 1) - 1], 0.0)
    chance = np.where(asked >= 1, 1.0, chance)
    if not law.cut:
        return chance
    tail = law.mass * (asked / law.cut) ** law.exponent
    return np.where(asked < law.cut, np.maximum(tail, 1e-300), chance)

"""Which synthetic rows repeat a training row: arrays in, numbers out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from augment._errors import InvalidInputError
from augment._random import rng_for, seed_from
from augment._typing import BoolArray, FloatArray, IntArray, RandomState
from augment.metrics._membership import Membership, membership_inference
from augment.metrics._sides import group_codes
from augment.metrics.fidelity import feature_pair

__all__ = [
    "Membership",
    "Nearness",
    "excess_matches",
    "excess_nearness",
    "false_discovery",
    "match_probabilities",
    "membership_inference",
    "nearness",
]

# More rows change no probability that matters, and cost their square.
_MOST = 2000
_NEIGHBORS, _RANKS = 16, 24
# The share of real rows whose nearness the tail is fitted on, and the fewest rows for it.
_TAIL, _FEWEST_IN_TAIL = 0.15, 10
_N_PERMUTATIONS, _ENOUGH_ABOVE = 999, 20
# No row counts for more than one in ten thousand in the test of all rows together.
_LEAST_CHANCE = 1e-4
_MOST_JUDGED = 200
_SHARES = (0.01, 0.03, 0.1, 0.2, 0.35, 0.6, 1.0)


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
    Hill's estimate less its uncertainty: where rows are spread evenly, it is the dimension of the
    data (E. Facco et al., "Estimating the intrinsic dimension of datasets by a minimal
    neighborhood information", Scientific Reports, 2017).

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
    p_values = _chance(ratio, *_real_ratios(np.concatenate([known, held]), share))
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
        return float(-np.log(np.maximum(_chance(ratio, *law), _LEAST_CHANCE)).mean())

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


def _real_ratios(rows: FloatArray, share: float) -> tuple[FloatArray, FloatArray]:
    """Give the ratios of real rows, sorted, and how often each comes up for a fresh row.

    The ratio of a row is that of its first distance to its distance of rank j + 1, if the first j
    neighbours were called training rows and the next one a held-out row.
    """
    rows = np.unique(rows, axis=0)
    # Any subset would do; an even one does not depend on a seed.
    asked = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST)).astype(np.int64)]
    rank = min(_NEIGHBORS, len(rows) - 1)
    if rank < 2:
        return np.ones(1), np.ones(1)
    distances = _neighbors(rows, asked, rank + 1)[0][:, 1:]
    ratios = distances[:, :1] / distances[:, 1:]
    chances = share ** np.arange(1, rank) * (1 - share)
    chances[-1] += share**rank
    weights = np.broadcast_to(chances / len(asked), ratios.shape).ravel()
    order = np.argsort(ratios, axis=None)
    return ratios.ravel()[order], weights[order]


def _chance(asked: FloatArray, ratios: FloatArray, weights: FloatArray) -> FloatArray:
    """Give how often a fresh row has such a ratio or a smaller one."""
    cumulated = np.cumsum(weights)
    place = np.searchsorted(ratios, asked, side="right")
    # Ratios of 1 and more: the nearest row is a held-out one.
    chance = np.where(place > 0, cumulated[np.maximum(place, 1) - 1], 0.0)
    chance = np.where(asked >= 1, 1.0, chance)
    n_rows = round(1 / weights[-1]) if len(weights) == 1 else len(np.unique(ratios))
    share = max(_TAIL, _FEWEST_IN_TAIL / max(n_rows, 1)) * min(1.0, cumulated[-1])
    cut = ratios[min(np.searchsorted(cumulated, share), len(ratios) - 1)]
    inside = ratios < cut
    logs = np.log(cut / ratios[inside])
    if not len(logs) or logs.sum() <= 0:
        return chance
    exponent = weights[inside].sum() / (weights[inside] * logs).sum()
    effective = weights[inside].sum() ** 2 / np.square(weights[inside]).sum()
    exponent *= max(1 - 1.3 / np.sqrt(effective), 0.2)
    with np.errstate(divide="ignore"):
        tail = weights[inside].sum() * (asked / cut) ** exponent
    return np.where(asked < cut, np.maximum(tail, 1e-300), chance)


def match_probabilities(values: Any, rows: Any = None) -> FloatArray:
    """Give how likely a fresh row is to equal each of the given rows, judged from the others.

    Parameters
    ----------
    values : array-like of shape (n, p)
        Whole rows of real patients as numbers; NaN is a value like others. At least two rows.
    rows : array-like of shape (k,), optional
        Positions of the rows to judge; all by default.

    Returns
    -------
    ndarray of shape (n,) or (k,), float64

    Raises
    ------
    InvalidInputError
        If there are fewer than two rows, or no columns.

    Notes
    -----
    A kernel estimate for categories, with each row left out of its own: a fresh row takes each
    value from one of the other rows, or, with a probability chosen by leave-one-out likelihood,
    from its column (J. Aitchison and C. G. G. Aitken, "Multivariate binary discrimination by the
    kernel method", Biometrika, 1976). A value that no other row has gets the share that Good and
    Turing give to what was seen once.

    **What this does not do.** It knows no distances: 30 and 31 are as different as 30 and 90.

    Examples
    --------
    >>> values = np.repeat([[0, 0], [1, 1], [0, 1]], [8, 8, 1], axis=0)
    >>> chance = match_probabilities(values)
    >>> bool(chance[0] > 0.3 > chance[-1])
    True
    """
    codes = _codes(values)
    n, p = codes.shape
    background = np.column_stack([_backgrounds(codes[:, j]) for j in range(p)])
    asked = np.linspace(0, n - 1, min(n, _MOST_JUDGED)).astype(np.int64)
    best, likeliest = -np.inf, 1.0
    for share in _SHARES:
        likelihood = np.log(_kernel(codes, background, asked, share)).mean()
        if likelihood > best:
            best, likeliest = likelihood, share
    wanted = np.arange(n) if rows is None else np.asarray(rows, dtype=np.int64)
    return _kernel(codes, background, wanted, likeliest)


def _codes(values: Any) -> IntArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or len(array) < 2 or not array.shape[1]:
        raise InvalidInputError(
            f"values must be rows of shape (n, p), two at least; found shape {array.shape}."
        )
    return np.column_stack(
        [np.unique(column, return_inverse=True)[1] for column in array.T]
    ).astype(np.int64)


def _backgrounds(codes: IntArray) -> FloatArray:
    """Give the share of each row's value among the other rows."""
    counts = np.bincount(codes)
    n, once, twice = len(codes), (counts == 1).sum(), (counts == 2).sum()
    unseen = (2 * (twice + 0.5) / n) / max(once, 1)
    return np.where(counts[codes] > 1, (counts[codes] - 1) / (n - 1), unseen)


def _kernel(codes: IntArray, background: FloatArray, asked: IntArray, share: float) -> FloatArray:
    """Give the leave-one-out kernel estimate at the rows asked for."""
    found = np.empty(len(asked))
    for i, row in enumerate(asked):
        other = share * background[row]
        terms = np.where(codes == codes[row], np.log(1 - share + other), np.log(other))
        sums = terms.sum(axis=1)
        sums[row] = -np.inf
        found[i] = np.exp(sums - sums.max()).sum() * np.exp(sums.max()) / (len(codes) - 1)
    return np.maximum(found, 1e-300)


def excess_matches(train_hit: Any, holdout_hit: Any) -> float:
    """Say whether more training rows than held-out rows are matched than chance explains.

    Parameters
    ----------
    train_hit, holdout_hit : array-like of bool of shape (n,) and (h,)
        Which distinct rows that only one side has are equal to a synthetic row.

    Returns
    -------
    float
        The one-sided p-value of Fisher's exact test: with synthetic rows that know neither side,
        it is a matter of chance on which side a matched row stands.

    Examples
    --------
    >>> import numpy as np
    >>> excess_matches(np.arange(50) < 10, np.zeros(50, bool)) < 0.01
    True
    >>> excess_matches([True, False], [True, False]) > 0.5
    True
    """
    hit, held = np.asarray(train_hit, dtype=bool), np.asarray(holdout_hit, dtype=bool)
    total, n_hit = len(hit) + len(held), int(hit.sum() + held.sum())
    return float(stats.hypergeom.sf(hit.sum() - 1, total, n_hit, len(hit)))


def false_discovery(p_values: Any, level: float) -> BoolArray:
    """Say which p-values are small, such that no more than a share of them are so by chance.

    Parameters
    ----------
    p_values : array-like of shape (m,)
    level : float
        The expected share; where nothing is there to be found, the chance to find anything.

    Returns
    -------
    ndarray of bool of shape (m,)

    References
    ----------
    .. [1] Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", JRSS B, 1995.

    Examples
    --------
    >>> false_discovery([0.001, 0.5, 0.9], 0.01).tolist()
    [True, False, False]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.sort(values)
    passed = np.flatnonzero(order <= level * np.arange(1, len(order) + 1) / max(len(order), 1))
    return values <= order[passed[-1]] if len(passed) else np.zeros(len(values), dtype=bool)

"""Which synthetic rows repeat a training row: arrays in, numbers out."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from augment._errors import InvalidInputError
from augment._typing import BoolArray, FloatArray, IntArray
from augment.metrics._image_nearness import aligned_nearness
from augment.metrics._membership import Membership, membership_inference
from augment.metrics._nearness import Nearness, excess_nearness, nearness

__all__ = [
    "Membership",
    "Nearness",
    "aligned_nearness",
    "excess_matches",
    "excess_nearness",
    "false_discovery",
    "match_probabilities",
    "membership_inference",
    "nearness",
]

_MOST_JUDGED = 200
_SHARES = (0.01, 0.03, 0.1, 0.2, 0.35, 0.6, 1.0)


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

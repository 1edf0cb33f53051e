"""How much a row's presence in a fit shows in what the fit draws: arrays in, numbers out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from augment._errors import InvalidInputError
from augment._random import rng_for, seed_from
from augment._typing import FloatArray, RandomState

__all__ = ["Exposure", "exposure"]

_FPR = 0.05
_N_BOOTSTRAP = 1000


class Exposure(NamedTuple):
    """How exposed rows are; see `exposure`."""

    times_nearer: FloatArray
    p_values: FloatArray
    auc: float
    lower: float
    upper: float
    tpr: float
    fpr: float
    fit_auc: FloatArray

    def p_value(self, auc: float = 0.5) -> float:
        """Give the p-value of an attack that is no better than this AUC, by a test over splits."""
        if np.ptp(self.fit_auc) == 0:
            return float(self.fit_auc.mean() <= auc)
        return float(stats.ttest_1samp(self.fit_auc, auc, alternative="greater").pvalue)


def exposure(distances: Any, inside: Any, *, random_state: RandomState = 0) -> Exposure:
    """Compare draws of fits with and without each row: the likelihood ratio attack (LiRA).

    Parameters
    ----------
    distances : array-like of shape (f, n)
        For each fit and row, the distance from the row to the nearest row that was drawn.
    inside : array-like of bool of shape (f, n)
        Which rows each fit saw. Fits 2k and 2k + 1 are the two sides of one split of all rows;
        at least three splits.
    random_state : int, default=0
        Of the bootstrap.

    Returns
    -------
    Exposure
        ``times_nearer`` (n,): by what factor draws come nearer to a row if the fit saw it
        (geometric mean over the splits; 1: no nearer); ``p_values`` (n,): of no difference, one
        sided, not corrected for the number of rows; ``auc``, ``lower``, ``upper``: how well the
        attack tells rows that a fit saw from others, with a 95 % interval over rows; ``tpr``: the
        share of them that it finds at the false positive rate ``fpr``; ``fit_auc`` (f / 2,): the
        AUC of each split.

    Raises
    ------
    InvalidInputError
        If the shapes do not fit, or there are fewer than three splits.

    Notes
    -----
    Each split is attacked with what the other splits taught: for each row the mean log distance
    of fits with it and without it, and one spread for all.

    **What this does not do.** The attacker here knows the generator, its settings and the law of
    the data. With few fits an effect on a single row must be large to be seen.

    References
    ----------
    .. [1] N. Carlini et al., "Membership inference attacks from first principles", IEEE S&P 2022.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> half = rng.random((8, 50)) < 0.5
    >>> inside = np.stack([half, ~half], axis=1).reshape(16, 50)
    >>> distances = rng.lognormal(size=(16, 50)) * np.where(inside, 0.1, 1)
    >>> found = exposure(distances, inside)
    >>> found.auc > 0.9, bool(np.median(found.times_nearer) > 5)
    (True, True)
    """
    apart, chosen = np.asarray(distances, dtype=np.float64), np.asarray(inside, dtype=bool)
    if apart.ndim != 2 or apart.shape != chosen.shape or len(apart) < 6 or len(apart) % 2:
        raise InvalidInputError(
            "distances and inside must have one shape (f, n), with an even f of at least 6; found "
            f"{apart.shape} and {chosen.shape}."
        )
    positive = apart[apart > 0]
    logs = np.log(np.maximum(apart, positive.min() / 2 if len(positive) else 1.0))
    first, second = logs[::2], logs[1::2]
    with_row = np.where(chosen[::2], first, second)
    without = np.where(chosen[::2], second, first)
    gain = without - with_row
    spread = gain.std(axis=0, ddof=1)
    error = np.where(spread > 0, spread, np.inf) / np.sqrt(len(gain))
    p_values = np.where(
        spread > 0, stats.t.sf(gain.mean(axis=0) / error, len(gain) - 1), gain.mean(axis=0) <= 0
    )
    members, strangers = _ratios(with_row, without)
    auc = _row_aucs(members, strangers)
    tpr = [
        float((m > np.quantile(s, 1 - _FPR)).mean())
        for m, s in zip(members, strangers, strict=True)
    ]
    rng = rng_for(seed_from(random_state))
    n = auc.shape[1]
    weights = rng.multinomial(n, np.full(n, 1 / n), size=_N_BOOTSTRAP) / n
    drawn = weights @ auc.mean(axis=0)
    lower, upper = np.quantile(drawn, [0.025, 0.975])
    return Exposure(
        times_nearer=np.exp(gain.mean(axis=0)),
        p_values=p_values.astype(np.float64),
        auc=float(auc.mean()),
        lower=float(lower),
        upper=float(upper),
        tpr=float(np.mean(tpr)),
        fpr=_FPR,
        fit_auc=auc.mean(axis=1),
    )


def _ratios(with_row: FloatArray, without: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give the log likelihood ratios of each split (s, n): of fits with the row, and without."""
    n_splits = len(with_row)
    near = (with_row.sum(axis=0) - with_row) / (n_splits - 1)
    far = (without.sum(axis=0) - without) / (n_splits - 1)
    rest = [part - part.mean(axis=0) for part in (with_row, without)]
    variance = max(float(np.square(rest).sum() / (2 * (n_splits - 1) * with_row.shape[1])), 1e-12)

    def ratio(x: FloatArray) -> FloatArray:
        return np.asarray((np.square(x - far) - np.square(x - near)) / (2 * variance))

    return ratio(with_row), ratio(without)


def _row_aucs(members: FloatArray, strangers: FloatArray) -> FloatArray:
    """Give, for each split and row, how often its member score beats those of strangers."""
    found = np.empty_like(members)
    for k, (ours, theirs) in enumerate(zip(members, strangers, strict=True)):
        order = np.sort(theirs)
        below = np.searchsorted(order, ours, side="left")
        up_to = np.searchsorted(order, ours, side="right")
        found[k] = (below + up_to) / (2 * len(order))
    return found

"""Membership inference: whether synthetic rows tell who was in the training table."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from scipy.special import logsumexp
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neighbors import NearestNeighbors

from augment._errors import InvalidInputError
from augment._random import rng_for, seed_from
from augment._typing import FloatArray, IntArray, RandomState
from augment.metrics._sides import Rows, group_codes, halves
from augment.metrics.fidelity import feature_pair, standardised

__all__ = ["ATTACKS", "Membership", "attack_scores", "membership_inference"]

ATTACKS = ("density ratio", "k-NN ratio", "classifier")
_MOST_SYNTHETIC = 5000
# More patients than this on either side change no figure that matters.
_MOST_PATIENTS = 2000
_CHUNK = 1000
_MOST_AXES = 10
_N_BOOTSTRAP = 1000
_FPR, _FEWEST_FALSE = 0.05, 10


class Membership(NamedTuple):
    """How well attacks tell training rows from other rows; see `membership_inference`."""

    auc: FloatArray
    lower: float
    upper: float
    auc_lower: FloatArray
    auc_upper: FloatArray
    tpr: FloatArray
    fpr: float
    p_auc: FloatArray
    p_tpr: FloatArray
    p_rows: FloatArray

    @property
    def strongest(self) -> int:
        """The position of the attack with the highest AUC."""
        return int(np.argmax(self.auc))


def membership_inference(
    train: Any,
    synthetic: Any,
    holdout: Any,
    *,
    groups: Any = None,
    holdout_groups: Any = None,
    random_state: RandomState = 0,
) -> Membership:
    """Attack the training rows with synthetic rows and a reference sample of the same law.

    One half of the hold-out is the attacker's reference, the other half are the non-members; then
    they change places, and all figures are means of the two.

    Parameters
    ----------
    train, synthetic, holdout : array-like of shape (n, d), (m, d) and (h, d)
        Features in common units.
    groups, holdout_groups : array-like of shape (n,) and (h,), optional
        The patient of each row. Patients are told apart then, by the mean score of their rows.
    random_state : int, default=0
        The halves and the bootstrap.

    Returns
    -------
    Membership
        For the attacks ``ATTACKS``: ``auc``, ``auc_lower``, ``auc_upper`` (simultaneous 95 %
        intervals), ``tpr`` (share of members found at the false positive rate ``fpr``), ``p_auc``,
        ``p_tpr`` (p-values of no leak). ``lower`` and ``upper``: 95 % interval of the strongest
        attack's AUC, which accounts for choosing it. ``p_rows`` (n,): the share of non-members
        whose score in the strongest attack is no lower.

    Raises
    ------
    InvalidInputError
        If the features or groups cannot be used, or a side has fewer than two patients.

    Notes
    -----
    - ``density ratio``: log density of the synthetic rows less that of the reference, by Gaussian
      kernels on the leading whitened axes (B. van Breugel et al., "Membership inference attacks
      against synthetic data through overfitting detection" (DOMIAS), AISTATS 2023).
    - ``k-NN ratio``: log distance to the nearest reference row less that to the nearest
      synthetic row.
    - ``classifier``: randomised trees that tell synthetic rows from the reference.

    Members and non-members are exchangeable if the synthetic rows know nothing of the members:
    ``p_auc`` is a Mann-Whitney test, ``p_tpr`` is exact; of the two halves, twice the mean (V. Vovk
    and R. Wang, "Combining p-values via averaging", Biometrika, 2020). The intervals come from a
    bootstrap of patients in which the largest studentised deviation of the attacks is kept.

    **What this does not do.** A stronger attack may exist: an attacker who knows the generator
    and trains copies of it sees more. A mean over patients hides single ones who are exposed.

    Examples
    --------
    >>> train, holdout, fresh = np.random.default_rng(0).normal(size=(3, 60, 4))
    >>> membership_inference(train, train + 0.01, holdout).lower > 0.8
    True
    >>> membership_inference(train, fresh, holdout).lower < 0.5
    True
    """
    known, new = feature_pair(train, synthetic, at_least=2, names=("train", "synthetic"))
    held, _ = feature_pair(holdout, synthetic, at_least=4, names=("holdout", "synthetic"))
    seed = seed_from(random_state)
    patients = group_codes(groups, len(known))
    others = group_codes(holdout_groups, len(held), "holdout_groups")
    sides = halves(Rows(np.zeros(len(held), dtype=np.int64), others), rng_for(seed, 0))
    if min(len(np.unique(others[side])) for side in sides) < 2 or len(np.unique(patients)) < 2:
        raise InvalidInputError(
            "Membership inference needs two patients in the training part and four in the hold-out."
        )
    members, strangers = [], []
    for reference, asked in (sides, sides[::-1]):
        scores = attack_scores(
            np.concatenate([known, held[asked]]), new, held[reference], known, held, seed
        )
        members.append(_by_patient(scores[:, : len(known)], patients))
        strangers.append(_by_patient(scores[:, len(known) :], others[asked]))
    return _judged(members, strangers, patients, rng_for(seed, 1))


def attack_scores(
    asked: FloatArray,
    synthetic: FloatArray,
    reference: FloatArray,
    train: FloatArray,
    holdout: FloatArray,
    seed: int,
) -> FloatArray:
    """Give the score of each attack for each row, higher for likelier members."""
    few = synthetic
    if len(few) > _MOST_SYNTHETIC:
        few = few[rng_for(seed, 2).permutation(len(few))[:_MOST_SYNTHETIC]]
    scores = [
        _density_ratio(asked, few, reference, np.concatenate([train, holdout])),
        _neighbor_ratio(asked, synthetic, reference),
        _classifier(asked, few, reference),
    ]
    return np.stack(scores)


def _density_ratio(
    asked: FloatArray, synthetic: FloatArray, reference: FloatArray, real: FloatArray
) -> FloatArray:
    n_axes = min(_MOST_AXES, real.shape[1], max(len(reference) // 4, 1), len(real) - 1)
    moved = standardised(real, asked, synthetic, reference)
    axes = np.linalg.svd(moved[0], full_matrices=False)[2][:n_axes]
    turned = [rows @ axes.T for rows in moved]
    spread = turned[0].std(axis=0)
    kept = spread > 1e-9
    _, points, drawn, known = (rows[:, kept] / spread[kept] for rows in turned)
    return _log_density(points, drawn) - _log_density(points, known)


def _log_density(points: FloatArray, rows: FloatArray) -> FloatArray:
    """Give the log density of a Gaussian kernel estimate, Scott's bandwidth, up to a constant."""
    n, d = rows.shape
    width = n ** (-1 / (d + 4))
    lengths, parts = np.square(rows).sum(axis=1), []
    for start in range(0, len(points), _CHUNK):
        some = points[start : start + _CHUNK]
        squares = np.square(some).sum(axis=1)[:, None] - 2 * some @ rows.T + lengths
        parts.append(logsumexp(-squares / (2 * width**2), axis=1))
    return np.asarray(np.concatenate(parts) - np.log(n) - d * np.log(width))


def _neighbor_ratio(asked: FloatArray, synthetic: FloatArray, reference: FloatArray) -> FloatArray:
    apart = [
        NearestNeighbors(n_neighbors=1).fit(rows).kneighbors(asked)[0][:, 0]
        for rows in (reference, synthetic)
    ]
    # A distance of 0 is nearer than all others, and no more.
    positive = np.concatenate(apart)
    positive = positive[positive > 0]
    least = positive.min() / 2 if len(positive) else 1.0
    to_reference, to_synthetic = (np.log(np.maximum(d, least)) for d in apart)
    return np.asarray(to_reference - to_synthetic)


def _classifier(asked: FloatArray, synthetic: FloatArray, reference: FloatArray) -> FloatArray:
    model = ExtraTreesClassifier(
        30, min_samples_leaf=3, class_weight="balanced", random_state=0, n_jobs=1
    )
    y = np.repeat([0, 1], [len(reference), len(synthetic)])
    model.fit(np.concatenate([reference, synthetic]), y)
    return np.asarray(model.predict_proba(asked)[:, 1], dtype=np.float64)


def _by_patient(scores: FloatArray, patients: IntArray) -> FloatArray:
    """Give the mean score of each patient's rows."""
    _, codes, counts = np.unique(patients, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(codes, weights=row) for row in scores])
    return np.asarray(sums / counts)


def _judged(
    members: list[FloatArray],
    strangers: list[FloatArray],
    patients: IntArray,
    rng: np.random.Generator,
) -> Membership:
    """Turn scores (attacks, patients) of both halves into figures."""
    few = rng.permutation(members[0].shape[1])[:_MOST_PATIENTS]
    wins = [
        np.stack(
            [
                (m[few, None] > s) + 0.5 * (m[few, None] == s)
                for m, s in zip(ours, theirs, strict=True)
            ]
        )
        for ours, theirs in zip(
            members, [part[:, :_MOST_PATIENTS] for part in strangers], strict=True
        )
    ]
    auc = np.mean([part.mean(axis=(1, 2)) for part in wins], axis=0)
    below, above = _deviations(wins, auc, rng)
    n_strangers = min(part.shape[1] for part in strangers)
    fpr = min(max(_FPR, _FEWEST_FALSE / n_strangers), 1.0)
    tpr, p_tpr, p_auc = [], [], []
    for ours, theirs in zip(members, strangers, strict=True):
        found = [_found(m, s, fpr) for m, s in zip(ours, theirs, strict=True)]
        tpr.append([share for share, _ in found])
        p_tpr.append([p for _, p in found])
        p_auc.append([_mann_whitney(m, s) for m, s in zip(ours, theirs, strict=True)])
    strongest = int(np.argmax(auc))
    rows = [
        _ranked(*(part[strongest] for part in pair))
        for pair in zip(members, strangers, strict=True)
    ]
    codes = np.unique(patients, return_inverse=True)[1]
    return Membership(
        auc=auc,
        lower=float((auc - below).max().clip(0, 1)),
        upper=float((auc + above).max().clip(0, 1)),
        auc_lower=(auc - below).clip(0, 1),
        auc_upper=(auc + above).clip(0, 1),
        tpr=np.mean(tpr, axis=0),
        fpr=float(fpr),
        p_auc=np.minimum(2 * np.mean(p_auc, axis=0), 1.0),
        p_tpr=np.minimum(2 * np.mean(p_tpr, axis=0), 1.0),
        p_rows=np.mean(rows, axis=0)[codes],
    )


def _ranked(members: FloatArray, strangers: FloatArray) -> FloatArray:
    """Give the share of strangers whose score is no lower, counting the member itself."""
    below = np.searchsorted(np.sort(strangers), members, side="left")
    return np.asarray((1 + len(strangers) - below) / (len(strangers) + 1))


def _deviations(
    wins: list[FloatArray], auc: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Give how far below and above its estimate each attack's AUC may lie, for all at once."""
    n = wins[0].shape[1]
    ours = rng.multinomial(n, np.full(n, 1 / n), size=_N_BOOTSTRAP) / n
    drawn = np.zeros((_N_BOOTSTRAP, len(auc)))
    for part in wins:
        m = part.shape[2]
        theirs = rng.multinomial(m, np.full(m, 1 / m), size=_N_BOOTSTRAP) / m
        for k, matrix in enumerate(part):
            drawn[:, k] += ((ours @ matrix) * theirs).sum(axis=1) / len(wins)
    spread = drawn.std(axis=0)
    scaled = (drawn - auc) / np.where(spread > 0, spread, np.inf)
    high = np.quantile(scaled.max(axis=1), 0.975)
    low = np.quantile(-scaled.min(axis=1), 0.975)
    return high * spread, low * spread


def _found(members: FloatArray, strangers: FloatArray, fpr: float) -> tuple[float, float]:
    """Give the share of members above the threshold, and how likely so many are by chance."""
    allowed = min(int(fpr * len(strangers)), len(strangers) - 1)
    threshold = np.sort(strangers)[::-1][allowed]
    n_found = int((members > threshold).sum())
    law = stats.nhypergeom(len(members) + len(strangers), len(members), allowed + 1)
    return n_found / len(members), float(law.sf(n_found - 1))


def _mann_whitney(members: FloatArray, strangers: FloatArray) -> float:
    if np.ptp(np.concatenate([members, strangers])) == 0:
        return 1.0
    test = stats.mannwhitneyu(members, strangers, alternative="greater", method="asymptotic")
    return float(test.pvalue)

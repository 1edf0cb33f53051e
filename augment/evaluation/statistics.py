"""The statistics of a paired, repeated cross-validation, and the rule of the verdict.

The scores of two arms on the same split are subtracted; the mean of the differences is judged by a
t statistic whose variance is corrected for the overlap of the training parts. The functions take
differences of shape ``(..., J)``, so that one study and ten thousand simulated ones run the same
code.

References
----------
Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52,
239-281. Bouckaert, R. and Frank, E. (2004). Evaluating the replicability of significance tests for
comparing learning algorithms. PAKDD (the correction for repeated cross-validation).
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6.
Schuirmann, D. (1987). A comparison of the two one-sided tests procedure. J. Pharmacokin. 15.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from augment._typing import FloatArray

__all__ = ["Claims", "Lift", "claims", "corrected_lift", "external_lift", "holm", "verdicts"]

LEVEL = 0.05
POWER = 0.80
# Differences below this are rounding errors of equal scores.
_ROUNDING = 1e-12
# In the order in which the rule asks for them.
VERDICTS = ("helps", "harms", "equivalent")


@dataclasses.dataclass(frozen=True)
class Lift:
    """A mean paired difference and its corrected standard error.

    Attributes
    ----------
    estimate, standard_error : ndarray of float64
        Of any one shape.
    df : float
        Degrees of freedom of the t statistic.
    """

    estimate: FloatArray
    standard_error: FloatArray
    df: float

    @property
    def half_width(self) -> FloatArray:
        """Half the width of the 95 % interval."""
        return np.asarray(stats.t.ppf(1 - LEVEL / 2, self.df) * self.standard_error)

    @property
    def lower(self) -> FloatArray:
        """Lower bound of the 95 % interval."""
        return self.estimate - self.half_width

    @property
    def upper(self) -> FloatArray:
        """Upper bound of the 95 % interval."""
        return self.estimate + self.half_width

    @property
    def smallest_detectable(self) -> FloatArray:
        """True lift whose interval would exclude 0 in 80 % of such studies."""
        quantiles = stats.t.ppf(1 - LEVEL / 2, self.df) + stats.t.ppf(POWER, self.df)
        return np.asarray(quantiles * self.standard_error)

    def p_above(self, bound: float) -> FloatArray:
        """P-value of the claim that the true lift is above ``bound`` (two-sided scale).

        It is at most 0.05 exactly where the lower bound of the interval is at least ``bound``.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (self.estimate - bound) / self.standard_error
        # Without spread the sign alone decides; a difference of exactly the bound is not above.
        certain = np.where(self.estimate > bound, np.inf, -np.inf)
        t = np.where(self.standard_error > 0, t, certain)
        p = np.minimum(1.0, 2 * stats.t.sf(t, self.df))
        return np.where(np.isnan(self.estimate), 1.0, p)

    def p_below(self, bound: float) -> FloatArray:
        """P-value of the claim that the true lift is below ``bound`` (two-sided scale)."""
        return Lift(-self.estimate, self.standard_error, self.df).p_above(-bound)


def corrected_lift(differences: npt.ArrayLike, test_train_ratio: float) -> Lift:
    """Judge paired differences from repeated cross-validation.

    The variance of their mean is taken as ``(1 / J + n_test / n_train)`` times their variance
    (Nadeau and Bengio 2003), with ``J - 1`` degrees of freedom.

    Parameters
    ----------
    differences : array-like of shape (..., J)
        One difference per split. Splits that are not a number are left out; this needs the last
        axis alone, that is, a vector.
    test_train_ratio : float
        Rows of a test part divided by rows of a training part.

    Returns
    -------
    Lift
        Not a number throughout where fewer than two splits are left.

    Examples
    --------
    >>> lift = corrected_lift([0.01, 0.03, 0.02, 0.02], test_train_ratio=0.25)
    >>> round(float(lift.estimate), 3), round(float(lift.standard_error), 4)
    (0.02, 0.0058)
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim == 1:
        values = values[~np.isnan(values)]
    n_splits = values.shape[-1]
    if n_splits < 2:
        missing = np.full(values.shape[:-1], np.nan)
        return Lift(missing, missing, 1.0)
    values = np.where(np.abs(values) < _ROUNDING, 0.0, values)
    spread = values.std(axis=-1, ddof=1)
    # The standard deviation of equal numbers is a rounding error, not a spread.
    spread = np.where(spread < _ROUNDING, 0.0, spread)
    error = spread * np.sqrt(1 / n_splits + test_train_ratio)
    return Lift(np.asarray(values.mean(axis=-1)), np.asarray(error), n_splits - 1.0)


def external_lift(differences: npt.ArrayLike, influences: npt.ArrayLike) -> Lift:
    """Judge paired differences on one fixed external test set.

    Two things vary. *Which rows were tested*: the variance of the mean influence, that is what a
    bootstrap over test rows converges to. *Which rows were learned from*: all models share one
    data set, so the spread between splits says how much leaving out a part moves the score, and
    the grouped jackknife turns that into the variance that a new data set would bring:
    ``(K - 1)^2 / K`` times the mean square within repeats. Seeds of generators and classifiers
    spread the splits too, but average out; their share is read off the means of the repeats, in
    which every row was left out equally often. What it has at least (the lower end of its 80 %
    bound) is taken off the spread, and all of it enters divided by the number of models.

    Parameters
    ----------
    differences : array-like of shape (n_repeats, n_splits)
        Differences of the models of every split on the whole test set.
    influences : array-like of shape (n_test,)
        Influence of each test row on the mean difference.

    Returns
    -------
    Lift
        With ``n_repeats * n_splits - 1`` degrees of freedom.

    Notes
    -----
    Simulated coverage of the nominal 95 % interval is 94 to 98 % (200 rows, 6 x 5 splits, seeds
    that spread the splits by nothing up to eight times what the data does). With one repeat, noise
    of seeds counts as sensitivity to the data, and the interval is wide. Test rows are taken as
    independent.

    References
    ----------
    Efron, B. (1982). The jackknife, the bootstrap and other resampling plans, chapters 3 and 6.
    Shao, J. and Wu, C. (1989). A general theory for jackknife variance estimation. Ann. Statist.
    17, 1176-1197 (leaving out groups).
    """
    values = np.asarray(differences, dtype=np.float64)
    values = np.where(np.abs(values) < _ROUNDING, 0.0, values)
    rows = np.asarray(influences, dtype=np.float64)
    n_repeats, n_splits = values.shape
    within = values.var(axis=1, ddof=1).mean()
    noise = n_splits * values.mean(axis=1).var(ddof=1) if n_repeats > 1 else 0.0
    # The noise is known from few repeats: no more of it is taken off than it has at least.
    sure = noise * (n_repeats - 1) / stats.chi2.ppf(0.8, n_repeats - 1) if n_repeats > 1 else 0.0
    training = (n_splits - 1) ** 2 / n_splits * max(0.0, within - sure) + noise / values.size
    testing = np.square(rows).sum() / rows.size**2
    error = np.asarray(np.sqrt(training + testing))
    return Lift(np.asarray(values.mean()), error, values.size - 1.0)


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Adjust p-values for multiplicity by Holm's step-down rule.

    Parameters
    ----------
    p_values : array-like of shape (k,)
        Raw p-values.

    Returns
    -------
    ndarray of shape (k,)
        Adjusted p-values: a claim stands at level 0.05 if its value is at most 0.05.

    Examples
    --------
    >>> [round(float(p), 2) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    steps = raw[order] * np.arange(raw.size, 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


@dataclasses.dataclass(frozen=True)
class Claims:
    """P-values of what a verdict may claim, each at most 0.05 exactly where the rule holds.

    Attributes
    ----------
    helps, harms, equivalent : ndarray of float64
        Of one shape.
    """

    helps: FloatArray
    harms: FloatArray
    equivalent: FloatArray

    def adjusted(self) -> Claims:
        """Apply Holm's rule to each claim over a family of tests (shape ``(k,)``)."""
        return Claims(holm(self.helps), holm(self.harms), holm(self.equivalent))


def _p_helps(first: Lift, second: Lift, ropes: Sequence[float]) -> FloatArray:
    """One metric above 0 while the other is above minus its tolerance."""
    by_first = np.maximum(first.p_above(0.0), second.p_above(-ropes[1]))
    by_second = np.maximum(second.p_above(0.0), first.p_above(-ropes[0]))
    return np.minimum(by_first, by_second)


def claims(
    real: tuple[Lift, Lift], copies: tuple[Lift, Lift] | None, ropes: tuple[float, float]
) -> Claims:
    """Turn the lifts on the two deciding metrics into the p-values of the rule.

    ``helps``: the lower bound is above 0 on one metric and above minus its tolerance (ROPE) on the
    other, and the same holds against plain copies. ``harms``: the upper bound is below minus the
    tolerance on either metric. ``equivalent``: both intervals lie inside the tolerance.

    Parameters
    ----------
    real : tuple of two Lift
        Augmented minus real only, for the two deciding metrics.
    copies : tuple of two Lift or None
        Augmented minus bootstrap copies. None (no such arm) makes "helps" impossible.
    ropes : tuple of two float
        Tolerances, above zero.

    Returns
    -------
    Claims
        The p-values. They test one claim each; two metrics may support "helps" and are not
        adjusted for, because the 2.5 % of each side sum to at most 5 %.
    """
    helps = np.ones_like(real[0].estimate)
    if copies is not None:
        helps = np.maximum(_p_helps(*real, ropes), _p_helps(*copies, ropes))
    below = [lift.p_below(-rope) for lift, rope in zip(real, ropes, strict=True)]
    inside = [
        np.maximum(lift.p_above(-rope), lift.p_below(rope))
        for lift, rope in zip(real, ropes, strict=True)
    ]
    return Claims(helps, np.minimum(*below), np.maximum(*inside))


def verdicts(found: Claims) -> npt.NDArray[Any]:
    """Apply the rule: the first claim with a p-value of at most 0.05, else "no evidence".

    Returns
    -------
    ndarray of str
        Of the shape of the claims.
    """
    conditions = [getattr(found, name) <= LEVEL for name in VERDICTS]
    return np.asarray(np.select(conditions, VERDICTS, default="no evidence"))

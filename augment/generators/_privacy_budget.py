"""How a privacy budget is spent: noise for margins and for gradients, accounted by opacus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from augment._errors import InvalidInputError
from augment._optional import optional_import

__all__ = ["Budget", "spend", "spent"]

MARGIN_SHARE = 0.4
"""Share of the budget that goes to labels and margins, in units of squared signal to noise."""
_ORDERS = [*(1 + k / 20 for k in range(1, 220)), *range(12, 64), *(2**k for k in range(6, 21))]
_MOST_NOISE, _LEAST_NOISE = 1e7, 1e-2


@dataclass(frozen=True)
class Budget:
    """What is spent, and on what.

    Attributes
    ----------
    epsilon, delta : float
        The guarantee: all that the fit learns from the table is (epsilon, delta)-differentially
        private.
    margin_noise : float
        Standard deviation of the noise on each count of a histogram, of which a row moves one.
    n_histograms : int
        Histograms.
    gradient_noise : float
        Standard deviation of the noise on the sum of gradients, in units of their longest.
    n_steps : int
        Gradient steps, each on all rows.
    """

    epsilon: float
    delta: float
    margin_noise: float
    n_histograms: int
    gradient_noise: float
    n_steps: int

    def to_dict(self) -> dict[str, Any]:
        """Give the facts as a model file and a report show them."""
        return {
            "epsilon": self.epsilon,
            "delta": self.delta,
            "neighbours": "tables of the same number of rows, one of which is blanked out",
            "accountant": "Renyi differential privacy (opacus), Gaussian mechanisms on all rows",
            "n_histograms": self.n_histograms,
            "margin_noise": self.margin_noise,
            "n_steps": self.n_steps,
            "gradient_noise": self.gradient_noise,
        }


def spend(epsilon: float, delta: float, n_histograms: int, n_steps: int) -> Budget:
    """Set the noise such that a budget is just not exceeded.

    Parameters
    ----------
    epsilon, delta : float
        The budget.
    n_histograms, n_steps : int
        How often the table is looked at.

    Returns
    -------
    Budget
        Whose epsilon is what is truly spent, at most the budget.

    Raises
    ------
    InvalidInputError
        If the budget cannot be met.
    MissingDependencyError
        If opacus is not installed.

    Examples
    --------
    >>> budget = spend(1.0, 1e-3, n_histograms=5, n_steps=100)     # doctest: +SKIP
    >>> 0.99 < budget.epsilon <= 1.0                               # doctest: +SKIP
    True
    """
    margins = (n_histograms / MARGIN_SHARE) ** 0.5
    gradients = (n_steps / (1 - MARGIN_SHARE)) ** 0.5
    low, high = _LEAST_NOISE, _MOST_NOISE

    def looks(scale: float) -> list[tuple[float, int]]:
        return [(scale * margins, n_histograms), (scale * gradients, n_steps)]

    if spent(looks(high), delta) > epsilon:
        raise InvalidInputError(
            f"dp_epsilon={epsilon} with dp_delta={delta} cannot be met by any noise that leaves "
            "something to learn. Take a larger dp_epsilon or dp_delta."
        )
    while high / low > 1.0005:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if spent(looks(middle), delta) <= epsilon else (middle, high)
    total = spent(looks(high), delta)
    return Budget(total, delta, high * margins, n_histograms, high * gradients, n_steps)


def spent(looks: list[tuple[float, int]], delta: float) -> float:
    """Give the epsilon of Gaussian mechanisms on all rows, by opacus' accountant.

    Parameters
    ----------
    looks : list of (noise multiplier, number of times)
    delta : float
    """
    accountants = optional_import(
        "opacus.accountants", extra="privacy", purpose="Differential privacy (dp_epsilon)"
    )
    accountant = accountants.RDPAccountant()
    accountant.history = [(noise, 1.0, times) for noise, times in looks]
    return float(accountant.get_epsilon(delta, alphas=_ORDERS))

"""What `evaluate_privacy` returns."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from augment._typing import BoolArray
from augment.evaluation._privacy_words import privacy_table
from augment.evaluation.results import Result

__all__ = ["PrivacyResult"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PrivacyResult(Result):
    """What synthetic rows give away about training rows: what `evaluate_privacy` returns.

    It holds positions of rows and figures, and no value of any row.

    Attributes
    ----------
    verdict : str
        "copies found", "memorisation found" or "nothing found at this size": the rule of
        `evaluate_privacy`.
    reason : str
        One or two plain sentences that say why.
    copies : DataFrame
        One line for each synthetic row: ``row`` (its position), ``nearest_train_row`` (position),
        ``train_distance``, ``holdout_distance`` (to the nearest rows), ``exact`` (equal to that
        training row), ``changed`` (an image that was found to repeat that training image only
        once they were laid on one another), ``p_value`` (chance of a fresh row to be as near),
        ``changed_p_value`` (that of an image once it was laid on others; NaN in tables),
        ``beyond_chance`` (a copy, by the evidence that the verdict asks for), ``copied`` (that, or
        equal to a training row and to no held-out row).
    attacks : DataFrame
        One line for each attack: ``attack``, ``auc``, ``lower``, ``upper`` (95 % intervals that
        hold for all attacks at once), ``tpr`` (share of training rows found) at ``fpr`` (share of
        others wrongly accused), ``p_value`` (of no leak), ``material`` (clear, and large enough for
        ``memorisation found``), ``strongest``. The attack "refits on halves" is there if a
        generator was given.
    exposed : DataFrame
        One line for each training row, the most exposed first: ``row`` (position), ``n_copies``
        (synthetic rows that copy it beyond chance), ``attack_p_value`` (share of other
        patients who look as much like members to the strongest attack), and with a generator
        ``times_nearer`` (draws come nearer by this factor if the row was in the fit),
        ``near_inside``, ``near_outside`` (share of fits with and without the row that drew a row
        twice as near to it as any other real row), ``exposed_p_value`` (that its presence shows;
        not corrected for the number of rows).
    strongest : dict
        The strongest attack on the synthetic rows: ``attack``, ``auc``, ``lower``, ``upper`` (95 %
        interval that accounts for choosing it), ``tpr``, ``fpr``.
    nearest : dict
        All synthetic rows together: ``share`` (whose nearest real row is a training row),
        ``expected`` (that share by chance), ``balanced_share`` (what it would be with as many
        held-out as training rows; 0.5 by chance), ``very_near`` (share of rows that are nearer to a
        training row than all but 5 % of fresh rows), ``p_value`` (of a permutation test; rows that
        lie much nearer count for more).
    settings : dict
        What a methods paragraph needs. ``differential_privacy``: the budget that the generator
        spent (``epsilon``, ``delta``, ...), None without one.
    notes : tuple of str
        What a careful reader should know.

    Examples
    --------
    >>> from augment.evaluation.privacy import PrivacyResult
    >>> result = PrivacyResult.from_json(text)       # doctest: +SKIP
    >>> result.verdict                               # doctest: +SKIP
    'nothing found at this size'
    """

    verdict: str
    reason: str
    copies: pd.DataFrame
    attacks: pd.DataFrame
    exposed: pd.DataFrame
    strongest: dict[str, Any]
    nearest: dict[str, float]
    settings: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def copied_(self) -> BoolArray:
        """Which synthetic rows to leave out: ndarray of bool of shape (n_synthetic,).

        Every copy that chance does not explain, and every row that is equal to a training row and
        to no held-out row. Where columns have few values the latter come up by chance, too: rows
        may be flagged although the verdict is "nothing found at this size". Leaving these out
        makes sure that no copy stays, and makes what these patients have a little rarer.
        """
        return np.asarray(self.copies["copied"], dtype=bool)

    def to_frame(self) -> pd.DataFrame:
        """Give the attacks: one row each."""
        return self.attacks.copy()

    def __repr__(self) -> str:
        return f"PrivacyResult({self.verdict!r}, n={self.settings.get('n_train')})"

    def __str__(self) -> str:
        return privacy_table(self)

"""The additive effects of conditions, for combinations with hardly any rows of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from augment._typing import BoolArray, FloatArray, IntArray, State
from augment.data.encoder import TableEncoder

__all__ = ["AdditiveEffects"]

EFFECT_PRIOR = 2.0
"""Rows without any effect that stand beside the real ones when effects are estimated."""
LEAST_SCALE = 0.1
"""The least standard deviation that is left to a score once effects are taken out."""


class AdditiveEffects:
    """Moves scores of rare combinations of conditions to where their parts say they belong.

    A combination with hardly any rows decodes through the margins of all rows, which know nothing
    of its conditions. Its scores are therefore read, and drawn, around the sum of the effects of
    its single conditions, as a ridge regression on all rows estimates them. For all other
    combinations nothing is done: their margins know.

    Parameters
    ----------
    effect : ndarray of shape (c, d)
        Shift of each score by each one-hot condition.
    scale : ndarray of shape (d,)
        Standard deviation of each score around its shift.
    small : ndarray of bool (n_strata + 1,)
        The combinations that this is for.

    References
    ----------
    .. [1] A. E. Hoerl and R. W. Kennard, "Ridge regression: biased estimation for nonorthogonal
       problems", Technometrics, 1970.
    """

    def __init__(self, effect: FloatArray, scale: FloatArray, small: BoolArray) -> None:
        self.effect, self.scale, self.small = effect, scale, small

    @classmethod
    def fit(
        cls, encoder: TableEncoder, frame: pd.DataFrame, labels: FloatArray, weight: FloatArray
    ) -> AdditiveEffects:
        """Estimate the effects.

        Parameters
        ----------
        encoder : TableEncoder
            Fitted.
        frame : DataFrame of shape (n, n_columns)
            Canonical rows.
        labels : ndarray of shape (n, c)
            One-hot categorical conditions.
        weight : ndarray of shape (n,)
            Of the rows.
        """
        pooled = np.full(len(frame), len(encoder.small_strata) - 1, dtype=np.int64)
        scores, observed = encoder.transform(frame, pooled)
        n_labels, n_scores = labels.shape[1], scores.shape[1]
        effect, scale = np.zeros((n_labels, n_scores)), np.ones(n_scores)
        for column in range(n_scores if n_labels else 0):
            mass = weight * observed[:, column]
            gram = (mass[:, None] * labels).T @ labels + EFFECT_PRIOR * np.eye(n_labels)
            effect[:, column] = np.linalg.solve(gram, labels.T @ (mass * scores[:, column]))
            squares = np.square(scores[:, column] - labels @ effect[:, column])
            scale[column] = np.sqrt(np.average(squares, weights=mass + 1e-12))
        return cls(effect, np.clip(scale, LEAST_SCALE, 1.0), encoder.small_strata)

    def remove(self, scores: FloatArray, strata: IntArray, labels: FloatArray) -> FloatArray:
        """Give scores (n, d) relative to the effects of their conditions."""
        if not self.small[strata].any():
            return scores
        relative = (scores - labels @ self.effect) / self.scale
        return np.where(self.small[strata][:, None], relative, scores)

    def restore(self, scores: FloatArray, strata: IntArray, labels: FloatArray) -> FloatArray:
        """Undo `remove`."""
        if not self.small[strata].any():
            return scores
        absolute = labels @ self.effect + self.scale * scores
        return np.where(self.small[strata][:, None], absolute, scores)

    def get_state(self) -> State:
        """Give the effects as arrays."""
        return {"effect": self.effect, "scale": self.scale, "small": self.small}

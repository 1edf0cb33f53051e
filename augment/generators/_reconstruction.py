"""What a generator with an encoder can say about given rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted

from augment._errors import InvalidInputError
from augment._typing import BoolArray, FloatArray
from augment.data.conditions import ConditionEncoder, Conditions
from augment.data.encoder import TableEncoder
from augment.generators._effects import AdditiveEffects

__all__ = ["ReconstructionMixin"]

_CONDITION_DRAWS = 16
"""Draws of continuous conditions that stand for their law where none is given."""


class ReconstructionMixin:
    """`encode`, `decode`, `reconstruct` and reconstruction errors of an ensemble of autoencoders.

    Where a conditional generator is given no `y`, results are averaged over the conditions, each
    weighted by its probability given the row under the model.
    """

    encoder_: TableEncoder
    effects_: AdditiveEffects
    _scores: Callable[..., tuple[FloatArray, BoolArray]]
    _frame_of: Callable[..., pd.DataFrame]
    _invert: Callable[..., torch.Tensor]
    schema_: Any
    conditions_: ConditionEncoder
    networks_: Any
    sizes_: dict[str, int]
    device_: torch.device

    def encode(self, X: Any, y: Any = None) -> FloatArray:
        """Give the latent code of each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows with the columns of `fit`.
        y : array-like, DataFrame or None
            Their conditions.

        Returns
        -------
        ndarray of float64 (n_samples, n_members * latent_dim)
            Posterior means, member after member; members do not share their latent axes.

        Raises
        ------
        InvalidInputError
            If columns or conditions differ from those of `fit`.
        """
        codes: Any = 0.0
        frame = self._frame(X)
        for conditions, share in self._weighted_conditions(frame, y):
            means = self._posterior(frame, conditions)
            flat = means.permute(1, 0, 2).reshape(means.shape[1], -1).cpu().double().numpy()
            codes = codes + share[:, None] * flat
        return np.asarray(codes)

    def decode(self, codes: FloatArray, y: Any = None) -> Any:
        """Give the expected row of each latent code, in the container of `fit`.

        Parameters
        ----------
        codes : ndarray of shape (n_samples, n_members * latent_dim)
            As given by `encode`.
        y : array-like, DataFrame or None
            The condition of each row; needed if the generator was fitted with one.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features)
            Rows without noise.

        Raises
        ------
        InvalidInputError
            If `codes` has another width, or `y` is missing.
        """
        check_is_fitted(self)
        codes = np.asarray(codes, dtype=np.float64)
        members, latent = self.sizes_["members"], self.sizes_["latent_dim"]
        if codes.ndim != 2 or codes.shape[1] != members * latent:
            raise InvalidInputError(
                f"codes must have shape (n_samples, {members * latent}), as encode gives them; "
                f"got {codes.shape}."
            )
        if y is None and self.conditions_.kind != "none":
            raise InvalidInputError(
                "decode needs y, because this generator was fitted with conditions; pass the "
                "label or condition of each row."
            )
        conditions = self._given(y, len(codes))
        split = torch.as_tensor(codes.reshape(len(codes), members, latent).transpose(1, 0, 2))
        with torch.inference_mode():
            scores = self.networks_["decoder"](
                split.to(self.device_, torch.float32), self._tensor(conditions)
            )[0].mean(dim=0)
        return self.schema_.restore(self._frame_of(scores.cpu().double().numpy(), conditions))

    def reconstruct(self, X: Any, y: Any = None) -> Any:
        """Give each row as the model sees it: encoded and decoded, without noise.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows with the columns of `fit`. Missing cells come back filled where the model
            expects a value.
        y : array-like, DataFrame or None
            Their conditions.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features)
            The container of `fit`. Without `y`, each row is decoded under its most probable
            condition, since levels of a category cannot be averaged.
        """
        frame = self._frame(X)
        weighted = self._weighted_conditions(frame, y)
        best = np.argmax(np.stack([share for _, share in weighted]), axis=0)
        strata = np.stack([given.strata for given, _ in weighted])[best, np.arange(len(frame))]
        features = np.stack([given.features for given, _ in weighted])[best, np.arange(len(frame))]
        conditions = Conditions(strata, features)
        expected, _ = self._expected_scores(frame, conditions)
        return self.schema_.restore(self._frame_of(expected, conditions))

    def reconstruction_map(self, X: Any, y: Any = None) -> FloatArray:
        """Say how badly each cell is reconstructed.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows with the columns of `fit`.
        y : array-like, DataFrame or None
            Their conditions.

        Returns
        -------
        ndarray of float64 (n_samples, n_features)
            Squared residuals of a cell's normal scores, in units of the learned noise variance;
            a missing cell is judged by its missingness alone. Columns without a score are 0.
        """
        total: Any = 0.0
        frame = self._frame(X)
        for conditions, share in self._weighted_conditions(frame, y):
            total = total + share[:, None] * self._cell_errors(frame, conditions)
        return np.asarray(total)

    def reconstruction_error(self, X: Any, y: Any = None) -> FloatArray:
        """Say how badly each row is reconstructed: the mean of its `reconstruction_map`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows with the columns of `fit`.
        y : array-like, DataFrame or None
            Their conditions.

        Returns
        -------
        ndarray of float64 (n_samples,)
            Larger is worse.
        """
        return np.asarray(self.reconstruction_map(X, y).mean(axis=1))

    def _frame(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        frame: pd.DataFrame = self.schema_.conform(X)
        return frame

    def _given(self, y: Any, n_rows: int) -> Conditions:
        if y is None:
            return self.conditions_.draw(n_rows, 0, seed=0)
        conditions = self.conditions_.encode(y)
        if len(conditions.strata) != n_rows:
            raise InvalidInputError(
                f"y must have one entry for each of the {n_rows} rows; got "
                f"{len(conditions.strata)}."
            )
        return conditions

    def _tensor(self, conditions: Conditions) -> torch.Tensor:
        """Give the features of conditions for every member."""
        features = torch.as_tensor(np.asarray(conditions.features, np.float32)).to(self.device_)
        return features.expand(self.sizes_["members"], *features.shape)

    def _posterior(self, frame: pd.DataFrame, conditions: Conditions) -> torch.Tensor:
        """Give posterior means `(members, n, latent)`."""
        members = self.sizes_["members"]
        given = self._tensor(conditions)
        scores, observed = (
            torch.as_tensor(part, dtype=torch.float32, device=self.device_).expand(
                members, *part.shape
            )
            for part in self._scores(frame, conditions)
        )
        with torch.inference_mode():
            return self._invert(self.networks_, scores, observed, given)

    def _expected_scores(
        self, frame: pd.DataFrame, conditions: Conditions
    ) -> tuple[FloatArray, FloatArray]:
        """Give decoded scores and their noise variance, averaged over members."""
        codes = self._posterior(frame, conditions)
        with torch.inference_mode():
            mean, log_variance = self.networks_["decoder"](codes, self._tensor(conditions))
        variance = log_variance.exp().expand_as(mean).mean(dim=0)
        return mean.mean(dim=0).cpu().double().numpy(), variance.cpu().double().numpy()

    def _cell_errors(self, frame: pd.DataFrame, conditions: Conditions) -> FloatArray:
        scores, observed = self._scores(frame, conditions)
        expected, variance = self._expected_scores(frame, conditions)
        squares = np.square(scores - expected) / variance * observed
        errors = np.zeros((len(frame), frame.shape[1]))
        places = {name: place for place, name in enumerate(self.schema_.names)}
        for column, (name, _) in enumerate(self.encoder_.score_columns):
            errors[:, places[name]] += squares[:, column]
        return errors

    def _weighted_conditions(
        self, frame: pd.DataFrame, y: Any
    ) -> list[tuple[Conditions, FloatArray]]:
        """Give conditions to average over, with the share of each for every row."""
        if y is not None or self.conditions_.kind == "none":
            return [(self._given(y, len(frame)), np.ones(len(frame)))]
        everywhere = np.zeros(len(frame), dtype=np.int64)
        candidates = self.conditions_.candidates(_CONDITION_DRAWS)
        given = [(single.rows(everywhere), p) for single, p in candidates]
        log = np.stack([np.log(p) + self._log_density(frame, each) for each, p in given])
        share = np.exp(log - log.max(axis=0))
        share /= share.sum(axis=0)
        return [(each, share[place]) for place, (each, _) in enumerate(given)]

    def _log_density(self, frame: pd.DataFrame, conditions: Conditions) -> FloatArray:
        """Bound the log density of rows under conditions, up to a constant of the row.

        The density of a row is that of its scores times what its margins say: the copula
        density of the scores, and the margin density of each cell.
        """
        scores, observed = self._scores(frame, conditions)
        codes = self._posterior(frame, conditions)
        with torch.inference_mode():
            mean, log_variance = self.networks_["decoder"](codes, self._tensor(conditions))
            squares = torch.square(torch.as_tensor(scores).to(mean) - mean)
            per_score = -0.5 * (squares * torch.exp(-log_variance) + log_variance)
            seen = torch.as_tensor(observed).to(mean)
            bound = (per_score * seen).sum(dim=-1) - 0.5 * codes.square().sum(dim=-1)
        own = np.where(observed, 0.5 * np.square(scores), 0.0).sum(axis=1)
        margins = self.encoder_.log_margins(frame, conditions.strata).sum(axis=1)
        # Around an effect the margin is narrower than the pooled one, and elsewhere.
        pooled = self.encoder_.transform(frame, conditions.strata)[0]
        moved = 0.5 * (np.square(pooled) - np.square(scores)) - np.log(self.effects_.scale)
        small = self.effects_.small[conditions.strata]
        margins += np.where(small, (moved * observed).sum(axis=1), 0.0)
        return np.asarray(bound.mean(dim=0).cpu().double().numpy() + own + margins)

"""How surprised a fitted autoencoder of tables is by given rows, part by part and cell by cell."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from scipy.special import ndtr
from sklearn.covariance import ledoit_wolf

from augment._typing import BoolArray, FloatArray, State
from augment.data.conditions import Conditions
from augment.generators._autoencoder import AutoencoderGenerator
from augment.generators._base import BLOCK, in_blocks
from augment.generators._cells import CellReader, Cells
from augment.generators._reasons import CellViews
from augment.objectives.inversion import row_energy

__all__ = ["RowSurprise"]

NINETY_FIVE = 1.96
"""Standard deviations on each side of an interval of 95 %."""
LAW_BLOCKS = 8
"""Blocks of draws that the covariance of the generator's scores is read from."""
RIDGE = 1e-3
"""Added to variances, because scores may be all but determined by others."""
TINY = 1e-9
"""Added before logarithms: a row may be as typical as can be."""
OUTERMOST = 0.02
"""Share of held-out residuals at the far end that is drawn in before their size is measured."""
NAME_LIMIT = 12.0
"""Scores farther out than this are brought back to it before cells are named."""
OTHER_LIMIT = 3.0
"""Scores farther out than this are brought back to it before other cells are judged by them."""
CODE_LIMIT = 50.0
"""Scores farther out than this are brought back to it before they enter a network."""


class RowSurprise:
    """What a fitted generator of tables says against given rows.

    Parameters
    ----------
    generator : TabularVAE or TabularGAN
        Fitted without conditions.
    n_rows : int
        Rows that it was fitted on.
    codes : tuple of ndarray
        Mean `(k,)` and precision `(k, k)` of the latent codes of these rows.
    wide : CellReader or None
        What the margins of more rows say; None for those that the generator was fitted on.

    Attributes
    ----------
    scale : float or ndarray of float64 (n_columns,)
        Held-out size of the residuals of reconstruction, once `learn_normals` has measured it.
    """

    def __init__(
        self,
        generator: AutoencoderGenerator,
        n_rows: int,
        codes: tuple[FloatArray, FloatArray],
        wide: CellReader | None = None,
    ) -> None:
        self.generator, self.n_rows, self.codes, self.wide = generator, n_rows, codes, wide
        self.reader = CellReader(generator.schema_, generator.encoder_, n_rows)
        # Cells are named by the margins of all rows: those of the bulk call much of the rest odd.
        fits = wide is not None and wide.agrees_with(self.reader)
        self._namer = wide if wide is not None and fits else self.reader
        # Batches of other sizes round differently; in double precision nobody notices.
        self._networks = copy.deepcopy(generator.networks_).cpu().double()
        self.scale: Any = 1.0

    @classmethod
    def learn(cls, generator: AutoencoderGenerator, X: Any, wide: CellReader | None = None) -> Self:
        """Learn from the generator's own rows where codes lie: no code of any row is kept."""
        surprise = cls(generator, len(X), (np.zeros(0), np.zeros((0, 0))), wide)
        codes = surprise._codes(surprise.reader.read(X))
        covariance = ledoit_wolf(codes)[0] + RIDGE * np.eye(codes.shape[1])
        surprise.codes = codes.mean(axis=0), np.linalg.inv(covariance)
        return surprise

    @staticmethod
    def learn_normals(members: Sequence[RowSurprise], left_out: Sequence[Any]) -> None:
        """Measure the residuals of reconstruction of rows that each member left out."""
        misfits = [m._misfits(m.reader.read(X)) for m, X in zip(members, left_out, strict=True)]
        size = np.sqrt(np.square(np.concatenate(misfits)).mean(axis=0))
        for member in members:
            member.scale = np.maximum(size, TINY)

    def parts(self, X: Any, method: str) -> dict[str, FloatArray]:
        """Give the ingredients of a method, each `(n,)`; more is more surprising."""
        cells = self.reader.read(X)
        if method == "reconstruction":
            return {"reconstruction": np.square(self._misfits(cells) / self.scale).mean(axis=1)}
        if method == "latent":
            return {"latent": self._code_distance(cells)}
        if method == "elbo":  # the density of the scores' copula, times those of the margins
            inside = self.reader.inside(cells)
            copula = 0.5 * (self._bound(inside) - np.square(inside.scores).sum(axis=1))
            return {"elbo": cells.rarity.sum(axis=1) + copula}
        parts = {"margins": cells.strangeness.sum(axis=1), "dependence": self._bound(cells)}
        if self.wide is not None:
            parts["wide margins"] = self.wide.read(X).strangeness.sum(axis=1)
        return {name: np.log(value + TINY) for name, value in parts.items()}

    def residuals(self, X: Any) -> FloatArray:
        """Give the signed residual of each cell `(n, n_columns)` given the other cells.

        The expectation is that of the law which the generator draws scores from, read from its
        draws. A missing cell is judged by its being missing.
        """
        cells = self._namer.read(X)
        _, given_others = self._given_others(cells)
        result = np.zeros(cells.rarity.shape)
        for k, (i, _) in enumerate(self._namer.places):
            farther = np.abs(given_others[:, k]) > np.abs(result[:, i])
            result[farther, i] = given_others[farther, k]
        unseen = np.where(cells.unseen, np.sqrt(2 * cells.rarity), 0.0)
        for other in (unseen, cells.broken):
            result = np.where(np.abs(other) > np.abs(result), other, result)
        return result

    def views(self, X: Any, scale: FloatArray) -> CellViews:
        """Say what the other cells of each row let one expect, in the units of the columns.

        `scale` `(n_columns,)` is the held-out size of the residuals.
        """
        cells, (_, precision) = self._namer.read(X), self._law
        knows = self._namer if self.wide is None else self.wide
        rarity = knows.read(X).rarity
        expected, _ = self._given_others(cells)
        shape = cells.rarity.shape
        blank = np.full(shape, np.nan)
        numbers = {n: blank.copy() for n in ("expected", "low", "high", "usual_low", "usual_high")}
        links, explained = np.zeros((shape[1], shape[1])), np.zeros(shape[1])
        root = np.sqrt(np.diag(precision))
        partial = np.abs(precision) / np.outer(root, root)
        for k, (i, part) in enumerate(self._namer.places):
            if part != "missing":
                shrunk = 1 / (np.square(root[k]) * np.linalg.inv(precision)[k, k])
                explained[i] = max(explained[i], 1 - shrunk)
                for m, (j, _) in enumerate(self._namer.places):
                    links[i, j] = max(links[i, j], partial[k, m] if i != j else 0.0)
            if k in self._namer.laws:
                law, half = self._namer.laws[k], NINETY_FIVE * scale[i] / root[k]
                places = {"expected": 0.0, "low": -half, "high": half}
                for name, move in places.items():
                    numbers[name][:, i] = law.quantiles(ndtr(expected[:, k] + move))
                for name, q in (("usual_low", 0.025), ("usual_high", 0.975)):
                    numbers[name][:, i] = law.quantile(q)
        return CellViews(
            value=self._namer.values(X),
            share=np.exp(-rarity),
            unseen=knows.is_unseen(rarity).astype(np.float64),
            broken=cells.broken,
            links=links,
            explained=explained,
            **numbers,
        )

    def _given_others(self, cells: Cells) -> tuple[FloatArray, FloatArray]:
        """Give the expectation of each score given the others, and how far the score is from it."""
        mean, precision = self._law
        own = np.clip(cells.scores + cells.ratio, -NAME_LIMIT, NAME_LIMIT)
        near = np.clip(own, -OTHER_LIMIT, OTHER_LIMIT)
        filled = _filled(np.where(cells.observed, near - mean, 0.0), cells.observed, precision)
        root = np.sqrt(np.diag(precision))
        apart = filled @ precision / root
        # what is far out counts in its own cell, and does not throw suspicion on the others
        residual = np.where(cells.observed, apart + (own - near) * root, 0.0)
        return filled + mean - apart / root, residual

    @staticmethod
    def size(residuals: FloatArray) -> FloatArray:
        """Give the root mean square of each column, its outermost entries drawn in."""
        size = np.abs(residuals)
        size = np.minimum(size, np.quantile(size, 1 - OUTERMOST, axis=0))
        size = np.sqrt(np.square(size).mean(axis=0))
        return np.asarray(np.maximum(size, max(0.1 * float(size.mean()), TINY)))

    @cached_property
    def _law(self) -> tuple[FloatArray, FloatArray]:
        """Give mean and precision of the scores that the generator draws."""
        n_scores = self.generator.encoder_.n_scores
        if not n_scores:
            return np.zeros(0), np.zeros((0, 0))
        conditions = self._conditions(LAW_BLOCKS * BLOCK)
        blocks = [self.generator._raw_scores(block) for block in in_blocks(conditions, 0)]
        scores = np.concatenate(blocks)
        covariance = np.atleast_2d(np.cov(scores, rowvar=False)) + RIDGE * np.eye(n_scores)
        return np.asarray(scores.mean(axis=0)), np.asarray(np.linalg.inv(covariance))

    def _conditions(self, n_rows: int) -> Conditions:
        return self.generator.conditions_.draw(n_rows, 0, seed=0)

    def _encoded(self, cells: Cells) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give codes, scores and the marks of observed ones for every member."""
        members = self.generator.sizes_["members"]
        near = np.clip(cells.scores, -CODE_LIMIT, CODE_LIMIT)
        scores = torch.as_tensor(near).expand(members, *near.shape)
        observed = torch.as_tensor(cells.observed, dtype=torch.float64).expand_as(scores)
        nothing = scores.new_zeros(members, len(near), 0)
        with torch.inference_mode():
            codes = self.generator._invert(self._networks, scores, observed, nothing)
        return codes, scores, observed

    def _decoded(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nothing = codes.new_zeros(*codes.shape[:2], 0)
        with torch.inference_mode():
            mean, log_variance = self._networks["decoder"](codes, nothing)
        return mean, log_variance

    def _bound(self, cells: Cells) -> FloatArray:
        """Give twice the negative evidence bound of the scores, up to a constant of the model.

        A generator that keeps its critic adds what the critic sees.
        """
        codes, scores, observed = self._encoded(cells)
        nothing = codes.new_zeros(*codes.shape[:2], 0)
        with torch.inference_mode():
            energy = row_energy(self._networks, codes, scores, observed, nothing)
        return np.asarray(energy.mean(dim=0).numpy())

    def _misfits(self, cells: Cells) -> FloatArray:
        codes, scores, observed = self._encoded(cells)
        mean, log_variance = self._decoded(codes)
        noise = torch.exp(0.5 * log_variance).expand_as(mean).mean(dim=0)
        squares = torch.square((scores[0] - mean.mean(dim=0)) / noise * observed[0]).numpy()
        result = np.zeros(cells.rarity.shape)
        for k, (i, _) in enumerate(self.reader.places):
            result[:, i] += squares[:, k]
        return np.sqrt(result)

    def _codes(self, cells: Cells) -> FloatArray:
        codes = self._encoded(cells)[0]
        flat = codes.permute(1, 0, 2).reshape(codes.shape[1], -1)
        return np.asarray(flat.numpy())

    def _code_distance(self, cells: Cells) -> FloatArray:
        mean, precision = self.codes
        centered = self._codes(cells) - mean
        return np.asarray(np.einsum("ij,jk,ik->i", centered, precision, centered))

    def get_state(self) -> State:
        """Give all that the generator's own file does not hold, and what it does."""
        mean, precision = self.codes
        return {
            "generator": self.generator._get_state(),
            "n_rows": self.n_rows,
            "code_mean": mean,
            "code_precision": precision,
            "scale": np.asarray(self.scale),
            "wide": None if self.wide is None else self.wide.get_state(),
        }

    @classmethod
    def from_state(cls, generator: AutoencoderGenerator, state: State) -> Self:
        """Restore what `get_state` gave into an unfitted generator."""
        generator._set_state(state["generator"])
        codes = np.asarray(state["code_mean"]), np.asarray(state["code_precision"])
        wide = state.get("wide")  # a file of an earlier version has none
        reader = None if wide is None else CellReader.from_state(wide)
        surprise = cls(generator, int(state["n_rows"]), codes, reader)
        surprise.scale = np.asarray(state["scale"])
        return surprise


def _filled(centered: FloatArray, observed: BoolArray, precision: FloatArray) -> FloatArray:
    """Fill missing scores with their expectation given the others, pattern by pattern."""
    patterns, which = np.unique(observed, axis=0, return_inverse=True)
    filled = centered.copy()
    for number, seen in enumerate(patterns):
        if seen.all() or not seen.any():
            continue
        rows = which.ravel() == number
        own, cross = precision[np.ix_(~seen, ~seen)], precision[np.ix_(~seen, seen)]
        known = centered[np.ix_(rows, seen)]
        filled[np.ix_(rows, ~seen)] = -np.linalg.solve(own, cross @ known.T).T
    return filled

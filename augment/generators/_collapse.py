"""Whether synthetic rows still mean what their conditions say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from augment._typing import FloatArray
from augment.data.conditions import Conditions
from augment.generators._tabular import Rows, ScoreGenerator
from augment.generators._training import seed_of

__all__ = ["effects_kept"]

_DRAWS = 2048
"""Synthetic rows that are looked at."""


def effects_kept(generator: ScoreGenerator, rows: Rows) -> float:
    """Give the share of the covariance of columns with conditions that synthetic rows keep.

    Both sides are looked at through the margins of all rows together, after every correction, as
    a user would get them.

    Parameters
    ----------
    generator : ScoreGenerator
        Fitted.
    rows : Rows
        What it was fitted on.

    Returns
    -------
    float
        About 1 is healthy, 0 is a collapse. 1 where the real covariance is no larger than chance
        would make it.
    """
    seed = seed_of(rows.seed, "effects")
    drawn = generator.conditions_.draw(_DRAWS, 0, seed)
    synthetic = generator._sample_frame(drawn, seed)
    wanted, by_chance = _covariance(generator, rows.frame, rows.conditions)
    kept, _ = _covariance(generator, synthetic, drawn)
    size = float(np.square(wanted).sum())
    return 1.0 if size <= 3 * by_chance else float((wanted * kept).sum() / size)


def _covariance(
    generator: ScoreGenerator, frame: pd.DataFrame, conditions: Conditions
) -> tuple[FloatArray, float]:
    """Give the covariance (c, d) of features and pooled scores, and its squared size by chance."""
    pooled = np.full(len(frame), generator.conditions_.n_strata, dtype=np.int64)
    scores, observed = generator.encoder_.transform(frame, pooled)
    scores = np.where(observed, scores, 0.0)
    centred = np.asarray(conditions.features, dtype=np.float64)
    centred = (centred - centred.mean(axis=0)) / len(frame)
    by_chance = float(np.square(centred).sum() * scores.var(axis=0).sum())
    return centred.T @ scores, by_chance

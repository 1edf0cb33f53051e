"""Exact linear relations between numeric columns: found at fit, kept on sampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augment._typing import FloatArray
from augment.data.columns import Column, LinearRelation

__all__ = ["RelationKeeper", "find_relations"]


def find_relations(columns: Sequence[Column], values: FloatArray) -> tuple[LinearRelation, ...]:
    """Find the exact linear relations of a table."""
    return ()


class RelationKeeper:
    """Recompute the dependent column of each relation."""

    def __init__(self, columns: Sequence[Column], relations: Sequence[LinearRelation]) -> None:
        self.columns = columns
        self.relations = relations

    def apply(self, values: FloatArray) -> None:
        """Write the targets into ``values``, of shape (n_columns, n), in place."""

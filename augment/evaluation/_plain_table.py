"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

__all__ = ["aligned", "records"]


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    r"""Give lines with columns of one width, and a rule that is as long as the longest.

    Examples
    --------
    >>> print("\n".join(aligned([["arm", "AUC"], ["augmented", ".81"]])))
    arm        AUC
    augmented  .81
    --------------
    """
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = [
        "  ".join(part.ljust(width) for part, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return [*lines, "-" * max(map(len, lines))]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a frame as dictionaries."""
    return [{str(k): v for k, v in line.items()} for line in frame.to_dict("records")]

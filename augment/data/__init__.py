"""Tables and slices as arrays and back: schemas, codecs, conditions, readers, phantoms.

The names are imported on first use, so that ``import augment.data`` loads neither pandas nor scipy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augment.data.augmentations import ClassicalAugmentation, augment_images
    from augment.data.columns import Column, LinearRelation
    from augment.data.conditions import ConditionEncoder, Conditions
    from augment.data.encoder import TableEncoder
    from augment.data.phantoms import make_phantoms
    from augment.data.schema import TableSchema
    from augment.data.slices import SliceGeometry, SliceSet, load_slices, save_slices, split_slices
    from augment.data.tables import load_table

_EXPORTS = {
    "ClassicalAugmentation": "augment.data.augmentations",
    "Column": "augment.data.columns",
    "ConditionEncoder": "augment.data.conditions",
    "Conditions": "augment.data.conditions",
    "LinearRelation": "augment.data.columns",
    "SliceGeometry": "augment.data.slices",
    "SliceSet": "augment.data.slices",
    "TableEncoder": "augment.data.encoder",
    "TableSchema": "augment.data.schema",
    "augment_images": "augment.data.augmentations",
    "load_slices": "augment.data.slices",
    "load_table": "augment.data.tables",
    "make_phantoms": "augment.data.phantoms",
    "save_slices": "augment.data.slices",
    "split_slices": "augment.data.slices",
}

__all__ = [
    "ClassicalAugmentation",
    "Column",
    "ConditionEncoder",
    "Conditions",
    "LinearRelation",
    "SliceGeometry",
    "SliceSet",
    "TableEncoder",
    "TableSchema",
    "augment_images",
    "load_slices",
    "load_table",
    "make_phantoms",
    "save_slices",
    "split_slices",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'augment.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})

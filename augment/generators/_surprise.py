"""How surprised a fitted generator is by given rows or images: one interface for all of them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
from sklearn.base import clone

import augment
from augment._errors import InvalidTypeError, ModelFileError
from augment._typing import FloatArray, State
from augment.generators._autoencoder import AutoencoderGenerator
from augment.generators._base import _storable
from augment.generators._cells import CellReader
from augment.generators._foreground import prepared_images
from augment.generators._image_surprise import ImageSurprise
from augment.generators._images import ImageGenerator
from augment.generators._row_surprise import RowSurprise

__all__ = ["Surprise", "built", "described", "prepared", "surprise_of"]


class Surprise(Protocol):
    """What a fitted generator says against given rows or images."""

    generator: Any

    @staticmethod
    def learn_normals(members: Sequence[Any], left_out: Sequence[Any]) -> None:
        """Measure what normal rows look like to members that did not learn from them."""

    def parts(self, X: Any, method: str) -> dict[str, FloatArray]:
        """Give the ingredients of a method, each `(n,)`; more is more surprising."""

    def residuals(self, X: Any) -> FloatArray:
        """Give the signed residual of each column or pixel."""

    @staticmethod
    def size(residuals: FloatArray) -> FloatArray:
        """Give the size of held-out residuals."""

    def get_state(self) -> State:
        """Give arrays and JSON values, the fitted generator among them."""

    @classmethod
    def from_state(cls, generator: Any, state: State) -> Self:
        """Restore what `get_state` gave into an unfitted generator."""


def prepared(X: Any) -> Any:
    """Give rows as they are, and images scaled by their own inside."""
    return prepared_images(X) if np.ndim(X) == 4 else X


def surprise_of(
    generator: Any, X: Any = None, state: State | None = None, *, wide: CellReader | None = None
) -> Surprise:
    """Build the surprise of a generator, from its own rows or from a stored state.

    For tables, `wide` knows the margins of more rows than the generator learned from.

    Raises
    ------
    InvalidTypeError
        If the generator is of a kind that reconstructs nothing.
    """
    kind: Any = RowSurprise if isinstance(generator, AutoencoderGenerator) else None
    if isinstance(generator, ImageGenerator) and hasattr(generator, "encode"):
        kind = ImageSurprise
    if kind is None:
        raise InvalidTypeError(
            "ReconstructionDetector needs a generator that reconstructs, such as TabularVAE, "
            f"TabularGAN or ImageVAE; got {type(generator).__name__}."
        )
    if state is not None:
        restored: Surprise = kind.from_state(generator, state)
        return restored
    return (
        RowSurprise.learn(generator, X, wide) if kind is RowSurprise else kind.learn(generator, X)
    )


def described(generator: Any) -> State:
    """Give class and parameters of one of the package's generators."""
    params = _storable(clone(generator).get_params(deep=False))
    return {"class": type(generator).__name__, "params": params}


def built(description: State) -> Any:
    """Build an unfitted generator.

    Raises
    ------
    ModelFileError
        If its class is none of the package's.
    """
    name = description["class"]
    if name not in augment._MODELS:
        raise ModelFileError(
            f"The file names {name!r}, which is no generator of this version of augment. It can "
            f"load {sorted(augment._MODELS)}."
        )
    return getattr(importlib.import_module(augment._MODELS[name]), name)(**description["params"])

"""How surprised a fitted generator is by given rows or images: one interface for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

from augment._errors import InvalidTypeError
from augment._typing import FloatArray, State
from augment.generators._autoencoder import AutoencoderGenerator
from augment.generators._row_surprise import RowSurprise

__all__ = ["Surprise", "surprise_of"]


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

    def get_state(self) -> State:
        """Give arrays and JSON values, the fitted generator among them."""

    @classmethod
    def from_state(cls, generator: Any, state: State) -> Self:
        """Restore what `get_state` gave into an unfitted generator."""


def surprise_of(generator: Any, X: Any = None, state: State | None = None) -> Surprise:
    """Build the surprise of a generator, from its own rows or from a stored state.

    Raises
    ------
    InvalidTypeError
        If the generator is of a kind that reconstructs nothing.
    """
    if not isinstance(generator, AutoencoderGenerator):
        raise InvalidTypeError(
            "ReconstructionDetector needs a generator that reconstructs, such as TabularVAE, "
            f"TabularGAN or ImageVAE; got {type(generator).__name__}."
        )
    if state is not None:
        return RowSurprise.from_state(generator, state)
    return RowSurprise.learn(generator, X)

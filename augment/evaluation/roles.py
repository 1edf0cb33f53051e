"""Which arms the verdict is about."""

from __future__ import annotations

import dataclasses

__all__ = ["CLASSICAL", "TABLE_ROLES", "Roles"]

CLASSICAL = "classical"
"""The arm of real rows with classical augmentation; with a suffix, what is added to it."""


@dataclasses.dataclass(frozen=True)
class Roles:
    """The arms that are compared.

    Attributes
    ----------
    judged : str
        The arm with synthetic rows that the verdict is about.
    reference : str
        What it must be ahead of.
    copies : str
        The same as `judged`, with plain copies of real rows in place of synthetic ones.
    """

    judged: str = "augmented"
    reference: str = "real"
    copies: str = "bootstrap"

    @classmethod
    def of_images(cls) -> Roles:
        """Judge what synthetic images add to classical augmentation."""
        return cls(f"{CLASSICAL}_augmented", CLASSICAL, f"{CLASSICAL}_bootstrap")

    def pairs(self) -> list[tuple[str, str]]:
        """Name all comparisons of interest, those that decide first."""
        found = [(self.judged, self.reference), (self.judged, self.copies)]
        if self.reference == CLASSICAL:
            found += [("augmented", "real"), ("augmented", "bootstrap"), (CLASSICAL, "real")]
        return found


TABLE_ROLES = Roles()

"""Networks for rows: a linear path, and a small non-linear one beside it.

Every parameter carries a leading axis of members, so that an ensemble trains as one program of
batched products.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["LinearPath", "ResidualPath", "StackedLinear"]


class StackedLinear(nn.Module):
    """One affine map for each member.

    Parameters
    ----------
    members, in_features, out_features : int
        Sizes.
    generator : torch.Generator, optional
        CPU generator of the first weights; without one they are zero, to be filled from a file.
    gain : float, default=1.0
        Scale of the first weights, in units of ``in_features ** -0.5``.

    Notes
    -----
    Input `(members, batch, in_features)`, output `(members, batch, out_features)`.
    """

    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(
        self,
        members: int,
        in_features: int,
        out_features: int,
        generator: torch.Generator | None = None,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        shape, scale = (members, in_features, out_features), gain * max(in_features, 1) ** -0.5
        start = torch.zeros(shape) if generator is None else torch.randn(shape, generator=generator)
        self.weight = nn.Parameter(start * scale)
        self.bias = nn.Parameter(torch.zeros(members, 1, out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Map each member's rows."""
        return torch.baddbmm(self.bias, x, self.weight)


class ResidualPath(nn.Module):
    """Two affine maps with a smooth bend between, scaled down: starts at nothing.

    Parameters
    ----------
    members, in_features, hidden, out_features : int
        Sizes.
    scale : float
        Share of the non-linear part.
    generator : torch.Generator, optional
        Of the first weights.
    """

    def __init__(
        self,
        members: int,
        in_features: int,
        hidden: int,
        out_features: int,
        scale: float,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.first = StackedLinear(members, in_features, hidden, generator)
        self.last = StackedLinear(members, hidden, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """Give the non-linear correction."""
        out: Tensor = self.scale * self.last(nn.functional.silu(self.first(x)))
        return out


class LinearPath(nn.Module):
    """An affine map, plus a residual path where one was asked for.

    Parameters
    ----------
    members, in_features, out_features : int
        Sizes.
    hidden : int
        Width of the residual path; 0 leaves it out.
    generator : torch.Generator, optional
        Of the first weights.
    scale : float, default=0.3
        Share of the residual path.
    """

    linear: StackedLinear
    residual: ResidualPath | None

    def __init__(
        self,
        members: int,
        in_features: int,
        out_features: int,
        hidden: int = 0,
        generator: torch.Generator | None = None,
        scale: float = 0.3,
    ) -> None:
        super().__init__()
        self.linear = StackedLinear(members, in_features, out_features, generator)
        self.residual = (
            ResidualPath(members, in_features, hidden, out_features, scale, generator)
            if hidden
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map each member's rows."""
        out: Tensor = self.linear(x)
        return out if self.residual is None else out + self.residual(x)

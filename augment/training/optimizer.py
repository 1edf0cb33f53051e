"""AdamW around torch's own kernel, without the import of torch's compiler.

Building any ``torch.optim.Optimizer`` imports ``torch._dynamo``, which takes a second or more in
each process: as long as training a small model. The functional form needs none of it, and has
less overhead in each step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.optim.adamw import adamw

from augment._typing import State

__all__ = ["AdamW"]


class AdamW:
    """Adam with decoupled weight decay [1]_.

    Parameters
    ----------
    parameters : sequence of Parameter
        What is updated; those without a gradient are left alone.
    learning_rate : float
        Step size; may be changed between steps.
    betas : tuple of float, default=(0.9, 0.999)
        Decay of the running means of the gradient and of its square.
    weight_decay : float, default=0.0
        Decay of the weights in each step, in units of the learning rate.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    def __init__(
        self,
        parameters: Sequence[torch.nn.Parameter],
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.betas = betas
        self.weight_decay = weight_decay
        self._means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters from their gradients."""
        rows = [
            (parameter, parameter.grad, mean, square, step)
            for parameter, mean, square, step in zip(
                self.parameters, self._means, self._squares, self._steps, strict=True
            )
            if parameter.grad is not None
        ]
        parameters, gradients, means, squares, steps = map(list, zip(*rows, strict=True))
        adamw(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            eps=1e-8,
            maximize=False,
        )

    def get_state(self) -> State:
        """Give the learning rate, the running means and the counts of steps (no copies)."""
        return {
            "learning_rate": self.learning_rate,
            "means": self._means,
            "squares": self._squares,
            "steps": self._steps,
        }

    @torch.no_grad()
    def set_state(self, state: State) -> None:
        """Go on from a state, which is copied."""
        self.learning_rate = state["learning_rate"]
        for name, own in (
            ("means", self._means),
            ("squares", self._squares),
            ("steps", self._steps),
        ):
            for target, source in zip(own, state[name], strict=True):
                target.copy_(source)

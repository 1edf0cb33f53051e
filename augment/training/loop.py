"""The one training loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch

from augment._errors import InvalidInputError
from augment._random import isolated_rng, share_of_batch, torch_generator
from augment.objectives.base import Batch, Objective, Phase
from augment.training.batches import Batches
from augment.training.distributed import (
    average_gradients,
    check_same_seed,
    rank,
    share_weights,
    world_size,
)
from augment.training.ema import Ema
from augment.training.optimizer import AdamW
from augment.training.state import Callback, TrainingRecord, TrainingState

__all__ = ["train"]


def train(
    objective: Objective,
    batches: Batches,
    *,
    max_steps: int,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
    validation: Batch | None = None,
    validate_every: int = 25,
    ema_decay: float | None = None,
    autocast: torch.dtype | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainingRecord:
    """Train any objective: for each step and phase, loss, backward, step; then the average.

    In each phase only the parameters of its networks require gradients. The global random state is
    left as it was. Where ``torch.distributed`` is set up, every process takes a part of each batch,
    and gradients are averaged; all need the same rows and the same seed.

    Parameters
    ----------
    objective : Objective
        What to train; its networks end up with the trained weights (the average if ``ema_decay``
        is given, the best where a callback kept them), on ``device`` and in evaluation mode.
    batches : Batches
        Where rows come from.
    max_steps : int
        Steps at most; callbacks may stop earlier.
    generator : torch.Generator
        CPU generator for all noise.
    device : torch.device or str, default="cpu"
        Where to train.
    validation : dict of Tensor, optional
        Held-out rows for `Objective.validate`. They are judged once before the first step, too, so
        that callbacks know what the starting weights are worth; the history begins after it.
    validate_every : int, default=25
        Steps between validation points: means go into the history, callbacks look.
    ema_decay : float, optional
        Decay of the exponential moving average of the weights; None for no average.
    autocast : torch.dtype, optional
        Half-precision type that losses and judgements may compute in; the weights stay float32.
    callbacks : sequence of Callback
        What else should happen.

    Returns
    -------
    TrainingRecord
        History, number of steps, and why it stopped.

    Notes
    -----
    The loop prints nothing, clips nothing and knows no epochs.

    Examples
    --------
    A method is an objective, here the fit of a line:

    >>> from torch import nn
    >>> class Line(Objective):
    ...     def __init__(self):
    ...         self.networks = nn.ModuleDict({"line": nn.Linear(1, 1)})
    ...         self.phases = (Phase("fit", ("line",), learning_rate=0.1),)
    ...
    ...     def loss(self, phase, batch, generator, step):
    ...         error = self.networks["line"](batch["x"]) - batch["y"]
    ...         return error.square().mean(), {}
    >>> x = torch.linspace(-1, 1, 20)[:, None]
    >>> batches = Batches({"x": x, "y": 3 * x + 1}, 10, torch_generator(0))
    >>> objective = Line()
    >>> record = train(objective, batches, max_steps=200, generator=torch_generator(1))
    >>> round(objective.networks["line"](torch.ones(1)).item(), 1)
    4.0
    >>> record.n_steps, record.stopped_by, record.history[-1]["loss"] < 0.01
    (200, 'max_steps', True)
    """
    device = torch.device(device)
    networks = objective.networks.to(device)
    batches.to(device)
    validation = validation and {name: value.to(device) for name, value in validation.items()}
    with _learnable(objective) as learnable, isolated_rng(generator.initial_seed()):
        state = TrainingState(
            objective=objective,
            batches=batches,
            generator=generator,
            max_steps=max_steps,
            precision=partial(
                torch.autocast, device.type, dtype=autocast, enabled=autocast is not None
            ),
            phases=[_phase(objective, phase, learnable) for phase in objective.phases],
            ema=Ema(networks, ema_decay) if ema_decay else None,
            callbacks=sorted(callbacks, key=lambda callback: callback.order),
        )
        if world_size() > 1:
            check_same_seed(generator.initial_seed())
            share_weights(networks.state_dict().values())
            batches.share(rank(), world_size())
        try:
            _run(state, learnable, validation, validate_every)
        finally:
            for callback in state.callbacks:
                callback.close()
    networks.eval()
    return TrainingRecord(state.history, state.step, state.stopped_by or "max_steps")


def _run(
    state: TrainingState,
    learnable: set[torch.nn.Parameter],
    validation: Batch | None,
    validate_every: int,
) -> None:
    """Run all steps, and tell the callbacks."""
    networks, steppers = state.objective.networks, _overriding(state.callbacks, "on_step")
    for callback in state.callbacks:
        callback.on_start(state)
    if state.finished:
        return
    networks.train()
    if state.step == 0 and validation is not None:
        _judge(state, validation)
    while state.step < state.max_steps and state.stopped_by is None:
        _step(state, learnable)
        state.step += 1
        if state.ema:
            state.ema.update()
        if state.step % validate_every == 0 or state.step == state.max_steps:
            _judge(state, validation)
        for callback in steppers:
            callback.on_step(state)
    if state.ema:
        state.ema.apply()
    for callback in state.callbacks:
        callback.on_end(state)


def _step(state: TrainingState, learnable: set[torch.nn.Parameter]) -> None:
    """Update every phase's networks once (or as often as the phase repeats)."""
    n_processes = world_size()
    for phase, parameters, optimizer in state.phases:
        if len(state.phases) > 1:
            for parameter in learnable:
                parameter.requires_grad_(False)
            for parameter in parameters:
                parameter.requires_grad_(True)
        for _ in range(phase.repeats):
            for parameter in parameters:
                parameter.grad = None
            if n_processes > 1:
                terms = _shared_gradients(state, phase, parameters, n_processes)
            else:
                terms = _gradients(state, phase)
            optimizer.step()
            window = state.windows.setdefault(phase.name, {})
            for name, value in terms.items():
                window.setdefault(name, []).append(value.detach())


def _gradients(state: TrainingState, phase: Phase, weight: float = 1.0) -> dict[str, torch.Tensor]:
    """Leave the gradients of a phase's weighted loss, and give the loss and its terms."""
    batch = next(state.batches)
    with state.precision():
        loss, terms = state.objective.loss(phase.name, batch, state.generator, state.step)
    (loss if weight == 1 else weight * loss).backward()
    return {"loss": loss, **terms}


def _shared_gradients(
    state: TrainingState, phase: Phase, parameters: list[torch.nn.Parameter], n_processes: int
) -> dict[str, torch.Tensor]:
    """Leave the gradients of the whole batch, of which this process has some rows."""
    own, n_rows = rank(), state.batches.batch_size
    # The mean over processes of weighted means is the mean over all rows.
    weight = len(range(own, n_rows, n_processes)) * n_processes / n_rows
    with share_of_batch(own, n_processes, n_rows):
        terms = _gradients(state, phase, weight)
    average_gradients(parameters, n_processes)
    return terms


def _judge(state: TrainingState, validation: Batch | None) -> None:
    """Hold a validation point: judge the held-out rows, and let the callbacks look."""
    state.objective.networks.eval()
    _validate(state, validation)
    for callback in state.callbacks:
        callback.on_validation(state)
    state.objective.networks.train()


@torch.no_grad()
def _validate(state: TrainingState, validation: Batch | None) -> None:
    """Close the windows into history entries, and judge the held-out rows."""
    seen: dict[str, torch.Tensor] = {}
    state.scores, state.rolled_back = None, False
    if validation is not None:
        with state.averaged(), state.precision():
            seen = state.objective.validate(
                validation, torch_generator(state.generator.initial_seed())
            )
    extra: dict[str, float | list[float]] = {
        name: float(value.cpu().double().mean()) for name, value in seen.items()
    }
    if "validation" in seen:
        state.scores = seen["validation"].detach().cpu().double().reshape(-1)
        if len(state.scores) > 1:
            extra["validation_members"] = state.scores.tolist()
    state.latest = [
        {"step": state.step, "phase": phase, **_means(window), **extra}
        for phase, window in state.windows.items()
    ]
    state.history += state.latest
    state.windows = {}


def _means(window: dict[str, list[torch.Tensor]]) -> dict[str, float]:
    """Average each term: the only place where values leave the device.

    They leave it before they become float64, which not every device has.
    """
    return {
        name: float(torch.stack(values).cpu().double().mean()) for name, values in window.items()
    }


@contextmanager
def _learnable(objective: Objective) -> Iterator[set[torch.nn.Parameter]]:
    """Give the parameters that may learn, and their flags back afterwards."""
    parameters = {
        parameter for parameter in objective.networks.parameters() if parameter.requires_grad
    }
    try:
        yield parameters
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _phase(
    objective: Objective, phase: Phase, learnable: set[torch.nn.Parameter]
) -> tuple[Phase, list[torch.nn.Parameter], AdamW]:
    """Gather a phase's parameters, and build their optimiser."""
    unknown = [name for name in phase.networks if name not in objective.networks]
    parameters = [
        parameter
        for name in phase.networks
        if name not in unknown
        for parameter in objective.networks[name].parameters()
        if parameter in learnable
    ]
    if unknown or not parameters:
        raise InvalidInputError(
            f"Phase {phase.name!r} needs networks with parameters to learn, out of "
            f"{sorted(objective.networks)}; it names {list(phase.networks)}."
        )
    optimizer = AdamW(parameters, phase.learning_rate, phase.betas, phase.weight_decay)
    return phase, parameters, optimizer


def _overriding(callbacks: Sequence[Callback], method: str) -> list[Callback]:
    """Give the callbacks that do something in a method, so that the others cost nothing."""
    return [
        callback
        for callback in callbacks
        if getattr(type(callback), method) is not getattr(Callback, method)
    ]

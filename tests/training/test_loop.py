"""What the loop promises to every method."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.overrides import TorchFunctionMode

from augment._device import resolve_device
from augment._errors import InvalidInputError
from augment._random import torch_generator
from augment.objectives.base import Objective, Phase
from augment.training import Batches, Callback, train
from augment.training.ema import Ema
from augment.training.optimizer import AdamW
from tests.training.toy import LinearVae, Stacked, ToyGan, folds, table


def weights(objective):
    return {name: value.clone() for name, value in objective.networks.state_dict().items()}


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def run_gan(**arguments):
    objective = ToyGan()
    batches = Batches(table(40, 3), 8, torch_generator(1))
    settings = {"max_steps": 6, "generator": torch_generator(2), **arguments}
    return objective, train(objective, batches, **settings)


class Spy(Callback):
    def __init__(self):
        self.weights = []
        self.calls = []

    def on_start(self, state):
        self.calls.append("start")

    def on_step(self, state):
        self.weights.append(weights(state.objective))

    def on_validation(self, state):
        self.calls.append(f"validation {state.step}")

    def on_end(self, state):
        self.calls.append("end")

    def close(self):
        self.calls.append("close")


def test_only_the_parameters_of_the_phase_require_gradients():
    objective, _ = run_gan(max_steps=2)
    critic, generator = [False] * 2 + [True] * 4, [True] * 2 + [False] * 4
    one_step = [("critic", critic), ("critic", critic), ("generator", generator)]
    assert objective.seen == one_step * 2
    assert all(parameter.requires_grad for parameter in objective.networks.parameters())


def test_a_phase_leaves_the_other_networks_alone():
    class OnlyCritic(ToyGan):
        def __init__(self):
            super().__init__()
            self.phases = self.phases[:1]

    objective = OnlyCritic()
    before = weights(objective)
    train(objective, Batches(table(40, 3), 8, torch_generator(1)), max_steps=3,
          generator=torch_generator(2))  # fmt: skip
    changed = {name for name, value in weights(objective).items() if not value.equal(before[name])}
    assert changed
    assert all(name.startswith("critic") for name in changed)


def test_frozen_parameters_stay_frozen():
    objective = ToyGan()
    objective.networks["critic"][0].weight.requires_grad_(False)
    before = weights(objective)
    train(objective, Batches(table(40, 3), 8, torch_generator(1)), max_steps=3,
          generator=torch_generator(2))  # fmt: skip
    assert torch.equal(weights(objective)["critic.0.weight"], before["critic.0.weight"])
    assert not objective.networks["critic"][0].weight.requires_grad


def test_equal_seeds_give_equal_weights_and_other_seeds_do_not():
    (first, _), (second, _), (third, _) = (
        run_gan(generator=torch_generator(seed)) for seed in (2, 2, 3)
    )
    assert equal(weights(first), weights(second))
    assert not equal(weights(first), weights(third))


def test_nobody_elses_random_state_is_touched_or_heeded():
    torch.manual_seed(5)  # noqa: TID251 (the caller's own stream)
    np.random.seed(5)  # noqa: TID251 (the caller's own stream)
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, _ = run_gan()  # its dropout draws from the global stream
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], before_numpy)
    torch.manual_seed(6)  # noqa: TID251 (the caller's own stream)
    second, _ = run_gan()
    assert equal(weights(first), weights(second))


def test_history_has_a_row_for_each_phase_and_validation_point():
    _, record = run_gan(max_steps=7, validate_every=3)
    assert [(row["step"], row["phase"]) for row in record.history] == [
        (step, phase) for step in (3, 6, 7) for phase in ("critic", "generator")
    ]
    assert all(np.isfinite([row["loss"], row["gap"]]).all() for row in record.history)
    assert (record.n_steps, record.stopped_by) == (7, "max_steps")


def test_history_holds_means_of_losses_and_scores():
    class Counting(Objective):
        def __init__(self):
            self.networks = nn.ModuleDict({"a": nn.Linear(1, 1)})
            self.phases = (Phase("fit", ("a",), 1e-3),)

        def loss(self, phase, batch, generator, step):
            return self.networks["a"].weight.sum() * 0.0 + step, {"twice": torch.tensor(2.0 * step)}

        def validate(self, batch, generator):
            return {"validation": torch.tensor([1.0, 3.0]), "other": torch.tensor(7.0)}

    batches = Batches({"x": torch.zeros(2, 1)}, 2, torch_generator(0))
    record = train(Counting(), batches, max_steps=4, generator=torch_generator(0), validate_every=4,
                   validation={"x": torch.zeros(2, 1)})  # fmt: skip
    assert record.history == [
        {
            "step": 4,
            "phase": "fit",
            "loss": 1.5,
            "twice": 3.0,
            "validation": 2.0,
            "other": 7.0,
            "validation_members": [1.0, 3.0],
        }
    ]


def test_callbacks_are_called_in_order_and_closed_on_errors():
    spy = Spy()
    run_gan(callbacks=[spy], validate_every=4)
    assert spy.calls == ["start", "validation 4", "validation 6", "end", "close"]
    assert len(spy.weights) == 6

    class Failing(Callback):
        def on_validation(self, state):
            raise KeyboardInterrupt

    spy = Spy()
    with pytest.raises(KeyboardInterrupt):
        run_gan(callbacks=[spy, Failing()])
    assert spy.calls[-1] == "close"
    assert "end" not in spy.calls


def test_held_out_rows_are_judged_before_the_first_step():
    spy, data, (seen, held) = Spy(), table(60), folds(60, 5)
    batches = Batches(data, 16, torch_generator(1), seen)
    record = train(LinearVae(), batches, max_steps=4, generator=torch_generator(0),
                   validation={"x": data["x"][held]}, validate_every=2,
                   callbacks=[spy])  # fmt: skip
    assert spy.calls == ["start", "validation 0", "validation 2", "validation 4", "end", "close"]
    assert [entry["step"] for entry in record.history] == [2, 4]


class CpuFirst(TorchFunctionMode):
    """Refuse float64 to tensors that were not fetched from their device just before."""

    def __init__(self):
        super().__init__()
        self.fetched, self.n_checked = [], 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.double:
            assert any(args[0] is tensor for tensor in self.fetched)
            self.n_checked += 1
        result = func(*args, **(kwargs or {}))
        if func is torch.Tensor.cpu:
            self.fetched.append(result)
        return result


def test_values_leave_the_device_before_they_become_float64():
    data, (seen, held) = table(60), folds(60, 5)
    batches = Batches(data, 16, torch_generator(1), seen)
    with CpuFirst() as mode:
        train(LinearVae(), batches, max_steps=4, generator=torch_generator(0), validate_every=2,
              validation={"x": data["x"][held]})  # fmt: skip
    assert mode.n_checked > 6


def test_apples_device_is_never_chosen_by_itself(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cpu")
    assert resolve_device("mps") == torch.device("mps")


def test_validation_is_without_gradients_in_evaluation_mode_and_repeatable():
    class Watching(LinearVae):
        seen: list = []  # noqa: RUF012 (filled by the test)

        def validate(self, batch, generator):
            self.seen.append(
                (
                    torch.is_grad_enabled(),
                    self.networks.training,
                    float(torch.rand(1, generator=generator)),
                )
            )
            return {}

    data, (seen, held) = table(60), folds(60, 5)
    batches = Batches(data, 16, torch_generator(1), seen)
    train(Watching(), batches, max_steps=4, generator=torch_generator(0), validate_every=2,
          validation={"x": data["x"][held]})  # fmt: skip
    assert len(set(Watching.seen)) == 1
    assert Watching.seen[0][:2] == (False, False)


def test_the_linear_vae_learns():
    data, (seen, held) = table(), folds(200, 5)
    batches = Batches(data, 64, torch_generator(5), seen)
    record = train(LinearVae(), batches, max_steps=300, generator=torch_generator(0),
                   validation={"x": data["x"][held]})  # fmt: skip
    scores = [row["validation"] for row in record.history]
    assert scores[-1] < 0.15 < 0.25 < scores[0]


@pytest.mark.parametrize("member", [0, 1])
def test_members_trained_together_equal_members_trained_alone(member):
    """Losses are summed over members, so nothing flows between them (noise-free objective)."""

    class Regression(Objective):
        def __init__(self, members):
            self.networks = nn.ModuleDict({"line": Stacked(members, 4, 1)})
            with torch.no_grad():
                self.networks["line"].weight.fill_(0.1)
            self.phases = (Phase("fit", ("line",), 1e-2),)

        def loss(self, phase, batch, generator, step):
            error = self.networks["line"](batch["x"][..., :4]) - batch["x"][..., 4:5]
            return error.square().mean(dim=(1, 2)).sum(), {}

    data, (seen, _) = table(60), folds(60, 2)
    together, alone = Regression(2), Regression(1)
    train(together, Batches(data, 8, torch_generator(1), seen), max_steps=40,
          generator=torch_generator(0))  # fmt: skip

    class OneMember(Batches):
        def __next__(self):
            return {"x": super().__next__()["x"][member : member + 1]}

    train(alone, OneMember(data, 8, torch_generator(1), seen), max_steps=40,
          generator=torch_generator(0))  # fmt: skip
    for name, value in weights(alone).items():
        torch.testing.assert_close(weights(together)[name][member], value[0], rtol=1e-5, atol=1e-7)


@given(decay=st.floats(0.5, 0.999), steps=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_ema_is_its_closed_form(decay, steps):
    network = nn.Linear(2, 1).double()
    path = [network.weight.detach().clone()]
    ema = Ema(network, decay)
    for step in range(steps):
        with torch.no_grad():
            network.weight.copy_(path[0] + (step + 1) ** 2)
        path.append(network.weight.detach().clone())
        ema.update()
    decays = [min(decay, (1 + t) / (10 + t)) for t in range(1, steps + 1)]
    closed = path[0] * np.prod(decays) + sum(
        path[t] * (1 - decays[t - 1]) * np.prod(decays[t:]) for t in range(1, steps + 1)
    )
    torch.testing.assert_close(ema.weights["weight"], closed)


def test_what_is_delivered_is_the_average():
    spy = Spy()
    objective, _ = run_gan(ema_decay=0.9, callbacks=[spy])
    expected = {name: value.clone() for name, value in weights(ToyGan()).items()}
    for t, live in enumerate(spy.weights, start=1):
        decay = min(0.9, (1 + t) / (10 + t))
        for name, value in live.items():
            expected[name] = decay * expected[name] + (1 - decay) * value
    for name, value in weights(objective).items():
        torch.testing.assert_close(value, expected[name])


def test_validation_sees_the_average_and_training_goes_on_without_it():
    class Watching(LinearVae):
        seen: list = []  # noqa: RUF012 (filled by the test)

        def validate(self, batch, generator):
            self.seen.append(weights(self))
            return super().validate(batch, generator)

    def run(ema_decay, validation):
        data, (seen, held) = table(60), folds(60, 5)
        objective, spy = Watching(), Spy()
        train(objective, Batches(data, 16, torch_generator(1), seen), max_steps=5,
              generator=torch_generator(0), validate_every=2, ema_decay=ema_decay, callbacks=[spy],
              validation={"x": data["x"][held]} if validation else None)  # fmt: skip
        return objective, spy

    averaged, with_average = run(0.9, True)
    _, without = run(None, False)
    assert all(map(equal, with_average.weights, without.weights))
    assert equal(averaged.seen[-1], weights(averaged))
    assert not equal(averaged.seen[-1], with_average.weights[-1])


def test_the_optimiser_is_torchs_adamw():
    ours, theirs = Stacked(2, 5, 3), Stacked(2, 5, 3)
    theirs.load_state_dict(ours.state_dict())
    first = AdamW(list(ours.parameters()), 0.02, (0.8, 0.95), 0.1)
    second = torch.optim.AdamW(theirs.parameters(), 0.02, (0.8, 0.95), weight_decay=0.1)
    for step in range(20):
        x = torch.randn(2, 6, 5, generator=torch_generator(step))
        for model in (ours, theirs):
            model.zero_grad()
            (model(x) - 1).square().sum().backward()
        first.step()
        second.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_the_optimiser_leaves_parameters_without_gradient_alone():
    model = Stacked(1, 2, 2)
    optimizer = AdamW(list(model.parameters()), 0.1)
    model.weight.grad = torch.ones_like(model.weight)
    bias = model.bias.detach().clone()
    optimizer.step()
    assert torch.equal(model.bias, bias)


def test_a_phase_without_learnable_networks_is_refused():
    objective = ToyGan()
    objective.phases = (Phase("critic", ("critics",), 1e-2),)
    with pytest.raises(InvalidInputError, match="critics"):
        train(objective, Batches(table(40, 3), 8, torch_generator(1)), max_steps=1,
              generator=torch_generator(2))  # fmt: skip

"""Rollback to the best state when training diverges or collapses."""

from __future__ import annotations

import math

import pytest
import torch

from augment._errors import TrainingError
from augment._random import torch_generator
from augment.training import (
    Batches,
    Callback,
    CollapseGuard,
    DivergenceGuard,
    EarlyStopping,
    train,
)
from tests.training.toy import Fragile, LinearVae, folds, table


class Rates(Callback):
    def __init__(self):
        self.rates = []

    def on_step(self, state):
        self.rates.append(state.phases[0][2].learning_rate)


def run(objective, *callbacks, steps=6, **arguments):
    data = {"x": torch.zeros(2, 1)}
    return train(objective, Batches(data, 2, torch_generator(0)), max_steps=steps,
                 generator=torch_generator(0), validate_every=1, callbacks=callbacks,
                 **arguments)  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e6])
@pytest.mark.parametrize("ema_decay", [None, 0.5])
def test_divergence_goes_back_to_the_best_state_and_slows_down(value, ema_decay):
    objective, rates = Fragile(broken={2, 4}, value=value), Rates()
    record = run(objective, DivergenceGuard(), rates, ema_decay=ema_decay)
    assert rates.rates == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    assert record.n_steps == 6
    assert torch.isfinite(objective.weight).all()
    if ema_decay is None:  # steps 0 and 1, back to 2, step 3 at half, back, step 5 at a quarter
        assert float(objective.weight) == pytest.approx(2 + 0.5 + 0.25)


def test_divergence_keeps_the_state_with_the_best_score():
    objective = Fragile(broken={3}, scores=[9.0, 2.0, 1.0, 3.0, 9.0])
    run(objective, DivergenceGuard(), steps=4, validation={"x": torch.zeros(2, 1)})
    assert float(objective.weight) == pytest.approx(2.0)


def test_endless_divergence_is_an_error_in_plain_words():
    with pytest.raises(TrainingError, match=r"diverged 4 times.*learning_rate"):
        run(Fragile(broken=range(1, 99)), DivergenceGuard(), steps=99)


def test_scores_that_are_no_numbers_are_divergence_too():
    objective = Fragile(scores=[9.0, 1.0, float("nan"), 0.5])
    record = run(objective, DivergenceGuard(), EarlyStopping(5), steps=3,
                 validation={"x": torch.zeros(2, 1)})  # fmt: skip
    assert record.n_steps == 3
    assert float(objective.weight) == pytest.approx(1.5)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_run_that_never_was_finite_is_an_error(value):
    with pytest.raises(TrainingError, match=r"none of its 2 steps.*learning_rate"):
        run(Fragile(broken=range(9), value=value), DivergenceGuard(), steps=2)


def test_a_run_that_was_finite_once_delivers_that():
    objective = Fragile(broken={1, 2}, scores=[9.0, 1.0, 1.0, 1.0])
    run(objective, DivergenceGuard(), steps=3, validation={"x": torch.zeros(2, 1)})
    assert float(objective.weight) == pytest.approx(1.0)


def test_starting_weights_without_a_finite_score_are_no_candidate():
    stopping, guard = EarlyStopping(9), DivergenceGuard()
    objective = Fragile(scores=[-math.inf, 2.0, 3.0])
    run(objective, guard, stopping, steps=2, validation={"x": torch.zeros(2, 1)})
    assert float(objective.weight) == pytest.approx(1.0)
    assert stopping.best_steps == [1]
    assert guard.n_rollbacks == 0


def test_a_real_model_survives_an_absurd_learning_rate():
    data, (seen, held) = table(60), folds(60, 5)
    objective = LinearVae(rate=3.0)
    record = train(objective, Batches(data, 16, torch_generator(1), seen), max_steps=200,
                   generator=torch_generator(0), validate_every=10,
                   validation={"x": data["x"][held]},
                   callbacks=[DivergenceGuard(max_rollbacks=12), EarlyStopping(50)])  # fmt: skip
    assert all(torch.isfinite(value).all() for value in objective.networks.state_dict().values())
    assert record.n_steps == 200


def below(limit):
    def check(objective):
        assert not torch.is_grad_enabled()
        assert not objective.networks.training
        return limit - float(objective.weight)

    return check


def test_collapse_goes_back_and_stops_at_a_state_that_passed():
    objective, rates = Fragile(), Rates()
    record = run(objective, CollapseGuard(below(2.6), floor=0.0, max_rollbacks=2), rates, steps=99)
    # 1, 2, (3), 2.5, (3), 2.75 is too much as well: the third rollback is the last
    assert float(objective.weight) == pytest.approx(2.5)
    assert record.stopped_by == "CollapseGuard"
    assert rates.rates[-1] == pytest.approx(0.125)
    assert "collapse_check" in record.history[0]


def test_early_stopping_never_picks_a_collapsed_state():
    objective = Fragile(scores=[9.0, 3.0, 2.0, 1.0, 5.0])
    stopping = EarlyStopping(9)
    run(objective, stopping, CollapseGuard(below(2.5), 0.0, slow_down=0.0), steps=4,
        validation={"x": torch.zeros(2, 1)})  # fmt: skip
    assert float(objective.weight) == pytest.approx(2.0)
    assert stopping.best_steps[0] in {
        2,
        4,
    }  # point 3 had collapsed; at 4 the weights are those of 2


@pytest.mark.parametrize(("floor", "delivered"), [(-1.0, 0.0), (1.0, 2.0)])
def test_starting_weights_are_delivered_only_if_they_pass(floor, delivered):
    objective = Fragile(scores=[0.0, 7.0, 6.0, 6.5])
    guard = CollapseGuard(lambda o: float(o.weight), floor)
    run(objective, guard, EarlyStopping(9), steps=3, validation={"x": torch.zeros(2, 1)})
    assert float(objective.weight) == pytest.approx(delivered)


def test_starting_weights_that_pass_by_luck_are_no_state_to_go_back_to():
    objective, checks = Fragile(scores=[9.0, 8.0, 7.0, 6.0]), iter([1.0, 0.0, 0.0, 1.0])
    guard = CollapseGuard(lambda _: next(checks), 0.5)
    run(objective, guard, steps=3, validation={"x": torch.zeros(2, 1)})
    assert guard.n_rollbacks == 0
    assert float(objective.weight) == pytest.approx(3.0)


def test_untrained_networks_may_fail_the_check():
    objective = Fragile()
    run(objective, CollapseGuard(lambda o: float(o.weight), floor=3.0))
    assert float(objective.weight) == pytest.approx(6.0)


def test_a_check_that_never_passes_is_an_error_in_plain_words():
    with pytest.raises(TrainingError, match=r"collapsed.*never reached 3.*max_steps"):
        run(Fragile(), CollapseGuard(lambda _: 1.0, floor=3.0))

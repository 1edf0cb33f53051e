"""Early stopping by member, last weights, and a progress bar that stays out of the way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augment._errors import InvalidInputError
from augment._random import torch_generator
from augment.training import Batches, Checkpoint, EarlyStopping, LastWeights, Progress, train
from tests.training.toy import LinearVae, Scripted, folds, table


def run(scores, *callbacks, start=None, **arguments):
    """Train with given scores of the steps, and of the starting weights (by default, bad ones)."""
    objective = Scripted([start or [99.0] * len(scores[0]), *scores], **arguments)
    data = {"x": torch.zeros(4, 3)}
    record = train(
        objective,
        Batches(data, 2, torch_generator(0)),
        max_steps=len(scores),
        generator=torch_generator(0),
        validation=data,
        validate_every=1,
        callbacks=callbacks,
    )
    return objective, record


score_lists = st.integers(1, 4).flatmap(
    lambda members: st.lists(
        st.lists(st.integers(0, 6).map(float), min_size=members, max_size=members),
        min_size=2,
        max_size=8,
    )
)


@given(scores=score_lists, patience=st.integers(1, 4))
def test_each_member_ends_with_its_own_best_weights(scores, patience):
    stopping = EarlyStopping(patience)
    objective, record = run(scores[1:], stopping, start=scores[0])
    table = np.array(scores[: record.n_steps + 1])
    best = table.argmin(axis=0)  # the first of equals; 0 is the start
    weight = objective.networks["line"].weight
    for member, step in enumerate(best):
        torch.testing.assert_close(weight[member], torch.full((3, 2), float(step)))
    assert stopping.best_steps == best.tolist()
    assert stopping.best_scores.tolist() == table.min(axis=0).tolist()
    waited = record.n_steps - 1 - table[1:].argmin(axis=0)
    if record.stopped_by == "EarlyStopping":
        assert (waited >= patience).all()
    else:
        assert record.n_steps == len(scores) - 1
        assert (waited < patience).any()


def test_starting_weights_that_training_spoils_are_delivered():
    stopping = EarlyStopping(2)
    objective, record = run([[3.0], [2.0], [1.5], [4.0], [4.0], [4.0]], stopping, start=[1.0])
    assert not objective.networks["line"].weight.any()
    assert stopping.best_steps == [0]
    assert record.n_steps == 5  # patience counts from the best point after the start
    assert [entry["step"] for entry in record.history] == [1, 2, 3, 4, 5]


def test_shared_weights_follow_the_mean():
    scores = [[3.0, 1.0], [1.0, 2.0], [9.0, 0.0]]
    objective, _ = run(scores, EarlyStopping(9), shared=True)
    line = objective.networks["line"].weight
    assert line.detach()[:, 0, 0].tolist() == pytest.approx([2.0, 3.0])
    assert float(objective.networks["shared"].weight.detach()[0, 0]) == pytest.approx(2.0)


def test_the_ensemble_can_be_judged_by_its_mean():
    objective, _ = run([[3.0, 1.0], [1.0, 2.0], [9.0, 0.0]], EarlyStopping(9, per_member=False))
    torch.testing.assert_close(
        objective.networks["line"].weight.detach(), torch.full((2, 3, 2), 2.0)
    )


def test_a_score_that_is_not_a_number_is_never_best():
    objective, _ = run([[2.0], [float("nan")], [3.0]], EarlyStopping(9))
    assert float(objective.networks["line"].bias.detach().max()) == pytest.approx(1.0)


def test_small_gains_do_not_renew_patience_but_are_kept():
    scores = [[1.0 - 0.01 * step] for step in range(10)]
    objective, record = run(scores, EarlyStopping(3, min_delta=0.5))
    assert record.n_steps == 4
    assert float(objective.networks["line"].bias.detach().max()) == pytest.approx(4.0)


def test_a_callback_forgets_the_run_before():
    stopping = EarlyStopping(9)
    run([[0.0]], stopping)
    objective, _ = run([[5.0], [4.0]], stopping)
    assert float(objective.networks["line"].bias.detach().max()) == pytest.approx(2.0)


def test_early_stopping_needs_scores():
    batches = Batches(table(20), 8, torch_generator(0), folds(20, 5)[0])
    with pytest.raises(InvalidInputError, match="held-out"):
        train(LinearVae(), batches, max_steps=2, generator=torch_generator(0),
              callbacks=[EarlyStopping(2)])  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
def test_last_weights_are_kept_where_the_best_are_delivered(turned):
    last, stopping = LastWeights("line"), EarlyStopping(9)
    callbacks = [stopping, last] if turned else [last, stopping]
    objective, _ = run([[2.0], [1.0], [3.0], [4.0]], *callbacks)
    delivered = objective.networks["line"].state_dict()
    assert set(last.weights) == set(delivered)
    for name, value in last.weights.items():
        torch.testing.assert_close(value, torch.full_like(value, 4.0))
        torch.testing.assert_close(delivered[name], torch.full_like(value, 2.0))


def test_last_weights_are_of_one_network_and_stay_as_they_were():
    last = LastWeights("shared")
    objective, _ = run([[2.0], [1.0]], last, shared=True)
    with torch.no_grad():
        objective.networks["shared"].weight.zero_()
    assert set(last.weights) == {"weight", "bias"}
    assert all(bool((value == 2.0).all()) for value in last.weights.values())


def test_a_finished_run_knows_its_last_weights(tmp_path):
    scores = [[2.0], [1.0], [3.0]]
    for _ in range(2):  # the second time, all comes from the file
        last = LastWeights("line")
        run(scores, last, EarlyStopping(9), Checkpoint(tmp_path / "c", 1))
        assert all(bool((value == 3.0).all()) for value in last.weights.values())


def test_progress_writes_to_standard_error_and_nothing_else_prints(capsys):
    run([[1.0], [2.0]], EarlyStopping(9))
    assert capsys.readouterr() == ("", "")
    run([[1.0], [2.0]], Progress("Fitting"))
    out, err = capsys.readouterr()
    assert out == ""
    assert "Fitting" in err
    assert "2/2" in err
    assert "held out" in err

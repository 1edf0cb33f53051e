"""Shuffles without replacement, by member, endless, and resumable."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from augment._errors import InvalidInputError
from augment._random import torch_generator
from augment.training import Batches


def rows_of(batches, n, name="row"):
    return torch.cat([next(batches)[name] for _ in range(n)], dim=-1)


@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_each_pass_visits_every_row_once(n, batch_size, seed):
    batches = Batches({"row": torch.arange(n)}, batch_size, torch_generator(seed))
    stream = rows_of(batches, -(-3 * n // batch_size))
    for start in range(0, 3 * n, n):
        assert sorted(stream[start : start + n].tolist()) == list(range(n))


@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    batch_size=st.integers(1, 25),
)
@settings(max_examples=40, deadline=None)
def test_members_see_their_own_rows_only_and_all_of_them(sizes, batch_size):
    members = [torch.arange(100)[-size:] - index for index, size in enumerate(sizes)]
    batches = Batches({"row": torch.arange(100)}, batch_size, torch_generator(0), members)
    stream = rows_of(batches, -(-2 * max(sizes) // batch_size))
    assert stream.shape[0] == len(sizes)
    for seen, rows in zip(stream, members, strict=True):
        n = len(rows)
        assert sorted(seen[:n].tolist()) == sorted(rows.tolist())
        assert sorted(seen[n : 2 * n].tolist()) == sorted(rows.tolist())


def test_a_member_does_not_depend_on_the_members_after_it():
    data, rows = {"row": torch.arange(30)}, [torch.arange(20), torch.arange(5, 30)]
    both = rows_of(Batches(data, 7, torch_generator(0), rows), 9)
    alone = rows_of(Batches(data, 7, torch_generator(0), rows[:1]), 9)
    assert torch.equal(both[:1], alone)


def test_tensors_stay_together_and_keep_their_shapes():
    data = {"row": torch.arange(10), "image": torch.arange(10.0).view(10, 1, 1).expand(10, 2, 3)}
    batch = next(Batches(data, 4, torch_generator(0), [torch.arange(10)] * 3))
    assert batch["image"].shape == (3, 4, 2, 3)
    assert torch.equal(batch["image"][..., 1, 2], batch["row"].float())


def test_the_batch_size_is_kept_when_rows_are_few():
    assert next(Batches({"row": torch.arange(3)}, 8, torch_generator(0)))["row"].shape == (8,)


@given(before=st.integers(0, 30), batch_size=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_a_stream_goes_on_where_it_was(before, batch_size):
    def fresh(seed):
        members = [torch.arange(11), torch.arange(4)]
        return Batches({"row": torch.arange(11)}, batch_size, torch_generator(seed), members)

    first, second = fresh(0), fresh(1)
    for _ in range(before):
        next(first)
    second.set_state(first.get_state())
    assert torch.equal(rows_of(first, 15), rows_of(second, 15))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tensors": {"a": torch.zeros(3), "b": torch.zeros(4)}}, "same number of rows"),
        ({"tensors": {"a": torch.zeros(0)}}, "at least 1"),
        ({"tensors": {}}, "at least 1"),
        ({"batch_size": 0}, "batch_size"),
        ({"members": []}, "empty"),
        ({"members": [torch.arange(3), torch.arange(0)]}, "member 1"),
        ({"members": [torch.tensor([3])]}, "between 0 and 2"),
    ],
)
def test_impossible_batches_are_refused(arguments, words):
    base = {"tensors": {"a": torch.zeros(3)}, "batch_size": 2, "generator": torch_generator(0)}
    with pytest.raises(InvalidInputError, match=words):
        Batches(**{**base, **arguments})


@given(
    weights=st.lists(st.floats(0.1, 9), min_size=1, max_size=12),
    batch_size=st.integers(1, 20),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_a_pass_holds_each_row_as_often_as_it_weighs(weights, batch_size, seed):
    n, given_weights = len(weights), torch.tensor(weights)
    batches = Batches(
        {"row": torch.arange(n)}, batch_size, torch_generator(seed), weights=given_weights
    )
    stream = rows_of(batches, -(-3 * n // batch_size))
    expected = n * given_weights.double() / given_weights.double().sum()
    for start in range(0, 3 * n, n):
        seen = torch.bincount(stream[start : start + n], minlength=n)
        assert bool((seen >= (expected - 1e-6).floor()).all())
        assert bool((seen <= (expected + 1e-6).ceil()).all())


def test_a_weighted_stream_goes_on_where_it_was():
    def stream():
        weights = torch.tensor([1.0, 5.0, 0.5, 2.0])
        return Batches({"row": torch.arange(4)}, 3, torch_generator(0), weights=weights)

    one, two = stream(), stream()
    rows_of(one, 5)
    two.set_state(one.get_state())
    assert torch.equal(rows_of(one, 7), rows_of(two, 7))


def test_versions_are_taken_in_turn_and_go_on_after_a_stop():
    rows, versions = torch.arange(6), torch.stack([torch.arange(6) + 10 * k for k in range(3)])

    def batches():
        return Batches({"row": rows}, 4, torch_generator(0), in_turn={"scores": versions})

    whole = batches()
    drawn = [next(whole) for _ in range(8)]
    for turn, batch in enumerate(drawn):
        assert torch.equal(batch["scores"], batch["row"] + 10 * (turn % 3))
    first = batches()
    for _ in range(5):
        next(first)
    second = batches()
    second.set_state(first.get_state())
    assert all(torch.equal(next(second)["scores"], batch["scores"]) for batch in drawn[5:])


def test_versions_of_other_rows_are_refused():
    with pytest.raises(InvalidInputError, match="in turn"):
        Batches({"row": torch.arange(6)}, 4, torch_generator(0), in_turn={"x": torch.zeros(2, 5)})

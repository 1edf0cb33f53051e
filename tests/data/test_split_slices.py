"""No subject is on both sides; classes are spread; subjects take turns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment._errors import AugmentWarning, InvalidInputError
from augment.data import SliceSet, make_phantoms, split_slices


def slices_of(labels, groups):
    n = len(labels)
    numbers = np.arange(n, dtype=np.float32)[:, None, None, None]
    groups = None if groups is None else np.asarray(groups, dtype=str)
    return SliceSet(numbers * np.ones((n, 1, 8, 8), np.float32), pd.Series(labels), groups)


@settings(max_examples=10)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=6, max_size=40),
    st.floats(0.05, 0.5),
    st.integers(0, 3),
)
def test_no_subject_is_on_both_sides(pairs, fraction, seed):
    groups, labels = zip(*pairs, strict=True)
    slices = slices_of(labels, groups)
    if len(set(groups)) < 2:
        with pytest.raises(InvalidInputError, match="All slices are of one subject"):
            split_slices(slices, random_state=seed)
        return
    owners = pd.Series(groups).groupby(np.asarray(labels)).nunique()
    if len(owners) > 1 and owners.max() == 1:
        with pytest.raises(InvalidInputError, match="Each class has one subject only"):
            split_slices(slices, random_state=seed)
        return
    train, holdout = split_slices(slices, holdout_fraction=fraction, random_state=seed)
    assert set(train.groups).isdisjoint(holdout.groups)
    numbers = np.concatenate([part.images[:, 0, 0, 0] for part in (train, holdout)])
    assert sorted(numbers) == list(range(len(slices)))
    assert len(train) > 0 < len(holdout)


def test_classes_come_near_to_the_wanted_share():
    slices = make_phantoms(n_subjects=40, n_slices=2, size=16, random_state=0)
    _, holdout = split_slices(slices, holdout_fraction=0.3, random_state=0)
    counts = holdout.y.value_counts()
    assert counts["healthy"] == counts["lesion"] == 12


def test_a_class_of_one_subject_is_learned_from():
    slices = slices_of([0] * 20 + [1] * 2, [f"s{i // 2}" for i in range(20)] + ["x"] * 2)
    for seed in range(5):
        train, _ = split_slices(slices, random_state=seed)
        assert "x" in train.groups


def test_subjects_take_turns():
    groups = ["big"] * 30 + [f"s{i}" for i in range(30)]
    train, _ = split_slices(
        slices_of([0] * len(groups), groups), n_per_class=4, holdout_fraction=0.2, random_state=0
    )
    assert len(train) == len(set(train.groups)) == 4


def test_without_subjects_there_is_a_loud_warning():
    with pytest.warns(AugmentWarning, match="divided one by one"):
        split_slices(slices_of([0, 1] * 10, None), random_state=0)


@pytest.mark.parametrize("options", [{"holdout_fraction": 0.9}, {"n_per_class": 0}])
def test_bad_parameters(options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        split_slices(slices_of([0, 1] * 10, list("ab") * 10), **options)

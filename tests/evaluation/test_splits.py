"""No patient on both sides, every scored class in every part, rare classes in training."""

import numpy as np
import pytest

from augment._errors import InvalidInputError
from augment.evaluation.inputs import check_cohort
from augment.evaluation.splits import nested_subset, plan_splits, scorable_classes


def cohort(counts, groups=None, seed=0):
    labels = np.repeat(np.arange(len(counts)), counts)
    y = np.random.default_rng(seed).permutation(labels)
    return check_cohort(np.zeros((y.size, 1)), y.astype(str), groups)


def test_each_repeat_tests_every_row_once():
    rows = cohort([40, 23])
    splits = plan_splits(rows, 5, 3, seed=0)
    for repeat in range(3):
        tested = np.concatenate([s.test for s in splits if s.repeat == repeat])
        assert sorted(tested) == list(range(63))
    assert all(not set(s.train) & set(s.test) for s in splits)
    assert all(s.train.size + s.test.size == 63 for s in splits)
    assert not np.array_equal(splits[0].test, splits[5].test)


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_is_never_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 40, 150)
    rows = cohort([90, 50, 10], groups, seed)
    for split in plan_splits(rows, 5, 2, seed):
        assert not set(rows.groups[split.train]) & set(rows.groups[split.test])


def test_rare_classes_stay_in_training():
    rows = cohort([40, 30, 4, 2])
    assert scorable_classes(rows, 5).tolist() == [0, 1]
    rare = np.flatnonzero(rows.codes >= 2)
    for split in plan_splits(rows, 5, 2, seed=1):
        assert set(rare) <= set(split.train)
        assert set(rows.codes[split.test]) == {0, 1}


def test_a_rare_row_of_a_tested_patient_is_on_neither_side():
    groups = np.arange(74)
    rows = cohort([40, 30, 4])
    rare, common = np.flatnonzero(rows.codes == 2)[0], np.flatnonzero(rows.codes == 0)[0]
    groups[rare] = groups[common]
    rows = check_cohort(np.zeros((74, 1)), rows.codes.astype(str), groups)
    split = next(s for s in plan_splits(rows, 5, 1, seed=0) if common in s.test)
    assert rare not in split.train
    assert rare not in split.test


def test_too_few_scorable_classes():
    with pytest.raises(InvalidInputError, match=r"at least two classes.*n_splits=5"):
        scorable_classes(cohort([20, 4, 3]), 5)
    one_patient = np.r_[np.zeros(20), np.arange(1, 21)]
    y = np.repeat(["a", "b"], 20)
    with pytest.raises(InvalidInputError, match="groups per class"):
        scorable_classes(check_cohort(np.zeros((40, 1)), y, one_patient), 5)


def test_subsets_are_nested_and_stratified():
    rows = cohort([60, 20])
    parts = nested_subset(rows, np.arange(80), [20, 40, 60], seed=0)
    assert [part.size for part in parts] == [20, 40, 60]
    assert set(parts[0]) < set(parts[1]) < set(parts[2])
    for part in parts:
        assert abs((rows.codes[part] == 1).mean() - 0.25) <= 1 / part.size


def test_subsets_of_groups_are_runs_of_patients():
    groups = np.repeat(np.arange(20), 4)
    rows = cohort([60, 20], groups)
    small, large = nested_subset(rows, np.arange(80), [20, 40], seed=0)
    assert np.unique(groups[small]).size == 5
    assert set(small) < set(large)


@pytest.mark.parametrize("groups", [None, np.arange(120) // 2])
def test_every_subset_has_every_class(groups):
    for seed in range(20):
        rows = cohort([116, 4], groups, seed)
        small, large = nested_subset(rows, np.arange(120), [15, 60], seed)
        assert set(rows.codes[small]) == {0, 1}
        assert set(small) < set(large)
        assert (small.size, large.size) == (15, 60)

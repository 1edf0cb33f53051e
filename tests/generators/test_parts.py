"""The parts that generators are made of, each by its law."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from augment.data.conditions import Conditions
from augment.data.schema import TableSchema
from augment.generators._base import BLOCK, in_blocks
from augment.generators._calibration import MarginCorrection
from augment.generators._fingerprint import fingerprint
from augment.generators._folds import leave_out
from augment.generators._network import sobol_normals
from augment.generators._separation import separation
from augment.generators._tabular import Rows


@given(
    n=st.integers(4, 60),
    members=st.integers(1, 12),
    classes=st.integers(1, 4),
    patients=st.one_of(st.none(), st.integers(2, 20)),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_folds_leave_out_and_keep_rows_and_hold_patients_together(
    n, members, classes, patients, seed
):
    rng = np.random.default_rng(seed)
    strata = rng.integers(0, classes, n)
    groups = None if patients is None else np.arange(n) % patients
    left = leave_out(strata, groups, members, 0.2, seed)
    assert left.shape == (members, n)
    assert left.any(axis=1).all()
    assert (~left).any(axis=1).all()
    if groups is not None:
        for patient in np.unique(groups):
            assert (np.ptp(left[:, groups == patient].astype(int), axis=1) == 0).all()


def test_five_members_leave_each_row_out_once():
    left = leave_out(np.repeat([0, 1], 25), None, 5, 0.2, seed=3)
    assert (left.sum(axis=0) == 1).all()
    per_class = np.stack([left[:, :25].sum(axis=1), left[:, 25:].sum(axis=1)])
    assert np.ptp(per_class) <= 1


def test_one_patient_alone_is_not_held_out():
    assert not leave_out(np.zeros(8, dtype=int), np.zeros(8, dtype=int), 3, 0.2, 0).any()


def _correction(*draws):
    return MarginCorrection(np.stack([MarginCorrection.knots_of(part) for part in draws]))


def test_correction_makes_any_margin_normal_and_keeps_order():
    rng = np.random.default_rng(0)
    scales = [1.0, 30.0]
    correction = _correction(*(rng.gamma(0.7, size=(20_000, 1)) * scale for scale in scales))
    for stratum in range(2):
        fresh = rng.gamma(0.7, size=(5_000, 1)) * scales[stratum]
        corrected = correction.apply(fresh, np.full(5_000, stratum))[:, 0]
        assert stats.kstest(corrected, "norm").statistic < 0.03
        assert (np.diff(corrected[np.argsort(fresh[:, 0])]) >= 0).all()


def test_correction_is_the_identity_on_normal_scores():
    draws = np.random.default_rng(1).standard_normal((50_000, 1))
    grid = np.linspace(-2, 2, 9)[:, None]
    corrected = _correction(draws).apply(grid, np.zeros(9, dtype=np.int64))
    np.testing.assert_allclose(corrected, grid, atol=0.05)


def test_sobol_noise_is_balanced_overall_and_in_every_run_of_rows():
    net = sobol_normals(30, np.random.default_rng(5))
    assert net.shape == (BLOCK, 30)
    np.testing.assert_array_equal(net, sobol_normals(30, np.random.default_rng(5)))
    assert np.abs((net > 0).mean(axis=0) - 0.5).max() == 0
    assert np.abs(np.corrcoef(net.T) - np.eye(30)).max() < 0.12
    independent = np.random.default_rng(5).standard_normal((BLOCK, 30))
    runs = [np.square(part[:256].mean(axis=0)).mean() for part in (net, independent)]
    assert runs[0] < 0.5 * runs[1]


def _given(n):
    return Conditions(np.zeros(n, dtype=np.int64), np.zeros((n, 0), dtype=np.float32))


@pytest.mark.parametrize("period", [2, 4, 8])
def test_noise_has_no_rhythm(period):
    for seed in range(4):
        (block,) = in_blocks(_given(BLOCK), seed)
        normals = sobol_normals(12, block.rng)[block.order]
        for phase in range(period):
            assert np.abs(normals[phase::period].mean(axis=0)).max() < 0.35


def _table(gap, n=80, d=10, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n // 2)
    X = pd.DataFrame(rng.normal(size=(n, d)) + gap * labels[:, None], columns=list("abcdefghij"))
    schema = TableSchema.infer(X)
    given = Conditions(labels, np.eye(2, dtype=np.float32)[labels])
    return schema, Rows(schema.conform(X), given, np.ones(n), None, seed)


def test_separation_is_low_for_noise_and_high_for_clear_classes():
    noise = [separation(*_table(0.0, seed=s), 0.5) for s in range(4)]
    clear = [separation(*_table(1.0, seed=s), 0.5) for s in range(4)]
    assert np.mean(noise) < 0.5 < 0.8 < np.mean(clear)
    assert min(noise) >= 0.1
    assert max(clear) <= 1.0


def test_separation_of_one_class_is_whole():
    schema, rows = _table(0.0)
    alone = dataclasses.replace(rows, conditions=_given(80))
    assert separation(schema, alone, 0.5) == 1.0


@pytest.mark.parametrize("changed", ["name", "parameter", "value", "dtype", "shape"])
def test_fingerprints_tell_everything_apart(changed):
    values = np.arange(6.0)
    base = ("A", {"seed": 1}, {"x": values})
    other = {
        "name": ("B", {"seed": 1}, {"x": values}),
        "parameter": ("A", {"seed": 2}, {"x": values}),
        "value": ("A", {"seed": 1}, {"x": values + 1e-9}),
        "dtype": ("A", {"seed": 1}, {"x": values.astype(np.float32)}),
        "shape": ("A", {"seed": 1}, {"x": values.reshape(2, 3)}),
    }[changed]
    assert fingerprint(*base) == fingerprint(*base)
    assert fingerprint(*base) != fingerprint(*other)

"""Dummies of one choice stay one choice, and what goes missing together stays together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment import GaussianCopula, ReconstructionDetector, TabularVAE
from augment.data import TableSchema
from augment.data.joint import Choice
from tests.data.wild import fitted

SHARES = [0.4, 0.3, 0.2, 0.08, 0.02]


def dummies(n=200, dtype=bool, drop_first=False, seed=0):
    rng = np.random.default_rng(seed)
    site = pd.Series(rng.choice(list("abcde"), n, p=SHARES))
    frame = pd.get_dummies(site, prefix="site", dtype=dtype, drop_first=drop_first)
    frame.insert(0, "age", rng.integers(20, 90, n))
    frame["smoker"] = rng.random(n) < 0.3
    return frame


def drawn(frame, n=4000, seed=0):
    schema, _, encoder = fitted(frame, np.zeros(len(frame), dtype=np.int64), 1)
    scores = np.random.default_rng(seed).standard_normal((n, encoder.n_scores))
    return schema.restore(encoder.inverse_transform(scores, np.zeros(n, dtype=np.int64)))


@pytest.mark.parametrize("dtype", [bool, int, "float32", "Int64"])
def test_one_dummy_is_on_as_often_as_it_was(dtype):
    frame = dummies(dtype=dtype)
    made = drawn(frame).filter(like="site")
    assert (made.sum(axis=1) == 1).all()
    np.testing.assert_allclose(made.mean(), frame.filter(like="site").mean(), atol=0.025)
    assert list(made.dtypes) == list(frame.filter(like="site").dtypes)


def test_the_dropped_level_is_none_of_the_others():
    frame = dummies(drop_first=True)[["age", "site_b", "site_c", "site_d", "smoker"]]
    assert TableSchema.infer(frame).choices == (Choice(("site_b", "site_c", "site_d"), True),)
    made = drawn(frame).filter(like="site")
    assert (made.sum(axis=1) <= 1).all()
    np.testing.assert_allclose(made.mean(), frame.filter(like="site").mean(), atol=0.025)


def test_codes_and_flags_are_inverse():
    frame = dummies()
    schema, canonical, encoder = fitted(frame, np.zeros(200, dtype=np.int64), 1)
    assert encoder.score_names == ["age", "site_a (choice)", "smoker"]
    scores, observed = encoder.transform(canonical, np.zeros(200, dtype=np.int64))
    assert observed.all()
    back = schema.restore(encoder.inverse_transform(scores, np.zeros(200, dtype=np.int64)))
    pd.testing.assert_frame_equal(back.filter(like="site"), frame.filter(like="site"))
    same = TableSchema.from_dict(schema.to_dict())
    assert same == schema


def test_rare_or_independent_flags_are_no_choice():
    rng = np.random.default_rng(0)
    for share in (0.02, 0.1, 0.3, 0.5):
        flags = pd.DataFrame(rng.random((150, 12)) < share).add_prefix("flag")
        assert TableSchema.infer(flags).choices == ()


def test_a_flag_that_another_column_gives_is_left_to_the_relation():
    frame = dummies()
    frame.insert(0, "at a", frame["site_a"])
    schema = TableSchema.infer(frame)
    assert "site_a = at a" in [str(relation) for relation in schema.relations]
    assert schema.choices == ()


def panel(n=200, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 5)), columns=["na", "k", "cl", "crp", "age"])
    frame["stain"] = rng.choice(["neg", "pos"], n)
    frame.loc[rng.random(n) < 0.3, ["na", "k", "cl", "stain"]] = None
    frame.loc[rng.random(n) < 0.3, "crp"] = np.nan
    return frame


@pytest.mark.parametrize("generator", [GaussianCopula(), TabularVAE(max_steps=20, n_members=2)])
def test_a_panel_is_measured_or_not(generator, tmp_path):
    frame = panel()
    generator.set_params(random_state=0).fit(frame)
    assert generator.schema_.shared_masks == (("na", "k", "cl", "stain"),)
    gone = generator.sample(2000, random_state=0)[0].isna()
    for name in ("k", "cl", "stain"):
        assert (gone[name] == gone["na"]).all()
    assert abs(gone["na"].mean() - frame["na"].isna().mean()) < 0.04
    assert not (gone["crp"] == gone["na"]).all()


def test_columns_with_few_or_other_gaps_have_their_own():
    frame = panel()
    frame.loc[0, "k"] = 1.0 if np.isnan(frame.loc[0, "k"]) else np.nan
    assert TableSchema.infer(frame).shared_masks == (("na", "cl", "stain"),)
    few = panel().fillna({"stain": "neg", "na": 0.0, "k": 0.0, "cl": 0.0})
    few.loc[:5, ["na", "k"]] = np.nan
    assert TableSchema.infer(few).shared_masks == ()


def test_a_detector_reads_choices_and_panels():
    frame = pd.concat([dummies(), panel().drop(columns="age")], axis=1)
    detector = ReconstructionDetector(TabularVAE(max_steps=20, n_members=1), random_state=0)
    detector.fit(frame)
    assert 0.02 < (detector.predict(dummies_and_panel(1)) < 0).mean() < 0.25
    usual = frame[frame["na"].isna()][:1]
    two_sites, half_measured = usual.copy(), usual.assign(k=0.1)
    two_sites[["site_a", "site_b", "site_c", "site_d"]] = True
    normal = detector.score_samples(usual)
    assert detector.score_samples(two_sites) < normal
    assert detector.score_samples(half_measured) < normal


def dummies_and_panel(seed):
    return pd.concat([dummies(seed=seed), panel(seed=seed).drop(columns="age")], axis=1)

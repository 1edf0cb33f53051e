"""Ranks, critical differences and paired tests: known answers and laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.benchmarking.leaderboard import _best
from augment.benchmarking.ranking import cell_lifts, critical_difference, lifts, rank


def scores_of(effects: dict[str, float], noise: float = 0.0, n_datasets: int = 6) -> pd.DataFrame:
    """Draw scores: real ones, and those of generators with known effects."""
    rng = np.random.default_rng(0)
    rows = []
    for dataset in range(n_datasets):
        for repeat in range(3):
            base = rng.uniform(0.6, 0.9)
            for name, effect in {"real": 0.0, **effects}.items():
                value = base + effect + noise * rng.normal()
                rows.append((f"d{dataset}", 50, repeat, name, "clf", "roc_auc", value, None))
    names = ["dataset", "size", "repeat", "generator", "classifier", "metric", "value", "error"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_difference_has_the_published_quantiles(k, q):
    """Table 5(a) of Demsar (2006)."""
    n = 20
    assert critical_difference(k, n) == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * n)), rel=1e-3)


def test_lifts_are_paired():
    found = lifts(scores_of({"good": 0.02, "bad": -0.03}), "roc_auc")
    assert found["good"].to_numpy() == pytest.approx(0.02)
    assert found["bad"].to_numpy() == pytest.approx(-0.03)
    assert (found["real"] == 0).all()


def test_ranks_follow_the_effects_and_sum_to_a_constant():
    names = ["bad", "real", "good"]
    found = rank(scores_of({"good": 0.02, "bad": -0.03}), "roc_auc", names)
    assert list(found.ranks.index) == ["good", "real", "bad"]
    assert found.ranks.tolist() == [1, 2, 3]
    assert found.friedman_p < 0.01
    assert found.ranks.sum() == 6


def test_less_is_better_where_it_is():
    scores = scores_of({"near": -0.02, "far": 0.03}).assign(metric="kernel_distance")
    assert list(rank(scores, "kernel_distance", ["far", "near"]).ranks.index) == ["near", "far"]


def test_who_failed_everywhere_is_last():
    scores = scores_of({"good": 0.02, "broken": 0.0})
    scores.loc[scores["generator"] == "broken", "value"] = np.nan
    found = rank(scores, "roc_auc", ["broken", "real", "good"])
    assert found.ranks["broken"] == 3
    assert found.summary.set_index("generator").loc["broken", "n_blocks"] == 0
    assert "broken" not in {*found.pairs["first"], *found.pairs["second"]}


def test_best_classifiers_are_compared_on_the_splits_that_both_have():
    scores = scores_of({"a": 0.01})
    scores.loc[(scores["generator"] == "a") & (scores["repeat"] > 0), "value"] = np.nan
    assert _best(scores, "roc_auc", "a") == pytest.approx(0.01)


def test_order_and_names_do_not_matter():
    scores = scores_of({"a": 0.01, "b": 0.005}, noise=0.02)
    first = rank(scores, "roc_auc", ["real", "a", "b"])
    swapped = scores.replace({"generator": {"a": "b", "b": "a"}}).sample(frac=1, random_state=0)
    second = rank(swapped, "roc_auc", ["b", "real", "a"])
    assert first.ranks["a"] == second.ranks["b"]
    assert sorted(first.pairs["p_value"]) == pytest.approx(sorted(second.pairs["p_value"]))


def test_nothing_differs_where_nothing_does():
    found = rank(scores_of({"a": 0.0, "b": 0.0}), "roc_auc", ["real", "a", "b"])
    assert found.friedman_p == 1
    assert (found.pairs["p_adjusted"] == 1).all()
    assert found.ranks.tolist() == [2, 2, 2]


def test_cell_intervals_cover_known_lifts():
    scores = scores_of({"good": 0.05, "same": 0.0}, noise=0.01, n_datasets=100)
    cells = scores[["dataset", "size", "repeat", "generator"]].assign(n_train=50, n_test=100)
    found = cell_lifts(scores, cells, "roc_auc").set_index("generator")
    for name, true in {"good": 0.05, "same": 0.0}.items():
        own = found.loc[name]
        assert ((own["lower"] < true) & (true < own["upper"])).mean() >= 0.93
    assert found.loc["good", "p_value"].mean() < found.loc["same", "p_value"].mean()
    assert (found["p_adjusted"] >= found["p_value"]).all()
    assert len(found) == 200

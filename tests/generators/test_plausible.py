"""Laws of the choice of the rows that a detector learns from."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from augment import ReconstructionDetector, TabularVAE
from augment.generators._plausible import plausible_rows

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")
QUICK = {"max_steps": 20, "n_members": 1, "latent_dim": 3, "random_state": 0}


def contaminated(n=100, n_abnormal=8, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:n_abnormal] = 4 + 0.5 * rng.normal(size=(n_abnormal, 4))
    return X


def test_abnormal_rows_are_not_learned_from():
    X = contaminated()
    kept, wide = plausible_rows(X)
    assert kept.sum() == 90
    assert not kept[:8].any()
    assert wide.n_rows == 100


def test_the_choice_depends_neither_on_order_nor_on_units():
    X = contaminated()
    order = np.random.default_rng(1).permutation(len(X))
    kept = plausible_rows(X)[0]
    assert_array_equal(plausible_rows(X[order])[0], kept[order])
    assert_array_equal(plausible_rows(X * 1024)[0], kept)


@pytest.mark.parametrize(("n", "n_kept"), [(8, 8), (10, 10), (11, 10), (30, 27)])
def test_enough_rows_stay(n, n_kept):
    X = np.random.default_rng(0).normal(size=(n, 2))
    assert plausible_rows(X)[0].sum() == n_kept


def test_rows_that_were_learned_from_are_found_all_the_same():
    X = contaminated(n_abnormal=10)
    model = ReconstructionDetector(TabularVAE(**QUICK), random_state=0).fit(X)
    scores = model.score_samples(X)
    assert scores[:10].max() < scores[10:].min()


def test_readers_agree_where_levels_lie_in_the_same_order():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=list("ab"))
    X["kind"] = rng.permutation(np.repeat(["low", "middle", "high"], 20))
    by_size = X["kind"].map({"low": -2.0, "middle": 0.0, "high": 2.0})
    reader = plausible_rows(X.assign(a=X["a"] + by_size))[1]
    again = plausible_rows(X.assign(a=X["a"] + 2 * by_size))[1]
    other = plausible_rows(X.assign(a=X["a"] + 9 * (X["kind"] == "high")))[1]
    assert reader.agrees_with(again)
    assert not reader.agrees_with(plausible_rows(X[["a", "b"]])[1])
    assert reader.agrees_with(other) == bool(
        (reader.encoder._margins[2].order == other.encoder._margins[2].order).all()
    )


def test_a_level_of_doubted_rows_alone_is_known_to_reasons():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(100, 3)), columns=list("abc")).assign(kind="usual")
    X.loc[:5, "kind"] = "rare"
    X.loc[:5, ["a", "b", "c"]] *= 6
    model = ReconstructionDetector(TabularVAE(**QUICK), random_state=0).fit(X)
    assert not any(plausible_rows(X)[0][:6])
    reasons = model.reasons(X.iloc[[50]].assign(kind="rare"), n_reasons=4)
    (text,) = reasons.loc[reasons["column"] == "kind", "text"]
    assert "of normal rows" in text
    assert "no normal row" not in text


@pytest.mark.parametrize("epsilon", [None, 5.0])
def test_a_private_generator_is_not_told_which_rows_are_strange(monkeypatch, epsilon):
    """What is left out would depend on the patients, and nothing accounts for that."""
    looked = []

    def told(X, schema=None):
        looked.append(len(X))
        return plausible_rows(X, schema)

    class Private(TabularVAE):
        """Counts as private to whoever asks, and needs nothing that is not installed."""

        def fit(self, X, y=None, *, sample_weight=None, groups=None):
            fitted_on.append(len(X))
            asked, self.dp_epsilon = self.dp_epsilon, None
            super().fit(X, y, sample_weight=sample_weight, groups=groups)
            self.dp_epsilon = asked
            return self

    fitted_on: list[int] = []
    monkeypatch.setattr("augment.generators._cross_fit.plausible_rows", told)
    model = Private(**QUICK, dp_epsilon=epsilon)
    ReconstructionDetector(model, random_state=0).fit(contaminated())
    assert bool(looked) == (epsilon is None)
    assert set(fitted_on) == ({72} if epsilon is None else {80})

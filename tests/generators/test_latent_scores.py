"""Draws of the scores behind discrete cells, and what becomes of dependence."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

from augment import GaussianCopula, TabularGAN, TabularVAE
from augment.generators._latent_scores import draw_scores

EDGE = 5e-4


def cut(scores, cuts):
    """Give the probability intervals of scores of which only the level is known."""
    edges = np.concatenate([[EDGE], ndtr(np.asarray(cuts, float)), [1 - EDGE]])
    level = np.digitize(scores, cuts)
    return edges[level], edges[level + 1]


def drawn(scores, cuts, seed=0, observed=None, features=None):
    lower, upper = cut(scores, cuts)
    observed = np.ones(scores.shape, dtype=bool) if observed is None else observed
    features = np.zeros((len(scores), 0)) if features is None else features
    return draw_scores(lower, upper, observed, features, np.ones(len(scores)), seed)


def factor_rows(n, d, loading, seed=0):
    rng = np.random.default_rng(seed)
    common, own = rng.standard_normal((n, 1)), rng.standard_normal((n, d))
    return loading * common + np.sqrt(1 - loading**2) * own


@pytest.mark.parametrize("cuts", [[0.0], [1.0], [-1.0, 0.0, 1.0]])
def test_draws_stay_in_their_intervals(cuts):
    scores = factor_rows(80, 4, 0.8)
    lower, upper = cut(scores, cuts)
    for one in ndtr(drawn(scores, cuts).astype(float)):
        assert (one >= lower - 1e-6).all()
        assert (one <= upper + 1e-6).all()


@pytest.mark.parametrize(("cuts", "least"), [([0.0], 0.85), ([-1.0, 0.0, 1.0], 0.92)])
def test_draws_have_the_correlation_that_lies_behind_the_levels(cuts, least):
    sets = drawn(factor_rows(800, 6, np.sqrt(0.6)), cuts)
    pairs = np.triu_indices(6, 1)
    found = np.mean([np.corrcoef(one.T)[pairs].mean() for one in sets])
    assert least * 0.6 < found < 0.65


def test_no_dependence_is_made_up():
    found = []
    for seed in range(20):
        scores = np.random.default_rng(seed).standard_normal((60, 8))
        correlation = np.corrcoef(drawn(scores, [0.0], seed)[0].T)[np.triu_indices(8, 1)]
        found.append(np.sqrt(np.square(correlation).mean()))
    # chance alone gives 1 / sqrt(60) = .13 where scores are known
    assert np.mean(found) < 0.2


def test_missing_cells_are_0_and_say_nothing():
    scores = factor_rows(300, 3, 0.9)
    observed = np.ones(scores.shape, dtype=bool)
    observed[:150, 1] = False
    sets = drawn(scores, [0.0], observed=observed)
    assert (sets[:, :150, 1] == 0).all()
    changed = scores.copy()
    changed[:150, 1] *= -1
    np.testing.assert_array_equal(sets, drawn(changed, [0.0], observed=observed))


def test_effects_of_conditions_are_kept():
    age = np.random.default_rng(0).standard_normal((500, 1))
    scores = 0.8 * age + 0.6 * np.random.default_rng(1).standard_normal((500, 2))
    sets = drawn(scores, [0.0], features=age)
    found = np.corrcoef(sets[0][:, 0], age[:, 0])[0, 1]
    assert 0.65 < found < 0.9


def test_points_stay_where_they_are():
    scores = factor_rows(50, 3, 0.5)
    place = ndtr(scores)
    sets = draw_scores(place, place, np.ones((50, 3), bool), np.zeros((50, 0)), np.ones(50), 0)
    np.testing.assert_allclose(sets[0], ndtri(place), atol=1e-5)


def test_the_seed_decides():
    scores = factor_rows(40, 3, 0.5)
    np.testing.assert_array_equal(drawn(scores, [0.0], 1), drawn(scores, [0.0], 1))
    assert not np.array_equal(drawn(scores, [0.0], 1), drawn(scores, [0.0], 2))


def test_there_may_be_nothing_to_draw():
    nothing = np.zeros((12, 0))
    assert draw_scores(nothing, nothing, nothing > 0, nothing, np.ones(12), 0).shape[1:] == (12, 0)


def flags_and_categories(n, seed=0):
    rng = np.random.default_rng(seed)
    pair = rng.multivariate_normal([0, 0], [[1, 0.85], [0.85, 1]], n)
    site = rng.integers(0, 4, n)
    return pd.DataFrame(
        {
            "smoker": pair[:, 0] > 0,
            "cough": pair[:, 1] > 0,
            "site": pd.Categorical.from_codes(site, ["a", "b", "c", "d"]),
            "dose": np.array([0.0, 3.0, -2.0, 1.0])[site] + rng.standard_normal(n),
            "other": rng.standard_normal(n),
        }
    )


@pytest.mark.parametrize("generator", [TabularVAE(), TabularGAN(max_steps=60), GaussianCopula()])
def test_flags_and_categories_go_with_other_columns_as_they_did(generator):
    real = flags_and_categories(400)
    synthetic, _ = generator.set_params(random_state=0).fit(real).sample(4000, random_state=0)

    def flags(frame):
        return np.corrcoef(frame["smoker"].astype(float), frame["cough"].astype(float))[0, 1]

    def share(frame):
        means = frame.groupby("site", observed=True)["dose"].transform("mean")
        return means.var() / frame["dose"].var()

    assert flags(synthetic) > 0.6 * flags(real)
    assert share(synthetic) > 0.6 * share(real)

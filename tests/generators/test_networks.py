"""What the network generators learn, judged on laws that are known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from augment.generators import GaussianCopula, TabularGAN, TabularVAE

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")


def correlated(n=300, seed=0):
    """Give two classes that differ in mean, with strongly dependent, skewed columns."""
    rng = np.random.default_rng(seed)
    sick = np.repeat([0, 1], n // 2)
    factor = rng.normal(size=n)
    X = pd.DataFrame(
        {
            "skewed": np.exp(factor + 0.3 * rng.normal(size=n)),
            "linear": factor + 0.3 * rng.normal(size=n) + 1.5 * sick,
            "free": rng.normal(size=n),
            "level": pd.Categorical(np.where(factor + sick > 0.5, "high", "low")),
        }
    )
    return X, sick


@pytest.fixture(scope="module", params=[TabularVAE, TabularGAN], ids=lambda m: m.__name__)
def fitted(request):
    return request.param(random_state=0).fit(*correlated())


def test_dependence_is_learned(fitted):
    X, y = correlated(seed=1)
    X_new, y_new = fitted.sample(2000, random_state=0)
    for label in (0, 1):
        real = X[y == label][["skewed", "linear", "free"]].corr(method="spearman").to_numpy()
        new = X_new[y_new == label][["skewed", "linear", "free"]].corr(method="spearman")
        np.testing.assert_allclose(new.to_numpy(), real, atol=0.25)


def test_labels_mean_what_they_meant(fitted):
    X, y = correlated(seed=2)
    columns = ["skewed", "linear", "free"]
    X_new, y_new = fitted.sample(2000, random_state=0)
    model = LogisticRegression().fit(X_new[columns], y_new)
    real = LogisticRegression().fit(correlated()[0][columns], y)
    judged = roc_auc_score(y, model.predict_proba(X[columns])[:, 1])
    assert judged > roc_auc_score(y, real.predict_proba(X[columns])[:, 1]) - 0.03


def test_margins_of_each_class_are_kept(fitted):
    X, y = correlated()
    X_new, y_new = fitted.sample(4000, random_state=0)
    for label in (0, 1):
        for name in ("linear", "free"):
            gap = X_new[name][y_new == label].mean() - X[name][y == label].mean()
            assert abs(gap) < 0.35 * X[name].std()


def test_history_tells_what_happened(fitted):
    assert {"step", "phase", "loss", "validation"} <= set(fitted.history_.columns)
    assert fitted.history_["step"].max() == fitted.n_steps_
    assert fitted.history_["step"].is_monotonic_increasing


def test_reconstruction_finds_the_broken_cell(fitted):
    X, y = correlated(seed=3)
    broken = X.iloc[:40].copy()
    broken["linear"] = 8.0 - broken["linear"]
    usual = fitted.reconstruction_error(X.iloc[:40], y[:40])
    unusual = fitted.reconstruction_error(broken, y[:40])
    assert np.median(unusual) > np.median(usual)
    cells = fitted.reconstruction_map(X, y)
    assert cells.shape == X.shape
    np.testing.assert_allclose(cells.mean(axis=1), fitted.reconstruction_error(X, y))


def test_codes_round_trip_to_the_reconstruction(fitted):
    X, y = correlated(seed=4)
    codes = fitted.encode(X, y)
    assert codes.shape == (len(X), fitted.n_members * fitted.sizes_["latent_dim"])
    pd.testing.assert_frame_equal(fitted.decode(codes, y), fitted.reconstruct(X, y))


def test_without_y_conditions_are_weighed_by_their_probability():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b"], 60)
    X = pd.DataFrame({"x": rng.normal(size=120) + 8.0 * (y == "b"), "z": rng.normal(size=120)})
    vae = TabularVAE(random_state=0).fit(X, y)
    told, untold = vae.reconstruction_error(X, y), vae.reconstruction_error(X)
    np.testing.assert_allclose(np.median(told), np.median(untold), rtol=0.2)


def test_a_row_of_missing_cells_is_served(fitted):
    X, y = correlated(seed=5)
    gap = X.iloc[:3].copy()
    gap.loc[:, ["skewed", "linear", "free"]] = np.nan
    assert np.isfinite(fitted.reconstruction_error(gap, y[:3])).all()


def test_members_are_asked_equally_often_and_the_size_of_the_ensemble_is_free():
    X, y = correlated(60)
    for n_members in (1, 3, 7):
        model = TabularVAE(n_members=n_members, max_steps=20, random_state=0).fit(X, y)
        assert len(model.sample(1500, random_state=0)[0]) == 1500


def test_a_target_steers_what_is_drawn():
    rng = np.random.default_rng(0)
    dose = rng.uniform(0, 10, 200)
    X = pd.DataFrame({"response": dose + rng.normal(size=200), "free": rng.normal(size=200)})
    for model in (TabularVAE(random_state=0), GaussianCopula(random_state=0)):
        model.fit(X, pd.Series(dose, name="dose"))
        low, _ = model.sample(300, y=1.0, random_state=0)
        high, _ = model.sample(300, y=9.0, random_state=0)
        assert high["response"].mean() - low["response"].mean() > 4

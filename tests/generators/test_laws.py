"""Laws of what is drawn: rows follow their conditions, weights count, nobody is kept."""

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone

import augment
from augment.generators import GaussianCopula, Jitter, Smote, TabularGAN, TabularVAE, tabular_gan
from augment.persistence import read_state

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")

LEARNERS = [
    GaussianCopula(random_state=0),
    TabularVAE(random_state=0),
    TabularGAN(max_steps=60, random_state=0),
]


def by_name(model):
    return type(model).__name__


@pytest.fixture(params=LEARNERS, ids=by_name)
def learner(request):
    return clone(request.param)


def crossed(n=240, seed=0):
    """Give rows that depend on a diagnosis alone, with a sex that changes nothing."""
    rng = np.random.default_rng(seed)
    y = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "dx": rng.choice(["ill", "well"], n)})
    ill = (y["dx"] == "ill").to_numpy()
    X = pd.DataFrame({"marker": rng.normal(size=n) + 3.0 * ill, "free": rng.normal(size=n)})
    return X, y


def test_a_request_with_a_rhythm_is_answered_without_one(learner):
    X, y = crossed()
    learner.fit(X, y)
    wanted = pd.DataFrame(
        [(sex, dx) for _ in range(250) for sex in "fm" for dx in ("ill", "well")],
        columns=["sex", "dx"],
    )
    X_new, _ = learner.sample(y=wanted, random_state=0)
    means = X_new.groupby([wanted["sex"], wanted["dx"]]).mean()
    for sex in "fm":
        assert means.loc[(sex, "ill"), "marker"] - means.loc[(sex, "well"), "marker"] > 2.0
    assert means["free"].abs().max() < 0.4


def test_what_goes_together_in_one_class_and_apart_in_another_stays_so(learner):
    """No correlation over all rows shows it, so a law that is the same in all classes loses it."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    a = rng.normal(size=200)
    X = pd.DataFrame({"a": a, "b": 0.9 * (2 * y - 1) * a + 0.44 * rng.normal(size=200)})
    X_new, y_new = learner.fit(X, y).sample(2000, random_state=0)
    within = [np.corrcoef(X_new[y_new == k].T)[0, 1] for k in (0, 1)]
    assert within[0] < -0.4
    assert within[1] > 0.4


def test_zeros_of_a_class_stay_zeros(learner):
    """Means of quantiles would make small amounts of them where the other class has few."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 150)
    amounts = rng.lognormal(size=(300, 2))
    X = pd.DataFrame(
        {
            "some": np.where(rng.random(300) < np.where(y, 0.3, 0.8), 0.0, amounts[:, 0]),
            "only ill": np.where(y, 3.0 + amounts[:, 1], 0.0),
            "ceiling": np.minimum(30.0, rng.normal(np.where(y, 31, 27), 3)),
        }
    )
    X_new, y_new = learner.fit(X, y).sample(4000, random_state=0)
    for value, name in [(0.0, "some"), (0.0, "only ill"), (30.0, "ceiling")]:
        real, new = (X[name] == value), (X_new[name] == value)
        for label in (0, 1):
            assert abs(new[y_new == label].mean() - real[y == label].mean()) < 0.06


def test_a_class_that_differs_in_spread_or_form_alone_does_so_in_what_is_drawn(learner):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 150)
    X = pd.DataFrame(
        {
            "spread": rng.normal(0, np.where(y, 3, 1)),
            "humps": np.where(y, rng.choice([-2, 2], 300) + rng.normal(0, 0.3, 300), 0)
            + np.where(y, 0, rng.normal(0, 2, 300)),
            "same": rng.normal(size=300),
        }
    )
    X_new, y_new = learner.fit(X, y).sample(4000, random_state=0)
    ill, well = X_new[y_new == 1], X_new[y_new == 0]
    assert ill["spread"].std() > 2.2 * well["spread"].std()
    assert (ill["humps"].abs() < 1).mean() < 0.5 * (well["humps"].abs() < 1).mean()
    assert 0.8 < ill["same"].std() / well["same"].std() < 1.25


def test_rare_combinations_keep_the_effects_of_their_parts(learner):
    rng = np.random.default_rng(1)
    n = 90
    y = pd.DataFrame(
        {
            "dx": rng.choice(["ill", "well"], n),
            "site": rng.choice([f"site {i}" for i in range(12)], n),
        }
    )
    ill = (y["dx"] == "ill").to_numpy()
    X = pd.DataFrame({"marker": rng.normal(size=n) + 4.0 * ill, "free": rng.normal(size=n)})
    X_new, y_new = learner.fit(X, y).sample(1000, random_state=0)
    gap = X_new["marker"].groupby(y_new["dx"]).mean()
    assert gap["ill"] - gap["well"] > 2.0


def test_an_unseen_combination_is_the_sum_of_its_parts(learner):
    X, y = crossed(400)
    X["free"] += 3.0 * (y["sex"] == "m")
    seen = ~((y["dx"] == "ill") & (y["sex"] == "m"))
    learner.fit(X[seen], y[seen])
    rows, _ = learner.sample(400, y={"sex": "m", "dx": "ill"}, random_state=0)
    assert rows["marker"].mean() > X["marker"][seen].mean() + 0.8
    assert rows["free"].mean() > X["free"][seen].mean() + 0.8


def test_a_rare_class_leans_to_its_own_side(learner):
    rng = np.random.default_rng(2)
    y = np.repeat(["common", "rare"], [76, 4])
    X = pd.DataFrame(
        {"marker": rng.normal(size=80) + 6.0 * (y == "rare"), "free": rng.normal(size=80)}
    )
    learner.fit(X, y)
    rare, _ = learner.sample(300, y="rare", random_state=0)
    common, _ = learner.sample(300, y="common", random_state=0)
    assert rare["marker"].mean() > common["marker"].mean() + 0.5


def test_dependence_survives_missing_cells(learner):
    rng = np.random.default_rng(3)
    factor = rng.normal(size=250)
    X = pd.DataFrame({f"x{i}": factor + 0.5 * rng.normal(size=250) for i in range(6)})
    X = X.mask(rng.random(X.shape) < 0.35)
    real = X.corr(method="spearman").to_numpy()[np.triu_indices(6, 1)].mean()
    new = learner.fit(X).sample(2000, random_state=0)[0]
    drawn = new.corr(method="spearman").to_numpy()[np.triu_indices(6, 1)].mean()
    assert abs(drawn - real) < 0.2
    assert abs(new.isna().mean().mean() - X.isna().mean().mean()) < 0.03
    assert abs(new.std().mean() / X.std().mean() - 1) < 0.15


@pytest.mark.parametrize("model", [*LEARNERS, Jitter(random_state=0), Smote()], ids=by_name)
def test_a_row_without_weight_is_a_row_that_is_not_there(model):
    X, y = crossed(60)
    y = y["dx"]
    junk = pd.DataFrame({"marker": np.full(30, 50.0), "free": np.full(30, -50.0)})
    weight = np.repeat([1.0, 0.0], [60, 30])
    both = pd.concat([X, junk], ignore_index=True)
    labels = pd.concat([y, pd.Series(["ill"] * 30)], ignore_index=True)
    with_junk = clone(model).fit(both, labels, sample_weight=weight).sample(50, random_state=0)
    without = clone(model).fit(X, y).sample(50, random_state=0)
    assert with_junk[0]["marker"].max() < 20
    np.testing.assert_allclose(with_junk[0]["marker"].mean(), without[0]["marker"].mean(), atol=0.3)


@pytest.mark.parametrize("model", LEARNERS, ids=by_name)
def test_weights_move_what_is_drawn(model):
    X, y = crossed(200)
    heavy = np.where(X["free"] > 0, 5.0, 1.0)
    rows = clone(model).fit(X, y["dx"], sample_weight=heavy).sample(1000, random_state=0)[0]
    assert rows["free"].mean() > X["free"].mean() + 0.25


def test_threads_do_not_disturb_each_other(monkeypatch):
    monkeypatch.setattr(tabular_gan, "MAX_STEPS", 20)  # of its warm start
    X, y = crossed(60)

    def mean_of_a_fit():
        model = TabularGAN(max_steps=20, n_members=2, random_state=0).fit(X, y["dx"])
        return model.sample(100, random_state=0)[0]["marker"].mean()

    means = Parallel(n_jobs=3, backend="threading")(delayed(mean_of_a_fit)() for _ in range(6))
    assert len(set(means)) == 1


def test_a_saved_model_holds_no_row_and_no_extreme(learner, tmp_path):
    rng = np.random.default_rng(4)
    X = pd.DataFrame({"lab": rng.lognormal(size=80), "age": rng.normal(60, 9, 80)})
    X.loc[7, "lab"] = 347.251
    y = pd.DataFrame({"dx": np.repeat(["ill", "well"], 40), "dose": rng.uniform(0, 9, 80)})
    y.loc[0, "dx"] = "lone"
    learner.fit(X, y).save(tmp_path / "m.safetensors")
    stored = read_state(tmp_path / "m.safetensors")
    numbers = np.concatenate([part.ravel() for part in arrays_of(stored.state)])
    for secret in (X["lab"].max(), X["age"].max(), X["age"].min(), y["dose"].max(), y["dose"][0]):
        assert np.nanmin(np.abs(numbers - secret)) > 1e-9


def arrays_of(state):
    """Give every number of a nested state."""
    if isinstance(state, dict):
        return [array for value in state.values() for array in arrays_of(value)]
    if isinstance(state, list | tuple):
        return [array for value in state for array in arrays_of(value)]
    if isinstance(state, bool | str) or state is None:
        return []
    return [np.asarray(state, dtype=np.float64)]


@pytest.mark.parametrize("source", [np.random.RandomState(0), np.random.default_rng(0), 2**40])
def test_any_source_of_randomness_is_taken_and_the_model_can_be_saved(source, tmp_path):
    X, y = crossed(40)
    model = TabularVAE(max_steps=10, random_state=source, checkpoint=tmp_path / "c").fit(X, y["dx"])
    model.save(tmp_path / "m")
    rows = augment.load(tmp_path / "m").sample(5, random_state=1)[0]
    pd.testing.assert_frame_equal(rows, model.sample(5, random_state=1)[0])


def test_a_model_of_another_device_loads_on_a_cpu(tmp_path):
    X, y = crossed(40)
    model = TabularVAE(max_steps=10, random_state=0).fit(X, y["dx"]).set_params(device="cuda")
    model.save(tmp_path / "m")
    assert augment.load(tmp_path / "m").device_.type == "cpu"

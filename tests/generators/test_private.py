"""Laws of the private fit: what is spent, what no row can move, and that nothing else is read."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import optimize, stats
from sklearn.base import clone
from typer.testing import CliRunner

import augment
from augment import TabularVAE
from augment._errors import InvalidInputError
from augment._random import torch_generator
from augment.cli import app
from augment.generators import _private, _private_margins
from augment.objectives.private import PrivateVariationalObjective, dequantise
from augment.objectives.variational import VariationalObjective
from tests.house import REPOSITORY

SCHEMA = {
    "age": {"lower": 18, "upper": 100},
    "pressure": {"lower": 60.0, "upper": 220.0},
    "sex": {"levels": ["f", "m"]},
}
CLASSES = pd.CategoricalDtype(["ill", "well"])


@pytest.fixture(scope="module")
def opacus():
    return pytest.importorskip("opacus", reason="opacus is not installed: pip install .[privacy]")


def cohort(n, seed=0):
    rng = np.random.default_rng(seed)
    ill = rng.random(n) < 0.4
    X = pd.DataFrame(
        {
            "age": np.clip(rng.normal(50 + 10 * ill, 10), 18, 100).round().astype(int),
            "pressure": np.clip(rng.normal(130, 15, n), 60, 220),
            "sex": rng.choice(["f", "m"], n),
        }
    )
    return X, pd.Series(np.where(ill, "ill", "well"), name="diagnosis").astype(CLASSES)


def private(**changes):
    given = {"dp_epsilon": 5.0, "n_members": 1, "schema": SCHEMA, "max_steps": 5}
    return TabularVAE(**{**given, "random_state": 0, **changes})


def exact_epsilon(looks, delta):
    """The Gaussian mechanism's own curve (Balle and Wang, ICML 2018), for any composition."""
    mu = np.sqrt(sum(times / noise**2 for noise, times in looks))

    def excess(epsilon):
        above = stats.norm.cdf(mu / 2 - epsilon / mu)
        return above - np.exp(epsilon) * stats.norm.cdf(-mu / 2 - epsilon / mu) - delta

    return optimize.brentq(excess, 0, 200)


@pytest.mark.parametrize(
    ("looks", "delta"),
    [
        ([(1.0, 1)], 1e-5),
        ([(5.0, 100)], 1e-3),
        ([(4.0, 6), (12.0, 150)], 5e-4),
    ],
)
def test_accountant_bounds_the_exact_epsilon_closely(opacus, looks, delta):
    from augment.generators._privacy_budget import spent

    exact, found = exact_epsilon(looks, delta), spent(looks, delta)
    assert exact <= found <= 1.25 * exact + 0.02


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 8.0])
def test_budget_is_spent_and_not_exceeded(opacus, epsilon):
    from augment.generators._privacy_budget import spend

    budget = spend(epsilon, 1e-3, n_histograms=7, n_steps=50)
    assert 0.99 * epsilon < budget.epsilon <= epsilon
    looks = [(budget.margin_noise, 7), (budget.gradient_noise, 50)]
    assert exact_epsilon(looks, 1e-3) <= epsilon


def objective(clipping, noise=1.0):
    """A linear model: its gradients have no randomness of their own."""
    return PrivateVariationalObjective(
        n_rows=6,
        clipping=clipping,
        noise_multiplier=noise,
        noise=torch_generator(0),
        n_scores=3,
        n_conditions=2,
        latent_dim=2,
        hidden_dim=0,
        kl_weight=1.0,
        learning_rate=0.1,
        generator=torch_generator(1),
    )


def batch(rows):
    """Six rows, point by point, of which only some are there."""
    place = torch.rand(1, 6, 3, generator=torch_generator(2)).clamp(0.01, 0.99)
    given = torch.rand(1, 6, 2, generator=torch_generator(3))
    full = {"lower": place, "upper": place, "observed": torch.ones(1, 6, 3), "conditions": given}
    return {name: value[:, rows] for name, value in full.items()}


def length(gradients):
    return float(torch.sqrt(sum(g.square().sum() for g in gradients)))


def test_no_row_moves_the_sum_of_gradients_by_more_than_the_clipping():
    cut = objective(clipping=0.5)
    whole = cut.clipped_sums(batch(list(range(6))), torch_generator(4))
    for row in range(6):
        rest = cut.clipped_sums(batch([i for i in range(6) if i != row]), torch_generator(4))
        moved = length([a - b for a, b in zip(whole, rest, strict=True)])
        assert 0.4 < moved <= 0.5 + 1e-5


def test_without_clipping_and_noise_the_gradient_is_the_plain_one():
    model = objective(clipping=1e9, noise=0.0)
    rows = {**batch(list(range(6))), "weight": torch.ones(1, 6)}
    rows["scores"] = dequantise(rows, torch_generator(4))  # every cell is a point
    plain, _ = VariationalObjective.loss(model, "elbo", rows, torch_generator(4), 0)
    private_loss, terms = model.loss("elbo", rows, torch_generator(4), 0)
    parameters = list(model.networks.parameters())
    found, expected = (torch.autograd.grad(loss, parameters) for loss in (private_loss, plain))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert terms == {}


def test_noise_has_the_size_that_is_accounted_for():
    noisy = objective(clipping=0.5, noise=40.0)
    rows = batch(list(range(6)))
    parameters = list(noisy.networks.parameters())
    drawn = [
        torch.autograd.grad(noisy.loss("elbo", rows, torch_generator(4), 0)[0], parameters)[0]
        for _ in range(200)
    ]
    assert float(torch.stack(drawn).std(dim=0).mean()) == pytest.approx(40 * 0.5 / 6, rel=0.1)


def test_neighbours_can_hardly_be_told_apart_at_a_tiny_epsilon(opacus):
    """The best threshold on the count that a lone patient moves: advantage below the bound."""
    from augment.generators._privacy_budget import spend

    epsilon, delta = 0.2, 1e-3
    noise = spend(epsilon, delta, n_histograms=1, n_steps=1).margin_noise
    rng = np.random.default_rng(0)
    with_row, without = np.array([30.0, 1.0]), np.array([30.0, 0.0])
    seen = [
        np.array([_private_margins.shares(counts, 31, noise, rng)[1] for _ in range(4000)])
        for counts in (with_row, without)
    ]
    advantage = stats.ks_2samp(*seen).statistic
    bound = (np.exp(epsilon) - 1 + 2 * delta) / (np.exp(epsilon) + 1)
    assert advantage <= bound + 0.03
    open_book = [_private_margins.shares(c, 31, 1e-9, rng)[1] for c in (with_row, without)]
    assert open_book[0] > open_book[1] + 0.01


def test_nothing_but_noisy_looks_is_read_off_the_table(opacus, monkeypatch):
    """With every look at the table blinded, two tables give one and the same model."""
    monkeypatch.setattr(_private, "seed_from", lambda _: 7)
    for module in (_private, _private_margins):
        monkeypatch.setattr(
            module, "shares", lambda counts, n, noise, rng: np.full(len(counts), 1 / len(counts))
        )
    monkeypatch.setattr(
        PrivateVariationalObjective,
        "clipped_sums",
        lambda self, *_: [torch.zeros_like(p) for p in self.networks.parameters()],
    )
    X, y = cohort(40)
    other = X.iloc[::-1].assign(age=99, sex="m").reset_index(drop=True), y.iloc[:1].repeat(40)
    first, second = private().fit(X, y), private().fit(other[0], other[1].reset_index(drop=True))
    drawn = [model.sample(50, random_state=1) for model in (first, second)]
    pd.testing.assert_frame_equal(drawn[0][0], drawn[1][0])
    pd.testing.assert_series_equal(drawn[0][1], drawn[1][1])

    def plain(state):
        return json.dumps(state, default=lambda v: np.asarray(v).tolist(), sort_keys=True)

    assert plain(first._get_state()) == plain(second._get_state())


@pytest.fixture(scope="module")
def fitted(opacus):
    return private().fit(*cohort(60))


def test_rows_come_out_as_they_went_in(fitted):
    X, y = cohort(60)
    drawn, labels = fitted.sample(200, random_state=0)
    assert drawn.dtypes.equals(X.dtypes)
    assert labels.dtype == y.dtype
    assert drawn["age"].between(18, 100).all()
    assert set(drawn["sex"]) <= {"f", "m"}
    assert fitted.reconstruct(X, y).shape == X.shape


def test_what_was_spent_is_stated(fitted, tmp_path):
    assert fitted.privacy_["epsilon"] <= 5.0
    assert fitted.privacy_["delta"] == pytest.approx(1 / 600)
    fitted.save(tmp_path / "m.safetensors")
    again = augment.load(tmp_path / "m.safetensors")
    assert again.privacy_ == fitted.privacy_
    shown = CliRunner().invoke(app, ["info", str(tmp_path / "m.safetensors")])
    assert "differential privacy" in shown.output
    assert "epsilon 4.9" in shown.output or "epsilon 5" in shown.output


def test_noise_does_not_follow_from_the_seed(opacus):
    first, second = (private().fit(*cohort(40)).sample(20, random_state=0)[0] for _ in range(2))
    assert not first.equals(second)


def test_a_rich_budget_learns_the_margins(opacus):
    X, y = cohort(500)
    drawn, labels = private(dp_epsilon=50.0, max_steps=50).fit(X, y).sample(1000, random_state=0)
    assert drawn["age"].mean() == pytest.approx(X["age"].mean(), abs=3)
    assert (labels == "ill").mean() == pytest.approx((y == "ill").mean(), abs=0.05)


def test_without_budget_nothing_changes():
    X, y = cohort(40)
    model = TabularVAE(n_members=1, max_steps=5, random_state=0).fit(X, y)
    assert model.privacy_ is None
    assert clone(model).dp_epsilon is None


@pytest.mark.parametrize(
    ("changes", "rows", "words"),
    [
        ({"schema": None}, {}, "need public bounds or levels"),
        ({"schema": {**SCHEMA, "age": "numeric"}}, {}, r"\['age'\] need public bounds"),
        ({"n_members": 5}, {}, "Set n_members=1"),
        ({"checkpoint": "here"}, {}, "checkpoint"),
        ({"batch_size": 8}, {}, "every step sees all rows"),
        ({}, {"sample_weight": np.ones(40)}, "sample_weight"),
        ({}, {"groups": np.arange(40)}, "groups"),
        ({}, {"y": np.arange(40) % 2}, "dtype category"),
        ({}, {"y": np.linspace(0, 1, 40)}, "dtype category"),
        ({"schema": {**SCHEMA, "age": {"lower": 18, "upper": 40}}}, {}, "beyond its declared"),
        ({"schema": {**SCHEMA, "sex": {"levels": ["f"]}}}, {}, "sex"),
    ],
)
def test_what_cannot_be_honoured_is_refused(opacus, changes, rows, words):
    X, y = cohort(40)
    with pytest.raises(InvalidInputError, match=words):
        private(**changes).fit(X, **{"y": y, **rows})


def test_missing_entries_are_refused(opacus):
    X, y = cohort(40)
    X.loc[3, "pressure"] = np.nan
    with pytest.raises(InvalidInputError, match="missing entries"):
        private().fit(X, y)


def test_page_runs(opacus):
    text = (REPOSITORY / "docs/how_to/differential_privacy.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    X, y = cohort(60)
    names: dict = {"X": X, "y": y.astype(str)}
    exec(block.replace("dp_epsilon=3.0", "dp_epsilon=3.0, max_steps=5"), names)
    assert len(names["X_new"]) == 500

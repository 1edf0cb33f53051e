"""What generators refuse, and what they serve with a warning."""

import numpy as np
import pandas as pd
import pytest

import augment
from augment._errors import AugmentError, AugmentWarning
from augment.generators import GaussianCopula, TabularGAN, TabularVAE

pytestmark = pytest.mark.usefixtures("short_warm_start")
RNG = np.random.default_rng(0)


def frame(n=40):
    return pd.DataFrame({"age": RNG.integers(20, 80, n), "bmi": RNG.normal(25, 4, n).round(1)})


def with_column(name, values, n=40):
    return frame(n).assign(**{name: values})


LABELS = pd.Series(["ill", "well"] * 20, name="outcome")

REFUSED_AT_FIT = {
    "empty": (frame(0), None, ["0"]),
    "few rows": (frame(9), None, ["at least 10", "9"]),
    "infinite": (with_column("bmi", [np.inf] + [1.0] * 39), None, ["bmi", "inf"]),
    "twice": (pd.concat([frame(), frame()[["age"]]], axis=1), None, ["age", "twice|duplicate"]),
    "complex": (with_column("bmi", np.arange(40) * 1j), None, ["omplex"]),
    "lengths": (frame(), LABELS[:30], ["40", "30"]),
    "mixed": (with_column("note", ["a", 1] * 20), None, ["note", "str", "int"]),
    "identifier": (with_column("name", [f"p{i}" for i in range(40)]), None, ["name", "drop"]),
    "levels": (
        pd.DataFrame({"code": np.arange(20_000).astype(str).repeat(1), "x": np.arange(20_000.0)}),
        None,
        ["code", "drop"],
    ),
    "missing label": (frame(), LABELS.where(LABELS.index > 2), ["missing", "3"]),
    "negative weight": (frame(), LABELS, ["sample_weight"]),
    "no patient": (frame(), LABELS, ["groups", "row 3"]),
}


@pytest.mark.parametrize("case", REFUSED_AT_FIT)
@pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")
def test_refused_at_fit(case):
    X, y, words = REFUSED_AT_FIT[case]
    extra = {
        "negative weight": {"sample_weight": -np.ones(40)},
        "no patient": {"groups": np.where(np.arange(40) == 3, None, "a")},
    }
    with pytest.raises((AugmentError, ValueError)) as caught:
        GaussianCopula(random_state=0).fit(X, y, **extra.get(case, {}))
    message = str(caught.value)
    for word in words:
        assert any(option in message for option in word.split("|")), message


@pytest.fixture(scope="module")
def vae():
    return TabularVAE(max_steps=20, n_members=2, random_state=0).fit(frame(), LABELS)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"n_samples": -1}, ["n_samples", "-1"]),
        ({"n_samples": 0}, ["n_samples", "0"]),
        ({"n_samples": 2.5}, ["n_samples", "2.5"]),
        ({"n_samples": True}, ["n_samples", "True"]),
        ({"n_samples": "5"}, ["n_samples", "5"]),
        ({"y": "wel"}, ["wel", "ill", "Did you mean 'well'"]),
        ({"y": {"ill": 2, "dead": 1}}, ["dead", "ill"]),
        ({"y": {"ill": -2}}, ["-2"]),
        ({"n_samples": 7, "y": ["ill", "well"]}, ["7", "2"]),
        ({"y": pd.DataFrame({"outcome": ["ill"]})}, ["DataFrame"]),
        ({"random_state": "x"}, ["random_state", "str"]),
    ],
)
def test_refused_at_sample(vae, request_, words):
    with pytest.raises(AugmentError) as caught:
        vae.sample(**request_)
    for word in words:
        assert word in str(caught.value)


def test_y_for_a_model_without_y_is_refused():
    model = GaussianCopula(random_state=0).fit(frame())
    with pytest.raises(AugmentError, match="without y"):
        model.sample(3, y="ill")


def test_wrong_columns_at_reconstruct_are_named(vae):
    with pytest.raises(AugmentError, match="bmi"):
        vae.reconstruct(frame().drop(columns="bmi"), LABELS)
    with pytest.raises(AugmentError, match="weight"):
        vae.reconstruct(frame().rename(columns={"bmi": "weight"}), LABELS)


def test_codes_of_another_width_are_refused(vae):
    with pytest.raises(AugmentError, match="encode"):
        vae.decode(np.zeros((3, 1)), ["ill"] * 3)


def test_a_model_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"not a model")
    with pytest.raises(AugmentError, match="model"):
        augment.load(path)
    with pytest.raises((AugmentError, FileNotFoundError), match="nothing"):
        augment.load(tmp_path / "nothing.safetensors")


def test_an_unwritable_place_leaves_nothing(vae, tmp_path):
    with pytest.raises((AugmentError, OSError), match="missing-folder"):
        vae.save(tmp_path / "missing-folder" / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


SERVED = {
    "one class": (frame(), ["ill"] * 40),
    "one-row class": (frame(), ["rare", *LABELS[1:]]),
    "all missing": (with_column("empty", np.nan), LABELS),
    "constant": (with_column("site", "Köln"), LABELS),
    "nothing but constants": (pd.DataFrame({"a": [1.0] * 40, "b": ["x"] * 40}), LABELS),
    "small": (frame(12), LABELS[:12]),
    "large": (with_column("count", RNG.lognormal(size=40) * 1e33), LABELS),
    "tiny": (with_column("count", RNG.lognormal(size=40) * 1e-33), LABELS),
    "number as name": (frame().rename(columns={"bmi": 7}), LABELS),
    "number as every name": (pd.DataFrame(RNG.normal(size=(40, 3))), LABELS),
    "beyond ASCII": (frame().rename(columns={"bmi": "größe"}), LABELS),
}
SILENT = {"beyond ASCII", "number as every name"}


@pytest.mark.parametrize("case", SERVED)
@pytest.mark.parametrize("model", [TabularVAE, TabularGAN, GaussianCopula])
def test_served(case, model, recwarn):
    X, y = SERVED[case]
    small = {} if model is GaussianCopula else {"max_steps": 10, "n_members": 2}
    X_new, y_new = model(random_state=0, **small).fit(X, y).sample(25, random_state=0)
    assert list(X_new.columns) == list(X.columns)
    assert set(y_new) <= set(y)
    warned = [w for w in recwarn if issubclass(w.category, AugmentWarning)]
    assert warned or case in SILENT

"""Laws of classes of two to four images: they show what their images have in common."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter

import augment
from augment import ImageVAE
from augment._errors import SmallDataWarning
from augment.generators import _image_law

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.SmallDataWarning")
SQUARE = (slice(2, 8), slice(2, 8))
BESIDE = (slice(10, 16), slice(10, 16))


def textures(n, seed=0, side=18):
    """Give images of one disc, and a smooth texture of its own on each."""
    noise = np.random.default_rng(seed).normal(size=(n, 1, side, side))
    smooth = gaussian_filter(noise, (0, 0, 1.5, 1.5))
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    disc = gaussian_filter((np.hypot(rows, columns) < 0.45 * side).astype(float), 1)
    return 0.5 * disc + 0.03 * smooth / smooth.std()


def with_squares(n_rare, n_common=40, seed=0, height=0.4):
    """Give common images of two classes, and rare ones with a bright square."""
    X = textures(n_common + n_rare, seed)
    X[n_common:, 0][:, *SQUARE] += height
    return X, np.array(["a", "b"] * (n_common // 2) + ["square"] * n_rare)


def brightness(images, place):
    return images[:, 0][:, *place].mean(axis=(1, 2))


@pytest.mark.parametrize("grid", [0, 4])
@pytest.mark.parametrize("n_rare", [2, 3, 4])
def test_a_rare_class_shows_what_its_images_have_in_common(n_rare, grid):
    X, y = with_squares(n_rare)
    vae = ImageVAE(deformation_grid=grid, random_state=0).fit(X, y)
    rare, common = (vae.sample(100, y=label, random_state=0)[0] for label in ("square", "a"))
    expected = brightness(X[:40], SQUARE).mean()
    assert brightness(rare, SQUARE).mean() > expected + 0.7 * 0.4
    assert brightness(common, SQUARE).mean() == pytest.approx(expected, abs=0.05)
    beside = brightness(X[:40], BESIDE).mean()
    assert brightness(rare, BESIDE).mean() == pytest.approx(beside, abs=0.05)


def test_the_spread_of_a_rare_class_is_that_of_others():
    X, y = with_squares(3)
    vae = ImageVAE(deformation_grid=0, random_state=0).fit(X, y)
    rare, common = (vae.sample(200, y=label, random_state=0)[0] for label in ("square", "a"))
    assert rare.std(axis=0).mean() == pytest.approx(common.std(axis=0).mean(), rel=0.2)


def test_classes_with_enough_images_are_drawn_as_without_it(monkeypatch):
    X, y = with_squares(3)
    drawn = ImageVAE(random_state=0).fit(X, y).sample(30, y="a", random_state=0)[0]
    monkeypatch.setattr(_image_law, "with_rare_classes", lambda law, *_, **__: law)
    without = ImageVAE(random_state=0).fit(X, y).sample(30, y="a", random_state=0)[0]
    assert_array_equal(drawn, without)


def test_nothing_is_learned_of_images_that_are_like_all_others():
    X, y = textures(44), np.array(["a", "b"] * 20 + ["c"] * 4)
    vae = ImageVAE(deformation_grid=0, random_state=0).fit(X, y)
    learned = vae.law_.path.effects[2]
    own_mean = X[40:].mean(axis=0) - X[:40].mean(axis=0)
    assert np.square(learned).sum() < 0.25 * np.square(own_mean / np.ptp(X)).sum()


@pytest.mark.parametrize("groups_of_rare", [[90], [90, 90, 90]])
def test_nothing_is_learned_of_a_lone_patient(groups_of_rare):
    X, y = with_squares(len(groups_of_rare))
    vae = ImageVAE(deformation_grid=0, random_state=0)
    vae.fit(X, y, groups=[*range(40), *groups_of_rare])
    assert_allclose(vae.law_.path.effects[2], 0.0)


def test_classes_that_are_all_rare_differ():
    X = textures(12)
    X[:4, 0][:, *SQUARE] += 0.4
    vae = ImageVAE(deformation_grid=0, random_state=0).fit(X, np.repeat(["a", "b", "c"], 4))
    bright, dark = (brightness(vae.sample(100, y=c, random_state=0)[0], SQUARE) for c in "ab")
    assert bright.mean() > dark.mean() + 0.15


def test_a_label_keeps_its_effect_where_combinations_are_rare():
    X, rng = textures(60), np.random.default_rng(0)
    y = pd.DataFrame({"dx": ["ill", "well"] * 30, "site": rng.integers(0, 12, 60).astype(str)})
    ill = (y["dx"] == "ill").to_numpy()
    X[ill, 0, *SQUARE] += 0.4
    vae = ImageVAE(deformation_grid=0, random_state=0).fit(X, y)
    drawn, shown = vae.sample(300, random_state=0)
    is_ill = (shown["dx"] == "ill").to_numpy()
    light = brightness(drawn, SQUARE)
    assert light[is_ill].mean() > light[~is_ill].mean() + 0.3


def test_a_rare_level_of_two_conditions_is_kept_beside_the_other():
    X, y = with_squares(4)
    dark = np.arange(44) % 4 == 0
    X[dark, 0, *BESIDE] -= 0.3
    given = pd.DataFrame({"kind": y, "scanner": np.where(dark, "old", "new")})
    vae = ImageVAE(deformation_grid=0, random_state=0).fit(X, given)
    drawn = vae.sample(100, y={"kind": "square", "scanner": "new"}, random_state=0)[0]
    light = [brightness(drawn, place).mean() for place in (SQUARE, BESIDE)]
    as_it_is = [brightness(X[:40][~dark[:40]], place).mean() for place in (SQUARE, BESIDE)]
    assert_allclose(light, np.add(as_it_is, [0.4, 0.0]), atol=0.12)


def test_a_model_with_a_rare_class_is_saved(tmp_path):
    X, y = with_squares(3)
    vae = ImageVAE(random_state=0).fit(X, y)
    vae.save(tmp_path / "model.safetensors")
    again = augment.load(tmp_path / "model.safetensors")
    wanted = {"y": {"square": 4, "a": 2}, "random_state": 0}
    assert_array_equal(again.sample(**wanted)[0], vae.sample(**wanted)[0])


def test_it_is_said_what_rare_classes_show():
    with pytest.warns(SmallDataWarning, match="in common"):
        ImageVAE(deformation_grid=0).fit(*with_squares(3))

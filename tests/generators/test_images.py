"""Laws of generators of images."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter
from sklearn.base import clone

import augment
from augment import ImageGAN, ImageVAE
from augment._errors import AugmentWarning, InvalidInputError, SmallDataWarning
from augment._random import torch_generator
from augment.generators._alignment import Alignment
from augment.generators._image_law import ImageLaw, Mixture
from augment.generators._likeness import MIN_IMAGES, MIN_PATIENTS, alike
from augment.generators._sharpness import sharpened, spectral_gain
from augment.networks.warping import displacements, moved
from augment.training import Checkpoint

CONVOLUTIONAL = ImageVAE(hidden_dim=8, max_steps=6, deformation_grid=0, random_state=0)
ADVERSARIAL = ImageGAN(
    hidden_dim=4, critic_dim=4, max_steps=4, batch_size=8, deformation_grid=0, random_state=0
)
DENOISING = ImageVAE(denoising_steps=4, deformation_grid=0, random_state=0)
GENERATORS = {
    "linear": ImageVAE(random_state=0),
    "convolutional": CONVOLUTIONAL,
    "adversarial": ADVERSARIAL,
}
RIGID = ImageVAE(deformation_grid=0, random_state=0)


def blobs(n=60, height=18, width=14, seed=0, channels=1):
    """Give slices with a bright blob, high up in the sick and low down in the well."""
    rng = np.random.default_rng(seed)
    sick = np.arange(n) % 3 == 0
    y, x = np.mgrid[:height, :width]
    rows = np.where(sick, 0.3, 0.7) * height + rng.normal(0, 0.7, n)
    columns = width / 2 + rng.normal(0, 0.7, n)
    size = rng.uniform(2, 3, n)[:, None, None]
    square = (y - rows[:, None, None]) ** 2 + (x - columns[:, None, None]) ** 2
    images = 900 * np.exp(-square / size**2) + rng.normal(100, 4, (n, height, width))
    stacked = np.repeat(images[:, None], channels, axis=1)
    return stacked.astype(np.float32), np.where(sick, "sick", "well")


def height_of(images):
    light = (images - 100).clip(50)[:, 0] - 50
    return (light.sum(axis=2) * np.arange(light.shape[1])).sum(axis=1) / light.sum(axis=(1, 2))


def made_to_refine(gan, spread=0.01):
    """Let a GAN use its refiner, whatever it has learned."""
    gan.kept_step_ = 1
    with torch.no_grad():
        gan.networks_["decoder"].last.weight.normal_(0, spread, generator=torch_generator(0))
    return gan


@pytest.fixture(scope="module", params=GENERATORS)
def fitted(request):
    model = clone(GENERATORS[request.param]).fit(*blobs())
    return made_to_refine(model) if request.param == "adversarial" else model


def test_images_come_back_with_shape_dtype_and_range(fitted):
    X, _ = blobs()
    X_new, y_new = fitted.sample(30, random_state=0)
    assert X_new.shape == (30, *X.shape[1:])
    assert X_new.dtype == X.dtype
    assert X_new.min() >= X.min()
    assert X_new.max() <= X.max()
    assert set(y_new) == {"sick", "well"}


def test_images_follow_their_labels(fitted):
    X_new, y_new = fitted.sample(y=["sick", "well"] * 40, random_state=0)
    heights = height_of(X_new)
    assert heights[y_new == "well"].mean() - heights[y_new == "sick"].mean() > 5


def test_the_spread_within_a_label_is_kept(fitted):
    X, y = blobs()
    X_new, _ = fitted.sample(400, y="well", random_state=0)
    ratio = height_of(X_new).std() / height_of(X[y == "well"]).std()
    assert 0.7 < ratio < 1.3


@pytest.mark.parametrize("n_short", [1, 63, 65])
def test_a_short_request_is_the_beginning_of_a_long_one(fitted, n_short):
    long, y_long = fitted.sample(130, random_state=5)
    short, y_short = fitted.sample(n_short, random_state=5)
    assert_array_equal(short, long[:n_short])
    assert_array_equal(y_short, y_long[:n_short])


def test_an_image_does_not_depend_on_the_labels_of_others(fitted):
    first, _ = fitted.sample(y=["sick"] + ["well"] * 5, random_state=3)
    second, _ = fitted.sample(y=["sick"] * 6, random_state=3)
    assert_allclose(first[0], second[0], rtol=1e-5)


def test_a_saved_model_draws_the_same(fitted, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    loaded = augment.load(tmp_path / "model.safetensors")
    X_new, y_new = fitted.sample(7, random_state=1)
    X_again, y_again = loaded.sample(7, random_state=1)
    assert_allclose(X_again, X_new, rtol=1e-5)
    assert_array_equal(y_again, y_new)
    assert_allclose(
        loaded.reconstruction_error(X_new), fitted.reconstruction_error(X_new), rtol=1e-4, atol=1e-9
    )


@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_seed_gives_the_same_model(name):
    first, second = (clone(GENERATORS[name]).fit(*blobs()) for _ in range(2))
    assert_array_equal(first.sample(5, random_state=0)[0], second.sample(5, random_state=0)[0])
    weights = [model.networks_.state_dict() for model in (first, second)]
    for key, value in weights[0].items():
        assert_array_equal(value, weights[1][key])


def test_what_is_encoded_decodes_to_the_reconstruction(fitted):
    X, y = blobs(seed=1)
    codes = fitted.encode(X, y)
    assert_allclose(fitted.decode(codes, y), fitted.reconstruct(X, y), rtol=1e-5)


def test_new_images_are_reconstructed_and_strange_ones_are_not():
    model = ImageVAE(latent_dim=8, random_state=0).fit(*blobs())
    X, _ = blobs(seed=2)
    strange = X.copy()
    strange[:, :, 2:5, 1:4] = 800
    ordinary = model.reconstruction_error(X)
    assert model.reconstruction_error(strange).min() > ordinary.max()
    assert model.reconstruction_map(strange).shape == X.shape


def test_integers_and_channels_are_kept():
    X, y = blobs(channels=2)
    X_new, _ = clone(RIGID).fit(X.clip(0, 1000).astype(np.uint16), y).sample(4)
    assert X_new.dtype == np.uint16
    assert X_new.shape[1] == 2


def test_channels_have_units_of_their_own():
    X, y = np.concatenate([blobs()[0], blobs(seed=1)[0]], axis=1).astype(np.float64), blobs()[1]
    units = np.array([1.0, -4000.0])[:, None, None]
    drawn, _ = clone(RIGID).fit(X, y).sample(60, random_state=0)
    scaled, _ = clone(RIGID).fit(X * units + 7, y).sample(60, random_state=0)
    assert_allclose((scaled - 7)[:, 0], drawn[:, 0], atol=1)
    spread, other = drawn[:, 1].std(axis=0), (scaled - 7)[:, 1].std(axis=0) / 4000
    assert other.mean() == pytest.approx(spread.mean(), rel=0.1)
    for images, real in ((drawn, X), (scaled, X * units + 7)):
        over = (0, 2, 3)
        assert (images.min(axis=over) >= real.min(axis=over) - 1e-6).all()
        assert (images.max(axis=over) <= real.max(axis=over) + 1e-6).all()


def test_a_constant_channel_stays_as_it_is():
    X, y = blobs()
    model = clone(RIGID).fit(np.concatenate([X, np.full_like(X, -300)], axis=1), y)
    images, _ = model.sample(20, random_state=0)
    alone, _ = clone(RIGID).fit(X, y).sample(20, random_state=0)
    assert_array_equal(images[:, 1], np.float32(-300))
    assert_allclose(images[:, 0], alone[:, 0], atol=1)


def test_a_hot_pixel_is_named():
    X, y = blobs()
    hot = X.copy()
    hot[3, 0, 2, 2] = 1e6
    with pytest.warns(AugmentWarning, match=r"Channel 0 .* reach from .* to 1e\+06.*clip"):
        clone(RIGID).fit(hot, y)


def test_continuous_conditions_move_the_image():
    X, _ = blobs()
    given = pd.DataFrame({"height": height_of(X), "site": np.resize(["a", "b"], len(X))})
    model = ImageVAE(random_state=0).fit(X, given)
    wanted = pd.DataFrame({"height": [6.0] * 50 + [12.0] * 50, "site": ["a", "b"] * 50})
    X_new, y_new = model.sample(y=wanted, random_state=0)
    heights = height_of(X_new)
    assert heights[50:].mean() > heights[:50].mean() + 2
    assert list(y_new.columns) == ["height", "site"]


def test_no_label_is_needed():
    X_new, y_new = clone(RIGID).fit(blobs()[0]).sample(3)
    assert X_new.shape[0] == 3
    assert y_new is None


def test_draws_are_not_copies():
    X, y = blobs(n=90)
    model = ImageVAE(random_state=0).fit(X, y)
    drawn, label = model.sample(200, random_state=0)
    fresh, _ = blobs(n=90, seed=9)
    flat = [a.reshape(len(a), -1).astype(float) for a in (X, drawn, fresh)]
    nearest = [np.sqrt(((b[:, None] - flat[0]) ** 2).sum(axis=2)).min(axis=1) for b in flat[1:]]
    assert (nearest[0] < np.quantile(nearest[1], 0.05)).mean() < 0.2
    assert set(label) == {"sick", "well"}


def test_shapes_are_learned_apart_from_appearances():
    X, y = blobs()
    model = ImageVAE(random_state=0).fit(X, y)
    rigid = clone(RIGID).fit(X, y)
    sharpest = [m.sample(100, random_state=0)[0].max(axis=(1, 2, 3)) for m in (model, rigid)]
    missing = [np.abs(np.sort(s) - np.sort(X.max(axis=(1, 2, 3)))[50]).mean() for s in sharpest]
    assert missing[0] < missing[1]  # two half-bright ghosts are no bright blob
    seen = model.reconstruct(X, y)
    assert np.abs(seen - X).mean() < 0.1 * X.std()


def test_deformations_can_be_undone_and_never_fold():
    rng = np.random.default_rng(0)
    velocities = torch.as_tensor(rng.normal(0, 0.06, (4, 2, 6, 6)), dtype=torch.float32)
    there, back = displacements(velocities, (40, 40)), displacements(-velocities, (40, 40))
    assert_allclose((there + moved(back, there))[..., 8:-8, 8:-8], 0, atol=0.02)
    step = 2 / 39
    down = 1 + there[:, 0].diff(dim=1)[..., :-1] / step, there[:, 0].diff(dim=2)[:, :-1] / step
    across = there[:, 1].diff(dim=1)[..., :-1] / step, 1 + there[:, 1].diff(dim=2)[:, :-1] / step
    assert (down[0] * across[1] - down[1] * across[0]).min() > 0


def test_what_blurring_takes_is_given_back():
    images = np.random.default_rng(0).random((40, 2, 24, 20))
    blurred = gaussian_filter(images, (0, 0, 0.4, 0.4))
    given_back = sharpened(blurred, spectral_gain(images, blurred))
    assert_allclose(given_back.std(axis=(2, 3)), images.std(axis=(2, 3)), rtol=0.1)
    assert_allclose(spectral_gain(images, images), 1)
    assert_allclose(sharpened(images, np.ones(images.shape[1:])), images)
    assert_allclose(spectral_gain(np.ones((3, 1, 8, 8)), np.ones((3, 1, 8, 8))), 1)


def test_deformed_images_keep_their_finest_detail():
    rng = np.random.default_rng(0)
    images = rng.random((40, 1, 40, 36))
    there = torch.as_tensor(rng.normal(0, 0.05, (40, 2, 6, 6)), dtype=torch.float32)
    deformed = moved(torch.as_tensor(images).float(), displacements(there, (40, 36)), "bicubic")
    rows = np.concatenate([part.flatten(1).double().numpy() for part in (deformed, there)], axis=1)
    nobody = np.zeros((0, 1, 40, 36)), np.zeros(0, dtype=np.int64)
    blunt = Alignment((1, 40, 36), 6, 1.0, *nobody, 1.0, np.ones((1, 40, 36)))
    sharp = replace(blunt, gain=spectral_gain(images, blunt.images(rows)))

    def finest(pixels):
        return np.square(np.diff(pixels, n=2, axis=3)).mean()

    lost, kept = (finest(a.images(rows)) / finest(images) for a in (blunt, sharp))
    assert lost < 0.6
    assert 0.8 < kept < 1.2


def test_components_describe_five_images_or_more():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(size=(38, 6)), 50 + rng.normal(size=(2, 6))])
    mixture = Mixture.fit(codes, own=0.7, seed=0)
    assert (mixture.shares * len(codes) >= MIN_IMAGES).all()


def repeated(n_patients=12, n_slices=6):
    """Give slices that are much the same for each patient, and the patient of each."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(n_patients), n_slices)
    faces = rng.random((n_patients, 1, 14, 14))
    return faces[patients] + rng.normal(0, 0.02, (len(patients), 1, 14, 14)), patients


@pytest.mark.parametrize("grid", [0, 3])
def test_components_describe_five_patients_or_more_where_patients_are_known(grid):
    images, patients = repeated()
    vae = ImageVAE(deformation_grid=grid, random_state=0).fit(images, groups=patients)
    assert 1 <= len(vae.law_.mixtures[0].shares) <= 12 // MIN_PATIENTS
    alone = ImageVAE(deformation_grid=grid, random_state=0).fit(images)
    assert len(alone.law_.mixtures[0].shares) > 12 // MIN_PATIENTS
    few = patients < 4
    vae.fit(images[few], groups=patients[few])
    assert len(vae.law_.mixtures[0].shares) == 1


def test_groups_of_few_patients_join_the_nearest():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(15), 8)
    codes = rng.normal(size=(15, 3))[patients] * 50 + rng.normal(size=(120, 3))
    label = alike(codes, np.zeros((120, 0)), 0, patients)
    assert min(len(np.unique(patients[label == part])) for part in np.unique(label)) >= MIN_PATIENTS
    assert len(np.unique(alike(codes, np.zeros((120, 0)), 0))) > 3


def test_the_mixture_keeps_mean_and_covariance():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(400, 3)) * [3, 2, 1] + (rng.random((400, 1)) < 0.5) * 8
    mixture = Mixture.fit(codes, own=0.7, seed=0)
    drawn = mixture.draw(40_000, np.random.default_rng(1))
    assert_allclose(drawn.mean(axis=0), codes.mean(axis=0), atol=0.3)
    assert_allclose(np.cov(drawn.T), np.cov(codes.T), rtol=0.15, atol=0.5)


def test_the_mean_of_a_lone_image_is_not_learned():
    rng = np.random.default_rng(0)
    rows = rng.random((21, 30))
    strata = np.array([0] * 20 + [1])
    images = rows.reshape(21, 1, 5, 6)
    law = ImageLaw.fit(images, np.eye(2)[strata], strata, 2, k=20, own=0.7, grid=0, seed=0)
    assert_allclose(law.path.expected(np.eye(2))[1], rows.mean(axis=0), atol=0.1)


@pytest.mark.parametrize(
    "model", [CONVOLUTIONAL, ADVERSARIAL, DENOISING], ids=["vae", "gan", "denoiser"]
)
def test_an_interrupted_training_goes_on(model, tmp_path, monkeypatch):
    X, y = blobs()
    model = clone(model).set_params(checkpoint=tmp_path / "fit.ckpt", checkpoint_every=2)
    whole = clone(model).set_params(checkpoint=None).fit(X, y)
    original, calls = Checkpoint._write, []

    def interrupted(self, state, *, finished):
        original(self, state, finished=finished)
        calls.append(state.step)
        if state.step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clone(model).fit(X, y)
    monkeypatch.setattr(Checkpoint, "_write", original)
    resumed = clone(model).fit(X, y)
    assert calls == [0, 2]
    for key, value in whole.networks_.state_dict().items():
        assert_array_equal(resumed.networks_.state_dict()[key], value)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_)


def test_the_convolutional_path_learns():
    history = clone(CONVOLUTIONAL).set_params(max_steps=50).fit(*blobs()).history_
    assert history["validation"].iloc[-1] < history["validation"].iloc[0]


@pytest.mark.parametrize("name", ["convolutional", "adversarial"])
def test_half_precision_is_an_option(name):
    model = clone(GENERATORS[name]).set_params(precision="bfloat16", max_steps=2).fit(*blobs())
    assert np.isfinite(model.history_["loss"]).all()
    assert {v.dtype for v in model.networks_.state_dict().values()} == {torch.float32}


def test_channels_and_integers_are_refined():
    X, y = blobs(channels=3)
    gan = clone(ADVERSARIAL).fit(X.clip(0, 1000).astype(np.uint16), y)
    images, _ = made_to_refine(gan).sample(4)
    assert images.dtype == np.uint16
    assert images.shape == (4, 3, 18, 14)


X, Y = blobs()
REFUSED = {
    "flat": (X.reshape(60, -1), Y, "channels, height, width"),
    "no channel": (X[:, 0], Y, "channel axis"),
    "channels last": (X.transpose(0, 2, 3, 1), Y, "X.transpose"),
    "booleans": (X > 0, Y, "astype"),
    "NaN": (np.where(np.arange(60)[:, None, None, None] == 7, np.nan, X), Y, "image 7"),
    "constant": (np.ones_like(X), Y, "one intensity"),
    "few": (X[:9], Y[:9], "at least 10"),
    "text": (np.full((20, 1, 4, 4), "a"), None, "real numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_images_are_refused(name):
    images, labels, message = REFUSED[name]
    with pytest.raises(InvalidInputError, match=message):
        ImageVAE().fit(images, labels)


def test_unknown_labels_and_other_shapes_are_refused(fitted):
    with pytest.raises(InvalidInputError, match="dead"):
        fitted.sample(3, y="dead")
    with pytest.raises(InvalidInputError, match="18, 14"):
        fitted.reconstruct(X[:, :, :10])


def test_few_images_are_warned_of():
    with pytest.warns(SmallDataWarning, match="12 images"):
        clone(RIGID).fit(X[:12])

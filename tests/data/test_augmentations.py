"""Classical augmentation: MONAI's formulas, and what no augmentation may do."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from augment._errors import InvalidInputError
from augment._random import torch_generator
from augment.data import ClassicalAugmentation, augment_images
from augment.data.augmentations import affine, bias_fields, gamma_curve, gibbs_ringing

NOTHING = ClassicalAugmentation(0, 0, 0, 0, 0, 0, 0, 0)


def head(n=3, side=24, seed=0):
    """Give smooth blobs on black."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side - 0.5
    centre = rng.uniform(-0.1, 0.1, (n, 2, 1, 1))
    square = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2
    return np.exp(-square / 0.05)[:, None].astype(np.float32)


@settings(max_examples=25)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.uint8, np.int16]),
        st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
        elements=st.integers(0, 100),
    )
)
def test_shape_dtype_and_range_are_kept(images):
    before = images.copy()
    changed = augment_images(images, random_state=0)
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    np.testing.assert_array_equal(images, before)
    if images.size:
        assert changed.min() >= images.min()
        assert changed.max() <= images.max()


def test_no_strength_changes_nothing():
    np.testing.assert_allclose(augment_images(head(), settings=NOTHING), head(), atol=1e-5)


def test_a_seed_repeats_and_images_differ_from_each_other():
    images = np.repeat(head(1), 4, axis=0)
    first, second = (augment_images(images, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len(np.unique(first.reshape(4, -1), axis=0)) == 4
    assert not np.array_equal(augment_images(images, random_state=4), first)


def test_any_intensity_range_is_changed_alike():
    changed = augment_images(head(), random_state=0)
    far = augment_images(500 * head() - 30, random_state=0)
    np.testing.assert_allclose(far, 500 * changed - 30, atol=0.1)


def test_the_global_streams_are_untouched():
    np_state, torch_state = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    augment_images(head(), random_state=0)
    np.testing.assert_array_equal(np.random.get_state()[1], np_state)
    assert torch.equal(torch.random.get_rng_state(), torch_state)


def test_rotation_is_about_the_middle_and_turns_what_it_says():
    quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])
    images = torch.as_tensor(head(1))
    turned = affine(images, quarter)
    np.testing.assert_allclose(turned, torch.rot90(images, 1, (2, 3)), atol=1e-5)


def test_a_shift_moves_by_its_share():
    images = torch.as_tensor(head(1, side=20))
    shift = torch.tensor([[[1.0, 0.0, 0.2], [0.0, 1.0, 0.0]]])
    moved = affine(images, shift)  # 0.2 of a half width is 2 pixels of 20
    np.testing.assert_allclose(moved[..., :18], images[..., 2:], atol=1e-5)


def test_bias_fields_are_those_of_monai():
    from monai.transforms import RandBiasField

    drawn = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 10))
    fields = bias_fields(torch.as_tensor(drawn, dtype=torch.float32), (12, 9))
    for mine, coefficients in zip(fields[:, 0], drawn, strict=True):
        theirs = RandBiasField()._generate_random_field((12, 9), 3, coefficients.tolist())
        np.testing.assert_allclose(mine, np.exp(theirs), atol=1e-4)


@pytest.mark.parametrize("shape", [(16, 16), (12, 17)])
def test_gibbs_ringing_is_that_of_monai(shape):
    from monai.transforms import GibbsNoise

    images = torch.rand(2, 1, *shape, generator=torch_generator(0))
    shares = torch.tensor([0.3, 0.7])
    mine = gibbs_ringing(images, shares)
    for one, image, share in zip(mine, images, shares, strict=True):
        np.testing.assert_allclose(one, GibbsNoise(float(share))(image), atol=1e-4)


def test_contrast_is_that_of_monai():
    from monai.transforms import AdjustContrast

    images = torch.rand(2, 1, 8, 8, generator=torch_generator(0)) * 3 - 1
    mine = gamma_curve(images, torch.tensor([0.6, 1.7]))
    for one, image, gamma in zip(mine, images, (0.6, 1.7), strict=True):
        np.testing.assert_allclose(one, AdjustContrast(gamma)(image), atol=1e-4)


def test_noise_is_rician_where_there_is_no_signal():
    images = torch.zeros(400, 1, 16, 16)
    only_noise = ClassicalAugmentation(0, 0, 0, 0, 0, 0, 0.2, 0, probability=1.0)
    noisy = only_noise.apply(images, torch_generator(0))
    spread = noisy.square().mean(dim=(1, 2, 3)).div(2).sqrt()  # Rayleigh: E x^2 = 2 spread^2
    assert (noisy >= 0).all()
    assert spread.max() < 0.22
    assert abs(spread.mean().item() - 0.1) < 0.01


@pytest.mark.parametrize(
    ("images", "words"),
    [(np.zeros((2, 8, 8)), r"images\[:, None\]"), (np.full((1, 1, 4, 4), np.inf), "finite")],
)
def test_bad_input_is_named(images, words):
    with pytest.raises(InvalidInputError, match=words):
        augment_images(images)

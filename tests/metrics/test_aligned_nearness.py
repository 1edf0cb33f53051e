"""Known answers of `aligned_nearness`: changed copies are found, other heads are not."""

import numpy as np
import pytest
from scipy.ndimage import rotate, shift

from augment.data import augment_images, make_phantoms
from augment.metrics import aligned_nearness
from augment.metrics.privacy import false_discovery

LEVEL = 0.005
CHANGES = {
    "not at all": lambda images: images,
    "noise": lambda images: images + np.random.default_rng(0).normal(0, 0.05, images.shape),
    "half a pixel": lambda images: shift(images, (0, 0, 0.5, 0.5), order=1),
    "a pixel": lambda images: np.roll(images, 1, axis=3),
    "two pixels": lambda images: np.roll(images, -2, axis=2),
    "turned": lambda images: rotate(images, 3, axes=(2, 3), reshape=False, order=1),
    "turned by a quarter": lambda images: np.rot90(images, axes=(2, 3)),
    "mirrored": lambda images: images[..., ::-1],
    "mirrored and turned": lambda images: rotate(
        images[..., ::-1], -5, axes=(2, 3), reshape=False, order=1
    ),
    "brighter": lambda images: 1.3 * images + 0.2,
    "contrast": lambda images: np.clip(images, 0, None) ** 0.8,
    "augmented": lambda images: augment_images(images, random_state=0),
}


def heads(n, seed, n_slices=1, size=32):
    return make_phantoms(n, n_slices=n_slices, size=size, random_state=seed)


TRAIN, HOLDOUT, OTHERS = (heads(n, seed).images for seed, n in enumerate((30, 30, 20)))


@pytest.mark.parametrize("change", CHANGES)
def test_copies_are_found_among_fresh_heads(change):
    """Ten copies and twenty fresh heads: nine of ten at least, and who they are of."""
    copies = CHANGES[change](TRAIN[:10]).astype(np.float32)
    found = aligned_nearness(TRAIN, np.concatenate([OTHERS, copies]), HOLDOUT)
    flagged = false_discovery(found.p_values, LEVEL)
    assert flagged[-10:].sum() >= 9
    assert not flagged[:-10].any()
    assert (found.nearest[-10:] == np.arange(10)).sum() >= 9


@pytest.mark.slow
def test_fresh_heads_have_even_p_values():
    """Of 400 fresh heads no more are near than chance explains (one in a thousand, binomial)."""
    p_values = []
    for seed in range(10):
        train, fresh, holdout = (heads(40, 10 * seed + k).images for k in (3, 4, 5))
        p_values.append(aligned_nearness(train, fresh, holdout).p_values)
        assert not false_discovery(p_values[-1], LEVEL).any()
    joined = np.concatenate(p_values)
    assert (joined <= 0.05).mean() <= 0.09
    assert (joined <= 0.01).mean() <= 0.03


def test_slices_of_one_patient_are_no_copies_of_each_other():
    """Real slices are laid on those of other patients alone, or no copy would stand out."""
    train, holdout, fresh = (heads(12, seed, n_slices=3) for seed in range(3))
    mixed = np.concatenate([fresh.images, train.images[:4, ..., ::-1]])
    found = aligned_nearness(
        train.images, mixed, holdout.images, groups=train.groups, holdout_groups=holdout.groups
    )
    flagged = false_discovery(found.p_values, LEVEL)
    assert flagged[-4:].all()
    assert not flagged[:-4].any()


def test_copies_of_held_out_images_are_no_evidence():
    assert aligned_nearness(TRAIN, HOLDOUT[:10, ..., ::-1], HOLDOUT).p_values.min() > 0.5


def test_channels_of_any_unit_count_alike():
    parts = TRAIN[:16], np.concatenate([OTHERS[:3], TRAIN[:2, ..., ::-1]]), HOLDOUT[:16]
    plain = aligned_nearness(*parts)
    twice = aligned_nearness(*(np.concatenate([4000 * part, part - 5], axis=1) for part in parts))
    assert twice.train_distance == pytest.approx(plain.train_distance, abs=1e-3)
    assert twice.nearest.tolist() == plain.nearest.tolist()


def test_oblong_large_and_empty_images_are_served():
    train, holdout, fresh = (heads(14, seed, size=80).images[:, :, 12:68] for seed in range(3))
    mixed = np.concatenate([np.zeros_like(fresh[:1]), fresh, train[:2, :, ::-1]])
    found = aligned_nearness(train, mixed, holdout)
    assert np.isfinite(found.p_values).all()
    assert false_discovery(found.p_values, LEVEL).tolist() == [False] * 15 + [True] * 2


def test_few_images_are_served():
    images = heads(4, 0).images
    found = aligned_nearness(images[:1], images[1:3], images[3:])
    assert found.p_values.shape == (2,)
    assert np.isfinite(found.p_values).all()

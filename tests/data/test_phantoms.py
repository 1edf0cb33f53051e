"""Phantoms: seeded, alike within a subject, different between subjects, with true lesions."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from augment._errors import InvalidInputError
from augment.data import make_phantoms


@pytest.fixture(scope="module")
def phantoms():
    return make_phantoms(
        n_subjects=12, n_slices=3, classes=("healthy", "lesion", "rim lesion"), random_state=0
    )


def test_a_seed_gives_the_same_heads_and_fewer_subjects_the_first_of_them(phantoms):
    fewer = make_phantoms(
        n_subjects=3, n_slices=3, classes=("healthy", "lesion", "rim lesion"), random_state=0
    )
    assert_array_equal(fewer.images, phantoms.images[:9])
    assert not np.array_equal(
        make_phantoms(n_subjects=2, n_slices=3, random_state=1).images, phantoms.images[:6]
    )


def test_slices_of_a_subject_are_alike(phantoms):
    flat = phantoms.images.reshape(len(phantoms), -1)
    distance = ((flat[:, None] - flat[None]) ** 2).sum(axis=-1)
    same = phantoms.groups[:, None] == phantoms.groups[None]
    off = ~np.eye(len(flat), dtype=bool)
    assert distance[same & off].max() < distance[~same].min() * 1.5
    assert distance[same & off].mean() < 0.5 * distance[~same].mean()


def test_lesions_show_where_the_mask_says(phantoms):
    for name in ("lesion", "rim lesion"):
        sick = np.asarray(phantoms.y == name)
        assert phantoms.masks[sick].any(axis=(1, 2)).all()
    spots = np.asarray(phantoms.y == "lesion")
    inside = phantoms.images[spots, 0][phantoms.masks[spots]]
    brain = phantoms.images[spots, 0][:, 24:40, 24:40]
    assert inside.mean() > brain.mean() + 0.1
    assert not phantoms.masks[np.asarray(phantoms.y == "healthy")].any()


def test_old_brains_have_wide_ventricles():
    slices = make_phantoms(n_subjects=60, n_slices=1, classes=("healthy",), random_state=0)
    dark = (slices.images[:, 0, 20:44, 26:38] < 0.3).mean(axis=(1, 2))
    assert np.corrcoef(dark, slices.conditions["age"])[0, 1] > 0.5


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"n_subjects": 0}, "n_subjects"),
        ({"size": 8}, "size"),
        ({"classes": ("healthy", "tumor")}, "classes"),
        ({"noise": -1.0}, "noise"),
    ],
)
def test_bad_parameters(options, word):
    with pytest.raises(InvalidInputError, match=word):
        make_phantoms(**{"n_subjects": 2, "random_state": 0} | options)

"""Draws that come too near to a training image are drawn anew, or left out."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from augment import ImageVAE
from augment._errors import InvalidInputError
from augment.data import make_phantoms, split_slices
from augment.evaluation import sample_without_copies


class Copier:
    """Gives a share of its training images back, and fresh ones otherwise."""

    def __init__(self, known, fresh, share):
        self.known, self.fresh, self.share = known, fresh, share
        self.asked = []

    def sample(self, n_samples=None, *, y=None, random_state=None):
        n = len(y) if y is not None else n_samples
        self.asked.append(n)
        rng = np.random.default_rng(random_state)
        images = self.fresh[rng.integers(len(self.fresh), size=n)].copy()
        copied = rng.random(n) < self.share
        images[copied] = self.known[rng.integers(len(self.known), size=copied.sum())]
        return images, np.full(n, "a") if y is None else np.asarray(y)


@pytest.fixture(scope="module")
def parts():
    slices = make_phantoms(n_subjects=30, n_slices=2, size=32, random_state=0)
    fresh = make_phantoms(n_subjects=60, n_slices=1, size=32, random_state=9)
    return (*split_slices(slices, random_state=0), fresh)


def test_copies_are_replaced(parts):
    train, holdout, fresh = parts
    copier = Copier(train.images, fresh.images, 0.5)
    drawn = sample_without_copies(
        copier, 40, train=train.images, holdout=holdout.images, random_state=0
    )
    assert len(drawn.images) + drawn.n_missing == 40
    known = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in known for image in drawn.images)
    assert drawn.n_rejected >= 10
    assert drawn.n_drawn == sum(copier.asked)


def test_with_no_rounds_they_are_counted_and_kept(parts):
    train, holdout, fresh = parts
    copier = Copier(train.images, fresh.images, 0.5)
    drawn = sample_without_copies(
        copier, 40, train=train.images, holdout=holdout.images, n_rounds=0, random_state=0
    )
    assert (len(drawn.images), drawn.n_missing) == (40, 0)
    assert drawn.n_rejected >= 10


def test_a_copier_is_refused(parts):
    train, holdout, _ = parts
    copier = Copier(train.images, train.images, 1.0)
    with pytest.raises(InvalidInputError, match="the generator copies"):
        sample_without_copies(copier, 5, train=train.images, holdout=holdout.images, n_rounds=2)


def test_labels_stay_as_they_were_asked_for(parts):
    train, holdout, _ = parts
    vae = ImageVAE(random_state=0).fit(train.images, train.conditions, groups=train.groups)
    wanted = train.conditions.iloc[:15]
    for other in ({"holdout": holdout.images}, {"groups": train.groups}):
        first, again = (
            sample_without_copies(vae, y=wanted, train=train.images, random_state=3, **other)
            for _ in range(2)
        )
        assert_array_equal(first.images, again.images)
        if not first.n_missing:
            assert first.y["diagnosis"].tolist() == wanted["diagnosis"].tolist()


def test_one_patient_gives_no_measure(parts):
    train = parts[0]
    copier = Copier(train.images, train.images, 0.0)
    with pytest.raises(InvalidInputError, match="one patient"):
        sample_without_copies(copier, 5, train=train.images, groups=["a"] * len(train))

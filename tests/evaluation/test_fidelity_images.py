"""Known answers of `evaluate_fidelity` for images."""

import functools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import augment.evaluation.fidelity as evaluation
from augment import FidelityResult, evaluate_fidelity

fidelity = functools.partial(evaluate_fidelity, random_state=0)


def images(n, seed):
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.normal(size=(n, 1, 16, 16)), (0, 0, 1, 1))
    y = np.arange(n) % 2
    spot = np.exp(-(((np.mgrid[-1:1:16j, -1:1:16j]) ** 2).sum(axis=0)) / 0.1)
    return (noise + spot * (1 + y[:, None, None, None])).astype(np.float32), y


@pytest.mark.parametrize("with_holdout", [True, False])
def test_images_at_the_floor_and_blurred(with_holdout):
    real, fresh = images(40, 0), images(40, 1)
    holdout = images(40, 2) if with_holdout else None
    good = fidelity(real, fresh, holdout)
    blurred = fidelity(real, (gaussian_filter(fresh[0], (0, 0, 1, 1)), fresh[1]), holdout)
    assert good.verdict == "at the floor"
    assert blurred.verdict == "far from the floor"
    assert {"convolutions", "radiomics", "pixels", "both"} == set(good.summary["features"])
    assert not len(good.by_column)
    assert FidelityResult.from_json(good.to_json()).summary.equals(good.summary)


def test_sets_of_slices_serve(monkeypatch):
    monkeypatch.setattr(evaluation, "N_REPEATS", 2)

    class Slices:
        def __init__(self, images, y):
            self.images, self.y, self.groups = images, y, np.arange(len(y)) // 2

    real, fresh = images(40, 0), images(40, 1)
    groups = np.arange(40) // 2
    expected = fidelity(real, fresh, groups=groups).summary
    assert fidelity(Slices(*real), fresh).summary.equals(expected)

"""Cells of images: distances from other patients, and lift."""

from __future__ import annotations

import numpy as np
import pytest
from augment.pipelines import benchmark

from augment.benchmarking import load_datasets
from augment.benchmarking.images import IMAGE_METRICS, _halves
from tests.benchmarking.small import small_settings, tables


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Write bright and dark blobs as MedMNIST does."""
    rng, n = np.random.default_rng(0), 120
    labels = np.arange(n) % 2
    images = rng.normal(60, 12, (n, 16, 16)) + 60 * labels[:, None, None]
    images[:, 4:12, 4:12] += rng.normal(40, 10, (n, 1, 1))
    path = tmp_path_factory.mktemp("images") / "blobs.npz"
    np.savez(path, train_images=images.clip(0, 255).astype(np.uint8), train_labels=labels[:, None])
    return path


def test_halves_divide_each_class_of_the_test_part(archive):
    part = load_datasets([str(archive)])["blobs"].split(40, 0, seed=0)
    first, second = _halves(part, seed=1)
    assert sorted([*first, *second]) == sorted(part.test)
    codes = part.cohort.codes
    np.testing.assert_array_equal(np.bincount(codes[first]), np.bincount(codes[second]))


def test_images_are_measured_and_learned_from(archive, tmp_path):
    settings = small_settings(
        archive,
        generators={"class_pca": {}, "few axes": {"method": "class_pca", "n_axes": 1}},
        sizes=(40,),
        repeats=1,
        estimators=("logistic regression",),
    )
    result = benchmark.run(settings, tmp_path / "run")
    scores, cells = tables(tmp_path / "run")
    assert cells["error"].isna().all()
    wide = scores.pivot_table(index="metric", columns="generator", values="value")
    assert {*IMAGE_METRICS.values(), "roc_auc", "neg_log_loss"} <= set(wide.index)
    assert wide.loc["recall", "few axes"] < wide.loc["recall", "class_pca"]
    (panel,) = result.leaderboard["panels"]
    assert panel["kind"] == "images"
    assert panel["metrics"][0] == "kernel_distance"
    assert "roc_auc" in panel["metrics"]
    assert "fresh real images" in (tmp_path / "run" / "leaderboard.md").read_text()

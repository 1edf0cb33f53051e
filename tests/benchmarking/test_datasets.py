"""Data sets from every source, and their splits."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from augment._errors import AugmentWarning, InvalidInputError
from augment.benchmarking.grid import Grid
from augment.benchmarking.sources import load_datasets
from tests.benchmarking.small import write_tables


def medmnist(path, n: int = 60, channels: int | None = None) -> None:
    rng = np.random.default_rng(0)
    shape = (n, 8, 8) if channels is None else (n, 8, 8, channels)
    images = rng.integers(0, 255, shape, dtype=np.uint8)
    labels = np.arange(n)[:, None] % 2
    np.savez(path, train_images=images, train_labels=labels, test_images=images, test_labels=labels)


def test_sources_give_what_they_hold(tmp_path):
    folder = write_tables(tmp_path / "data")
    (folder / "notes.csv").write_text("other,columns\n1,2\n")
    medmnist(tmp_path / "mnist.npz")
    medmnist(tmp_path / "colour.npz", channels=3)
    sources = [str(folder), str(tmp_path / "mnist.npz"), str(tmp_path / "colour.npz"), "iris"]
    with pytest.warns(AugmentWarning, match="'notes.csv'.* no column 'target'"):
        found = load_datasets(sources)
    assert list(found) == ["a", "b", "mnist", "colour", "iris"]
    assert [data.kind for data in found.values()] == ["table"] * 2 + ["images"] * 2 + ["table"]
    assert found["mnist"].cohort.X.shape == (120, 1, 8, 8)
    assert found["colour"].cohort.X.shape == (120, 3, 8, 8)
    assert found["iris"].cohort.classes.tolist() == ["setosa", "versicolor", "virginica"]
    assert found["a"].describe()["classes"] == {"ill": 20, "well": 40}
    assert found["a"].describe()["fingerprint"] != found["b"].describe()["fingerprint"]


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (["nowhere"], "'nowhere'"),
        (["iris", "iris"], "Two data sets are called 'iris'"),
        (["openml:heart"], "openml:ID with a number"),
        (["TMP/a.csv"], "Leave this data set out"),
        (["TMP/x.npz"], "train_images"),
        (["TMP/volumes.npz"], "Volumes are no data set"),
        (["TMP/nothing"], "found none. Check the path"),
    ],
)
def test_bad_sources(tmp_path, sources, words):
    write_tables(tmp_path, names=("a",), n_rows=18)
    np.savez(tmp_path / "x.npz", images=np.zeros(3))
    medmnist(tmp_path / "volumes.npz", channels=8)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InvalidInputError, match=words):
        load_datasets([source.replace("TMP", str(tmp_path)) for source in sources])


def test_openml_without_a_network(monkeypatch):
    def fetch_openml(**_):
        raise OSError("no route")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    with pytest.raises(InvalidInputError, match="needs a network"):
        load_datasets(["openml:31"])


def test_splits_divide_the_rows_and_depend_on_the_repeat_alone():
    data = load_datasets(["wine"])["wine"]
    parts = [data.split(60, repeat, seed=3) for repeat in (0, 1)]
    for part in parts:
        assert (len(part.train), len(part.test)) == (60, 118)
        both = part.cohort.X.iloc[np.concatenate([part.train, part.test])]
        assert sorted(both.index) == list(range(178))
        shares = np.bincount(part.cohort.codes[part.train]) / 60
        np.testing.assert_allclose(shares, np.bincount(data.cohort.codes) / 178, atol=0.02)
    again = data.split(60, 0, seed=3)
    pd.testing.assert_frame_equal(again.cohort.X, parts[0].cohort.X)
    assert not parts[0].cohort.X.index.equals(parts[1].cohort.X.index)


def test_patients_stay_on_one_side(tmp_path):
    write_tables(tmp_path, names=("a",), n_rows=90)
    frame = pd.read_csv(tmp_path / "a.csv").assign(patient=lambda f: f.index // 3)
    frame.to_csv(tmp_path / "a.csv", index=False)
    data = load_datasets([str(tmp_path / "a.csv")], groups="patient")["a"]
    assert "patient" not in data.cohort.X
    for repeat in range(5):
        part = data.split(45, repeat, seed=0)
        groups = part.cohort.groups
        assert not set(groups[part.train]) & set(groups[part.test])
        assert len(part.train) == 45


def test_groups_that_one_table_lacks_are_named(tmp_path):
    write_tables(tmp_path)
    frame = pd.read_csv(tmp_path / "a.csv").assign(patient=lambda f: f.index // 3)
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.warns(AugmentWarning, match=r"\['b'\] have no column 'patient'"):
        found = load_datasets([str(tmp_path)], groups="patient")
    assert [data.describe()["patients"] for data in found.values()] == [20, None]
    with pytest.raises(InvalidInputError, match="Did you mean 'patient'"):
        load_datasets([str(tmp_path)], groups="patiant")


def test_a_mistake_in_a_table_names_the_table(tmp_path):
    frame = pd.read_csv(write_tables(tmp_path) / "b.csv")
    frame.loc[3, "target"] = None
    frame.to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(InvalidInputError, match=r"Data set 'b': .* 1 empty cell"):
        load_datasets([str(tmp_path)])


def test_a_flat_folder_of_volumes_takes_its_labels_from_the_target(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"sub-{i:02}.nii.gz" for i in range(20)]
    for name in names:
        volume = rng.normal(100, 20, (18, 18, 10)).astype(np.float32)
        nib.save(nib.Nifti1Image(volume, np.eye(4)), tmp_path / name)
    index = pd.DataFrame({"file": names, "outcome": ["ill", "well"] * 10})
    index.to_csv(tmp_path / "index.csv", index=False)
    with pytest.raises(InvalidInputError, match="--set target=COLUMN"):
        load_datasets([str(tmp_path)])
    named = load_datasets([str(tmp_path)], target="outcome")
    index.rename(columns={"outcome": "target"}).to_csv(tmp_path / "index.csv", index=False)
    for (data,) in (named.values(), load_datasets([str(tmp_path)]).values()):
        assert (data.kind, data.describe()["patients"]) == ("images", 20)
        assert data.cohort.classes.tolist() == ["ill", "well"]


def test_a_size_that_cannot_be_divided_is_left_out(tmp_path):
    frame = pd.read_csv(write_tables(tmp_path, names=("a",), n_rows=90) / "a.csv")
    frame = frame.assign(patient=np.repeat([0, 1, 2], 30))
    frame.to_csv(tmp_path / "a.csv", index=False)
    datasets = load_datasets([str(tmp_path)], groups="patient")
    grid = Grid(datasets, {}, (20, 60), 2, {}, {}, 1.0, 0)
    assert {cell.size for cell in grid.cells()} == {60}
    assert "3 patients, of 30 rows at most" in grid.skipped()[0]


def test_rare_classes_are_learned_and_not_scored(tmp_path):
    write_tables(tmp_path, names=("a",), n_rows=90)
    frame = pd.read_csv(tmp_path / "a.csv")
    frame.loc[:4, "target"] = "rare"
    frame.to_csv(tmp_path / "a.csv", index=False)
    data = load_datasets([str(tmp_path)])["a"]
    part = data.split(45, 0, seed=0)
    assert data.describe()["scored"] == ["ill", "well"]
    assert set(part.cohort.codes[part.test]) == {0, 2}

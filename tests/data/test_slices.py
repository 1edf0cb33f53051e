"""Slices come out where they were, in every orientation, and go back there."""

import gc

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from augment import ImageVAE
from augment._errors import AugmentWarning, InvalidInputError
from augment.data import SliceSet, load_slices, make_phantoms, save_slices
from tests.data.mri import cohort, marked_volume, marks_at, noise_volume

ORIENTATIONS = {
    "RAS": {"axes": "RAS"},
    "LAS": {"axes": "LAS"},
    "PIR": {"axes": "PIR"},
    "uneven": {"axes": "LPS", "zooms": (1.0, 2.0, 3.0), "shape": (80, 40, 27)},
    "oblique": {"axes": "LAS", "turn": 0.2},
}


def world(place, shape):
    """Millimetres of each pixel of a slice, by its affine."""
    height, width = shape
    rows, columns = np.mgrid[:height, :width]
    across = np.zeros_like(rows)
    upwards = height - 1 - rows
    order = {2: (columns, upwards, across), 1: (columns, across, upwards)}
    voxels = np.stack(order.get(place.axis, (across, columns, upwards)), axis=-1)
    return voxels @ place.affine[:3, :3].T + place.affine[:3, 3]


@pytest.fixture(params=ORIENTATIONS)
def marked(request, tmp_path):
    nib.save(marked_volume(**ORIENTATIONS[request.param]), tmp_path / "sub-01.nii.gz")
    return tmp_path


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_pixels_lie_where_the_affine_says(marked, plane):
    slices = load_slices(marked, plane=plane, size=(36, 40), n_slices=5, percentiles=None)
    for image, place in zip(slices.images[:, 0], slices.geometry, strict=True):
        assert_allclose(
            image[4:-4, 4:-4], marks_at(world(place, image.shape))[4:-4, 4:-4], atol=0.1
        )


def test_left_is_left_and_front_is_up(marked):
    middle = load_slices(marked, n_slices=1, percentiles=None).images[0, 0]
    _, column = np.unravel_index(middle.argmax(), middle.shape)
    assert column > 40  # the highest mark is to the right
    front = middle[:, 26:34].max(axis=1)
    assert front.argmax() < 20


def test_sagittal_slices_face_right_with_the_top_up(marked):
    slices = load_slices(marked, plane="sagittal", n_slices=7, percentiles=None)
    middle = slices.images[np.argmin([abs(g.affine[0, 3] + 3) for g in slices.geometry]), 0]
    assert middle.max(axis=0).argmax() > 40  # the front mark, to the right of the picture
    assert middle[:20].max() > middle[-20:].max()  # the top mark


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_written_slices_are_read_back_in_place(marked, plane, tmp_path):
    slices = load_slices(marked, plane=plane, size=24, n_slices=3, percentiles=None)
    index = save_slices(slices, tmp_path / "out", synthetic=False)
    for i, name in enumerate(index["file"]):
        written = nib.load(tmp_path / "out" / name)
        assert_allclose(written.affine, slices.geometry[i].affine, atol=1e-4)
        assert_allclose(written.get_qform(), slices.geometry[i].affine, atol=1e-3)
    again = load_slices(tmp_path / "out", plane=plane, size=24, percentiles=None)
    assert_allclose(again.images, slices.images, atol=1e-5)
    for before, after in zip(slices.geometry, again.geometry, strict=True):
        assert_allclose(after.affine, before.affine, atol=1e-4)


def test_bids_table_gives_labels_covariates_and_subjects(tmp_path):
    slices = load_slices(cohort(tmp_path), size=16, n_slices=3, covariates=["age"])
    assert list(slices.conditions) == ["diagnosis", "age", "slice_position"]
    assert slices.y.name == "diagnosis"
    assert slices.y.tolist() == ["ill"] * 3 + ["well"] * 3 + ["ill"] * 3 + ["well"] * 3
    assert slices.groups.tolist()[::3] == ["sub-01", "sub-02", "sub-03", "sub-04"]
    assert slices.conditions["age"].tolist()[::3] == [40, 41, 42, 43]
    assert slices.conditions["slice_position"].between(0, 1).all()
    assert slices.geometry[0].header["dtype"] == "float32"
    assert 0 <= slices.images.min() < slices.images.max() <= 1


def test_labels_may_be_given_by_subject(tmp_path):
    folder = cohort(tmp_path)
    by_number = load_slices(folder, labels={1: "a", 2: "b", 3: "a", 4: "b"}, n_slices=1)
    assert by_number.y.tolist() == ["a", "b", "a", "b"]
    files = sorted(folder.rglob("*.nii.gz"))[:2]
    table = pd.DataFrame({"subject": ["sub-01", "sub-02"], "label": [0, 1]})
    assert load_slices(files, labels=table, n_slices=1).y.tolist() == [0, 1]
    assert load_slices(files, n_slices=1).y is None


def test_scales_of_intensity_do_not_matter(tmp_path):
    for i, scale in enumerate([1.0, 1e6]):
        nib.save(noise_volume(seed=3, scale=scale), tmp_path / f"sub-{i}.nii.gz")
    slices = load_slices(tmp_path, size=20, n_slices=2)
    assert_allclose(slices.images[:2], slices.images[2:], atol=1e-4)


def test_heads_keep_their_sizes(tmp_path):
    for i, shape in enumerate([(20, 20, 12), (30, 40, 20)]):
        nib.save(noise_volume(shape), tmp_path / f"sub-{i}.nii.gz")
    small, large = load_slices(tmp_path, size=40, n_slices=1).images[:, 0] > 0.3
    assert small.sum() / large.sum() == pytest.approx(20 * 20 / (30 * 40), abs=0.06)


def test_empty_slices_are_not_taken(tmp_path):
    volume = noise_volume((20, 20, 30)).get_fdata()
    volume[:, :, :12] = 0
    nib.save(nib.Nifti1Image(volume.astype(np.float32), np.eye(4)), tmp_path / "sub-1.nii.gz")
    slices = load_slices(tmp_path, size=20, n_slices=None)
    assert min(place.index for place in slices.geometry) >= 12
    assert (slices.images > 0.1).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("own_folder", [True, False])
def test_beyond_the_limit_the_array_lives_on_disk(tmp_path, own_folder):
    folder = cohort(tmp_path / "cohort")
    cache = tmp_path / "cache" if own_folder else None
    plain = load_slices(folder, size=16)
    mapped = load_slices(folder, size=16, memory_limit=1000, cache_dir=cache)
    assert isinstance(mapped.images, np.memmap)
    assert_array_equal(mapped.images, plain.images)
    assert type(mapped[:2].images) is not np.memmap or mapped[:2].images.base is not None
    file = mapped.images.filename
    del mapped
    gc.collect()
    assert file is not None
    assert own_folder == (cache is not None and any(cache.iterdir()))


def test_rows_are_chosen_by_mask_numbers_or_slice():
    slices = make_phantoms(n_subjects=4, n_slices=2, size=16, random_state=0)
    ill = np.asarray(slices.y == "lesion")
    for rows in (ill, np.flatnonzero(ill), np.flatnonzero(ill).tolist()):
        chosen = slices[rows]
        assert_array_equal(chosen.images, slices.images[ill])
        assert set(chosen.y) == {"lesion"}
        assert chosen.groups.tolist() == slices.groups[ill].tolist()
        assert len(chosen.conditions) == len(chosen.geometry) == len(chosen.masks) == ill.sum()
    assert len(slices[3]) == 1
    assert len(slices[2:5]) == 3
    with pytest.raises(InvalidInputError, match="one entry of groups for each of 8"):
        SliceSet(slices.images, groups=slices.groups[:3])


def test_pictures_take_the_class_of_their_folder(tmp_path):
    slices = make_phantoms(n_subjects=4, n_slices=2, size=32, random_state=0)
    for name in ("healthy", "lesion"):
        rows = np.asarray(slices.y == name)
        save_slices(SliceSet(slices.images[rows]), tmp_path / name, format="png", synthetic=False)
        (tmp_path / name / "index.csv").unlink()
    again = load_slices(tmp_path, size=32)
    assert again.y.tolist() == ["healthy"] * 4 + ["lesion"] * 4
    assert again.groups is None
    assert_allclose(
        again.images[:4], slices.images[np.asarray(slices.y == "healthy")], atol=1 / 255
    )


def test_pictures_brought_to_one_size_are_counted(tmp_path):
    rng = np.random.default_rng(0)
    for i, shape in enumerate([(20, 20), (20, 20), (30, 24)]):
        Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.warns(AugmentWarning, match="1 of 3 pictures are not 20x20 pixels .* 30x24"):
        assert load_slices(tmp_path, size=16).images.shape == (3, 1, 16, 16)


def test_masks_go_to_disk_and_back(tmp_path):
    slices = make_phantoms(n_subjects=4, n_slices=2, size=32, random_state=0)
    for kind in ("png", "nifti"):
        save_slices(slices, tmp_path / kind, format=kind, synthetic=False)
        again = load_slices(tmp_path / kind, size=32, mask_column="mask", percentiles=None)
        assert_array_equal(again.masks, slices.masks)
        assert again.groups.tolist() == slices.groups.tolist()
        assert_allclose(again.images, slices.images, atol=1 / 255)


def test_medmnist_archives(tmp_path):
    rng = np.random.default_rng(0)
    parts = {"train": 6, "val": 2, "test": 3}
    arrays = {}
    for name, n in parts.items():
        arrays[f"{name}_images"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        arrays[f"{name}_labels"] = rng.integers(0, 2, (n, 1), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", **arrays)
    train = load_slices(tmp_path / "set.npz", size=None)
    assert_allclose(train.images[:, 0], arrays["train_images"] / 255, atol=1e-6)
    assert train.y.tolist() == arrays["train_labels"][:, 0].tolist()
    assert len(load_slices(tmp_path / "set.npz", split="test")) == 3
    assert load_slices(tmp_path / "set.npz", split="all").images.shape == (11, 1, 64, 64)
    with pytest.raises(InvalidInputError, match="split must be one of"):
        load_slices(tmp_path / "set.npz", split="exam")


@pytest.mark.parametrize("shape", [(5, 20, 24), (5, 20, 24, 3), (5, 3, 20, 24)])
def test_plain_archives(tmp_path, shape):
    images = np.random.default_rng(0).random(shape)
    np.savez(tmp_path / "set.npz", X=images, y=list("abaab"), groups=[1, 1, 2, 2, 3])
    slices = load_slices(tmp_path / "set.npz", size=None)
    assert slices.images.shape == (5, 3 if len(shape) == 4 else 1, 20, 24)
    assert slices.y.tolist() == list("abaab")
    assert slices.groups.tolist() == ["1", "1", "2", "2", "3"]


def test_synthetic_slices_are_marked_and_say_nothing_of_the_patients(tmp_path):
    real = make_phantoms(n_subjects=10, n_slices=3, size=24, random_state=0)
    vae = ImageVAE(random_state=0).fit(real.images, real.conditions, groups=real.groups)
    images, conditions = vae.sample(6, random_state=1)
    for name, kind in (("nifti", None), ("png", "png"), ("all.npz", None)):
        save_slices(images, tmp_path / name, y=conditions, like=real, format=kind)
        with pytest.warns(AugmentWarning, match="marked as synthetic"):
            again = load_slices(tmp_path / name, size=24, percentiles=None)
        assert_allclose(again.images, images, atol=1 / 255)
    written = nib.load(tmp_path / "nifti" / "synthetic-00003.nii.gz")
    assert b"SYNTHETIC" in written.header["descrip"].item()
    assert written.header["intent_name"].item() == b"synthetic"
    nearest = np.abs(real.conditions["slice_position"] - conditions["slice_position"][2]).argmin()
    assert_allclose(written.affine, real.geometry[nearest].affine, atol=1e-4)
    index = (tmp_path / "nifti" / "index.csv").read_text(encoding="utf-8")
    assert "sub-" not in index
    assert b"SYNTHETIC" in (tmp_path / "png" / "synthetic-00001.png").read_bytes()


def test_hippocampus_is_read_grown_and_written(data_dir, tmp_path):
    table = pd.read_csv(data_dir / "volumes" / "hippocampus" / "index.csv")
    table = table.assign(half=np.where(table["ny"] > 50, "long", "short")).iloc[::12]
    files = [data_dir / "volumes" / "hippocampus" / name for name in table["image"]]
    rows = table.assign(image=[str(path.resolve()) for path in files])
    slices = load_slices(
        files, labels=rows, label_column="half", plane="coronal", size=45, n_slices=4
    )
    assert set(table["p99"] > 1e4) == {True, False}  # wild scales
    assert 0 <= slices.images.min() < slices.images.max() <= 1
    assert len(set(slices.groups)) == table["subject"].nunique()
    medians = [np.median(slices.images[slices.groups == s]) for s in set(slices.groups)]
    assert min(medians) > 0.05
    vae = ImageVAE(deformation_grid=0, random_state=0)
    vae.fit(slices.images, slices.conditions, groups=slices.groups)
    images, conditions = vae.sample(5, random_state=0)
    index = save_slices(images, tmp_path / "synthetic", y=conditions, like=slices)
    places = [g.affine for g in slices.geometry]
    for name in index["file"]:
        affine = nib.load(tmp_path / "synthetic" / name).affine
        assert min(np.abs(affine - place).max() for place in places) < 1e-4

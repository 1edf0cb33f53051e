"""Images that cannot be used are named, with what to do."""

import gzip

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from augment._errors import AugmentWarning, InvalidInputError, SmallDataWarning
from augment.data import load_slices, make_phantoms, save_slices, split_slices
from tests.data.mri import cohort, noise_volume


@pytest.fixture
def bids(tmp_path):
    return cohort(tmp_path / "cohort")


def second(folder):
    return sorted(folder.rglob("*.nii.gz"))[1]


def refuse(folder, *words, **options):
    with pytest.raises(InvalidInputError) as caught:
        load_slices(folder, **options)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("kept", [0, 50, 400, 2000])
def test_truncated_volume(bids, kept):
    path = second(bids)
    path.write_bytes(path.read_bytes()[:kept])
    refuse(bids, str(path), "cut short")


def test_corrupt_volume(bids):
    path = second(bids)
    path.write_bytes(gzip.compress(b"no volume at all" * 100))
    refuse(bids, str(path), "damaged")
    path.write_bytes(b"\x1f\x8b" + bytes(500))
    refuse(bids, str(path), "damaged")


def test_a_byte_that_flipped(bids):
    path = second(bids)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(bytes(raw))
    refuse(bids, str(path))


def test_series_of_volumes(bids):
    nib.save(nib.Nifti1Image(np.ones((8, 8, 8, 5), np.float32), np.eye(4)), second(bids))
    refuse(bids, str(second(bids)), "(8, 8, 8, 5)", "three dimensions")


def test_a_last_axis_of_one_is_no_series(bids):
    values = noise_volume().get_fdata(dtype=np.float32)[..., None]
    nib.save(nib.Nifti1Image(values, np.eye(4)), second(bids))
    assert len(load_slices(bids, n_slices=2)) == 8


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "NaN or infinite")])
def test_voxels_that_are_no_numbers(bids, value, word):
    values = noise_volume().get_fdata(dtype=np.float32)
    values[3, 3, 3] = value
    nib.save(nib.Nifti1Image(values, np.eye(4)), second(bids))
    refuse(bids, str(second(bids)), word)


def test_constant_volume(bids):
    nib.save(nib.Nifti1Image(np.full((8, 8, 8), 7.0, np.float32), np.eye(4)), second(bids))
    refuse(bids, str(second(bids)), "one intensity only, 7")


def test_affine_that_cannot_be_inverted(bids):
    flat = nib.Nifti1Image(np.ones((8, 8, 8), np.float32), np.eye(4))
    flat.header["srow_y"] = 0
    flat.header["sform_code"], flat.header["qform_code"] = 1, 0
    path = second(bids)
    nib.save(flat, path)
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[296:312] = bytes(16)  # srow_y
    path.write_bytes(gzip.compress(bytes(raw)))
    refuse(bids, str(path), "affine")


def test_mixed_shapes_without_a_size(bids):
    nib.save(noise_volume((24, 20, 12)), second(bids))
    refuse(bids, str(second(bids)), "24", "Give a size", size=None)
    assert load_slices(bids, size=16).images.shape[2:] == (16, 16)


def test_table_that_misses_a_subject(bids):
    table = bids / "participants.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([*lines[:2], *lines[3:]]), encoding="utf-8")
    refuse(bids, "sub-02", "participants.tsv", "no row")


def test_table_that_repeats_a_subject(bids):
    table = bids / "participants.tsv"
    table.write_text(table.read_text(encoding="utf-8") + "sub-02\t50\till\n", encoding="utf-8")
    refuse(bids, "sub-02", "more than once")


def test_table_with_more_subjects_than_there_are(bids):
    table = bids / "participants.tsv"
    table.write_text(table.read_text(encoding="utf-8") + "sub-09\t50\till\n", encoding="utf-8")
    with pytest.warns(AugmentWarning, match="1 rows of .* have no image"):
        assert len(load_slices(bids, n_slices=1)) == 4


def test_empty_cells_and_unknown_columns(bids):
    table = bids / "participants.tsv"
    text = table.read_text(encoding="utf-8")
    refuse(bids, "'diagnosys'", "Did you mean 'diagnosis'", label_column="diagnosys")
    table.write_text(text.replace("41\twell", "41\t"), encoding="utf-8")
    refuse(bids, "'diagnosis'", "empty")


def test_table_without_subjects(bids):
    table = pd.DataFrame({"who": ["a"] * 4, "label": list("xyxy")})
    refuse(bids, "names the subject", "group_column", labels=table)


def test_table_of_files_that_are_not_there(tmp_path):
    slices = make_phantoms(n_subjects=4, n_slices=2, size=16, random_state=0)
    save_slices(slices, tmp_path / "set", format="png", synthetic=False)
    (tmp_path / "set" / "slice-00003.png").unlink()
    refuse(tmp_path / "set", "slice-00003.png", "not there")
    Image.new("L", (16, 16)).save(tmp_path / "set" / "slice-00003.png")
    refuse(tmp_path / "set", "slice-00003.png", "one intensity")
    slices[:1].images[:] = 0.5
    Image.effect_noise((16, 16), 50).save(tmp_path / "set" / "slice-00003.png")
    Image.effect_noise((16, 16), 50).save(tmp_path / "set" / "extra.png")
    refuse(tmp_path / "set", "extra.png", "no row")


def test_empty_folder_and_no_folder(tmp_path):
    refuse(tmp_path, str(tmp_path), "found no file that matches")
    refuse(tmp_path / "nowhere", "nowhere")
    refuse([], "empty list")


def test_other_files_are_skipped_with_a_count(bids):
    (bids / "notes.docx").write_bytes(b"x")
    (bids / "preview.png").write_bytes(b"x")
    (bids / "dataset_description.json").write_text("{}", encoding="utf-8")
    with pytest.warns(AugmentWarning, match="2 files were skipped"):
        assert len(load_slices(bids, n_slices=1)) == 4


def test_a_class_of_one_subject(tmp_path):
    folder = cohort(tmp_path, labels=("ill", "well", "well", "well"))
    with pytest.warns(SmallDataWarning, match="'ill'"):
        load_slices(folder, n_slices=1)


def test_one_subject_in_each_class(tmp_path):
    folder = cohort(tmp_path, n=2)
    with pytest.warns(SmallDataWarning, match=r"\['ill', 'well'\]"):
        slices = load_slices(folder, n_slices=2)
    with pytest.raises(InvalidInputError, match="Each class has one subject only"):
        split_slices(slices)


def test_orientation_that_nobody_stated(bids):
    image = noise_volume()
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    nib.save(image, second(bids))
    with pytest.warns(AugmentWarning, match="left and right may be swapped"):
        load_slices(bids, n_slices=1)


def test_mixed_channels(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(tmp_path / "b.png")
    refuse(tmp_path, "b.png", "3 channels", "a.png")


def test_mixed_sizes_of_pictures(tmp_path):
    for name, size in (("a", 16), ("b", 20)):
        Image.effect_noise((size, 16), 50).save(tmp_path / f"{name}.png")
    refuse(tmp_path, "b.png", "Give a size", size=None)
    assert load_slices(tmp_path, size=16).images.shape == (2, 1, 16, 16)


def test_damaged_picture(tmp_path):
    Image.effect_noise((16, 16), 50).save(tmp_path / "a.png")
    raw = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(raw[: len(raw) // 2])
    refuse(tmp_path, "a.png", "cut short")


def test_grey_pictures_saved_in_colour_are_grey(tmp_path):
    for mode in ("L", "RGB", "P", "I;16"):
        picture = Image.effect_noise((16, 16), 50)
        picture = (
            Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
            if "16" in mode
            else (picture.convert(mode))
        )
        picture.save(tmp_path / f"{mode[:4].replace(';', '')}.png")
    assert load_slices(tmp_path, size=16).images.shape == (4, 1, 16, 16)


def test_damaged_and_foreign_archives(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK not really")
    refuse(tmp_path / "a.npz", "a.npz", "no .npz archive")
    np.savez(tmp_path / "b.npz", pixels=np.ones((3, 8, 8)))
    refuse(tmp_path / "b.npz", "'pixels'")
    np.savez(tmp_path / "c.npz", images=np.ones((3, 8, 8)), labels=[1, 2])
    refuse(tmp_path / "c.npz", "each of 3 images")
    np.savez(tmp_path / "d.npz", images=np.full((3, 8, 8), np.nan))
    refuse(tmp_path / "d.npz", "Image 0", "NaN")
    refuse(tmp_path / "e.npz", "found no file")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"plane": "axail"}, "Did you mean 'axial'"),
        ({"size": 3}, "size must be"),
        ({"n_slices": 0}, "n_slices must be"),
        ({"percentiles": (99, 1)}, "percentiles must be"),
        ({"pixel_size": -1.0}, "pixel_size must be"),
        ({"min_foreground": 0.0}, "min_foreground must be"),
    ],
)
def test_parameters(bids, options, word):
    refuse(bids, word, **options)


def test_places_that_cannot_be_written(tmp_path):
    slices = make_phantoms(n_subjects=2, n_slices=1, size=16, random_state=0)
    save_slices(slices, tmp_path / "a")
    for place, options, word in (
        ("a", {}, "new or empty"),
        ("b", {"format": "dicom"}, "format must be"),
        ("b", {"format": "npz"}, "ends in .npz"),
    ):
        with pytest.raises(InvalidInputError, match=word):
            save_slices(slices, tmp_path / place, **options)
    with pytest.raises(InvalidInputError, match="write an"):
        save_slices(np.ones((2, 4, 16, 16)), tmp_path / "c", format="nifti")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]

import base64
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from augment import report, workflow
from augment._errors import InvalidInputError
from augment.report.image_distances import nearest_images
from augment.report.image_figures import montage, window_of
from tests.report.page import Page
from tests.report.trust_example import example_fidelity

SIDE = 16


def blobs(n, seed, channels=1):
    """Images with one bright spot each, its place and width by chance."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    cy, cx, width = rng.uniform(5, 11, (2, n)).tolist(), None, rng.uniform(1.5, 3, n)
    cy, cx = (np.array(part)[:, None, None] for part in cy)
    spots = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width[:, None, None] ** 2))
    noise = rng.normal(0, 0.03, (n, channels, SIDE, SIDE))
    return (spots[:, None] + noise).astype(np.float32)


REAL, NEW, HELD = blobs(30, 0), blobs(40, 1), blobs(24, 2)
LABELS = np.array(["b <i>", "a"] * 15)
NEW_LABELS = np.array(["a"] * 20 + ["b <i>"] * 20)
PATIENTS = np.repeat(np.arange(15), 2)


def section(**options):
    options = {"groups": PATIENTS, "holdout": HELD, "n_images": 4} | options
    return report.image_section(REAL, NEW, LABELS, NEW_LABELS, **options)


def render(pictures, **options):
    study = report.summarise_study(None, name="ImageVAE", images=pictures, unit="slice", **options)
    return report.render_report(report.summarise_report([study]))


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["png"]))))


class Walker:
    """A generator whose codes are its pixels."""

    classes_ = ("a", "b <i>")

    def sample(self, n_samples=1, *, y=None, random_state=None):
        n = n_samples if y is None else len(y)
        labels = np.resize(NEW_LABELS[::-1], n) if y is None else y
        return blobs(n, random_state), labels

    def encode(self, X, y=None):
        return X.reshape(len(X), -1)

    def decode(self, codes, y=None):
        return codes.reshape(-1, 1, SIDE, SIDE)


def test_without_asking_no_picture_of_a_patient_is_in_it():
    found = section()
    assert found["n_patient_pictures"] == 0
    assert found["pairs"] is None
    assert [sheet["real"] for sheet in found["sheets"]] == [None, None]
    html = render(found)
    assert "no slice of a patient stands in it" in html
    window = window_of(REAL)
    whole = {montage(image[None], window, columns=1).png for image in REAL}
    assert not any(png in html for png in whole)
    assert len(Page(html).all("img")) == 2 * 3  # synthetic, average, spread


def test_asking_shows_them_counts_them_and_says_so():
    found = section(show_real_images=True, show_patients=True, n_pairs=3)
    assert found["n_patient_pictures"] == 2 * 4 + 3 * 2
    html = render(found)
    assert html.count("14 pictures of patients") == 2
    page = Page(html)
    assert len(page.all("img")) == 2 * 4 + 3


def test_a_sheet_shows_the_images_it_says():
    window = window_of(REAL)
    made = montage(REAL[:5], window, columns=3)
    shown = pixels({"png": made.png})
    assert shown.shape == (2 * SIDE + 1, 3 * SIDE + 2)
    low, high = window.low.item(), window.high.item()
    expected = np.round(255 * np.clip((REAL[4, 0] - low) / (high - low), 0, 1))
    assert np.array_equal(shown[SIDE + 1 :, SIDE + 1 : 2 * SIDE + 1], expected)
    assert (shown[SIDE + 1 :, 2 * SIDE + 2 :] == 255).all()


def test_three_channels_are_colours_and_other_numbers_show_the_first():
    window = window_of(blobs(4, 0, channels=3))
    assert pixels({"png": montage(blobs(2, 0, 3), window, columns=2).png}).shape[2] == 3
    window = window_of(blobs(4, 0, channels=2))
    assert pixels({"png": montage(blobs(2, 0, 2), window, columns=2).png}).ndim == 2


@settings(max_examples=30)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=6),
    st.integers(1, 7),
)
def test_a_window_never_divides_by_zero(values, columns):
    images = np.array(values)[:, None, None, None] * np.ones((1, 1, SIDE, SIDE))
    shown = pixels({"png": montage(images, window_of(images), columns=columns).png})
    assert shown.dtype == np.uint8


def test_patients_take_turns_on_a_sheet():
    patients = np.array([0] * 24 + [1, 1, 2, 2, 3, 3])
    classes = np.zeros(30, dtype=int)
    found = report.image_section(
        REAL, NEW, classes, np.zeros(40, dtype=int), groups=patients, show_real_images=True,
        n_images=4,
    )  # fmt: skip
    sheet = pixels(found["sheets"][0]["real"])
    window = window_of(REAL)
    tiles = [sheet[:, i * (SIDE + 1) : i * (SIDE + 1) + SIDE] for i in range(4)]
    whole = [pixels({"png": montage(image[None], window, columns=1).png}) for image in REAL]
    owners = [
        next(p for p, w in zip(patients, whole, strict=True) if (w == t).all()) for t in tiles
    ]
    assert sorted(owners) == [0, 1, 2, 3]


def test_few_patients_get_no_average():
    patients = np.repeat([0, 1, 2], 10)
    assert [sheet["averages"] for sheet in section(groups=patients)["sheets"]] == [None, None]
    assert all(sheet["averages"] for sheet in section()["sheets"])


def test_copies_come_near_and_fresh_images_do_not():
    fresh = nearest_images(REAL, NEW, HELD, groups=PATIENTS, seed=0)
    copied = nearest_images(REAL, REAL[:10] + 1e-4, HELD, groups=PATIENTS, seed=0)
    assert np.array_equal(copied.train_rows, np.arange(10))
    assert copied.to_train.max() < 0.05 < fresh.to_train.min()
    assert np.median(fresh.others) == pytest.approx(1)
    assert 0.7 < np.median(fresh.to_train) < 1.4
    assert copied.to_dict()["nearer"] == 1
    assert sum(fresh.to_dict()["synthetic"]) == pytest.approx(1)


def test_without_holdout_the_other_patients_are_the_measure():
    found = section(holdout=None, show_patients=True)
    assert found["nearest"]["by"] == "other patients"
    assert found["pairs"]["held_out"] is False
    assert "as nothing was held out" in render(found)


@pytest.mark.parametrize("kind", ["labels", "series", "frame", "none"])
def test_a_walk_leads_from_one_draw_to_another(kind):
    class Kind(Walker):
        def sample(self, n_samples=1, *, y=None, random_state=None):
            X, labels = super().sample(n_samples, y=y, random_state=random_state)
            if kind == "none":
                return X, None
            if y is not None or kind == "labels":
                return X, labels
            series = pd.Series(labels, name="dx")
            return X, series if kind == "series" else series.to_frame().assign(age=50.0)

    if kind in ("frame", "none"):
        Kind.classes_ = property()
    found = section(generator=Kind())["paths"]
    assert len(found) == {"labels": 2, "series": 2, "frame": 3, "none": 1}[kind]
    ends = blobs(2, 0)
    window = window_of(REAL)
    strip = pixels(found[0]["picture"])
    for image, place in ((ends[0], 0), (ends[1], -SIDE)):
        stop = None if place < 0 else SIDE
        tile = pixels({"png": montage(image[None], window, columns=1).png})
        assert np.abs(strip[:, place:stop].astype(int) - tile).max() <= 1


def test_a_generator_without_decoder_has_no_walk():
    assert section(generator=object())["paths"] == []


def test_page_of_images_is_accessible_and_closed(tmp_path):
    found = section(show_real_images=True, show_patients=True, generator=Walker())
    html = render(found, fidelity=example_fidelity())
    page = Page(html)
    pictures = page.all("img")
    assert all(picture["alt"] and picture["src"].startswith("data:image") for picture in pictures)
    assert all(int(picture["width"]) >= 80 for picture in pictures)
    assert "b <i>" not in html
    assert "b &lt;i&gt;" in html
    assert "http" not in html
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_pictures_come_back_from_json():
    study = report.summarise_study(None, images=section(), unit="image")
    summary = report.summarise_report([study])
    again = json.loads(workflow.to_json(summary))
    assert report.render_report(again) == report.render_report(summary)


def test_equal_seeds_give_equal_sections():
    assert section(show_real_images=True) == section(show_real_images=True)
    assert section(random_state=1)["sheets"] != section()["sheets"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"real": REAL[:, 0]}, "channel axis"),
        ({"synthetic": NEW.repeat(2, axis=1)}, "other images"),
        ({"labels": None}, "every sample or for none"),
        ({"labels": np.zeros((30, 2))}, "one class for each image"),
        ({"groups": PATIENTS[:-1]}, "one value for each"),
        ({"real": np.where(REAL > 0.9, np.nan, REAL)}, "finite"),
    ],
)
def test_bad_input_is_explained(change, message):
    arguments = {
        "real": REAL, "synthetic": NEW, "labels": LABELS, "synthetic_labels": NEW_LABELS,
        "groups": PATIENTS,
    } | change  # fmt: skip
    with pytest.raises(InvalidInputError, match=message):
        report.image_section(**arguments)


def test_unknown_units_are_refused():
    with pytest.raises(InvalidInputError, match="unit"):
        report.summarise_study(None, unit="slides")

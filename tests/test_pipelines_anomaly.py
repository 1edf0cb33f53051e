"""The search for anomalies from files to a report."""

import json
import re

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from augment.pipelines import anomaly_detection, demo_anomaly
from typer.testing import CliRunner

import augment
from augment._errors import InvalidInputError
from augment.cli import app
from augment.data import load_slices, make_phantoms, save_slices
from augment.metrics.anomaly_images import best_dice, paste_lesions, pixel_auprc
from augment.report.detection import render_detection, winner
from augment.workflow import load_settings
from tests.test_documentation import python_blocks

pytestmark = pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")
FEW_STEPS = augment.ImageVAE(latent_dim=16, deformation_grid=0, denoising_steps=5)
QUICK = {"max_steps": 20, "n_members": 1, "latent_dim": 3}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    train, new = demo_anomaly.load_tables(demo_anomaly.Settings(n_train=60))
    train.to_csv(folder / "train.csv", index=False)
    new.iloc[::5].to_csv(folder / "new.csv", index=False)
    return folder


def test_what_an_error_proposes_for_a_column_mends_it(tables, tmp_path):
    for name in ("train.csv", "new.csv"):
        frame = pd.read_csv(tables / name)
        frame.assign(patient_id=range(len(frame))).to_csv(tmp_path / name, index=False)
    sets = [f"parameters.{name}={value}" for name, value in QUICK.items()]
    call = ["detect", str(tmp_path / "train.csv"), str(tmp_path / "new.csv"), "--ignore", "what"]
    call += [part for text in sets for part in ("--set", text)]
    call += ["--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, call)
    assert refused.exit_code == 2
    (proposal,) = re.findall(r"--set (columns\S+?)\)", refused.output.replace("\n", ""))
    given = {"train": "train.csv", "new": "new.csv"}
    settings = load_settings(anomaly_detection.Settings, overrides=[proposal], **given)
    mended = anomaly_detection._detector(settings, "tabular_vae")
    assert mended.generator.schema == {"patient_id": "numeric"}


def test_a_label_that_no_row_has_is_named(tables, tmp_path):
    given = {"train": tables / "train.csv", "new": tables / "new.csv", "label": "what"}
    settings = anomaly_detection.Settings(**given, normal="healthy")
    with pytest.raises(InvalidInputError, match=r"'healthy'.*Known: \['benign'"):
        anomaly_detection.run(settings, tmp_path / "out")


@pytest.mark.parametrize("generator", ["gaussian_copula", "image_vae"])
def test_a_generator_that_cannot_detect_is_refused(tables, tmp_path, generator):
    given = {"train": tables / "train.csv", "new": tables / "new.csv", "ignore": ("what",)}
    settings = anomaly_detection.Settings(**given, generator=generator)
    with pytest.raises(InvalidInputError, match=rf"{generator}.*Known: \['tabular_vae', 'tabular"):
        anomaly_detection.run(settings, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_simple_detector_that_does_as_well_is_said_to():
    same = {"auroc": 1.0, "difference": 0.0, "difference_lower": 0.0, "difference_upper": 0.0}
    lines = [{"detector": name, "kind": name, **same} for name in ("own", "baseline")]
    assert "as good" in winner(lines)


def test_a_table_is_searched_and_compared(tables, tmp_path):
    settings = anomaly_detection.Settings(
        train=tables / "train.csv",
        new=tables / "new.csv",
        label="what",
        normal="benign",
        parameters=QUICK,
    )
    result = anomaly_detection.run(settings, tmp_path / "out")
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert list(scores.columns) == ["row", "score", "p_value", "flagged", "why"]
    assert (scores["flagged"] == (scores["p_value"] <= 0.1)).all()
    explanation = pd.read_csv(tmp_path / "out" / "explanation.csv")
    assert "what" not in explanation
    assert len(explanation) == len(scores)
    assert result.comparison is not None
    assert {"own", "baseline"} == set(result.comparison["kind"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "on the labelled rows" in page.lower()
    assert "<script" not in page
    assert "http" not in page.split("</style>")[1].replace("http://www.w3.org", "")
    summary = json.loads((tmp_path / "out" / "report.json").read_text())
    assert render_detection(summary) == page
    assert CliRunner().invoke(app, ["report", str(tmp_path / "out")]).exit_code == 0
    assert (tmp_path / "out" / "report.html").read_text() == page
    model = augment.load(tmp_path / "out" / "detector.safetensors")
    assert type(model).__name__ == "ReconstructionDetector"
    assert "flagged" in str(result)


def test_slices_get_heat_maps_that_lie_over_the_volume(tmp_path):
    heads = make_phantoms(n_subjects=14, n_slices=2, size=32, random_state=0)
    lesion = np.asarray(heads.y) != "healthy"
    save_slices(heads[~lesion], tmp_path / "train", synthetic=False)
    save_slices(heads[lesion], tmp_path / "new", synthetic=False)
    settings = anomaly_detection.Settings(
        train=tmp_path / "train",
        new=tmp_path / "new",
        size=32,
        n_top=3,
        parameters={"denoising_steps": 3},
    )
    result = anomaly_detection.run(settings, tmp_path / "out")
    assert len(list((tmp_path / "out" / "overlays").glob("*.png"))) == 3
    assert "data:image/png;base64" in (tmp_path / "out" / "report.html").read_text()
    looked_at = load_slices(tmp_path / "new", size=32)
    maps = sorted((tmp_path / "out" / "heat_maps").glob("*.nii.gz"))
    assert len(maps) == len(looked_at) == len(result.scores)
    for path, place in zip(maps, looked_at.geometry, strict=True):
        np.testing.assert_allclose(nib.load(path).affine, place.affine, atol=1e-4)


def test_the_command_says_what_is_wrong(tables, tmp_path):
    arguments = ["detect", str(tables / "train.csv"), str(tables / "new.csv")]
    missing = [*arguments, "--out", str(tmp_path / "x"), "--label", "wat"]
    outcome = CliRunner().invoke(app, missing)
    assert outcome.exit_code == 2
    assert "wat" in outcome.output
    assert not (tmp_path / "x").exists()


def test_pasted_lesions_are_found_in_phantoms():
    heads = make_phantoms(n_subjects=40, n_slices=2, size=32, random_state=1)
    normal = heads[np.asarray(heads.y) == "healthy"]
    train, test = normal.images[:24].astype(float), normal.images[24:].astype(float)
    detector = augment.ReconstructionDetector(FEW_STEPS, random_state=0)
    detector.fit(train, groups=normal.groups[:24])
    inside = test[:, 0] > 0.3
    pasted, lesions = paste_lesions(test, inside, diameter=5, contrast=6, seed=0)
    maps = detector.explain(pasted)
    assert maps.shape == pasted.shape
    assert pixel_auprc(maps[:, 0], lesions) > 5 * lesions.mean()
    assert best_dice(maps[:, 0], lesions) > 0.3
    assert (detector.score_samples(pasted) < detector.score_samples(test)).mean() > 0.8


def test_a_detector_of_images_is_saved_and_refuses_other_shapes(tmp_path):
    heads = make_phantoms(n_subjects=20, n_slices=1, size=32, random_state=2)
    detector = augment.ReconstructionDetector(FEW_STEPS, random_state=0).fit(heads.images)
    detector.save(tmp_path / "images")
    loaded = augment.load(tmp_path / "images")
    for name in ("score_samples", "explain"):
        again, first = (getattr(model, name)(heads.images) for model in (loaded, detector))
        np.testing.assert_allclose(again, first, rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="fitted on images"):
        detector.predict(heads.images[:, :, :16])
    with pytest.raises(ValueError, match="NaN"):
        detector.predict(heads.images * np.nan)
    assert np.isfinite(detector.score_samples(heads.images[:1] * 0 + 3)).all()


@pytest.mark.slow
def test_the_page_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in python_blocks("docs/how_to/flag_anomalies.md"):
        exec(block, names)
    assert names["why"].shape == names["malignant"].shape
    assert names["maps"].shape == names["heads"].images.shape


@pytest.mark.slow
def test_the_demo_runs(tmp_path):
    assert "flagged" in str(demo_anomaly.main(tmp_path / "demo"))

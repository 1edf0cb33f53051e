"""The pipeline of MRI slices, end to end on phantoms."""

import json

import numpy as np
import pandas as pd
import pytest
from augment.pipelines import mri_augmentation
from augment.pipelines._mri_settings import Settings
from typer.testing import CliRunner

import augment
from augment import cli, workflow
from augment._errors import InvalidInputError
from augment.data import make_phantoms, save_slices
from augment.evaluation import fidelity
from tests.lift_example import example_result

runner = CliRunner()
SMALL = [
    "size=32",
    "phantoms.n_subjects=16",
    "phantoms.n_slices=2",
    "generators.image_vae.deformation_grid=0",
    "progress=false",
    "n_jobs=1",
]


def invoke(*arguments):
    return runner.invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Take each figure once: what it says is tested elsewhere."""
    monkeypatch.setattr(fidelity, "N_REPEATS", 1)


@pytest.fixture
def lift(monkeypatch):
    """Stand in for the evaluation, which has tests of its own."""
    calls = []

    def evaluate_lift(generator, X, y, **options):
        calls.append({"X": X, "y": y, **options})
        return example_result()

    monkeypatch.setattr(augment, "evaluate_lift", evaluate_lift, raising=False)
    return calls


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Phantoms as a folder of NIfTI slices."""
    place = tmp_path_factory.mktemp("images") / "cohort"
    save_slices(make_phantoms(16, n_slices=2, size=32, random_state=0), place, synthetic=False)
    return place


def test_yaml_says_the_defaults():
    file = mri_augmentation.__file__.removesuffix(".py") + ".yaml"
    assert workflow.load_settings(Settings, file) == Settings()


def test_a_run_leaves_models_slices_tables_and_a_report(tmp_path, lift):
    out = tmp_path / "run"
    (out / "synthetic").mkdir(parents=True)  # as an earlier run left it
    (out / "synthetic" / "old.png").write_bytes(b"")
    result = mri_augmentation.main(out, *SMALL, "phantoms.n_subjects=24")
    names = {path.name for path in out.iterdir()}
    wanted = {"settings.json", "environment.json", "metrics.json", "fidelity.csv", "report.html"}
    wanted |= {"privacy.csv", "scores.csv", "model.safetensors", "synthetic", "sheets"}
    assert wanted <= names
    assert not any(name.startswith(".") for name in names)
    assert "Told apart from held-out real slices" in str(result)
    (study,) = result.studies
    assert study.fidelity.verdict in str(result)
    assert f"Privacy: {study.privacy.verdict}" in str(result)
    index = pd.read_csv(out / "synthetic" / "index.csv")
    assert index["synthetic"].all()
    assert not (out / "synthetic" / "old.png").exists()
    assert len(index) == len(study.drawn.images)
    assert augment.load(out / "model.safetensors").sample(3)[0].shape == (3, 1, 32, 32)
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64") >= 4
    card = json.loads((out / "metrics.json").read_text())
    assert card["studies"][0]["fidelity"]["verdict"] == study.fidelity.verdict
    assert card["studies"][0]["privacy"]["verdict"] == study.privacy.verdict
    assert "Copies, memorisation, and who is most exposed" in page
    call = lift[0]
    assert call["groups"] is not None
    assert not set(np.unique(call["X"][:, 0, 5, 5])) & set(np.unique(call["X_test"][:, 0, 5, 5]))


def test_no_patient_is_shown_or_written_unless_wanted(tmp_path, folder):
    result = mri_augmentation.main(
        tmp_path / "run", *SMALL, f"images={folder}", "show_real_images=false", "label_column=null"
    )
    names = [path.name for path in (tmp_path / "run" / "sheets").iterdir()]
    assert names
    assert not any("real" in name for name in names)
    assert "sub-0" not in (tmp_path / "run" / "report.html").read_text()
    assert "sub-0" not in (tmp_path / "run" / "synthetic" / "index.csv").read_text()
    assert result.studies[0].lift is None  # there are no labels to predict


def test_a_study_that_stopped_goes_on(tmp_path, monkeypatch):
    study = "{estimators: [logistic regression], baselines: [bootstrap], n_splits: 2}"
    small = [*SMALL, "phantoms.n_subjects=24", "size=16", f"lift_study={study}"]
    out, fits = tmp_path / "run", []
    fit = augment.ImageVAE._fit_images

    def counted(self, images):
        fits.append(len(images.pixels))
        fit(self, images)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(augment.ImageVAE, "_fit_images", counted)
    with monkeypatch.context() as patch:
        patch.setattr(augment.report, "image_section", stop)
        with pytest.raises(KeyboardInterrupt):
            mri_augmentation.main(out, *small)
    assert [path.name for path in out.iterdir()] == [mri_augmentation.CACHE]
    assert len(fits) >= 3  # one on all slices to learn from, and one for each split
    fits.clear()
    result = mri_augmentation.main(out, *small)
    assert len(fits) == 1
    assert result.studies[0].lift.verdict
    assert not (out / mri_augmentation.CACHE).exists()


def test_conditions_besides_the_label(tmp_path, folder):
    result = mri_augmentation.main(
        tmp_path / "run", *SMALL, f"images={folder}", "lift=false", "format=npz",
        "covariates=[age, slice_position]", "reject_copies=false", "n_synthetic=7",
    )  # fmt: skip
    assert list(result.studies[0].drawn.y) == ["diagnosis", "age", "slice_position"]
    with np.load(tmp_path / "run" / "synthetic.npz") as archive:
        assert archive["images"].shape == (7, 1, 32, 32)
    with pytest.raises(InvalidInputError, match="Did you mean 'age'"):
        mri_augmentation.main(tmp_path / "x", *SMALL, "covariates=[aeg]", "lift=false")


def test_fit_and_sample_take_folders(folder, tmp_path):
    model = tmp_path / "model.safetensors"
    done = invoke("fit", folder, "--out", model, "--size", 32)
    assert done.exit_code == 0, done.output
    assert "32 slices of 1x32x32; 16 subjects" in done.stdout
    done = invoke(
        "sample", model, "-n", 5, "--label", "lesion", "--out", tmp_path / "new", "--seed", 1,
        "--like", folder,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "new").glob("synthetic-*.nii.gz"))) == 5
    assert invoke("sample", model, "-n", 5, "--out", tmp_path / "png").exit_code == 0
    assert len(list((tmp_path / "png").glob("synthetic-*.png"))) == 5
    done = invoke("sample", model, "-n", 5, "--out", tmp_path / "all.npz")
    assert done.exit_code == 0
    for place, word in (("new.csv", "cannot hold"), ("png", "new or empty")):
        done = invoke("sample", model, "-n", 5, "--out", tmp_path / place)
        assert done.exit_code == 2
        assert word in done.stderr
    done = invoke("sample", model, "-n", 5, "--no-mark", "--out", tmp_path / "z")
    assert done.exit_code == 2


def test_fit_takes_archives_and_covariates(folder, tmp_path):
    phantoms = make_phantoms(10, n_slices=2, size=32, random_state=0)
    save_slices(phantoms, tmp_path / "set.npz", synthetic=False)
    out = tmp_path / "model.safetensors"
    assert invoke("fit", tmp_path / "set.npz", "--out", out, "--size", 32).exit_code == 0
    done = invoke("fit", folder, "--out", out, "--size", 32, "--covariate", "age")
    assert done.exit_code == 0, done.output
    done = invoke("fit", tmp_path / "set.npz", "--out", out, "--covariate", "age")
    assert done.exit_code == 2
    assert "'age'" in done.stderr


def test_evaluate_takes_folders(folder, tmp_path, lift):
    done = invoke("evaluate", folder, "--out", tmp_path / "run", "--splits", 3, "--repeats", 1,
                  "--set", "size=32")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert lift[0]["n_splits"] == 3
    assert "Report:" in done.stdout
    done = invoke("evaluate", folder, "--out", tmp_path / "b", "--test", folder)
    assert done.exit_code == 2
    (tmp_path / "empty").mkdir()
    done = invoke("evaluate", tmp_path / "empty", "--out", tmp_path / "c")
    assert done.exit_code == 2
    assert "found no file that matches" in done.stderr.replace("\n", " ")
    assert not (tmp_path / "c").exists()

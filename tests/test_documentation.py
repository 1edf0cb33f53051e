"""The code on the pages runs as it stands there."""

import functools
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner

import augment
from augment.cli import app
from tests.house import REPOSITORY


def python_blocks(page: str) -> list[str]:
    """Give the Python code blocks of a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(page.relative_to(REPOSITORY)) for page in (REPOSITORY / "docs").rglob("*.md")),
]


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as the documentation makes them."""
    headings = re.findall(r"^#{1,3} (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if ":" in link or path.endswith(".rst"):  # elsewhere, or made by the build
            continue
        target = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_overview_of_benchmarks_leads_to_each_page():
    overview = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for page in (REPOSITORY / "docs" / "benchmarks").glob("*.md"):
        assert f"](benchmarks/{page.name})" in overview
        assert f"\nbenchmarks/{page.stem}\n" in overview


def test_readme_code_runs(monkeypatch, capsys):
    plain = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    quick = functools.partial(
        augment.evaluate_lift, estimators={"plain": plain}, n_splits=2, n_repeats=1
    )
    monkeypatch.setattr(augment, "evaluate_lift", quick, raising=False)
    (block,) = python_blocks("README.md")
    names: dict = {}
    exec(block, names)
    assert list(names["X_new"]) == list(names["X"])
    assert len(names["y_new"]) == 500
    assert len(names["X_rare"]) == 100
    assert names["result"].verdict in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")
def test_pipeline_page_runs(monkeypatch):
    monkeypatch.setattr(augment, "TabularVAE", augment.Jitter, raising=False)
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    names: dict = {"X": X.iloc[:60, :4], "y": y[:60], "X_later": X.iloc[60:70, :4]}
    for block in python_blocks("docs/how_to/use_in_a_pipeline.md"):
        block = block.replace("min_samples_leaf=3", "n_estimators=3").replace("n_jobs=2", "cv=2")
        block = block.replace("X, y, scoring", "X, y, cv=2, scoring")
        exec(block, names)
    assert names["model"].predict_proba(names["X_later"]).shape == (10, 2)
    assert names["y_grown"].value_counts().nunique() == 1


def test_image_page_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in python_blocks("docs/how_to/grow_images.md"):
        exec(block, names)
    assert names["X_new"].shape == (200, 1, 8, 8)
    assert set(names["y_two"]) == {2}
    bright = names["X_bright"].mean(axis=(1, 2, 3))
    assert bright[10:].mean() > bright[:10].mean()
    assert (tmp_path / "images.safetensors").exists()


def test_page_on_reading_images_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in python_blocks("docs/how_to/read_images.md"):
        exec(block, names)
    assert names["slices"].groups.tolist() == names["phantoms"].groups.tolist()
    assert (tmp_path / "synthetic" / names["index"]["file"][0]).is_file()


def test_page_on_lift_of_images_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    quick = functools.partial(
        augment.evaluate_lift, estimators=augment.ImageClassifier(max_steps=4, width=4)
    )
    monkeypatch.setattr(augment, "evaluate_lift", quick, raising=False)
    names: dict = {}
    for block in python_blocks("docs/how_to/lift_of_images.md"):
        block = block.replace("max_steps=40", "max_steps=4").replace(
            "n_subjects=24", "n_subjects=12"
        )
        exec(block, names)
    assert names["result"].verdict in capsys.readouterr().out
    assert "classical_bootstrap" in set(names["result"].comparisons["reference"])
    assert (tmp_path / "runs" / "memory").is_dir()
    assert names["model"].best_ratio_ in {0.0, 1.0}


def test_page_on_studies_of_mri_runs():
    names: dict = {}
    for block in python_blocks("docs/how_to/study_mri.md"):
        exec(block, names)
    assert len(names["drawn"].images) + names["drawn"].n_missing == 30


@pytest.fixture(scope="module")
def written() -> dict:
    """What the page on writing a generator defines."""
    names: dict = {"__name__": "written"}
    for block in python_blocks("docs/how_to/write_a_generator.md"):
        exec(block, names)
    return names


def test_written_generator_samples(written):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X, y = X.iloc[:80, :5], y[:80]
    generator = written["IndependentMargins"](random_state=0).fit(X, y)
    X_new, y_new = generator.sample(12, y=1, random_state=1)
    assert list(X_new) == list(X)
    assert y_new.tolist() == [1] * 12
    again, _ = generator.sample(5, y=1, random_state=1)
    np.testing.assert_array_equal(again, X_new.iloc[:5])


def test_written_objective_trains(written):
    import torch

    from augment._random import isolated_rng, torch_generator
    from augment.training.batches import Batches
    from augment.training.loop import train

    with isolated_rng(0):
        objective = written["Reconstruction"](4, 2, 0.01)
    rows = torch.randn(64, 4, generator=torch_generator(1))
    batches = Batches({"scores": rows}, 16, torch_generator(2))
    record = train(objective, batches, max_steps=100, generator=torch_generator(3))
    assert record.history[-1]["misfit"] < record.history[0]["misfit"]


def session() -> dict[str, list[str]]:
    """Give the commands of the README's session, each with what the page says it prints."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    parts = re.split(r"^\$ \.venv/bin/", block, flags=re.MULTILINE)[1:]
    return {first: rest for first, *rest in (part.strip().splitlines() for part in parts)}


def blurred(lines: list[str]) -> list[str]:
    """Give lines without their figures, which are those of one machine."""
    return [re.sub(r"\s+", " ", re.sub(r"[-+]?\d+(\.\d+)?", "#", line)).strip() for line in lines]


def printed(command: str) -> list[str]:
    """Run a command of the session, and give what it prints."""
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    assert done.exit_code == 0, done.output
    return done.stdout.strip().splitlines()


def test_readme_session_on_one_model(monkeypatch, tmp_path):
    from augment.pipelines import demo

    monkeypatch.chdir(tmp_path)
    (tmp_path / "augment-demo").mkdir()
    patients, _ = demo.load_tables(demo.Settings())
    patients.to_csv("augment-demo/patients.csv", index=False)
    commands = session()
    _, fit, sample = commands
    assert printed(fit) == commands[fit]
    shown = commands[sample]
    assert printed(sample) == shown[:1]
    drawn = (tmp_path / "synthetic.csv").read_text().splitlines()
    assert drawn[0] == shown[2]
    assert blurred(drawn[: len(shown) - 2]) == blurred(shown[2:])


@pytest.mark.slow
def test_readme_session_of_the_demo(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "88")
    shown = session()["augment demo"]
    left_out = shown.index("...")
    found = " ".join(blurred(printed("augment demo")))  # figures may move the ends of lines
    assert found.startswith(" ".join(blurred(shown[:left_out])))
    assert found.endswith(" ".join(blurred(shown[left_out + 1 :])))

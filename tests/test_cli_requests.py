"""What `augment sample` may be asked for, by the kind of model."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from augment import Bootstrap, workflow
from augment.cli import app

TARGETS = {
    "number": lambda rng: pd.Series(rng.normal(50, 10, 40).round(1), name="age"),
    "date": lambda rng: pd.Series(pd.date_range("2020", periods=40), name="seen"),
    "frame": lambda rng: pd.DataFrame({"age": rng.normal(50, 10, 40), "sex": ["f", "m"] * 20}),
    "none": lambda rng: None,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("models"), np.random.default_rng(0)
    X = pd.DataFrame({"lactate": rng.gamma(2, 1, 40), "pulse": rng.normal(80, 9, 40)})
    for name, target in TARGETS.items():
        Bootstrap(random_state=0).fit(X, target(rng)).save(folder / f"{name}.safetensors")
    return folder


def sample(models, kind, tmp_path, *options):
    out = str(tmp_path / "rows.csv")
    call = ["sample", str(models / f"{kind}.safetensors"), *options, "--out", out]
    return CliRunner().invoke(app, call)


@pytest.mark.parametrize(
    ("options", "ages"),
    [
        (("-n", "3", "--label", "50"), [50, 50, 50]),
        (("--label", "40.5=2", "--label", "60=1"), [40.5, 40.5, 60]),
        (("--label", "40=1"), [40]),
    ],
)
def test_rows_of_a_continuous_target_are_drawn_for_a_number(models, tmp_path, options, ages):
    result = sample(models, "number", tmp_path, *options)
    assert result.exit_code == 0, result.output
    assert pd.read_csv(tmp_path / "rows.csv")["age"].tolist() == ages


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("number", ("-n", "3", "--label", "old"), ["is a number, from", "-n 500 --label "]),
        ("number", ("--label", "50=x"), ["--label LABEL=COUNT", "'50=x'"]),
        ("number", ("--label", "50"), ["-n 500"]),
        ("date", ("-n", "3", "--label", "2020-01-05"), ["is a date", "sample(500, y="]),
        ("frame", ("-n", "3", "--label", "f"), ["['age', 'sex']", "sample(y=TABLE)"]),
        ("none", ("-n", "3", "--label", "f"), ["without labels", "Leave it out"]),
    ],
)
def test_what_cannot_be_asked_for_is_said_with_what_can(models, tmp_path, kind, options, words):
    result = sample(models, kind, tmp_path, *options)
    assert result.exit_code == 2
    assert [word for word in words if word not in result.stderr] == []
    assert not (tmp_path / "rows.csv").exists()


def test_the_number_of_processes_is_passed_on(models, tmp_path, monkeypatch):
    asked, draw = [], workflow.draw_rows

    def draw_rows(*arguments):
        asked.append(arguments[-1])
        return draw(*arguments[:-1], 1)

    monkeypatch.setattr(workflow, "draw_rows", draw_rows)
    assert sample(models, "none", tmp_path, "-n", "3", "--jobs", "2").exit_code == 0
    assert asked == [2]

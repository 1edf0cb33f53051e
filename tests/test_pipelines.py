import ast
import functools
import json
from pathlib import Path

import augment.pipelines
import numpy as np
import pandas as pd
import pytest
import yaml
from augment.pipelines import demo, tabular_augmentation

import augment
from augment import workflow
from tests.lift_example import example_result

FOLDER = Path(augment.pipelines.__path__[0])
PIPELINES = sorted(path for path in FOLDER.glob("*.py") if path.stem != "__init__")
ALLOWED = {
    "augment",
    "augment.benchmarking",
    "augment.report",
    "augment.workflow",
    "augment.pipelines",
}


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_pipelines_use_the_public_interface_only(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module)} | {f"{node.module}.{a.name}" for a in node.names}
    ours = {name for name in found if name.split(".")[0] == "augment"}
    allowed = {name for name in ours if name.startswith("augment.pipelines.")} | ALLOWED
    assert ours <= allowed


@pytest.mark.parametrize("module", [demo, tabular_augmentation], ids=lambda m: m.__name__)
def test_yaml_says_the_defaults(module):
    file = Path(module.__file__).with_suffix(".yaml")
    needed = {"table": "x.csv", "target": "y"} if module is tabular_augmentation else {}
    written = workflow.load_settings(module.Settings, file, **needed)
    assert written == workflow.load_settings(module.Settings, **needed)
    assert set(yaml.safe_load(file.read_text())) == set(module.Settings.model_fields) - set(needed)


def test_demo_studies_patients_and_tests_on_the_others(tmp_path, monkeypatch):
    calls = []

    def evaluate_lift(generator, X, y, **options):
        calls.append((X, y, options))
        return example_result()

    monkeypatch.setattr(augment, "evaluate_lift", evaluate_lift, raising=False)
    trust = tabular_augmentation.Trust(np.arange(80), notes=("Not examined.",))
    monkeypatch.setattr(tabular_augmentation, "_trust", lambda *arguments: trust)
    result = demo.main(tmp_path / "demo", "generators=[gaussian_copula]")
    ((X, y, options),) = calls
    assert len(X) == 120
    assert len(options["X_test"]) == 449
    assert set(y) == {"malignant", "benign"}
    assert list(options["estimators"]) == ["logistic regression", "SVM", "k-NN"]
    assert result.report.is_file()
    assert "GaussianCopula" in str(result)
    assert "Note: Not examined." in str(result)
    assert str(result).endswith(f"Report: {result.report}")


def study_of(frame, tmp_path, **options):
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tabular_augmentation.Settings(
        table=tmp_path / "table.csv", target="diagnosis", n_jobs=1, **options
    )


def test_rows_are_judged_of_a_generator_that_never_saw_the_held_out_patients(tmp_path, monkeypatch):
    calls = {}
    for name in ("fidelity", "privacy"):
        keep = functools.partial(
            lambda name, *samples, **o: calls.update({name: (samples, o)}), name
        )
        monkeypatch.setattr(augment, f"evaluate_{name}", keep, raising=False)
    patients, _ = demo.load_tables(demo.Settings(n_rows=90))
    X, y = patients.drop(columns="diagnosis").reset_index(drop=True), patients["diagnosis"]
    groups = pd.Series(np.arange(90) // 3, name="patient")
    trust = tabular_augmentation._trust(
        augment.Bootstrap(), X, y.reset_index(drop=True), groups, 50, study_of(patients, tmp_path)
    )
    (train, synthetic, held), options = calls["privacy"]
    drawn, known, kept = ({*map(tuple, part[0].to_numpy())} for part in (synthetic, train, held))
    assert drawn <= known
    assert not drawn & kept
    assert len(train[0]) + len(held[0]) == 90
    assert 20 <= len(held[0]) <= 40
    assert not set(options["groups"]) & set(options["holdout_groups"])
    assert np.array_equal(X.iloc[trust.train], train[0])
    assert set(held[1]) == set(y)
    assert calls["fidelity"][0][1] is synthetic


@pytest.mark.filterwarnings("ignore:Only 16 rows")
def test_likeness_and_privacy_can_be_left_out_and_say_why_they_are_missing(tmp_path):
    patients, _ = demo.load_tables(demo.Settings(n_rows=40))
    few = patients.iloc[:24].reset_index(drop=True)
    X, y = few.drop(columns="diagnosis"), few["diagnosis"]
    arguments = (augment.Bootstrap(), X, y, None, 50)
    without = tabular_augmentation._trust(
        *arguments, study_of(few, tmp_path, fidelity=False, privacy=False)
    )
    assert (without.fidelity, without.privacy, without.notes) == (None, None, ())
    found = tabular_augmentation._trust(*arguments, study_of(few, tmp_path, n_audit_fits=0))
    assert found.privacy is None
    assert "No section on privacy: evaluate_privacy needs at least" in str(found)
    few_patients = pd.Series(np.arange(24) % 5)
    arguments = (*arguments[:3], few_patients, 50)
    found = tabular_augmentation._trust(*arguments, study_of(few, tmp_path))
    assert "5 patients are too few" in str(found)


def test_a_real_study_end_to_end(tmp_path):
    patients, others = demo.load_tables(demo.Settings(n_rows=60))
    patients["ward"] = range(len(patients))
    for name, frame in (("a.csv", patients), ("b.csv", others)):
        frame.to_csv(tmp_path / name, index=False)
    result = tabular_augmentation.main(
        tmp_path / "run",
        f"table={tmp_path / 'a.csv'}",
        f"test={tmp_path / 'b.csv'}",
        "target=diagnosis",
        "groups=ward",
        "generators={gaussian_copula: {}}",
        "estimators=[logistic regression]",
        "n_splits=3",
        "n_repeats=1",
        "n_synthetic=30",
        "n_audit_fits=6",
        "n_jobs=1",
        "progress=false",
    )
    (lift,) = result.lifts.values()
    (trust,) = result.trust.values()
    card = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert card["studies"][0]["verdict"] == lift.verdict
    assert card["studies"][0]["external"]["n_test"] == len(others)
    assert card["studies"][0]["fidelity"]["verdict"] == trust.fidelity.verdict
    assert card["studies"][0]["privacy"]["n_audit_fits"] == 6
    assert f"Privacy: {trust.privacy.verdict}" in str(result)
    assert set(pd.read_csv(tmp_path / "run" / "privacy.csv")["generator"]) == {"GaussianCopula"}
    assert "marginals" in set(pd.read_csv(tmp_path / "run" / "fidelity.csv")["metric"])
    assert len(pd.read_csv(tmp_path / "run" / "synthetic.csv")) == 30
    html = (tmp_path / "run" / "report.html").read_text()
    assert "External validation" in html
    assert "0x" not in html
    assert augment.load(tmp_path / "run" / "model.safetensors").sample(3)[0].shape == (3, 10)

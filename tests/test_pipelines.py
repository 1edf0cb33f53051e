import ast
import json
from pathlib import Path

import augment.pipelines
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
    result = demo.main(tmp_path / "demo", "generators=[gaussian_copula]")
    ((X, y, options),) = calls
    assert len(X) == 120
    assert len(options["X_test"]) == 449
    assert set(y) == {"malignant", "benign"}
    assert list(options["estimators"]) == ["logistic regression", "SVM", "k-NN"]
    assert result.report.is_file()
    assert "GaussianCopula" in str(result)
    assert str(result).endswith(f"Report: {result.report}")


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
        "n_jobs=1",
        "progress=false",
    )
    (lift,) = result.lifts.values()
    card = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert card["studies"][0]["verdict"] == lift.verdict
    assert card["studies"][0]["external"]["n_test"] == len(others)
    assert len(pd.read_csv(tmp_path / "run" / "synthetic.csv")) == 30
    html = (tmp_path / "run" / "report.html").read_text()
    assert "External validation" in html
    assert "0x" not in html
    assert augment.load(tmp_path / "run" / "model.safetensors").sample(3)[0].shape == (3, 10)

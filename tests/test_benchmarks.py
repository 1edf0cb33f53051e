"""The scripts in `benchmarks/` start, and the study of small tables runs."""

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest

from tests.house import REPOSITORY

SCRIPTS = sorted((REPOSITORY / "benchmarks").glob("*.py"))
NEEDED = {"anomaly_pyod": "pyod"}  # a rival's package, which the project does not depend on


def load(path):
    """Import a script of the folder as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_can_be_imported(path, monkeypatch):
    if path.stem in NEEDED:
        pytest.importorskip(NEEDED[path.stem])
    monkeypatch.syspath_prepend(str(path.parent))
    assert load(path).__doc__


def test_small_tables_runs_goes_on_and_reports(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(90, 3)), columns=list("abc"))
    frame["target"] = np.where(frame["a"] + rng.normal(size=90) > 0, "ill", "well")
    tables = tmp_path / "tables"
    tables.mkdir()
    frame.to_csv(tables / "clinic.csv", index=False)
    out = tmp_path / "results.csv"
    script = load(REPOSITORY / "benchmarks" / "small_tables.py")

    def printed(*arguments):
        monkeypatch.setattr(sys, "argv", ["small_tables.py", *arguments, "--out", str(out)])
        script.main()
        return capsys.readouterr().out

    few = ("--sizes", "50", "--splits", "1", "--methods", "Bootstrap", "--n-jobs", "1")
    for found in ("1 cells to run", "0 cells to run"):
        assert found in printed("run", "--data", str(tables), *few)
    table = pd.read_csv(out)
    assert sorted(table["method"].unique()) == ["Bootstrap", "real"]
    assert table["classifier"].nunique() == 6
    assert table["roc_auc"].between(0, 1).all()
    assert "Bootstrap" in printed("report")


def test_dependence_is_found_where_it_is_kept_and_where_it_is_lost():
    script = load(REPOSITORY / "benchmarks" / "dependence.py")
    rng = np.random.default_rng(0)
    real = script.pair("two numbers", 2000, rng)
    assert script.association(real) == pytest.approx(0.8, abs=0.03)
    assert script.association(script.pair("category and number", 2000, rng)) > 0.85
    shuffled = real.assign(a=rng.permutation(real["a"]))
    assert abs(script.association(shuffled)) < 0.1
    columns, owners = script.indicators(real, real)
    found = script.correlations(columns)
    assert found.shape == (len(owners), len(owners))
    assert found[0, 1] == pytest.approx(script.association(real), abs=0.05)


def test_shapes_hide_from_correlation_and_are_found_by_their_measure():
    script = load(REPOSITORY / "benchmarks" / "dependence.py")
    rng = np.random.default_rng(0)
    for kind in script.SHAPES:
        rows, labels = script.shape(kind, 4000, rng)
        assert abs(rows["a"].corr(rows["b"])) < 0.1
        assert script.strength(kind, rows, labels) > 0.85
        shuffled = rows.assign(b=rng.permutation(rows["b"]))
        assert abs(script.strength(kind, shuffled, labels)) < 0.1


def test_margins_of_classes_are_told_apart():
    script = load(REPOSITORY / "benchmarks" / "class_margins.py")
    X, y = script.cohort(4000, np.random.default_rng(0))
    found = script.figures(X, y)
    assert found["zeros"] == pytest.approx(0.5, abs=0.05)
    assert found["only one class"] == 1
    assert found["limit"] > 0.2
    assert found["spread"] == pytest.approx(3, abs=0.2)
    assert found["humps"] < 0.02

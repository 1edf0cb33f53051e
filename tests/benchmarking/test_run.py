"""A benchmark from end to end: tables, failures, empty output, files."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from augment.pipelines import benchmark
from sklearn.dummy import DummyClassifier

from augment import benchmarking
from augment._errors import AugmentWarning, InvalidInputError
from augment.benchmarking.cells import Cell, Task, run_cell
from augment.benchmarking.sources import load_datasets
from augment.evaluation.classifiers import candidates
from tests.benchmarking.small import SHIFTED, small_settings, tables, write_tables

BROKEN = """
REQUIRES = ()
def fit(rows, target, discrete, seed):
    raise ZeroDivisionError("nothing to divide")
def sample(model, n_rows, seed):
    return model
"""
NOTHING = """
REQUIRES = ()
def fit(rows, target, discrete, seed):
    return rows
def sample(model, n_rows, seed):
    return model.iloc[:0]
"""
FILES = {"settings.json", "environment.json", "metrics.json", "report.html", "leaderboard.md"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A benchmark with rivals that work, fail, and give nothing."""
    folder = tmp_path_factory.mktemp("benchmark")
    for name, text in {"shifted": SHIFTED, "broken": BROKEN, "nothing": NOTHING}.items():
        (folder / f"{name}.py").write_text(text)
    scripts = {str(folder / f"{name}.py"): {} for name in ("shifted", "broken", "nothing")}
    settings = small_settings(
        write_tables(folder / "data"),
        generators={"bootstrap": {}, "copies": {"method": "bootstrap"}, **scripts},
        limits={"nothing": {"datasets": ["b"], "repeats": 1}},
    )
    return benchmark.run(settings, folder / "run")


def test_every_cell_has_a_row(run):
    cells = pd.read_csv(run.path / "cells.csv")
    assert len(cells) == 2 * 2 * 5 + 1
    assert run.n_run == len(cells)
    assert set(cells["generator"]) == {
        "real",
        "bootstrap",
        "copies",
        "shifted",
        "broken",
        "nothing",
    }
    ran = cells[cells["generator"].isin(["bootstrap", "copies", "shifted"])]
    assert (ran["n_synthetic"] == 30).all()
    assert (ran[["fit_seconds", "sample_seconds", "peak_memory_mb"]] >= 0).all(axis=None)
    assert (ran["peak_memory_mb"] > 20).all()


def test_failures_are_rows_with_their_error(run):
    scores, cells = tables(run.path)
    broken = cells[cells["generator"] == "broken"]
    assert broken["error"].str.contains("ZeroDivisionError: nothing to divide").all()
    assert scores.loc[scores["generator"] == "broken", "error"].notna().all()
    assert scores.loc[scores["generator"] == "broken", "value"].isna().all()
    empty = cells[cells["generator"] == "nothing"]
    assert empty["error"].tolist() == ["the generator gave no rows."]
    text = (run.path / "leaderboard.md").read_text()
    assert "nothing to divide" in text
    assert "nothing to divide" in (run.path / "report.html").read_text()


def test_seeds_follow_the_cell_and_the_name(run):
    scores, _ = tables(run.path)
    wide = scores.pivot_table(
        index=["dataset", "repeat", "metric"], columns="generator", values="value"
    )
    assert (wide["bootstrap"] != wide["copies"]).any()
    assert wide["real"].notna().all()


def test_panels_hold_what_ran_on_the_same_cells(run):
    first, second = run.leaderboard["panels"]
    assert {row["generator"] for row in first["rows"]} == {
        "real", "bootstrap", "copies", "shifted", "broken"
    }  # fmt: skip
    assert second["datasets"] == ["b"]
    assert second["n_splits"] == 1
    rows = {row["generator"]: row for row in second["rows"]}
    assert rows["nothing"]["empty"] == 1
    assert rows["broken"]["failed"] == 1
    assert rows["broken"]["empty"] == 1
    assert rows["real"]["failed"] == rows["real"]["empty"] == 0
    assert rows["real"]["metrics"]["roc_auc"]["lift"] == 0
    assert rows["nothing"]["metrics"]["roc_auc"]["lift"] is None
    assert rows["nothing"]["metrics"]["roc_auc"]["rank"] == 5.5


def test_files_are_those_of_other_runs(run):
    found = {path.name for path in run.path.iterdir()}
    assert found >= FILES | {"scores.csv", "cells.csv", "lifts.csv"}
    page = (run.path / "report.html").read_text()
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert str(run.path.parent) not in page
    card = json.loads((run.path / "metrics.json").read_text())
    assert card["failed_cells"] == 5
    assert "| bootstrap |" in (run.path / "leaderboard.md").read_text()


def test_a_terminal_sees_columns_and_every_failure(run):
    lines = str(run).splitlines()
    head = next(line for line in lines if line.startswith("generator"))
    own = next(line for line in lines if line.startswith("bootstrap"))
    assert head.endswith("failed   CPU, s")
    assert len(own) == len(head)
    assert "broken failed in 4 cells" in str(run)
    assert "nothing to divide" in str(run)
    assert "|" not in str(run)


def test_costs_say_how_many_rows_were_given(run):
    rows = {row["generator"]: row for row in run.leaderboard["panels"][1]["rows"]}
    assert rows["shifted"]["given"] == 1
    assert rows["nothing"]["given"] == 0
    assert rows["real"]["given"] is None
    assert "What it cost" in (run.path / "report.html").read_text()


def test_lifts_are_paired_and_adjusted(run):
    lifts = pd.read_csv(run.path / "lifts.csv")
    own = lifts[(lifts["generator"] == "bootstrap") & (lifts["metric"] == "roc_auc")]
    scores, _ = tables(run.path)
    auc = scores[scores["metric"] == "roc_auc"].pivot_table(
        index="dataset", columns="generator", values="value"
    )
    expected = (auc["bootstrap"] - auc["real"]).to_numpy()
    assert own["lift"].to_numpy() == pytest.approx(expected)
    assert (lifts["p_adjusted"] >= lifts["p_value"]).all()
    assert (lifts["lower"] <= lifts["upper"]).all()


def test_parquet(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmarking, "render_leaderboard", lambda *_, **__: "", raising=False)
    pytest.importorskip("pyarrow")
    folder = write_tables(tmp_path / "data", names=("a",))
    settings = small_settings(folder, repeats=1, format="parquet")
    benchmark.run(settings, tmp_path / "run")
    scores = pd.read_parquet(tmp_path / "run" / "scores.parquet")
    assert set(scores["generator"]) == {"real", "bootstrap", "gaussian_copula"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"generators": {"tabular_vea": {}}}, "Did you mean 'tabular_vae'"),
        ({"generators": {"jitter": {"scal": 1}}}, "Did you mean 'scale'"),
        ({"generators": {"real": {}}}, "always runs"),
        ({"generators": {"image_vae": {}}}, "grows images"),
        ({"generators": {"sdv_copula": {}}}, "needs the package 'sdv'"),
        ({"sizes": (500,)}, "1.3 times"),
        ({"backend": "mpi"}, "loky"),
        ({"address": "tcp://x"}, "dask or ray"),
        ({"target": "targt"}, "'a.csv' has .* Did you mean 'target'"),
        ({"groups": "patient"}, "found it in none"),
        ({"sizes": (-5,)}, "greater than or equal to 10"),
        ({"ratio": -1.0}, "greater than 0"),
        ({"n_jobs": 0}, "number of workers"),
        ({"limits": {"smote": {}}}, "not compared"),
        ({"limits": {"bootstrap": {"datasets": ["c"]}}}, "data set 'c'"),
        ({"estimators": ("SVN",)}, "Did you mean 'SVM'"),
        ({"datasets": ("nowhere",)}, "'nowhere'"),
    ],
)
def test_bad_settings_are_said_in_one_line(tmp_path, values, words):
    folder = write_tables(tmp_path / "data", names=("a",))
    with pytest.raises(InvalidInputError, match=words) as caught:
        benchmark.run(small_settings(folder, **values), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_missing_rivals_are_left_out_if_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmarking, "render_leaderboard", lambda *_, **__: "", raising=False)
    folder = write_tables(tmp_path / "data", names=("a",))
    generators = {"bootstrap": {}, "sdv_copula": {}}
    settings = small_settings(
        folder, repeats=1, generators=generators, skip_missing=True, limits={"sdv_copula": {}}
    )
    result = benchmark.run(settings, tmp_path / "run")
    assert result.leaderboard["notes"] == ["sdv_copula is not installed and was left out"]


def test_an_interpreter_for_no_rival_is_named(tmp_path):
    folder = write_tables(tmp_path / "data", names=("a",))
    settings = small_settings(folder, python_of={"ctgn": "python"}, sizes=(500,))
    with (
        pytest.warns(AugmentWarning, match="Did you mean 'ctgan'"),
        pytest.raises(InvalidInputError, match="too few to learn from 500"),
    ):
        benchmark.run(settings, tmp_path / "run")


def test_a_cell_in_which_no_classifier_learns_has_failed(tmp_path):
    class Broken(DummyClassifier):
        def fit(self, X, y, sample_weight=None):
            raise ValueError("infinite numbers")

    data = load_datasets([str(write_tables(tmp_path, names=("a",)) / "a.csv")])["a"]
    learners = candidates({"clf": Broken()}, is_table=True)
    record = run_cell(Task(Cell("a", 30, 0, "real"), None, data.split(30, 0, 0), learners, 1.0, 0))
    assert record["error"] == "no classifier could learn: ValueError: infinite numbers"

"""Rows on their way to another interpreter and back."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augment._errors import InvalidInputError, TrainingError
from augment.benchmarking.methods import build_methods, script_fingerprints
from augment.benchmarking.rival import Rival, _Images, _Table, rival_scripts
from tests.benchmarking.small import SHIFTED
from tests.house import REPOSITORY

SLEEPY = """
REQUIRES = ()
import time
def fit(rows, target, discrete, seed):
    time.sleep(60)
"""
DYING = """
REQUIRES = ()
import os, signal
def fit(rows, target, discrete, seed):
    os.kill(os.getpid(), signal.SIGKILL)
"""
DRAWING = """
REQUIRES = ()
def fit(rows, target, discrete, seed):
    return rows
def sample(model, n_rows, seed):
    {}
"""
IMAGES = """
KIND = "images"
REQUIRES = ("numpy",)
def fit(rows, target, discrete, seed):
    return rows
def sample(model, n_rows, seed):
    return {"images": model["images"][:n_rows] + 1, "labels": model["labels"][:n_rows]}
"""


def rival_of(folder, text: str, **options) -> Rival:
    path = folder / "rival.py"
    path.write_text(text)
    return Rival(path, options.pop("parameters", {}), **options)


def wild_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": pd.array([61, 44, None, 58] * 5, dtype="Int64"),
            "sex": pd.Categorical(["f", "m", "m", None] * 5, categories=["m", "f", "x"]),
            "smokes": [True, False, True, True] * 5,
            "stage": ["II", "I", None, "IV"] * 5,
            3: np.linspace(0, 1, 20, dtype=np.float32),
            "seen": pd.to_datetime(["2024-01-01", "2024-02-03", None, "2024-05-05"] * 5),
            "site": ["A"] * 20,
            "empty": [np.nan] * 20,
        }
    )


@pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning")
def test_a_table_comes_back_as_it_went(tmp_path):
    X = wild_table()
    exchange = _Table(X)
    codes = np.arange(20) % 3
    discrete = exchange.write(tmp_path, codes)
    (tmp_path / "rows.csv").rename(tmp_path / "drawn.csv")
    back, labels = exchange.read(tmp_path)
    pd.testing.assert_frame_equal(back, X)
    np.testing.assert_array_equal(labels, codes)
    assert discrete == ["target", "x1", "x2", "x3"]


def test_unknown_levels_are_missing_and_absent_columns_are_said(tmp_path):
    X = pd.DataFrame({"sex": ["f", "m"] * 10, "age": np.arange(20.0)})
    exchange = _Table(X)
    exchange.write(tmp_path, np.zeros(20, dtype=int))
    drawn = pd.DataFrame({"x0": ["v1", "v9", "f"], "x1": [1, "x", 3], "target": ["v0"] * 3})
    drawn.to_csv(tmp_path / "drawn.csv", index=False)
    back, _ = exchange.read(tmp_path)
    assert back["sex"].tolist()[0] == "m"
    assert back["sex"].isna().tolist() == [False, True, True]
    assert back["age"].isna().tolist() == [False, True, False]
    drawn.drop(columns="x1").to_csv(tmp_path / "drawn.csv", index=False)
    with pytest.raises(TrainingError, match="x1"):
        exchange.read(tmp_path)


def test_arrays_come_back_as_arrays(tmp_path):
    X = np.arange(40.0, dtype=np.float32).reshape(20, 2)
    exchange = _Table(X)
    exchange.write(tmp_path, np.zeros(20, dtype=int))
    (tmp_path / "rows.csv").rename(tmp_path / "drawn.csv")
    back, _ = exchange.read(tmp_path)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, X)


def test_a_rival_draws_in_another_interpreter(tmp_path):
    X = pd.DataFrame({"sex": ["f", None] * 10, "age": np.arange(20.0)})
    y = pd.Series(np.arange(20) % 2, name="outcome")
    rival = rival_of(tmp_path, SHIFTED, parameters={"shift": 100}, interpreter=sys.executable)
    X_new, y_new, answer = rival.draw("table", X, y, 30, (1, 2))
    again, *_ = rival.draw("table", X, y, 30, (1, 2))
    pd.testing.assert_frame_equal(X_new, again)
    assert X_new["age"].between(100, 119).all()
    assert (len(y_new), y_new.name, set(y_new)) == (30, "outcome", {0, 1})
    assert set(answer) == {"fit_seconds", "sample_seconds", "cpu_seconds", "peak_memory_mb"}
    assert answer["peak_memory_mb"] > 10


@pytest.mark.parametrize(("text", "words"), [(SLEEPY, "more than 1 second"), (DYING, "killed")])
def test_a_rival_that_hangs_or_dies_is_an_error(tmp_path, text, words):
    rival = rival_of(tmp_path, text, timeout=1.0 if text == SLEEPY else 60.0)
    with pytest.raises(TrainingError, match=words):
        rival.draw(
            "table", np.zeros((20, 2)) + np.arange(20)[:, None], np.arange(20) % 2, 5, (0, 0)
        )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("return model.sample(n_rows + 1, replace=True)", "6 rows where 5 were asked for"),
        ("return model.head(5).assign(x1=float('inf'))", "infinite numbers in the column 'x1'"),
        ("return model.head(5).to_numpy()", "no DataFrame, but ndarray"),
        ("return model.head(5).assign(target='v7')", "label"),
        ("raise SystemExit(0)", "before it gave any rows"),
    ],
)
def test_what_cannot_be_rows_is_an_error(tmp_path, line, words):
    X = np.zeros((20, 2)) + np.arange(20.0)[:, None]
    with pytest.raises(TrainingError, match=words):
        rival_of(tmp_path, DRAWING.format(line)).draw("table", X, np.arange(20) % 2, 5, (0, 0))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks up a process in /proc")
def test_what_a_rival_started_ends_with_it(tmp_path):
    text = DRAWING.format(
        "import subprocess, pathlib, time; "
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text("
        "str(subprocess.Popen(['sleep', '99']).pid)); time.sleep(99)"
    )
    X = np.zeros((20, 2)) + np.arange(20.0)[:, None]
    with pytest.raises(TrainingError, match="more than"):
        rival_of(tmp_path, text, timeout=8.0).draw("table", X, np.arange(20) % 2, 5, (0, 0))
    started = Path("/proc", (tmp_path / "pid").read_text(), "stat")
    assert not started.is_file() or ") Z " in started.read_text()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="elsewhere the system gives it")
def test_memory_is_that_of_the_rival_alone(tmp_path):
    X = np.zeros((20, 2)) + np.arange(20.0)[:, None]
    held = np.ones(2**26)  # half a gibibyte, in this process
    rival = rival_of(tmp_path, DRAWING.format("return model.head(5)"))
    *_, answer = rival.draw("table", X, np.arange(20) % 2, 5, (0, 0))
    assert answer["peak_memory_mb"] < held.nbytes / 2**20


@pytest.mark.parametrize(
    ("text", "words"), [("def fit(", "cannot be read"), ("def fit(): ...", "found no sample")]
)
def test_a_script_that_is_no_rival_is_refused(tmp_path, text, words):
    (tmp_path / "own.py").write_text(text)
    with pytest.raises(InvalidInputError, match=words):
        build_methods({str(tmp_path / "own.py"): {}})


def test_functions_of_a_rival_may_be_assigned_or_imported(tmp_path):
    text = "from elsewhere import fit\nsample = lambda model, n_rows, seed: model\nREQUIRES = ()\n"
    (tmp_path / "own.py").write_text(text)
    methods, _ = build_methods({str(tmp_path / "own.py"): {}})
    assert list(methods) == ["own"]


def test_a_changed_script_has_another_fingerprint(tmp_path):
    prints = []
    for text in (SHIFTED, SHIFTED + "\n"):
        (tmp_path / "own.py").write_text(text)
        methods, _ = build_methods({str(tmp_path / "own.py"): {}, "bootstrap": {}})
        prints.append(script_fingerprints(methods))
    assert list(prints[0]) == ["own"]
    assert prints[0] != prints[1]


def test_images_go_and_come(tmp_path):
    X = np.random.default_rng(0).random((20, 1, 4, 4)).astype(np.float32)
    y = np.repeat(["a", "b"], 10)
    rival = rival_of(tmp_path, IMAGES)
    assert rival.kind == "images"
    X_new, y_new, _ = rival.draw("images", X, y, 12, (0, 0))
    np.testing.assert_array_equal(X_new, X[:12] + 1)
    assert y_new.tolist() == y[:12].tolist()
    np.savez(tmp_path / "drawn.npz", images=np.zeros((2, 1, 5, 5)), labels=np.zeros(2))
    with pytest.raises(TrainingError, match="shape"):
        _Images(X).read(tmp_path)


def test_what_is_missing_is_found_without_importing_it(tmp_path):
    assert rival_of(tmp_path, "REQUIRES = ('numpy', 'no_such_package.part')\n").missing() == (
        "no_such_package.part"
    )
    assert rival_of(tmp_path, "REQUIRES = ('numpy',)\nraise SystemExit\n").missing() is None
    with pytest.raises(InvalidInputError, match="python_of"):
        rival_of(tmp_path, SHIFTED, interpreter=str(tmp_path / "python")).missing()


@pytest.mark.parametrize("name", sorted(rival_scripts()))
def test_scripts_stand_alone_and_are_short(name):
    """A rival is under 30 lines of code, and runs where nothing of ours is installed."""
    tree = ast.parse(rival_scripts()[name].read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert functions >= {"fit", "sample"}
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        for alias in getattr(node, "names", [])
        if isinstance(node, ast.Import)
    } | {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert "augment" not in imported


def test_the_rival_of_the_page_runs(tmp_path):
    text = (REPOSITORY / "docs" / "how_to" / "add_a_rival.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(code.splitlines()) < 30
    X = pd.DataFrame({"sex": ["f", "m"] * 10, "age": np.arange(20.0)})
    X_new, y_new, _ = rival_of(tmp_path, code).draw("table", X, X["sex"], 50, (0, 1))
    assert (len(X_new), set(y_new), set(X_new["sex"])) == (50, {"f", "m"}, {"f", "m"})
    assert len(set(zip(X_new["sex"], y_new, strict=True))) == 4

"""Killed at any moment, a benchmark goes on, loses nothing and runs nothing twice."""

from __future__ import annotations

import json
import os
import random
import signal

import pandas as pd
import pytest
from augment.pipelines import benchmark

from augment import benchmarking
from augment._errors import InvalidInputError
from tests.benchmarking.small import SHIFTED, run_and_kill, small_settings, tables, write_tables


@pytest.fixture(autouse=True)
def _no_page(monkeypatch):
    """Spare the drawing of pages, which has tests of its own."""
    monkeypatch.setattr(benchmarking, "render_leaderboard", lambda *_, **__: "", raising=False)


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")


def assert_same_after_kills(tmp_path, n_kills: int, repeats: int) -> None:
    settings = small_settings(write_tables(tmp_path / "data"), repeats=repeats)
    whole = benchmark.run(settings, tmp_path / "whole")
    draw, resumed = random.Random(0), tmp_path / "resumed"
    for _ in range(n_kills):
        ended_by = run_and_kill(settings, resumed, draw.choice([0, 1]), 0.1 * draw.random())
        assert ended_by == signal.SIGKILL
    done = {path.name: path.stat().st_mtime_ns for path in (resumed / "cells").glob("*.json")}
    assert 0 < len(done) < whole.n_run
    result = benchmark.run(settings, resumed)
    assert result.n_run == whole.n_run - len(done)
    assert {name: (resumed / "cells" / name).stat().st_mtime_ns for name in done} == done
    for first, second in zip(tables(tmp_path / "whole"), tables(resumed), strict=True):
        pd.testing.assert_frame_equal(first, second)
    assert not list(resumed.rglob(".partial-*"))


@needs_fork
def test_killed_and_resumed_is_the_same_run(tmp_path):
    assert_same_after_kills(tmp_path, n_kills=3, repeats=3)


@needs_fork
@pytest.mark.slow
def test_twenty_kills(tmp_path):
    assert_same_after_kills(tmp_path, n_kills=20, repeats=20)


def test_a_finished_run_runs_nothing_and_goes_on_when_more_is_asked_for(tmp_path, recwarn):
    settings = small_settings(write_tables(tmp_path / "data"), repeats=1)
    first = benchmark.run(settings, tmp_path / "run")
    again = benchmark.run(settings, tmp_path / "run")
    assert (first.n_run, again.n_run) == (6, 0)
    assert again.leaderboard == first.leaderboard
    assert not any("did not write" in str(each.message) for each in recwarn)
    spent = json.loads((tmp_path / "run" / "environment.json").read_text())["seconds"]
    assert spent > 0, "of all cells, although none ran now"
    more = small_settings(tmp_path / "data", repeats=2, generators={"jitter": {}, "bootstrap": {}})
    grown = benchmark.run(more, tmp_path / "run")
    assert grown.n_run == 2 + 6
    assert grown.leaderboard["panels"][0]["n_splits"] == 4
    assert benchmark.run(settings, tmp_path / "run").leaderboard == first.leaderboard


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"ratio": 2.0}, "ratio"),
        ({"random_state": 1}, "random_state"),
        (
            {"generators": {"bootstrap": {}, "gaussian_copula": {"pooling": 0}}},
            "generators.gaussian_copula",
        ),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(tmp_path, values, word):
    folder = write_tables(tmp_path / "data", names=("a",))
    settings = small_settings(folder, repeats=1)
    benchmark.run(settings, tmp_path / "run")
    before = tables(tmp_path / "run")
    with pytest.raises(InvalidInputError, match=rf"another '{word}'.*--out"):
        benchmark.run(small_settings(folder, **{"repeats": 1, **values}), tmp_path / "run")
    for first, second in zip(before, tables(tmp_path / "run"), strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_another_table_of_the_same_name_is_refused(tmp_path):
    folder = write_tables(tmp_path / "data", names=("a",))
    settings = small_settings(folder, repeats=1)
    benchmark.run(settings, tmp_path / "run")
    frame = pd.read_csv(folder / "a.csv")
    frame.loc[0, "age"] += 1
    frame.to_csv(folder / "a.csv", index=False)
    with pytest.raises(InvalidInputError, match=r"another 'datasets\.a'"):
        benchmark.run(settings, tmp_path / "run")


def test_a_changed_script_of_a_rival_is_refused(tmp_path):
    script = tmp_path / "own.py"
    script.write_text(SHIFTED)
    folder = write_tables(tmp_path / "data", names=("a",))
    benchmark.run(small_settings(folder, repeats=1), tmp_path / "run")
    settings = small_settings(folder, repeats=1, generators={str(script): {}})
    assert benchmark.run(settings, tmp_path / "run").n_run == 1
    script.write_text(SHIFTED.replace("+= shift", "-= shift"))
    with pytest.raises(InvalidInputError, match=r"another 'scripts\.own'"):
        benchmark.run(settings, tmp_path / "run")

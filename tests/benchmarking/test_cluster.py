"""The same cells on other workers: a Dask cluster of two, of which one is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pandas as pd
import pytest
from augment.pipelines import benchmark

from augment import benchmarking
from augment._errors import InvalidInputError, MissingDependencyError
from augment.benchmarking.dispatch import dispatched
from tests.benchmarking.small import small_settings, tables, write_tables


@pytest.fixture(autouse=True)
def _no_page(monkeypatch):
    """Spare the drawing of pages, which has tests of its own."""
    monkeypatch.setattr(benchmarking, "render_leaderboard", lambda *_, **__: "", raising=False)


def kill_one_worker(cluster, cells, killed) -> None:
    """Wait for the first cells, then kill a worker that has work."""
    while len(list(cells.glob("*.json"))) < 1:
        time.sleep(0.02)
    worker = next(iter(cluster.workers.values()))
    killed.append(worker.pid)
    os.kill(worker.pid, signal.SIGKILL)


def test_dask_goes_on_when_a_worker_is_killed(tmp_path):
    distributed = pytest.importorskip("distributed")
    settings = small_settings(write_tables(tmp_path / "data", names=("a",)), repeats=2)
    benchmark.run(settings, tmp_path / "here")
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        there = settings.model_copy(
            update={"backend": "dask", "address": cluster.scheduler_address, "n_jobs": -1}
        )
        arguments = (cluster, tmp_path / "there" / "cells", killed)
        killer = threading.Thread(target=kill_one_worker, args=arguments)
        killer.start()
        result = benchmark.run(there, tmp_path / "there")
        killer.join()
    assert len(killed) == 1
    assert result.n_run == 6
    for first, second in zip(tables(tmp_path / "here"), tables(tmp_path / "there"), strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_ray_gives_the_same_cells(tmp_path):
    pytest.importorskip("ray")
    settings = small_settings(write_tables(tmp_path / "data"), repeats=1)
    benchmark.run(settings, tmp_path / "here")
    there = settings.model_copy(update={"backend": "ray", "n_jobs": 2})
    benchmark.run(there, tmp_path / "there")
    for first, second in zip(tables(tmp_path / "here"), tables(tmp_path / "there"), strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_no_scheduler_is_said_in_one_line(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def client(address, timeout):
        raise OSError(f"timed out after {timeout} s")

    monkeypatch.setattr(distributed, "Client", client)
    with pytest.raises(InvalidInputError, match="No Dask scheduler answers at 'tcp://x'"):
        list(dispatched(str, [1], backend="dask", address="tcp://x"))


def test_a_package_that_is_missing_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    settings = small_settings(write_tables(tmp_path / "data"), backend="ray")
    with pytest.raises(MissingDependencyError, match=r"medaugment\[distributed\]"):
        benchmark.run(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_results_come_from_processes_and_threads_alike(tmp_path):
    folder = write_tables(tmp_path / "data", names=("a",))
    found = []
    for backend in ("loky", "threading"):
        settings = small_settings(folder, repeats=1, backend=backend, n_jobs=2)
        benchmark.run(settings, tmp_path / backend)
        found.append(tables(tmp_path / backend))
    for first, second in zip(*found, strict=True):
        pd.testing.assert_frame_equal(first, second)

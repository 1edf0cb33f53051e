"""Ctrl-C at the keyboard, sent as a terminal sends it: to every process of the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.benchmarking.small import write_tables

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks for processes in /proc"
)
SLEEPY = """
REQUIRES = ()
import time
def fit(rows, target, discrete, seed):
    time.sleep(600)
def sample(model, n_rows, seed):
    return model
"""
# How long anything may take on a machine that is busy with other things, in seconds.
PATIENCE = 300
# A process that was started in the background ignores Ctrl-C, and its children with it.
COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from augment.cli import main
sys.argv[0] = "augment"
main()
"""


def interrupted(arguments: list[str], when: Callable[[int], bool]) -> subprocess.CompletedProcess:
    """Start a command in a session of its own; interrupt it when a condition on it holds."""
    command = [sys.executable, "-c", COMMAND, *arguments]
    child = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        came = wait_until(lambda: when(child.pid) or child.poll() is not None)
        assert child.poll() is None, f"it ended by itself: {child.communicate()[1]}"
        assert came, "it never came to where it should be interrupted"
        os.killpg(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=PATIENCE)
        assert wait_until(lambda: living(child.pid) == [])
    finally:
        for pid in living(child.pid):
            os.kill(pid, signal.SIGKILL)
    return subprocess.CompletedProcess(arguments, child.returncode, out, err)


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, and tell whether it came to hold."""
    end = time.monotonic() + PATIENCE
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return holds


def living(session: int) -> list[int]:
    """Processes of a session that run."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, own = (place / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue  # it has just ended
        if int(own) == session and state != "Z":
            found.append(int(place.name))
    return found


def sleepers(session: int) -> int:
    """Count the rivals of a session that run."""
    commands = []
    for pid in living(session):
        try:
            commands.append(Path(f"/proc/{pid}/cmdline").read_text())
        except OSError:
            continue
    return sum("_child.py" in command for command in commands)


def processor_seconds(session: int) -> float:
    """Processor time that the living processes of a session have had."""
    ticks = 0
    for pid in living(session):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def test_a_benchmark_stops_in_one_line_and_keeps_its_cells(tmp_path):
    (tmp_path / "sleepy.py").write_text(SLEEPY)
    cells, out = tmp_path / "run" / "cells", tmp_path / "run"
    data = write_tables(tmp_path / "data", names=("a",))
    arguments = ["benchmark", "--datasets", str(data), "--sizes", "30", "--repeats", "2"]
    arguments += ["--generators", f"bootstrap,{tmp_path / 'sleepy.py'}", "--out", str(out)]
    arguments += ["--set", "estimators=[logistic regression]", "--set", "n_jobs=2"]
    arguments += ["--set", "progress=false"]
    # both workers wait for a rival that sleeps; what else there was to do is done
    ended = interrupted(arguments, lambda session: sleepers(session) == 2)
    assert ended.returncode == 130, ended.stderr
    first, *rest = ended.stderr.strip().splitlines()
    kept = f"Stopped. Cells that are done are kept in '{out}'; the same command goes on from there."
    assert first == kept
    # loky's tracker may say that a semaphore of a killed worker was gone before it looked
    assert all("resource_tracker" in line or "warnings.warn(" in line for line in rest), rest
    records = [json.loads(path.read_text()) for path in cells.glob("*.json")]
    assert sorted(record["generator"] for record in records) == ["bootstrap"] * 2 + ["real"] * 2
    assert not (out / "report.html").exists()


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        (["fit", "{table}", "--target", "target"], 6),
        pytest.param(["evaluate", "{table}", "--target", "target"], 15, marks=pytest.mark.slow),
        pytest.param(["demo"], 10, marks=pytest.mark.slow),
        pytest.param(["demo", "--mri"], 20, marks=pytest.mark.slow),
    ],
    ids=lambda value: " ".join(value[:1]) if isinstance(value, list) else None,
)
def test_a_command_stops_in_one_line_and_leaves_nothing(tmp_path, command, seconds):
    table = write_tables(tmp_path / "data", names=("a",)) / "a.csv"
    if command[0] == "fit":  # what takes half a minute
        pd.concat([pd.read_csv(table)] * 5000).to_csv(table, index=False)
    out = tmp_path / ("model.safetensors" if command[0] == "fit" else "run")
    arguments = [text.format(table=table) for text in command]
    ended = interrupted(
        [*arguments, "--out", str(out)], lambda session: processor_seconds(session) > seconds
    )
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr.strip().splitlines()[-1] == "Stopped. Nothing half-written is left."
    assert "Traceback" not in ended.stderr
    left = {path.name for path in out.rglob("*")} if out.is_dir() else set()
    assert left <= {"patients.csv"}, "only the table that the demo comes with"
    assert not out.is_file()

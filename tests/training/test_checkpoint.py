"""An interrupted run that is started again gives what an uninterrupted one gives."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from augment._errors import InvalidInputError, ModelFileError
from augment._random import torch_generator
from augment._statefile import read_file
from augment.training import (
    Batches,
    Callback,
    Checkpoint,
    DivergenceGuard,
    EarlyStopping,
    train,
)
from tests.training.runs import SCRIPT, full_run
from tests.training.toy import Fragile, Scripted, ToyGan, table

ROOT = Path(__file__).parents[2]
STEPS = 40


class Interrupt(Callback):
    """What Ctrl-C does, at a given step and place."""

    def __init__(self, step, where="on_step"):
        self.step = step
        setattr(self, where, self._interrupt)

    def on_step(self, state):
        """Be listed as a callback of steps."""

    def _interrupt(self, state):
        if state.step == self.step:
            raise KeyboardInterrupt


class Count(Callback):
    def __init__(self):
        self.steps = 0

    def on_step(self, state):
        self.steps += 1


@pytest.fixture(scope="module")
def uninterrupted():
    return full_run(None, STEPS)


def assert_same(first, second):
    (objective, record), (other, other_record) = first, second
    assert record == other_record
    for name, value in objective.networks.state_dict().items():
        assert torch.equal(value, other.networks.state_dict()[name]), name


@given(
    kills=st.lists(st.integers(1, STEPS), min_size=1, max_size=3),
    every=st.integers(1, STEPS + 1),
    where=st.sampled_from(["on_step", "on_validation", "on_end"]),
)
@settings(max_examples=15)
def test_resumed_equals_uninterrupted(uninterrupted, kills, every, where):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.safetensors"
        for step in kills:
            try:
                full_run(path, STEPS, Interrupt(step, where), every=every)
            except KeyboardInterrupt:
                continue
        assert_same(full_run(path, STEPS, every=every), uninterrupted)
        assert [file.name for file in Path(folder).iterdir()] == [path.name]


def test_two_phases_dropout_and_all_resume(tmp_path):
    def run(*callbacks):
        objective = ToyGan()
        batches = Batches(table(30, 3), 8, torch_generator(1))
        return objective, train(objective, batches, max_steps=12, generator=torch_generator(2),
                                callbacks=callbacks, validate_every=5)  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        run(Checkpoint(tmp_path / "c", 4), Interrupt(11))
    assert_same(run(Checkpoint(tmp_path / "c", 4)), run())


def start(path, steps):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(ROOT), str(path), str(steps)],
        cwd=path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout.readline() == b"started\n"
    return process


def steps_in(path):
    return read_file(path, "checkpoint")[0]["step"] if path.exists() else 0


@pytest.mark.parametrize(("kind", "rounds"), [(signal.SIGKILL, 2), (signal.SIGINT, 1)])
def test_a_killed_process_resumes_to_the_same_weights(tmp_path, kind, rounds):
    steps, path, delays = 600, tmp_path / "run.safetensors", random.Random(3)
    for goal in range(1, rounds + 1):
        process = start(path, steps)
        limit = time.monotonic() + 20
        while steps_in(path) < 30 * goal and time.monotonic() < limit:
            time.sleep(0.001)
        time.sleep(delays.uniform(0.0, 0.05))  # anywhere: in a step, or while writing
        process.send_signal(kind)
        process.communicate(timeout=20)
        assert process.returncode == -kind
    head, _ = read_file(path, "checkpoint")
    assert 30 * rounds <= head["step"] < steps
    assert not head["finished"]
    assert_same(full_run(path, steps), full_run(None, steps))


def test_a_finished_run_is_not_run_again(tmp_path, uninterrupted):
    path, count = tmp_path / "run.safetensors", Count()
    assert_same(full_run(path, STEPS), uninterrupted)
    before = path.stat()
    assert_same(full_run(path, STEPS, count), uninterrupted)
    assert count.steps == 0
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(("step", "where"), [(3, "on_step"), (5, "on_end")])
def test_patience_and_best_weights_survive(tmp_path, step, where):
    # of steps 0 to 6: the best is step 2, and 5 is the last
    scores = [[6.0], [5.0], [1.0], [2.0], [2.0], [2.0], [0.0]]

    def run(done, *callbacks):
        objective = Scripted(scores[done + 1 if done else 0 :])
        data = {"x": torch.zeros(4, 3)}
        record = train(objective, Batches(data, 2, torch_generator(0)), max_steps=6,
                       generator=torch_generator(0), validation=data, validate_every=1,
                       callbacks=[EarlyStopping(3), *callbacks])  # fmt: skip
        return objective, record

    with pytest.raises(KeyboardInterrupt):
        run(0, Interrupt(step, where), Checkpoint(tmp_path / "c", 1))
    # A checkpoint is written last, so an interrupted step is not in it.
    done = read_file(tmp_path / "c", "checkpoint")[0]["step"]
    resumed = run(done, Checkpoint(tmp_path / "c", 1))
    assert_same(resumed, run(0))
    assert (resumed[1].n_steps, resumed[1].stopped_by) == (5, "EarlyStopping")


def test_a_run_that_stops_before_its_first_step_is_judged_again(tmp_path):
    def run(*callbacks):
        objective = Scripted([[1.0], [2.0], [3.0]])
        data, stopping = {"x": torch.zeros(4, 3)}, EarlyStopping(9)
        record = train(objective, Batches(data, 2, torch_generator(0)), max_steps=2,
                       generator=torch_generator(0), validation=data, validate_every=1,
                       callbacks=[stopping, *callbacks])  # fmt: skip
        assert stopping.best_steps == [0]
        return objective, record

    with pytest.raises(KeyboardInterrupt):
        run(Interrupt(0, "on_validation"), Checkpoint(tmp_path / "c", 1))
    assert_same(run(Checkpoint(tmp_path / "c", 1)), run())


def test_a_slowed_learning_rate_survives(tmp_path):
    def run(*callbacks):
        objective = Fragile(broken={1})
        return objective, train(objective, Batches({"x": torch.zeros(2, 1)}, 2, torch_generator(0)),
                                max_steps=6, generator=torch_generator(0), validate_every=1,
                                callbacks=[DivergenceGuard(), *callbacks])  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        run(Interrupt(4), Checkpoint(tmp_path / "c", 1))
    resumed, _ = run(Checkpoint(tmp_path / "c", 1))
    assert float(resumed.weight) == pytest.approx(1 + 4 * 0.5)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    full_run(path, STEPS)
    for arguments in ({"steps": STEPS, "fingerprint": "b"}, {"steps": STEPS + 1}):
        with pytest.raises(InvalidInputError, match=r"run\.safetensors.*another fit.*Delete"):
            full_run(path, **arguments)


def test_a_model_file_or_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    full_run(path, 3)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelFileError, match="damaged or was cut off"):
        full_run(path, 3)


def test_an_unwritable_path_fails_before_the_first_step(tmp_path):
    count = Count()
    with pytest.raises(InvalidInputError, match="no such folder"):
        full_run(tmp_path / "no such folder" / "run", STEPS, count)
    assert count.steps == 0


def test_leftovers_of_killed_writers_are_cleared(tmp_path):
    (tmp_path / ".run.1234.tmp").write_bytes(b"half")
    full_run(tmp_path / "run", 2)
    assert [file.name for file in tmp_path.iterdir()] == ["run"]

"""A fit that was interrupted goes on, and gives what it would have given."""

import os
import signal
import subprocess
import sys
import time

import pytest
from numpy.testing import assert_array_equal

from augment._errors import AugmentError
from augment._statefile import read_file
from augment.generators import TabularGAN, TabularVAE
from tests.generators.test_conformance import patients

pytestmark = [
    pytest.mark.filterwarnings("ignore::augment._errors.AugmentWarning"),
    pytest.mark.usefixtures("short_warm_start"),
]

FIT = """
import signal, torch, warnings
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have left it ignored
torch.set_num_threads(1)
warnings.simplefilter("ignore")
from augment.generators import {name}
from tests.generators.test_conformance import patients
print("ready", flush=True)
{name}(max_steps=300, n_members=2, checkpoint={path!r}, checkpoint_every=5, random_state=3).fit(
    *patients()
)
"""


def steps_in(path):
    """Give the step that a checkpoint was written at."""
    return read_file(path, "checkpoint")[0]["step"] if path.exists() else 0


class InterruptedFitError(Exception):
    """Stands for Ctrl-C at a chosen step."""


@pytest.mark.parametrize("model", [TabularVAE, TabularGAN])
@pytest.mark.parametrize("seed", [4, None])
def test_an_interrupted_fit_goes_on_to_the_same_model(model, seed, tmp_path, monkeypatch):
    X, y = patients()
    options = {"max_steps": 40, "n_members": 2, "random_state": seed}
    whole = model(**options, checkpoint=str(tmp_path / "whole"), checkpoint_every=7).fit(X, y)

    from augment.training import loop

    steps, original = iter(range(23)), loop._step

    def stop_early(*args):
        if next(steps, None) is None:
            raise InterruptedFitError
        original(*args)

    part = model(**options, checkpoint=str(tmp_path / "part"), checkpoint_every=7)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_step", stop_early)
        with pytest.raises(InterruptedFitError):
            part.fit(X, y)
    part.fit(X, y)
    assert part.n_steps_ == whole.n_steps_
    weights = part.networks_.state_dict()
    for name, value in whole.networks_.state_dict().items():
        assert_array_equal(weights[name].numpy(), value.numpy())


@pytest.mark.parametrize(
    "blow", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_killed_fit_goes_on_to_the_same_model(blow, tmp_path):
    path = str(tmp_path / "part")
    command = [sys.executable, "-c", FIT.format(name="TabularVAE", path=path)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ}
    )
    assert child.stdout.readline() == b"ready\n"
    deadline = time.monotonic() + 60
    while steps_in(tmp_path / "part") < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(blow)
    child.wait(timeout=60)
    assert child.returncode != 0
    assert steps_in(tmp_path / "part") >= 10
    child.stdout.close()
    options = {"max_steps": 300, "n_members": 2, "checkpoint_every": 5, "random_state": 3}
    resumed = TabularVAE(checkpoint=path, **options).fit(*patients())
    whole = TabularVAE(**options).fit(*patients())
    weights = resumed.networks_.state_dict()
    for name, value in whole.networks_.state_dict().items():
        assert_array_equal(weights[name].numpy(), value.numpy())


def test_other_data_is_refused(tmp_path):
    X, y = patients()
    options = {"max_steps": 10, "n_members": 2, "checkpoint": str(tmp_path / "c")}
    TabularVAE(random_state=0, **options).fit(X, y)
    with pytest.raises(AugmentError, match="belongs to another"):
        TabularVAE(random_state=0, **options).fit(X.iloc[1:], y.iloc[1:])
    with pytest.raises(AugmentError, match="belongs to another"):
        TabularVAE(random_state=1, **options).fit(X, y)

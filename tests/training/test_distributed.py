"""Two processes on one model: parts of each batch, gradients averaged, one result."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import augment
from augment._errors import InvalidInputError
from augment._random import batch_noise, share_of_batch, torch_generator
from augment.training import Batches

ROOT = Path(__file__).parents[2]
LOOP = """
import sys, torch
from torch import distributed
sys.path.append(sys.argv[3])  # the installed package comes first
from tests.training.toy import Stacked
from torch import nn
from augment._errors import InvalidInputError
from augment._random import torch_generator
from augment.objectives.base import Objective, Phase
from augment.training import Batches, Checkpoint, train

class Regression(Objective):
    def __init__(self, seed):
        self.networks = nn.ModuleDict({"line": Stacked(1, 3, 1)})
        torch.nn.init.normal_(self.networks["line"].weight, generator=torch_generator(seed))
        self.phases = (Phase("fit", ("line",), 1e-2),)

    def loss(self, phase, batch, generator, step):
        return (self.networks["line"](batch["x"]) - 1).square().mean(), {}

def run(seed, *callbacks, noise=0):
    objective = Regression(seed)
    batches = Batches({"x": x}, 7, torch_generator(0), [torch.arange(len(x))])
    train(objective, batches, max_steps=10, generator=torch_generator(noise), callbacks=callbacks)
    return objective.networks["line"].weight.detach()

x = torch.randn(8, 3, generator=torch_generator(9))
alone = run(0)
rank = int(sys.argv[1])
distributed.init_process_group(
    "gloo", init_method=f"tcp://127.0.0.1:{sys.argv[2]}", rank=rank, world_size=2
)
shared = run(rank)  # other first weights in each process; 4 rows of each batch here, 3 there
torch.testing.assert_close(shared, alone, rtol=1e-4, atol=1e-5)
for what in (lambda: run(0, Checkpoint("never")), lambda: run(0, noise=rank)):
    try:
        what()
    except InvalidInputError as error:
        print("refused", "one process" in str(error) or "same random_state" in str(error))
distributed.destroy_process_group()
"""


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def test_two_processes_train_as_one(tmp_path):
    port = free_port()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOOP, rank, port, str(ROOT)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for rank in "01"
    ]
    for process in processes:
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err
        assert out.split() == ["refused", "True"] * 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tabular_gan", "tabular_vae"])
def test_torchrun_fits_the_model_of_one_process(tmp_path, name):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(61, 4)) @ rng.normal(size=(4, 4)), columns=list("abcd"))
    y = pd.Series(np.where(X["a"] + rng.normal(size=61) > 0, "ill", "well"), name="outcome")
    X.assign(outcome=y).to_csv(tmp_path / "t.csv", index=False)
    options = ["--target", "outcome", "--generator", name, "--set", "max_steps=6"]
    options += ["--set", "n_members=2", "--set", "hidden_dim=4"]
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    run += ["--master-addr", "127.0.0.1", "--master-port", free_port(), "-m", "augment"]
    alone = [sys.executable, "-m", "augment", "fit", "t.csv", *options, "--out", "a.safetensors"]
    together = [*run, "fit", "t.csv", *options, "--out", "b.safetensors"]
    for command in (alone, together):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("Fitted") == 1
    first, second = (augment.load(tmp_path / f"{part}.safetensors") for part in "ab")
    for key, value in first.networks_.state_dict().items():
        torch.testing.assert_close(second.networks_.state_dict()[key], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n_processes", [1, 2, 3])
def test_parts_make_up_the_whole_batch(n_processes):
    def stream(*share):
        rows = torch.arange(14)
        batches = Batches({"row": rows}, 5, torch_generator(0), [rows, rows])
        return batches.share(*share) if share else batches

    whole = stream()
    parts = [stream(rank, n_processes) for rank in range(n_processes)]
    for _ in range(7):
        expected = next(whole)["row"]
        for rank, part in enumerate(parts):
            torch.testing.assert_close(next(part)["row"], expected[:, rank::n_processes])


def test_more_processes_than_rows_are_refused():
    batches = Batches({"row": torch.arange(4)}, 2, torch_generator(0))
    with pytest.raises(InvalidInputError, match="3 processes share batches of 2"):
        batches.share(0, 3)


def test_noise_is_that_of_the_whole_batch():
    expected = batch_noise(torch.randn, (2, 5, 3), torch_generator(0))
    for rank, n_own in enumerate((3, 2)):
        generator = torch_generator(0)
        with share_of_batch(rank, 2, 5):
            own = batch_noise(torch.randn, (2, n_own, 3), generator)
        torch.testing.assert_close(own, expected[:, rank::2])
        after = torch_generator(0)
        torch.randn(2, 5, 3, generator=after)
        assert torch.equal(generator.get_state(), after.get_state())

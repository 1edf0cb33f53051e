"""Two processes on one model: equal weights everywhere, gradients averaged."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
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

def run(seed, x, *callbacks):
    objective = Regression(seed)
    batches = Batches({"x": x}, len(x), torch_generator(0), [torch.arange(len(x))])
    train(objective, batches, max_steps=10, generator=torch_generator(0), callbacks=callbacks)
    return objective.networks["line"].weight.detach()

x = torch.randn(8, 3, generator=torch_generator(9))
alone = run(0, x)
rank = int(sys.argv[1])
distributed.init_process_group(
    "gloo", init_method=f"tcp://127.0.0.1:{sys.argv[2]}", rank=rank, world_size=2
)
shared = run(rank, x[rank::2])  # other first weights and other rows in each process
torch.testing.assert_close(shared, alone, rtol=1e-4, atol=1e-5)
try:
    run(rank, x, Checkpoint("never"))
except InvalidInputError as error:
    print("refused" if "one process" in str(error) else error)
distributed.destroy_process_group()
"""


def test_two_processes_train_as_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, rank, port, str(ROOT)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in "01"
    ]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.strip() == "refused"

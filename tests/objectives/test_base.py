"""The contract between a method and the loop."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from augment._random import torch_generator
from augment.objectives.base import Objective, Phase


class Constant(Objective):
    def __init__(self):
        self.networks = nn.ModuleDict({"line": nn.Linear(1, 1)})
        self.phases = (Phase("fit", ("line",), 0.1),)

    def loss(self, phase, batch, generator, step):
        return self.networks["line"](batch["x"]).sum(), {}


def test_a_phase_cannot_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Phase("fit", ("line",), 0.1).learning_rate = 1.0


def test_a_loss_is_required():
    with pytest.raises(TypeError, match="loss"):
        Objective()


def test_validation_is_optional():
    assert Constant().validate({"x": torch.zeros(1, 1)}, torch_generator(0)) == {}


def test_objectives_load_neither_pandas_nor_sklearn(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys, augment.objectives.base, augment.training;"
        "found = {'pandas', 'sklearn', 'monai', 'torch._dynamo'} & set(sys.modules);"
        "sys.exit(str(found) if found else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)

"""One training run with everything in it, for the tests of resuming."""

from __future__ import annotations

from pathlib import Path

from augment._random import torch_generator
from augment.training import (
    Batches,
    Checkpoint,
    CollapseGuard,
    DivergenceGuard,
    EarlyStopping,
    train,
)
from tests.training.toy import LinearVae, folds, table


def full_run(path: Path | None, steps: int, *callbacks, every: int = 7, fingerprint: str = "a"):
    """Give the objective and its record after a run that uses all that has a state."""
    data, (seen, held) = table(60), folds(60, 5)

    objective = LinearVae(columns=20, latent=4)
    watchers = [
        EarlyStopping(10**6),
        DivergenceGuard(),
        CollapseGuard(lambda o: float(o.networks["decoder"].weight.std()), 0.0),
        *callbacks,
    ]
    if path is not None:
        watchers.append(Checkpoint(path, every, fingerprint))
    record = train(
        objective,
        Batches(data, 16, torch_generator(1), seen),
        max_steps=steps,
        generator=torch_generator(2),
        validation={"x": data["x"][held]},
        validate_every=5,
        ema_decay=0.95,
        callbacks=watchers,
    )
    return objective, record


# Another process that trains until it is killed. The installed package comes first on its path.
SCRIPT = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have left it ignored
from pathlib import Path
sys.path.append(sys.argv[1])
from tests.training.runs import full_run
print("started", flush=True)
full_run(Path(sys.argv[2]), int(sys.argv[3]))
"""

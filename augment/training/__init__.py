"""The one training loop and its callbacks."""

from augment.training.batches import Batches
from augment.training.callbacks import EarlyStopping, LastWeights, Progress
from augment.training.checkpoint import Checkpoint
from augment.training.guards import CollapseGuard, DivergenceGuard
from augment.training.loop import train
from augment.training.state import Callback, TrainingRecord, TrainingState

__all__ = [
    "Batches",
    "Callback",
    "Checkpoint",
    "CollapseGuard",
    "DivergenceGuard",
    "EarlyStopping",
    "LastWeights",
    "Progress",
    "TrainingRecord",
    "TrainingState",
    "train",
]

"""The one training loop and its callbacks."""

from augment.training.batches import Batches
from augment.training.callbacks import EarlyStopping, Progress
from augment.training.loop import train
from augment.training.state import Callback, TrainingRecord, TrainingState

__all__ = [
    "Batches",
    "Callback",
    "EarlyStopping",
    "Progress",
    "TrainingRecord",
    "TrainingState",
    "train",
]

"""What every task in a worker process needs: one thread, gathered warnings, a report."""

from __future__ import annotations

import dataclasses
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from augment._errors import AugmentWarning

__all__ = ["Report", "isolated", "message"]


def message(error: Exception) -> str:
    """Give the first line of an error with its class."""
    return f"{type(error).__name__}: {error}".split("\n")[0]


@dataclasses.dataclass
class Report:
    """What happened on the way, gathered for notes and settings.

    Attributes
    ----------
    failures : list of (arm, classifier or None, message)
        What could not run.
    warnings : set of str
        Each text once.
    seconds : dict of str to float
        Processor seconds by generator and classifier.
    """

    failures: list[tuple[str, str | None, str]] = dataclasses.field(default_factory=list)
    warnings: set[str] = dataclasses.field(default_factory=set)
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)

    def failed(self, arm: str, classifier: str | None, error: Exception) -> None:
        """Record that an arm, or a classifier in it, could not run."""
        self.failures.append((arm, classifier, message(error)))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the processor seconds of a block to ``seconds[name]``."""
        start = time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - start


@contextmanager
def _single_thread() -> Iterator[None]:
    """Keep numerical libraries on one thread, so that results do not depend on ``n_jobs``."""
    # Only generators that are networks have loaded torch; it has a setting of its own.
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 1
    try:
        if torch:
            torch.set_num_threads(1)
        with threadpool_limits(limits=1):
            yield
    finally:
        if torch:
            torch.set_num_threads(before)


@contextmanager
def isolated(report: Report) -> Iterator[None]:
    """Run a task on one thread, its warnings gathered instead of printed once per split."""
    with warnings.catch_warnings(record=True) as caught, _single_thread():
        warnings.simplefilter("always")
        yield
    for warning in caught:
        text = str(warning.message).split("\n")[0]
        # our own words need no class before them
        ours = issubclass(warning.category, AugmentWarning)
        report.warnings.add(text if ours else f"{warning.category.__name__}: {text}")

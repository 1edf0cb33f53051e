"""The largest amount of memory that this process held during a block."""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Peak", "peak_memory"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """Megabytes, known when the block has ended."""

    megabytes: float = float("nan")


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the peak resident size of the whole process, its libraries included.

    Linux can forget the peak of what went before; elsewhere it is the peak since the process
    began.

    Yields
    ------
    Peak
        Filled in when the block ends.
    """
    peak = Peak()
    with suppress(OSError):
        _RESET.write_text("5")
    try:
        yield peak
    finally:
        peak.megabytes = round(_high_water(), 1)


def _high_water() -> float:
    """Give the peak resident size in megabytes."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if found:
            return int(found[1]) / 1024
    unit = 1024 if sys.platform == "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / unit

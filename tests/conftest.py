"""What all tests share: one thread, no network, fixed examples, and the way to the real data."""

import os

# Before numpy or torch is imported, and inherited by the workers of pytest-xdist.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LOCAL_HOSTS = ("127.", "::1", "localhost", "0.0.0.0")

# Last, so that joblib's workers find `tests` and yet the installed package is what is tested.
sys.path.append(str(REPOSITORY))

hypothesis.settings.register_profile("augment", deadline=None, derandomize=True)
hypothesis.settings.load_profile("augment")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real development data; the test is skipped where there is none."""
    named = os.environ.get("AUGMENT_TEST_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not (folder / "tabular").is_dir():
        pytest.skip(f"no development data in {folder}: set AUGMENT_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Fail any test that reaches for another machine: the package needs no network."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOCAL_HOSTS):
            raise AssertionError(f"a test tried to connect to {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield

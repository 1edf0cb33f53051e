"""One array for all slices: in memory, or on disk when it would be too large."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augment._errors import InvalidInputError

__all__ = ["MEMORY_LIMIT", "new_store"]

MEMORY_LIMIT = 2 * 2**30
"""Bytes up to which slices are kept in memory: 2 GiB."""


def new_store(
    shape: tuple[int, ...], memory_limit: int, cache_dir: str | Path | None
) -> npt.NDArray[np.float32]:
    """Give an array of zeros for all slices.

    Parameters
    ----------
    shape : tuple of int
        Of the whole array.
    memory_limit : int
        Bytes. A larger array is a memory map of a file.
    cache_dir : path or None
        The folder for that file, where it stays. None: a temporary one, removed when the array is
        no longer used.

    Returns
    -------
    ndarray of float32
    """
    needed = int(np.prod(shape)) * 4
    if needed <= memory_limit:
        return np.zeros(shape, np.float32)
    folder = Path(cache_dir) if cache_dir else Path(tempfile.mkdtemp(prefix="augment-slices-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise OSError(f"{needed:,} bytes are needed, {free:,} are free")
        with tempfile.NamedTemporaryFile(
            prefix="slices-", suffix=".npy", dir=folder, delete=False
        ) as file:
            name = file.name
        store = np.lib.format.open_memmap(name, mode="w+", dtype=np.float32, shape=shape)
    except OSError as error:
        raise InvalidInputError(
            f"The slices need {needed:,} bytes, more than memory_limit, and cannot be kept in "
            f"'{folder}' ({error}). Choose another cache_dir, a smaller size or fewer n_slices."
        ) from error
    if cache_dir is None:
        weakref.finalize(store, shutil.rmtree, folder, ignore_errors=True)
    return store

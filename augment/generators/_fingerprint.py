"""A digest of data and parameters, so that a checkpoint is never continued with others."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

__all__ = ["fingerprint"]


def fingerprint(name: str, parameters: dict[str, Any], arrays: dict[str, Any]) -> str:
    """Digest what a fit depends on.

    Parameters
    ----------
    name : str
        The class that is fitted.
    parameters : dict
        Its parameters, of which only those that change the result count.
    arrays : dict of ndarray
        The data, encoded.

    Returns
    -------
    str
        A hexadecimal digest.

    Examples
    --------
    >>> a = fingerprint("X", {"seed": 1}, {"rows": np.ones(3)})
    >>> a == fingerprint("X", {"seed": 2}, {"rows": np.ones(3)})
    False
    """
    digest = hashlib.sha256(name.encode())
    digest.update(json.dumps(parameters, sort_keys=True, default=repr).encode())
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        digest.update(f"{key}{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()

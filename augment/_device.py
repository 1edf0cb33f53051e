"""Choosing where tensors live."""

from __future__ import annotations

import torch

from augment._errors import InvalidInputError

__all__ = ["resolve_device"]


def resolve_device(device: str) -> torch.device:
    """Turn the ``device`` parameter into a device that is there.

    Parameters
    ----------
    device : str
        ``"auto"`` takes CUDA, then Apple's MPS, then the CPU. Anything else is a torch device
        string such as ``"cpu"`` or ``"cuda:0"``.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    InvalidInputError
        If the string is not a device, or the device is not on this machine.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise InvalidInputError(
            f"device must be 'auto' or a torch device such as 'cpu' or 'cuda:0'; got {device!r}."
        ) from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise InvalidInputError(
            f"device={device!r} was asked for, but torch sees no CUDA device here. "
            "Use device='auto' to take what the machine has."
        )
    return resolved

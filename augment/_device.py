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
        ``"auto"`` takes CUDA if it is there, else the CPU. Anything else is a torch device string
        such as ``"cpu"`` or ``"cuda:0"``. Apple's MPS is never chosen by itself: it has no
        float64, and nothing here is tested on it.

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
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
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

"""Choosing where tensors live."""

from __future__ import annotations

import torch

from augment._errors import InvalidInputError

__all__ = ["autocast_type", "resolve_device"]


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


def autocast_type(precision: str, device: torch.device) -> torch.dtype | None:
    """Turn the ``precision`` parameter into what `torch.autocast` wants.

    Parameters
    ----------
    precision : {"float32", "bfloat16", "auto"}
        "auto" takes bfloat16 on a CUDA device that computes in it, else float32.
    device : torch.device
        Where to train.

    Returns
    -------
    torch.dtype or None
        None for float32.

    Examples
    --------
    >>> autocast_type("bfloat16", torch.device("cpu"))
    torch.bfloat16
    >>> autocast_type("auto", torch.device("cpu")) is None
    True
    """
    can = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if precision == "bfloat16" or (precision == "auto" and can) else None

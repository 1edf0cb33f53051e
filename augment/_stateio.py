"""Nested state to JSON plus named arrays, and back, with every type kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from augment._errors import InvalidTypeError

__all__ = ["Packer", "unpack"]

_TENSOR_DTYPES = {
    torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64,
    torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
}  # fmt: skip
_TORCH_ONLY = {torch.bfloat16: torch.int16}  # dtypes that numpy lacks, and one of the same size


class Packer:
    """Replace arrays in nested state by names, and keep them apart.

    Parameters
    ----------
    arrays_allowed : bool, default=True
        False refuses arrays and tensors.

    Attributes
    ----------
    arrays : dict of ndarray
        What safetensors stores, by name.
    manifest : dict of dict
        For each name: what it was (``kind`` ``"array"`` or ``"tensor"``, ``dtype``, ``shape``) and
        as what it is stored.
    """

    def __init__(self, arrays_allowed: bool = True) -> None:
        self.arrays_allowed = arrays_allowed
        self.arrays: dict[str, np.ndarray] = {}
        self.manifest: dict[str, dict[str, Any]] = {}

    def pack(self, value: Any, path: str) -> Any:
        """Turn a value into JSON; ``path`` names it in errors and in the file."""
        if isinstance(value, np.generic):
            return self._pack_scalar(value, path)
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if np.isfinite(value) else {"__float__": repr(value)}
        if isinstance(value, list):
            return [self.pack(item, f"{path}/{i}") for i, item in enumerate(value)]
        if isinstance(value, tuple):
            return {"__tuple__": self.pack(list(value), path)}
        if isinstance(value, dict):
            return self._pack_dict(value, path)
        if self.arrays_allowed and isinstance(value, torch.Tensor):
            return self._pack_tensor(value, path)
        if self.arrays_allowed and isinstance(value, np.ndarray):
            return self._pack_array(value, path)
        raise InvalidTypeError(
            f"{path!r} is a {type(value).__name__}, which a model file cannot hold. It holds None, "
            "booleans, numbers, strings, lists, tuples and dicts of them"
            + (", numpy arrays and torch tensors." if self.arrays_allowed else ".")
        )

    def _pack_dict(self, value: dict[Any, Any], path: str) -> Any:
        if all(isinstance(key, str) and not key.startswith("__") for key in value):
            return {str(key): self.pack(item, f"{path}/{key}") for key, item in value.items()}
        items = [
            [self.pack(key, f"{path}/key {key!r}"), self.pack(item, f"{path}/{key}")]
            for key, item in value.items()
        ]
        return {"__items__": items}

    def _pack_scalar(self, value: np.generic, path: str) -> Any:
        if value.dtype.kind in "Mm":
            plain: Any = int(value.astype(np.int64))
        elif value.dtype.kind == "U" or _is_plain(value.dtype):
            plain = value.item()
        else:
            raise InvalidTypeError(
                f"{path!r} is a {value.dtype} scalar, which a model file cannot hold."
            )
        return {"__scalar__": [value.dtype.str, self.pack(plain, path)]}

    def _pack_tensor(self, value: torch.Tensor, path: str) -> Any:
        if value.layout != torch.strided or value.dtype not in _TENSOR_DTYPES:
            raise InvalidTypeError(
                f"{path!r} is a {value.layout} tensor of {value.dtype}, which a model file cannot "
                "hold. Make it dense, and of a common dtype."
            )
        plain = value.detach().cpu().contiguous()
        dtype = str(plain.dtype).removeprefix("torch.")
        if plain.dtype in _TORCH_ONLY:
            plain = plain.view(_TORCH_ONLY[plain.dtype])
        return self._keep(plain.numpy(), path, "tensor", dtype, list(value.shape))

    def _pack_array(self, value: np.ndarray, path: str) -> Any:
        if value.dtype.kind in "UO":
            items = [
                self.pack(item, f"{path}/{i}") for i, item in enumerate(value.reshape(-1).tolist())
            ]
            return {"__array__": [value.dtype.str, list(value.shape), items]}
        if not _is_plain(value.dtype) and value.dtype.char not in "FDMm":
            raise InvalidTypeError(
                f"{path!r} is an array of dtype {value.dtype}, which a model file cannot hold."
            )
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        return self._keep(native, path, "array", native.dtype.str, list(value.shape))

    def _keep(self, value: np.ndarray, path: str, kind: str, dtype: str, shape: list[int]) -> Any:
        """Keep an array under a name of its own, in a dtype that safetensors knows."""
        stored = np.array(value, order="C")  # a copy: what is saved must not change meanwhile
        if stored.dtype.kind in "cMm":
            stored = stored.reshape(-1).view(
                np.int64 if stored.dtype.kind in "Mm" else stored.real.dtype
            )
        name = path.encode(errors="backslashreplace").decode()
        while name in self.arrays:  # keys that hold a slash can give equal paths
            name += "+"
        self.arrays[name] = stored
        self.manifest[name] = {
            "kind": kind,
            "dtype": dtype,
            "shape": shape,
            "stored_dtype": stored.dtype.name,
            "stored_shape": list(stored.shape),
        }
        return {"__tensor__": name}


def _is_plain(dtype: np.dtype[Any]) -> bool:
    """Say whether safetensors stores this dtype as it is: bool, int, unsigned or float."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


def unpack(value: Any, arrays: dict[str, np.ndarray], manifest: dict[str, dict[str, Any]]) -> Any:
    """Turn what `Packer.pack` gave back into the state."""
    if isinstance(value, list):
        return [unpack(item, arrays, manifest) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not (tag := next(iter(value))).startswith("__"):
        return {key: unpack(item, arrays, manifest) for key, item in value.items()}
    content = value[tag]
    if tag == "__tensor__":
        return _restored(arrays[content], manifest[content])
    if tag == "__float__":
        return float(content)
    inner = unpack(content, arrays, manifest)
    if tag == "__tuple__":
        return tuple(inner)
    if tag == "__items__":
        return {key: item for key, item in inner}  # noqa: C416 (keys may be tuples)
    if tag == "__scalar__":
        return np.array(inner[1]).astype(inner[0])[()]
    dtype, shape, items = inner
    array = np.empty(len(items), dtype=dtype)
    array[:] = items
    return array.reshape(shape)


def _restored(stored: np.ndarray, entry: dict[str, Any]) -> Any:
    """Give an array or tensor its own dtype and shape back."""
    stored = np.array(stored, order="C")
    if entry["kind"] == "array":
        return stored.view(np.dtype(entry["dtype"])).reshape(entry["shape"])
    tensor = torch.from_numpy(stored)
    return tensor.view(getattr(torch, entry["dtype"])).reshape(entry["shape"])

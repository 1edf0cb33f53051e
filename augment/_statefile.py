"""One file for nested state: tensors in safetensors, everything else as JSON in its header.

Model files and training checkpoints share this format. Nothing in it is ever executed: no pickle.
The header's entry ``augment`` is a JSON document (format version, what kind of file it is, the
nested state with each tensor replaced by its name, and a manifest of names, shapes and dtypes);
``augment_sha256`` covers the document and all tensors.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from augment._errors import InvalidInputError, ModelFileError
from augment._stateio import Packer, unpack
from augment._typing import State

__all__ = ["FORMAT", "digest_of", "read_file", "write_file"]

FORMAT = 1
_HEADER_LIMIT = 100_000_000  # bytes; the limit of safetensors itself


def write_file(path: str | os.PathLike[str], kind: str, head: State, state: State) -> None:
    """Write a file at once or not at all.

    Parameters
    ----------
    path : path-like
        Where to. The file is written beside it under a temporary name, then renamed.
    kind : str
        What the file is, ``"model"`` or ``"checkpoint"``.
    head : dict
        What can be known without reading the state.
    state : dict
        Nested dicts, lists and tuples of JSON values, numpy scalars and arrays, torch tensors.

    Raises
    ------
    InvalidInputError
        If the path cannot be written.
    InvalidTypeError
        If the state holds something that cannot be stored.
    """
    text, arrays = _document(kind, head, state)
    blob = save_arrays(
        arrays, metadata={"augment": text, "augment_sha256": _checksum(text, arrays)}
    )
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if target.is_dir():
            raise IsADirectoryError("it is a folder")
        try:
            with temporary.open("wb") as file:
                file.write(blob)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"Cannot write {str(target)!r}: {error.strerror or error}. "
            "Give the path of a file in an existing folder that you may write to."
        ) from error


def read_file(path: str | os.PathLike[str], kind: str) -> tuple[State, State]:
    """Read a file that `write_file` wrote, and check all of it.

    Parameters
    ----------
    path : path-like
        Where from.
    kind : str
        What it must be.

    Returns
    -------
    head, state : dict
        As they were written; tensors on the CPU.

    Raises
    ------
    ModelFileError
        If the file is missing, unreadable, cut off, damaged, foreign, of another kind, or written
        by a newer version.
    """
    blob = _bytes_of(path)
    metadata = _metadata_of(path, blob)
    document = _checked_document(path, kind, metadata)
    try:
        arrays = load_arrays(blob)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, f"its tensors cannot be read ({error})") from error
    try:
        _check_manifest(path, document["tensors"], arrays)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, "its manifest of tensors cannot be read") from error
    if _checksum(metadata["augment"], arrays) != metadata.get("augment_sha256"):
        raise _damaged(path, "its content does not match its checksum")
    try:
        return (
            unpack(document["head"], {}, {}),
            unpack(document["state"], arrays, document["tensors"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise _damaged(path, f"its state cannot be put together ({error})") from error


def digest_of(state: State) -> str:
    """Give a SHA-256 of nested state: equal states give equal digests.

    Examples
    --------
    >>> digest_of({"a": np.arange(3)}) == digest_of({"a": np.arange(3)})
    True
    >>> digest_of({"a": np.arange(3)}) == digest_of({"a": np.arange(4)})
    False
    """
    return _checksum(*_document("digest", {}, state))


def _document(kind: str, head: State, state: State) -> tuple[str, dict[str, np.ndarray]]:
    """Split state into the JSON text of the header and named arrays."""
    packer = Packer()
    document = {
        "format": FORMAT,
        "kind": kind,
        "head": Packer(arrays_allowed=False).pack(head, "head"),
        "state": packer.pack(state, "state"),
        "tensors": packer.manifest,
    }
    return json.dumps(document, allow_nan=False), packer.arrays


def _checksum(text: str, arrays: dict[str, np.ndarray]) -> str:
    """Give the SHA-256 of the header's text and of each array's name and bytes."""
    sha = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        sha.update(name.encode() + b"\0")
        sha.update(arrays[name].tobytes())
    return sha.hexdigest()


def _bytes_of(path: str | os.PathLike[str]) -> bytes:
    """Read a file, or say why it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"Cannot read {os.fspath(path)!r}: {error.strerror or error}. "
            "Give the path of a file that save() wrote."
        ) from error


def _metadata_of(path: str | os.PathLike[str], blob: bytes) -> dict[str, str]:
    """Take our entries out of the header of a safetensors file."""
    size = int.from_bytes(blob[:8], "little")
    if len(blob) < 8 or size > _HEADER_LIMIT:
        raise _foreign(path, f"it holds {len(blob)} bytes that are not in the safetensors format")
    if len(blob) < 8 + size:
        raise _damaged(path, f"it ends after {len(blob)} bytes, inside its header of {size} bytes")
    try:
        metadata = json.loads(blob[8 : 8 + size]).get("__metadata__", {})
    except (ValueError, AttributeError, RecursionError) as error:
        raise _foreign(path, "its header is not that of a safetensors file") from error
    if not isinstance(metadata, dict) or not isinstance(metadata.get("augment"), str):
        raise _foreign(path, "it is a safetensors file without an 'augment' entry in its header")
    return metadata


def _checked_document(
    path: str | os.PathLike[str], kind: str, metadata: dict[str, str]
) -> dict[str, Any]:
    """Parse our part of the header; check its version and kind."""
    try:
        document = json.loads(metadata["augment"])
        found, found_kind = document["format"], document["kind"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, "its 'augment' header entry cannot be read") from error
    if not isinstance(found, int) or found > FORMAT:
        raise ModelFileError(
            f"{os.fspath(path)!r} has format version {found}; this version of augment reads up to "
            f"{FORMAT}. Upgrade augment, or save the file again with this version."
        )
    if found_kind != kind:
        raise ModelFileError(
            f"{os.fspath(path)!r} is a {found_kind} file; a {kind} file was expected. "
            "Models are written by save(), checkpoints by an interrupted fit()."
        )
    if not {"head", "state", "tensors"} <= document.keys():
        raise _damaged(path, "its 'augment' header entry is incomplete")
    return dict(document)


def _check_manifest(
    path: str | os.PathLike[str], manifest: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Compare each tensor with what the header says about it."""
    missing = sorted(manifest.keys() - arrays.keys())
    surplus = sorted(arrays.keys() - manifest.keys())
    if missing or surplus:
        raise _damaged(path, f"missing tensors {missing}, unexpected tensors {surplus}")
    for name, entry in manifest.items():
        expected = (entry["stored_dtype"], tuple(entry["stored_shape"]))
        found = (arrays[name].dtype.name, arrays[name].shape)
        if expected != found:
            raise _damaged(
                path,
                f"tensor {name!r} should be {expected[0]} of shape {expected[1]} "
                f"and is {found[0]} of shape {found[1]}",
            )


def _damaged(path: str | os.PathLike[str], what: str) -> ModelFileError:
    """Word the error for a file of ours that was changed or cut off."""
    return ModelFileError(
        f"{os.fspath(path)!r} is damaged or was cut off: {what}. "
        "Copy it again from where it was saved, or fit and save the model again."
    )


def _foreign(path: str | os.PathLike[str], what: str) -> ModelFileError:
    """Word the error for a file that is not ours."""
    return ModelFileError(
        f"{os.fspath(path)!r} is not a file that augment wrote: {what}. "
        "Give the path of a file that save() wrote (it ends in .safetensors by custom)."
    )

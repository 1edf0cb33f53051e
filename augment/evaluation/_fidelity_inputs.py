"""What `evaluate_fidelity` is given: features with or without labels, in one form."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import AugmentWarning, InvalidInputError
from augment.data._labels import as_condition_frame, is_continuous
from augment.metrics._sides import Rows, group_codes, label_codes

__all__ = ["Samples", "check_samples", "parts_of", "shared_note"]


@dataclasses.dataclass(frozen=True)
class Samples:
    """The real rows, the synthetic ones, and perhaps the held-out ones.

    Attributes
    ----------
    X : list
        Frames or arrays, in this order.
    extra : list of DataFrame
        Conditions of each sample that are not its label; without columns where there are none.
    labels : list of ndarray or None
        The label of each row of each sample; None: there are none.
    classes : list
        All labels, sorted.
    rows : list of Rows
        Labels and patients as whole numbers.
    is_image : bool
    """

    X: list[Any]
    extra: list[pd.DataFrame]
    labels: list[np.ndarray] | None
    classes: list[Any]
    rows: list[Rows]
    is_image: bool


def check_samples(
    real: Any, synthetic: Any, holdout: Any, groups: Any, holdout_groups: Any
) -> Samples:
    """Check what the user gave and bring it to one form."""
    given = {"real": (real, groups), "synthetic": (synthetic, None)}
    if holdout is not None:
        given["holdout"] = (holdout, holdout_groups)
    elif holdout_groups is not None:
        raise InvalidInputError("holdout_groups were given without a holdout.")
    X, y, patients = [], [], []
    for name, (value, its_groups) in given.items():
        features, labels, own_groups = parts_of(value)
        n = _n_rows(features, name)
        X.append(features)
        y.append(None if labels is None else _conditions(labels, n, name))
        patients.append(
            group_codes(own_groups if its_groups is None else its_groups, n, f"groups of {name}")
        )
    kinds = {np.ndim(values) for values in X}
    if len(kinds) > 1 or not kinds <= {2, 4}:
        raise InvalidInputError(
            "real, synthetic and holdout must all be tables, or all images of shape "
            f"(n, channels, height, width); found arrays of {sorted(kinds)} dimensions."
        )
    label, extra = _label_and_extra(y, list(given))
    given_labels: list[Any] = [None] * len(X) if label is None else list(label)
    codes, classes = label_codes(given_labels, [len(values) for values in X])
    rows = [Rows(*pair) for pair in zip(codes, patients, strict=True)]
    frames = [pd.DataFrame(index=range(len(values))) for values in X] if extra is None else extra
    return Samples(X, frames, label, classes, rows, is_image=kinds == {4})


def parts_of(value: Any) -> tuple[Any, Any, Any]:
    """Take apart X, a pair (X, y), or a set of slices."""
    if hasattr(value, "images"):
        return value.images, getattr(value, "y", None), getattr(value, "groups", None)
    if isinstance(value, tuple):
        if len(value) != 2:
            raise InvalidInputError(f"Expected X or a pair (X, y); found {len(value)} values.")
        return *value, None
    return value, None, None


def _n_rows(X: Any, name: str) -> int:
    if not hasattr(X, "shape"):
        raise InvalidInputError(
            f"{name} must be a frame, an array, or a pair (X, y); found {type(X).__name__}."
        )
    return int(X.shape[0])


def _conditions(y: Any, n: int, name: str) -> pd.DataFrame:
    frame, container = as_condition_frame(y)
    if len(frame) != n:
        raise InvalidInputError(
            f"{name} must have one y for each of its {n} rows; found {len(frame)}."
        )
    if container.kind == "series" and container.name is not None:
        frame.columns = pd.Index([container.name])
    return frame.reset_index(drop=True)


def _label_and_extra(
    y: list[pd.DataFrame | None], names: list[str]
) -> tuple[list[np.ndarray] | None, list[pd.DataFrame] | None]:
    """Take the first column of labels as the label, and leave the others as columns."""
    frames = [frame for frame in y if frame is not None]
    if not frames:
        return None, None
    if len(frames) < len(y):
        without = [name for name, frame in zip(names, y, strict=True) if frame is None]
        raise InvalidInputError(
            f"Pass pairs (X, y) for all samples or for none; {' and '.join(without)} came without."
        )
    # A label array has no name of its own; frames must agree.
    first = frames[0]
    for name, frame in zip(names, frames, strict=True):
        if first.shape[1] == frame.shape[1] == 1:
            frame.columns = first.columns
        elif list(frame.columns) != list(first.columns):
            raise InvalidInputError(
                f"The conditions of {name} must have the columns {list(first.columns)}; found "
                f"{list(frame.columns)}."
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AugmentWarning)
        kinds = {c: any(is_continuous(f[c]) for f in frames) for c in first.columns}
    label = next((c for c, continuous in kinds.items() if not continuous), None)
    if label is None:
        return None, frames
    labels = [frame[label].to_numpy(dtype=object) for frame in frames]
    return labels, [frame.drop(columns=label) for frame in frames]


def shared_note(samples: Samples, known_as: str) -> list[str]:
    """Say how many held-out rows stand among the rows of the fit, too, if any do."""
    n_shared = _n_shared(samples.X[0], samples.X[2])
    if not n_shared:
        return []
    return [
        f"{n_shared} of {len(samples.rows[2])} held-out rows are equal to a {known_as} row. If "
        "they are the same patients, the hold-out is none, and no figure can be trusted."
    ]


def _n_shared(real: Any, holdout: Any) -> int:
    """Count the held-out rows that stand among the real ones, too."""
    if np.ndim(real) == 2:
        real, holdout = pd.DataFrame(real), pd.DataFrame(holdout)
        holdout = holdout[real.columns] if set(real.columns) <= set(holdout.columns) else holdout
        known = set(map(tuple, real.astype(str).to_numpy()))
        return sum(tuple(row) in known for row in holdout.astype(str).to_numpy())
    known = {row.tobytes() for row in np.asarray(real, dtype=np.float64)}
    return sum(row.tobytes() in known for row in np.asarray(holdout, dtype=np.float64))

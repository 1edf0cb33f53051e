"""Checks of the parameters of `evaluate_lift`, and what is written down about a study."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import math
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sklearn.base import clone

import augment
from augment._errors import InvalidInputError, InvalidTypeError, did_you_mean, listed
from augment.evaluation._text import DECIDING
from augment.evaluation.images import ImageCopies
from augment.evaluation.roles import CLASSICAL
from augment.evaluation.scoring import METRICS

__all__ = [
    "CONTROLS",
    "Controls",
    "check_counts",
    "check_generator",
    "check_metrics",
    "check_ratio",
    "check_ropes",
    "controls",
    "provenance",
    "versions",
]

# Packages that show or arrange what was computed, and change nothing of it.
_SHOW = ("benchmarking", "cli", "report")

# Control arms that need a generator of their own. The arm "class_weight" needs none.
CONTROLS = {"bootstrap": "Bootstrap", "jitter": "Jitter", "smote": "Smote"}
_RESERVED = ("real", "augmented", "synthetic")
DEFAULT_BASELINES = {
    "table": ("bootstrap", "jitter", "smote", "class_weight"),
    "images": ("bootstrap", CLASSICAL),
}


def check_generator(name: str, generator: Any) -> None:
    """Refuse what cannot be cloned, fitted and sampled.

    Raises
    ------
    InvalidTypeError
        For a class instead of an instance, or an object without the methods.
    """
    if isinstance(generator, type):
        raise InvalidTypeError(
            f"{name} must be an instance, got the class {generator.__name__}: write "
            f"{generator.__name__}() with brackets."
        )
    lacking = [m for m in ("fit", "sample", "get_params") if not hasattr(generator, m)]
    if lacking:
        raise InvalidTypeError(
            f"{name} must have the methods fit, sample and get_params, as "
            f"augment.TabularVAE has; {type(generator).__name__} lacks {listed(lacking)}."
        )


def check_counts(n_splits: Any, n_repeats: Any) -> None:
    """Refuse anything but whole numbers of at least 2 splits and 1 repeat."""
    for name, value, least in (("n_splits", n_splits, 2), ("n_repeats", n_repeats, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InvalidInputError(
                f"{name} must be an integer of at least {least}; got {value!r}."
            )


def check_ratio(ratio: Any) -> float | str:
    """Refuse anything but "auto" and numbers above zero."""
    if isinstance(ratio, str):
        if ratio != "auto":
            raise InvalidInputError(f'ratio must be "auto" or a number above 0; got {ratio!r}.')
        return ratio
    if isinstance(ratio, bool) or not isinstance(ratio, int | float):
        raise InvalidTypeError(
            f'ratio must be "auto" or a number above 0; got {type(ratio).__name__}.'
        )
    if not (math.isfinite(ratio) and ratio > 0):
        raise InvalidInputError(
            f"ratio={ratio!r} must be above 0: it is the number of synthetic rows per training row."
        )
    return float(ratio)


def check_metrics(metrics: Any) -> tuple[str, ...]:
    """Refuse unknown metrics, and a choice without the two that decide."""
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise InvalidTypeError("metrics must be a tuple of names, such as ('roc_auc',).")
    names = tuple(dict.fromkeys(metrics))
    for name in names:
        if name not in METRICS:
            raise InvalidInputError(
                f"metrics names {name!r}; known are {listed(METRICS)}.{did_you_mean(name, METRICS)}"
            )
    absent = [name for name in DECIDING if name not in names]
    if absent:
        raise InvalidInputError(
            f"metrics lacks {listed(absent)}: these decide the verdict. Add them."
        )
    return names


def check_ropes(rope: Any) -> tuple[float, float]:
    """Give the tolerances of the deciding metrics."""
    if not isinstance(rope, Mapping) or set(rope) != set(DECIDING):
        raise InvalidInputError(
            f"rope must be a dict with the keys {listed(DECIDING)}: the change in each that makes "
            f"no difference to you; got {rope!r}."
        )
    bad = {name: value for name, value in rope.items() if not 0 < value < math.inf}
    if bad:
        raise InvalidInputError(f"rope must hold finite numbers above 0; got {bad!r}.")
    return float(rope[DECIDING[0]]), float(rope[DECIDING[1]])


@dataclasses.dataclass(frozen=True)
class Controls:
    """The control arms that were asked for.

    Attributes
    ----------
    generators : dict of str to generator
        By arm.
    class_weight, classical : bool
        Whether real rows are also weighed by class; whether images are also augmented
        classically, in every arm.
    """

    generators: dict[str, Any]
    class_weight: bool
    classical: bool


def controls(baselines: Any, generator: Any, *, is_table: bool = True) -> Controls:
    """Build the control arms.

    Parameters
    ----------
    baselines : "auto", iterable of str, or dict of str to generator
        Names out of "bootstrap", "jitter", "smote", "class_weight"; for images "bootstrap",
        "classical", "class_weight". A dict adds arms of one's own; its value for one of these
        names may be None.
    generator : generator
        The one under test: controls get the same ``schema``.
    is_table : bool
        Whether the rows are a table, or images.

    Returns
    -------
    Controls
        Generators by arm, and which other arms are wanted.

    Raises
    ------
    InvalidInputError
        For an unknown or reserved name.
    """
    kind = "table" if is_table else "images"
    if isinstance(baselines, str) and baselines == "auto":
        baselines = DEFAULT_BASELINES[kind]
    if isinstance(baselines, str) or not isinstance(baselines, Iterable):
        raise InvalidTypeError("baselines must be a tuple of names, such as ('bootstrap',).")
    wanted = dict(baselines) if isinstance(baselines, Mapping) else dict.fromkeys(baselines)
    known = tuple(dict.fromkeys((*DEFAULT_BASELINES[kind], "class_weight")))
    found: dict[str, Any] = {}
    for name, own in wanted.items():
        _check_baseline(name, own, known, kind)
        if own is not None:
            found[name] = clone(own)
        elif name in CONTROLS:
            found[name] = _control(name, generator) if is_table else ImageCopies()
    return Controls(found, "class_weight" in wanted, CLASSICAL in wanted)


def _check_baseline(name: str, own: Any, known: tuple[str, ...], kind: str) -> None:
    """Refuse unknown and reserved names, and what is no generator."""
    reserved = name in _RESERVED or (own is not None and name.startswith(CLASSICAL))
    if reserved or (own is None and name not in known):
        which = "" if kind == "table" else " for images"
        raise InvalidInputError(
            f"baselines names {name!r}; known{which} are {listed(known)}."
            f"{did_you_mean(name, known)} For an arm of your own pass a dict of name to generator."
        )
    if own is not None:
        check_generator(f"baselines[{name!r}]", own)


def _control(name: str, generator: Any) -> Any:
    """Build a control; it reads the columns as the generator under test was told to."""
    control = getattr(augment, CONTROLS[name])()
    schema = generator.get_params(deep=False).get("schema")
    if schema is not None and "schema" in control.get_params(deep=False):
        control.set_params(schema=schema)
    return control


@functools.cache
def provenance() -> dict[str, str]:
    """Give what results depend on besides data and parameters: versions, and the very code.

    Returns
    -------
    dict of str to str
        The versions, and a digest of the modules of the package that compute.
    """
    root = Path(augment.__file__).parent
    files = [p for p in sorted(root.rglob("*.py")) if p.relative_to(root).parts[0] not in _SHOW]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    return {**versions(), "code": digest.hexdigest()}


def versions() -> dict[str, str]:
    """Give the versions that a methods paragraph names."""
    names = ("numpy", "pandas", "scikit-learn", "scipy", "torch", "imbalanced-learn")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"augment": augment.__version__, "python": platform.python_version(), **found}

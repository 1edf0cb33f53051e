"""What a benchmark compares: own generators, references, and rivals in other interpreters."""

from __future__ import annotations

import dataclasses
import inspect
import time
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augment._errors import AugmentWarning, InvalidInputError, did_you_mean, listed
from augment.benchmarking._memory import peak_memory
from augment.benchmarking.references import ClassPCA, TeacherFiltered
from augment.benchmarking.rival import Rival, check_script, rival_scripts
from augment.evaluation.arms import with_seed
from augment.workflow import generator_names, make_generator

__all__ = [
    "REAL",
    "Draw",
    "Method",
    "OwnMethod",
    "build_methods",
    "method_names",
    "script_fingerprints",
]

REAL = "real"
"""The arm that every lift is measured against: no synthetic row at all."""
_REFERENCES: dict[str, type] = {"class_pca": ClassPCA, "teacher_filtered_copula": TeacherFiltered}
_IMAGES = ("image_vae", "image_gan", "class_pca")


@dataclasses.dataclass(frozen=True)
class Draw:
    """What a method drew, and what it cost.

    Attributes
    ----------
    X : DataFrame or ndarray
        Synthetic rows.
    y : Series or ndarray
        Their labels.
    fit_seconds, sample_seconds : float
        Wall-clock time.
    cpu_seconds : float
        Processor time of both together, which a busy machine does not lengthen.
    peak_memory_mb : float
        Peak resident size of the process that did it, libraries included.
    """

    X: Any
    y: Any
    fit_seconds: float
    sample_seconds: float
    cpu_seconds: float
    peak_memory_mb: float


@dataclasses.dataclass(frozen=True)
class OwnMethod:
    """A generator with ``fit`` and ``sample`` that runs in the worker itself.

    Attributes
    ----------
    name : str
        As it stands in the results.
    kind : {"table", "images"}
        What it grows.
    estimator : generator
        Unfitted.
    """

    name: str
    kind: str
    estimator: Any

    def draw(self, X: Any, y: Any, groups: Any, n_rows: int, seeds: tuple[int, int]) -> Draw:
        """Fit a clone on some rows, and draw from it.

        Parameters
        ----------
        X, y, groups
            Training rows, their labels and patients (or None).
        n_rows : int
            Rows to draw.
        seeds : tuple of two int
            Of the fit and of the draw.

        Returns
        -------
        Draw
        """
        generator = with_seed(self.estimator, seeds[0])
        takes_groups = "groups" in inspect.signature(generator.fit).parameters
        extra = {"groups": groups} if groups is not None and takes_groups else {}
        with peak_memory() as peak:
            start, begun = time.perf_counter(), time.process_time()
            generator.fit(X, y, **extra)
            fitted = time.perf_counter()
            X_new, y_new = generator.sample(n_rows, random_state=seeds[1])
            done, cpu_seconds = time.perf_counter(), time.process_time() - begun
        return Draw(X_new, y_new, fitted - start, done - fitted, cpu_seconds, peak.megabytes)


@dataclasses.dataclass(frozen=True)
class RivalMethod:
    """A rival in an interpreter of its own; see `augment.benchmarking.rival`.

    Attributes
    ----------
    name : str
        As it stands in the results.
    kind : {"table", "images"}
        What it grows.
    rival : Rival
        The script, where it runs, and its parameters.
    """

    name: str
    kind: str
    rival: Rival

    def draw(self, X: Any, y: Any, groups: Any, n_rows: int, seeds: tuple[int, int]) -> Draw:  # noqa: ARG002 (rivals know no patients)
        """Send rows to the other interpreter, and read what comes back."""
        X_new, y_new, answer = self.rival.draw(self.kind, X, y, n_rows, seeds)
        return Draw(X_new, y_new, **answer)


Method = OwnMethod | RivalMethod


def script_fingerprints(methods: Mapping[str, Method]) -> dict[str, str]:
    """Fingerprint the scripts of a user's own rivals; those that come along have a version.

    Parameters
    ----------
    methods : mapping of str to Method
        From `build_methods`.

    Returns
    -------
    dict of str to str
    """
    bundled = set(rival_scripts().values())
    scripts = {n: m.rival.script for n, m in methods.items() if isinstance(m, RivalMethod)}
    return {
        name: f"{zlib.crc32(script.read_bytes()):08x}"
        for name, script in scripts.items()
        if script not in bundled
    }


def method_names() -> list[str]:
    """List what can be compared, by short name; a path to a rival's script works too."""
    return sorted({*generator_names(), *_REFERENCES, *rival_scripts()})


def build_methods(
    specs: Mapping[str, Mapping[str, Any]],
    *,
    python_of: Mapping[str, Any] | None = None,
    timeout: float = 1800.0,
    skip_missing: bool = False,
) -> tuple[dict[str, Method], list[str]]:
    """Build the methods of a benchmark.

    Parameters
    ----------
    specs : mapping
        Name to parameters. The name is a short one (`method_names`) or the path of a rival's
        script; with ``method: NAME`` among the parameters it may be any.
    python_of : mapping, optional
        Name of a rival to the Python interpreter of the environment that has it.
    timeout : float, default=1800
        Seconds that a rival may take for one cell.
    skip_missing : bool, default=False
        Leave out rivals that are not installed, instead of refusing to start.

    Returns
    -------
    methods : dict of str to Method
    missing : list of str
        Rivals left out.

    Raises
    ------
    InvalidInputError
        For an unknown name or parameter, or a rival that is not installed.
    """
    _check_pythons(python_of or {}, specs)
    methods: dict[str, Method] = {}
    missing = []
    for name, given in specs.items():
        parameters = dict(given or {})
        which = str(parameters.pop("method", name))
        if name == REAL:
            raise InvalidInputError(
                f"'{REAL}' names the arm without synthetic rows, which always runs. Leave it out."
            )
        if which in _own_names():
            methods[name] = OwnMethod(name, _kind(which), _own(which, parameters))
            continue
        rival = _rival(name, which, parameters, dict(python_of or {}), timeout)
        absent = rival.missing()
        if absent and not skip_missing:
            raise InvalidInputError(
                f"Generator '{name}' needs the package {absent!r}, which {rival.python} does not "
                f"have. Install it there, or name the interpreter that has it with --set "
                f"python_of.{which}=PATH, or leave it out with --set skip_missing=true."
            )
        if absent:
            missing.append(name)
            continue
        methods[_plain_name(name)] = RivalMethod(_plain_name(name), rival.kind, rival)
    return methods, missing


def _check_pythons(python_of: Mapping[str, Any], specs: Mapping[str, Any]) -> None:
    """Warn of an interpreter for what is no rival; a file of settings may name more than run."""
    known = {*rival_scripts(), *specs, *(_plain_name(name) for name in specs)}
    known |= {_plain_name(str(given["method"])) for given in specs.values() if "method" in given}
    for name in python_of:
        if name not in known:
            warnings.warn(
                f"python_of names {name!r}, which is no rival of this run."
                f"{did_you_mean(name, known)}",
                AugmentWarning,
                stacklevel=3,
            )


def _plain_name(name: str) -> str:
    """Name a rival by its script, without folder and ending."""
    return Path(name).stem if name.endswith(".py") else name


def _own_names() -> dict[str, Any]:
    """Short names of what runs in the worker itself."""
    return {**generator_names(), **_REFERENCES}


def _own(which: str, parameters: dict[str, Any]) -> Any:
    """Build a generator of ours."""
    if which not in _REFERENCES:
        return make_generator(which, **parameters)
    known = _REFERENCES[which]().get_params(deep=False)
    for key in parameters:
        if key not in known:
            raise InvalidInputError(
                f"{which} has no parameter {key!r}.{did_you_mean(key, known)} "
                f"It has {listed(sorted(known))}."
            )
    return _REFERENCES[which](**parameters)


def _kind(which: str) -> str:
    """Say what a generator of ours grows."""
    return "images" if which in _IMAGES else "table"


def _rival(
    name: str, which: str, parameters: dict[str, Any], python_of: dict[str, Any], timeout: float
) -> Rival:
    """Find the script of a rival."""
    scripts = rival_scripts()
    path = scripts.get(which, Path(which))
    if not (path.suffix == ".py" and path.is_file()):
        hint = did_you_mean(which, method_names())
        raise InvalidInputError(
            f"Unknown generator {which!r}.{hint} Known: {listed(method_names(), 30)}; or the path "
            "of a rival's script, ending in .py."
        )
    check_script(path)
    python = python_of.get(name, python_of.get(_plain_name(which)))
    return Rival(path, parameters, None if python is None else str(python), timeout)

"""Settings, tables and run directories: what a pipeline needs around its few lines of work.

Files are always written under a temporary name and renamed when they are whole, so a run that
fails leaves nothing half-written.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from augment._errors import InvalidInputError, did_you_mean, listed, or_note
from augment._run_directory import (
    RunDirectory,
    atomic_path,
    describe_environment,
    ensure_writable,
    to_json,
    to_plain,
)
from augment._settings import Settings, check_names, load_settings, parse_overrides
from augment._streams import draw_rows
from augment._tables import (
    check_table_ending,
    match_columns,
    read_table,
    split_table,
    write_table,
)

__all__ = [
    "RunDirectory",
    "Settings",
    "atomic_path",
    "check_names",
    "check_table_ending",
    "describe_environment",
    "describe_model",
    "draw_rows",
    "ensure_writable",
    "fit_together",
    "generator_names",
    "load_settings",
    "make_generator",
    "match_columns",
    "or_note",
    "parse_overrides",
    "read_table",
    "split_table",
    "to_json",
    "to_plain",
    "write_table",
]


def generator_names() -> dict[str, str]:
    """Map the short name of each generator (``tabular_vae``) to its class (``TabularVAE``)."""
    import augment

    return {_snake(name): name for name in sorted(augment._MODELS)}


def _snake(name: str) -> str:
    """Write ``TabularVAE`` as ``tabular_vae``."""
    breaks = (
        "_"
        if i and c.isupper() and (name[i - 1].islower() or name[i + 1 : i + 2].islower())
        else ""
        for i, c in enumerate(name)
    )
    return "".join(mark + c.lower() for mark, c in zip(breaks, name, strict=True))


def make_generator(name: str, **params: Any) -> Any:
    """Build a generator from its short name.

    Parameters
    ----------
    name : str
        One of :func:`generator_names`, such as ``"tabular_vae"``; the class's name works too.
    **params : object
        Its parameters. ``random_state`` and ``schema`` are left out for a class without them.

    Returns
    -------
    estimator
        An unfitted generator.

    Raises
    ------
    InvalidInputError
        If the name or a parameter is unknown.
    """
    import augment

    names = generator_names()
    class_name = names.get(name, name)
    if class_name not in names.values():
        check_names("generator", [name], names)
    cls = getattr(import_module(augment._MODELS[class_name]), class_name)
    known = set(cls().get_params(deep=False))
    given = {key: value for key, value in params.items() if key in known}
    for key in params.keys() - known - {"random_state", "schema"}:
        raise InvalidInputError(
            f"{class_name} has no parameter {key!r}.{did_you_mean(key, known)} "
            f"It has {listed(sorted(known), 30)}."
        )
    from sklearn.utils._param_validation import InvalidParameterError

    generator = cls(**given)
    try:
        generator._validate_params()
    except InvalidParameterError as error:  # its message names the parameter and its range
        raise InvalidInputError(str(error)) from error
    return generator


def fit_together(generator: Any, X: Any, y: Any, groups: Any) -> bool:
    """Fit in this process, or in all that ``torchrun`` started, each with a part of every batch.

    Parameters
    ----------
    generator : estimator
        An unfitted generator with an integer `random_state`.
    X, y, groups
        As for ``fit``.

    Returns
    -------
    bool
        Whether this process is the one that writes the model.
    """
    from augment.training.distributed import is_main_process, joined_processes

    with joined_processes():
        generator.fit(X, y, groups=groups)
        return is_main_process()


def describe_model(path: str | Path) -> dict[str, Any]:
    """Say what a model file holds; a model holds no row of its training table.

    Parameters
    ----------
    path : path
        A file that ``save`` wrote.

    Returns
    -------
    dict
        Short facts, in the order to show them.

    Raises
    ------
    ModelFileError
        If the file cannot be read.
    """
    import augment
    from augment.persistence import read_state

    stored = read_state(path)
    model = augment.load(path)
    facts: dict[str, Any] = {"class": stored.class_name}
    if hasattr(model, "schema_"):
        facts["columns"] = [f"{c.name} ({c.kind})" for c in model.schema_.columns]
    if hasattr(model, "classes_"):
        facts["labels"] = model.classes_.tolist()
    if hasattr(model, "n_steps_"):
        facts["steps"] = model.n_steps_
    spent = getattr(model, "privacy_", None)
    if spent:
        facts["differential privacy"] = (
            f"epsilon {spent['epsilon']:.4g}, delta {spent['delta']:.3g} ({spent['neighbours']})"
        )
    facts["parameters"] = stored.params
    facts["saved with"] = stored.versions
    return facts

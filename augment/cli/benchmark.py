"""The command that compares generators: ``benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from augment.cli._app import Folder, Set, app, run_pipeline
from augment.cli._keyboard import Stopped


@app.command(
    epilog="Example: augment benchmark --datasets breast_cancer --generators smote --out runs/b"
)
def benchmark(
    out: Folder,
    datasets: Annotated[
        list[str] | None,
        typer.Option(
            "--datasets",
            metavar="NAME",
            help="Such as breast_cancer, a table, a folder, an .npz or openml:ID; or several, "
            "separated by commas.",
        ),
    ] = None,
    generators: Annotated[
        list[str] | None,
        typer.Option(
            "--generators",
            metavar="NAME",
            help="Such as tabular_vae, or a rival's script; or several, separated by commas.",
        ),
    ] = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option("--sizes", metavar="N", help="Training rows, such as 50,100."),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option("--repeats", min=1, metavar="N", help="Splits of each data set and size."),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option("--backend", metavar="NAME", help="loky, threading, dask or ray."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="HOST:PORT", help="Of the cluster's scheduler."),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="YAML instead of the pipeline's own."),
    ] = None,
    set_: Set = None,
) -> None:
    """Compare generators on many data sets; goes on after a stop."""
    values: dict[str, Any] = {
        "datasets": _parts(datasets),
        "generators": {name: {} for name in _parts(generators) or ()} or None,
        "sizes": _parts(sizes),
        "repeats": repeats,
        "backend": backend,
        "address": address,
    }
    try:
        run_pipeline("benchmark", settings, set_ or (), out, **values)
    except KeyboardInterrupt as interrupt:
        raise Stopped(
            f"Cells that are done are kept in '{out}'; the same command goes on from there."
        ) from interrupt


def _parts(given: list[str] | None) -> list[str] | None:
    """Read ``a,b`` and repeated options alike."""
    parts = [part.strip() for text in given or () for part in text.split(",")]
    return [part for part in parts if part] if given else None

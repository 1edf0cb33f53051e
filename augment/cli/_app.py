"""The application, its one-line errors, and the options that commands share."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from augment._errors import AugmentError, AugmentWarning
from augment.cli._keyboard import workers_shielded

__all__ = [
    "Covariates",
    "Folder",
    "Generator",
    "Groups",
    "Ignore",
    "Plane",
    "Seed",
    "Set",
    "Size",
    "Table",
    "Target",
    "app",
    "pipeline_names",
    "run_pipeline",
]

# The base class of usage errors, wherever this version of typer keeps its click.
_USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[2])
_ORDER = ("demo", "evaluate", "fit", "sample", "detect", "benchmark", "run", "report", "info")
_STOPPED = 130  # what shells give for Ctrl-C
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class _OneLineErrors(TyperGroup):
    """A group of commands whose bad input ends in one line and exit code 2."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List the commands in the order in which a newcomer needs them."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: (*_ORDER, name).index(name))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; other exceptions than bad input keep their traceback."""
        kwargs["standalone_mode"] = False
        kept = "Nothing half-written is left."
        with warnings.catch_warnings(), workers_shielded():
            warnings.showwarning = _show_warning
            warnings.filterwarnings("ignore", message=".*have been cancelled", module="joblib")
            try:
                code = super().main(*args, **kwargs)
            except AugmentError as error:
                _fail(str(error))
            except _USAGE_ERROR as error:
                context = getattr(error, "ctx", None)
                name = context.command_path if context else "augment"
                message = error.format_message() if hasattr(error, "format_message") else str(error)
                _fail(f"{message.rstrip('.')}. See: {name} --help".replace("?.", "?"))
            except typer.Abort as stop:
                code, kept = _STOPPED, str(stop) or kept
            # Here all that an interrupt had stopped is let go of, and its workers are gone.
            if code == _STOPPED:
                _say(f"Stopped. {kept}")
            sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    """Say in one line what is wrong, and stop."""
    _say(f"Error: {message}")
    sys.exit(2)


def _say(message: str) -> None:
    """Write one line to the terminal."""
    typer.echo(" ".join(message.split()), err=True)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,  # noqa: ARG001 (the signature that Python calls)
    line: str | None = None,
) -> None:
    """Show our own warnings as notes, without a file name; others as Python does."""
    if issubclass(category, AugmentWarning):
        typer.echo(f"Note: {' '.join(str(message).split())}", err=True)
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
        typer.echo(text, err=True, nl=False)


app = typer.Typer(
    cls=_OneLineErrors,
    name="augment",
    help="Grow a small medical data set, learn honestly whether it helped, flag the strange.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text, which can be piped and pasted
)

Table = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        help="CSV, TSV or Parquet file with a row for each patient; or a folder of NIfTI volumes "
        "or pictures, or an .npz file.",
    ),
]
Target = Annotated[str, typer.Option("--target", metavar="COLUMN", help="The column to predict.")]
Groups = Annotated[
    str | None,
    typer.Option("--groups", metavar="COLUMN", help="Column that says which rows are one patient."),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="COLUMN", help="Column to leave out; may be repeated."),
]
Generator = Annotated[
    str,
    typer.Option(
        "--generator", metavar="NAME", help="Such as tabular_vae or tabular_gan; see augment info."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of everything random.")]
Covariates = Annotated[
    list[str] | None,
    typer.Option(
        "--covariate",
        metavar="COLUMN",
        help="Images: a condition besides the label, such as age.",
    ),
]
Plane = Annotated[
    str, typer.Option("--plane", metavar="NAME", help="Images: axial, coronal or sagittal.")
]
Size = Annotated[int, typer.Option("--size", min=16, metavar="N", help="Images: pixels a side.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting; may be given many times."),
]
Folder = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the results.")]


@app.callback()
def _start() -> None:
    """Give every process one thread: the commands use one process per core instead."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")


def run_pipeline(
    name: str, settings: Path | None, overrides: Sequence[str], out: Path, **values: Any
) -> None:
    """Load a pipeline and its settings, run it, and print its result."""
    import importlib

    from augment import workflow

    workflow.check_names("pipeline", [name], pipeline_names())
    module = importlib.import_module(f"augment.pipelines.{name}")
    path = settings or Path(str(module.__file__)).with_suffix(".yaml")
    loaded = workflow.load_settings(module.Settings, path, overrides=overrides, **values)
    typer.echo(_folded(str(module.run(loaded, out))))


def _folded(text: str) -> str:
    """Break long sentences at the width of the terminal; tables and paths stay as they are."""
    import shutil
    import textwrap

    width = min(max(shutil.get_terminal_size((88, 24)).columns, 60), 100)
    lines = []
    for line in text.splitlines():
        if len(line) <= width or "   " in line or line.startswith("Report: "):
            lines.append(line)
        else:
            fold = textwrap.wrap(
                line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
            lines.extend(fold)
    return "\n".join(lines)


def pipeline_names() -> list[str]:
    """List the pipelines that are installed."""
    import pkgutil

    import augment.pipelines

    names = [module.name for module in pkgutil.iter_modules(augment.pipelines.__path__)]
    return sorted(name for name in names if not name.startswith("_"))

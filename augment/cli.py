"""The ``augment`` command: from a table to an honest verdict without writing code.

Everything heavy is imported inside the commands, so that ``augment --help`` is instant.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from augment._errors import AugmentError, AugmentWarning, InvalidInputError, did_you_mean, listed

__all__ = ["app", "main"]

# The base class of usage errors, wherever this version of typer keeps its click.
_USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[2])
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_CHUNK = 100_000


class _OneLineErrors(TyperGroup):
    """A group of commands whose bad input ends in one line and exit code 2."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; other exceptions than bad input keep their traceback."""
        kwargs["standalone_mode"] = False
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                code = super().main(*args, **kwargs)
        except AugmentError as error:
            _fail(str(error))
        except _USAGE_ERROR as error:
            context = getattr(error, "ctx", None)
            name = context.command_path if context else "augment"
            message = error.format_message() if hasattr(error, "format_message") else str(error)
            _fail(f"{message.rstrip('.')}. See: {name} --help".replace("?.", "?"))
        except typer.Abort:
            sys.exit(130)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    """Say in one line what is wrong, and stop."""
    typer.echo(f"Error: {' '.join(message.split())}", err=True)
    sys.exit(2)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,  # noqa: ARG001 - the signature that Python calls
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
    help="Grow a small medical table with a VAE or a GAN, and learn honestly whether it helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Table = Annotated[
    Path, typer.Argument(help="CSV, TSV or Parquet file with a row for each patient.")
]
Target = Annotated[str, typer.Option("--target", help="The column to predict.")]
Groups = Annotated[
    str | None, typer.Option("--groups", help="Column that says which rows are one patient.")
]
Generator = Annotated[
    str, typer.Option("--generator", help="Such as tabular_vae or tabular_gan; see augment info.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting; may be given many times."),
]
Folder = Annotated[Path, typer.Option("--out", help="Folder for the results.")]


@app.callback()
def _start() -> None:
    """Give every process one thread: the commands use one process per core instead."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")


@app.command()
def demo(out: Folder = Path("augment-demo")) -> None:
    """Grow 120 patients of a table that comes along, and say whether it helped."""
    _run_pipeline("demo", None, (), out)


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="Such as tabular_augmentation.")],
    out: Folder,
    set_: Set = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file instead of the pipeline's own.")
    ] = None,
) -> None:
    """Run a pipeline with the settings of its YAML file and --set NAME=VALUE."""
    _run_pipeline(pipeline, settings, set_ or (), out)


def _run_pipeline(
    name: str, settings: Path | None, overrides: Sequence[str], out: Path, **values: Any
) -> None:
    """Load a pipeline and its settings, run it, and print its result."""
    import importlib

    from augment import workflow

    workflow.check_names("pipeline", [name], _pipelines())
    module = importlib.import_module(f"augment.pipelines.{name}")
    path = settings or Path(str(module.__file__)).with_suffix(".yaml")
    loaded = workflow.load_settings(module.Settings, path, overrides=overrides, **values)
    typer.echo(str(module.run(loaded, out)))


def _pipelines() -> list[str]:
    """List the pipelines that are installed."""
    import pkgutil

    import augment.pipelines

    return sorted(module.name for module in pkgutil.iter_modules(augment.pipelines.__path__))


@app.command()
def evaluate(
    table: Table,
    target: Target,
    out: Folder,
    groups: Groups = None,
    test: Annotated[
        Path | None, typer.Option("--test", help="A second table, such as another hospital's.")
    ] = None,
    generator: Annotated[
        list[str] | None,
        typer.Option("--generator", help="Default tabular_vae; may be given many times."),
    ] = None,
    splits: Annotated[int, typer.Option("--splits", min=2, help="Folds.")] = 5,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Cross-validations.")] = 6,
    seed: Seed = 0,
    set_: Set = None,
) -> None:
    """Say whether synthetic rows help on this table: verdicts and a report."""
    _run_pipeline(
        "tabular_augmentation",
        None,
        set_ or (),
        out,
        table=table,
        target=target,
        groups=groups,
        test=test,
        generators={name: {} for name in generator} if generator else None,
        n_splits=splits,
        n_repeats=repeats,
        random_state=seed,
    )


@app.command()
def fit(
    table: Table,
    out: Annotated[Path, typer.Option("--out", help="Model file, ending in .safetensors.")],
    target: Annotated[
        str | None, typer.Option("--target", help="The label to condition on, if any.")
    ] = None,
    groups: Groups = None,
    generator: Generator = "tabular_vae",
    seed: Seed = 0,
    set_: Set = None,
) -> None:
    """Fit a generator on all rows and save it."""
    from augment import workflow

    if out.suffix != ".safetensors":
        raise InvalidInputError(f"Expected --out to end in .safetensors; found '{out.name}'.")
    workflow.ensure_writable(out)
    rows = workflow.read_table(table)
    X, y, patients = workflow.split_table(rows, target, groups)
    parameters = workflow.parse_overrides(set_ or ())
    model = workflow.make_generator(generator, **{"random_state": seed, **parameters})
    model.fit(X, y, groups=patients)
    model.save(out)
    given = f" given {target!r}" if target else ""
    typer.echo(f"Fitted {type(model).__name__} on {len(X)} rows of {X.shape[1]} columns{given}.")
    typer.echo(f"Model: {out}")
    typer.echo(f"Next:  augment sample {out} -n 500 --out synthetic.csv")


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(help="Model file from augment fit.")],
    out: Annotated[Path, typer.Option("--out", help="CSV, TSV or Parquet file.")],
    n: Annotated[int | None, typer.Option("--n", "-n", help="Number of rows.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="Label of all rows; or LABEL=COUNT, many times, without -n."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Repeats the same rows; fresh if absent.")
    ] = None,
    mark: Annotated[
        bool, typer.Option("--mark/--no-mark", help="Write a column 'synthetic' with True.")
    ] = True,
) -> None:
    """Draw synthetic rows from a fitted generator, marked as synthetic."""
    import augment
    from augment import workflow

    workflow.check_table_ending(out)
    workflow.ensure_writable(out)
    generator = augment.load(model)
    y = _labels(label or [], getattr(generator, "classes_", None))
    if n is None and not isinstance(y, dict):
        raise InvalidInputError("Expected a number of rows; found none. Add -n 500.")
    with workflow.atomic_path(out) as partial:
        workflow.write_table(workflow.draw_rows(generator, n, y, seed, _CHUNK), partial, mark=mark)
    typer.echo(f"Synthetic rows: {out}")


def _labels(texts: Sequence[str], classes: Any) -> Any:
    """Read labels as the type that the model knows: one label, counts, or None."""
    if not texts:
        return None
    if classes is None:
        raise InvalidInputError(
            "This model was fitted without labels, so --label means nothing. Leave it out."
        )
    known = {str(value): value for value in classes.tolist()}
    if len(texts) == 1 and (texts[0] in known or "=" not in texts[0]):
        return _known_label(texts[0], known)
    counts = {}
    for text in texts:
        name, _, count = text.rpartition("=")
        if not count.isdecimal():
            raise InvalidInputError(
                f"Expected --label LABEL=COUNT; found {text!r}. Write for example "
                f"--label {next(iter(known))}=50."
            )
        counts[_known_label(name, known)] = int(count)
    return counts


def _known_label(text: str, known: dict[str, Any]) -> Any:
    """Look a label up."""
    if text not in known:
        hint = did_you_mean(text, known)
        raise InvalidInputError(f"Unknown label {text!r}.{hint} The model knows {listed(known)}.")
    return known[text]


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="Folder of an earlier run.")],
) -> None:
    """Render the report of an earlier run again."""
    import json

    from augment import workflow
    from augment.report import render_report

    source = run_dir / "report.json"
    if not source.is_file():
        raise InvalidInputError(
            f"Expected 'report.json' in '{run_dir}'; found none. Give the folder of a run."
        )
    try:
        summary = json.loads(source.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidInputError(f"'{source}' is damaged ({error}). Run the study again.") from error
    html = render_report(summary)
    with workflow.atomic_path(run_dir / "report.html") as partial:
        partial.write_text(html, encoding="utf-8")
    typer.echo(f"Report: {run_dir / 'report.html'}")


@app.command()
def info(
    model: Annotated[Path | None, typer.Argument(help="A model file; optional.")] = None,
) -> None:
    """Show versions, generators and pipelines; or what a model file holds."""
    from augment import workflow

    facts = workflow.describe_model(model) if model else workflow.describe_environment()
    if not model:
        facts["generators"] = list(workflow.generator_names())
        facts["pipelines"] = _pipelines()
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {_one_line(value)}")


def _one_line(value: Any) -> str:
    """Write a fact in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def main() -> None:
    """Run the command."""
    app()

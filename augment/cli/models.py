"""Commands around one model: ``fit``, ``sample``, ``info``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from augment._errors import InvalidInputError, did_you_mean, listed
from augment.cli._app import (
    Covariates,
    Groups,
    Ignore,
    Plane,
    Seed,
    Set,
    Size,
    Table,
    app,
    pipeline_names,
)
from augment.cli._images import fit_images, holds_images, sample_images

_CHUNK = 65_536  # rows in memory at a time, for each process


@app.command(epilog="Example: augment fit heart.csv --target diagnosis --out heart.safetensors")
def fit(
    table: Table,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Model, ending in .safetensors.")
    ],
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="COLUMN", help="The label, or other condition, if any."),
    ] = None,
    groups: Groups = None,
    ignore: Ignore = None,
    generator: Annotated[
        str | None,
        typer.Option(
            "--generator",
            metavar="NAME",
            help="Default tabular_vae, or image_vae; see augment info.",
        ),
    ] = None,
    covariate: Covariates = None,
    plane: Plane = "axial",
    size: Size = 64,
    seed: Seed = 0,
    set_: Set = None,
) -> None:
    """Fit a generator on all rows or slices, and save it."""
    from augment import workflow

    if out.suffix != ".safetensors":
        raise InvalidInputError(f"Expected --out to end in .safetensors; found '{out.name}'.")
    workflow.ensure_writable(out)
    name = generator or ("image_vae" if holds_images(table) else "tabular_vae")
    parameters = workflow.parse_overrides(set_ or ())
    if "columns" in parameters:  # what studies of a table call the kinds of its columns
        parameters["schema"] = parameters.pop("columns")
    model = workflow.make_generator(name, **{"random_state": seed, **parameters})
    images = holds_images(table)
    _check_kind(type(model).__name__, images, table)
    if images and ignore:
        raise InvalidInputError("--ignore leaves out columns of a table; images have none.")
    if images:
        fit_images(
            table,
            out,
            model,
            target=target,
            groups=groups,
            covariates=covariate or (),
            plane=plane,
            size=size,
        )
        return
    rows = workflow.read_table(table)
    X, y, patients = workflow.split_table(rows, target, groups, ignore=ignore or ())
    if not workflow.fit_together(model, X, y, patients):
        return
    model.save(out)
    given = f" given {target!r}" if target else ""
    typer.echo(f"Fitted {type(model).__name__} on {len(X)} rows of {X.shape[1]} columns{given}.")
    typer.echo(f"Model: {out}")
    typer.echo(f"Next:  augment sample {shlex.quote(str(out))} -n 500 --out synthetic.csv")


@app.command(epilog="Example: augment sample heart.safetensors -n 500 --out synthetic.csv")
def sample(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="File from augment fit.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="CSV, TSV or Parquet file; for images a folder or .npz file.",
        ),
    ],
    n: Annotated[int | None, typer.Option("--n", "-n", metavar="N", help="Rows or slices.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="LABEL",
            help="Of all rows; or LABEL=COUNT, many times, without -n. A number, if the target is.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, metavar="N", help="Repeats the same rows; fresh if absent."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", metavar="N", help="Processes; -1 is one per core. The rows are the same."
        ),
    ] = -1,
    mark: Annotated[
        bool, typer.Option("--mark/--no-mark", help="Write a column 'synthetic' with True.")
    ] = True,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="Images: nifti, png or npz.")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            "--like",
            metavar="FOLDER",
            help="Images: real ones, to place the slices where those lie.",
        ),
    ] = None,
    plane: Plane = "axial",
) -> None:
    """Draw rows or slices from a fitted generator, marked as such."""
    import augment
    from augment import workflow

    if out.suffix not in ("", ".npz"):
        workflow.check_table_ending(out)
        workflow.ensure_writable(out)
    generator = augment.load(model)
    y = _labels(label or [], generator)
    if n is None and not isinstance(y, dict | list):
        raise InvalidInputError("Expected a number of rows; found none. Add -n 500.")
    if hasattr(generator, "image_shape_"):
        sample_images(
            generator, n, y, seed, out, mark=mark, format_=format_, like=like, plane=plane
        )
        return
    workflow.check_table_ending(out)
    with workflow.atomic_path(out) as partial:
        pieces = workflow.draw_rows(generator, n, y, seed, _CHUNK, jobs)
        workflow.write_table(pieces, partial, mark=mark)
    typer.echo(f"Synthetic rows: {out}")


def _check_kind(name: str, images: bool, source: Path) -> None:
    """Refuse a generator of tables for images, and one of images for a table."""
    if name.startswith("Image") == images:
        return
    holds, known = ("images", "image_vae") if images else ("a table", "tabular_vae")
    raise InvalidInputError(
        f"{name} cannot learn from {holds}, which '{source}' holds. "
        f"Use for example --generator {known}."
    )


def _labels(texts: Sequence[str], generator: Any) -> Any:
    """Read what is asked for as the model knows it: one label or number, several, or None."""
    if not texts:
        return None
    conditions = getattr(generator, "conditions_", None)
    kind = getattr(conditions, "kind", "none")
    if conditions is None or kind == "none":
        raise InvalidInputError(
            "This model was fitted without labels, so --label means nothing. Leave it out."
        )
    if kind == "frame":
        raise InvalidInputError(
            f"This model was fitted with several conditions, {listed(conditions.schema.names)}, "
            "and --label names one only. Leave it out, or ask in Python with a table of these "
            "columns: augment.load(MODEL).sample(y=TABLE)."
        )
    if kind == "target":
        return _amounts(texts, conditions.schema.columns[0])
    known = {str(value): value for value in generator.classes_.tolist()}
    if len(texts) == 1 and (texts[0] in known or "=" not in texts[0]):
        return _known_label(texts[0], known)
    pairs = _counts(texts, f"{next(iter(known))}=50")
    return {_known_label(name, known): count for name, count in pairs}


def _counts(texts: Sequence[str], example: str) -> list[tuple[str, int]]:
    """Read LABEL=COUNT."""
    pairs = []
    for text in texts:
        name, _, count = text.rpartition("=")
        if not count.isdecimal():
            raise InvalidInputError(
                f"Expected --label LABEL=COUNT; found {text!r}. Write for example "
                f"--label {example}."
            )
        pairs.append((name, int(count)))
    return pairs


def _amounts(texts: Sequence[str], target: Any) -> float | list[float]:
    """Read values of a continuous target: one for all rows, or one for each row."""
    if target.kind != "numeric":
        raise InvalidInputError(
            "The target of this model is a date, which --label cannot name. Leave it out, or ask "
            "in Python: augment.load(MODEL).sample(500, y=pandas.Timestamp(...))."
        )
    lower, upper = target.limits
    middle = f"{(lower + upper) / 2:.3g}"
    if len(texts) == 1 and "=" not in texts[0]:
        return _amount(texts[0], target)
    pairs = _counts(texts, f"{middle}=50")
    return [_amount(text, target) for text, count in pairs for _ in range(count)]


def _amount(text: str, target: Any) -> float:
    """Read a value of a continuous target."""
    try:
        return float(text)
    except ValueError as error:
        lower, upper = target.limits
        raise InvalidInputError(
            f"The target of this model is a number, from {lower:.6g} to {upper:.6g}; found --label "
            f"{text}. Write for example -n 500 --label {(lower + upper) / 2:.3g}: all rows are "
            "then drawn for that value."
        ) from error


def _known_label(text: str, known: dict[str, Any]) -> Any:
    """Look a label up."""
    if text not in known:
        hint = did_you_mean(text, known)
        raise InvalidInputError(f"Unknown label {text!r}.{hint} The model knows {listed(known)}.")
    return known[text]


@app.command()
def info(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A model file; optional.")
    ] = None,
) -> None:
    """Show versions and generators, or what a model file holds."""
    from augment import workflow

    facts = workflow.describe_model(model) if model else workflow.describe_environment()
    if not model:
        facts["generators"] = list(workflow.generator_names())
        facts["pipelines"] = pipeline_names()
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

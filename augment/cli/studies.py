"""Commands that run a study: ``demo``, ``run``, ``evaluate``; and ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from augment._errors import InvalidInputError
from augment.cli._app import Folder, Groups, Ignore, Seed, Set, Table, app, run_pipeline
from augment.cli._images import holds_images


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="By default augment-demo, augment-demo-mri or augment-demo-anomaly.",
        ),
    ] = None,
    mri: Annotated[
        bool, typer.Option("--mri", help="Grow slices of phantom heads instead of a table.")
    ] = False,
    anomaly: Annotated[
        bool, typer.Option("--anomaly", help="Flag patients that do not look like normal ones.")
    ] = False,
) -> None:
    """Grow a table that comes along, and say whether it helped."""
    if mri and anomaly:
        raise InvalidInputError("Choose one of --mri and --anomaly; both were given.")
    name = "demo_mri" if mri else "demo_anomaly" if anomaly else "demo"
    # each has a folder of its own, so that one demo leaves the pages of the others alone
    run_pipeline(name, None, (), out or Path(f"augment-{name}".replace("_", "-")))


@app.command(epilog="Example: augment run benchmark --set repeats=2 --out runs/benchmark")
def run(
    pipeline: Annotated[str, typer.Argument(metavar="NAME", help="Such as tabular_augmentation.")],
    out: Folder,
    set_: Set = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="YAML instead of the pipeline's own."),
    ] = None,
) -> None:
    """Run a pipeline, with its YAML file and --set NAME=VALUE."""
    run_pipeline(pipeline, settings, set_ or (), out)


@app.command(epilog="Example: augment evaluate heart.csv --target diagnosis --out runs/heart")
def evaluate(
    table: Table,
    out: Folder,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="COLUMN",
            help="The column to predict; images: the column of labels.",
        ),
    ] = None,
    groups: Groups = None,
    ignore: Ignore = None,
    test: Annotated[
        Path | None,
        typer.Option("--test", metavar="TABLE", help="A second one, as from another hospital."),
    ] = None,
    generator: Annotated[
        list[str] | None,
        typer.Option(
            "--generator",
            metavar="NAME",
            help="Default tabular_vae (images: image_vae); may be repeated.",
        ),
    ] = None,
    splits: Annotated[int, typer.Option("--splits", min=2, metavar="N", help="Folds.")] = 5,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, metavar="N", help="Cross-validations.")
    ] = 6,
    seed: Seed = 0,
    set_: Set = None,
) -> None:
    """Say whether synthetic rows or slices help; write a report."""
    generators: dict[str, dict[str, Any]] | None = None
    if generator:
        generators = {name: {} for name in generator}
    if holds_images(table):
        if test is not None:
            raise InvalidInputError(
                "--test takes a second table; of images, other subjects are held out anyway."
            )
        if ignore:
            raise InvalidInputError("--ignore leaves out columns of a table; images have none.")
        run_pipeline(
            "mri_augmentation",
            None,
            [f"lift_study.n_splits={splits}", f"lift_study.n_repeats={repeats}", *(set_ or ())],
            out,
            images=table,
            label_column=target,
            group_column=groups,
            generators=generators,
            random_state=seed,
        )
        return
    if target is None:
        raise InvalidInputError(
            "Expected the column to predict; found nothing. Add --target NAME. "
            "See: augment evaluate --help"
        )
    run_pipeline(
        "tabular_augmentation",
        None,
        set_ or (),
        out,
        table=table,
        target=target,
        groups=groups,
        ignore=tuple(ignore) if ignore else None,
        test=test,
        generators=generators,
        n_splits=splits,
        n_repeats=repeats,
        random_state=seed,
    )


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of an earlier run.")],
) -> None:
    """Render the report of an earlier run again."""
    import json

    from augment import workflow
    from augment.report import render_report
    from augment.report.detection import render_detection

    source = run_dir / "report.json"
    if not source.is_file():
        raise InvalidInputError(
            f"Expected 'report.json' in '{run_dir}'; found none. Give the folder of a run."
        )
    try:
        summary = json.loads(source.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidInputError(f"'{source}' is damaged ({error}). Run the study again.") from error
    is_detection = summary.get("kind") == "detection"
    html = (render_detection if is_detection else render_report)(summary)
    with workflow.atomic_path(run_dir / "report.html") as partial:
        partial.write_text(html, encoding="utf-8")
    typer.echo(f"Report: {run_dir / 'report.html'}")

"""The command that flags what does not belong: ``detect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from augment.cli._app import Folder, Groups, Ignore, Seed, Set, app, run_pipeline
from augment.cli._images import holds_images


@app.command(epilog="Example: augment detect healthy.csv new.csv --out runs/detect")
def detect(
    train: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIN", help="Normal rows: a table, or a folder or archive of slices."
        ),
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="What to look at: of the same kind.")],
    out: Folder,
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="COLUMN", help="Column that says what a row is."),
    ] = None,
    normal: Annotated[
        str | None,
        typer.Option(
            "--normal", metavar="LABEL", help="Label of normal rows; only they are learned."
        ),
    ] = None,
    groups: Groups = None,
    ignore: Ignore = None,
    generator: Annotated[
        str,
        typer.Option(
            "--generator", metavar="NAME", help="Such as tabular_vae, tabular_gan, image_vae."
        ),
    ] = "auto",
    rate: Annotated[
        float,
        typer.Option(
            "--rate", min=0.0, max=1.0, metavar="SHARE", help="Share of normal rows to flag."
        ),
    ] = 0.1,
    trim: Annotated[
        float,
        typer.Option(
            "--trim", min=0.0, max=0.5, metavar="SHARE", help="Share of TRAIN that is abnormal."
        ),
    ] = 0.0,
    seed: Seed = 0,
    set_: Set = None,
) -> None:
    """Flag rows or slices unlike those of TRAIN, and say why."""
    for place in (train, new):
        holds_images(place)  # says what may stand there, if nothing does
    run_pipeline(
        "anomaly_detection",
        None,
        set_ or (),
        out,
        train=train,
        new=new,
        label=label,
        normal=normal,
        groups=groups,
        ignore=tuple(ignore) if ignore else None,
        generator=generator,
        false_positive_rate=rate,
        trim=trim,
        random_state=seed,
    )

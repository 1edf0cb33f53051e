"""What the commands do when they are given images instead of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from augment._errors import InvalidInputError

__all__ = ["fit_images", "holds_images", "sample_images"]


def holds_images(path: Path) -> bool:
    """Tell whether a path is a folder of images or an archive of them, and no table.

    Raises
    ------
    InvalidInputError
        If there is nothing at the path.
    """
    if not path.exists() and path.suffix in ("", ".npz"):
        raise InvalidInputError(
            f"Expected a table, a folder of images or an .npz file at '{path}'; found nothing. "
            "Check the path."
        )
    return path.is_dir() or path.suffix == ".npz"


def fit_images(
    path: Path,
    out: Path,
    model: Any,
    *,
    target: str | None,
    groups: str | None,
    covariates: Sequence[str],
    plane: str,
    size: int,
) -> None:
    """Fit a generator of images on all slices, and save it."""
    from augment.data import load_slices

    slices = load_slices(
        path,
        label_column=target or "auto",
        group_column=groups or "auto",
        covariates=[name for name in covariates if name != "slice_position"],
        plane=plane,
        size=size,
    )
    model.fit(slices.images, slices.given(covariates), groups=slices.groups)
    model.save(out)
    typer.echo(f"Fitted {type(model).__name__} on {slices}.")
    typer.echo(f"Model: {out}")
    typer.echo(f"Next:  augment sample {out} -n 50 --out synthetic")


def sample_images(
    model: Any,
    n: int | None,
    y: Any,
    seed: int | None,
    out: Path,
    *,
    mark: bool,
    format_: str | None,
    like: Path | None,
    plane: str,
) -> None:
    """Draw slices, and write them marked as synthetic."""
    from augment.data import load_slices, save_slices

    if out.suffix in (".csv", ".tsv", ".txt", ".parquet"):
        raise InvalidInputError(
            f"This is a model of images, which '{out.name}' cannot hold. Give --out a new folder, "
            "or a name that ends in .npz."
        )
    if not mark:
        raise InvalidInputError(
            "Synthetic slices are always marked: nothing else tells them from a patient's. "
            "Leave --no-mark out."
        )
    size = tuple(model.image_shape_[1:])
    there = None if like is None else load_slices(like, plane=plane, size=size)
    count = {} if n is None else {"n_samples": n}
    images, labels = model.sample(**count, y=y, random_state=seed)
    index = save_slices(images, out, y=labels, like=there, format=format_)
    typer.echo(f"Synthetic slices: {out} ({len(index)} of {size[0]}x{size[1]} pixels)")

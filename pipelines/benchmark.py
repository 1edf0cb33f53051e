"""Compare generators, and their rivals, on many data sets.

Run it with ``augment benchmark --datasets FOLDER --out DIR``. Killed at any moment, the same
command goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

import augment
from augment import benchmarking, workflow


class Part(workflow.Settings):
    """The part of the cells that a slower generator runs on.

    Attributes
    ----------
    datasets : tuple of str
        Names of data sets; all if empty.
    sizes : tuple of int
        All if empty.
    repeats : int, optional
        The first so many.
    """

    datasets: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    repeats: int | None = Field(None, ge=1)


class Settings(workflow.Settings):
    """What to compare, on what, and where it runs.

    Attributes
    ----------
    datasets : tuple of str
        Table files, folders of tables, MedMNIST ``.npz`` files, folders of images or volumes,
        ``breast_cancer``, ``iris``, ``wine``, ``openml:ID``.
    target : str
        The column to predict in every table.
    groups : str, optional
        Column that says which rows are one patient, in tables that have it.
    generators : dict
        Name to parameters. With ``method: NAME`` among them, the key is free.
    sizes : tuple of int
        Training rows, at least 10. A size runs where a data set has 1.3 times as many.
    repeats : int
        Splits of each data set and size.
    limits : dict
        Generators that run on a part of the cells alone: ``datasets``, ``sizes``, ``repeats``.
    estimators : tuple of str
        Which of the default classifiers of tables and of images to use; all if empty.
    ratio : float or "auto"
        Synthetic rows per training row; "auto" is 5, and at least 500 rows.
    python_of : dict
        Rival to the Python interpreter of the environment that has it.
    timeout : float
        Seconds that a rival may take for a cell.
    skip_missing : bool
        Leave out rivals that are not installed, instead of refusing to start.
    format : {"csv", "parquet"}
        Of the tidy tables.
    random_state : int
        Seed of everything.
    backend : str
        ``loky`` (processes), ``threading``, ``dask`` or ``ray``.
    address : str, optional
        Of the cluster's scheduler.
    n_jobs : int
        Workers; -1 is one per core.
    progress : bool
        Show a progress bar.
    """

    datasets: tuple[str, ...] = Field(("breast_cancer", "iris", "wine"), min_length=1)
    target: str = "target"
    groups: str | None = None
    generators: dict[str, dict[str, Any]] = Field(
        {"bootstrap": {}, "smote": {}, "gaussian_copula": {}, "tabular_vae": {}, "tabular_gan": {}},
        min_length=1,
    )
    sizes: tuple[Annotated[int, Field(ge=10)], ...] = Field((50, 100, 200), min_length=1)
    repeats: int = Field(10, ge=1)
    limits: dict[str, Part] = Field(default_factory=dict)
    estimators: tuple[str, ...] = ()
    ratio: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    python_of: dict[str, str] = Field(default_factory=dict)
    timeout: float = Field(1800, gt=0)
    skip_missing: bool = False
    format: Literal["csv", "parquet"] = "csv"
    random_state: int = Field(0, ge=0)
    backend: str = "loky"
    address: str | None = None
    n_jobs: int = -1
    progress: bool = True


# These say which cells run and where, and change none.
_FREE = ("sizes", "repeats", "limits", "python_of", "timeout", "skip_missing", "format", "backend")
_FREE += ("address", "n_jobs", "progress")


@dataclass(frozen=True)
class Result:
    """The leaderboard, and where everything is.

    Attributes
    ----------
    leaderboard : dict
        Panels, failures and notes, as JSON values.
    n_run : int
        Cells run now; the others were there.
    path : Path
        The folder.
    """

    leaderboard: dict[str, Any]
    n_run: int
    path: Path

    def __str__(self) -> str:
        """Write the leaderboard for a terminal."""
        text = benchmarking.text_leaderboard(self.leaderboard)
        tables = f"Tables for a paper: {self.path / 'leaderboard.md'}"
        return (
            f"{text}\n\nCells run now: {self.n_run}\n{tables}\nReport: {self.path / 'report.html'}"
        )


def run(settings: Settings, out: str | Path) -> Result:
    """Run every cell that is not done, and write the leaderboard.

    Parameters
    ----------
    settings : Settings
        What to compare.
    out : path
        The folder for the results. Cells that it holds are kept; data sets, generators, sizes and
        repeats may be added.

    Returns
    -------
    Result

    Raises
    ------
    AugmentError
        If a data set, a generator or a setting cannot be used, or the folder was begun with other
        settings.
    """
    benchmarking.check_backend(settings.backend, settings.address, settings.n_jobs)
    grid, missing = _grid(settings)
    described = {name: data.describe() for name, data in grid.datasets.items()}
    scripts = benchmarking.script_fingerprints(grid.methods)
    store = benchmarking.CellStore(out, _plan(settings, described, scripts))
    where = {"backend": settings.backend, "address": settings.address, "n_jobs": settings.n_jobs}
    n_run = grid.run(store, **where, progress=settings.progress)
    scores, cells = store.gather(cell.key for cell in grid.cells())
    board = benchmarking.build_leaderboard(grid, scores, cells, missing)
    with workflow.RunDirectory(out, keeps=[benchmarking.CellStore.RECORD]) as directory:
        directory.write_settings(settings)
        environment = directory.write_environment(seconds=_cell_seconds(cells))
        _write_tables(directory, settings.format, scores, cells)
        directory.write_json("leaderboard.json", board)
        directory.write_json("metrics.json", _metrics(board, environment))
        directory.write_text("leaderboard.md", benchmarking.markdown_leaderboard(board))
        page = benchmarking.render_leaderboard(
            board, settings=_shown(settings), environment=environment, datasets=described
        )
        directory.write_text("report.html", page)
    return Result(board, n_run, Path(out))


def _grid(settings: Settings) -> tuple[benchmarking.Grid, list[str]]:
    """Load what is compared; give rivals that are not installed, too."""
    methods, missing = benchmarking.build_methods(
        settings.generators,
        python_of=settings.python_of,
        timeout=settings.timeout,
        skip_missing=settings.skip_missing,
    )
    grid = benchmarking.Grid(
        datasets=benchmarking.load_datasets(
            settings.datasets, target=settings.target, groups=settings.groups
        ),
        methods=methods,
        sizes=settings.sizes,
        repeats=settings.repeats,
        limits={
            name: benchmarking.Limit(part.datasets, part.sizes, part.repeats)
            for name, part in settings.limits.items()
            if name not in missing
        },
        estimators=_estimators(settings.estimators),
        ratio=settings.ratio,
        seed=settings.random_state,
    )
    grid.check()
    return grid, missing


def _estimators(wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give the classifiers of tables and of images; all of a kind if none of it is wanted."""
    known = {
        "table": augment.evaluation.default_estimators(),
        "images": augment.evaluation.image_estimators(),
    }
    names = dict.fromkeys(name for own in known.values() for name in own)
    workflow.check_names("classifier", wanted, names)
    return {
        kind: {name: own[name] for name in own if name in wanted} or own
        for kind, own in known.items()
    }


def _plan(
    settings: Settings, described: Mapping[str, Any], scripts: Mapping[str, str]
) -> dict[str, Any]:
    """Gather all that the cells depend on: what a folder may not mix."""
    given = settings.model_dump(mode="json", exclude={*_FREE, "datasets"})
    return {
        **given,
        **({"scripts": scripts} if scripts else {}),
        "datasets": {name: facts["fingerprint"] for name, facts in described.items()},
        "augment": augment.__version__,
    }


def _write_tables(
    directory: workflow.RunDirectory, ending: str, scores: pd.DataFrame, cells: pd.DataFrame
) -> None:
    """Write the tidy tables."""
    metrics = list(scores["metric"].dropna().unique())
    judged = [benchmarking.cell_lifts(scores, cells, metric) for metric in metrics]
    lifts = pd.concat(judged) if judged else pd.DataFrame()
    for name, frame in {"scores": scores, "cells": cells, "lifts": lifts}.items():
        if ending == "parquet":
            frame.to_parquet(directory.file(f"{name}.parquet"), index=False)
        else:
            directory.write_frame(f"{name}.csv", frame)


def _cell_seconds(cells: pd.DataFrame) -> float:
    """Add up what all cells took, whenever and wherever they ran."""
    spent = cells[["fit_seconds", "sample_seconds", "score_seconds"]].astype(float)
    return float(spent.to_numpy(na_value=0.0).sum())


def _metrics(board: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """Give the figures that matter, for machines."""
    return {
        "augment": environment["augment"],
        "panels": [
            {key: panel[key] for key in ("title", "kind", "n_datasets", "n_splits", "rows")}
            for panel in board["panels"]
        ],
        "failed_cells": sum(failure["cells"] for failure in board["failures"]),
        "notes": board["notes"],
    }


def _shown(settings: Settings) -> dict[str, Any]:
    """Give the settings for the page: names of data sets, and no path of this machine."""
    shown: dict[str, Any] = settings.model_dump(
        mode="json", exclude_defaults=True, exclude={"python_of"}
    )
    shown["datasets"] = [Path(source).name for source in settings.datasets]
    shown["generators"] = {Path(name).name: given for name, given in settings.generators.items()}
    if settings.limits:
        shown["limits"] = {Path(name).name: _words(part) for name, part in settings.limits.items()}
    return shown


def _words(part: Part) -> str:
    """Write the part of the cells that a generator runs on."""
    sizes = [f"n = {size}" for size in part.sizes]
    repeats = [] if part.repeats is None else [f"{part.repeats} repeats"]
    return ", ".join([*part.datasets, *sizes, *repeats]) or "all cells"


def main(out: str | Path, *overrides: str) -> Result:
    """Run with the settings in the YAML file beside this one and ``name=value`` overrides."""
    defaults = Path(__file__).with_suffix(".yaml")
    return run(workflow.load_settings(Settings, defaults, overrides=overrides), out)

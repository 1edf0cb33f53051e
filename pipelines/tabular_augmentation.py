"""Grow a clinical table, and learn whether that helped.

Run it with ``augment evaluate TABLE --target NAME --out DIR``, or with
``augment run tabular_augmentation --set table=FILE --set target=NAME --out DIR``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

import augment
from augment import report, workflow


class Settings(workflow.Settings):
    """What to study, and how thoroughly.

    Attributes
    ----------
    table : Path
        CSV, TSV or Parquet file: a row for each patient.
    target : str
        The column to predict.
    groups : str, optional
        A column that says which rows belong to one patient.
    test : Path, optional
        A second table with the same columns, such as another hospital's.
    generators : dict
        Short name of each generator to study, with its parameters.
    columns : dict
        Corrections of the column kinds that were inferred, such as ``{stage: categorical}``.
    estimators : tuple of str
        Which of the default classifiers to use; all if empty.
    n_splits, n_repeats : int
        Folds, and how often the cross-validation is repeated with other folds.
    n_synthetic : int, optional
        Rows in ``synthetic.csv``; as many as were used in the evaluation if left out.
    random_state : int
        Seed of everything.
    n_jobs : int
        Processes; -1 is one per core.
    progress : bool
        Show a progress bar.
    """

    table: Path
    target: str
    groups: str | None = None
    test: Path | None = None
    generators: dict[str, dict[str, Any]] = Field({"tabular_vae": {}}, min_length=1)
    columns: dict[str, Any] = Field(default_factory=dict)
    estimators: tuple[str, ...] = ()
    n_splits: int = Field(5, ge=2)
    n_repeats: int = Field(6, ge=1)
    n_synthetic: int | None = Field(None, ge=1)
    random_state: int = Field(0, ge=0)
    n_jobs: int = -1
    progress: bool = True


@dataclass(frozen=True)
class Result:
    """Lifts by generator, and where the report is.

    Attributes
    ----------
    lifts : dict of str to LiftResult
    report : Path
    """

    lifts: dict[str, augment.LiftResult]
    report: Path

    def __str__(self) -> str:
        """Write the verdicts for a terminal."""
        parts = [f"{name}\n\n{lift}" for name, lift in self.lifts.items()]
        return "\n\n\n".join([*parts, f"Report: {self.report}"])


def run(settings: Settings, out: str | Path) -> Result:
    """Evaluate every generator, fit it on all rows, sample from it, and write the report.

    Parameters
    ----------
    settings : Settings
        What to study.
    out : path
        The folder for the results; it appears whole or not at all.

    Returns
    -------
    Result

    Raises
    ------
    AugmentError
        If the table or the settings cannot be used.
    """
    with workflow.RunDirectory(out) as directory:
        directory.write_settings(settings)
        table = workflow.read_table(settings.table)
        X, y, groups = workflow.split_table(table, settings.target, settings.groups)
        generators = {
            name: workflow.make_generator(
                name,
                **{"random_state": settings.random_state, "schema": settings.columns or None}
                | parameters,
            )
            for name, parameters in settings.generators.items()
        }
        options = _options(settings, X, groups)
        lifts, studies = {}, []
        for name, generator in generators.items():
            lift = augment.evaluate_lift(generator, X, y, **options)
            ending = f"_{name}" if len(generators) > 1 else ""
            n_rows = settings.n_synthetic or int(lift.settings["n_synthetic"])
            generator.fit(X, y, groups=groups)
            synthetic = _sample(generator, n_rows, settings, list(table.columns))
            workflow.write_table(synthetic, directory.file(f"synthetic{ending}.csv"))
            generator.save(directory.file(f"model{ending}.safetensors"))
            lifts[type(generator).__name__] = lift
            real = table[list(synthetic.columns)]
            studies.append(_study(lift, generator, real, synthetic, settings.target))
        _write_numbers(directory, lifts)
        environment = directory.write_environment()
        _write_report(directory, settings, studies, environment, f"{len(X)} rows")
    return Result(lifts, directory.path / "report.html")


def _options(settings: Settings, X: pd.DataFrame, groups: pd.Series | None) -> dict[str, Any]:
    """Turn settings into the arguments of `augment.evaluate_lift`."""
    estimators = augment.evaluation.default_estimators()
    wanted = workflow.check_names("classifier", settings.estimators, estimators)
    options: dict[str, Any] = {
        "groups": groups,
        "estimators": {name: estimators[name] for name in wanted} or None,
        "n_splits": settings.n_splits,
        "n_repeats": settings.n_repeats,
        "n_jobs": settings.n_jobs,
        "random_state": settings.random_state,
        "verbose": int(settings.progress),
    }
    if settings.test is not None:
        other = workflow.read_table(settings.test)
        X_test, y_test, _ = workflow.split_table(other, settings.target, what="test table")
        options |= {"X_test": workflow.match_columns(X_test, X), "y_test": y_test}
    return options


def _sample(generator: Any, n_rows: int, settings: Settings, order: list[Any]) -> pd.DataFrame:
    """Draw rows with the columns in the order of the table."""
    X_new, y_new = generator.sample(n_rows, random_state=settings.random_state)
    rows = X_new.assign(**{settings.target: y_new.to_numpy()})
    return rows[[name for name in order if name in rows.columns]]


def _study(
    lift: augment.LiftResult,
    generator: Any,
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    target: str,
) -> dict[str, Any]:
    """Gather what the report says of one generator."""
    return report.summarise_study(
        lift,
        name=type(generator).__name__,
        real=real,
        synthetic=synthetic,
        target=target,
        history=getattr(generator, "history_", None),
    )


def _write_numbers(directory: workflow.RunDirectory, lifts: dict[str, augment.LiftResult]) -> None:
    """Write the tidy tables, one row a reading, with the generator in front."""
    tables = {
        "scores.csv": {name: lift.scores for name, lift in lifts.items()},
        "summary.csv": {name: lift.summary for name, lift in lifts.items()},
        "verdicts.csv": {name: lift.by_estimator for name, lift in lifts.items()},
        "calibration.csv": {name: lift.calibration for name, lift in lifts.items()},
    }
    for file, frames in tables.items():
        whole = pd.concat(frames, names=["generator"]).reset_index("generator")
        directory.write_frame(file, whole)


def _write_report(
    directory: workflow.RunDirectory,
    settings: Settings,
    studies: list[dict[str, Any]],
    environment: dict[str, Any],
    size: str,
) -> None:
    """Write the report, what it was made of, and its card."""
    shown = settings.model_dump(mode="json", exclude_defaults=True)
    for name in ("table", "test"):
        if name in shown:
            shown[name] = Path(shown[name]).name
    summary = report.summarise_report(
        studies,
        subtitle=f"{settings.table.name}, predicting “{settings.target}” from {size}",
        settings=shown,
        environment=environment,
    )
    directory.write_json("report.json", summary)
    directory.write_json("metrics.json", report.report_card(summary))
    directory.write_text("report.html", report.render_report(summary))


def main(out: str | Path, *overrides: str) -> Result:
    """Run with the settings in the YAML file beside this one and ``name=value`` overrides."""
    defaults = Path(__file__).with_suffix(".yaml")
    return run(workflow.load_settings(Settings, defaults, overrides=overrides), out)

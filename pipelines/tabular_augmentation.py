"""Grow a clinical table, and learn whether that helped.

Run it with ``augment evaluate TABLE --target NAME --out DIR``, or with
``augment run tabular_augmentation --set table=FILE --set target=NAME --out DIR``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import parallel_config
from pydantic import Field
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold

import augment
from augment import report, workflow

FEWEST_PATIENTS = 12
"""With fewer, a third of them shows nothing about likeness or privacy."""


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
    ignore : tuple of str
        Columns to leave out, such as identifiers and free text.
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
    fidelity, privacy : bool
        Say how near synthetic rows come to real ones, and whether they give patients away. For
        this a generator is fitted on two thirds of the patients, and the others are held out.
    n_audit_fits : int
        Fits of the generator on random halves, the strictest test of privacy; 0 leaves it out.
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
    ignore: tuple[str, ...] = ()
    test: Path | None = None
    generators: dict[str, dict[str, Any]] = Field({"tabular_vae": {}}, min_length=1)
    columns: dict[str, Any] = Field(default_factory=dict)
    estimators: tuple[str, ...] = ()
    n_splits: int = Field(5, ge=2)
    n_repeats: int = Field(6, ge=1)
    fidelity: bool = True
    privacy: bool = True
    n_audit_fits: int = Field(16, ge=0)
    n_synthetic: int | None = Field(None, ge=1)
    random_state: int = Field(0, ge=0)
    n_jobs: int = -1
    progress: bool = True


@dataclass(frozen=True)
class Trust:
    """What was found on rows of a generator that a third of the patients was held out from.

    Attributes
    ----------
    train : ndarray of int
        Positions of the rows that it was fitted on.
    fidelity : FidelityResult, optional
    privacy : PrivacyResult, optional
    notes : tuple of str
        Why something could not be examined.
    """

    train: np.ndarray
    fidelity: augment.FidelityResult | None = None
    privacy: augment.PrivacyResult | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the verdicts for a terminal."""
        found = (("Likeness", self.fidelity), ("Privacy", self.privacy))
        lines = [f"{name}: {r.verdict}. {r.reason}" for name, r in found if r is not None]
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class Result:
    """Lifts by generator, and where the report is.

    Attributes
    ----------
    lifts : dict of str to LiftResult
    report : Path
    trust : dict of str to Trust
        Likeness and privacy of the rows of each generator.
    """

    lifts: dict[str, augment.LiftResult]
    report: Path
    trust: dict[str, Trust] = field(default_factory=dict)

    def __str__(self) -> str:
        """Write the verdicts for a terminal."""
        parts = [
            f"{name}\n\n{lift}\n{self.trust.get(name, '')}".rstrip()
            for name, lift in self.lifts.items()
        ]
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
        X, y, groups = workflow.split_table(
            table, settings.target, settings.groups, ignore=settings.ignore
        )
        generators = {
            name: workflow.make_generator(
                name,
                **{"random_state": settings.random_state, "schema": settings.columns or None}
                | parameters,
            )
            for name, parameters in settings.generators.items()
        }
        options = _options(settings, X, groups)
        lifts, trust, studies = {}, {}, []
        for name, generator in generators.items():
            lift = augment.evaluate_lift(generator, X, y, **options)
            ending = f"_{name}" if len(generators) > 1 else ""
            n_rows = settings.n_synthetic or int(lift.settings["n_synthetic"])
            generator.fit(X, y, groups=groups)
            synthetic = _sample(generator, n_rows, settings, list(table.columns))
            workflow.write_table(synthetic, directory.file(f"synthetic{ending}.csv"))
            generator.save(directory.file(f"model{ending}.safetensors"))
            title = type(generator).__name__
            lifts[title], trust[title] = lift, _trust(generator, X, y, groups, n_rows, settings)
            real = table[list(synthetic.columns)]
            studies.append(_study(lift, trust[title], generator, real, synthetic, settings.target))
        _write_numbers(directory, lifts, trust)
        environment = directory.write_environment()
        _write_report(directory, settings, studies, environment, f"{len(X)} rows")
    return Result(lifts, directory.path / "report.html", trust)


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
        ignored = (*settings.ignore, settings.groups)
        X_test = workflow.match_columns(X_test, X, ignored=ignored)
        options |= {"X_test": X_test, "y_test": y_test}
    return options


def _sample(generator: Any, n_rows: int, settings: Settings, order: list[Any]) -> pd.DataFrame:
    """Draw rows with the columns in the order of the table."""
    X_new, y_new = generator.sample(n_rows, random_state=settings.random_state)
    rows = X_new.assign(**{settings.target: y_new.to_numpy()})
    return rows[[name for name in order if name in rows.columns]]


def _trust(
    generator: Any,
    X: pd.DataFrame,
    y: pd.Series,
    groups: pd.Series | None,
    n_rows: int,
    settings: Settings,
) -> Trust:
    """Judge rows of a generator that never saw a third of the patients."""
    patients = np.arange(len(X)) if groups is None else groups.to_numpy()
    everybody = Trust(np.arange(len(X)))
    if not (settings.fidelity or settings.privacy):
        return everybody
    n_patients = len(np.unique(patients))
    if n_patients < FEWEST_PATIENTS:
        note = f"No sections on likeness and privacy: {n_patients} patients are too few for a part "
        return replace(everybody, notes=(f"{note}that is held out; {FEWEST_PATIENTS} are needed.",))
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=settings.random_state)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        train, held = next(folds.split(X, y.astype(str), patients))
    known = {"groups": patients[train]}
    given = {} if groups is None else known
    fitted, note = workflow.or_note(
        "likeness and privacy", lambda: clone(generator).fit(X.iloc[train], y.iloc[train], **given)
    )
    if fitted is None:
        return replace(everybody, notes=(note,))
    samples = (
        (X.iloc[train], y.iloc[train]),
        fitted.sample(n_rows, random_state=settings.random_state),
        (X.iloc[held], y.iloc[held]),
    )
    options = {
        **known,
        "holdout_groups": patients[held],
        "generator": fitted,
        "random_state": settings.random_state,
    }
    audit = {"n_audit_fits": settings.n_audit_fits}
    wanted = {
        "fidelity": lambda: augment.evaluate_fidelity(*samples, **options),
        "privacy": lambda: augment.evaluate_privacy(*samples, **options, **audit),
    }
    with parallel_config("loky", n_jobs=settings.n_jobs, inner_max_num_threads=1):
        found = {n: workflow.or_note(n, f) for n, f in wanted.items() if getattr(settings, n)}
    notes = tuple(note for _, note in found.values() if note)
    return Trust(train, **{name: result for name, (result, _) in found.items()}, notes=notes)


def _study(
    lift: augment.LiftResult,
    trust: Trust,
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
        fidelity=trust.fidelity,
        privacy=trust.privacy,
        train_rows=trust.train,
        notes=trust.notes,
    )


def _write_numbers(
    directory: workflow.RunDirectory, lifts: dict[str, augment.LiftResult], trust: dict[str, Trust]
) -> None:
    """Write the tidy tables, one row a reading, with the generator in front."""
    tables = {
        "scores.csv": {name: lift.scores for name, lift in lifts.items()},
        "summary.csv": {name: lift.summary for name, lift in lifts.items()},
        "verdicts.csv": {name: lift.by_estimator for name, lift in lifts.items()},
        "calibration.csv": {name: lift.calibration for name, lift in lifts.items()},
        "fidelity.csv": {n: t.fidelity.summary for n, t in trust.items() if t.fidelity},
        "privacy.csv": {n: t.privacy.attacks for n, t in trust.items() if t.privacy},
    }
    for file, frames in tables.items():
        if not frames:
            continue
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

"""Grow a set of MRI slices, look at what came out, and learn whether it helps.

Run it with ``augment evaluate FOLDER --out DIR``, or with
``augment run mri_augmentation --set images=FOLDER --out DIR``; without ``images`` it grows
phantoms.
"""

from __future__ import annotations

import base64
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from augment.pipelines._mri_settings import Settings
from joblib import parallel_config

import augment
from augment import report, workflow

CACHE = ".lift-so-far"
"""Folder of the splits of a lift study that are done; removed when the run has ended."""


class Parts(NamedTuple):
    """The slices to learn from, and those of other subjects to judge by."""

    train: augment.data.SliceSet
    holdout: augment.data.SliceSet


@dataclass(frozen=True)
class Study:
    """What was found of one generator.

    Attributes
    ----------
    name : str
        Its class.
    fidelity : FidelityResult
    privacy : PrivacyResult or None
    lift : LiftResult or None
    drawn : augment.evaluation.CheckedSample
        The synthetic slices.
    seconds : float
        Of `fit`.
    notes : tuple of str
        Why something could not be examined.
    """

    name: str
    fidelity: augment.FidelityResult
    privacy: augment.PrivacyResult | None
    lift: augment.LiftResult | None
    drawn: augment.evaluation.CheckedSample
    seconds: float
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the verdicts for a terminal."""
        drawn = self.drawn
        lines = [
            f"{self.name}: fitted in {self.seconds:.0f} s. {len(drawn.images)} slices written; "
            f"{drawn.n_rejected} of {drawn.n_drawn} draws came too near to a training slice and "
            "were drawn anew" + (f", {drawn.n_missing} left out." if drawn.n_missing else "."),
            f"Likeness: {self.fidelity.verdict}. {self.fidelity.reason}",
            f"Told apart from held-out real slices (AUC; in brackets that of other real slices): "
            f"{apart(self.fidelity)}.",
        ]
        if self.privacy is not None:
            lines.append(f"Privacy: {self.privacy.verdict}. {self.privacy.reason}")
        if self.lift is not None:
            lines += ["", str(self.lift)]
        return "\n".join(lines)


def apart(fidelity: augment.FidelityResult) -> str:
    """Write the two-sample AUC of each class, in the features where it is highest."""
    rows = fidelity.summary[fidelity.summary["metric"] == "two-sample AUC"]
    worst = rows.loc[rows.groupby("label")["value"].idxmax()]
    return ", ".join(
        f"{row.label + ' ' if row.label else ''}{row.value:.2f} [{row.floor:.2f}]"
        for row in worst.itertuples()
    )


@dataclass(frozen=True)
class Result:
    """Studies of all generators, and where the report is."""

    studies: tuple[Study, ...]
    slices: str
    report: Path

    def __str__(self) -> str:
        """Write the verdicts for a terminal."""
        parts = [self.slices, *map(str, self.studies), f"Report: {self.report}"]
        return "\n\n".join(parts)


def run(settings: Settings, out: str | Path) -> Result:
    """Fit every generator, draw slices, compare them with held-out subjects, and report.

    Parameters
    ----------
    settings : Settings
        What to study.
    out : path
        The folder for the results; it appears whole or not at all, but for the hidden folder of
        finished splits of the lift study.

    Returns
    -------
    Result

    Raises
    ------
    AugmentError
        If the images or the settings cannot be used.
    """
    with workflow.RunDirectory(out) as directory:
        directory.write_settings(settings)
        generators = {
            name: workflow.make_generator(
                name, **{"random_state": settings.random_state} | parameters
            )
            for name, parameters in settings.generators.items()
        }
        slices = _read(settings)
        parts = Parts(
            *augment.data.split_slices(
                slices,
                holdout_fraction=settings.holdout_fraction,
                n_per_class=settings.n_per_class,
                random_state=settings.random_state,
            )
        )
        studies, shown = [], []
        for name, generator in generators.items():
            study = _study(generator, parts, settings, Path(out) / CACHE)
            ending = f"_{name}" if len(generators) > 1 else ""
            _write_model(directory, ending, generator, study, parts.train, settings)
            studies.append(study)
            shown.append(_shown(study, generator, parts, settings))
            _write_sheets(directory.file(f"sheets{ending}"), shown[-1]["images"]["sheets"])
        _write_numbers(directory, studies)
        text = f"To learn from: {parts.train}.\nTo judge by: {parts.holdout}."
        _write_report(directory, settings, shown, slices)
    shutil.rmtree(Path(out) / CACHE, ignore_errors=True)
    return Result(tuple(studies), text, directory.path / "report.html")


def _read(settings: Settings) -> augment.data.SliceSet:
    """Read the images, or draw phantoms."""
    if settings.images is None:
        return augment.data.make_phantoms(
            **settings.phantoms.model_dump(),
            size=settings.size,
            random_state=settings.random_state,
        )
    return augment.data.load_slices(
        settings.images,
        labels=settings.labels,
        label_column=settings.label_column,
        group_column=settings.group_column,
        covariates=tuple(name for name in settings.covariates if name != "slice_position"),
        plane=settings.plane,
        size=settings.size,
        n_slices=settings.n_slices,
        split=settings.split,
    )


def _study(
    generator: Any,
    parts: Parts,
    settings: Settings,
    cache: Path,
) -> Study:
    """Fit, draw and judge one generator."""
    train, holdout = parts
    started = time.perf_counter()
    generator.fit(train.images, train.given(settings.covariates), groups=train.groups)
    seconds = time.perf_counter() - started
    drawn = augment.evaluation.sample_without_copies(
        generator,
        settings.n_synthetic or len(train),
        train=train.images,
        holdout=holdout.images,
        n_rounds=10 if settings.reject_copies else 0,
        random_state=settings.random_state,
    )
    labels = _labels(drawn.y, train)
    samples = train, drawn.images if labels is None else (drawn.images, labels), holdout
    seed = settings.random_state
    fidelity = augment.evaluate_fidelity(*samples, random_state=seed)
    privacy, note = _privacy(generator, samples, settings) if settings.privacy else (None, "")
    lift = _lift(generator, parts, settings, cache) if settings.lift else None
    notes = (note,) if note else ()
    return Study(type(generator).__name__, fidelity, privacy, lift, drawn, seconds, notes)


def _privacy(
    generator: Any, samples: tuple[Any, Any, Any], settings: Settings
) -> tuple[augment.PrivacyResult | None, str]:
    """Look for what the slices give away, or say why it cannot be seen."""
    options = {
        "generator": generator,
        "n_audit_fits": settings.n_audit_fits,
        "random_state": settings.random_state,
    }
    with parallel_config("loky", n_jobs=settings.n_jobs, inner_max_num_threads=1):
        return workflow.or_note("privacy", lambda: augment.evaluate_privacy(*samples, **options))


def _labels(y: Any, train: augment.data.SliceSet) -> np.ndarray | None:
    """Give the labels among the conditions of synthetic slices."""
    if train.y is None:
        return None
    return np.asarray(y[train.y.name] if isinstance(y, pd.DataFrame) else y)


def _lift(
    generator: Any,
    parts: Parts,
    settings: Settings,
    cache: Path,
) -> augment.LiftResult | None:
    """Ask whether the slices help, inside the training subjects, and on the held-out ones."""
    train, holdout = parts
    if train.y is None:
        return None
    study = settings.lift_study
    estimators = augment.evaluation.image_estimators()
    wanted = workflow.check_names("classifier", study.estimators, estimators)
    return augment.evaluate_lift(
        generator,
        train.images,
        train.y,
        estimators={name: estimators[name] for name in wanted} or None,
        groups=train.groups,
        X_test=holdout.images,
        y_test=holdout.y,
        baselines=study.baselines or "auto",
        n_splits=study.n_splits,
        n_repeats=study.n_repeats,
        n_jobs=settings.n_jobs,
        memory=str(cache),
        random_state=settings.random_state,
        verbose=int(settings.progress),
    )


def _write_model(
    directory: workflow.RunDirectory,
    ending: str,
    generator: Any,
    study: Study,
    train: augment.data.SliceSet,
    settings: Settings,
) -> None:
    """Write the model, and the slices that it drew."""
    generator.save(directory.file(f"model{ending}.safetensors"))
    name = f"synthetic{ending}{'.npz' if settings.format == 'npz' else ''}"
    augment.data.save_slices(
        study.drawn.images,
        directory.file(name),
        y=study.drawn.y,
        like=train,
        format=settings.format,
    )


def _shown(
    study: Study,
    generator: Any,
    parts: Parts,
    settings: Settings,
) -> dict[str, Any]:
    """Gather what the report says of one generator."""
    train, holdout = parts
    images = report.image_section(
        train.images,
        study.drawn.images,
        None if train.y is None else np.asarray(train.y),
        _labels(study.drawn.y, train),
        groups=train.groups,
        holdout=holdout.images,
        generator=generator,
        show_real_images=settings.show_real_images,
        show_patients=settings.show_real_images,
        random_state=settings.random_state,
    )
    drawn = study.drawn
    note = (
        f"{drawn.n_rejected} of {drawn.n_drawn} draws came nearer to a training slice than 95 % of "
        "the held-out slices do, and were "
        + ("drawn anew: this makes the copy rate small." if settings.reject_copies else "kept.")
    )
    return report.summarise_study(
        study.lift,
        name=study.name,
        fidelity=study.fidelity,
        privacy=study.privacy,
        images=images,
        unit="slice",
        notes=[note, *study.notes],
        history=getattr(generator, "history_", None),
    )


def _write_sheets(folder: Path, sheets: list[dict[str, Any]]) -> None:
    """Write the contact sheets of the report as files, too."""
    folder.mkdir()
    for number, sheet in enumerate(sheets):
        for part in ("real", "synthetic"):
            if sheet[part] is not None:
                name = f"{number}-{re.sub(r'[^A-Za-z0-9]+', '-', sheet['label'])}-{part}.png"
                (folder / name).write_bytes(base64.b64decode(sheet[part]["png"]))


def _write_numbers(directory: workflow.RunDirectory, studies: list[Study]) -> None:
    """Write the tidy tables, one row a reading, with the generator in front."""
    tables = {"fidelity.csv": {study.name: study.fidelity.summary for study in studies}}
    privacy = {study.name: study.privacy.attacks for study in studies if study.privacy is not None}
    if privacy:
        tables["privacy.csv"] = privacy
    lifts = {study.name: study.lift for study in studies if study.lift is not None}
    if lifts:
        tables |= {
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
    shown: list[dict[str, Any]],
    slices: augment.data.SliceSet,
) -> None:
    """Write the report, what it was made of, and its card."""
    used = settings.model_dump(mode="json", exclude_defaults=True)
    for name in ("images", "labels"):
        if name in used:
            used[name] = Path(used[name]).name
    summary = report.summarise_report(
        shown,
        title="Do synthetic slices look right, and do they help?",
        subtitle=f"{settings.images.name if settings.images else 'Phantoms'}: {slices}",
        settings=used,
        environment=directory.write_environment(),
    )
    directory.write_json("report.json", summary)
    directory.write_json("metrics.json", report.report_card(summary))
    directory.write_text("report.html", report.render_report(summary))


def main(out: str | Path, *overrides: str) -> Result:
    """Run with the settings in the YAML file beside this one and ``name=value`` overrides."""
    defaults = Path(__file__).with_suffix(".yaml")
    return run(workflow.load_settings(Settings, defaults, overrides=overrides), out)

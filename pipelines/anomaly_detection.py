"""Flag rows of a table, or slices of images, that do not look like those of a first set.

Run it with ``augment detect TRAIN NEW --out DIR``, or with
``augment run anomaly_detection --set train=FILE --set new=FILE --out DIR``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

import augment
from augment import report, workflow


class Settings(workflow.Settings):
    """What to look at, and how strictly.

    Attributes
    ----------
    train, new : Path
        Two tables with the same columns; or two sets of slices: folders of NIfTI volumes or
        pictures, or ``.npz`` archives.
    label : str, optional
        A column that says what a row is (tables; slices take the label that `load_slices` finds).
        It is never looked at by the detector.
    normal : str, optional
        The label of normal rows: only these are learned from. If `new` has labels too, the report
        compares the detector with simple ones.
    groups : str, optional
        A column that says which rows of a table belong to one patient. Slices know their subject.
    ignore : tuple of str
        Columns to leave out, such as identifiers.
    columns : dict
        Corrections of column kinds, such as ``{"stage": "categorical"}``; of tables only.
    generator : str
        Short name; "auto" is ``tabular_vae`` or ``image_vae``.
    parameters : dict
        Of the generator.
    method, false_positive_rate, trim : as in `augment.ReconstructionDetector`
    plane, size, n_slices : as in `augment.data.load_slices`
    n_top : int
        Rows in the report, and slices with an overlay.
    random_state : int
        Seed of everything.
    """

    train: Path
    new: Path
    label: str | None = None
    normal: str | None = None
    groups: str | None = None
    ignore: tuple[str, ...] = ()
    columns: dict[str, Any] = Field(default_factory=dict)
    generator: str = "auto"
    parameters: dict[str, Any] = Field(default_factory=dict)
    method: Literal["auto", "reconstruction", "elbo", "latent"] = "auto"
    false_positive_rate: float = Field(0.1, gt=0, lt=1)
    trim: float = Field(0.0, ge=0, lt=0.5)
    plane: str = "axial"
    size: int = Field(64, ge=16)
    n_slices: int | None = Field(8, ge=1)
    n_top: int = Field(20, ge=1)
    random_state: int = Field(0, ge=0)


@dataclass(frozen=True)
class Result:
    """What was found, and where the report is.

    Attributes
    ----------
    scores : DataFrame
        As in ``scores.csv``.
    comparison : DataFrame or None
        As in ``comparison.csv``.
    report : Path
    """

    scores: pd.DataFrame
    comparison: pd.DataFrame | None
    report: Path

    def __str__(self) -> str:
        """Write the outcome for a terminal."""
        flagged = self.scores[self.scores["flagged"]]
        lines = [f"{len(flagged)} of {len(self.scores)} flagged."]
        top = self.scores.sort_values("score", kind="stable").head(5)
        lines += [
            f"  {r.row}: p = {r.p_value:.3g}; {r.why.split('; ')[0]}" for r in top.itertuples()
        ]
        if self.comparison is not None:
            lines.append(report.winner(self.comparison.to_dict("records")))
        return "\n".join([*lines, f"Report: {self.report}"])


@dataclass(frozen=True)
class Data:
    """What is learned from, and what is looked at.

    Attributes
    ----------
    train, new : DataFrame or ndarray
    train_groups, new_groups : array-like or None
        The patient of each row.
    names : list
        How each new row is called.
    is_abnormal : ndarray of bool or None
        The truth about new rows, where it is known.
    slices : SliceSet or None
        The new slices.
    """

    train: Any
    new: Any
    train_groups: Any
    new_groups: Any
    names: list[Any]
    is_abnormal: Any = None
    slices: augment.data.SliceSet | None = None


def run(settings: Settings, out: str | Path) -> Result:
    """Fit a detector on one set, look at the other, and write what was found.

    Parameters
    ----------
    settings : Settings
        What to look at.
    out : path
        The folder for the results; it appears whole or not at all.

    Returns
    -------
    Result

    Raises
    ------
    AugmentError
        If the data or the settings cannot be used.
    """
    with workflow.RunDirectory(out) as directory:
        directory.write_settings(settings)
        is_image = settings.train.is_dir() or settings.train.suffix == ".npz"
        data = (_read_slices if is_image else _read_tables)(settings)
        detector = _detector(settings, "image_vae" if is_image else "tabular_vae")
        detector.fit(data.train, groups=data.train_groups)
        residuals = detector.explain(data.new)
        reasons = None if is_image else detector.reasons(data.new)
        scores = _scores(detector, data, residuals, reasons)
        comparison = _compare(settings, data, scores)
        directory.write_frame("scores.csv", scores)
        if comparison is not None:
            directory.write_frame("comparison.csv", comparison)
        detector.save(directory.file("detector.safetensors"))
        if is_image:
            pictures = _write_maps(directory, settings, data, scores, residuals)
        else:
            pictures = []
            directory.write_frame("explanation.csv", residuals.assign(row=data.names))
            named = reasons.assign(row=[data.names[row] for row in reasons["row"]])
            directory.write_frame("reasons.csv", named)
        environment = directory.write_environment()
        found = (detector, data, scores, comparison, residuals, pictures)
        _write_report(directory, settings, environment, *found)
    return Result(scores, comparison, directory.path / "report.html")


def _detector(settings: Settings, default: str) -> Any:
    name = default if settings.generator == "auto" else settings.generator
    own: dict[str, Any] = {"schema": settings.columns} if settings.columns else {}
    if name == "image_vae":
        own |= {"latent_dim": 16, "deformation_grid": 0, "denoising_steps": 250}
    generator = workflow.make_generator(name, **{**own, **settings.parameters})
    can = ["image_vae", "image_gan"] if default == "image_vae" else ["tabular_vae", "tabular_gan"]
    if type(generator).__name__ not in map(workflow.generator_names().get, can):
        workflow.check_names("generator for detection", [name], can)
    return augment.ReconstructionDetector(
        generator,
        method=settings.method,
        false_positive_rate=settings.false_positive_rate,
        trim=settings.trim,
        random_state=settings.random_state,
    )


def _read_tables(settings: Settings) -> Data:
    """Read two tables; take labels and patients apart."""
    train, new = workflow.read_table(settings.train), workflow.read_table(settings.new)
    special = [name for name in (settings.label, settings.groups) if name is not None]
    asked = [*settings.ignore, *special]
    workflow.check_names("column", asked, [str(name) for name in train.columns])
    if settings.normal is not None and settings.label is not None:
        train = train[_is_normal(train[settings.label], settings.normal)]
    features = train.drop(columns=asked)
    known = settings.label in new.columns and settings.normal is not None
    truth = (new[settings.label].astype(str) != settings.normal).to_numpy() if known else None
    groups = None if settings.groups is None else train[settings.groups]
    has_groups = settings.groups is not None and settings.groups in new.columns
    return Data(
        features.reset_index(drop=True),
        workflow.match_columns(new, features, ignored=asked),
        groups,
        new[settings.groups] if has_groups else None,
        list(range(1, len(new) + 1)),
        truth,
    )


def _is_normal(labels: Any, normal: str) -> np.ndarray:
    """Mark the rows of TRAIN that are normal, or say that there are none."""
    texts = np.asarray(labels).astype(str)
    if normal not in texts:
        workflow.check_names("label of normal rows", [normal], sorted(set(texts)))
    return texts == normal


def _read_slices(settings: Settings) -> Data:
    """Read two sets of slices."""
    read = [
        augment.data.load_slices(
            path, plane=settings.plane, size=settings.size, n_slices=settings.n_slices
        )
        for path in (settings.train, settings.new)
    ]
    train, new = read
    if settings.normal is not None and train.y is not None:
        train = train[_is_normal(train.y, settings.normal)]
    truth = None
    if settings.normal is not None and new.y is not None:
        truth = np.asarray(new.y).astype(str) != settings.normal
    names = [
        f"{place.source or 'slice'}" + ("" if place.index is None else f" {place.index}")
        for place in new.geometry
    ]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, start=1)]
    return Data(train.images, new.images, train.groups, new.groups, names, truth, new)


def _scores(detector: Any, data: Data, residuals: Any, reasons: Any) -> pd.DataFrame:
    """Give a line for each new row."""
    p = detector.p_values(data.new)
    frame = pd.DataFrame(
        {
            "row": data.names,
            "score": detector.score_samples(data.new),
            "p_value": p,
            "flagged": p <= detector.false_positive_rate,
        }
    )
    if reasons is not None:
        texts = reasons.groupby("row")["text"].agg("; ".join)
        frame["why"] = texts.reindex(range(len(frame)), fill_value="no cell stands out")
        return frame
    if data.new_groups is not None:
        frame["subject"] = np.asarray(data.new_groups)
    frame["why"] = [
        f"brightest {each.max():.1f}, darkest {each.min():.1f}" for each in np.asarray(residuals)
    ]
    return frame


def _compare(settings: Settings, data: Data, scores: pd.DataFrame) -> pd.DataFrame | None:
    """Put simple detectors beside, where the truth is known."""
    truth = data.is_abnormal
    if truth is None or truth.all() or not truth.any():
        return None
    return augment.evaluation.compare_detectors(
        scores["score"].to_numpy(),
        data.train,
        data.new,
        truth,
        groups=data.new_groups,
        random_state=settings.random_state,
    )


def _write_maps(
    directory: workflow.RunDirectory,
    settings: Settings,
    data: Data,
    scores: pd.DataFrame,
    residuals: np.ndarray,
) -> list[dict[str, Any]]:
    """Write all maps where the slices lie, overlays of the top ones, and a line a subject."""
    assert data.slices is not None
    maps = replace(data.slices, images=residuals.astype(np.float32), y=None, masks=None)
    in_space = any(place.affine is not None for place in maps.geometry)
    augment.data.save_slices(
        maps,
        directory.file("heat_maps" if in_space else "heat_maps.npz"),
        format="nifti" if in_space else "npz",
        synthetic=False,
    )
    folder, pictures = directory.file("overlays"), []
    folder.mkdir()
    order = scores["score"].argsort(kind="stable")[: settings.n_top]
    for rank, i in enumerate(order, start=1):
        picture = report.overlay(np.asarray(data.new[i], np.float64), residuals[i])
        report.write_png(picture, folder / f"{rank:03d}.png")
        if rank <= 12:
            caption = f"{scores['row'][i]}: p = {scores['p_value'][i]:.3g}"
            pictures.append({**report.png_of(picture), "caption": caption})
    if "subject" in scores:
        worst = (
            scores.sort_values("score").groupby("subject")["score"].apply(lambda s: s[:3].mean())
        )
        flagged = scores.groupby("subject")["flagged"].mean()
        subjects = pd.DataFrame({"three_lowest_scores": worst, "share_flagged": flagged})
        directory.write_frame("subjects.csv", subjects.reset_index())
    return pictures


def _write_report(
    directory: workflow.RunDirectory,
    settings: Settings,
    environment: dict[str, Any],
    detector: Any,
    data: Data,
    scores: pd.DataFrame,
    comparison: pd.DataFrame | None,
    residuals: Any,
    pictures: list[dict[str, Any]],
) -> None:
    """Write the report, what it was made of, and its card."""
    shown = settings.model_dump(mode="json", exclude_defaults=True)
    shown |= {name: Path(shown[name]).name for name in ("train", "new")}
    top = scores.sort_values("score", kind="stable").head(settings.n_top)
    lines = [
        {"row": r.row, "p": r.p_value, "flagged": r.flagged, "why": r.why} for r in top.itertuples()
    ]
    columns: dict[str, float] = {}
    if data.slices is None and scores["flagged"].any():
        farthest = residuals[scores["flagged"].to_numpy()].abs().idxmax(axis=1)
        columns = farthest.astype(str).value_counts(normalize=True).to_dict()
    summary = report.summarise_detection(
        subtitle=f"{settings.new.name}, compared with {len(data.train)} rows of "
        f"{settings.train.name}",
        generator=settings.generator if settings.generator != "auto" else "the default VAE",
        n_train=int(detector.kept_.sum()),
        n_calibration=detector.n_calibration_,
        units="rows" if data.train_groups is None else "patients",
        rate=settings.false_positive_rate,
        normal_scores=detector.normal_scores_,
        scores=scores["score"],
        offset=detector.offset_,
        flagged=scores["flagged"],
        top=lines,
        columns=columns,
        comparison=[] if comparison is None else comparison.to_dict("records"),
        pictures=pictures,
        settings=shown,
        environment=environment,
    )
    directory.write_json("report.json", summary)
    card = {name: summary[name] for name in ("n_new", "n_flagged", "rate", "comparison")}
    directory.write_json("metrics.json", card)
    directory.write_text("report.html", report.render_detection(summary))


def main(out: str | Path, *overrides: str) -> Result:
    """Run with the settings in the YAML file beside this one and ``name=value`` overrides."""
    defaults = Path(__file__).with_suffix(".yaml")
    return run(workflow.load_settings(Settings, defaults, overrides=overrides), out)

"""Settings of `mri_augmentation`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from augment import workflow


class Phantoms(workflow.Settings):
    """The cohort that is drawn where no images are given; see `augment.data.make_phantoms`."""

    n_subjects: int = Field(60, ge=4)
    n_slices: int = Field(3, ge=1)
    contrast: float = Field(0.35, ge=0)


class Lift(workflow.Settings):
    """How thoroughly to ask whether the slices help; see `augment.evaluate_lift`.

    Attributes
    ----------
    estimators : tuple of str
        Which of the default classifiers of images; all if empty.
    baselines : tuple of str
        What the slices must beat: "bootstrap" (copies) and "classical" (classical augmentation,
        which doubles the study); both if empty.
    n_splits, n_repeats : int
        Folds, and how often the cross-validation is repeated with other folds.
    """

    estimators: tuple[str, ...] = ()
    baselines: tuple[Literal["bootstrap", "classical"], ...] = ()
    n_splits: int = Field(5, ge=2)
    n_repeats: int = Field(1, ge=1)


class Settings(workflow.Settings):
    """What to study, and how thoroughly.

    Attributes
    ----------
    images : Path, optional
        A folder of NIfTI volumes or of pictures, or an ``.npz`` file; see
        `augment.data.load_slices`. Phantoms are drawn if left out.
    labels : Path, optional
        The table of labels, if it does not stand in the folder under a usual name.
    label_column, group_column : str, optional
        Columns of the label and of the subject; found by their usual names.
    covariates : tuple of str
        Columns that the generators are conditioned on besides the label. ``slice_position`` may
        be one of them.
    plane, n_slices, split : as in `augment.data.load_slices`
    size : int
        Pixels a side.
    n_per_class : int, optional
        Slices of each class to learn from, at most.
    holdout_fraction : float
        Share of the slices, of other subjects, that the result is judged by.
    generators : dict
        Short name of each generator to study, with its parameters.
    reject_copies : bool
        Draw images anew that come nearer to a training image than fresh ones do.
    n_synthetic : int, optional
        Synthetic slices to write; as many as there are to learn from if left out.
    format : {"nifti", "png", "npz"}, optional
        Of the synthetic slices. By default NIfTI where it is known where slices lie, else PNG.
    show_real_images : bool
        Show real slices, and the nearest pairs, in the report: pictures of patients.
    privacy : bool
        Say whether the slices give subjects away; see `augment.evaluate_privacy`.
    n_audit_fits : int
        Fits of the generator on random halves, the strictest test of privacy; 0 leaves it out.
    lift : bool
        Whether to run the lift study. Its splits are kept, so that a run that was stopped goes
        on when it is started again with the same settings and the same `out`.
    lift_study : Lift
        How.
    phantoms : Phantoms
        Which, if `images` is left out.
    random_state : int
        Seed of everything.
    n_jobs : int
        Processes of the lift study; -1 is one per core.
    progress : bool
        Show a progress bar.
    """

    images: Path | None = None
    labels: Path | None = None
    label_column: str | None = "auto"
    group_column: str | None = "auto"
    covariates: tuple[str, ...] = ()
    plane: Literal["axial", "coronal", "sagittal"] = "axial"
    size: int = Field(64, ge=16)
    n_slices: int | None = Field(8, ge=1)
    split: Literal["train", "val", "test", "all"] | None = None
    n_per_class: int | None = Field(None, ge=5)
    holdout_fraction: float = Field(0.3, ge=0.05, le=0.5)
    generators: dict[str, dict[str, Any]] = Field({"image_vae": {}}, min_length=1)
    reject_copies: bool = True
    n_synthetic: int | None = Field(None, ge=1)
    format: Literal["nifti", "png", "npz"] | None = None
    show_real_images: bool = True
    privacy: bool = True
    n_audit_fits: int = Field(0, ge=0)
    lift: bool = True
    lift_study: Lift = Lift()
    phantoms: Phantoms = Phantoms()
    random_state: int = Field(0, ge=0)
    n_jobs: int = -1
    progress: bool = True

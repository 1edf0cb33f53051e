"""The whole path for images in a minute or so, with no data of one's own and no network.

Slices of phantom heads, half of them with a lesion, are grown by a VAE; the synthetic ones are
laid beside slices of other heads, and a lift study asks whether they help to see the lesions. Run
it with ``augment demo --mri``.

To stay short, the study has three splits, one fast classifier and no classical augmentation: its
intervals are wide. What comes out says that the path works, and nothing of patients.
"""

from __future__ import annotations

from pathlib import Path

from augment.pipelines import mri_augmentation
from augment.pipelines._mri_settings import Lift, Phantoms
from augment.pipelines._mri_settings import Settings as Study
from pydantic import Field

from augment import workflow


class Settings(workflow.Settings):
    """How large the demo is.

    Attributes
    ----------
    n_subjects : int
        Heads; a third of them are held out.
    size : int
        Pixels a side.
    contrast : float
        How bright the lesions are.
    estimators : tuple of str
        Classifiers to use.
    generators : tuple of str
        Short names of the generators.
    n_splits : int
        Folds of the lift study.
    random_state : int
        Seed of everything.
    n_jobs : int
        Processes; -1 is one per core.
    """

    n_subjects: int = Field(40, ge=12)
    size: int = Field(48, ge=16)
    contrast: float = Field(0.2, ge=0)
    estimators: tuple[str, ...] = ("logistic regression",)
    generators: tuple[str, ...] = ("image_vae",)
    n_splits: int = Field(3, ge=2)
    random_state: int = Field(0, ge=0)
    n_jobs: int = -1


def run(settings: Settings, out: str | Path) -> mri_augmentation.Result:
    """Grow phantoms, and study them.

    Parameters
    ----------
    settings : Settings
        How large the demo is.
    out : path
        The folder for everything.

    Returns
    -------
    Result
        As `augment.pipelines.mri_augmentation.run` gives it.
    """
    study = Study(
        phantoms=Phantoms(n_subjects=settings.n_subjects, contrast=settings.contrast),
        size=settings.size,
        generators={name: {} for name in settings.generators},
        lift_study=Lift(
            estimators=settings.estimators,
            baselines=("bootstrap",),
            n_splits=settings.n_splits,
        ),
        random_state=settings.random_state,
        n_jobs=settings.n_jobs,
    )
    return mri_augmentation.run(study, out)


def main(out: str | Path, *overrides: str) -> mri_augmentation.Result:
    """Run with the settings in the YAML file beside this one and ``name=value`` overrides."""
    defaults = Path(__file__).with_suffix(".yaml")
    return run(workflow.load_settings(Settings, defaults, overrides=overrides), out)

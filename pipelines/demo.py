"""The whole path in about a minute, with no data of one's own and no network.

A hundred and twenty patients are taken from the Wisconsin breast cancer table that comes with
scikit-learn (ten measured features). A VAE and a GAN grow them, each is asked whether its rows
help, and the patients who were left out play the second hospital. Run it with ``augment demo``.

To stay short, the demo repeats the cross-validation less often and with fewer classifiers than
``augment evaluate`` does, so that its intervals are wider, and it leaves out the strictest test of
privacy, by refits.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from augment.pipelines import tabular_augmentation
from pydantic import Field
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from augment import workflow


class Settings(workflow.Settings):
    """How large the demo is.

    Attributes
    ----------
    n_rows : int
        Patients to grow; the others are the external test.
    n_splits, n_repeats : int
        Folds and repeats of the cross-validation.
    estimators : tuple of str
        Classifiers to use.
    generators : tuple of str
        Short names of the generators.
    random_state : int
        Seed of everything.
    n_jobs : int
        Processes; -1 is one per core.
    """

    n_rows: int = Field(120, ge=40, le=400)
    n_splits: int = Field(5, ge=2)
    n_repeats: int = Field(2, ge=1)
    estimators: tuple[str, ...] = ("logistic regression", "SVM", "k-NN")
    generators: tuple[str, ...] = ("tabular_vae", "tabular_gan")
    random_state: int = Field(0, ge=0)
    n_jobs: int = -1


def breast_table(label: str) -> pd.DataFrame:
    """Give scikit-learn's breast cancer table: the ten ``mean`` features, and what was found."""
    source = load_breast_cancer(as_frame=True)
    features = [name for name in source.data.columns if name.startswith("mean ")]
    table = source.data[features].rename(columns=lambda name: name.removeprefix("mean "))
    return table.assign(**{label: source.target.map({0: "malignant", 1: "benign"})})


def load_tables(settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the patients to grow, and the others.

    Returns
    -------
    patients, others : DataFrame
        The ten ``mean`` features and ``diagnosis``.
    """
    table = breast_table("diagnosis")
    patients, others = train_test_split(
        table,
        train_size=settings.n_rows,
        stratify=table["diagnosis"],
        random_state=settings.random_state,
    )
    return patients, others


def run(settings: Settings, out: str | Path) -> tabular_augmentation.Result:
    """Write the two tables, and study the first.

    Parameters
    ----------
    settings : Settings
        How large the demo is.
    out : path
        The folder for everything.

    Returns
    -------
    Result
        As `augment.pipelines.tabular_augmentation.run` gives it.
    """
    patients, others = load_tables(settings)
    with workflow.RunDirectory(out) as directory:
        directory.write_frame("patients.csv", patients)
        directory.write_frame("other_patients.csv", others)
    study = tabular_augmentation.Settings(
        table=Path(out) / "patients.csv",
        test=Path(out) / "other_patients.csv",
        target="diagnosis",
        generators={name: {} for name in settings.generators},
        estimators=settings.estimators,
        n_splits=settings.n_splits,
        n_repeats=settings.n_repeats,
        n_audit_fits=0,
        random_state=settings.random_state,
        n_jobs=settings.n_jobs,
    )
    return tabular_augmentation.run(study, out)


def main(out: str | Path, *overrides: str) -> tabular_augmentation.Result:
    """Run with the settings in the YAML file beside this one and ``name=value`` overrides."""
    defaults = Path(__file__).with_suffix(".yaml")
    return run(workflow.load_settings(Settings, defaults, overrides=overrides), out)

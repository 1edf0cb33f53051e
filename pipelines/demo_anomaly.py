"""Flagging what does not belong, in half a minute, with no data of one's own and no network.

A VAE learns what benign tumours look like in the Wisconsin breast cancer table that comes with
scikit-learn (ten measured features), and looks at tumours that it has not seen: benign ones,
malignant ones, and five benign ones with a typing error. Run it with ``augment demo --anomaly``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from augment.pipelines import anomaly_detection
from augment.pipelines.demo import breast_table
from pydantic import Field

from augment import workflow


class Settings(workflow.Settings):
    """How large the demo is.

    Attributes
    ----------
    n_train : int
        Benign tumours to learn from.
    n_typing_errors : int
        Unseen benign tumours of which one number is multiplied by ten.
    false_positive_rate : float
        Share of new benign tumours that is flagged.
    random_state : int
        Seed of everything.
    """

    n_train: int = Field(150, ge=30, le=300)
    n_typing_errors: int = Field(5, ge=0, le=20)
    false_positive_rate: float = Field(0.05, gt=0, lt=1)
    random_state: int = Field(0, ge=0)


def load_tables(settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take benign tumours to learn from, and others to look at.

    Returns
    -------
    train, new : DataFrame
        The ten ``mean`` features and ``what``: benign, malignant, or typing error.
    """
    table = breast_table("what")
    features = table.columns.drop("what")
    rng = np.random.default_rng(settings.random_state)
    benign = rng.permutation(np.flatnonzero(table["what"] == "benign"))
    train = table.iloc[np.sort(benign[: settings.n_train])]
    new = table.drop(index=train.index).reset_index(drop=True)
    wrong = rng.choice(np.flatnonzero(new["what"] == "benign"), settings.n_typing_errors, False)
    for row in wrong:
        new.iloc[row, int(rng.integers(len(features)))] *= 10
    new.loc[wrong, "what"] = "typing error"
    return train, new


def run(settings: Settings, out: str | Path) -> anomaly_detection.Result:
    """Write the two tables, and look for anomalies in the second.

    Parameters
    ----------
    settings : Settings
        How large the demo is.
    out : path
        The folder for everything.

    Returns
    -------
    Result
        As `augment.pipelines.anomaly_detection.run` gives it.
    """
    train, new = load_tables(settings)
    with workflow.RunDirectory(out) as directory:
        directory.write_frame("train.csv", train)
        directory.write_frame("new.csv", new)
    search = anomaly_detection.Settings(
        train=Path(out) / "train.csv",
        new=Path(out) / "new.csv",
        label="what",
        normal="benign",
        false_positive_rate=settings.false_positive_rate,
        random_state=settings.random_state,
    )
    return anomaly_detection.run(search, out)


def main(out: str | Path, *overrides: str) -> anomaly_detection.Result:
    """Run with the settings in the YAML file beside this one and ``name=value`` overrides."""
    defaults = Path(__file__).with_suffix(".yaml")
    return run(workflow.load_settings(Settings, defaults, overrides=overrides), out)

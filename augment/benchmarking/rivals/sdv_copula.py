"""The Gaussian copula of the package sdv (N. Patki, 2016), as its version 2 has it."""

from typing import Any

REQUIRES = ("sdv",)


def fit(rows: Any, target: str, discrete: list[str], seed: int, **parameters: Any) -> Any:
    """Fit on a frame, its metadata written from the known kinds of column."""
    from sdv.metadata import Metadata
    from sdv.single_table import GaussianCopulaSynthesizer

    metadata = Metadata()
    metadata.add_table("rows")
    for name in rows.columns:
        kind = "categorical" if name in discrete else "numerical"
        metadata.add_column(table_name="rows", column_name=name, sdtype=kind)
    model = GaussianCopulaSynthesizer(metadata, **parameters)
    model.fit({"rows": rows})
    return model


def sample(model: Any, n_rows: int, seed: int) -> Any:
    """Draw rows with their target; the package seeds itself alike at each start."""
    return model.sample(n_rows)["rows"]

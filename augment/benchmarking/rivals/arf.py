"""Adversarial random forests of the package arfpy (D. Watson, 2023)."""

from typing import Any

REQUIRES = ("arfpy",)


def fit(rows: Any, target: str, discrete: list[str], seed: int, **parameters: Any) -> Any:
    """Fit on a frame; categories must have that dtype."""
    import numpy as np
    from arfpy import arf

    vars(np).setdefault("in1d", np.isin)  # version 0.1.1 was written for numpy 1
    rows = rows.astype(dict.fromkeys(discrete, "category"))
    # The package draws from numpy's global stream alone; this interpreter is its own.
    np.random.seed(seed)  # noqa: NPY002, TID251 (this interpreter is its own)
    model = arf.arf(x=rows, random_state=seed, verbose=False, **parameters)
    model.forde()
    return model


def sample(model: Any, n_rows: int, seed: int) -> Any:
    """Draw rows with their target."""
    import numpy as np

    np.random.seed(seed)  # noqa: NPY002, TID251 (this interpreter is its own)
    return model.forge(n=n_rows)

"""Adversarial random forests of the package arfpy (D. Watson, 2023)."""

from typing import Any

REQUIRES = ("arfpy",)


def fit(rows: Any, target: str, discrete: list[str], seed: int, **parameters: Any) -> Any:
    """Fit on a frame; categories must have that dtype."""
    import numpy as np
    from arfpy import arf

    vars(np).setdefault("in1d", np.isin)  # version 0.1.1 was written for numpy 1
    names = list(rows.columns)
    rows = rows.astype(dict.fromkeys(discrete, "category"))
    # It looks columns up by their place, which pandas 3 takes for a name: let both be the same.
    rows.columns = range(len(names))
    # The package draws from numpy's global stream alone; this interpreter is its own.
    np.random.seed(seed)  # noqa: NPY002, TID251 (this interpreter is its own)
    model = arf.arf(x=rows, random_state=seed, verbose=False, **parameters)
    model.forde()
    return model, names


def sample(model: Any, n_rows: int, seed: int) -> Any:
    """Draw rows with their target."""
    import numpy as np

    np.random.seed(seed)  # noqa: NPY002, TID251 (this interpreter is its own)
    forest, names = model
    drawn = forest.forge(n=n_rows)
    drawn.columns = names
    return drawn

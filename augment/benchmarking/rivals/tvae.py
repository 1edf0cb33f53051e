"""TVAE of the package ctgan, with the parameters that it comes with (L. Xu, 2019)."""

from typing import Any

REQUIRES = ("ctgan",)


def fit(rows: Any, target: str, discrete: list[str], seed: int, **parameters: Any) -> Any:
    """Fit on a frame; the target is one of the discrete columns."""
    from ctgan import TVAE

    model = TVAE(**parameters)
    model.set_random_state(seed)
    model.fit(rows, [*discrete])
    return model


def sample(model: Any, n_rows: int, seed: int) -> Any:
    """Draw rows with their target."""
    model.set_random_state(seed)
    return model.sample(n_rows)

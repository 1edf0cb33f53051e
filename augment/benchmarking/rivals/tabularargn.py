"""TabularARGN of the package mostlyai-engine (P. Tiwald, 2025)."""

from typing import Any

REQUIRES = ("mostlyai.engine",)
TAKES_MISSING = True


def fit(rows: Any, target: str, discrete: list[str], seed: int, **parameters: Any) -> Any:
    """Fit the package's own estimator on a frame."""
    from mostlyai.engine import TabularARGN, set_random_state

    set_random_state(seed)
    return TabularARGN(**parameters).fit(rows)


def sample(model: Any, n_rows: int, seed: int) -> Any:
    """Draw rows with their target."""
    from mostlyai.engine import set_random_state

    set_random_state(seed)
    return model.sample(n_rows)

"""TabDDPM as the package synthcity has it (A. Kotelnikov, 2023)."""

from typing import Any

REQUIRES = ("synthcity",)


def fit(rows: Any, target: str, discrete: list[str], seed: int, **parameters: Any) -> Any:
    """Fit the plugin with its classification head on the target."""
    from synthcity.plugins import Plugins
    from synthcity.plugins.core.dataloader import GenericDataLoader

    loader = GenericDataLoader(rows, target_column=target)
    model = Plugins().get("ddpm", is_classification=True, random_state=seed, **parameters)
    model.fit(loader)
    return model


def sample(model: Any, n_rows: int, seed: int) -> Any:
    """Draw rows with their target."""
    return model.generate(count=n_rows, random_state=seed).dataframe()

"""TabEBM of the package of that name (A. Margeloiu, 2024), where TabPFN's weights are at hand."""

from typing import Any

REQUIRES = ("tabebm",)


def fit(rows: Any, target: str, discrete: list[str], seed: int, **parameters: Any) -> Any:
    """Code categories as numbers and scale: the package takes numbers alone."""
    import pandas as pd

    X = rows.drop(columns=target)
    levels = {name: sorted(X[name].unique()) for name in discrete if name != target}
    for name, known in levels.items():
        X[name] = pd.Categorical(X[name], known).codes
    X = X.astype(float)
    labels, classes = pd.factorize(rows[target], sort=True)
    mean, spread = X.mean(), X.std(ddof=0).replace(0, 1)
    return (X - mean) / spread, labels, classes, levels, mean, spread, target, seed, parameters


def sample(model: Any, n_rows: int, seed: int) -> Any:
    """Draw rows of each class as often as in training, and undo the coding."""
    import numpy as np
    import pandas as pd
    from tabebm.TabEBM import TabEBM

    X, labels, classes, levels, mean, spread, target, _, parameters = model
    most = int(np.ceil(n_rows * np.bincount(labels).max() / len(labels)))
    drawn = TabEBM().generate(X.to_numpy(), labels, num_samples=most, seed=seed, **parameters)
    parts = []
    for code, label in enumerate(classes):
        share = round(n_rows * float(np.mean(labels == code)))
        part = pd.DataFrame(drawn[f"class_{code}"][:share], columns=X.columns) * spread + mean
        parts.append(part.assign(**{target: label}))
    frame = pd.concat(parts, ignore_index=True)
    for name, known in levels.items():
        codes = frame[name].round().clip(0, len(known) - 1).astype(int)
        frame[name] = np.asarray(known, dtype=object)[codes]
    return frame

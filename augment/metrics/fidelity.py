"""How near synthetic rows lie to real ones: arrays of features in, numbers out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import NearestNeighbors

from augment._errors import InvalidInputError
from augment._typing import FloatArray

__all__ = [
    "Manifold",
    "copy_rate",
    "feature_pair",
    "frechet_distance",
    "kernel_distance",
    "manifold",
    "standardised",
]


class Manifold(NamedTuple):
    """Precision, recall, density and coverage; see `manifold`."""

    precision: float
    recall: float
    density: float
    coverage: float


def kernel_distance(real: Any, synthetic: Any) -> float:
    """Give the unbiased squared kernel distance between two samples.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, d) and (m, d)
        Features, one row for each image or record; at least two rows each.

    Returns
    -------
    float
        The squared maximum mean discrepancy under the kernel ``(x.y / d + 1) ** 3``. Its mean is
        0 for two samples of one law, so a single value may be below 0.

    Raises
    ------
    InvalidInputError
        If the features cannot be used.

    Notes
    -----
    **What this does not do.** It does not say how much two samples of one law differ at this size:
    compute it between two halves of the real rows, too. It does not see copies. The kernel is
    that of M. Binkowski et al., "Demystifying MMD GANs", ICLR 2018; the units of the features
    matter, so standardise them by the real rows.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> real, fresh = rng.normal(size=(2, 200, 4))
    >>> kernel_distance(real, 3 * fresh) > kernel_distance(real, fresh) + 0.1
    True
    """
    first, second = feature_pair(real, synthetic, at_least=2)
    n, m = len(first), len(second)
    within_first = (_kernel(first, first).sum() - _self_kernel(first)) / (n * (n - 1))
    within_second = (_kernel(second, second).sum() - _self_kernel(second)) / (m * (m - 1))
    return float(within_first + within_second - 2 * _kernel(first, second).mean())


def frechet_distance(real: Any, synthetic: Any) -> float:
    """Give the Frechet distance between two normal laws with shrunk covariances.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, d) and (m, d)
        Features; at least ``2 * d`` rows each.

    Returns
    -------
    float
        The squared distance, at least 0, in squared units of the features.

    Raises
    ------
    InvalidInputError
        If there are fewer than ``2 * d`` rows, where the value would be mostly bias; reduce the
        features, or use `kernel_distance`.

    Notes
    -----
    Covariances are shrunk as in O. Ledoit and M. Wolf, "A well-conditioned estimator for
    large-dimensional covariance matrices", 2004.

    **What this does not do.** It sees means and covariances only, and shrinkage does not remove
    all of its bias: compare values of equal sizes alone, beside that of two halves of real rows.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(200, 3))
    >>> round(frechet_distance(rows, rows + [2, 0, 0]), 6)
    4.0
    """
    first, second = feature_pair(real, synthetic, at_least=2)
    fewest, width = min(len(first), len(second)), first.shape[1]
    if fewest < 2 * width:
        raise InvalidInputError(
            f"A Frechet distance of {width} features needs at least {2 * width} rows on each "
            f"side; found {fewest}. Reduce the features, or use kernel_distance."
        )
    first_law, second_law = ledoit_wolf(first)[0], ledoit_wolf(second)[0]
    values, vectors = np.linalg.eigh(first_law)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    crossed = np.linalg.eigvalsh(root @ second_law @ root)
    shift = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    spread = np.trace(first_law) + np.trace(second_law) - 2 * np.sqrt(crossed.clip(0)).sum()
    return float(max(shift + spread, 0.0))


def manifold(real: Any, synthetic: Any, *, n_neighbors: int = 5) -> Manifold:
    """Give precision, recall, density and coverage by nearest neighbours.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, d) and (m, d)
        Features; more than ``n_neighbors`` rows each.
    n_neighbors : int, default=5
        The ball of a row reaches to its neighbour of this rank in its own sample.

    Returns
    -------
    Manifold
        ``precision``: share of synthetic rows inside some real ball; ``recall``: share of real
        rows inside some synthetic ball; ``density``: how many real balls hold a synthetic row,
        over ``n_neighbors``; ``coverage``: share of real balls that hold a synthetic row.

    Raises
    ------
    InvalidInputError
        If the features cannot be used, or there are too few rows.

    Notes
    -----
    **What this does not do.** Precision rewards blur, and noise can have a high recall: read them
    together with coverage, and beside two halves of real rows. None of them sees copies. See
    T. Kynkaanniemi et al., "Improved precision and recall metric", NeurIPS 2019, and M. F. Naeem
    et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(100, 3))
    >>> manifold(rows, rows).coverage, manifold(rows, rows + 100).coverage
    (1.0, 0.0)
    """
    if n_neighbors < 1:
        raise InvalidInputError(f"n_neighbors must be at least 1; got {n_neighbors}.")
    first, second = feature_pair(real, synthetic, at_least=n_neighbors + 1)
    distances = _distances(first, second)
    inside_real = distances <= _radii(first, n_neighbors)[:, None]
    inside_synthetic = distances <= _radii(second, n_neighbors)[None, :]
    return Manifold(
        precision=float(inside_real.any(axis=0).mean()),
        recall=float(inside_synthetic.any(axis=1).mean()),
        density=float(inside_real.sum(axis=0).mean() / n_neighbors),
        coverage=float(inside_real.any(axis=1).mean()),
    )


def copy_rate(train: Any, synthetic: Any, holdout: Any, *, quantile: float = 0.05) -> float:
    """Give the share of synthetic rows that lie nearer to a training row than fresh rows do.

    Parameters
    ----------
    train, synthetic, holdout : array-like of shape (n, d), (m, d) and (h, d)
        Features. The held-out rows are of other patients than the training rows.
    quantile : float, default=0.05
        Rows nearer than this quantile of the held-out rows' distances count as copies.

    Returns
    -------
    float
        The share; about ``quantile`` for fresh rows of the same law.

    Raises
    ------
    InvalidInputError
        If the features cannot be used, or `quantile` is not between 0 and 1.

    Notes
    -----
    **What this does not do.** It is a check for copies in these features, and no measure of
    privacy.

    Examples
    --------
    >>> import numpy as np
    >>> train, holdout = np.random.default_rng(0).normal(size=(2, 100, 3))
    >>> copy_rate(train, train[:10] + 1e-6, holdout)
    1.0
    """
    if not 0 < quantile < 1:
        raise InvalidInputError(f"quantile must lie between 0 and 1; got {quantile}.")
    known, new = feature_pair(train, synthetic, at_least=1, names=("train", "synthetic"))
    _, fresh = feature_pair(train, holdout, at_least=1, names=("train", "holdout"))
    threshold = np.quantile(_nearest(known, fresh), quantile)
    return float((_nearest(known, new) <= threshold).mean())


def standardised(real: Any, *others: Any, n_components: int | None = None) -> list[FloatArray]:
    """Bring features to the units of the real rows, and onto their leading axes.

    Parameters
    ----------
    real : array-like of shape (n, d)
        Features of real rows. Each column gets mean 0 and standard deviation 1 in these rows; a
        column that is constant in them is left out.
    *others : array-like of shape (m, d)
        Features of other rows, which are moved in the same way.
    n_components : int, optional
        Keep this many leading principal axes of the real rows, and divide by the root of the
        number of columns, so that all axes together have variance 1: a Frechet distance of such
        rows is a share of the real variance.

    Returns
    -------
    list of ndarray of shape (n, k), float64
        The real rows, then the others.

    Raises
    ------
    InvalidInputError
        If the features cannot be used, no column varies, or there are fewer axes than asked for.

    Notes
    -----
    **What this does not do.** It does not whiten: a leading axis weighs more than the next one.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(5, 3, size=(50, 4))
    >>> near, far = standardised(rows, rows + 30, n_components=2)
    >>> near.shape, bool(abs(far.mean()) > abs(near.mean()))
    ((50, 2), True)
    """
    first = feature_pair(real, real, at_least=2)[0]
    rest = [feature_pair(real, other, at_least=1)[1] for other in others]
    mean, spread = first.mean(axis=0), first.std(axis=0)
    kept = spread > 1e-9 * (1 + np.abs(mean))
    if not kept.any():
        raise InvalidInputError("No feature varies in the real rows; there is nothing to compare.")
    scaled = [(rows[:, kept] - mean[kept]) / spread[kept] for rows in (first, *rest)]
    if n_components is None:
        return scaled
    most = min(scaled[0].shape)
    if not 1 <= n_components <= most:
        raise InvalidInputError(f"n_components must be between 1 and {most}; got {n_components}.")
    axes = np.linalg.svd(scaled[0], full_matrices=False)[2][:n_components]
    return [rows @ axes.T / np.sqrt(kept.sum()) for rows in scaled]


def feature_pair(
    first: Any, second: Any, *, at_least: int, names: tuple[str, str] = ("real", "synthetic")
) -> tuple[FloatArray, FloatArray]:
    """Check two arrays of features that belong together, and give them as float64.

    Parameters
    ----------
    first, second : array-like of shape (n, d) and (m, d)
    at_least : int
        Rows that each of them needs.
    names : pair of str
        How to call them in a message.

    Returns
    -------
    pair of ndarray, float64

    Raises
    ------
    InvalidInputError
        If one is not of this shape, is not finite, has too few rows, or differs in columns.
    """
    arrays = []
    for name, values in zip(names, (first, second), strict=True):
        array = np.asarray(values, dtype=np.float64)
        if array.ndim != 2 or not array.shape[1] or len(array) < at_least:
            raise InvalidInputError(
                f"{name} must be features of shape (n, d) with at least {at_least} row(s); "
                f"found shape {array.shape}. Turn images into features first."
            )
        if not np.isfinite(array).all():
            raise InvalidInputError(f"{name} must be finite; found NaN or infinite values.")
        arrays.append(array)
    if arrays[0].shape[1] != arrays[1].shape[1]:
        raise InvalidInputError(
            f"{names[0]} and {names[1]} must have the same features; found "
            f"{arrays[0].shape[1]} and {arrays[1].shape[1]} columns."
        )
    return arrays[0], arrays[1]


def _kernel(first: FloatArray, second: FloatArray) -> FloatArray:
    """Give the polynomial kernel of all pairs."""
    return np.asarray((first @ second.T / first.shape[1] + 1) ** 3)


def _self_kernel(rows: FloatArray) -> float:
    """Give the sum of the kernel of each row with itself."""
    return float(((np.square(rows).sum(axis=1) / rows.shape[1] + 1) ** 3).sum())


def _distances(first: FloatArray, second: FloatArray) -> FloatArray:
    """Give the Euclidean distances of all pairs, exactly 0 for equal rows."""
    return np.stack([np.linalg.norm(second - row, axis=1) for row in first])


def _radii(rows: FloatArray, n_neighbors: int) -> FloatArray:
    """Give each row's distance to its neighbour of a rank, itself left out."""
    return np.asarray(np.sort(_distances(rows, rows), axis=1)[:, n_neighbors])


def _nearest(known: FloatArray, rows: FloatArray) -> FloatArray:
    """Give each row's distance to the nearest known row."""
    search = NearestNeighbors(n_neighbors=1).fit(known)
    return np.asarray(search.kneighbors(rows)[0][:, 0])

"""Draw images anew where they come too near to a training image."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from augment._errors import InvalidInputError
from augment._random import seed_from, spawn_seeds
from augment._typing import BoolArray, FloatArray, RandomState
from augment.metrics._comparison import to_other_patients
from augment.metrics._sides import group_codes
from augment.metrics.fidelity import standardised
from augment.metrics.images import random_conv_features

__all__ = ["CheckedSample", "sample_without_copies"]


@dataclasses.dataclass(frozen=True, eq=False)
class CheckedSample:
    """What `sample_without_copies` gives.

    Attributes
    ----------
    images : ndarray of shape (n, channels, height, width)
    y : as the generator gives it, or None
    n_drawn : int
        Images that were drawn in all.
    n_rejected : int
        Those that came too near.
    n_missing : int
        Images that were asked for and are left out, as every draw came too near.
    threshold : float
        The distance below which an image was rejected.
    """

    images: np.ndarray
    y: Any
    n_drawn: int
    n_rejected: int
    n_missing: int
    threshold: float


def sample_without_copies(
    generator: Any,
    n_samples: int | None = None,
    *,
    train: Any,
    holdout: Any = None,
    y: Any = None,
    groups: Any = None,
    quantile: float = 0.05,
    n_rounds: int = 10,
    random_state: RandomState = None,
) -> CheckedSample:
    """Sample images, and draw those anew that come nearer to a training image than fresh ones do.

    A fitted generator holds no training image, so it cannot check this by itself: the check stands
    here, where the training images are at hand.

    Parameters
    ----------
    generator : fitted generator of images
    n_samples, y : as for ``generator.sample``
    train : array-like of shape (n, channels, height, width)
        The images that the generator was fitted on.
    holdout : array-like of shape (m, channels, height, width), optional
        Images of other patients: the measure of how near is near. Without them, training images
        of other patients are, which is stricter the more a generator was fitted to them.
    groups : array-like of shape (n,), optional
        The patient of each training image; needed without `holdout` if patients have several.
    quantile : float, default=0.05
        Images nearer than this quantile of the fresh images' distances are rejected. So about
        this share of images that are no copies is rejected, too.
    n_rounds : int, default=10
        How often an image is drawn anew before it is left out. 0 counts such images, and keeps
        them.
    random_state : None, int, RandomState or Generator
        Seed.

    Returns
    -------
    CheckedSample

    Raises
    ------
    InvalidInputError
        If images or settings cannot be used, or nothing is left.

    Notes
    -----
    Distances are Euclidean in `augment.metrics.random_conv_features`, standardised by the training
    images, as in the copy rate of `augment.evaluate_fidelity`.

    **What this does not do.** It sees what these features see. A patient may be recognised in an
    image that is no near-copy; for that see ``evaluate_privacy``. It makes the images a little
    less like the training images in all respects.

    Examples
    --------
    >>> from augment import ImageVAE
    >>> from augment.data import make_phantoms, split_slices
    >>> phantoms = make_phantoms(n_subjects=20, n_slices=2, size=32, random_state=0)
    >>> train, holdout = split_slices(phantoms, random_state=0)
    >>> vae = ImageVAE(random_state=0).fit(train.images, train.y, groups=train.groups)
    >>> drawn = sample_without_copies(vae, 10, train=train.images, holdout=holdout.images,
    ...                               random_state=0)
    >>> len(drawn.images) + drawn.n_missing
    10
    """
    if not 0 < quantile < 1 or n_rounds < 0:
        raise InvalidInputError(
            "quantile must lie between 0 and 1, and n_rounds be at least 0; got "
            f"{quantile} and {n_rounds}."
        )
    check = _Check(train, holdout, groups, quantile)
    seeds = spawn_seeds(seed_from(random_state), n_rounds + 1)
    wanted = {} if n_samples is None else {"n_samples": n_samples}
    images, labels = generator.sample(**wanted, y=y, random_state=seeds[0])
    bad = check.too_near(images)
    n_drawn, n_rejected = len(images), int(bad.sum())
    for seed in seeds[1:]:
        rows = np.flatnonzero(bad)
        if not len(rows):
            break
        asked = {"n_samples": len(rows)} if labels is None else {"y": _rows(labels, rows)}
        images[rows], _ = generator.sample(**asked, random_state=seed)
        bad[rows] = check.too_near(images[rows])
        n_drawn, n_rejected = n_drawn + len(rows), n_rejected + int(bad[rows].sum())
    kept = np.flatnonzero(~bad) if n_rounds else np.arange(len(images))
    if not len(kept):
        raise InvalidInputError(
            "Every image that was drawn came nearer to a training image than fresh images do: the "
            "generator copies. Fit it with more shrinkage, or on more patients."
        )
    left = None if labels is None else _rows(labels, kept)
    return CheckedSample(
        images[kept], left, n_drawn, n_rejected, len(images) - len(kept), check.threshold
    )


class _Check:
    """Distances from the training images, and the one below which an image is too near."""

    def __init__(self, train: Any, holdout: Any, groups: Any, quantile: float) -> None:
        self._images = np.asarray(train)
        self._train = random_conv_features(self._images, reference=self._images)
        if holdout is None:
            patients = group_codes(groups, len(self._images))
            (known,) = standardised(self._train)
            fresh = to_other_patients(known, patients)
        else:
            fresh = self._distances(np.asarray(holdout))
        self.threshold = float(np.quantile(fresh, quantile)) if np.isfinite(fresh).any() else np.inf
        if not np.isfinite(self.threshold):
            raise InvalidInputError(
                "All training images are of one patient, so nothing says how near is near. Pass "
                "holdout images of other patients."
            )

    def too_near(self, images: np.ndarray) -> BoolArray:
        """Tell which images come too near."""
        return np.asarray(self._distances(images) <= self.threshold)

    def _distances(self, images: np.ndarray) -> FloatArray:
        features = random_conv_features(images, reference=self._images)
        known, new = standardised(self._train, features)
        nearest = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(new)[0]
        return np.asarray(nearest[:, 0], np.float64)


def _rows(labels: Any, rows: np.ndarray) -> Any:
    """Give some rows of labels or conditions."""
    if isinstance(labels, pd.DataFrame | pd.Series):
        return labels.iloc[rows].reset_index(drop=True)
    return labels[rows]

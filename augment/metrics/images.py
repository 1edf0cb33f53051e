"""How near synthetic images lie to real ones, in features that need no download.

Images are arrays of shape ``(n, channels, height, width)`` of any range of intensities. Both
extractors bring them to the range of reference images first, so units do not matter but a
difference of brightness between real and synthetic images does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError, did_you_mean, listed
from augment._random import rng_for, seed_from
from augment._typing import RandomState
from augment.metrics._comparison import (
    Figures,
    Readings,
    Sample,
    copies,
    distances,
    read,
    samples_of,
    summarised,
)
from augment.metrics._pixels import Pixels, checked_images, rescaled
from augment.metrics._radiomics import radiomic_features, radiomics
from augment.metrics._random_convolutions import random_conv_features, random_conv_responses
from augment.metrics._sides import (
    Rows,
    Side,
    draw_pairs,
    group_codes,
    label_codes,
    pooled,
)

__all__ = ["compare_images", "ms_ssim_diversity", "radiomic_features", "random_conv_features"]

# Scales of MS-SSIM by the smaller side: MONAI's defaults need 176 pixels.
_SCALES: tuple[tuple[int, int, tuple[float, ...]], ...] = (
    (176, 11, (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)),
    (96, 7, (0.2, 0.3, 0.3, 0.2)),
    (0, 4, (0.3, 0.3, 0.4)),
)
_CHUNK = 64
_FEWEST = 4


def ms_ssim_diversity(
    images: Any,
    labels: Any = None,
    *,
    groups: Any = None,
    reference: Any = None,
    n_pairs: int = 200,
    random_state: RandomState = 0,
) -> float:
    """Give the mean likeness (MS-SSIM) of random pairs of images of the same class.

    Parameters
    ----------
    images : array-like of shape (n, channels, height, width)
        Finite; at least 16 pixels a side.
    labels : array-like of shape (n,), optional
        Pairs are of one class.
    groups : array-like of shape (n,), optional
        Pairs are of two patients: slices of one patient are alike for another reason.
    reference : array-like of shape (m, channels, height, width), optional
        The real images, whose range becomes 0 to 1. By default the images themselves.
    n_pairs : int, default=200
        Pairs drawn.
    random_state : int, default=0
        Which pairs.

    Returns
    -------
    float
        Between 0 and 1. Higher than that of real images means less variety (1: all alike);
        lower may be noise. NaN if no two images make a pair.

    Raises
    ------
    InvalidInputError
        If the images, labels or groups cannot be used.

    Notes
    -----
    MONAI's metric with five scales from 176 pixels up, four from 96, three below. See A. Odena
    et al., "Conditional image synthesis with auxiliary classifier GANs", ICML 2017.

    **What this does not do.** It says nothing of quality, and values of different sizes cannot
    be compared.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((6, 1, 32, 32))
    >>> same = np.repeat(images[:1], 6, axis=0)
    >>> ms_ssim_diversity(same, reference=images) > ms_ssim_diversity(images)
    True
    """
    pixels = checked_images(images)
    real = pixels if reference is None else checked_images(reference, "reference", like=pixels)
    rows = Rows(label_codes([labels], [len(pixels)])[0][0], group_codes(groups, len(pixels)))
    if n_pairs < 1:
        raise InvalidInputError(f"n_pairs must be at least 1; got {n_pairs}.")
    return _likeness(rescaled(pixels, real), rows, n_pairs, seed_from(random_state))


def _likeness(scaled: Pixels, rows: Rows, n_pairs: int, seed: int) -> float:
    """Give the mean MS-SSIM of random pairs of rescaled images."""
    import torch
    from monai.metrics.regression import compute_ms_ssim

    rng = rng_for(seed)
    first, second = rng.integers(len(scaled), size=(2, 50 * n_pairs))
    fit = (rows.labels[first] == rows.labels[second]) & (rows.groups[first] != rows.groups[second])
    first, second = first[fit][:n_pairs], second[fit][:n_pairs]
    if not len(first):
        return float("nan")
    side = min(scaled.shape[2:])
    _, size, weights = next(scale for scale in _SCALES if side >= scale[0])
    images = torch.from_numpy(np.clip(scaled, 0, 1))
    parts = [
        compute_ms_ssim(
            images[first[i : i + _CHUNK]],
            images[second[i : i + _CHUNK]],
            spatial_dims=2,
            data_range=1.0,
            kernel_size=size,
            weights=weights,
        )
        for i in range(0, len(first), _CHUNK)
    ]
    return float(torch.cat(parts).mean())


def compare_images(
    real: Any,
    synthetic: Any,
    *,
    holdout: Any = None,
    labels: Any = None,
    synthetic_labels: Any = None,
    holdout_labels: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
    features: Sequence[str] | Mapping[str, Callable[[Pixels], Any]] = ("convolutions", "radiomics"),
    n_repeats: int = 5,
    random_state: RandomState = 0,
) -> pd.DataFrame:
    """Measure synthetic images against real ones, each figure beside that of other real images.

    With a hold-out, the hold-out is the reference: the floor is how far the real images lie from
    it, the value how far the synthetic ones do. Without one, the real patients are split in two
    halves, repeatedly, and one half is the reference. Reference, real and synthetic images are
    equally many, class by class.

    Parameters
    ----------
    real : array-like of shape (n, channels, height, width)
        The images that the generator was fitted on. Their range becomes 0 to 1.
    synthetic : array-like of shape (m, channels, height, width)
        What it drew.
    holdout : array-like of shape (h, channels, height, width), optional
        Images of other patients. Without them a generator that repeats its training images looks
        as good as a perfect one, but for the copy rate.
    labels, synthetic_labels, holdout_labels : array-like, optional
        The class of each image, for all samples or for none.
    groups, holdout_groups : array-like, optional
        The patient of each real image. Without them each image is taken for a patient of its own,
        and the floors come out too low.
    features : sequence of str, or dict of name to function
        "convolutions" (`random_conv_features`) and "radiomics" (`radiomic_features`), or
        functions that turn an array of rescaled images into features of shape (n, d).
    n_repeats : int, default=5
        Draws of the halves and rows.
    random_state : int, default=0
        Which rows.

    Returns
    -------
    DataFrame
        ``features``, ``metric``, ``label`` (of a class, else empty), ``value``, ``floor``,
        ``floor_lower``, ``floor_upper`` (least and most over the draws, and with a hold-out over
        as many halves of all real patients), ``better`` ("lower", "higher" or "like floor"),
        ``n`` (images a side). Metrics: kernel distance, Frechet
        distance (at most 32 leading axes, n / 2 at most), precision, recall, density, coverage,
        two-sample AUC of each class, copy rate, and MS-SSIM of pairs (``features`` "pixels").

    Raises
    ------
    InvalidInputError
        If the images, labels, groups or features cannot be used, or a side has fewer than four
        images of common classes.

    Notes
    -----
    **What this does not do.** Values of different sizes, or of different `features`, cannot be
    compared. Precision and density reward blur; do not rank by them. The copy rate is a check, no
    measure of privacy. None of the figures says whether training on the images helps.

    Examples
    --------
    >>> real, fresh = np.random.default_rng(0).random((2, 40, 1, 16, 16))
    >>> frame = compare_images(real, 0.5 * fresh, features=["radiomics"]).set_index("metric")
    >>> bool(frame.loc["kernel distance", "value"] > frame.loc["kernel distance", "floor"])
    True
    """
    pixels = [checked_images(real, "real")]
    for name, images in (("synthetic", synthetic), ("holdout", holdout)):
        if images is not None:
            pixels.append(checked_images(images, name, like=pixels[0]))
    scaled = [rescaled(images, pixels[0]) for images in pixels]
    given = [labels, synthetic_labels, holdout_labels][: len(scaled)]
    codes, classes = label_codes(given, [len(images) for images in scaled])
    patients = [
        group_codes(values, len(images), name)
        for values, images, name in zip(
            (groups, None, holdout_groups), scaled, ("groups", "", "holdout_groups"), strict=False
        )
    ]
    rows = [Rows(*pair) for pair in zip(codes, patients, strict=True)]
    return _compared(scaled, rows, classes, _extractors(features), n_repeats, random_state)


def _extractors(
    features: Sequence[str] | Mapping[str, Callable[[Pixels], Any]],
) -> dict[str, Callable[[Pixels], Any]]:
    """Give the functions that turn rescaled images into features."""
    known: dict[str, Callable[[Pixels], Any]] = {
        "convolutions": random_conv_responses,
        "radiomics": radiomics,
    }
    if isinstance(features, Mapping):
        return dict(features)
    if isinstance(features, str) or not len(features):
        raise InvalidInputError(f"features must be a list of names; got {features!r}.")
    for name in features:
        if name not in known:
            raise InvalidInputError(
                f"features must be among {listed(known)}; got {name!r}.{did_you_mean(name, known)}"
            )
    return {name: known[name] for name in features}


def _compared(
    scaled: list[Pixels],
    rows: list[Rows],
    classes: list[Any],
    extractors: dict[str, Callable[[Pixels], Any]],
    n_repeats: int,
    random_state: RandomState,
) -> pd.DataFrame:
    """Measure checked and rescaled samples: real, synthetic and perhaps the hold-out."""
    seed = seed_from(random_state)
    draws = draw_pairs(rows, n_repeats=n_repeats, seed=seed)
    if draws.n < _FEWEST:
        raise InvalidInputError(
            "A comparison needs at least four images a side of classes that all samples have; "
            f"found {draws.n}. Draw more synthetic images, or check labels and groups."
        )
    found: dict[str, list[Readings]] = {}
    for name, extract in extractors.items():
        features = [np.asarray(extract(images), dtype=np.float64) for images in scaled]
        samples = samples_of(features, rows)

        def measure(a: Side, b: Side, samples: list[Sample] = samples) -> Figures:
            first, second = samples[a.sample].take(a.rows), samples[b.sample].take(b.rows)
            return distances(first, second, classes, seed)

        rate = copies(samples[: len(rows)], n_repeats=n_repeats, seed=seed)
        found[name] = [read(draws, measure), rate]
    images, all_rows = pooled(scaled), pooled(rows)

    def likeness(_: Side, b: Side) -> Figures:
        own = all_rows[b.sample]
        chosen = Rows(own.labels[b.rows], own.groups[b.rows])
        return {("MS-SSIM of pairs", ""): _likeness(images[b.sample][b.rows], chosen, 100, seed)}

    found["pixels"] = [read(draws, likeness)]
    return summarised(found, draws.n)

"""What the report shows of images: sheets, averages, nearest images, a walk between two draws.

Nothing here shows the picture of a patient unless it is asked for.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from augment._errors import InvalidInputError
from augment._random import rng_for, seed_from
from augment._typing import FloatArray, IntArray, RandomState
from augment.metrics._pixels import Pixels, checked_images
from augment.metrics._sides import group_codes, label_codes
from augment.report.image_distances import Nearest, nearest_images
from augment.report.image_figures import Window, montage, window_of

__all__ = ["image_section"]

COLUMNS = 6
MIN_IMAGES = 5
"""An average of fewer images, or patients, could show one of them."""
MAX_CLASSES = 10
_STEPS = 8
_MAX_PATHS = 3


def image_section(
    real: npt.ArrayLike,
    synthetic: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    synthetic_labels: npt.ArrayLike | None = None,
    *,
    groups: npt.ArrayLike | None = None,
    holdout: npt.ArrayLike | None = None,
    generator: Any = None,
    show_real_images: bool = False,
    show_patients: bool = False,
    n_images: int = 12,
    n_pairs: int = 6,
    random_state: RandomState = 0,
) -> dict[str, Any]:
    """Gather the pictures of a report on synthetic images.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels, height, width)
        The images that the generator was fitted on, and what it drew. Finite; at least 16 pixels
        a side. All pictures share one intensity window, percentiles of `real`.
    labels, synthetic_labels : array-like of shape (n,), optional
        The class of each image: for both or for neither.
    groups : array-like of shape (n,), optional
        The patient of each real image.
    holdout : array-like of shape (m, channels, height, width), optional
        Real images of other patients, the measure of how near is near.
    generator : fitted generator, optional
        With ``encode`` and ``decode``: then the section shows a walk between two of its draws.
    show_real_images : bool, default=False
        Show real images, drawn at random, beside the synthetic ones. They are pictures of
        patients: whoever has the report has them. Without them the sheets of synthetic images
        stand beside the average and the spread of the real ones.
    show_patients : bool, default=False
        Show the synthetic images that come nearest to a training image, each beside that image
        and beside the nearest held-out one. These are pictures of patients, too. Without them
        their distances are given.
    n_images : int, default=12
        Images of each class on a sheet, drawn at random.
    n_pairs : int, default=6
        Nearest pairs to show.
    random_state : None, int, RandomState or Generator, default=0
        Which images are drawn.

    Returns
    -------
    dict
        JSON values only (pictures as PNG in base64), for ``images=`` of `summarise_study`.

    Raises
    ------
    InvalidInputError
        If images or labels do not fit together.

    Notes
    -----
    Distances are Euclidean in standardised features of fixed random convolutions
    (`augment.metrics.random_conv_features`), divided by the median distance of a held-out image
    from its nearest training image; without a hold-out, of a training image from its nearest one
    of another patient.

    **What this does not do.** It measures only how near the nearest images come. Give the result
    of `augment.evaluate_fidelity` to `summarise_study` for the figures beside their floors. An
    average of few images looks like each of them, so classes of fewer than five images or
    patients get none.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real, new, held = (rng.random((20, 1, 16, 16)) for _ in range(3))
    >>> section = image_section(real, new, holdout=held)
    >>> [sheet["real"] for sheet in section["sheets"]], section["n_patient_pictures"]
    ([None], 0)
    """
    images = _checked(real, synthetic, holdout)
    samples = _Samples(
        images,
        *_codes(labels, synthetic_labels, images),
        group_codes(groups, len(images[0])),
        groups is not None,
    )
    seed = seed_from(random_state)
    window = window_of(images[0])
    sheets = _sheets(samples, window, n_images, seed, show_real=show_real_images)
    near = nearest_images(*images, groups=samples.groups, seed=seed)
    pairs = _pairs(near, images, window, n_pairs) if show_patients and n_pairs > 0 else None
    n_pictures = sum(sheet["n_real_shown"] for sheet in sheets)
    n_pictures += 0 if pairs is None else pairs["n_patient_pictures"]
    return {
        "n_real": len(images[0]),
        "n_synthetic": len(images[1]),
        "n_holdout": len(images[2]) if len(images) == 3 else 0,
        "size": list(images[0].shape[1:]),
        "n_patient_pictures": n_pictures,
        "sheets": sheets,
        "more_classes": [str(name) for name in samples.classes[MAX_CLASSES:]],
        "nearest": near.to_dict(),
        "pairs": pairs,
        "paths": [] if generator is None else _paths(generator, window, seed),
    }


@dataclasses.dataclass(frozen=True)
class _Samples:
    """Images with the class of each, and the patient of each real one."""

    images: list[Pixels]
    codes: list[IntArray]
    classes: list[Any]
    groups: IntArray
    groups_known: bool


def _checked(real: Any, synthetic: Any, holdout: Any) -> list[Pixels]:
    first = checked_images(real, "real")
    rest = {"synthetic": synthetic, "holdout": holdout}
    return [first] + [
        checked_images(value, name, like=first) for name, value in rest.items() if value is not None
    ]


def _codes(
    labels: Any, synthetic_labels: Any, images: list[Pixels]
) -> tuple[list[IntArray], list[Any]]:
    given = [labels, synthetic_labels]
    for name, values in zip(("labels", "synthetic_labels"), given, strict=True):
        if values is not None and np.ndim(values) != 1:
            raise InvalidInputError(
                f"{name} must have one class for each image; found an array of "
                f"{np.ndim(values)} dimensions. Give the column of the diagnosis alone."
            )
    codes, classes = label_codes(given, [len(part) for part in images[:2]])
    return codes, classes or [""]


def _sheets(
    samples: _Samples, window: Window, n_images: int, seed: int, *, show_real: bool
) -> list[dict[str, Any]]:
    """Draw the sheet of each class."""
    sheets = []
    for code, name in enumerate(samples.classes[:MAX_CLASSES]):
        rng = rng_for(seed, code)
        real, synthetic = (np.flatnonzero(part == code) for part in samples.codes)
        n_patients = len(np.unique(samples.groups[real]))
        chosen = _spread_out(real, samples.groups, n_images, rng) if show_real else real[:0]
        drawn = rng.permutation(synthetic)[:n_images]
        whole = samples.images[0][real], samples.images[1][synthetic]
        enough = min(n_patients, len(synthetic)) >= MIN_IMAGES
        sheets.append(
            {
                "label": str(name),
                "n_real": len(real),
                "n_patients": n_patients if samples.groups_known else None,
                "n_synthetic": len(synthetic),
                "n_real_shown": len(chosen),
                "n_synthetic_shown": len(drawn),
                "real": _picture(samples.images[0][chosen], window),
                "synthetic": _picture(samples.images[1][drawn], window),
                "averages": _averages(*whole, window) if enough else None,
                "brightness": [_brightness(part, window) for part in whole],
            }
        )
    return sheets


def _spread_out(rows: IntArray, groups: IntArray, n: int, rng: np.random.Generator) -> IntArray:
    """Draw rows of as many patients as there are, before any patient comes twice."""
    order = rng.permutation(rows)
    turn = pd.Series(order).groupby(groups[order]).cumcount().to_numpy()
    return np.asarray(order[np.argsort(turn, kind="stable")][:n])


def _picture(images: Pixels, window: Window, columns: int = COLUMNS) -> dict[str, Any] | None:
    if not len(images):
        return None
    return dataclasses.asdict(montage(images, window, columns=min(columns, len(images))))


def _averages(real: Pixels, synthetic: Pixels, window: Window) -> dict[str, Any]:
    """Show mean and spread of real and synthetic images: real mean, synthetic mean, spreads."""
    means = np.stack([part.mean(axis=0) for part in (real, synthetic)])
    spreads = np.stack([part.std(axis=0) for part in (real, synthetic)])
    spread_window = Window(np.zeros_like(window.low), _positive(spreads.max(axis=(0, 2, 3))))
    return {
        "mean": _picture(means, window, 2),
        "spread": _picture(spreads, spread_window, 2),
    }


def _positive(highest: npt.NDArray[np.float32]) -> FloatArray:
    high = highest.astype(np.float64)[:, None, None]
    return np.where(high > 0, high, 1.0)


def _brightness(images: Pixels, window: Window) -> list[float] | None:
    """Give mean and mean contrast (deviation within an image) as shares of the window."""
    if not len(images):
        return None
    scaled = (images - window.low) / (window.high - window.low)
    return [float(scaled.mean()), float(scaled.std(axis=(2, 3)).mean())]


def _pairs(near: Nearest, images: list[Pixels], window: Window, n_pairs: int) -> dict[str, Any]:
    """Show the synthetic images that come nearest, with what they come near to."""
    order = np.argsort(near.to_train, kind="stable")[:n_pairs]
    held = near.holdout_rows is not None and near.to_holdout is not None
    rows = []
    for place in order:
        picked = [images[1][near.synthetic_rows[place]], images[0][near.train_rows[place]]]
        distances = [float(near.to_train[place])]
        if near.holdout_rows is not None and near.to_holdout is not None:
            picked.append(images[2][near.holdout_rows[place]])
            distances.append(float(near.to_holdout[place]))
        rows.append(
            {"picture": _picture(np.stack(picked), window, len(picked)), "distances": distances}
        )
    return {"rows": rows, "held_out": held, "n_patient_pictures": len(rows) * (2 if held else 1)}


def _paths(generator: Any, window: Window, seed: int) -> list[dict[str, Any]]:
    """Walk in equal steps from the code of one draw to that of another of the same condition."""
    if not (hasattr(generator, "encode") and hasattr(generator, "decode")):
        return []
    paths = []
    for wanted, name in _conditions(generator, seed):
        ends, given = (
            (None, None)
            if wanted is None
            else (_rows(wanted, [0] * 2), _rows(wanted, [0] * _STEPS))
        )
        X, y = generator.sample(2 if ends is None else 1, y=ends, random_state=seed)
        first, last = generator.encode(X, y)
        steps = np.linspace(0, 1, _STEPS)[:, None]
        images = generator.decode((1 - steps) * first + steps * last, given)
        apart = np.abs(np.diff(np.asarray(images, dtype=np.float64), axis=0))
        change = (apart / (window.high - window.low)).mean(axis=(1, 2, 3))
        paths.append(
            {
                "label": name,
                "n": _STEPS,
                "picture": _picture(np.asarray(images), window, _STEPS),
                "change": [float(change.mean()), float(change.max())],
            }
        )
    return paths


def _conditions(generator: Any, seed: int) -> list[tuple[Any, str]]:
    """Give up to three conditions, one of each class where there are classes, and their names."""
    _, y = generator.sample(200, random_state=seed)
    if y is None:
        return [(None, "")]
    if np.ndim(y) > 1 or not hasattr(generator, "classes_"):
        return [(_rows(y, [place]), "") for place in range(_MAX_PATHS)]
    values = np.asarray(y, dtype=object)
    found = {name: int(np.flatnonzero(values == name)[0]) for name in dict.fromkeys(values)}
    return [(_rows(y, [found[n]]), str(n)) for n in sorted(found, key=str)[:_MAX_PATHS]]


def _rows(y: Any, places: list[int]) -> Any:
    """Take rows of conditions, in their own container."""
    if isinstance(y, pd.DataFrame | pd.Series):
        return y.iloc[places].reset_index(drop=True)
    return np.asarray(y)[places]

"""Are synthetic rows like real ones? Every figure beside that of other real rows."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from augment._errors import InvalidInputError
from augment._random import seed_from
from augment._typing import RandomState
from augment.evaluation._fidelity_inputs import Samples, check_samples, shared_note
from augment.evaluation._fidelity_measures import N_REPEATS, image_measures, table_measures
from augment.evaluation._fidelity_result import FidelityResult
from augment.evaluation._fidelity_rule import judge
from augment.evaluation._leak_guard import refuse_leak
from augment.metrics._sides import draw_pairs

__all__ = ["FidelityResult", "evaluate_fidelity"]

_FEWEST = 4
_NAMES = ("real", "synthetic", "holdout")


def evaluate_fidelity(
    real: Any,
    synthetic: Any,
    holdout: Any = None,
    *,
    generator: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
    random_state: RandomState = None,
) -> FidelityResult:
    """Say how near synthetic rows lie to real ones, beside how near real rows lie to each other.

    Each figure stands beside its floor, the same figure for as many other real rows. With a
    hold-out, the hold-out is the reference: how far from it are the real rows (the floor), and how
    far the synthetic ones? The range of the floor also covers halves of all real patients, as it
    matters who happens to be held out. Without one, the real rows are split in two halves of
    different patients, five times.

    Parameters
    ----------
    real, synthetic, holdout : X or pair (X, y)
        The rows that the generator was fitted on, what it drew, and rows of other patients that
        it never saw. Each X is a table (frame or array of shape (n, columns)) or an array of
        images of shape (n, channels, height, width); y holds labels, a continuous target, or a
        frame of conditions, whose first column that is no amount is taken as the label. All come
        with y or none. A set of slices (with ``images``, ``y`` and ``groups``) also serves.
    generator : generator, optional
        The fitted generator: a hold-out that it was fitted on is refused.
    groups, holdout_groups : array-like of shape (n,), optional
        The patient of each row. Without them each row counts as a patient.
    random_state : None, int, RandomState or Generator, default=None
        An int makes the result repeatable.

    Returns
    -------
    FidelityResult
        ``print(result)`` shows all figures with their floors and the verdict.

    Raises
    ------
    InvalidInputError
        If columns, sizes, labels or groups do not fit together, or there are fewer than four
        rows a side; or if the generator was fitted on more of the held-out rows than have a
        duplicate among the real ones.

    Notes
    -----
    All figures are taken at the same number of rows a side and a class, 1,000 in all at most.

    - ``marginals``: mean over the columns of the Kolmogorov-Smirnov or total variation distance.
      ``dependence``: mean over the pairs of columns of the largest difference of correlations of
      normal scores and levels. ``relations kept``: share of rows in which sums such as
      "total = a + b", exact in the real rows, still hold.
    - ``two-sample AUC``: a cross-validated classifier that tells synthetic rows from the
      reference, patients kept together: linear, class by class, and for tables also gradient
      boosting.
    - ``kernel distance``, ``Frechet distance``, ``precision``, ``recall``, ``density``,
      ``coverage``, ``copy rate``: see `augment.metrics.fidelity`. Images are compared in
      random convolutions and radiomics, see `augment.metrics.images`.
    - ``label agreement``: balanced accuracy, at the labels of synthetic rows, of a classifier
      fitted on the reference; the floor is its accuracy at other real rows. Far above the floor
      means rows that are too typical of their class.

    The rule of the verdict was fixed beforehand. ``too few rows``: fewer than 20 a side.
    ``copies``: the copy rate is more than 0.1 above the highest floor, which includes what few
    fresh rows give by chance (once in a hundred). ``at the floor``: the
    two-sample AUC (mean over the classes), recall and coverage are no more than 0.1 worse than the
    floor, or within its range, no exact relation is lost, and no column and no pair of columns is
    far from its floor. ``far from the floor``: the AUC is more than 0.25 above the floor (or above
    0.5, if that is more), or recall or coverage is less than half of it, or a column that is far
    from its floor is 0.25 beyond it, a pair 0.5. Else ``near the floor``.

    A column, or a pair, is far from its floor if its figure is more than 0.1 above it and further
    off than that of any column (pair) in 99 of 100 cases where the rows of the reference and the
    synthetic ones are dealt to the two sides by chance, each in its own standard deviations: of
    fresh rows, any column is named once in forty times at most, and any pair as well. The reason
    names the worst, `FidelityResult.by_column` and ``by_pair`` have all.

    What this does not do: a generator that repeats its rows is at the floor in everything but the
    copy rate; for privacy see ``evaluate_privacy``. It does not say whether the rows help: see
    `evaluate_lift`, which rows far from the floor may pass and rows at the floor may fail.

    References
    ----------
    Lopez-Paz, D. and Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR. Naeem, M. F.
    et al. (2020). Reliable fidelity and diversity metrics for generative models. ICML. Binkowski,
    M. et al. (2018). Demystifying MMD GANs. ICLR.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> real, fresh, holdout = (pd.DataFrame(rng.normal(size=(40, 3))) for _ in range(3))
    >>> evaluate_fidelity(real, fresh * 3, holdout, random_state=0).verdict
    'far from the floor'
    """
    start = time.perf_counter()
    samples = check_samples(real, synthetic, holdout, groups, holdout_groups)
    warned = []
    if generator is not None and len(samples.X) == 3:
        warned = refuse_leak(generator, samples.X[0], samples.X[2])
    seed = seed_from(random_state)
    draws = draw_pairs(samples.rows, n_repeats=N_REPEATS, seed=seed)
    n = draws.n
    if n < _FEWEST:
        raise InvalidInputError(
            f"A comparison needs at least {_FEWEST} rows a side of classes that all samples have; "
            f"found {n}.{_labels_of(samples)} Draw more synthetic rows, or check labels and groups."
        )
    measure = image_measures if samples.is_image else table_measures
    found = measure(samples, draws, seed)
    rows = "images" if samples.is_image else "rows"
    tables = found.summary, found.by_column, found.by_pair, found.relations
    verdict, reason = judge(*tables, n, rows)
    settings = {
        **{f"n_{name}": len(rows) for name, rows in zip(_NAMES, samples.rows, strict=False)},
        "n_per_side": n,
        "n_repeats": N_REPEATS,
        "classes": [str(value) for value in samples.classes],
        "seed": seed,
        "seconds": time.perf_counter() - start,
    }
    return FidelityResult(
        verdict=verdict,
        reason=reason,
        summary=found.summary,
        by_column=found.by_column,
        by_pair=found.by_pair,
        relations=found.relations,
        settings=settings,
        notes=(*warned, *_notes(samples, groups)),
    )


def _notes(samples: Samples, groups: Any) -> list[str]:
    notes = []
    if len(samples.X) == 2:
        notes.append(
            "Without a hold-out, the reference is a half of the rows that the generator was "
            "fitted on: figures flatter a generator that fits them too closely."
        )
    else:
        notes += shared_note(samples, "real")
    n_patients = len(np.unique(samples.rows[0].groups))
    if samples.is_image and n_patients == len(samples.rows[0]) and groups is None:
        notes.append(
            "Each image counts as a patient; if patients have several, pass groups: the floors "
            "are too low without them."
        )
    names = [str(value) for value in samples.classes]
    for code, name in enumerate(names):
        counts = [int((rows.labels == code).sum()) for rows in samples.rows]
        if min(counts) == 0:
            notes.append(f"Class {name} is missing in one of the samples and was left out.")
    return notes


def _labels_of(samples: Samples) -> str:
    """Write how often each label stands in each sample, as a sentence with a leading space."""
    if not samples.classes:
        return ""
    parts = []
    for name, rows in zip(_NAMES, samples.rows, strict=False):
        counts = np.bincount(rows.labels, minlength=len(samples.classes))
        there = [f"{label} {n}" for label, n in zip(samples.classes, counts, strict=True) if n]
        parts.append(f"{name} {', '.join(there)}")
    return f" Labels: {'; '.join(parts)}."

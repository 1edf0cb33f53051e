"""Does adding synthetic rows help? A paired, leak-free, repeated cross-validation."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from joblib import Memory, Parallel, delayed
from sklearn.utils.validation import check_memory

from augment._errors import AugmentWarning, InvalidInputError
from augment._random import seed_from
from augment._typing import IntArray, RandomState
from augment.data.schema import TableSchema
from augment.evaluation._text import DECIDING
from augment.evaluation.arms import Plan
from augment.evaluation.assembly import Outcome, assemble, study_settings
from augment.evaluation.classifiers import candidates
from augment.evaluation.images import AUTO_AMOUNT, check_images, missing_groups_note
from augment.evaluation.inputs import Cohort, check_cohort, check_external, n_duplicates, take
from augment.evaluation.learning_curve import MIN_BOTTOM, run_curve
from augment.evaluation.notes import cohort_notes
from augment.evaluation.parameters import (
    check_counts,
    check_generator,
    check_metrics,
    check_ratio,
    check_ropes,
    controls,
    provenance,
)
from augment.evaluation.results import LiftResult
from augment.evaluation.rows import Amount
from augment.evaluation.scoring import METRICS
from augment.evaluation.splits import Split, plan_splits, scorable_classes
from augment.evaluation.trial import run_split
from augment.evaluation.words import of_images

__all__ = ["evaluate_lift"]

N_CURVE_SPLITS, N_IMAGE_CURVE_SPLITS = 10, 5
ROPE: Mapping[str, float] = MappingProxyType({"roc_auc": 0.005, "neg_log_loss": 0.01})


def evaluate_lift(
    generator: Any,
    X: Any,
    y: Any,
    *,
    estimators: Any = None,
    groups: Any = None,
    X_test: Any = None,
    y_test: Any = None,
    n_splits: int = 5,
    n_repeats: int = 6,
    ratio: float | str = "auto",
    baselines: Any = "auto",
    metrics: Sequence[str] = tuple(METRICS),
    rope: Mapping[str, float] = ROPE,
    n_jobs: int | None = None,
    memory: Any = None,
    random_state: RandomState = None,
    verbose: int = 0,
) -> LiftResult:
    """Measure whether synthetic rows help classifiers, and say so in one word.

    In every split a clone of the generator is fitted on the training part alone; classifiers learn
    from the real rows, from real and synthetic rows, and from controls with as many rows; all are
    scored on the same untouched test part.

    Parameters
    ----------
    generator : generator
        An unfitted generator such as ``TabularVAE()``. It is cloned, never fitted itself.
    X : DataFrame or array of shape (n, ...)
        Real rows: a table (mixed types and missing values are fine) or images.
    y : array-like of shape (n,)
        Labels. Classes with fewer rows than `n_splits` stay in training and are not scored.
    estimators : None, classifier, list or dict of classifiers, default=None
        None takes the six of `default_estimators`; for images a small CNN
        (`augment.ImageClassifier`) and logistic regression on fixed random convolutions. Bare
        classifiers of tables get a default preparation; pipelines are used as they are.
    groups : array-like of shape (n,), default=None
        The patient of each row. No patient is ever on both sides of a split.
    X_test, y_test : as `X` and `y`, default=None
        External validation: rows from elsewhere, such as another hospital.
    n_splits, n_repeats : int, default=5 and 6
        Parts per repetition, and repetitions.
    ratio : "auto" or float, default="auto"
        Synthetic rows per training row; "auto" is ``max(500, 5 n)`` rows for ``n`` training rows,
        and for images ``5 n`` of which each counts a fifth of a real one.
    baselines : "auto", tuple of str, or dict of str to generator, default="auto"
        Control arms. "auto" is "bootstrap", "jitter", "smote" and "class_weight" for tables, and
        "bootstrap" and "classical" for images. A dict adds generators to compare with, under
        names of your own. Without "bootstrap" the verdict "helps" is never given.
    metrics : sequence of str
        Out of "roc_auc", "neg_log_loss" (these two decide), "balanced_accuracy", "neg_brier",
        "calibration_slope".
    rope : dict, default={"roc_auc": 0.005, "neg_log_loss": 0.01}
        Changes that make no difference.
    n_jobs : int or None, default=None
        Processes, as in joblib; `joblib.parallel_config` chooses other backends. Results do not
        depend on it.
    memory : str, joblib.Memory or None, default=None
        A folder where finished splits are kept: a study that was interrupted goes on from there
        when it is called again with the same data, parameters and integer `random_state`. Splits
        that other versions of the packages, or other code of this one, computed are not used.
    random_state : None, int, RandomState or Generator, default=None
        An int makes the result repeatable.
    verbose : int, default=0
        Above 0: a progress bar on the standard error stream.

    Returns
    -------
    LiftResult
        ``print(result)`` shows the verdict per classifier and overall.

    Raises
    ------
    InvalidInputError
        Fewer than 10 rows, one class, fewer than two classes that can be scored, missing or
        unknown labels, test columns that differ, parameters out of range.
    InvalidTypeError
        Something of the wrong type.
    TrainingError
        The generator under test failed. Controls that fail are left out and named in ``notes``.

    Notes
    -----
    The rule of the verdict was fixed beforehand and looks at the mean over classifiers within each
    split. ``helps``: the lower bound of the corrected 95 % interval is above 0 for ROC AUC or log
    loss and above minus the tolerance for the other, against the real rows and against plain
    copies of them. ``harms``: the upper bound is below minus the tolerance for either.
    ``equivalent``: both intervals lie inside the tolerance. Else ``no evidence``.

    Metrics are read from the probabilities of the scored classes. AUC is the mean of one against
    the rest; log loss floors the probability of the true class at 0.001; the Brier score is half
    the squared distance summed over classes; the calibration slope is a pooled, Firth-corrected
    logistic recalibration.

    **Images.** With "classical" among the baselines every arm is run twice, plain and with
    classical augmentation (`augment.data.ClassicalAugmentation`), by the same classifiers in the
    same number of optimiser steps. The verdict is then about what synthetic images add to that:
    ``classical_augmented`` against ``classical``, and against ``classical_bootstrap``.
    ``comparisons`` also holds ``augmented`` against ``real``. A classifier with a parameter
    ``augmentation`` moves all of its images itself, anew in every step; any other learns from the
    real images and four moved copies of each, which together count as one, and from what is added.

    What this does not do: it tunes neither generator nor classifiers, so a lift may stand for
    regularisation that tuning would also bring; it says nothing about privacy.

    References
    ----------
    Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from augment import GaussianCopula, evaluate_lift
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 3)) + y[:, None]
    >>> result = evaluate_lift(GaussianCopula(), X, y, estimators=LogisticRegression(),
    ...                        n_repeats=1, ratio=1.0, random_state=0)
    >>> result.verdict in {"helps", "no evidence", "harms", "equivalent"}
    True
    """
    start = time.perf_counter()
    check_generator("generator", generator)
    check_counts(n_splits, n_repeats)
    ropes = check_ropes(rope)
    cohort = check_cohort(X, y, groups)
    is_table = isinstance(cohort.X, pd.DataFrame) or cohort.X.ndim == 2
    _check_rows(cohort, generator, is_table)
    wanted = controls(baselines, generator, is_table=is_table)
    kept = scorable_classes(cohort, n_splits)
    external, external_notes = _external_rows(cohort, check_external(cohort, X_test, y_test), kept)
    amount = _amount(check_ratio(ratio), is_table)
    plan = Plan(
        cohort=cohort,
        kept=kept,
        generators={"augmented": generator, **wanted.generators},
        class_weight=wanted.class_weight,
        candidates=candidates(estimators, is_table=is_table),
        metrics=check_metrics(metrics),
        ratio=amount.ratio,
        seed=seed_from(random_state),
        external=external,
        classical=wanted.classical,
        weight=amount.weight,
    )
    splits = plan_splits(cohort, n_splits, n_repeats, plan.seed)
    n_twins = n_duplicates(cohort.X, cohort.groups)
    _warn_of_duplicates(n_twins)
    image_notes = [] if is_table else missing_groups_note(cohort)
    outcome = _run(plan, splits, n_jobs, verbose, check_memory(memory))
    result = assemble(plan, splits, outcome, ropes)
    settings = {
        **study_settings(plan, splits, outcome, n_splits, n_repeats),
        "rope": dict(zip(DECIDING, ropes, strict=True)),
        "seconds": time.perf_counter() - start,
        "n_jobs": n_jobs,
    }
    notes = (*image_notes, *cohort_notes(plan, n_twins), *external_notes, *result.notes)
    result = dataclasses.replace(result, settings=settings, notes=notes)
    return result if is_table else of_images(result)


def _check_rows(cohort: Cohort, generator: Any, is_table: bool) -> None:
    """Refuse what no generator could learn from, before anything is fitted."""
    if is_table:
        TableSchema.infer(cohort.X, generator.get_params(deep=False).get("schema"))
    else:
        check_images(cohort.X)


def _amount(ratio: float | str, is_table: bool) -> Amount:
    """Say how many synthetic rows there are."""
    if ratio == "auto" and not is_table:
        return AUTO_AMOUNT
    return Amount(ratio)


def _warn_of_duplicates(n_twins: int) -> None:
    if n_twins:
        warnings.warn(
            f"{n_twins} rows of X have an exact duplicate, which may fall on the other side of a "
            "split. Drop duplicates, or pass groups that keep them together.",
            AugmentWarning,
            stacklevel=3,
        )


def _external_rows(
    cohort: Cohort, given: tuple[Any, IntArray] | None, kept: IntArray
) -> tuple[tuple[Any, IntArray] | None, list[str]]:
    """Keep the external rows of scored classes, and say what was dropped or doubled."""
    if given is None:
        return None, []
    X_test, codes = given
    rows = np.flatnonzero(np.isin(codes, kept))
    if np.unique(codes[rows]).size < 2:
        raise InvalidInputError(
            "y_test must hold at least two of the scored classes "
            f"{cohort.classes[kept].tolist()}: an AUC needs both sides."
        )
    notes = []
    if rows.size < codes.size:
        notes.append(
            f"{codes.size - rows.size} external rows belong to classes that are not scored."
        )
    both = pd.concat([_flat_frame(cohort.X), _flat_frame(X_test)], ignore_index=True)
    owners = np.repeat([0, 1], [len(cohort), codes.size]).astype(np.int64)
    n_shared = n_duplicates(both, owners)
    if n_shared:
        notes.append(f"{n_shared} rows of X and X_test are equal to a row of the other table.")
    return (take(X_test, rows), codes[rows]), notes


def _flat_frame(X: Any) -> pd.DataFrame:
    return X if isinstance(X, pd.DataFrame) else pd.DataFrame(X.reshape(len(X), -1))


def _curve_splits(splits: list[Split], most: int) -> list[int]:
    """Pick some splits, spread over all repeats, if there are rows enough."""
    if min(split.train.size for split in splits) // 4 < MIN_BOTTOM:
        return []
    n = min(most, len(splits))
    return sorted({round(i) for i in np.linspace(0, len(splits) - 1, n)})


def _task(
    run: Callable[..., Any],
    plan: Plan,
    split: Split,
    known: dict[str, str],  # noqa: ARG001 (tells memories of other code apart)
) -> Any:
    """Run one split."""
    return run(plan, split.train, split.test, (split.repeat, split.split))


def _remembered(
    memory: Memory, run: Callable[..., Any], at: int, plan: Plan, split: Split
) -> tuple[str, int, Any]:
    """Run one split, unless the memory has it."""
    return run.__name__, at, memory.cache(_task)(run, plan, split, provenance())


def _run(
    plan: Plan, splits: list[Split], n_jobs: int | None, verbose: int, memory: Memory
) -> Outcome:
    """Run all splits and all points of the learning curve, in parallel."""
    curve_plan, task = dataclasses.replace(plan, external=None), delayed(_remembered)
    tasks = [task(memory, run_split, i, plan, split) for i, split in enumerate(splits)]
    at = _curve_splits(splits, N_IMAGE_CURVE_SPLITS if plan.classical else N_CURVE_SPLITS)
    tasks += [task(memory, run_curve, i, curve_plan, splits[i]) for i in at]
    if verbose > 0:
        done = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(tasks)
        done = list(_with_progress(done, len(tasks)))
    else:
        done = Parallel(n_jobs=n_jobs)(tasks)
    found = {(name, at): value for name, at, value in done}
    trials = [found[run_split.__name__, i] for i in range(len(splits))]
    points = {at: value for (name, at), value in found.items() if name == run_curve.__name__}
    return Outcome(trials, dict(sorted(points.items())))


def _with_progress(done: Iterator[Any], total: int) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import track

    yield from track(done, "Evaluating", total=total, console=Console(stderr=True))

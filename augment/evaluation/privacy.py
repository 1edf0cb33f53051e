"""Do synthetic rows give training rows away? Copies, attacks, and who is most exposed."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

from augment._errors import InvalidInputError
from augment._random import seed_from
from augment._typing import FloatArray, RandomState
from augment.evaluation._fidelity_inputs import Samples, check_samples, shared_note
from augment.evaluation._leak_guard import refuse_leak
from augment.evaluation._privacy_audit import Audit, audit
from augment.evaluation._privacy_copies import COPY_LEVEL, Copies, find_copies
from augment.evaluation._privacy_result import PrivacyResult
from augment.evaluation._privacy_rule import (
    AUDIT,
    LEAK_LEVEL,
    MATERIAL_AUC,
    MATERIAL_AUDIT_AUC,
    NEARNESS_LEVEL,
    VERY_NEAR,
    is_material,
    judge,
)
from augment.evaluation._privacy_space import space_of
from augment.metrics._membership import ATTACKS, Membership, membership_inference
from augment.metrics.privacy import excess_nearness

__all__ = ["PrivacyResult", "evaluate_privacy"]

_FEWEST = 10
_FEW = 50
_FEWEST_FITS = 6
# Halves of fewer rows cannot be fitted.
_FEWEST_AUDITED = 24


def evaluate_privacy(
    train: Any,
    synthetic: Any,
    holdout: Any,
    *,
    generator: Any = None,
    n_audit_fits: int = 32,
    groups: Any = None,
    holdout_groups: Any = None,
    random_state: RandomState = None,
) -> PrivacyResult:
    """Look for copies of training rows, attack them, and say which of them are most exposed.

    Parameters
    ----------
    train, synthetic, holdout : X or pair (X, y)
        The rows that the generator was fitted on, what it drew, and rows of other patients of the
        same population that it never saw. Each X is a table (frame or array of shape
        (n, columns)) or an array of images of shape (n, channels, height, width); all come with y
        or none. A set of slices (with ``images``, ``y`` and ``groups``) also serves.
    generator : generator, optional
        The generator that drew the rows, fitted or not; if fitted, a hold-out that it was fitted
        on is refused. Clones of it are fitted on random halves
        of the training rows: what do draws owe to each single patient?
    n_audit_fits : int, default=32
        Fits of the audit, an even number of at least 6; 0 leaves the audit out. They run in
        parallel inside ``joblib.parallel_config(n_jobs=...)``.
    groups, holdout_groups : array-like of shape (n,), optional
        The patient of each row. Without them each row counts as a patient.
    random_state : None, int, RandomState or Generator, default=None
        An int makes the result repeatable.

    Returns
    -------
    PrivacyResult
        ``print(result)`` shows attacks and verdict; ``result.copied_`` says which synthetic rows
        to leave out.

    Raises
    ------
    InvalidInputError
        If columns, sizes, labels or groups do not fit together, or training part or hold-out have
        fewer than ten rows; or if the generator was fitted on more of the held-out rows than have a
        duplicate in the training part.

    Notes
    -----
    *Copies.* A synthetic row's distance to the nearest training row is compared with that to the
    nearest held-out row, see `augment.metrics.nearness`. A row that is equal to a training row is
    judged by how likely such a row is, see `augment.metrics.match_probabilities`; if a held-out
    row has the same values, it is no copy. Labels are not looked at: a patient's row with another
    label is still the patient's row. Rows are copies *beyond chance* such that at most 0.5 % of
    them are expected to be so by chance. Where columns have few values, chance makes equal rows,
    too: then all rows that are equal to training rows are copies beyond chance if significantly
    (0.005) more distinct training rows than held-out rows are met.

    Images are compared a second time with each laid on the other: moved, turned, mirrored,
    stretched a little, and with brightness and contrast set equal; see
    `augment.metrics.aligned_nearness`. Copies must lie twice as near to a training image as to any
    held-out one. At most 0.5 % of the images are expected to be called copies
    by chance here, too. Real images are laid on those of other patients in the same way.

    `PrivacyResult.copied_` has the copies beyond chance, and all other rows that are equal to a
    training row and to no held-out row: it misses no exact copy but those of rows that held-out
    patients have, too. A note says how many of them chance may explain; they do not count for the
    verdict.

    All rows together are tested for lying nearer to training rows than to held-out rows, see
    `augment.metrics.excess_nearness`.

    *Attacks.* See `augment.metrics.membership_inference`. Labels count as a column.

    *Audit.* Draws of fits with and without each row are compared, see
    `augment.metrics.exposure`.

    The rule of the verdict was fixed beforehand. ``copies found``: any row is a copy beyond chance.
    ``memorisation found``: something was found that is *clear* and *material*.

    - An attack on the synthetic rows is better than guessing, by its AUC or by the share that it
      finds (p at most 0.02, corrected for all attacks and both figures), and as good as an AUC of
      0.6. Such an attacker, asked at even odds whether a patient was in the table, is right 57
      times in 100.
    - All synthetic rows together lie too near to training rows (p at most 0.005), and 70 % of
      them would be nearest to a training row if there were as many held-out rows, or twice as many
      as chance explains are nearer to one than all but 5 % of fresh rows.
    - With a generator, the attack by refits has an AUC of significantly (0.02) more than 0.7: right
      64 times in 100. This attacker knows the generator and fits it on half of the rows, so that
      any law estimated from few rows leans on them; differential privacy with an epsilon of 1
      would allow an AUC of 0.73.

    Else ``nothing found at this size``; what is clear and not material is told in the reason, with
    its figures.

    **What this does not do.** It cannot show that rows give nobody away: a stronger attack may
    exist, and with few rows a leak must be large to be seen. Distances are a copy check, and no
    measure of privacy (Z. Yao et al., "The DCR delusion", ESORICS 2025). Copies of images that are
    bent, or of a part of an image, may not be seen. Only differential privacy bounds what any
    attacker can learn.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> train, fresh, holdout = (pd.DataFrame(rng.normal(size=(60, 4))) for _ in range(3))
    >>> mixed = pd.concat([fresh, train[:2]], ignore_index=True)
    >>> result = evaluate_privacy(train, mixed, holdout, random_state=0)
    >>> result.verdict, np.flatnonzero(result.copied_).tolist()
    ('copies found', [60, 61])
    """
    start = time.perf_counter()
    _check_fits(n_audit_fits)
    if holdout is None:
        raise InvalidInputError(
            "evaluate_privacy needs held-out rows, to tell copies from chance; found none. Split "
            "the table, fit the generator on one part, and pass the other as holdout."
        )
    samples = check_samples(train, synthetic, holdout, groups, holdout_groups)
    sizes = dict(zip(("train", "synthetic", "holdout"), map(len, samples.X), strict=True))
    if min(sizes["train"], sizes["holdout"]) < _FEWEST or not sizes["synthetic"]:
        raise InvalidInputError(
            f"evaluate_privacy needs at least {_FEWEST} training and held-out rows and a synthetic "
            f"one; found {sizes['train']}, {sizes['holdout']} and {sizes['synthetic']}."
        )
    warned = []
    if generator is not None and not _is_unfitted(generator):
        warned = refuse_leak(generator, samples.X[0], samples.X[2])
    seed = seed_from(random_state)
    space = space_of(samples)
    features = [space.features(*pair) for pair in zip(samples.X, samples.extra, strict=True)]
    copies = find_copies(samples, space, features)
    found = membership_inference(
        *_with_labels(samples, features),
        groups=samples.rows[0].groups,
        holdout_groups=samples.rows[2].groups,
        random_state=seed,
    )
    refits = None
    if generator is not None and n_audit_fits and sizes["train"] >= _FEWEST_AUDITED:
        rows = samples.rows[0]
        refits = audit(generator, train, groups, rows, space, features, n_audit_fits, seed)
    attacks = _attacks(found, refits)
    strongest = _strongest(found)
    nearest = _nearest(samples, features, copies, seed)
    verdict, reason = judge(copies, attacks, strongest, nearest, sizes["train"])
    return PrivacyResult(
        verdict=verdict,
        reason=reason,
        copies=copies.table,
        attacks=attacks,
        exposed=_exposed(copies, found, refits),
        strongest=strongest,
        nearest=nearest,
        settings={
            **{f"n_{name}": n for name, n in sizes.items()},
            "n_audit_fits": 0 if refits is None else refits.n_fits,
            "n_audit_draws": 0 if refits is None else refits.n_drawn,
            "copy_level": COPY_LEVEL,
            "leak_level": LEAK_LEVEL,
            "nearness_level": NEARNESS_LEVEL,
            "material_auc": MATERIAL_AUC,
            "material_audit_auc": MATERIAL_AUDIT_AUC,
            "differential_privacy": getattr(generator, "privacy_", None),
            "seed": seed,
            "seconds": time.perf_counter() - start,
        },
        notes=(*warned, *_notes(samples, copies, refits, groups)),
    )


def _is_unfitted(generator: Any) -> bool:
    """Tell whether it has not been fitted: then the audit alone wants it."""
    return not getattr(generator, "__sklearn_is_fitted__", lambda: True)()


def _check_fits(n_fits: int) -> None:
    if n_fits and (n_fits < _FEWEST_FITS or n_fits % 2):
        raise InvalidInputError(
            f"n_audit_fits must be 0 or an even number of at least {_FEWEST_FITS}; got {n_fits}."
        )


def _with_labels(samples: Samples, features: list[FloatArray]) -> list[FloatArray]:
    """Put an indicator of each class beside the features."""
    if len(samples.classes) < 2:
        return features
    classes = np.arange(len(samples.classes))
    return [
        np.hstack([part, np.sqrt(0.5) * (rows.labels[:, None] == classes[None, :])])
        for part, rows in zip(features, samples.rows, strict=True)
    ]


def _attacks(found: Membership, refits: Audit | None) -> pd.DataFrame:
    n_tests = 2 * len(ATTACKS)
    p_values = np.minimum(n_tests * np.minimum(found.p_auc, found.p_tpr), 1.0)
    frame = pd.DataFrame(
        {
            "attack": ATTACKS,
            "auc": found.auc,
            "lower": found.auc_lower,
            "upper": found.auc_upper,
            "tpr": found.tpr,
            "fpr": found.fpr,
            "p_value": p_values,
            "material": (p_values <= LEAK_LEVEL)
            & is_material(found.auc, found.tpr, found.fpr, MATERIAL_AUC),
            "strongest": np.arange(len(ATTACKS)) == found.strongest,
        }
    )
    if refits is None:
        return frame
    shown = refits.exposure
    line = {
        "attack": AUDIT,
        **{part: getattr(shown, part) for part in ("auc", "lower", "upper", "tpr", "fpr")},
        "p_value": shown.p_value(),
        "material": shown.p_value(MATERIAL_AUDIT_AUC) <= LEAK_LEVEL,
        "strongest": False,
    }
    return pd.concat([frame, pd.DataFrame([line])], ignore_index=True)


def _strongest(found: Membership) -> dict[str, Any]:
    k = found.strongest
    return {
        "attack": ATTACKS[k],
        "auc": float(found.auc[k]),
        "lower": found.lower,
        "upper": found.upper,
        "tpr": float(found.tpr[k]),
        "fpr": found.fpr,
    }


def _nearest(
    samples: Samples, features: list[FloatArray], copies: Copies, seed: int
) -> dict[str, float]:
    owners = [samples.rows[i].groups for i in (0, 2)]
    share, p_value = excess_nearness(
        *features, groups=owners[0], holdout_groups=owners[1], random_state=seed
    )
    n, h = len(features[0]), len(features[2])
    near, far = share / n, (1 - share) / h
    return {
        "share": share,
        "expected": n / (n + h),
        "balanced_share": near / (near + far),
        "very_near": float((copies.table["p_value"] <= VERY_NEAR).mean()),
        "p_value": p_value,
    }


def _exposed(copies: Copies, found: Membership, refits: Audit | None) -> pd.DataFrame:
    """Sort the training rows by how exposed they are."""
    n = len(found.p_rows)
    copied = copies.table.loc[copies.table["beyond_chance"], "nearest_train_row"]
    nothing = np.full(n, np.nan)
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "n_copies": np.bincount(copied.to_numpy(dtype=np.int64), minlength=n),
            "attack_p_value": found.p_rows,
            "times_nearer": nothing if refits is None else refits.exposure.times_nearer,
            "near_inside": nothing if refits is None else refits.near_inside,
            "near_outside": nothing if refits is None else refits.near_outside,
            "exposed_p_value": nothing if refits is None else refits.exposure.p_values,
        }
    )
    order = ["n_copies", "exposed_p_value", "attack_p_value"]
    return frame.sort_values(order, ascending=[False, True, True], kind="stable", ignore_index=True)


def _notes(samples: Samples, copies: Copies, refits: Audit | None, groups: Any) -> list[str]:
    notes = shared_note(samples, "training")
    if copies.n_perhaps:
        notes.append(
            f"{copies.n_perhaps} more of the synthetic rows are equal to a training row and to no "
            "held-out row. Chance may explain that, so they do not count for the verdict; they are "
            "in copied_, as each of them may be a copy."
        )
    if copies.n_shared:
        notes.append(
            f"{copies.n_shared} synthetic rows are equal to a training row and to a held-out row: "
            "what other patients have, too, is not called a copy."
        )
    n_patients = [len(np.unique(samples.rows[i].groups)) for i in (0, 2)]
    if min(n_patients) < _FEW:
        notes.append(
            f"With {n_patients[0]} training and {n_patients[1]} held-out patients only a large "
            "leak can be seen."
        )
    if refits is None:
        notes.append(
            "There was no audit by refits, which sees more: it needs a generator, and at least "
            f"{_FEWEST_AUDITED} training rows."
        )
    if samples.is_image and groups is None and n_patients[0] == len(samples.rows[0]):
        notes.append(
            "Each image counts as a patient; if patients have several, pass groups: slices of one "
            "patient on both sides of the hold-out's halves look like a leak."
        )
    return notes

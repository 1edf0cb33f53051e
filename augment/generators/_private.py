"""The private fit of `TabularVAE`: everything learned from the table is charged to one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_consistent_length, validate_data
from torch import nn

from augment._device import resolve_device
from augment._errors import InvalidInputError
from augment._random import rng_for, seed_from, torch_generator
from augment._typing import IntArray
from augment.data._labels import as_condition_frame
from augment.data.conditions import ConditionEncoder
from augment.data.encoder import TableEncoder
from augment.generators._effects import AdditiveEffects
from augment.generators._privacy_budget import Budget, spend
from augment.generators._private_margins import check_rows, pseudo_rows, public_schema, shares
from augment.generators._training import Stage, Training, seed_of
from augment.objectives.private import PrivateVariationalObjective
from augment.training import Batches

if TYPE_CHECKING:
    from augment.generators.tabular_vae import TabularVAE

__all__ = ["fit_privately"]

MAX_STEPS = 150
"""Gradient steps; more of them need more noise each."""
CLIPPING = 1.0
"""Length that a row's gradient is cut to."""
_MIN_ROWS = 10


class _AllRows(Training):
    """Every step sees every row once: no sampling that would have to be accounted for."""

    def batches(self, stage: Stage, batch_size: int) -> Batches:  # noqa: ARG002 (the contract)
        generator = torch_generator(seed_of(self.seed, f"batches {stage.name}"))
        return Batches(self.tensors, self.n_rows, generator, [torch.arange(self.n_rows)])


def fit_privately(vae: TabularVAE, X: Any, y: Any, sample_weight: Any, groups: Any) -> None:
    """Fit within a budget; see `TabularVAE` for what is guaranteed and what is refused.

    The noise comes from the operating system's entropy and not from `random_state`: whoever
    could draw it again could take it away.
    """
    _refuse(vae, y, sample_weight, groups)
    schema = public_schema(X, vae.schema)
    validate_data(vae, X, skip_check_array=True)
    frame = schema.conform(X)
    check_rows(frame, schema)
    n = len(frame)
    if n < _MIN_ROWS:
        raise InvalidInputError(f"A generator needs at least {_MIN_ROWS} rows; got n_samples={n}.")
    vae.schema_ = schema
    n_steps = MAX_STEPS if vae.max_steps == "auto" else int(vae.max_steps)
    delta = 1 / (10 * n) if vae.dp_delta is None else float(vae.dp_delta)
    epsilon = float(vae.dp_epsilon or 0.0)
    budget = spend(epsilon, delta, len(schema.columns) + (y is not None), n_steps)
    hidden = rng_for(seed_from(None))
    strata, sizes = _fit_labels(vae, y, n, budget.margin_noise, hidden)
    made_up, classes = pseudo_rows(schema, frame, strata, sizes, budget.margin_noise, hidden)
    _fit_margins(vae, made_up, classes)
    vae.networks_ = _train(vae, _tensors(vae, frame, y, strata), budget, hidden)
    vae.correction_ = vae._fit_correction(seed_of(seed_from(vae.random_state), "correction"))
    vae.privacy_ = {**budget.to_dict(), "clipping": CLIPPING}


def _refuse(vae: TabularVAE, y: Any, sample_weight: Any, groups: Any) -> None:
    """Refuse what the guarantee would not cover."""
    delta = vae.dp_delta
    reasons = {
        "sample_weight was given: weights are learned from nobody's budget": (
            sample_weight is not None
        ),
        "groups were given: the guarantee is for a row, and a patient with several rows has "
        "less. Keep one row of each patient": groups is not None,
        f"n_members is {vae.n_members}: every member would spend the budget again. Set "
        "n_members=1": vae.n_members != 1,
        "checkpoint was given: steps that are taken again after an interruption would be spent "
        "again. Leave it out": (vae.checkpoint is not None),
        f"dp_delta is {delta}: it must be below 1": delta is not None and delta >= 1,
        "batch_size was given: every step sees all rows": vae.batch_size != "auto",
    }
    for reason, applies in reasons.items():
        if applies:
            raise InvalidInputError(f"dp_epsilon cannot be honoured: {reason}.")
    if y is None:
        return
    kept = as_condition_frame(y)[0]
    own = y.dtype if isinstance(y, pd.Series | pd.Categorical) else None
    if isinstance(y, pd.DataFrame) or not isinstance(own, pd.CategoricalDtype) or kept.empty:
        raise InvalidInputError(
            "dp_epsilon needs y as labels whose classes are public: a Series or Categorical with "
            "dtype category, such as y.astype(pd.CategoricalDtype(['benign', 'malignant'])). "
            "Continuous targets and frames of conditions are not served."
        )


def _fit_labels(
    vae: TabularVAE, y: Any, n: int, noise: float, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Learn noisy class shares; give each row's class, and how many rows to make up of each."""
    if hasattr(vae, "classes_"):
        del vae.classes_
    if y is None:
        vae.conditions_ = ConditionEncoder().fit(None)
        return np.zeros(n, dtype=np.int64), np.array([n])
    check_consistent_length(np.empty(n), y)
    categories = y.dtype.categories
    public = pd.Categorical(categories, dtype=y.dtype)
    example = pd.Series(public, name=y.name) if isinstance(y, pd.Series) else public
    codes = np.asarray(pd.Categorical(y, dtype=y.dtype).codes, dtype=np.int64)
    counts = np.bincount(codes, minlength=len(categories)).astype(np.float64)
    share = shares(counts, n, noise, rng)
    vae.conditions_ = ConditionEncoder().fit(example, share)
    vae.classes_ = vae.conditions_.classes_
    order = vae.conditions_.encode(example).strata
    sizes = np.empty(len(categories), dtype=np.int64)
    sizes[order] = np.maximum(np.rint(n * share), 1)
    return order[codes], sizes


def _fit_margins(vae: TabularVAE, made_up: pd.DataFrame, classes: IntArray) -> None:
    """Learn margins and effects from made-up rows: nothing more is asked of the table."""
    weight = np.ones(len(made_up))
    separation = 1.0 if vae.separation == "auto" else float(vae.separation)
    vae.encoder_ = TableEncoder(vae.schema_, pooling=float(vae.pooling), separation=separation)
    vae.encoder_.fit(made_up, classes, vae.conditions_.n_strata, weight)
    labels = np.eye(vae.conditions_.n_features)[classes] if vae.conditions_.n_features else None
    labels = np.empty((len(made_up), 0)) if labels is None else labels
    vae.effects_ = AdditiveEffects.fit(vae.encoder_, made_up, labels, weight)


def _tensors(
    vae: TabularVAE, frame: pd.DataFrame, y: Any, strata: IntArray
) -> dict[str, torch.Tensor]:
    """Give the rows as the objective wants them."""
    n = len(strata)
    conditions = vae.conditions_.draw(n, 0, 0) if y is None else vae.conditions_.encode(y)
    lower, upper, observed = vae._intervals(frame, conditions)
    arrays: dict[str, Any] = {
        "lower": lower,
        "upper": upper,
        "observed": observed,
        "conditions": conditions.features,
        "weight": np.ones(n),
    }
    return {name: torch.as_tensor(np.asarray(v, np.float32)) for name, v in arrays.items()}


def _train(
    vae: TabularVAE, tensors: dict[str, torch.Tensor], budget: Budget, hidden: np.random.Generator
) -> nn.ModuleDict:
    n, seed = len(tensors["lower"]), seed_from(vae.random_state)
    vae.device_ = resolve_device(vae.device)
    vae.sizes_ = vae._sizes()
    vae._start_record()
    objective = PrivateVariationalObjective(
        n_rows=n,
        clipping=CLIPPING,
        noise_multiplier=budget.gradient_noise,
        noise=torch_generator(int(hidden.integers(2**62))),
        kl_weight=vae._kl_weight(n),
        learning_rate=vae._base_rate(),
        generator=torch_generator(seed_of(seed, "first weights")),
        **{name: size for name, size in vae.sizes_.items() if name != "members"},
    )
    training = _AllRows(tensors, np.zeros((1, n), dtype=bool), seed)
    vae._run(objective, training, Stage("autoencoder", budget.n_steps))
    return objective.networks

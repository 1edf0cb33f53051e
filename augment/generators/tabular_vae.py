"""The conditional variational autoencoder of clinical tables."""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval
from torch import nn

from augment._typing import RandomState, State
from augment.generators._autoencoder import MAX_STEPS, AutoencoderGenerator
from augment.generators._network import TABLE_CONSTRAINTS
from augment.generators._private import fit_privately
from augment.generators._training import Stage, Training

__all__ = ["TabularVAE"]


class TabularVAE(AutoencoderGenerator):
    """Conditional variational autoencoder for tables of 10 to a few thousand rows.

    Every column becomes a normal score through its margin in its class; margins of different
    classes are drawn together as far as the data do not tell them apart. An ensemble of strongly
    regularised autoencoders, mainly linear with a small path for what bends, learns how the scores
    depend on each other. Samples are drawn from the likelihood, their margins are put right, and
    each score goes back through its margin.

    Parameters
    ----------
    latent_dim : int or "auto", default="auto"
        Width of the latent code. "auto": 16, or the number of scores if that is less.
    hidden_dim : int or "auto", default="auto"
        Width of the non-linear path beside the linear one; 0 leaves it out. "auto": 32, and 0
        with `dp_epsilon`, where more weights mean more noise.
    kl_weight : float or "auto", default="auto"
        Weight of the Kullback-Leibler term. Larger values switch off weak latent directions.
        "auto": ``1 + 5 * n_scores / n_samples``, at most 4: many columns and few rows are
        smoothed more.
    pooling : float, default=0.2
        How strongly a column's margins in different classes are drawn together where the data do
        not tell them apart; 0 keeps them apart.
    separation : float or "auto", default="auto"
        Share of the class differences that is kept in all columns. "auto" takes the cube root
        of the share that held-out labels bear out.
    max_steps : int or "auto", default="auto"
        Training steps at most; held-out rows stop it earlier.
    batch_size : int or "auto", default="auto"
        Rows in a step. "auto": all rows, up to 512.
    learning_rate : float or "auto", default="auto"
        Step size. "auto": 0.02.
    n_members : int, default=5
        Autoencoders in the ensemble, trained as one batched program. Each leaves out some rows.
    validation_fraction : float, default=0.2
        Share of rows that each member leaves out, and is judged on; at most a half.
    schema : mapping, default=None
        Corrections of the inferred column kinds, such as ``{"stage": "categorical"}``.
    dp_epsilon : float or None, default=None
        Privacy budget: what the fit learns from the table is then differentially private; see
        Notes. Needs opacus (``pip install 'medaugment[privacy]'``).
    dp_delta : float or None, default=None
        The budget's delta. None: ``1 / (10 * n_samples)``.
    checkpoint : str or Path, default=None
        A file that an interrupted `fit` goes on from when it is called again.
    checkpoint_every : int, default=100
        Steps between writes of the checkpoint.
    device : str, default="auto"
        Where to train: "auto", "cpu", "cuda", ...
    precision : {"float32"}, default="float32"
        Number format of the training.
    random_state : None, int, RandomState or Generator
        Seed of `fit`. Give an int for a repeatable model.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    schema_ : TableSchema
        The columns as they were understood.
    classes_ : ndarray
        The labels, if `y` was labels.
    history_ : DataFrame
        Loss terms and held-out bound by step.
    n_steps_ : int
        Steps that were taken.
    device_ : torch.device
        Where the networks are.
    privacy_ : dict or None
        With `dp_epsilon`: ``epsilon`` and ``delta`` that were spent, between which
        ``neighbours``, by which ``accountant``, and the noise. It stands in the model file.
    n_features_in_ : int
        Number of columns.

    See Also
    --------
    TabularGAN : Starts from this model's decoder.
    augment.evaluate_lift : Says whether the rows help a classifier.

    Notes
    -----
    With `dp_epsilon`, all that the fit learns is charged to one budget: class shares and margins
    come from histograms with Gaussian noise, and the gradient of each row is cut and noise is
    added to their sum in every step. Neighbours are tables of the same number of rows, one of
    which is blanked out. Nothing else may be read off the table: `schema` must declare ``lower``
    and ``upper`` of every number and ``levels`` of every category, `y` must have dtype category
    (or be None), and ``n_members`` must be 1. Missing entries, weights, groups, checkpoints,
    dates, continuous and several conditions are refused; names, dtypes and the number of rows
    count as public. `validation_fraction` has no effect, and
    ``separation="auto"`` is 1. The noise does not follow from `random_state`. Each fit spends its
    budget anew. With a few hundred rows a small epsilon leaves little but noise.

    **What this does not do.** Without `dp_epsilon` it gives no guarantee of privacy: a model of
    few patients says something about each of them. With it, a patient with several rows has less
    of it, and tuning parameters by looking at results is not accounted for. It does not invent
    what was never seen: rare combinations stay as rare as the data make them. With fewer than
    about 50 rows it is mostly its own prior.

    References
    ----------
    .. [1] D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014.
    .. [2] L. Xu et al., "Modeling tabular data using conditional GAN" (TVAE), NeurIPS 2019.
    .. [3] B. Efron and C. Morris, "Stein's estimation rule and its competitors", JASA 1973.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from augment import TabularVAE
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> vae = TabularVAE(max_steps=50, random_state=0).fit(X, y)
    >>> X_new, y_new = vae.sample(y={0: 3, 2: 2}, random_state=1)
    >>> X_new.shape, y_new.tolist()
    ((5, 13), [0, 0, 0, 2, 2])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TABLE_CONSTRAINTS,
        "dp_epsilon": [Interval(Real, 0, None, closed="neither"), None],
        "dp_delta": [Interval(Real, 0, 1, closed="neither"), None],
    }

    privacy_: dict[str, Any] | None

    def __init__(
        self,
        *,
        latent_dim: int | str = "auto",
        hidden_dim: int | str = "auto",
        kl_weight: float | str = "auto",
        pooling: float = 0.2,
        separation: float | str = "auto",
        max_steps: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        n_members: int = 5,
        validation_fraction: float = 0.2,
        schema: Any = None,
        dp_epsilon: float | None = None,
        dp_delta: float | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 100,
        device: str = "auto",
        precision: str = "float32",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.latent_dim = latent_dim
        self.hidden_dim = hidden_dim
        self.kl_weight = kl_weight
        self.pooling = pooling
        self.separation = separation
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.n_members = n_members
        self.validation_fraction = validation_fraction
        self.schema = schema
        self.dp_epsilon = dp_epsilon
        self.dp_delta = dp_delta
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> None:
        self.privacy_ = None
        if self.dp_epsilon is None:
            super()._fit(X, y, sample_weight, groups)
        else:
            fit_privately(self, X, y, sample_weight, groups)

    def _auto_hidden_dim(self) -> int:
        return 0 if self.dp_epsilon is not None else super()._auto_hidden_dim()

    def _get_state(self) -> State:
        return {**super()._get_state(), "privacy": self.privacy_}

    def _restore_state(self, state: State) -> None:
        super()._restore_state(state)
        self.privacy_ = state.get("privacy")

    def _fit_networks(self, training: Training) -> nn.ModuleDict:
        steps = MAX_STEPS if self.max_steps == "auto" else int(self.max_steps)
        return self._fit_autoencoders(training, Stage("autoencoder", steps))

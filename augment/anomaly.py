"""Anomalies in tables and images: rows that a generator of normal ones cannot account for."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_array
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

import augment
from augment._errors import InvalidInputError, SmallDataWarning
from augment._random import seed_from, spawn_seeds
from augment._typing import FloatArray, IntArray, RandomState
from augment.generators._base import RANDOM_STATE
from augment.generators._conformal import Calibration
from augment.generators._cross_fit import CrossFit
from augment.generators._detector_state import DetectorStateMixin
from augment.generators._images import _checked
from augment.generators._reasons import ReasonsMixin
from augment.generators._tabular import MIN_ROWS, patients

__all__ = ["ReconstructionDetector"]

LATENT_DIM = 16
"""Width of the latent code of images: wider codes reconstruct lesions too."""
DENOISING_STEPS = 250
"""Training steps of the denoising autoencoder of images."""
TRIM_ROUNDS = 2
"""How often the rows that fit worst are chosen anew."""


class ReconstructionDetector(ReasonsMixin, DetectorStateMixin, OutlierMixin, BaseEstimator):
    """Flag rows or images that a generator of normal ones cannot account for.

    Five clones of the generator are fitted, each on four fifths of the rows. What a clone says of
    the fifth that it did not see shows how surprising normal rows are; a new row is compared with
    that. So the share of new normal rows that is flagged is the one that was asked for. Of a table,
    a clone learns from nine tenths of its rows only: those with the strangest cells may be
    abnormal, and would teach it to find them ordinary.

    Parameters
    ----------
    generator : generator, default=None
        One that reconstructs: TabularVAE, TabularGAN or ImageVAE. None takes a TabularVAE for
        tables and an ImageVAE for images. It is cloned, and fitted without labels.
    method : {"auto", "reconstruction", "elbo", "latent"}, default="auto"
        What the score is made of; see Notes.
    false_positive_rate : float, default=0.1
        Share of new normal rows that `predict` flags.
    trim : float, default=0.0
        Share of the rows of `fit` that are assumed to be abnormal. The rows that fit worst are
        left out, and what is left is taken for normal. 0 for a clean training set.
    random_state : None, int, RandomState or Generator
        Decides the folds, and seeds the generator if it has no `random_state` of its own.

    Attributes
    ----------
    offset_ : float
        The score below which a row is flagged; minus infinity if there are too few rows for the
        wanted rate.
    n_calibration_ : int
        Held-out normal rows (patients, where `groups` were given) behind each p-value.
    kept_ : ndarray of bool (n_samples,)
        Rows of `fit` that were taken for normal.
    image_shape_ : tuple of int or None
        Channels, height and width; None for tables.
    n_features_in_ : int
        Number of columns, or of pixels.
    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    Notes
    -----
    **Tables.** With "auto", two ingredients, each the logarithm of a quantity in units of its
    held-out spread. *Margins*: how far out the cells lie and how rare they are, added up over
    columns; numbers by a heavy-tailed law, so that no cell drowns all others. They are read twice,
    among all rows and among the nine tenths that are learned from, and averaged. *Dependence*: how
    badly the autoencoders account for the row as a whole (misfit plus squared code). A quarter of
    it adds to the first where it is more than two units above the median of held-out rows: below
    that, it says nothing worth hearing. "elbo" is minus the log density of the row under the model.
    "reconstruction" is the mean squared residual of its cells, each column in units of its held-out
    residuals. "latent" is the distance of the code from the codes of normal rows.

    **Images** are scaled by the inside of the object in them (median 0, interquartile range 1; of a
    head without its rim of skull) and reconstructed: unless another generator is given, by the mean
    of a narrow linear path and of an autoencoder that learned to take coarse noise away. Residuals
    are expressed in units of the spread that each pixel's residuals have in held-out normal images,
    after subtracting what the mirror image lets one expect, as far as normal images are symmetric.
    With "auto", the mean of two ingredients, as above: the mean of the brightest 2 % of the
    smoothed map, and of the 2 % of the residuals that differ most from their mirror image. The
    darkest 2 % add to them only in excess, as the dependence above does. `explain` gives the map.

    **GANs** judge by the autoencoders or the linear path that they start from, unless their
    parameter `inversion` asks for a trained encoder or a search; their critic then counts, too.

    **p-values** are conformal: a p-value of 0.02 says that 2 % of held-out normal rows (of patients
    with such a row, for a typical pick of one row each) look as unusual. They share the held-out
    rows, so they are not independent of each other.

    `explain` measures, and `reasons` says the same in words and in the units of the columns.

    Levels that `fit` never saw, numbers beyond the observed range, cells that are missing where
    none ever was, and broken sums of columns all count as rare. A row that is missing altogether
    is judged by that.

    **What this does not do.** It does not know which deviations matter: a healthy person may be
    rare. It assumes that new normal rows come from where the rows of `fit` came from: another
    scanner or hospital shifts all scores, and many false alarms follow. If rows of `fit` are
    abnormal and `trim` is 0, fewer rows are flagged than should be. A small group of normal rows
    that differ from the rest, less than a tenth of them, may be kept out of what is learned from:
    the rate of false alarms holds for all normal rows together, not for each group.

    References
    ----------
    .. [1] V. Vovk, "Cross-conformal predictors", Annals of Mathematics and AI, 2015.
    .. [2] S. Bates et al., "Testing for outliers with conformal p-values", Annals of Statistics,
       2023.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from augment import ReconstructionDetector, TabularVAE
    >>> X = load_wine(as_frame=True).data
    >>> detector = ReconstructionDetector(TabularVAE(max_steps=50), random_state=0).fit(X[:160])
    >>> typo = X[170:171].assign(ash=X["ash"][170] * 10)
    >>> detector.predict(typo).tolist(), float(detector.p_values(typo)[0]) < 0.01
    ([-1], True)
    >>> detector.explain(typo).abs().idxmax(axis=1).tolist()
    ['ash']
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "generator": [HasMethods(["fit", "reconstruct"]), None],
        "method": [StrOptions({"auto", "reconstruction", "elbo", "latent"})],
        "false_positive_rate": [Interval(Real, 0, 1, closed="neither")],
        "trim": [Interval(Real, 0, 0.5, closed="left")],
        "random_state": RANDOM_STATE,
    }

    image_shape_: tuple[int, ...] | None

    def __init__(
        self,
        generator: Any = None,
        *,
        method: str = "auto",
        false_positive_rate: float = 0.1,
        trim: float = 0.0,
        random_state: RandomState = None,
    ) -> None:
        self.generator = generator
        self.method = method
        self.false_positive_rate = false_positive_rate
        self.trim = trim
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, *, groups: Any = None) -> Self:  # noqa: ARG002 (scikit-learn)
        """Learn what normal rows look like, and how surprising unseen ones are.

        Parameters
        ----------
        X : DataFrame, array-like of shape (n_samples, n_features), or images
            Normal rows, at least 11; with `trim`, mostly normal ones. Images are an array
            `(n, channels, height, width)`.
        y : ignored
            There for scikit-learn.
        groups : array-like of shape (n_samples,), default=None
            The patient of each row. Patients are left out whole, and each counts alike in
            p-values, which then speak of a row of a new patient.

        Returns
        -------
        self
            The fitted detector.

        Raises
        ------
        InvalidInputError
            If the data cannot be used, or too few rows or patients are there to be left out.
        """
        self._validate_params()
        X = self._container(X, reset=True)
        n_kept = len(X) - int(self.trim * len(X))
        if n_kept <= MIN_ROWS:
            raise InvalidInputError(
                f"A detector needs more than {MIN_ROWS} normal rows, so that some can be left "
                f"out; got n_samples={len(X)}, n_features={X.shape[1]}, trim={self.trim:g}. "
                "Collect more rows, or trim fewer."
            )
        codes = patients(groups, X)
        seeds = spawn_seeds(seed_from(self.random_state), 2)
        generator = self._default(X) if self.generator is None else self.generator
        self.kept_ = np.ones(len(X), dtype=bool)
        for _ in range(TRIM_ROUNDS if n_kept < len(X) else 0):
            held_out = self._cross_fit(generator, X, codes, seeds[0])
            order = np.argsort(held_out, kind="stable")
            self.kept_ = np.zeros(len(X), dtype=bool)
            self.kept_[order[:n_kept]] = True
        held_out = self._cross_fit(generator, X, codes, seeds[1])
        self._calibrate(-held_out[self.kept_], None if codes is None else codes[self.kept_])
        return self

    def score_samples(self, X: Any) -> FloatArray:
        """Give the score of each row.

        Parameters
        ----------
        X : like those of `fit`

        Returns
        -------
        ndarray of float64 (n_samples,)
            Higher is more normal. 0 is about the median of normal rows.
        """
        check_is_fitted(self)
        return -self._cross.surprise(self._container(X))

    def decision_function(self, X: Any) -> FloatArray:
        """Give ``score_samples(X) - offset_``, `(n_samples,)`: negative for flagged rows."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> IntArray:
        """Flag rows.

        Parameters
        ----------
        X : like those of `fit`

        Returns
        -------
        ndarray of int64 (n_samples,)
            -1 for a row whose p-value is at most `false_positive_rate`, else 1.
        """
        return np.where(self.decision_function(X) < 0, -1, 1).astype(np.int64)

    def p_values(self, X: Any) -> FloatArray:
        """Say how many held-out normal rows look as unusual.

        Parameters
        ----------
        X : like those of `fit`

        Returns
        -------
        ndarray of float64 (n_samples,)
            Conformal p-values, at least ``1 / (n_calibration_ + 1)``.
        """
        return self._calibration.p_values(self.score_samples(X))

    def explain(self, X: Any) -> Any:
        """Say which cells or pixels are unusual, how far, and in what direction.

        Parameters
        ----------
        X : like those of `fit`

        Returns
        -------
        DataFrame or ndarray of the shape of `X`
            Signed distance of each cell from what the other cells of its row let one expect (of
            each pixel from its reconstruction), in units of the size that such residuals have in
            held-out normal rows. Positive is more than expected; of a missing cell, that it is
            missing; of a level, its place in the order of levels.
        """
        check_is_fitted(self)
        residuals = self._cross.residuals(X := self._container(X))
        if isinstance(X, pd.DataFrame):
            return pd.DataFrame(residuals, columns=X.columns, index=X.index)
        return residuals

    @property
    def parts_(self) -> pd.DataFrame:
        """Center and scale of each ingredient of the score among held-out normal rows."""
        standards = self._cross.standards
        return pd.DataFrame.from_dict(standards, orient="index", columns=["center", "scale"])

    @property
    def normal_scores_(self) -> FloatArray:
        """Scores of held-out normal rows, increasing: what p-values compare with."""
        check_is_fitted(self)
        return self._calibration.scores

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether `fit` has been called."""
        return hasattr(self, "_cross")

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what tables are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _default(self, X: Any) -> Any:
        """Build the generator for tables or for images."""
        if np.ndim(X) == 4:
            # A deformation would explain away what is out of shape.
            return augment.ImageVAE(
                latent_dim=LATENT_DIM, deformation_grid=0, denoising_steps=DENOISING_STEPS
            )
        return augment.TabularVAE()

    def _container(self, X: Any, *, reset: bool = False) -> Any:
        """Give a frame or an array, and check that it has the columns or pixels of `fit`."""
        if not isinstance(X, pd.DataFrame):
            X = check_array(X, dtype=None, ensure_all_finite=False, allow_nd=True)
        if X.ndim == 2 and (reset or self.image_shape_ is None):
            validate_data(self, X, reset=reset, skip_check_array=True)
            self.image_shape_ = None
            return X
        X = _checked(X)
        if reset:
            self.image_shape_ = tuple(int(size) for size in X.shape[1:])
            self.n_features_in_ = int(np.prod(self.image_shape_))
        elif X.shape[1:] != self.image_shape_:
            raise InvalidInputError(
                f"The detector was fitted on {self._fitted_on()}; got an array of shape {X.shape}. "
                "Bring new data into the same shape."
            )
        return X

    def _fitted_on(self) -> str:
        if self.image_shape_ is None:
            return f"a table of {self.n_features_in_} columns"
        return f"images of shape (n, {', '.join(map(str, self.image_shape_))})"

    def _cross_fit(self, generator: Any, X: Any, codes: IntArray | None, seed: int) -> FloatArray:
        """Fit on the kept rows, and give the surprise of all."""
        self._cross, held_out = CrossFit.fit(generator, X, codes, self.kept_, self.method, seed)
        return held_out

    def _calibrate(self, scores: FloatArray, codes: IntArray | None) -> None:
        """Set the threshold from scores of normal rows that were held out."""
        self._calibration = Calibration.of(scores, codes)
        self.n_calibration_ = int(self._calibration.n_units)
        self.offset_ = self._calibration.threshold(float(self.false_positive_rate))
        if np.isneginf(self.offset_):
            warnings.warn(
                f"With {self.n_calibration_} held-out rows or patients no p-value is below "
                f"{1 / (self.n_calibration_ + 1):.3g}, so nothing can be flagged at a false-"
                f"positive rate of {self.false_positive_rate:g}. Collect more, or raise the rate.",
                SmallDataWarning,
                stacklevel=3,
            )

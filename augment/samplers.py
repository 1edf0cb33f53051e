"""Any generator as an over-sampler of imbalanced-learn."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import validate_data

from augment._errors import AugmentWarning
from augment._random import seed_from, spawn_seeds
from augment._typing import RandomState
from augment.generators._base import RANDOM_STATE
from augment.generators._growth import MOST_NUMBERS, Labels, fitted, joined

__all__ = ["GeneratorOverSampler"]


class GeneratorOverSampler(BaseOverSampler):
    """Fill up rare classes with the rows of a generator.

    A sampler like SMOTE, around any generator: put it before a classifier in
    ``imblearn.pipeline.Pipeline``, and every training part of a cross-validation is filled up by
    a generator that was fitted on that training part alone.

    Parameters
    ----------
    generator : generator
        Anything with `fit` and `sample` as in :class:`~augment.TabularVAE`. It is cloned; its
        parameters are tuned as ``generator__NAME``.
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows, as in every sampler of imbalanced-learn. ``"auto"`` fills
        all classes up to the largest; a float is the wanted number of rows of the rare class
        divided by that of the other (two classes only); a dict gives the wanted number for each
        class, real rows included.
    random_state : None, int, RandomState or Generator, default=None
        Decides what is drawn, and seeds the generator if that has no `random_state` of its own.

    Attributes
    ----------
    generator_ : generator
        Fitted on all rows. It is there only if some class needed rows.
    sampling_strategy_ : dict
        The number of synthetic rows of each class.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Their names, if all are strings.

    See Also
    --------
    AugmentedClassifier : Chooses how many rows to add, and adds none where none help.

    Notes
    -----
    Real rows come first and are left as they are; synthetic rows follow, class by class. Frames
    with mixed columns and missing values stay frames. Sparse input is made dense for the
    generator, and sparse again.

    **What this does not do.** Balanced classes shift the probabilities of a classifier: where
    probabilities matter, keep the prevalence and use :class:`~augment.AugmentedClassifier`.
    Rows of one patient are not known to belong together.

    References
    ----------
    .. [1] G. Lemaître, F. Nogueira and C. K. Aridas, "Imbalanced-learn: a Python toolbox to
       tackle the curse of imbalanced datasets in machine learning", JMLR 18, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from augment import GaussianCopula, GeneratorOverSampler
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 3)), np.repeat(["well", "ill"], [45, 15])
    >>> sampler = GeneratorOverSampler(GaussianCopula(), random_state=0)
    >>> X_grown, y_grown = sampler.fit_resample(X, y)
    >>> X_grown.shape, int((y_grown == "ill").sum())
    ((90, 3), 45)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseOverSampler._parameter_constraints,
        "generator": [HasMethods(["fit", "sample"])],
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        generator: Any,
        *,
        sampling_strategy: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.generator = generator
        self.random_state = random_state

    def _check_X_y(self, X: Any, y: Any) -> tuple[Any, Any, bool]:  # noqa: N802 (imblearn's)
        """Check as little as needed: the generator knows best what it can learn from."""
        y, is_one_hot = check_target_type(y, indicate_one_vs_all=True)
        validate_data(self, X=X, y=y, reset=True, skip_check_array=True)
        if isinstance(X, pd.DataFrame):
            return X, y, is_one_hot
        checked = check_array(
            X, dtype=None, accept_sparse=["csr", "csc"], ensure_all_finite=False, allow_nd=True
        )
        return checked, y, is_one_hot

    def _fit_resample(
        self,
        X: Any,
        y: Any,
        **params: Any,  # noqa: ARG002 (imbalanced-learn's contract)
    ) -> tuple[Any, Any]:
        """Fit the generator, and draw the rows that are wanted."""
        _warn_of_amounts(y)
        wanted = {label: n for label, n in self.sampling_strategy_.items() if n > 0}
        if hasattr(self, "generator_"):
            del self.generator_
        if not wanted:
            return X.copy(), y.copy()
        dense = _dense(X)
        X_new, y_new = self._drawn(dense, np.asarray(y), wanted)
        grown = joined(dense, X_new)
        container, is_sparse = type(X), sparse.issparse(X)
        return container(grown) if is_sparse else grown, np.concatenate([y, y_new])

    def _drawn(
        self, X: Any, y: npt.NDArray[Any], wanted: dict[Any, int]
    ) -> tuple[Any, npt.NDArray[Any]]:
        """Draw rows of the classes that need them."""
        fit_seed, sample_seed = spawn_seeds(seed_from(self.random_state), 2)
        labels = Labels(y)
        self.generator_ = fitted(self.generator, X, labels.told(y), seed=fit_seed)
        names = labels.told(np.array(list(wanted), dtype=y.dtype)).tolist()
        counts = dict(zip(names, wanted.values(), strict=True))
        X_new, y_new = self.generator_.sample(y=counts, random_state=sample_seed)
        return X_new, labels.restored(y_new)

    def __sklearn_tags__(self) -> Any:
        """Tell what is accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.three_d_array = True
        return tags


def _warn_of_amounts(y: Any) -> None:
    """Warn of whole numbers that are rather a target of regression than classes."""
    values = np.asarray(y)
    different = len(np.unique(values)) if values.dtype.kind in "iu" else 0
    if different > MOST_NUMBERS:
        warnings.warn(
            f"y holds {different} different whole numbers; each is taken for a class, and filled "
            "up. If y is an amount, there are no classes to fill up: sample from the generator. "
            "If they are labels, pass them as text, y.astype(str).",
            AugmentWarning,
            stacklevel=4,
        )


def _dense(X: Any) -> Any:
    """Give the same rows without sparse storage."""
    is_sparse = sparse.issparse(X)
    if is_sparse:
        return X.toarray()
    if not isinstance(X, pd.DataFrame):
        return X
    dtypes = {
        name: dtype.subtype for name, dtype in X.dtypes.items() if isinstance(dtype, pd.SparseDtype)
    }
    return X.astype(dtypes) if dtypes else X

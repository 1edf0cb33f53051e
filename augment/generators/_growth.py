"""Adding what any generator draws to real rows: seeds, labels, and rows one below the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from augment._errors import TrainingError

__all__ = ["Labels", "fitted", "joined", "with_seed"]

# Whole numbers with more different values than this are amounts to a generator, not labels.
MOST_NUMBERS = 20


def with_seed(estimator: Any, seed: int) -> Any:
    """Clone an estimator, and seed every ``random_state`` in it that is None.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> with_seed(RandomForestClassifier(), 7).random_state
    7
    >>> with_seed(RandomForestClassifier(random_state=3), 7).random_state
    3
    """
    fresh = clone(estimator)
    parameters = fresh.get_params() if hasattr(fresh, "get_params") else {}
    unset = [
        name
        for name, value in parameters.items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    ]
    return fresh.set_params(**dict.fromkeys(unset, seed)) if unset else fresh


class Labels:
    """The classes of `y`, as a generator is told them and as it tells them back.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Labels of any dtype. More than 20 numbers would count as a continuous target, so they are
        told as text.

    Attributes
    ----------
    classes : ndarray of shape (k,)
        The different labels, sorted.

    Examples
    --------
    >>> labels = Labels(np.arange(30))
    >>> labels.told(np.array([3, 4])).tolist(), labels.restored(["4", "3"]).tolist()
    (['3', '4'], [4, 3])
    """

    def __init__(self, y: npt.NDArray[Any]) -> None:
        self.classes = np.unique(y)
        self._as_text = self.classes.dtype.kind in "iuf" and len(self.classes) > MOST_NUMBERS
        names = self.told(self.classes).tolist()
        self._places = {name: place for place, name in enumerate(names)}

    def told(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give labels as the generator is told them."""
        return y.astype(str) if self._as_text else y

    def restored(self, y: Any) -> npt.NDArray[Any]:
        """Give labels that the generator drew in the dtype of the real ones.

        Raises
        ------
        TrainingError
            For a label that the real rows do not have.
        """
        drawn = np.asarray(y).tolist()
        unknown = next((label for label in drawn if label not in self._places), None)
        if unknown is not None:
            raise TrainingError(
                f"The generator drew the label {unknown!r}, which y does not have. Fit it on X "
                "and y alone, and look at what sample() gives."
            )
        return self.classes[[self._places[label] for label in drawn]]


def fitted(generator: Any, X: Any, y: Any, *, seed: int, **extra: Any) -> Any:
    """Fit a seeded clone of a generator.

    Parameters
    ----------
    generator : generator
        Not fitted, and left so.
    X, y : table or images, and labels
        What to fit it on.
    seed : int
        For a generator without a ``random_state`` of its own.
    **extra : array-like or None
        ``sample_weight`` and ``groups``: given to the generator if it takes them.

    Returns
    -------
    generator
        The fitted clone.
    """
    fresh = with_seed(generator, seed)
    known = {
        name: value
        for name, value in extra.items()
        if value is not None and has_fit_parameter(fresh, name)
    }
    return fresh.fit(X, y, **known)


def joined(X: Any, X_new: Any) -> Any:
    """Put synthetic rows below the real ones, in the container and dtypes of the real ones.

    Examples
    --------
    >>> joined(np.zeros((2, 1), dtype=np.float32), np.ones((1, 1))).dtype
    dtype('float32')
    """
    if isinstance(X, pd.DataFrame):
        return pd.concat([X, X_new], ignore_index=True)
    return np.concatenate([X, np.asarray(X_new).astype(X.dtype, copy=False)])

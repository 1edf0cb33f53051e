"""A small convolutional network as a scikit-learn classifier of images."""

from __future__ import annotations

from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted
from torch.nn import functional

from augment._device import resolve_device
from augment._errors import InvalidInputError
from augment._random import seed_from, spawn_seeds, torch_generator
from augment._typing import FloatArray, RandomState, State
from augment.data.augmentations import ClassicalAugmentation
from augment.generators._base import RANDOM_STATE
from augment.networks.classifier import SmallCNN
from augment.objectives.classification import ClassificationObjective
from augment.persistence import write_state
from augment.training import Batches, DivergenceGuard, Progress, train

__all__ = ["ImageClassifier"]

_LOW, _HIGH = 0.5, 99.5
"""Percentiles of the training pixels that become 0 and 1."""
_EMA_DECAY = 0.98
_CHUNK = 256
"""Images that are predicted at a time."""
_COUNT = Interval(Integral, 1, None, closed="left")


class ImageClassifier(ClassifierMixin, BaseEstimator):
    """A small convolutional network for 30 to a few thousand images.

    Four convolutions and a linear layer, trained from scratch for a fixed number of steps, so
    that training sets of different size get the same training. No weights are downloaded.

    Parameters
    ----------
    augmentation : {"classical"} or None, default=None
        "classical" moves, bends and disturbs every image anew in each step, as
        :class:`~augment.data.ClassicalAugmentation` says.
    max_steps : int, default=200
        Training steps.
    batch_size : int, default=32
        Images in a step; at least 2, whose batch normalises them.
    side : int, default=32
        Images whose longer side has twice as many pixels or more are averaged down until it has
        not. More keeps small lesions, and takes four times as long for twice as many.
    width : int, default=8
        Filters of the first stage; later stages have two and four times as many.
    learning_rate : float, default=0.002
        Step size of AdamW.
    weight_decay : float, default=0.05
        Decoupled weight decay.
    dropout : float, default=0.3
        Share of the pooled features left out in a step.
    label_smoothing : float, default=0.05
        Share of each label that is spread over all classes.
    device : str, default="auto"
        Where to train: "auto", "cpu", "cuda", ...
    random_state : None, int, RandomState or Generator, default=None
        An int repeats a fit.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    image_shape_ : tuple of int
        Channels, height and width.
    n_features_in_ : int
        Pixels of an image, all channels.
    history_ : DataFrame
        Loss and accuracy on the training batches by step.
    n_steps_ : int
        Steps that were taken.
    device_ : torch.device
        Where the network is.

    See Also
    --------
    evaluate_lift : Measures with it whether synthetic images help.

    Notes
    -----
    Intensities may have any range: the 0.5 and 99.5 percentiles of each channel over all training
    images become 0 and 1. What is delivered is a running average of the weights, which stands in
    for a falling learning rate.

    **What this does not do.** It is no match for a large network trained on much data; it is
    small so that thirty of them can be trained in a study. It chooses nothing on held-out images.

    References
    ----------
    .. [1] R. Liu et al., "An intriguing failing of convolutional neural networks and the
       CoordConv solution", NeurIPS 2018.
    .. [2] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from augment import ImageClassifier
    >>> y = np.repeat(["dark", "bright"], 20)
    >>> X = np.random.default_rng(0).random((40, 1, 16, 16)) + (y == "bright")[:, None, None, None]
    >>> model = ImageClassifier(max_steps=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]), model.predict_proba(X).shape
    (array(['dark', 'dark'], dtype='<U6'), (40, 2))
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "augmentation": [StrOptions({"classical"}), None],
        "max_steps": [_COUNT],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "side": [Interval(Integral, 4, None, closed="left")],
        "width": [_COUNT],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "device": [str],
        "random_state": RANDOM_STATE,
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        augmentation: str | None = None,
        max_steps: int = 200,
        batch_size: int = 32,
        side: int = 32,
        width: int = 8,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
        dropout: float = 0.3,
        label_smoothing: float = 0.05,
        device: str = "auto",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.augmentation = augmentation
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.side = side
        self.width = width
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, channels, height, width)
            Finite images of any intensity range.
        y : array-like of shape (n,)
            Labels.
        sample_weight : array-like of shape (n,), default=None
            How much each image counts, which is how often it is in a step. Images of weight 0
            are left out.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        InvalidInputError
            If images, labels or weights cannot be used.
        """
        self._validate_params()
        images, labels, weight = _rows(X, y, sample_weight)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.image_shape_ = tuple(int(size) for size in images.shape[1:])
        self.n_features_in_ = int(np.prod(self.image_shape_))
        low, high = np.percentile(images, (_LOW, _HIGH), axis=(0, 2, 3))
        flat = high <= low  # nothing but background, or a few pixels
        low = np.where(flat, images.min(axis=(0, 2, 3)), low)
        high = np.where(flat, images.max(axis=(0, 2, 3)), high)
        self._low, self._span = low, np.where(high > low, high - low, 1.0)
        tensors = {
            "image": self._scaled(images),
            "code": torch.as_tensor(codes, dtype=torch.int64),
        }
        self._train(tensors, torch.as_tensor(weight) if np.ptp(weight) > 0 else None)
        return self

    def _train(self, tensors: dict[str, torch.Tensor], weight: torch.Tensor | None) -> None:
        """Run the loop."""
        weights_seed, batches_seed, noise_seed = spawn_seeds(seed_from(self.random_state), 3)
        self.device_ = resolve_device(self.device)
        classical = None
        if self.augmentation == "classical":
            classical = ClassicalAugmentation().apply
        objective = ClassificationObjective(
            self._network,
            learning_rate=float(self.learning_rate),
            weight_decay=float(self.weight_decay),
            label_smoothing=float(self.label_smoothing),
            augmentation=classical,
            seed=weights_seed,
        )
        stream = torch_generator(batches_seed)
        record = train(
            objective,
            Batches(tensors, int(self.batch_size), stream, weights=weight),
            max_steps=int(self.max_steps),
            generator=torch_generator(noise_seed),
            device=self.device_,
            ema_decay=_EMA_DECAY,
            callbacks=[DivergenceGuard(), *([Progress("ImageClassifier")] if self.verbose else [])],
        )
        self.network_ = objective.networks["classifier"]
        self.history_ = pd.DataFrame(record.history)
        self.n_steps_ = record.n_steps

    def _network(self) -> SmallCNN:
        channels, height, width = self.image_shape_
        shape = (height // self._shrink, width // self._shrink)
        n_classes = len(self.classes_)
        return SmallCNN(channels, shape, n_classes, int(self.width), float(self.dropout))

    def predict_proba(self, X: Any) -> FloatArray:
        """Give the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, channels, height, width)
            Images of the shape of `fit`.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        images = _checked(X)
        if images.shape[1:] != self.image_shape_:
            raise InvalidInputError(
                f"Images must have shape (n, {', '.join(map(str, self.image_shape_))}), as in "
                f"fit; got {images.shape}. Resize them, or fit another model."
            )
        with torch.inference_mode():
            logits = [
                self.network_(self._scaled(images[start : start + _CHUNK]).to(self.device_))
                for start in range(0, len(images), _CHUNK)
            ]
        return np.asarray(torch.softmax(torch.cat(logits).cpu().double(), dim=1).numpy())

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Give the most probable class of each image of shape (n, channels, height, width)."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[proba.argmax(axis=1)])

    def _scaled(self, images: np.ndarray) -> torch.Tensor:
        """Bring the intensities of `fit` to 0 to 1."""
        low, span = (part[:, None, None] for part in (self._low, self._span))
        scaled = torch.as_tensor((images - low) / span, dtype=torch.float32)
        return functional.avg_pool2d(scaled, self._shrink) if self._shrink > 1 else scaled

    @property
    def _shrink(self) -> int:
        """Pixels that become one, a side."""
        height, width = self.image_shape_[1:]
        return min(max(1, max(height, width) // int(self.side)), height, width)

    def save(self, path: str | Path) -> None:
        """Write the fitted classifier to one ``.safetensors`` file; `augment.load` reads it.

        Parameters
        ----------
        path : str or Path
            Where to. An existing file is replaced only once the new one is complete.
        """
        check_is_fitted(self)
        params = self.get_params(deep=False)
        if not isinstance(params["random_state"], int | None):
            params["random_state"] = None  # a source of random numbers has no value to store
        state = {
            "classes": self.classes_,
            "image_shape": list(self.image_shape_),
            "low": self._low,
            "span": self._span,
            "network": {k: v.detach().cpu() for k, v in self.network_.state_dict().items()},
            "history": self.history_.to_dict(orient="list"),
            "n_steps": self.n_steps_,
        }
        write_state(path, type(self).__name__, params, state)

    def _set_state(self, state: State) -> None:
        """Restore what `save` wrote; `augment.load` calls it."""
        self.classes_ = np.asarray(state["classes"])
        self.image_shape_ = tuple(int(size) for size in state["image_shape"])
        self.n_features_in_ = int(np.prod(self.image_shape_))
        self._low, self._span = np.asarray(state["low"]), np.asarray(state["span"])
        self.device_ = torch.device("cpu")  # where every machine can load it
        self.network_ = self._network()
        self.network_.load_state_dict(
            {k: torch.as_tensor(np.asarray(v)) for k, v in state["network"].items()}
        )
        self.network_.eval()
        self.history_ = pd.DataFrame(state["history"])
        self.n_steps_ = int(state["n_steps"])

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether `fit` has been called."""
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that images are wanted, not tables."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags


def _checked(X: Any) -> np.ndarray:
    """Give finite images, or say what is wrong with them."""
    images = np.asarray(X)
    if images.ndim != 4 or 0 in images.shape:
        raise InvalidInputError(
            "Images must be an array of shape (n, channels, height, width) with at least one "
            f"image; got shape {images.shape}. Grey images need a channel axis: X[:, None]."
        )
    if images.dtype.kind not in "uif" and images.dtype != bool:
        raise InvalidInputError(f"Images must hold real numbers; got dtype {images.dtype}.")
    bad = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
    if len(bad):
        raise InvalidInputError(
            f"{len(bad)} images hold NaN or infinite pixels, the first is image {bad[0]}. "
            "Fill them, or leave these images out."
        )
    return images.astype(np.uint8) if images.dtype == bool else images


def _rows(X: Any, y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, FloatArray]:
    """Check images, labels and weights against each other; leave out what has no weight."""
    images = _checked(X)
    labels = column_or_1d(y, warn=True)
    check_classification_targets(labels)
    check_consistent_length(images, labels)
    weight = _check_sample_weight(sample_weight, images, dtype=np.float64, ensure_non_negative=True)
    kept = np.flatnonzero(weight > 0)
    if len(np.unique(labels[kept])) < 2:
        raise InvalidInputError(
            "y must hold at least two classes among the images that have any weight: a classifier "
            "has nothing to tell apart otherwise."
        )
    return images[kept], labels[kept], weight[kept]

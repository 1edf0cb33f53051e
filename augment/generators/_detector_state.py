"""How a fitted detector is written to a file, and read from one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

import augment
from augment._errors import InvalidInputError
from augment._typing import BoolArray, State
from augment.generators._base import _storable
from augment.generators._conformal import Calibration
from augment.generators._cross_fit import CrossFit
from augment.generators._surprise import built, described
from augment.persistence import write_state

__all__ = ["DetectorStateMixin"]


class DetectorStateMixin:
    """`save` of a detector, and what `augment.load` restores."""

    generator: Any
    false_positive_rate: float
    get_params: Any

    _cross: CrossFit
    _calibration: Calibration
    kept_: BoolArray
    offset_: float
    n_calibration_: int
    n_features_in_: int
    image_shape_: tuple[int, ...] | None

    def save(self, path: str | Path) -> None:
        """Write the fitted detector to one ``.safetensors`` file, without pickle.

        Parameters
        ----------
        path : str or Path
            Where to write, for `augment.load`.

        Raises
        ------
        InvalidInputError
            If the place cannot be written, or the generator is none of the package's.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        member = self._cross.members[0].generator
        if type(member).__name__ not in augment._MODELS:
            raise InvalidInputError(
                f"A detector with a generator of your own, {type(member).__name__}, cannot be "
                "saved: augment.load builds no class that is not the package's. Pickle it."
            )
        parameters = {**_storable(self.get_params(deep=False)), "generator": None}
        write_state(path, type(self).__name__, parameters, self._get_state())

    def _get_state(self) -> State:
        member = self._cross.members[0].generator
        own = self.generator
        return {
            "own_generator": None if own is None else described(own),
            "member": described(member),
            "cross_fit": self._cross.get_state(),
            "kept": self.kept_,
            "calibration_scores": self._calibration.scores,
            "calibration_mass": self._calibration.mass,
            "n_features_in": int(self.n_features_in_),
            "image_shape": None if self.image_shape_ is None else list(self.image_shape_),
            "feature_names_in": [str(name) for name in getattr(self, "feature_names_in_", [])],
        }

    def _set_state(self, state: State) -> None:
        if state["own_generator"] is not None:
            self.generator = built(state["own_generator"])
        members = [built(state["member"]) for _ in state["cross_fit"]["members"]]
        self._cross = CrossFit.from_state(state["cross_fit"], members)
        self.kept_ = np.asarray(state["kept"], dtype=bool)
        self.n_features_in_ = int(state["n_features_in"])
        shape = state["image_shape"]
        self.image_shape_ = None if shape is None else tuple(int(size) for size in shape)
        if state["feature_names_in"]:
            self.feature_names_in_ = np.array(state["feature_names_in"], dtype=object)
        self._calibration = Calibration(
            np.asarray(state["calibration_scores"]), np.asarray(state["calibration_mass"])
        )
        self.n_calibration_ = int(self._calibration.n_units)
        self.offset_ = self._calibration.threshold(float(self.false_positive_rate))

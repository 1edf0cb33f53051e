"""Names for the types that many modules share."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
# What scikit-learn accepts as `random_state`: None, an int, a RandomState, or a numpy Generator.
RandomState: TypeAlias = Any
# Nested JSON values whose leaves may also be numpy arrays: what a model file can hold.
State: TypeAlias = dict[str, Any]

"""Generators of images that draw from a fitted law, and perhaps refine what it draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from augment._random import rng_for
from augment._typing import FloatArray, State
from augment.data.conditions import Conditions
from augment.generators._alignment import grid_for
from augment.generators._base import BLOCK, in_blocks
from augment.generators._image_law import ImageLaw
from augment.generators._image_reconstruction import ImageReconstructionMixin
from augment.generators._images import ImageGenerator, Images
from augment.generators._training import LoopMixin, seed_of
from augment.objectives.adversarial_images import Draw

__all__ = ["LATENT_DIM", "LawImageGenerator"]

LATENT_DIM = 256
"""Width of the latent code, where there are so many images."""
CHUNK = 64
"""Images that are decoded at a time: fixed, because products round by their shapes."""


class LawImageGenerator(ImageReconstructionMixin, LoopMixin, ImageGenerator):
    """Base of `ImageVAE` and `ImageGAN`.

    Attributes
    ----------
    law_ : ImageLaw
        The linear path and the law of its codes.
    networks_ : torch.nn.ModuleDict
        What refines the images; empty where nothing does.
    """

    latent_dim: Any
    shrinkage: float
    deformation_grid: Any
    law_: ImageLaw
    networks_: nn.ModuleDict

    def _fit_law(self, images: Images, rows: Any) -> ImageLaw:
        """Learn the linear path and the law of the codes from some of the images."""
        conditions = images.conditions.rows(rows)
        return ImageLaw.fit(
            images.pixels[rows],
            np.asarray(conditions.features, np.float64),
            conditions.strata,
            self.conditions_.n_strata,
            n_continuous=self.conditions_.n_continuous,
            k=LATENT_DIM if self.latent_dim == "auto" else int(self.latent_dim),
            own=1.0 - float(self.shrinkage),
            grid=self._grid(),
            seed=seed_of(images.seed, "components"),
            device=self.device_,
            owners=None if images.groups is None else images.groups[rows],
        )

    def _grid(self) -> int:
        """Give the control points of the deformation along a side."""
        if self.deformation_grid == "auto":
            return grid_for(*self.image_shape_[1:])
        return int(self.deformation_grid)

    def _build_network(self) -> nn.Module | None:
        """Build the network that refines images, with weights to be overwritten."""
        return None

    def _built(self, weights: dict[str, torch.Tensor]) -> nn.ModuleDict:  # noqa: ARG002 (others look)
        """Build the networks that given weights are of."""
        network = self._build_network()
        return nn.ModuleDict() if network is None else nn.ModuleDict({"decoder": network})

    def _refined(
        self,
        images: FloatArray,
        features: FloatArray,  # noqa: ARG002 (the contract)
        rng: np.random.Generator | None,  # noqa: ARG002 (the contract)
    ) -> FloatArray:
        """Refine decoded images; without a source of noise as they are expected."""
        return images

    def _unlike(self, X: np.ndarray) -> FloatArray | None:  # noqa: ARG002 (the contract)
        """Say how far images are from their reconstruction to a critic `(n,)`, if there is one."""
        return None

    def _starting_point(self, law: ImageLaw) -> Draw:
        """Give what draws images from a law, for an objective that refines them."""
        n_labels = self.conditions_.n_features - self.conditions_.n_continuous

        def draw(strata: torch.Tensor, features: torch.Tensor, seed: int) -> torch.Tensor:
            given = features.double().numpy()
            codes = law.draw(strata.numpy(), given[:, n_labels:], rng_for(seed))
            return torch.as_tensor(law.decode(codes, given, strata.numpy()), dtype=torch.float32)

        return draw

    def _sample_images(self, conditions: Conditions, seed: int) -> FloatArray:
        pixels = np.empty((len(conditions), *self.image_shape_))
        start = 0
        for block in in_blocks(conditions, seed):
            codes = self.law_.draw(
                block.conditions.strata, self._continuous(block.conditions), block.rng
            )
            stop = min(start + BLOCK, len(conditions))
            for first in range(0, stop - start, CHUNK):
                rows = slice(first, first + CHUNK)
                drawn = self._decoded(codes[rows], block.conditions.rows(rows), block.rng)
                n = min(CHUNK, stop - start - first)
                pixels[start + first : start + first + n] = drawn[:n]
            start = stop
        return pixels

    def _decoded(
        self, codes: FloatArray, conditions: Conditions, rng: np.random.Generator | None = None
    ) -> FloatArray:
        """Give the images `(n, channels, height, width)` of codes, from 0 to 1."""
        features = np.asarray(conditions.features, np.float64)
        strata = None if rng is None else conditions.strata
        return self._refined(self.law_.decode(codes, features, strata), features, rng)

    def _tensor(self, values: FloatArray) -> torch.Tensor:
        """Put an array on the device of the networks."""
        return torch.as_tensor(values, dtype=torch.float32, device=self.device_)

    def _get_law(self) -> State:
        return {
            "law": self.law_.get_state(),
            "width": self._width,
            "networks": {k: v.detach().cpu() for k, v in self.networks_.state_dict().items()},
            "history": self.history_.to_dict(orient="list"),
            "n_steps": self.n_steps_,
            "stopped_by": self.stopped_by_,
        }

    def _set_law(self, law: State) -> None:
        self.device_ = torch.device("cpu")  # where every machine can load it
        self.law_ = ImageLaw.from_state(law["law"])
        self._width = int(law["width"])
        weights = {k: torch.as_tensor(np.asarray(v)) for k, v in law["networks"].items()}
        self.networks_ = self._built(weights)
        self.networks_.load_state_dict(weights)
        self.networks_.eval()
        self.history_ = pd.DataFrame(law["history"])
        self.n_steps_, self.stopped_by_ = int(law["n_steps"]), law["stopped_by"]

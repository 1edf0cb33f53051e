"""The denoising autoencoder beside the linear path of a generator of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from augment._typing import FloatArray
from augment.data.conditions import Conditions
from augment.generators._images import Images, background_of
from augment.generators._law_images import CHUNK, LawImageGenerator
from augment.generators._training import Stage, Training, seed_of
from augment.networks.image_gan import ImageRefiner
from augment.objectives.denoising import DenoisingObjective

__all__ = ["DenoisedImageGenerator"]

WIDTH, LEARNING_RATE, EMA_DECAY = 8, 3e-3, 0.98
"""Of the network and its training."""
CELL = 4
"""Pixels that a value of the noise spans."""
SHARE = 0.5
"""Weight of the denoised image in what the generator sees."""


class DenoisedImageGenerator(LawImageGenerator):
    """Base of `ImageVAE`: what its parameter `denoising_steps` does."""

    denoising_steps: int

    def _fit_denoiser(self, images: Images) -> None:
        """Train the denoising autoencoder on all images."""
        pixels = images.pixels
        inside = pixels != np.array(background_of(pixels))[:, None, None]
        spread = float(pixels[inside].std()) if inside.any() else 0.0
        arrays = {
            "image": pixels,
            "object": inside,
            "conditions": images.conditions.features,
        }
        tensors = {name: torch.as_tensor(np.asarray(v, np.float32)) for name, v in arrays.items()}
        objective = DenoisingObjective(
            self.image_shape_[0],
            self.conditions_.n_features,
            WIDTH,
            cells=max(2, round(min(self.image_shape_[1:]) / CELL)),
            spread=max(spread, 1e-3),
            learning_rate=LEARNING_RATE,
            seed=seed_of(images.seed, "denoiser"),
        )
        nobody = np.zeros((1, len(pixels)), dtype=bool)
        stage = Stage("denoiser", int(self.denoising_steps), ema_decay=EMA_DECAY)
        self._run(objective, Training(tensors, nobody, images.seed), stage)
        self.networks_["denoiser"] = objective.networks["denoiser"]

    def _seen(self, pixels: FloatArray, conditions: Conditions) -> FloatArray:
        seen = super()._seen(pixels, conditions)
        if "denoiser" not in self.networks_:
            return seen
        features, denoised = np.asarray(conditions.features, np.float64), np.empty_like(seen)
        for first in range(0, len(pixels), CHUNK):
            rows = slice(first, first + CHUNK)
            images, given = self._tensor(pixels[rows]), self._tensor(features[rows])
            with torch.inference_mode():
                found: Any = self.networks_["denoiser"](
                    images, given, torch.zeros_like(images[:, :1])
                )
            denoised[rows] = found.cpu().double().numpy()
        return SHARE * denoised + (1 - SHARE) * seen

    def _built(self, weights: dict[str, torch.Tensor]) -> nn.ModuleDict:
        networks = super()._built(weights)
        if "denoiser.first.weight" in weights:
            networks["denoiser"] = ImageRefiner(
                self.image_shape_[0], self.conditions_.n_features, WIDTH
            )
        return networks

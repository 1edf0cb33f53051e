"""Generators of images that find codes by a trained encoder or a search, and keep their critic."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from augment._random import isolated_rng
from augment._typing import FloatArray
from augment.data.conditions import Conditions
from augment.generators._inversion import image_path, search_codes
from augment.generators._law_images import CHUNK, LawImageGenerator
from augment.generators._training import Stage, Training, seed_of
from augment.networks.image_gan import CodeNetwork, ImageCritic
from augment.objectives.inversion import ImageInversion, ImagePath

__all__ = ["InvertedImageGenerator"]

EMA_DECAY = 0.98


class InvertedImageGenerator(LawImageGenerator):
    """Base of `ImageGAN`: what its parameter `inversion` does."""

    inversion: str
    critic_dim: int
    kept_step_: int

    def _grid(self) -> int:
        return super()._grid() if self.inversion == "start" else 0

    def _fit_inversion(self, training: Training, steps: int, rate: float) -> None:
        """Measure what the critic sees, and train an encoder where that is asked for."""
        path, rows = self._path(), training.tensors
        images, given = (rows[name].to(self.device_) for name in ("image", "conditions"))
        with torch.no_grad():
            seen = [
                path.decode(path.encode(image, own), image, own)
                for image, own in zip(images.split(CHUNK), given.split(CHUNK), strict=True)
            ]
        path.critic.measure(images, torch.cat(seen))
        if self.inversion == "encoder":
            with isolated_rng(seed_of(training.seed, "encoder")):
                encoder = self._build_encoder()
            stage = Stage("encoder", steps, ema_decay=EMA_DECAY)
            self._run(ImageInversion(encoder, path, rate), training, stage)
            self.networks_["encoder"] = encoder

    def _build_encoder(self) -> CodeNetwork:
        height, width = self.image_shape_[1:]
        latent_dim = self.law_.path.latent_dim
        return CodeNetwork(self.image_shape_[0], latent_dim, self.critic_dim, (height, width))

    def _path(self) -> ImagePath:
        """Give codes to images, as a map that can be differentiated."""
        critic, refiner = self.networks_["critic"], self.networks_["decoder"]
        path = image_path(self.law_, critic, refiner if self.kept_step_ else None)
        return path.to(self.device_).eval()

    def _codes(self, pixels: FloatArray, conditions: Conditions) -> FloatArray:
        if "critic" not in self.networks_:
            return super()._codes(pixels, conditions)
        path, found = self._path(), []
        features = np.asarray(conditions.features, np.float64)
        for first in range(0, len(pixels), CHUNK):
            rows = slice(first, first + CHUNK)
            images, given = self._tensor(pixels[rows]), self._tensor(features[rows])
            with torch.inference_mode():
                codes = path.encode(images, given)
                if "encoder" in self.networks_:
                    codes = codes + path.spread * self.networks_["encoder"](images)
                elif self.inversion == "search":
                    codes = search_codes(path.energy, codes, images, given, spread=path.spread)
            found.append(codes.cpu().double().numpy())
        return np.concatenate(found)

    def _unlike(self, X: np.ndarray) -> FloatArray | None:
        """Say how far images are from their reconstruction in what the critic sees `(n,)`."""
        if "critic" not in self.networks_:
            return None
        pixels, conditions = self._images_and_conditions(X, None)
        critic: Any = self.networks_["critic"]
        seen = self._seen(pixels, conditions)
        with torch.inference_mode():
            parts = [
                critic.misfit(
                    self._tensor(pixels[i : i + CHUNK]), self._tensor(seen[i : i + CHUNK])
                )
                for i in range(0, len(pixels), CHUNK)
            ]
        return np.concatenate([part[1].cpu().double().numpy() for part in parts])

    def _built(self, weights: dict[str, torch.Tensor]) -> nn.ModuleDict:
        networks = super()._built(weights)
        if "critic.spread" in weights:
            height, width = self.image_shape_[1:]
            sizes = (self.image_shape_[0], self.conditions_.n_features, self.critic_dim)
            networks["critic"] = ImageCritic(*sizes, (height, width))
            networks["critic"].spread = torch.ones_like(weights["critic.spread"])
        if "encoder.last.weight" in weights:
            networks["encoder"] = self._build_encoder()
        return networks

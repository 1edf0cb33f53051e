"""How surprised a fitted generator of images is by given images, part by part, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import ndimage
from sklearn.covariance import ledoit_wolf

from augment._typing import BoolArray, FloatArray, State
from augment.generators._foreground import foreground, prepared_images

__all__ = ["ImageSurprise"]

SMOOTHING = 1 / 64
"""Standard deviation of the smoothing of maps, in parts of the smaller side."""
SOFT = 0.5
"""Part of the typical pixel's spread that is added to each pixel's own."""
TOP = 0.02
"""Share of the pixels of the inside that an image is judged by."""
TINY = 1e-3


class ImageSurprise:
    """What a fitted generator of images says against given images.

    Parameters
    ----------
    generator : image generator
        Fitted on `prepared_images`, with `encode` and `reconstruct`.
    codes : tuple of ndarray
        Mean `(k,)` and precision `(k, k)` of the codes of these images.

    Attributes
    ----------
    normals : tuple
        Once `learn_normals` has measured them on images that were left out: the weight of the
        mirror image, and the center and spread of each pixel.
    """

    def __init__(self, generator: Any, codes: tuple[FloatArray, FloatArray]) -> None:
        self.generator, self.codes = generator, codes
        self.mirror = 0.0
        self.center, self.spread = np.zeros(1), np.ones(1)

    @classmethod
    def learn(cls, generator: Any, X: Any) -> Self:
        """Learn from the generator's own images where codes lie: no code is kept."""
        codes = generator.encode(X)
        covariance = ledoit_wolf(codes)[0]
        covariance += 1e-6 * max(np.trace(covariance), 1e-12) * np.eye(len(covariance))
        return cls(generator, (codes.mean(axis=0), np.linalg.inv(covariance)))

    @staticmethod
    def learn_normals(members: Sequence[ImageSurprise], left_out: Sequence[Any]) -> None:
        """Measure residuals of images that each member left out, pixel by pixel."""
        raw = [m._residual(X)[:2] for m, X in zip(members, left_out, strict=True)]
        residual = np.concatenate([part for part, _ in raw])
        inside = np.concatenate([mask for _, mask in raw])[:, None]
        seen = inside & inside[..., ::-1]
        own, other = (np.where(seen, r, 0.0) for r in (residual, residual[..., ::-1]))
        weight = float((own * other).sum() / max((other * other).sum(), TINY))
        weight = min(max(weight, 0.0), 1.0)
        rest = (residual - weight * residual[..., ::-1]) * inside
        usual = inside.mean(axis=0) > 0.3
        for member in members:
            member.mirror, member.center = weight, rest.mean(axis=0)
            member.spread = _softened(rest.std(axis=0), usual)

    def parts(self, X: Any, method: str) -> dict[str, FloatArray]:
        """Give the ingredients of a method, each `(n,)`; more is more surprising."""
        residual, inside, codes = self._residual(X)
        mean, precision = self.codes
        latent = np.einsum("ij,jk,ik->i", codes - mean, precision, codes - mean)
        z = self._standard(residual)
        if method == "latent":
            return {"latent": latent}
        if method == "reconstruction":
            squares = np.square(z) * inside[:, None]
            return {"reconstruction": squares.mean(axis=(1, 2, 3))}
        if method == "elbo":
            squares = (np.square(z) * inside[:, None]).sum(axis=(1, 2, 3))
            return {"elbo": squares + latent}
        # What lies at the rim tells images apart, though it blurs maps: so smooth it in.
        smooth = _blurred(z)
        # In the units of the image: a pixel's spread would make much of quiet places.
        skew = _blurred(residual - residual[..., ::-1])
        parts = {
            "brighter": _top(smooth, inside),
            "darker": _top(-smooth, inside),
            "asymmetry": _top(np.abs(skew), inside),
        }
        unlike = self.generator._unlike(prepared_images(X))
        if unlike is not None:
            parts["critic"] = unlike
        return {name: np.log(np.maximum(value, TINY)) for name, value in parts.items()}

    def residuals(self, X: Any) -> FloatArray:
        """Give the signed map `(n, channels, height, width)`: smoothed, 0 outside the object."""
        residual, inside, _ = self._residual(X)
        return _smooth(self._standard(residual), inside)

    @staticmethod
    def size(residuals: FloatArray) -> FloatArray:
        """Give one held-out size for all pixels, which are in units of their own spread."""
        inside = residuals[residuals != 0]
        return np.asarray(np.sqrt(np.square(inside).mean()) if inside.size else 1.0)

    def _residual(self, X: Any) -> tuple[FloatArray, BoolArray, FloatArray]:
        """Give residuals, the inside of the object, and codes."""
        scaled = prepared_images(X)
        codes = self.generator.encode(scaled)
        seen = np.asarray(self.generator.reconstruct(scaled), np.float64)
        return scaled - seen, foreground(X)[1], codes

    def _standard(self, residual: FloatArray) -> FloatArray:
        """Give residuals given their mirror image, in units of each pixel's spread."""
        rest = residual - self.mirror * residual[..., ::-1]
        return np.asarray((rest - self.center) / self.spread)

    def get_state(self) -> State:
        """Give all that the generator's own file does not hold, and what it does."""
        mean, precision = self.codes
        return {
            "generator": self.generator._get_state(),
            "code_mean": mean,
            "code_precision": precision,
            "mirror": self.mirror,
            "center": self.center,
            "spread": self.spread,
        }

    @classmethod
    def from_state(cls, generator: Any, state: State) -> Self:
        """Restore what `get_state` gave into an unfitted generator."""
        generator._set_state(state["generator"])
        codes = np.asarray(state["code_mean"]), np.asarray(state["code_precision"])
        surprise = cls(generator, codes)
        surprise.mirror = float(state["mirror"])
        surprise.center, surprise.spread = np.asarray(state["center"]), np.asarray(state["spread"])
        return surprise


def _softened(spread: FloatArray, usual: BoolArray) -> FloatArray:
    """Add a part of the typical spread, so that quiet pixels do not shout."""
    seen = np.broadcast_to(usual, spread.shape)  # the object is the same in all channels
    typical = float(spread[seen].mean()) if seen.any() else float(spread.mean())
    return spread + SOFT * max(typical, 1e-9)


def _blurred(maps: FloatArray) -> FloatArray:
    """Smooth by about a pixel at 64."""
    sigma = SMOOTHING * min(maps.shape[-2:])
    return np.asarray(ndimage.gaussian_filter(maps, (0, 0, sigma, sigma)))


def _smooth(maps: FloatArray, inside: BoolArray) -> FloatArray:
    """Smooth with nothing from outside; 0 there, and fading towards it."""
    mask = inside[:, None]
    return _blurred(maps * mask) * mask


def _top(maps: FloatArray, inside: BoolArray) -> FloatArray:
    """Give the mean of the largest pixels inside the object."""
    values = np.empty(len(maps))
    for i, (each, mask) in enumerate(zip(maps, inside, strict=True)):
        found = np.sort(each[:, mask].ravel())
        values[i] = found[-max(1, round(TOP * len(found))) :].mean() if found.size else 0.0
    return values

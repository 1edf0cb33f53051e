"""Encoders that are trained to invert a generator, as it is and as its critic sees it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from augment.networks.image_gan import CodeNetwork
from augment.objectives.base import Batch, Objective, Phase
from augment.objectives.variational import fill_missing

__all__ = ["ImageInversion", "ImagePath", "InversionObjective", "RowInversion", "row_energy"]


class InversionObjective(Objective):
    """Train an encoder whose codes a fixed generator turns back into what was encoded.

    The loss is the residual of real rows, encoded and generated, plus the residual of what the
    critic makes of both (``izi_f`` in [1]_).

    Parameters
    ----------
    networks : torch.nn.ModuleDict
        With ``encoder``, which learns; the others stay as they are.
    learning_rate : float
        Step size.

    References
    ----------
    .. [1] T. Schlegl et al., "f-AnoGAN: Fast unsupervised anomaly detection with generative
       adversarial networks", Medical Image Analysis, 2019.
    """

    def __init__(self, networks: nn.ModuleDict, learning_rate: float) -> None:
        self.networks = networks
        self.phases = (Phase("encoder", ("encoder",), learning_rate),)

    def energy(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Give how badly each row is accounted for by its own code, `(members, n)`."""
        raise NotImplementedError

    def loss(
        self,
        phase: str,  # noqa: ARG002 (there is only one)
        batch: Batch,
        generator: torch.Generator,
        step: int,  # noqa: ARG002 (nothing is scheduled)
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the mean energy of real rows, summed over members."""
        energy = self.energy(batch, generator)
        return energy.mean(dim=1).sum(), {"energy": energy.detach().mean()}

    def validate(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Give the mean energy of the rows that a member does not see."""
        weight = batch["held_out"]
        total = (self.energy(batch, generator) * weight).sum(dim=1)
        return {"validation": total / weight.sum(dim=1).clamp_min(1e-12)}


class RowInversion(InversionObjective):
    """Invert the generator of an ensemble of table rows; see `InversionObjective`.

    Networks are ``encoder``, ``decoder`` and ``critic``; batches are those of the autoencoder.
    """

    def energy(
        self,
        batch: Batch,
        generator: torch.Generator,  # noqa: ARG002 (the contract)
    ) -> Tensor:
        """Give how badly each row is accounted for by its own code, `(members, n)`."""
        scores, observed, given = batch["scores"], batch["observed"], batch["conditions"]
        encoder: Any = self.networks["encoder"]
        decoder: Any = self.networks["decoder"]
        filled = fill_missing(encoder, decoder, scores, observed, given)
        codes = encoder(filled, given)[0]
        return row_energy(self.networks, codes, scores, observed, given) * batch["weight"]


def row_energy(
    networks: nn.ModuleDict, codes: Tensor, scores: Tensor, observed: Tensor, conditions: Tensor
) -> Tensor:
    """Say how badly codes account for rows.

    Parameters
    ----------
    networks : torch.nn.ModuleDict
        ``decoder``, and perhaps the ``critic`` that it was trained against.
    codes : Tensor of shape (members, n, latent_dim)
    scores, observed : Tensor of shape (members, n, n_scores)
        Normal scores, and 1 where they are observed.
    conditions : Tensor of shape (members, n, c)

    Returns
    -------
    Tensor of shape (members, n)
        Squared residuals in units of the noise, plus the squared code: twice the negative log
        joint density, up to a constant. With a critic, plus the mean squared residual of its
        features, in units of their variance, times the number of scores.
    """
    mean, log_variance = networks["decoder"](codes, conditions)
    misfit = torch.square(scores - mean) * torch.exp(-log_variance) * observed
    energy: Tensor = misfit.sum(dim=-1) + codes.square().sum(dim=-1)
    if "critic" in networks:
        critic: Any = networks["critic"]
        apart = critic.features(scores * observed, conditions) - critic.features(
            mean * observed, conditions
        )
        energy = energy + scores.shape[-1] * (apart / critic.spread).square().mean(dim=-1)
    return energy


class ImagePath(nn.Module):
    """Codes to images as a generator sees them, and how badly codes account for images.

    Parameters
    ----------
    mean, center, effects, axes : Tensor
        Of the linear path: the mean image (d,), the mean of the conditions (c,), what each of them
        adds (c, d), and orthonormal axes (k, d).
    spread : Tensor of shape (k,)
        Standard deviation of the codes.
    critic : ImageCritic
    refiner : ImageRefiner or None
        What refines decoded images, if anything does.
    """

    mean: Tensor
    center: Tensor
    effects: Tensor
    axes: Tensor
    spread: Tensor

    def __init__(
        self,
        mean: Tensor,
        center: Tensor,
        effects: Tensor,
        axes: Tensor,
        spread: Tensor,
        critic: Any,
        refiner: Any,
    ) -> None:
        super().__init__()
        arrays = {"mean": mean, "center": center, "effects": effects, "axes": axes}
        for name, value in (arrays | {"spread": spread}).items():
            self.register_buffer(name, value)
        self.critic: Any = critic
        self.refiner: Any = refiner

    def encode(self, images: Tensor, conditions: Tensor) -> Tensor:
        """Give the linear codes `(n, k)` of images."""
        codes: Tensor = (images.flatten(1) - self._expected(conditions)) @ self.axes.T
        return codes

    def decode(self, codes: Tensor, images: Tensor, conditions: Tensor) -> Tensor:
        """Give what codes decode to, shaped as `images`."""
        seen = (self._expected(conditions) + codes @ self.axes).reshape(images.shape)
        if self.refiner is None:
            return seen
        refined: Tensor = self.refiner(seen, conditions, torch.zeros_like(images[:, :1]))
        return refined

    def energy(self, codes: Tensor, images: Tensor, conditions: Tensor) -> Tensor:
        """Say how badly codes account for images, pixels and features alike, `(n,)`."""
        misfit = self.critic.misfit(images, self.decode(codes, images, conditions))
        prior = (codes / self.spread).square().sum(dim=1) / images[0].numel()
        return misfit[0] + misfit[1] + prior

    def _expected(self, conditions: Tensor) -> Tensor:
        return self.mean + (conditions - self.center) @ self.effects


class ImageInversion(InversionObjective):
    """Invert the generator of images; see `InversionObjective`.

    Parameters
    ----------
    encoder : CodeNetwork
        Learns what must be added to linear codes, in units of their spread.
    path : ImagePath
        The generator and its critic; both stay as they are.
    learning_rate : float
        Step size.

    Notes
    -----
    Batches hold ``image`` (1, n, channels, height, width) and ``conditions`` (1, n, c).
    """

    def __init__(self, encoder: CodeNetwork, path: ImagePath, learning_rate: float) -> None:
        super().__init__(nn.ModuleDict({"encoder": encoder, "path": path}), learning_rate)

    def energy(self, batch: Batch, generator: torch.Generator) -> Tensor:  # noqa: ARG002 (the contract)
        """Give how badly each image is accounted for by its own code, `(1, n)`."""
        images, given = batch["image"].flatten(0, 1), batch["conditions"].flatten(0, 1)
        path: Any = self.networks["path"]
        codes = path.encode(images, given) + path.spread * self.networks["encoder"](images)
        energy: Tensor = path.energy(codes, images, given)[None]
        return energy

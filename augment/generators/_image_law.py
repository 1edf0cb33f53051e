"""The linear path of images, and the law of its codes: a mixture for each condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from scipy.linalg import svd

from augment._typing import BoolArray, FloatArray, IntArray, State
from augment.data._pooling import MIN_STRATUM_ROWS
from augment.generators._alignment import Alignment
from augment.generators._likeness import alike
from augment.generators._local_detail import LocalDetail
from augment.generators._rare_classes import with_rare_classes

__all__ = ["ImageLaw", "LinearPath", "Mixture"]

EFFECT_PRIOR = 2.0
"""Images without any effect of conditions that stand beside the real ones."""
SMALLEST = 1e-8
"""Share of the largest variance below which a direction is no direction."""
NARROWEST = 1e-3
"""Added to the spread of continuous conditions, which may not vary."""


@dataclass(frozen=True)
class LinearPath:
    """Conditions to a mean image, and principal axes around it.

    This is the optimum of a linear variational autoencoder with little noise.

    Attributes
    ----------
    mean : ndarray of float64 (d,)
        Of all images.
    center : ndarray of float64 (c,)
        Mean of the features of the conditions.
    effects : ndarray of float64 (c, d)
        What a feature of the conditions adds.
    axes : ndarray of float64 (k, d)
        Orthonormal.

    References
    ----------
    .. [1] J. Lucas et al., "Don't blame the ELBO! A linear VAE perspective on posterior
       collapse", NeurIPS 2019.
    """

    mean: FloatArray
    center: FloatArray
    effects: FloatArray
    axes: FloatArray

    @classmethod
    def fit(cls, rows: FloatArray, features: FloatArray, is_small: BoolArray, k: int) -> Self:
        """Learn the path from flattened images.

        Parameters
        ----------
        rows : ndarray of float64 (n, d)
            Flattened images.
        features : ndarray of float64 (n, c)
            Features of their conditions.
        is_small : ndarray of bool (n,)
            Images of a class that too few share: it has no effect here.
        k : int
            Axes at most.

        Returns
        -------
        LinearPath
            The fitted path.
        """
        mean, center = rows.mean(axis=0), features.mean(axis=0)
        given = np.where(is_small[:, None], 0.0, features - center)
        ridge = given.T @ given + EFFECT_PRIOR * np.eye(given.shape[1])
        effects = np.linalg.solve(ridge, given.T @ (rows - mean))
        varies = np.ptp(features[~is_small], axis=0) > 0 if (~is_small).any() else center < 0
        effects = np.where(varies[:, None], effects, 0.0)
        residual = rows - mean - (features - center) @ effects
        residual -= residual.mean(axis=0)
        _, singular, axes = svd(residual, full_matrices=False)
        kept = min(k, int((singular**2 > SMALLEST * max(singular[0] ** 2, SMALLEST)).sum()))
        return cls(mean, center, effects, axes[:kept])

    @property
    def latent_dim(self) -> int:
        """The number of axes."""
        return len(self.axes)

    def expected(self, features: FloatArray) -> FloatArray:
        """Give the mean image `(n, d)` of some conditions."""
        return self.mean + (features - self.center) @ self.effects

    def encode(self, rows: FloatArray, features: FloatArray) -> FloatArray:
        """Give the codes `(n, k)` of images `(n, d)`."""
        codes: FloatArray = (rows - self.expected(features)) @ self.axes.T
        return codes

    def decode(self, codes: FloatArray, features: FloatArray) -> FloatArray:
        """Give the images `(n, d)` of codes."""
        return self.expected(features) + codes @ self.axes

    def get_state(self) -> State:
        """Give the arrays, to be written to a file."""
        return {
            "mean": self.mean,
            "center": self.center,
            "effects": self.effects,
            "axes": self.axes,
        }


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians of codes, whose covariances are drawn towards a common one.

    Attributes
    ----------
    shares : ndarray of float64 (m,)
        Probability of each component.
    means : ndarray of float64 (m, k)
        Of each component: the mean of at least five images, of at least five patients where they
        are known (or of all that the condition has).
    roots : tuple of ndarray of float64 (r, k)
        Principal axes of each component, times their standard deviations.
    common : ndarray of float64 (r, k)
        The same of all components together.
    own : float
        Share of a component's variance that is its own.
    places : ndarray of float64 (m, q)
        Mean of the continuous conditions in each component.
    spread : ndarray of float64 (q,)
        Their standard deviation around it.
    """

    shares: FloatArray
    means: FloatArray
    roots: tuple[FloatArray, ...]
    common: FloatArray
    own: float
    places: FloatArray
    spread: FloatArray

    @classmethod
    def fit(
        cls,
        codes: FloatArray,
        own: float,
        seed: int,
        given: FloatArray | None = None,
        group: IntArray | None = None,
        owners: IntArray | None = None,
    ) -> Self:
        """Learn the mixture of codes `(n, k)`.

        Continuous conditions `(n, q)`, the component of each code `(n,)` and its patient `(n,)`
        may be given.
        """
        given = np.zeros((len(codes), 0)) if given is None else given
        if group is None:
            group = alike(codes, given, seed, owners)
        label = np.unique(group, return_inverse=True)[1]
        n, m = len(codes), int(label.max()) + 1
        means = np.stack([codes[label == part].mean(axis=0) for part in range(m)])
        residual = (codes - means[label]) * np.sqrt(n / max(n - m, 1))
        roots = tuple(_root(residual[label == part]) for part in range(m))
        places = np.stack([given[label == part].mean(axis=0) for part in range(m)])
        spread = np.sqrt(np.square(given - places[label]).mean(axis=0)) + NARROWEST
        shares = np.bincount(label) / n
        return cls(shares, means, roots, _root(residual), own, places, spread)

    def draw(self, n: int, rng: np.random.Generator, given: FloatArray | None = None) -> FloatArray:
        """Draw `n` codes `(n, k)`, for continuous conditions `(n, q)` if given."""
        component = self._choose(rng.random(n), given)
        wide = rng.standard_normal((n, len(self.common)))
        narrow = rng.standard_normal((n, max(len(root) for root in self.roots)))
        codes = self.means[component] + np.sqrt(1 - self.own) * (wide @ self.common)
        for part, root in enumerate(self.roots):
            here = component == part
            codes[here] += np.sqrt(self.own) * (narrow[here, : len(root)] @ root)
        return np.asarray(codes)

    def nearest(self, codes: FloatArray) -> IntArray:
        """Give the component whose mean is nearest to each code."""
        apart = np.square(codes).sum(axis=1)[:, None] - 2 * codes @ self.means.T
        return np.asarray((apart + np.square(self.means).sum(axis=1)).argmin(axis=1), np.int64)

    def _choose(self, uniforms: FloatArray, given: FloatArray | None) -> IntArray:
        """Choose components by their shares, and by how near their conditions are."""
        log = np.tile(np.log(self.shares), (len(uniforms), 1))
        if given is not None:
            apart = (given[:, None] - self.places) / self.spread
            log -= 0.5 * np.square(apart).sum(axis=2)
        weight = np.exp(log - log.max(axis=1, keepdims=True))
        edges = np.cumsum(weight, axis=1)
        chosen = (uniforms[:, None] * edges[:, -1:] > edges).sum(axis=1)
        return np.minimum(chosen, len(self.shares) - 1).astype(np.int64)

    def get_state(self) -> State:
        """Give the arrays, to be written to a file."""
        return {
            "shares": self.shares,
            "means": self.means,
            "roots": list(self.roots),
            "common": self.common,
            "own": self.own,
            "places": self.places,
            "spread": self.spread,
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Restore what `get_state` gave."""
        roots = tuple(np.asarray(root) for root in state["roots"])
        names = ("shares", "means", "common", "places", "spread")
        shares, means, common, places, spread = (np.asarray(state[name]) for name in names)
        return cls(shares, means, roots, common, float(state["own"]), places, spread)


@dataclass(frozen=True)
class ImageLaw:
    """Images as codes along a linear path, and a mixture of codes for each stratum of conditions.

    Attributes
    ----------
    alignment : Alignment
        Images to rows and back.
    path : LinearPath
        Rows to codes and back.
    mixtures : tuple of Mixture
        One for each stratum, and a last one for combinations that were never seen. Strata with
        fewer than five images share the mixture of all, or borrow components of other classes
        where the class itself has fewer; see `with_rare_classes`.
    detail : LocalDetail
        The law of local detail, which draws are given.

    References
    ----------
    .. [1] M. E. Tipping and C. M. Bishop, "Mixtures of probabilistic principal component
       analyzers", Neural Computation, 1999.
    .. [2] J. H. Friedman, "Regularized discriminant analysis", JASA, 1989.
    """

    alignment: Alignment
    path: LinearPath
    mixtures: tuple[Mixture, ...]
    detail: LocalDetail

    @classmethod
    def fit(
        cls,
        images: FloatArray,
        features: FloatArray,
        strata: IntArray,
        n_strata: int,
        *,
        n_continuous: int = 0,
        k: int,
        own: float,
        grid: int,
        seed: int,
        device: torch.device | str = "cpu",
        owners: IntArray | None = None,
    ) -> Self:
        """Learn the law of images `(n, channels, height, width)`; see the parts.

        The last `n_continuous` features are those of continuous conditions; `owners` `(n,)` are
        the patients of the images, if known.
        """
        small = np.bincount(strata, minlength=n_strata) < MIN_STRATUM_ROWS
        given = features[:, features.shape[1] - n_continuous :]
        alignment, rows, group = Alignment.fit(images, strata, given, grid, seed, device, owners)
        labels = features[:, : features.shape[1] - n_continuous]
        is_rare = np.any(labels[:, labels.sum(axis=0) < MIN_STRATUM_ROWS] > 0, axis=1)
        path = LinearPath.fit(rows, features, is_rare, k)
        codes = path.encode(rows, features)
        everybody = Mixture.fit(codes, own, seed, given, group, owners)

        def mixture_of(stratum: int) -> Mixture:
            here = strata == stratum
            groups, theirs = (None if known is None else known[here] for known in (group, owners))
            return Mixture.fit(codes[here], own, seed, given[here], groups, theirs)

        mixtures = [everybody if small[s] else mixture_of(s) for s in range(n_strata)]
        everyone = np.ones(len(codes), dtype=bool)
        rows_of = [everyone if small[s] else strata == s for s in range(n_strata)]
        laws, members = (*mixtures, everybody), (*rows_of, everyone)
        detail = _detail(alignment, path, laws, members, codes, features)
        law = cls(alignment, path, laws, detail)
        return with_rare_classes(
            law, rows, features, strata, n_continuous=n_continuous, owners=owners
        )

    def encode(
        self, images: FloatArray, features: FloatArray, strata: IntArray | None
    ) -> FloatArray:
        """Give the codes `(n, k)` of images; see `Alignment.rows` for unknown strata."""
        return self.path.encode(self.alignment.rows(images, strata), features)

    def decode(
        self, codes: FloatArray, features: FloatArray, strata: IntArray | None = None
    ) -> FloatArray:
        """Give the images `(n, channels, height, width)`, from 0 to 1, of codes `(n, k)`.

        With their strata they are taken for draws, and given the law of local detail.
        """
        rows = self.path.decode(codes, features)
        if strata is None:
            return self.alignment.images(rows)
        shape = self.alignment.image_shape
        n_pixels = int(np.prod(shape))
        component, beyond = np.empty(len(codes), np.int64), codes.copy()
        for stratum in np.unique(strata):
            here, mixture = strata == stratum, self.mixtures[stratum]
            component[here] = mixture.nearest(codes[here])
            beyond[here] -= mixture.means[component[here]]
        detail = (beyond @ self.path.axes[:, :n_pixels]).reshape(-1, *shape)
        for stratum in np.unique(strata):
            here = strata == stratum
            sparse = self.detail.given_to(detail[here], int(stratum), component[here])
            rows[here, :n_pixels] += (sparse - detail[here]).reshape(-1, n_pixels)
        return self.alignment.images(rows)

    def draw(self, strata: IntArray, given: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw one code for each condition; every mixture fills a place for every row.

        So a row's noise does not depend on the strata of the rows beside it.
        """
        codes = np.empty((len(strata), self.path.latent_dim))
        for stratum, stream in enumerate(rng.spawn(len(self.mixtures))):
            here = strata == stratum
            if here.any():
                codes[here] = self.mixtures[stratum].draw(len(strata), stream, given)[here]
        return codes

    def get_state(self) -> State:
        """Give the arrays, to be written to a file."""
        mixtures = [mixture.get_state() for mixture in self.mixtures]
        return {
            "alignment": self.alignment.get_state(),
            "path": self.path.get_state(),
            "mixtures": mixtures,
            "detail": self.detail.get_state(),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Restore what `get_state` gave."""
        arrays = {name: np.asarray(value) for name, value in state["path"].items()}
        mixtures = tuple(Mixture.from_state(mixture) for mixture in state["mixtures"])
        detail = LocalDetail.from_state(state["detail"])
        return cls(Alignment.from_state(state["alignment"]), LinearPath(**arrays), mixtures, detail)


def _detail(
    alignment: Alignment,
    path: LinearPath,
    mixtures: tuple[Mixture, ...],
    members: tuple[BoolArray, ...],
    codes: FloatArray,
    features: FloatArray,
) -> LocalDetail:
    """Learn the law of local detail from what codes show beyond the means of their components."""
    shape = alignment.image_shape
    n_pixels = int(np.prod(shape))
    residuals, faces = [], []
    for mixture, here in zip(mixtures, members, strict=True):
        component = mixture.nearest(codes[here])
        beyond = (codes[here] - mixture.means[component]) @ path.axes[:, :n_pixels]
        residuals.append((beyond.reshape(-1, *shape), component))
        average = np.repeat(features[here].mean(axis=0)[None], len(mixture.means), axis=0)
        faces.append(path.decode(mixture.means, average)[:, :n_pixels].reshape(-1, *shape))
    return LocalDetail.fit(residuals, faces, mixtures[0].own)


def _root(residual: FloatArray) -> FloatArray:
    """Give principal axes times standard deviations: the covariance, and no row of it."""
    _, singular, axes = svd(residual / np.sqrt(len(residual)), full_matrices=False)
    kept = singular > SMALLEST * max(float(singular[0]), SMALLEST) if len(singular) else []
    root: FloatArray = singular[kept, None] * axes[kept]
    return root

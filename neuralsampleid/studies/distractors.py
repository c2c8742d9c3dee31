"""Distractors: made-up fingerprints of tracks that nobody samples, after those of real noise.

What a segment is like comes from a mixture of low-rank Gaussians; how a track is built, which of
its moments come back and how exactly, is copied from a real track. Each segment of a drawn track is
as similar to the same earlier segment as in its model, and otherwise new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError

Embeddings = npt.NDArray[np.float32]
_VARIANCE = 0.99  # share that the low-rank part keeps
_PRIOR = 10.0  # segments that the common covariance weighs in each component's
_TRACKS_AT_ONCE = 256


@dataclass(frozen=True)
class Form:
    """How a track is built; segment t repeats ``earlier[t]`` with cosine ``similarity[t]``."""

    earlier: npt.NDArray[np.int64]  # (segments,) −1 where nothing is repeated
    similarity: npt.NDArray[np.float64]  # (segments,)


@dataclass(frozen=True)
class DistractorModel:
    """A fitted model; r is its rank, K the number of components."""

    weights: npt.NDArray[np.float64]  # (K,)
    means: npt.NDArray[np.float64]  # (K, r)
    factors: npt.NDArray[np.float64]  # (K, r, r), lower triangular roots of the covariances
    centre: npt.NDArray[np.float64]  # (d,)
    basis: npt.NDArray[np.float64]  # (r, d), orthonormal rows
    rest: float  # standard deviation of what lies outside the basis, per dimension
    forms: tuple[Form, ...]

    def draw(self, segments: int, seed: int) -> Iterator[list[Embeddings]]:
        """Draw whole tracks until there are at least ``segments``.

        Yields:
            Some tracks at a time, float32 (its segments, d), rows of length 1.
        """
        drawn, block = 0, 0
        while drawn < segments:
            rng = np.random.default_rng([seed, block])
            form = self.forms[block % len(self.forms)]
            missing = -(-(segments - drawn) // len(form.earlier))
            tracks = self._tracks(form, min(missing, _TRACKS_AT_ONCE), rng)
            yield list(tracks)
            drawn += len(tracks) * len(form.earlier)
            block += 1

    def _tracks(self, form: Form, count: int, rng: np.random.Generator) -> Embeddings:
        """Whole tracks of one form, (count, segments, d)."""
        length = len(form.earlier)
        tracks = self._segments(count * length, rng).reshape(count, length, -1)
        for place in np.flatnonzero(form.earlier >= 0):
            old, new = tracks[:, form.earlier[place]], tracks[:, place]
            new = _unit(new - np.einsum("nd,nd->n", new, old)[:, None] * old)
            cosine = np.float32(form.similarity[place])
            tracks[:, place] = cosine * old + np.sqrt(1 - cosine**2) * new
        return tracks

    def _segments(self, count: int, rng: np.random.Generator) -> Embeddings:
        """Segments without form, (count, d)."""
        rank, size = self.basis.shape
        chosen = np.sort(rng.choice(len(self.weights), count, p=self.weights))
        inner = rng.standard_normal((count, rank), dtype=np.float32)
        for component in np.unique(chosen):
            own = chosen == component
            factor = self.factors[component].T.astype(np.float32)
            inner[own] = inner[own] @ factor + self.means[component].astype(np.float32)
        vectors = inner @ self.basis.astype(np.float32) + self.centre.astype(np.float32)
        vectors += np.float32(self.rest) * rng.standard_normal((count, size), dtype=np.float32)
        return _unit(vectors)[rng.permutation(count)]


def fit_distractors(tracks: Sequence[Embeddings], components: int, seed: int) -> DistractorModel:
    """Fit a model to real noise tracks.

    Components come from k-means; each one's covariance is drawn towards the common one, as if that
    had been seen in 10 more segments.

    Args:
        tracks: at least two, each (segments, d) with rows of length 1.
        components: of the mixture.
        seed: of k-means and of what is sampled to find the level of chance.

    Raises:
        UserError: there are fewer than two tracks, or fewer segments than components.
    """
    if len(tracks) < 2:
        raise UserError(f"distractors: {len(tracks)} noise tracks, expected at least 2 to fit")
    data = np.concatenate(tracks).astype(np.float64)
    if len(data) < components:
        raise UserError(
            f"distractors: {len(data)} segments of noise, expected at least as many as "
            f"scale.components, {components}"
        )
    centre = data.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(data.T))
    kept = np.cumsum(values[::-1]) / values.sum()
    rank = min(int(np.searchsorted(kept, _VARIANCE)) + 1, len(values))
    basis = vectors[:, ::-1][:, :rank].T
    rest = (
        float(np.sqrt(max(values[: len(values) - rank].mean(), 0.0))) if rank < len(values) else 0
    )
    inner = (data - centre) @ basis.T
    labels = _cluster(inner, components, seed)
    means = np.stack([inner[labels == c].mean(axis=0) for c in range(components)])
    deviations = inner - means[labels]
    common = deviations.T @ deviations / len(inner) + 1e-9 * np.eye(rank)
    counts = np.bincount(labels, minlength=components)
    factors = []
    for component, count in enumerate(counts):
        own = deviations[labels == component]
        covariance = (own.T @ own + _PRIOR * common) / (count + _PRIOR)
        factors.append(np.linalg.cholesky(covariance))
    forms = _forms(tracks, np.random.default_rng(seed))
    return DistractorModel(
        counts / counts.sum(), means, np.stack(factors), centre, basis, rest, forms
    )


def _cluster(points: npt.NDArray[np.float64], count: int, seed: int) -> npt.NDArray[np.int64]:
    kmeans = faiss.Kmeans(
        points.shape[1], count, niter=20, seed=seed, min_points_per_centroid=1,
        max_points_per_centroid=max(256, len(points) // count + 1),
    )  # fmt: skip
    kmeans.train(points.astype(np.float32))
    _, labels = kmeans.index.search(points.astype(np.float32), 1)
    empty = np.setdiff1d(np.arange(count), labels)
    labels[empty, 0] = empty  # a component needs a segment; k-means rarely leaves one empty
    return np.asarray(labels[:, 0], dtype=np.int64)


def _forms(tracks: Sequence[Embeddings], rng: np.random.Generator) -> tuple[Form, ...]:
    """Each track's repetitions; a similarity that another track reaches, too, does not count."""
    forms = []
    for place, track in enumerate(tracks):
        other = tracks[(place + int(rng.integers(1, len(tracks)))) % len(tracks)]
        chance = float(np.mean((track @ other.T).max(axis=1)))
        products = np.tril(track @ track.T, -1) + np.triu(np.full((len(track),) * 2, -2.0))
        earlier = products.argmax(axis=1)
        similarity = np.minimum(products.max(axis=1), 1.0)
        repeats = similarity > chance
        forms.append(Form(np.where(repeats, earlier, -1), np.where(repeats, similarity, 0.0)))
    return tuple(forms)


def _unit(vectors: npt.NDArray[np.float32]) -> Embeddings:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)

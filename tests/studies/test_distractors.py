"""Distractors: as far from queries as the real thing, built like it, the same for one seed."""

import numpy as np
import pytest

from neuralsampleid.errors import UserError
from neuralsampleid.studies.distractors import DistractorModel, fit_distractors

SIZE = 24


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def noise(tracks: int, seed: int, segments: int = 60) -> list[np.ndarray]:
    """Tracks in 8 of 24 dimensions, in four clumps; their second half repeats the first."""
    plan = np.random.default_rng(99)  # one kind of music for all seeds
    basis, centres = plan.normal(size=(8, SIZE)), 1.5 * plan.normal(size=(4, 8))
    rng = np.random.default_rng(seed)
    half = segments // 2
    made = []
    for _ in range(tracks):
        inner = centres[rng.integers(0, 4, half)] + rng.normal(size=(half, 8))
        first = unit(inner @ basis)
        again = unit(first + 0.05 * rng.normal(size=first.shape))
        made.append(np.concatenate([first, again]))
    return made


def draw(model: DistractorModel, segments: int, seed: int = 0) -> list[np.ndarray]:
    return [track for part in model.draw(segments, seed) for track in part]


@pytest.fixture(scope="module")
def model() -> DistractorModel:
    return fit_distractors(noise(30, 0), components=8, seed=0)


def test_whole_tracks_of_unit_vectors(model):
    tracks = draw(model, 1000)
    assert 1000 <= sum(map(len, tracks)) < 1060
    assert {track.shape for track in tracks} == {(60, SIZE)}
    for track in tracks:
        np.testing.assert_allclose(np.linalg.norm(track, axis=1), 1, atol=1e-5)
        assert track.dtype == np.float32


def test_one_seed_draws_the_same_and_another_does_not(model):
    first, again, other = (np.concatenate(draw(model, 500, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert list(model.draw(0, 1)) == []


def test_queries_are_as_far_from_distractors_as_from_new_noise(model):
    queries = np.concatenate(noise(5, 1))
    new, drawn = np.concatenate(noise(30, 2)), np.concatenate(draw(model, 1800))[:1800]
    even = unit(np.random.default_rng(3).normal(size=(1800, SIZE)))
    real, made, naive = (
        np.quantile((queries @ catalogue.T).max(axis=1), [0.1, 0.5, 0.9])
        for catalogue in (new, drawn, even)
    )
    np.testing.assert_allclose(made, real, atol=0.03)
    assert (real - naive > 0.1).all()  # the yardstick tells models apart


def test_tracks_repeat_themselves_like_the_real_ones(model):
    def repetition(tracks: list[np.ndarray]) -> float:
        halves = [np.einsum("td,td->t", track[:30], track[30:]) for track in tracks]
        return float(np.median(halves))

    real = repetition(noise(10, 4))
    assert real > 0.95
    assert repetition(draw(model, 1200)) == pytest.approx(real, abs=0.03)
    assert all((form.earlier < np.arange(60)).all() for form in model.forms)


def test_too_little_to_fit_is_named():
    with pytest.raises(UserError, match="1 noise tracks, expected at least 2"):
        fit_distractors(noise(1, 0), components=4, seed=0)
    with pytest.raises(UserError, match=r"120 segments of noise.*scale\.components, 500"):
        fit_distractors(noise(2, 0), components=500, seed=0)

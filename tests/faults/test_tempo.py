"""The tempo ratio of a line by landmarks, and how far the line goes (K12)."""

import numpy as np
import pytest

from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.landmarks.index import LandmarkIndex
from neuralsampleid.landmarks.peaks import Peaks

SETTINGS = PeakFinding()
FRAME_S = SETTINGS.frame_s


def scattered(seed: int, seconds: float) -> Peaks:
    """Peaks at random places, 12 a second."""
    rng = np.random.default_rng(seed)
    frames = np.sort(rng.choice(int(seconds / FRAME_S), int(12 * seconds), replace=False))
    bins = rng.integers(20, SETTINGS.bins - 20, len(frames))
    return Peaks(frames.astype(float), bins.astype(float))


def played(track: Peaks, start_s: float, seconds: float, tempo: float) -> Peaks:
    """Seconds of a track from one of its moments on, at another tempo."""
    times_s = track.frames * FRAME_S
    inside = (times_s >= start_s) & (times_s < start_s + seconds * tempo)
    return Peaks((times_s[inside] - start_s) / tempo / FRAME_S, track.bins[inside])


@pytest.fixture(scope="module")
def index():
    return LandmarkIndex.of([scattered(seed, 40) for seed in range(3)], SETTINGS, Landmarks())


def best_line(index: LandmarkIndex, query: Peaks):
    return next(index.lines(query, 1, 0.0))


@pytest.mark.parametrize("tempo", [0.8, 0.9, 0.98, 1.0, 1.02, 1.06, 1.1, 1.18, 1.25])
def test_the_ratio_is_told_and_all_of_the_sample_shown(index, tempo):
    line = best_line(index, played(scattered(1, 40), 3.0, 20.0, tempo))
    assert line.tempo_ratio == pytest.approx(tempo, rel=0.002)
    assert line.query_start_s == pytest.approx(0.0, abs=1.5)
    assert line.query_end_s == pytest.approx(20.0, abs=1.5)
    # The line stays inside its cell: both of its ends are where they are in the reference.
    for query_s, reference_s in (
        (line.query_start_s, line.reference_start_s),
        (line.query_end_s, line.reference_end_s),
    ):
        assert reference_s == pytest.approx(3.0 + query_s * tempo, abs=0.06)


@pytest.mark.parametrize("seconds", [3.0, 6.0])
def test_some_seconds_tell_the_ratio_within_one_percent(index, seconds):
    line = best_line(index, played(scattered(1, 40), 3.0, seconds, 1.1))
    assert line.tempo_ratio == pytest.approx(1.1, rel=0.01)


def test_a_moment_tells_no_ratio(index):
    line = best_line(index, played(scattered(1, 40), 3.0, 1.0, 1.0))
    assert line.query_end_s - line.query_start_s < 1.0
    assert line.tempo_ratio is None


def test_lines_of_one_query_share_no_moment(index):
    track = scattered(1, 40)
    one, two = played(track, 2.0, 8.0, 1.02), played(track, 25.0, 8.0, 0.96)
    later = two.frames + 8.0 / FRAME_S
    query = Peaks(np.concatenate([one.frames, later]), np.concatenate([one.bins, two.bins]))
    lines = index.lines(query, 1, 10.0)
    first, second = sorted((next(lines), next(lines)), key=lambda line: line.query_start_s)
    assert first.query_end_s <= second.query_start_s
    assert first.tempo_ratio == pytest.approx(1.02, rel=0.005)
    assert second.tempo_ratio == pytest.approx(0.96, rel=0.005)

"""Lines of landmarks: an excerpt in a longer track, loops, changes, and what chance brings."""

import numpy as np
import pytest

from helpers.songs import song_stems
from neuralsampleid.composer.treatment import Treatment, change_speed
from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.lines import LandmarkIndex
from neuralsampleid.landmarks.peaks import Peaks, find_peaks
from neuralsampleid.line import Line

SETTINGS = Landmarks(tempo_step=0.04)
RATE = SETTINGS.sample_rate
LONGEST = 2000  # frames


def song(seed: int, seconds: float = 12.0) -> np.ndarray:
    return song_stems(seed, seconds, RATE).sum(axis=1).astype(np.float32) / 32768


@pytest.fixture(scope="module")
def index() -> LandmarkIndex:
    """Six songs of twelve seconds."""
    return LandmarkIndex([find_peaks(song(seed), SETTINGS) for seed in range(6)], SETTINGS, LONGEST)


def peaks(*parts: np.ndarray) -> Peaks:
    return find_peaks(np.concatenate(parts), SETTINGS)


def query_s(line: Line) -> tuple[float, float]:
    return line.query_start_s, line.query_end_s


def reference_s(line: Line) -> tuple[float, float]:
    return line.reference_start_s, line.reference_end_s


EXCERPT = slice(3 * RATE, 8 * RATE)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_excerpt_in_other_music_is_found_at_its_place(index, threads):
    query = peaks(song(10), song(2)[EXCERPT], song(11))
    scores = index.best(query, threads).scores
    assert scores.argmax() == 2
    assert scores[2] > 5 * max(1.0, np.delete(scores, 2).max())
    best = next(index.lines(query, 2, 1.0))
    assert best.score == pytest.approx(scores[2])
    assert query_s(best) == pytest.approx((12.0, 17.0), abs=0.7)
    assert reference_s(best) == pytest.approx((3.0, 8.0), abs=0.7)
    assert best.reference_start_s - best.query_start_s == pytest.approx(-9.0, abs=0.1)
    assert best.tempo_ratio == pytest.approx(1.0, abs=0.003)


def test_what_surrounds_an_excerpt_adds_nothing(index):
    """Unlike counts over the whole query, which grow with all that is in it."""
    hop = SETTINGS.hop_length  # whole frames before it, so that its peaks stay what they are
    excerpt = song(2)[100 * hop : 300 * hop]
    alone = index.best(peaks(excerpt)).scores[2]
    longer = index.best(peaks(song(12)[: 500 * hop], excerpt, song(14))).scores[2]
    assert longer == pytest.approx(alone, rel=0.1)


def test_a_loop_is_found_each_time(index):
    loop = song(4)[2 * RATE : 5 * RATE]
    query = peaks(song(10)[: 4 * RATE], loop, loop, song(11)[: 2 * RATE], loop)
    best = next(index.lines(query, 4, 1.0)).score
    found = sorted(index.lines(query, 4, best / 2), key=query_s)
    assert [line.query_start_s for line in found] == pytest.approx([4.0, 7.0, 12.0], abs=0.7)
    for line in found:
        assert reference_s(line) == pytest.approx((2.0, 5.0), abs=0.8)


@pytest.mark.parametrize(
    ("process", "ratio", "semitones", "pitch"),
    [
        ("varispeed", 1.12, 0.0, 12 * np.log2(1.12)),
        ("stretch", 0.88, 0.0, 0.0),
        ("shift", 1.0, 2.0, 2.0),
    ],
)
def test_changes_of_tempo_and_pitch_are_found(index, process, ratio, semitones, pitch):
    treatment = Treatment(process, ratio, semitones, "none", None, None, compressed=False)
    excerpt = change_speed(song(1)[EXCERPT], RATE, treatment)
    query = peaks(song(10)[: 5 * RATE], excerpt, song(11)[: 5 * RATE])
    found = index.best(query)
    assert found.scores.argmax() == 1
    best = next(index.lines(query, 1, 1.0))
    assert best.tempo_ratio == pytest.approx(ratio, rel=0.03)
    assert best.pitch_semitones == pytest.approx(pitch, abs=0.34)  # a bin is a third of one
    assert best.query_start_s == pytest.approx(5.0, abs=0.8)
    assert best.reference_start_s == pytest.approx(3.0, abs=0.8)
    assert found.scores[1] == pytest.approx(best.score)
    assert tuple(found.matched_s[1]) == pytest.approx(query_s(best), abs=0.5)
    assert tuple(found.reference_s[1]) == pytest.approx(reference_s(best), abs=0.5)


def test_nothing_has_no_line(index):
    silence = peaks(np.zeros(RATE, np.float32))
    np.testing.assert_array_equal(index.best(silence).scores, np.zeros(6))
    assert list(index.lines(silence, 0, 1.0)) == []


def test_tables_of_parts_find_the_same(index):
    query = peaks(song(10), song(2)[EXCERPT])
    whole = index.best(query)
    songs = [find_peaks(song(seed), SETTINGS) for seed in range(6)]
    parts = LandmarkIndex(songs, SETTINGS, LONGEST, shard_frames=1).best(query)
    for name, values in vars(whole).items():
        np.testing.assert_allclose(getattr(parts, name), values, atol=1e-6)


def test_only_a_span_of_the_query_counts(index):
    """And its times are those of the whole query."""
    query = peaks(song(3)[: 4 * RATE], song(2)[EXCERPT])
    first, second = (index.best(query.within(*span, SETTINGS)) for span in ((0.0, 4.0), (4.0, 9.0)))
    assert (first.scores.argmax(), second.scores.argmax()) == (3, 2)
    assert second.matched_s[2] == pytest.approx([4.0, 9.0], abs=0.7)
    assert second.reference_s[2] == pytest.approx([3.0, 8.0], abs=0.7)
    assert second.scores[2] > 5 * max(1.0, second.scores[3])

"""Searching songs at any pitch and tempo: excerpts, loops, changes and noise."""

from itertools import pairwise

import numpy as np
import pytest

from helpers.songs import song_stems
from neuralsampleid.composer.parts import part_of
from neuralsampleid.composer.treatment import Treatment, change_speed
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.landmarks import index as index_module
from neuralsampleid.landmarks.index import LandmarkIndex, divide, table_of
from neuralsampleid.landmarks.peaks import Peaks, find_peaks

PEAKS, SETTINGS = PeakFinding(), Landmarks()
RATE = PEAKS.sample_rate
SONGS = 6
EXCERPT = slice(6 * RATE, 14 * RATE)
NOTHING = Peaks(np.zeros(0), np.zeros(0))


def song(seed, seconds=20.0):
    return song_stems(seed, seconds, RATE).sum(axis=1).astype(np.float32) / 32768


def peaks(*parts):
    return find_peaks(np.concatenate(parts), PEAKS)


@pytest.fixture(scope="module")
def tracks():
    return [peaks(song(seed)) for seed in range(SONGS)]


@pytest.fixture(scope="module")
def index(tracks):
    return LandmarkIndex.of(tracks, PEAKS, SETTINGS)


def test_an_excerpt_in_other_music_is_found_at_its_place(index):
    query = peaks(song(10), song(2)[EXCERPT], song(11))
    found = index.best(query)
    assert found.scores.argmax() == 2
    assert found.scores[2] > 5 * max(10.0, np.delete(found.scores, 2).max())
    assert found.matched_s[2] == pytest.approx([20, 28], abs=0.7)
    assert found.reference_s[2] == pytest.approx([6, 14], abs=0.7)
    best = next(index.lines(query, 2, 0.0))
    assert (best.query_start_s, best.query_end_s) == pytest.approx((20, 28), abs=0.7)
    assert best.reference_start_s - best.query_start_s == pytest.approx(-14, abs=0.05)
    assert best.tempo_ratio == pytest.approx(1.0, abs=0.003)


@pytest.mark.parametrize(
    ("semitones", "tempo"),
    [(0, 1), (0.5, 1), (2.5, 1.3), (-2.5, 0.8), (0, 1.4), (5.5, 1.05), (-3.86, 0.8)],
)
def test_an_excerpt_is_found_at_any_pitch_and_tempo(index, semitones, tempo):
    excerpt = change_speed(song(4), RATE, Treatment("stretch_shift", tempo, semitones))
    length = round(8 * RATE / tempo)
    query = peaks(excerpt[round(6 * RATE / tempo) :][:length] + 0.15 * song(9)[:length])
    found = index.best(query)
    assert found.scores.argmax() == 4
    assert found.scores[4] > 2 * np.delete(found.scores, 4).max()
    line = next(index.lines(query, 4, 0.0))
    assert line.tempo_ratio == pytest.approx(tempo, rel=0.01)
    assert line.pitch_semitones == pytest.approx(semitones, abs=0.1)
    middle = (line.query_start_s + line.query_end_s) / 2
    there = (line.reference_start_s + line.reference_end_s) / 2
    assert there == pytest.approx(6 + middle * tempo, abs=0.15)
    assert line.query_end_s - line.query_start_s > 6 / tempo


def test_a_closer_look_finds_what_few_triples_do_not(tracks, index):
    """An excerpt 7 dB below other music; nothing proposes it if another track is looked at."""
    excerpt, other = song(0)[EXCERPT], song(10)[: 8 * RATE]
    query = peaks(song(20)[: 4 * RATE], 0.45 * other.std() / excerpt.std() * excerpt + other)
    found = index.best(query).scores
    assert found.argmax() == 0
    assert found[0] > 20
    settings = Landmarks.model_validate({"closer": {"tracks": 1}})
    assert LandmarkIndex.of(tracks, PEAKS, settings).best(query).scores[0] < 1


def test_every_track_that_is_found_has_a_line(tracks):
    """Also those that the closer look leaves out, and those that it alone finds."""
    settings = Landmarks.model_validate({"closer": {"tracks": 2}})
    index = LandmarkIndex.of(tracks, PEAKS, settings)
    for query in (peaks(song(20)), peaks(song(21), song(1)[EXCERPT])):
        found = np.flatnonzero(index.best(query).matched_s[:, 1] > 0).tolist()
        assert len(found) > 2
        for track in found:
            assert next(index.lines(query, track, 0.0)).score > 0


def test_the_percussive_part_of_an_excerpt_is_found(index):
    """Faster and higher, in other music; what is told of it are the track's own times."""
    drums = part_of(song(2)[4 * RATE : 16 * RATE], RATE, "percussive")
    moved = change_speed(drums, RATE, Treatment("varispeed", 1.1, 12 * np.log2(1.1)))
    excerpt = moved[2 * RATE : 9 * RATE]
    other = song(10)[: len(excerpt)]
    query = peaks(song(11)[: 3 * RATE], excerpt + 0.5 * excerpt.std() / other.std() * other)
    found = index.best(query)
    assert found.scores.argmax() == 2
    assert found.scores[2] > 2 * np.delete(found.scores, 2).max()
    line = next(index.lines(query, 2, 0.0))
    assert line.tempo_ratio == pytest.approx(1.1, rel=0.01)
    middle = (line.query_start_s + line.query_end_s) / 2
    there = (line.reference_start_s + line.reference_end_s) / 2
    assert there == pytest.approx(4 + 1.1 * (middle - 1), abs=0.15)


def test_no_score_between_whole_semitones_is_much_below_those_beside_it(index):
    """On six songs: an excerpt shifted by parts of a semitone more."""
    score = {}
    for semitones in (2.0, 2.25, 2.5, 2.7, 3.0):
        total = 0.0
        for number in range(SONGS):
            moved = change_speed(song(number), RATE, Treatment("shift", 1.0, semitones))
            total += index.best(peaks(moved[EXCERPT])).scores[number]
        score[semitones] = total
    assert min(score.values()) >= 0.8 * min(score[2.0], score[3.0])


def test_noise_as_loud_as_the_music_leaves_it_recognisable(index):
    excerpt = song(3)[EXCERPT]
    noise = np.random.default_rng(0).normal(0, excerpt.std(), len(excerpt)).astype(np.float32)
    assert index.best(peaks(excerpt + noise)).scores.argmax() == 3


def test_a_loop_is_found_each_time_and_its_lines_do_not_overlap(index):
    loop = song(4)[2 * RATE : 6 * RATE]
    query = peaks(song(10)[: 4 * RATE], loop, loop, song(11)[: 2 * RATE], loop)
    found = sorted(index.lines(query, 4, 10.0), key=lambda line: line.query_start_s)
    assert [line.query_start_s for line in found] == pytest.approx([4, 8, 14], abs=0.8)
    for line in found:
        assert (line.reference_start_s, line.reference_end_s) == pytest.approx((2, 6), abs=0.8)
    for line, later in pairwise(found):
        assert line.query_end_s <= later.query_start_s


def test_what_is_heard_twice_scores_about_twice(index):
    excerpt, other = song(2)[EXCERPT], song(12)[: 8 * RATE]
    once = index.best(peaks(excerpt, other, other)).scores[2]
    twice = index.best(peaks(excerpt, other, excerpt)).scores[2]
    assert 1.6 * once < twice < 2.4 * once


def test_tracks_that_are_left_out_are_not_searched(index):
    query = peaks(song(2)[EXCERPT], song(3)[EXCERPT])
    every, some = index.best(query), index.best(query, {2})
    assert every.scores.argsort()[-2:].tolist() in ([2, 3], [3, 2])
    assert some.scores[2] == 0
    assert some.scores.argmax() == 3
    assert some.scores[3] == every.scores[3]


@pytest.mark.parametrize("frames", [1, 2000])
def test_any_division_into_tables_and_threads_finds_the_same(tracks, index, frames):
    query = peaks(song(10), song(2)[EXCERPT])
    whole = index.best(query)
    parts = LandmarkIndex.of(tracks, PEAKS, SETTINGS, frames).best(query, threads=2)
    for name, values in vars(whole).items():
        np.testing.assert_array_equal(getattr(parts, name), values)


def test_a_track_that_a_table_holds_and_the_index_does_not_is_passed_over(tracks, index):
    tables = [(table_of(tracks, PEAKS, SETTINGS), np.array([-1, 1, -1, 0, 2, -1]))]
    some = LandmarkIndex([tracks[3], tracks[1], tracks[4]], tables, PEAKS, SETTINGS)
    query = peaks(song(4)[EXCERPT], song(2)[EXCERPT])
    every, found = index.best(query), some.best(query)
    assert found.scores.tolist() == every.scores[[3, 1, 4]].tolist()


def test_tables_are_filled_in_order():
    """Each takes whole slots of 256 frames."""
    frames = np.array([600, 700, 1100, 5000, 1, 257])
    assert divide(frames, 8 * 256) == [[0, 1], [2], [3], [4, 5]]
    assert divide(np.array([256, 257, 512]), 4 * 256) == [[0, 1], [2]]
    assert divide(np.zeros(0, np.int64), 8) == []


def test_only_a_span_of_the_query_counts(index):
    """And its times are those of the whole query."""
    query = peaks(song(3)[: 8 * RATE], song(2)[EXCERPT])
    first, second = (index.best(query.within(*span, PEAKS)) for span in ((0.0, 8.0), (8.0, 16.0)))
    assert (first.scores.argmax(), second.scores.argmax()) == (3, 2)
    assert second.matched_s[2] == pytest.approx([8, 16], abs=0.7)
    assert second.reference_s[2] == pytest.approx([6, 14], abs=0.7)


def test_silence_has_no_line(index):
    assert not index.best(NOTHING).scores.any()
    assert not list(index.lines(NOTHING, 0, 0.0))
    query = peaks(song(1))
    assert not LandmarkIndex.of([NOTHING], PEAKS, SETTINGS).best(query).scores.any()
    assert len(LandmarkIndex.of([], PEAKS, SETTINGS).best(query).scores) == 0


def test_a_long_query_needs_no_more_room_and_finds_the_same(index, monkeypatch):
    """The proposals with the most votes are kept, whenever there are more."""
    query = peaks(song(10), song(2)[EXCERPT], song(11), song(3)[EXCERPT])
    every = index.best(query)
    monkeypatch.setattr(index_module, "SIFTED", 40)
    few = index.best(query)
    assert few.scores.argsort()[-2:].tolist() == every.scores.argsort()[-2:].tolist()
    assert few.scores[2] == pytest.approx(every.scores[2], rel=0.2)


def test_among_many_tracks_the_same_is_found_with_fewer_proposals(index, monkeypatch):
    """A search of many tracks is narrower; only what is sifted has a score."""
    excerpt = change_speed(song(4), RATE, Treatment("stretch_shift", 0.9, 2.3))
    query = peaks(song(10), excerpt[round(6 * RATE / 0.9) :][: 8 * RATE])
    every = index.best(query)
    monkeypatch.setattr(index_module, "MANY", SONGS - 1)
    monkeypatch.setattr(index_module, "MANY_SIFTED", 30)
    many = LandmarkIndex.of(index._tracks, PEAKS, SETTINGS).best(query)
    assert many.scores.argmax() == every.scores.argmax() == 4
    assert many.scores[4] == pytest.approx(every.scores[4], rel=0.2)
    assert (many.scores > 0).sum() < (every.scores > 0).sum()

"""Triples of peaks: equal ones, votes, and single peaks that decide, on songs and by hand."""

import numpy as np
import pytest

from helpers.songs import song_stems
from neuralsampleid.composer.treatment import Treatment, change_speed
from neuralsampleid.config import PeakFinding, TripleSearch
from neuralsampleid.landmarks.excerpts import by_height, judge
from neuralsampleid.landmarks.peaks import Peaks, find_peaks
from neuralsampleid.landmarks.triple_search import TripleIndex
from neuralsampleid.landmarks.triples import (
    Points,
    find_hits,
    make_table,
    make_triples,
    points_of,
    reach_of,
)

PEAKS = PeakFinding(n_fft=2048, bins=400, bins_per_octave=72, peak_frames=7, peak_bins=18)
SETTINGS = TripleSearch()
REACH = reach_of(SETTINGS)
RATE = PEAKS.sample_rate


def song(seed, seconds=20.0):
    return song_stems(seed, seconds, RATE).sum(axis=1).astype(np.float32) / 32768


@pytest.fixture(scope="module")
def tracks():
    return [find_peaks(song(seed), PEAKS) for seed in range(6)]


@pytest.fixture(scope="module")
def index(tracks):
    return TripleIndex(tracks, PEAKS, SETTINGS)


def test_peaks_lie_between_frames_and_bins():
    """A tone of a known frequency, and a click at a known time."""
    bins = np.array([40.3, 72.0, 110.6])
    times = np.arange(4 * RATE) / RATE
    hertz = PEAKS.f_min * 2 ** (bins / PEAKS.bins_per_octave)
    tones = sum(np.sin(2 * np.pi * each * times) for each in hertz).astype(np.float32)
    found = find_peaks(tones * np.hanning(len(times)).astype(np.float32), PEAKS).fine
    for each in bins:
        assert np.abs(found[:, 1] - each).min() < 0.1


def test_triples_are_of_the_next_peaks():
    points = Points(
        np.array([0.0, 1.0, 4.0, 8.0, 9.0, 90.0]), np.array([50.0, 50, 60, 130, 55, 50])
    )
    made = make_triples(points, 3, REACH)
    # The second peak is too near the first, the fourth too high above it.
    assert list(zip(*(numbers.tolist() for numbers in made), strict=True)) == [
        (0, 2, 4), (1, 2, 4),
    ]  # fmt: skip


def test_a_triple_equals_itself_at_any_pitch_and_tempo():
    frames, bins = np.array([10.0, 30, 50]), np.array([60.0, 72, 55])
    table = make_table([Points(frames, bins)], 2, REACH)
    for semitones in (-6, -2.5, 0, 3.3, 6):
        for tempo in (0.7, 1, 1.45):
            moved = Points(frames / tempo, bins + 3 * semitones)
            (hits,) = (find_hits(moved, make_triples(moved, 2, REACH), table, REACH),)
            assert hits.pitch == pytest.approx([3 * semitones])
            assert np.exp(hits.tempo) == pytest.approx([tempo])
            assert (hits.query[0], hits.track[0]) == pytest.approx((10 / tempo, 10))
    for semitones, tempo in ((7, 1), (0, 0.6), (0, 1.6)):
        moved = Points(frames / tempo, bins + 3 * semitones)
        assert not len(find_hits(moved, make_triples(moved, 2, REACH), table, REACH).pitch)


@pytest.mark.parametrize(
    ("semitones", "tempo"), [(0, 1), (0.5, 1), (2.5, 1.3), (-2.5, 0.8), (0, 1.4)]
)
def test_an_excerpt_is_found_at_any_pitch_and_tempo(index, semitones, tempo):
    excerpt = change_speed(song(4), RATE, Treatment("stretch_shift", tempo, semitones))
    length = round(8 * RATE / tempo)
    query = find_peaks(excerpt[round(6 * RATE / tempo) :][:length] + 0.15 * song(9)[:length], PEAKS)
    found = index.best(query)
    assert found.scores.argmax() == 4
    assert found.scores[4] > 2 * np.delete(found.scores, 4).max()
    line = next(index.lines(query, 4, 0.0))
    assert line.tempo_ratio == pytest.approx(tempo, rel=0.01)
    assert line.pitch_semitones == pytest.approx(semitones, abs=0.1)
    middle = (line.query_start_s + line.query_end_s) / 2
    there = (line.reference_start_s + line.reference_end_s) / 2
    assert there == pytest.approx(6 + middle * tempo, abs=0.15)
    assert line.query_end_s - line.query_start_s > 5 / tempo


def test_no_score_between_whole_semitones_is_much_below_those_beside_it(index):
    """On six songs: an excerpt shifted by half a semitone more."""
    score = {}
    for semitones in (2.0, 2.5, 3.0):
        total = 0.0
        for number in range(6):
            moved = change_speed(song(number), RATE, Treatment("shift", 1.0, semitones))
            query = find_peaks(moved[5 * RATE : 13 * RATE], PEAKS)
            total += index.best(query).scores[number]
        score[semitones] = total
    assert score[2.5] >= 0.8 * min(score[2.0], score[3.0])


def test_two_threads_find_what_one_finds(index):
    query = find_peaks(song(2)[3 * RATE : 9 * RATE], PEAKS)
    one, two = index.best(query), index.best(query, threads=2)
    np.testing.assert_array_equal(one.scores, two.scores)
    np.testing.assert_array_equal(one.reference_s, two.reference_s)


def test_lines_of_a_track_do_not_overlap(index):
    part = song(3)[4 * RATE : 9 * RATE]
    query = find_peaks(np.concatenate([part, song(8)[: 4 * RATE], part]), PEAKS)
    lines = sorted(index.lines(query, 3, 10.0), key=lambda line: line.query_start_s)
    assert len(lines) == 2
    assert lines[0].query_end_s <= lines[1].query_start_s
    for line, begin in zip(lines, (0.0, 9.0), strict=True):
        assert line.query_start_s == pytest.approx(begin, abs=0.6)
        assert line.reference_start_s == pytest.approx(4, abs=0.6)


def test_what_sounds_everywhere_tells_little():
    """A held note is found at many starts; as many peaks at different heights are evidence."""
    rng = np.random.default_rng(1)
    frames = np.arange(0, 400, 10.0)
    held = Points(frames, np.full(len(frames), 60.0))
    varied = Points(frames, rng.uniform(0, 200, len(frames)))
    scores = [
        judge(by_height(points), points, (0, len(frames)), (0.0, 1.0, 0.0, 390.0)).score
        for points in (held, varied)
    ]
    assert scores[0] < 0.2 * scores[1]


def test_occurrences_of_an_excerpt_are_summed_and_its_pitch_and_tempo_fitted():
    """Thirty peaks that sound three times, faster and higher than in the track, and noise."""
    rng = np.random.default_rng(2)
    track = Points(np.sort(rng.uniform(100, 300, 30)), rng.uniform(50, 150, 30))
    slope, pitch, starts = 1.25, 7.3, (40.0, 300.0, 700.0)
    frames = np.concatenate([start + (track.frames - track.frames[0]) / slope for start in starts])
    heights = np.tile(track.heights + pitch, 3)
    noise = rng.uniform(0, 1000, 300), rng.uniform(0, 200, 300)
    order = np.argsort(np.concatenate([frames, noise[0]]))
    query = Points(
        np.concatenate([frames, noise[0]])[order], np.concatenate([heights, noise[1]])[order]
    )
    found = judge(by_height(query), track, (0, 30), (pitch + 0.2, slope * 1.01, 100.0, 300.0))
    assert sorted(found.starts) == pytest.approx(starts, abs=1)
    assert found.part.slope == pytest.approx(slope, rel=0.002)
    assert found.part.pitch == pytest.approx(pitch, abs=0.05)
    assert found.score == pytest.approx((found.scores - 6).sum() + 0.01 * found.scores.max())


def test_silence_has_no_line(index):
    nothing = Peaks(np.zeros(0, np.int32), np.zeros(0, np.int16))
    assert not index.best(nothing).scores.any()
    assert not list(index.lines(nothing, 0, 0.0))
    assert not TripleIndex([nothing], PEAKS, SETTINGS).best(find_peaks(song(1), PEAKS)).scores.any()
    assert points_of(nothing, PEAKS.bins_per_octave).frames.shape == (0,)

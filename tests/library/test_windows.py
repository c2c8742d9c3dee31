"""Long queries: their windows, what a clearer track explains, and one answer for each track."""

import logging
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.random import default_rng

from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.answer import Answer
from neuralsampleid.library.finders import Evidence, Finder, LandmarkFinder
from neuralsampleid.library.identify import Thresholds, identify
from neuralsampleid.library.probability import Calibration
from neuralsampleid.library.schema import LandmarkInfo, LibraryInfo
from neuralsampleid.library.store import Library, Track
from neuralsampleid.library.windows import Explained, merged, sewn, window_of, windows_of
from neuralsampleid.line import Line

SETTINGS = PeakFinding()
SURE = Calibration(0.0, 0.0, 2.0)


def line(start, end, there, score=10.0, tempo=1.0):
    return Line(start, end, there, there + tempo * (end - start), tempo, score)


def answer(name, probability, matches, score=10.0):
    return Answer([name], score, probability, None, matches, 300.0, "landmarks")


def library_of(count):
    own = LandmarkInfo(peaks=SETTINGS, settings=Landmarks(), calibration=None)
    names = [str(number) for number in range(count)]
    info = LibraryInfo(music="/music", landmarks=own)
    return Library(info, [[name] for name in names], names, np.full(count, 60.0), [])


def test_windows_by_hand():
    assert windows_of(900.0) == [(0.0, 900.0)]
    assert windows_of(1200.0) == [(0, 420), (390, 810), (780, 1200)]
    ten_hours = windows_of(36_000.0)
    assert len(ten_hours) == 64
    assert ten_hours[0][0] == 0
    assert ten_hours[-1][1] == pytest.approx(36_000)
    for (_, end), (start, later) in pairwise(ten_hours):
        assert end - start == pytest.approx(30)
        assert 590 < later - start <= 600


def test_a_window_is_a_query_by_itself():
    frame_s = SETTINGS.frame_s
    peaks = Peaks.at(np.array([5.0, 100, 130.5, 200]), np.array([1.0, 2, 3, 4]))
    starts = np.array([0.0, 1, 2, 3, 4])
    rows = Segments.of({"q": 5}, np.eye(5, dtype=np.float32), starts_s=starts, ends_s=starts + 2)
    part = window_of(Track(6.0, rows, peaks), 100 * frame_s, 200 * frame_s, SETTINGS)
    assert part.landmarks.frames.tolist() == [0, 30.5, 100]
    assert part.landmarks.bins.tolist() == [2, 3, 4]
    part = window_of(Track(6.0, rows, peaks), 1.0, 5.0, SETTINGS)
    assert part.seconds == 4
    assert part.fingerprints.starts_s.tolist() == [0, 1, 2]
    assert part.fingerprints.ends_s.tolist() == [2, 3, 4]
    assert part.fingerprints.numbers.tolist() == [1, 2, 3]  # their distances count
    assert part.fingerprints.seconds.tolist() == [4]
    assert np.array_equal(part.fingerprints.embeddings, np.eye(5)[1:4])
    silent = window_of(Track(60.0, rows, peaks), 20.0, 50.0, SETTINGS)
    assert not silent.sounds


@dataclass(frozen=True)
class Scripted(Finder):
    """Tells what it was asked, and a track's line wherever the query has a peak of bin 7."""

    found_by = "landmarks"
    asked: list = field(default_factory=list)

    def find(self, query, without=frozenset(), threads=1):
        self.asked.append(query)
        places = query.landmarks.frames[query.landmarks.bins == 7] * SETTINGS.frame_s

        def lines(track, least):
            return iter([line(float(place), float(place) + 20, 0.0) for place in places])

        scores = np.array([9.0 if len(places) else 0.0, 0.0])
        return Evidence(scores, scores, scores, lines)


def scripted(minutes_s, seconds):
    frames = np.sort(np.concatenate([np.arange(0, seconds, 0.5), minutes_s])) / SETTINGS.frame_s
    bins = np.where(np.isin(frames, np.array(minutes_s) / SETTINGS.frame_s), 7.0, 1.0)
    return Track(float(seconds), landmarks=Peaks.at(frames, bins))


def test_a_query_below_the_limit_is_asked_as_it_is():
    finder, query = Scripted(), scripted([100.25], 900)
    (found,) = identify(query, library_of(2), [finder])
    assert len(finder.asked) == 1
    assert finder.asked[0] is query
    assert found.matches[0].query_start_s == pytest.approx(100.25, abs=0.02)


def test_a_long_query_is_asked_in_windows(caplog, capsys):
    # Windows: 0–420, 390–810, 780–1200. The first two places lie in both sides of a seam.
    finder, query = Scripted(), scripted([395.25, 785.25, 1100.25], 1200)
    with caplog.at_level(logging.INFO):
        (found,) = identify(query, library_of(2), [finder])
    assert [asked.seconds for asked in finder.asked] == [420, 420, 420]
    starts = [match.query_start_s for match in found.matches]
    assert starts == pytest.approx([395.25, 785.25, 1100.25], abs=0.02)
    lengths = [match.query_end_s - match.query_start_s for match in found.matches]
    assert lengths == pytest.approx([20, 20, 20], abs=0.02)
    assert caplog.messages == []  # where nobody watches
    assert capsys.readouterr() == ("", "")


def random_peaks(seed, seconds):
    rng = default_rng(seed)
    count = 25 * seconds
    frames = rng.uniform(0, seconds / SETTINGS.frame_s, count)
    return Peaks.at(frames, rng.uniform(0, SETTINGS.bins - 1, count))


def test_a_sample_across_a_seam_is_one_match():
    """It sounds at 445–505 s; the windows are 0–490 and 460–950."""
    tracks = [random_peaks(seed, 60) for seed in range(6)]
    own = LandmarkFinder.of(tracks, np.full(6, 60.0), SETTINGS, Landmarks())
    finder = LandmarkFinder(own.make_index, own.seconds, SURE)
    noise, start = random_peaks(9, 950), 445.0
    first, last = (round(at / SETTINGS.frame_s) for at in (start, start + 60))
    kept = (noise.frames < first) | (noise.frames >= last)
    query = Peaks.at(
        np.concatenate([noise.frames[kept], tracks[2].frames + first]),
        np.concatenate([noise.bins[kept], tracks[2].bins]),
    )
    best = identify(Track(950.0, landmarks=query), library_of(6), [finder])[0]
    assert best.paths == ["2"]
    (match,) = [match for match in best.matches if match.query_end_s - match.query_start_s > 5]
    assert match.query_start_s == pytest.approx(445, abs=0.5)
    assert match.query_end_s == pytest.approx(505, abs=0.5)
    assert match.reference_start_s == pytest.approx(0, abs=0.5)
    assert match.reference_end_s == pytest.approx(60, abs=0.5)


def test_matches_are_sewn_by_hand():
    apart = [line(0, 10, 50), line(10, 20, 0)]
    assert sewn(apart) == apart
    # At tempo 1.1: both put the reference's second 48.4 at 44.
    first, second = line(0, 48, 0, 30.0, 1.1), line(40, 100, 44, 20.0, 1.1)
    (whole,) = sewn([second, first])
    assert whole == Line(0, 100, 0.0, 44 + 66.0, 1.1, 30.0)
    shifted = replace(second, reference_start_s=46.0, reference_end_s=112.0)  # 2 s beside it
    assert sewn([first, shifted]) == [first]
    better = replace(shifted, score=31.0)
    assert sewn([first, better]) == [better]
    within = line(5, 9, 5.5, 40.0, 1.1)
    assert sewn([first, within]) == [replace(first, score=40.0)]


def test_answers_of_a_track_become_one():
    answers = [
        answer("a", 0.5, [line(0, 10, 0)], 20.0),
        answer("b", 0.8, [line(20, 30, 0)], 30.0),
        answer("a", 0.9, [line(500, 510, 0)], 40.0),
        answer("a", 0.3, [line(900, 910, 0)], 10.0),
        replace(answer("c", None, [line(0, 9, 0)], 3.0), false_alarms=0.1),
        replace(answer("d", None, [line(0, 9, 0)], 4.0), false_alarms=0.1),
    ]
    found = merged(answers, 1000.0)
    assert [one.paths[0] for one in found] == ["a", "b", "d", "c"]
    assert (found[0].probability, found[0].score) == (0.9, 40.0)  # not the sum
    assert [match.query_start_s for match in found[0].matches] == [0, 500, 900]
    parts = [answer("x", 1.0, [line(600 * n, 600 * n + 630, 600 * n)]) for n in range(3)]
    assert not any(part.same_recording for part in parts)
    (whole,) = merged([replace(part, seconds=1830.0) for part in parts], 1830.0)
    assert whole.same_recording
    assert len(whole.matches) == 1


def test_what_a_much_clearer_track_explains_is_no_answer():
    explained = Explained()
    plays = answer("plays", 0.99, [line(0, 200, 0)], 70.0)
    assert explained.rest(plays) == plays
    like = answer("like", 0.9, [line(50, 54, 0, 9.0), line(198, 206, 30, 8.0)], 9.0)
    assert explained.rest(like) is None
    outside = answer("outside", 0.9, [line(50, 54, 0, 8.0), line(198, 206, 30, 9.0)], 9.0)
    assert explained.rest(outside).matches == [line(198, 206, 30, 9.0)]
    also = answer("also", 0.9, [line(50, 54, 0)], 10.1)
    assert explained.rest(also) == also
    other = replace(like, found_by="fingerprints")
    assert explained.rest(other) == other  # scores of two systems do not compare
    assert not Explained().is_explained("landmarks", 0.1, 0.0, 9.0)


def test_the_first_answers_of_a_long_query_are_shown_in_any_case():
    finder, query = Scripted(), scripted([395.25, 1100.25], 1200)
    unlikely = Thresholds(score=100.0)
    assert identify(query, library_of(2), [finder], thresholds=unlikely) == []
    best = Thresholds(score=100.0, best=1)
    (found,) = identify(query, library_of(2), [finder], thresholds=best)
    assert len(found.matches) == 2

"""Identification among random fingerprints: an excerpt at its place, chance, thresholds."""

from dataclasses import replace

import numpy as np
import pytest

from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.library.answer import judgement
from neuralsampleid.library.chance import Chance, excesses
from neuralsampleid.library.finders import Evidence, SegmentFinder
from neuralsampleid.library.identify import Candidate, Thresholds, identify
from neuralsampleid.library.probability import Calibration
from neuralsampleid.library.schema import LibraryInfo
from neuralsampleid.library.store import Library, Track
from neuralsampleid.report.text import clock

HOP, SEGMENT, SIZE, TRACKS = 0.5, 2.0, 16, 30


def unit(rng, rows):
    values = rng.standard_normal((rows, SIZE)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def segments(name, embeddings):
    starts = HOP * np.arange(len(embeddings))
    return Segments.of({name: len(starts)}, embeddings, starts_s=starts, ends_s=starts + SEGMENT)


def finder_of(parts, chance=None):
    return SegmentFinder.of(Segments.join(parts), SEGMENT, HOP, chance)


def chance_of(parts):
    return finder_of(parts).measure_chance(parts, [part.track_ids[0] for part in parts], threads=1)


@pytest.fixture(scope="module")
def parts():
    """Thirty tracks of random fingerprints, 100 segments each."""
    rng = np.random.default_rng(0)
    return [segments(f"{number:02}", unit(rng, 100)) for number in range(TRACKS)]


@pytest.fixture(scope="module")
def finder(parts):
    chance = chance_of(parts)
    assert chance is not None
    return finder_of(parts, chance)


def library_of(finder):
    info = LibraryInfo(music="/music")
    names = [f"{number:02}" for number in range(len(finder.seconds))]
    return Library(info, [[f"{n}.wav"] for n in names], names, finder.seconds, [])


def track(embeddings):
    own = segments("query", embeddings)
    return Track(float(own.seconds[0]), own)


def asked(query, finder, **options):
    return identify(query, library_of(finder), [finder], **options)


def with_excerpt(parts, number, first, last, seed=1):
    """Forty random segments, some of a track, and forty more."""
    rng = np.random.default_rng(seed)
    excerpt = parts[number].embeddings[first : last + 1]
    return np.concatenate([unit(rng, 40), excerpt, unit(rng, 40)])


def test_an_excerpt_is_found_and_nothing_else(finder, parts):
    (answer,) = asked(track(with_excerpt(parts, 7, 30, 59)), finder)
    assert answer.paths == ["07.wav"]
    assert answer.false_alarms == pytest.approx(1 / 30)  # the least that thirty tracks can tell
    (found,) = answer.matches
    assert found.query_start_s == pytest.approx(20.0, abs=2.5)
    assert found.query_end_s == pytest.approx(34.5 + SEGMENT, abs=2.5)
    assert found.reference_start_s - found.query_start_s == pytest.approx(-5.0, abs=0.5)
    assert found.reference_end_s - found.query_end_s == pytest.approx(-5.0, abs=0.5)
    assert found.tempo_ratio == pytest.approx(1.0, abs=0.03)


def test_an_excerpt_across_a_seam_of_a_long_query_is_one_match(finder, parts):
    """It sounds at 450–500 s; the windows are 0–491 and 461–951 s."""
    rows = unit(np.random.default_rng(1), 1900)
    rows[900:1000] = parts[7].embeddings
    best = asked(track(rows), finder, thresholds=Thresholds(best=1))[0]
    assert best.paths == ["07.wav"]
    (found,) = [match for match in best.matches if match.score > 20]
    assert found.query_start_s == pytest.approx(450, abs=2.5)
    assert found.query_end_s == pytest.approx(501.5, abs=2.5)
    assert found.reference_start_s == pytest.approx(0, abs=2.5)
    assert found.reference_end_s == pytest.approx(51.5, abs=2.5)


def test_the_query_itself_is_no_answer(finder, parts):
    query = track(with_excerpt(parts, 7, 30, 59))
    assert asked(query, finder, without={7}) == []


def test_random_tracks_are_rarely_answers(finder):
    answered = [
        bool(asked(track(unit(np.random.default_rng(seed), 100)), finder)) for seed in range(40)
    ]
    assert sum(answered) <= 10  # 4 expected if the estimate were exact


def test_a_higher_threshold_leaves_less(finder, parts):
    query = track(with_excerpt(parts, 7, 30, 59))
    (answer,) = asked(query, finder)
    assert asked(query, finder, thresholds=Thresholds(score=answer.score + 0.01)) == []
    assert len(asked(query, finder, thresholds=Thresholds(false_alarms=20.0))) > 1


def test_every_part_of_an_answer_reaches_the_least_score(finder, parts):
    embeddings = with_excerpt(parts, 7, 30, 59)
    embeddings[:18] = parts[7].embeddings[5:23]  # a second, shorter part
    query = track(embeddings)
    (answer,) = asked(query, finder)
    shorter, longer = sorted(part.score for part in answer.matches)
    above = Thresholds(score=(shorter + longer) / 2)
    (strict,) = asked(query, finder, thresholds=above)
    assert [part.score for part in strict.matches] == [longer]
    (shown,) = asked(query, finder, thresholds=Thresholds(score=longer + 1, best=1))
    assert shown.matches == answer.matches  # shown for all that


def test_a_calibrated_system_tells_how_likely_an_answer_is(finder, parts):
    query = track(with_excerpt(parts, 7, 30, 59))
    (plain,) = asked(query, finder)
    assert plain.probability is None
    evidence = finder.find(query, frozenset({3}))
    scores, excess = evidence.scores, evidence.excess
    fitted = Calibration(-6.0, 2.0, 2.0)
    trust = {"calibration": fitted, "chance": finder.chance}
    known = replace(finder, **trust)
    best, *others = asked(
        query, known, thresholds=Thresholds(probability=0.0), without=frozenset({3})
    )
    assert best.paths == ["07.wav"]
    # By hand, among 29 tracks.
    logit = -6 + 2 * np.log1p(excess[7]) + 2 * np.log1p(scores[7]) - np.log(29)
    assert best.probability == pytest.approx(1 / (1 + np.exp(-logit)))
    assert "% likely" in judgement(best)
    assert "by fingerprints, over 99 % likely" in judgement(replace(best, probability=0.991))
    assert "by fingerprints, 99 % likely" in judgement(replace(best, probability=0.99))
    assert [one.probability for one in others] == sorted(
        (one.probability for one in others), reverse=True
    )
    # Any number of false alarms is let pass where a probability is known, unless asked otherwise.
    assert others[0].false_alarms > 0.1
    strict = Thresholds(probability=0.0, false_alarms=0.1)
    assert [answer.paths for answer in asked(query, known, thresholds=strict)] == [["07.wav"]]
    just = Thresholds(probability=best.probability - 1e-9)
    sure = asked(query, known, thresholds=just, without=frozenset({3}))
    assert [answer.paths for answer in sure] == [["07.wav"]]
    assert asked(query, known, thresholds=Thresholds(probability=1.0)) == []
    two = asked(query, known, thresholds=Thresholds(probability=1.0, best=2))
    assert two[0].paths == ["07.wav"]
    assert len(two) == 2


def test_silent_and_empty(finder):
    nothing = track(np.zeros((0, SIZE), np.float32))
    assert asked(nothing, finder) == []
    rows = segments("query", unit(np.random.default_rng(0), 5))
    no_tracks = replace(rows.rows(slice(0, 0)), track_ids=[], seconds=np.zeros(0))
    empty = SegmentFinder.of(no_tracks, SEGMENT, HOP)
    assert asked(track(rows.embeddings), empty) == []


def test_few_tracks_tell_nothing_of_chance(parts):
    assert chance_of(parts[:9]) is None
    answers = asked(track(with_excerpt(parts, 7, 30, 59)), finder_of(parts[:9]))
    assert answers[0].paths == ["07.wav"]
    assert {answer.false_alarms for answer in answers} == {None}


def test_excesses_and_chance_by_hand():
    forwards, backwards = np.array([0.0, 1, 2, 3, 40]), np.array([0.0, 1, 2, 3, 4])
    np.testing.assert_allclose(excesses(forwards, backwards), [-2, -1, 0, 1, 38])  # 2, quartile 3
    np.testing.assert_allclose(excesses(np.array([1.0, 2]), np.array([1.0, 1])), [0, 4])  # spread 0
    chance = Chance.of([np.array([1.0, 5]), np.array([3.0, 0]), np.arange(-40.0, 2)])
    assert chance.asked == 3
    assert len(chance.found) == 4 + 20
    assert [chance.false_alarms(value) for value in (6, 5, 3, 2)] == [1 / 3, 2 / 3, 1, 1]


def test_times_are_whole_seconds():
    assert [clock(seconds) for seconds in (0, 59.4, 59.5, 600)] == ["0:00", "0:59", "1:00", "10:00"]


def candidate(track, probability, by, score=9.0):
    return Candidate(
        track, score, probability, None, by, Evidence(np.zeros(0), np.zeros(0), np.zeros(0), None)
    )


def test_candidates_of_two_systems_are_one_list():
    by_fingerprints = [candidate(0, 0.3, "a"), candidate(1, 0.1, "a")]
    by_landmarks = [candidate(2, 0.9, "b"), candidate(1, 0.6, "b")]
    both = [*by_fingerprints, *by_landmarks]
    told = [(one.track, one.finder) for one in Thresholds().chosen(both)]
    assert told == [(2, "b"), (1, "b"), (0, "a")]
    strict = Thresholds(probability=0.5)
    assert [one.track for one in strict.chosen(both)] == [2, 1]
    assert [one.track for one in strict.chosen([*both, candidate(3, None, "a")])] == [2, 1, 3]
    assert len(Thresholds(probability=1.0).chosen(both)) == 0
    assert [one.track for one in Thresholds(probability=1.0, best=1).chosen(both)] == [2]
    assert len(Thresholds(probability=1.0, best=9).chosen(both)) == 3

"""Passages: lines found by hand-made matches, runs, loops, tempo, and what time reversal leaves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid.best_runs import best_runs
from neuralsampleid.matching.lines import (
    FASTEST,
    SEGMENT_COST,
    SLOWEST,
    Matches,
    best_scores,
    passages_of_track,
    slope_grid,
)

HOP = 0.5


def on_line(first, last, slope, offset, *, track=0, vote=1.0, jitter=0.0, seed=0):
    """Each of the query's segments from first to last matches where the line says."""
    query = np.arange(first, last + 1)
    rng = np.random.default_rng(seed)
    times = query * HOP
    reference = offset + slope * times + rng.uniform(-jitter, jitter, len(query))
    return Matches(
        query, np.full(len(query), track), times, reference, np.full(len(query), float(vote))
    )


def chance(segments, each, tracks, seconds, seed=0):
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(segments), each)
    votes = np.tile(1 / np.arange(1, each + 1), segments)
    return Matches(
        query,
        rng.integers(0, tracks, len(query)),
        query * HOP,
        rng.uniform(0, seconds, len(query)),
        votes,
    )


def together(*parts):
    names = ("query", "track", "query_s", "reference_s", "votes")
    return Matches(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def test_slopes_cover_the_range_and_begin_with_1():
    slopes = slope_grid()
    assert slopes[0] == 1.0
    assert slopes.min() == pytest.approx(SLOWEST, rel=0.01)
    assert slopes.max() == pytest.approx(FASTEST, rel=0.01)
    np.testing.assert_allclose(np.diff(np.log(np.sort(slopes))), 0.01)


@settings(max_examples=40)
@given(
    st.floats(0.71, 1.39),
    st.floats(-20, 60),
    st.integers(0, 40),
    st.integers(20, 60),
    st.integers(0, 100),
)
def test_a_line_is_found(slope, offset, first, length, seed):
    line = on_line(first, first + length - 1, slope, offset, jitter=0.1, seed=seed)
    noise = chance(100, 5, 1, 200.0, seed)
    best = next(passages_of_track(together(line, noise), HOP, 1.0))
    # A nearest match by chance can lengthen a passage by what it pays for; two rarely do.
    assert abs(best.first - first) <= 2 / SEGMENT_COST
    assert abs(best.last - (first + length - 1)) <= 2 / SEGMENT_COST
    middle = (first + length / 2) * HOP
    assert best.offset_s + best.slope * middle == pytest.approx(offset + slope * middle, abs=0.5)
    assert best.slope == pytest.approx(slope, abs=0.08)
    assert best.score >= 0.75 * length * (1 - SEGMENT_COST)
    assert best.support <= best.last - best.first + 1


def test_score_and_ends_of_a_clean_line():
    (only,) = passages_of_track(on_line(3, 22, 1.25, 7.0), HOP, 0.5)
    assert (only.first, only.last, only.support) == (3, 22, 20)
    assert only.score == pytest.approx(20 * (1 - SEGMENT_COST))
    assert only.slope == pytest.approx(1.25)
    assert only.offset_s == pytest.approx(7.0)


def test_consecutive_segments_are_one_passage_and_gaps_are_bridged():
    gap = together(on_line(0, 9, 1.0, 5.0), on_line(14, 23, 1.0, 5.0))
    (one,) = passages_of_track(gap, HOP, 1.0)
    assert (one.first, one.last, one.support) == (0, 23, 20)
    assert one.score == pytest.approx(20 - 24 * SEGMENT_COST)
    far = together(on_line(0, 9, 1.0, 5.0), on_line(210, 219, 1.0, 5.0))
    assert [(part.first, part.last) for part in passages_of_track(far, HOP, 1.0)] in (
        [(0, 9), (210, 219)],
        [(210, 219), (0, 9)],
    )


def test_a_loop_maps_several_ranges_to_one():
    loop = together(*(on_line(8 * k, 8 * k + 7, 1.0, 30.0 - 8 * k * HOP) for k in range(4)))
    found = sorted(passages_of_track(loop, HOP, 1.0), key=lambda part: part.first)
    assert [(part.first, part.last) for part in found] == [(0, 7), (8, 15), (16, 23), (24, 31)]
    starts = [part.offset_s + part.slope * part.first * HOP for part in found]
    np.testing.assert_allclose(starts, 30.0, atol=1e-6)


def test_a_moment_of_the_query_is_explained_once():
    twice = together(on_line(0, 19, 1.0, 10.0), on_line(0, 19, 1.0, 50.0, vote=0.5))
    (best,) = passages_of_track(twice, HOP, 1.0)
    assert best.offset_s == pytest.approx(10.0)


def test_each_track_has_its_own_score():
    matches = together(on_line(0, 9, 1.0, 5.0, track=2), on_line(0, 4, 0.9, 5.0, track=0, vote=0.5))
    found = best_scores(matches, 4, HOP)
    np.testing.assert_allclose(found, [5 * (0.5 - SEGMENT_COST), 0.0, 10 * (1 - SEGMENT_COST), 0.0])
    nothing = on_line(0, -1, 1.0, 0.0)
    np.testing.assert_array_equal(best_scores(nothing, 2, HOP), [0.0, 0.0])


@settings(max_examples=20)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_matches_is_of_no_account(seed, random):
    matches = together(chance(30, 4, 3, 30.0, seed), on_line(2, 9, 1.1, 3.0, track=1))
    order = list(range(len(matches.query)))
    random.shuffle(order)
    shuffled = Matches(*(values[order] for values in vars(matches).values()))
    np.testing.assert_allclose(best_scores(matches, 3, HOP), best_scores(shuffled, 3, HOP))


def test_backwards_a_sample_is_none_and_a_steady_sound_is_as_before():
    line = on_line(0, 39, 1.0, 5.0)
    assert best_scores(line.backwards(), 1, HOP)[0] < 0.2 * best_scores(line, 1, HOP)[0]
    everywhere = np.repeat(np.arange(20), 20), np.tile(np.arange(20), 20)
    steady = Matches(
        everywhere[0],
        np.zeros(400, int),
        everywhere[0] * HOP,
        everywhere[1] * HOP,
        np.full(400, 0.5),
    )
    both = best_scores(steady, 1, HOP), best_scores(steady.backwards(), 1, HOP)
    np.testing.assert_allclose(*both)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 30), st.floats(0.05, 1)),
        min_size=1,
        max_size=40,
        unique_by=lambda entry: entry[:2],
    )
)
def test_best_runs_against_all_runs(entries):
    entries.sort()
    group, place, votes = (np.array(column) for column in zip(*entries, strict=True))
    scores, firsts = best_runs(group, place, votes, SEGMENT_COST)
    for end in range(len(entries)):
        begins = [b for b in range(end + 1) if group[b] == group[end]]
        cost = [SEGMENT_COST * (place[end] - place[b] + 1) for b in begins]
        every = [votes[b : end + 1].sum() - c for b, c in zip(begins, cost, strict=True)]
        assert scores[end] == pytest.approx(max(every), abs=1e-9)
        chosen = [b for b in begins if place[b] == firsts[end]]
        assert every[begins.index(chosen[0])] == pytest.approx(max(every), abs=1e-9)

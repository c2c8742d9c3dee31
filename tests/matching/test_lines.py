"""Lines found among hand-made neighbours, runs, loops, tempo, and what time reversal leaves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid.best_runs import best_runs
from neuralsampleid.matching.lines import (
    FASTEST,
    SEGMENT_COST,
    SLOWEST,
    Neighbours,
    best_scores,
    lines_of_track,
    slope_grid,
)

HOP = 0.5


def lines_of(neighbours, least):
    """Lines of segments without length, so that their ends are those segments' middles."""
    return lines_of_track(neighbours, 0.0, HOP, least)


def numbers(line):
    """The query's segments from first to last."""
    return round(line.query_start_s / HOP), round(line.query_end_s / HOP)


def on_line(first, last, slope, offset, *, track=0, vote=1.0, jitter=0.0, seed=0):
    """Each of the query's segments from first to last neighbours where the line says."""
    query = np.arange(first, last + 1)
    rng = np.random.default_rng(seed)
    times = query * HOP
    reference = offset + slope * times + rng.uniform(-jitter, jitter, len(query))
    return Neighbours(
        query, np.full(len(query), track), times, reference, np.full(len(query), float(vote))
    )


def chance(segments, each, tracks, seconds, seed=0):
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(segments), each)
    votes = np.tile(1 / np.arange(1, each + 1), segments)
    return Neighbours(
        query,
        rng.integers(0, tracks, len(query)),
        query * HOP,
        rng.uniform(0, seconds, len(query)),
        votes,
    )


def together(*parts):
    names = ("query", "track", "query_s", "reference_s", "votes")
    return Neighbours(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


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
    best = next(lines_of(together(line, noise), 1.0))
    # A nearest match by chance can lengthen a passage by what it pays for; two rarely do.
    assert np.abs(np.subtract(numbers(best), (first, first + length - 1))).max() <= 2 / SEGMENT_COST
    middle = (first + length / 2) * HOP
    there = best.reference_start_s + best.tempo_ratio * (middle - best.query_start_s)
    assert there == pytest.approx(offset + slope * middle, abs=0.5)
    assert best.tempo_ratio == pytest.approx(slope, abs=0.08)
    assert best.score >= 0.75 * length * (1 - SEGMENT_COST)


def test_score_and_ends_of_a_clean_line():
    (only,) = lines_of(on_line(3, 22, 1.25, 7.0), 0.5)
    assert numbers(only) == (3, 22)
    assert only.score == pytest.approx(20 * (1 - SEGMENT_COST))
    assert only.tempo_ratio == pytest.approx(1.25)
    assert only.reference_start_s == pytest.approx(7.0 + 1.25 * 3 * HOP)
    assert only.reference_end_s == pytest.approx(7.0 + 1.25 * 22 * HOP)


def test_segments_reach_half_their_length_beyond_their_middles():
    whole, middles = (next(lines_of_track(on_line(3, 22, 1.25, 7.0), s, HOP)) for s in (2.0, 0.0))
    assert whole.query_start_s == pytest.approx(middles.query_start_s - 1.0)
    assert whole.query_end_s == pytest.approx(middles.query_end_s + 1.0)
    assert whole.reference_start_s == pytest.approx(middles.reference_start_s - 1.25)
    assert whole.reference_end_s == pytest.approx(middles.reference_end_s + 1.25)


def test_a_short_line_does_not_tell_the_tempo():
    (short,) = lines_of(on_line(3, 9, 1.0, 7.0), 0.5)
    assert short.tempo_ratio is None


def test_consecutive_segments_are_one_line_and_gaps_are_bridged():
    gap = together(on_line(0, 9, 1.0, 5.0), on_line(14, 23, 1.0, 5.0))
    (one,) = lines_of(gap, 1.0)
    assert numbers(one) == (0, 23)
    assert one.score == pytest.approx(20 - 24 * SEGMENT_COST)
    far = together(on_line(0, 9, 1.0, 5.0), on_line(210, 219, 1.0, 5.0))
    assert [numbers(line) for line in lines_of(far, 1.0)] in (
        [(0, 9), (210, 219)],
        [(210, 219), (0, 9)],
    )


def test_a_loop_maps_several_ranges_to_one():
    loop = together(*(on_line(8 * k, 8 * k + 7, 1.0, 30.0 - 8 * k * HOP) for k in range(4)))
    found = sorted(lines_of(loop, 1.0), key=lambda line: line.query_start_s)
    assert [numbers(line) for line in found] == [(0, 7), (8, 15), (16, 23), (24, 31)]
    np.testing.assert_allclose([line.reference_start_s for line in found], 30.0, atol=1e-6)


def test_a_moment_of_the_query_is_explained_once():
    twice = together(on_line(0, 19, 1.0, 10.0), on_line(0, 19, 1.0, 50.0, vote=0.5))
    (best,) = lines_of(twice, 1.0)
    assert best.reference_start_s == pytest.approx(10.0)


def test_each_track_has_its_own_score():
    neighbours = together(
        on_line(0, 9, 1.0, 5.0, track=2), on_line(0, 4, 0.9, 5.0, track=0, vote=0.5)
    )
    found = best_scores(neighbours, 4, HOP)
    np.testing.assert_allclose(found, [5 * (0.5 - SEGMENT_COST), 0.0, 10 * (1 - SEGMENT_COST), 0.0])
    nothing = on_line(0, -1, 1.0, 0.0)
    np.testing.assert_array_equal(best_scores(nothing, 2, HOP), [0.0, 0.0])


@settings(max_examples=20)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_neighbours_is_of_no_account(seed, random):
    neighbours = together(chance(30, 4, 3, 30.0, seed), on_line(2, 9, 1.1, 3.0, track=1))
    order = list(range(len(neighbours.query)))
    random.shuffle(order)
    shuffled = Neighbours(*(values[order] for values in vars(neighbours).values()))
    np.testing.assert_allclose(best_scores(neighbours, 3, HOP), best_scores(shuffled, 3, HOP))


def test_backwards_a_sample_is_none_and_a_steady_sound_is_as_before():
    line = on_line(0, 39, 1.0, 5.0)
    assert best_scores(line.backwards(), 1, HOP)[0] < 0.2 * best_scores(line, 1, HOP)[0]
    everywhere = np.repeat(np.arange(20), 20), np.tile(np.arange(20), 20)
    steady = Neighbours(
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

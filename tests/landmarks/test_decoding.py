"""Every occurrence of a region: slices, other orders, and peaks that the query hides."""

import numpy as np
import pytest

from neuralsampleid.landmarks.decoding import Occurrence, Region, decode, joined, region_of, strong
from neuralsampleid.landmarks.excerpts import asked, judge
from neuralsampleid.landmarks.proposals import Proposals
from neuralsampleid.landmarks.triples import Points

SLOPE, PITCH = 1.2, 4.5
LENGTH = 2000  # frames of the query


def scattered(seed, count, frames):
    rng = np.random.default_rng(seed)
    return Points(np.sort(rng.uniform(0, frames, count)), rng.uniform(0, 200, count))


def mixed(*parts):
    frames, heights = (np.concatenate(values) for values in zip(*parts, strict=True))
    order = np.argsort(frames, kind="stable")
    return Points(frames[order], heights[order])


def sounding(track, first, last, start):
    """What lies between two frames of a track, in a query from a frame on."""
    own = (track.frames >= first) & (track.frames < last)
    return Points(start + (track.frames[own] - first) / SLOPE, track.heights[own] + PITCH)


@pytest.fixture
def track():
    return scattered(1, 300, 400)


@pytest.fixture
def region(track):
    return Region(track.frames, track.heights + PITCH, SLOPE)


def test_slices_in_another_order_are_told_apart(track, region):
    slices = [(200, 300, 500.0), (0, 100, 583.0), (300, 400, 667.0), (200, 300, 1200.0)]
    parts = [sounding(track, *one) for one in slices]
    found = decode(asked(mixed(*parts, scattered(2, 900, LENGTH))), region)
    assert len(found) == len(slices)
    for one, (first, last, start) in zip(found, slices, strict=True):
        assert one.begin == pytest.approx(start, abs=6)
        assert one.end == pytest.approx(start + (last - first) / SLOPE, abs=6)
        assert track.frames[one.first] == pytest.approx(first, abs=8)
        assert track.frames[one.last] == pytest.approx(last, abs=8)


def test_nothing_is_found_where_nothing_sounds(region):
    assert decode(asked(scattered(3, 900, LENGTH)), region) == []


def test_a_peak_that_is_hidden_each_time_does_not_count_against_an_occurrence(track, region):
    """Six of seven peaks are hidden, always the same; the last time is short."""
    left = np.random.default_rng(9).random(len(track.frames)) < 0.15
    kept = Points(track.frames[left], track.heights[left])
    whole = [sounding(kept, 0, 400, start) for start in (100.0, 500.0, 900.0, 1300.0)]
    short = sounding(kept, 100, 240, 1750.0)
    noise = scattered(5, 9000, LENGTH)
    together = decode(asked(mixed(*whole, short, noise)), region)
    assert [one.begin for one in together[:4]] == pytest.approx([100, 500, 900, 1300], abs=20)
    assert [one.begin for one in together[4:]] == pytest.approx([1750], abs=25)
    assert decode(asked(mixed(short, noise)), region) == []


def test_a_gap_at_the_same_lag_is_bridged_and_what_is_too_short_dropped():
    one = Occurrence(100, 150, 0, 40, 12.0, 100)
    other = Occurrence(200, 260, 60, 90, 10.0, 103)
    short = Occurrence(160, 164, 5, 9, 11.0, -40)
    elsewhere = Occurrence(300, 340, 10, 30, 9.0, 280)
    assert joined([one, short, other, elsewhere]) == [
        Occurrence(100, 260, 0, 90, 22.0, 103),
        elsewhere,
    ]
    late = other._replace(begin=300, end=360)  # more than three seconds after
    assert joined([one, late]) == [one, late]
    earlier = other._replace(first=-5)  # goes back in the region: another occurrence
    assert len(joined([one, earlier])) == 2


def test_an_occurrence_has_a_share_of_what_the_best_one_has():
    best, weak = Occurrence(0, 100, 0, 90, 90.0, 0), Occurrence(200, 220, 0, 20, 18.0, 200)
    weaker, weakest = weak._replace(score=17.0), weak._replace(score=8.0)
    assert strong([best, weak, weaker, weakest]) == [best, weak]
    assert strong([weaker, weakest]) == [weaker]
    assert strong([weakest]) == strong([]) == []


def test_the_region_reaches_beyond_what_is_found_unless_it_is_long():
    def region_in(length):
        track = scattered(6, 3 * length // 4, length)
        query = asked(Points(track.frames + 30, track.heights))
        middle = np.array([length / 2])
        values = (np.zeros(1), np.ones(1), middle - 100, middle + 100, middle + 30, middle)
        proposals = Proposals(np.ones(1), np.zeros(1, np.int64), *values)
        return region_of(query, track, judge(query, track, proposals, 0)), track

    region, track = region_in(1000)
    assert region.frames.tolist() == track.frames.tolist()  # all of it is found
    region, _ = region_in(3000)
    assert region is None

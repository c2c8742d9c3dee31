"""Triples of peaks: which are made, and which of a table's equal a query's, by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.hits import BLOCK, by_track, hits_of
from neuralsampleid.landmarks.lookups import Equals, find_equals, lookups_of, shapes_of
from neuralsampleid.landmarks.table import is_sound, key_count, make_table, scale_of
from neuralsampleid.landmarks.triples import Points, make_triples, reach_of

SETTINGS = Landmarks()
REACH = reach_of(SETTINGS)
SCALE = scale_of(REACH)


def found(query, table, partners=2):
    """The hits of a query in each track."""
    triples = make_triples(query, partners, REACH)
    shapes, every = shapes_of(query, triples, SCALE, REACH), np.arange(len(triples.first))
    equals = find_equals(shapes, lookups_of(shapes, every, REACH), table, SCALE, REACH)
    ordered, bounds = by_track(equals, table)
    parts = [Equals(*(values[slice(*own)] for values in ordered)) for own in pairwise(bounds)]
    begins = table.begins.tolist()
    return [hits_of(*own, shapes, SCALE) for own in zip(parts, begins, strict=True)]


def random_points(rng, count, frames):
    return Points(np.sort(rng.uniform(0, frames, count)), rng.uniform(0, 198, count))


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
    frames, heights = np.array([10.0, 30, 50]), np.array([60.0, 72, 55])
    table = make_table([Points(frames, heights)], 2, REACH)
    for semitones in (-6, -2.5, 0, 3.3, 6):
        for tempo in (0.7, 1, 1.45):
            (hits,) = found(Points(frames / tempo, heights + 3 * semitones), table)
            assert hits.pitch == pytest.approx([3 * semitones], abs=0.26)
            assert np.exp(hits.tempo) == pytest.approx([tempo], rel=0.003)
            assert [*hits.query, *hits.track] == pytest.approx([10 / tempo, 10])
            # The middle of the first block, as both begin together.
            assert hits.lag == pytest.approx([BLOCK / 2 * tempo], abs=0.7)
    for semitones, tempo in ((7, 1), (0, 0.6), (0, 1.6)):
        (hits,) = found(Points(frames / tempo, heights + 3 * semitones), table)
        assert not len(hits.lag)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_hits_are_those_of_brute_force(seed):
    """All pairs of triples, compared one by one; rounding counts at the limits."""
    rng = np.random.default_rng(seed)
    query, tracks = random_points(rng, 80, 900), [random_points(rng, 60, 300) for _ in range(3)]
    hits = found(query, make_table(tracks, 3, REACH), 4)
    for own, track in zip(hits, tracks, strict=True):
        strict, loose = (brute_force(query, track, share) for share in (0.85, 1.15))
        assert strict <= len(own.lag) <= loose
        assert (np.diff(own.query) >= 0).all()
        assert own.block.tolist() == (own.query // BLOCK).tolist()


def brute_force(query, track, share):
    """How many pairs of triples agree, with a share of the tolerances."""
    own, other = (
        (np.array(points.frames)[np.stack(made)], np.array(points.heights)[np.stack(made)])
        for points, made in (
            (query, make_triples(query, 4, REACH)),
            (track, make_triples(track, 3, REACH)),
        )
    )
    count = 0
    for frames, heights in zip(*(values.T for values in own), strict=True):
        rises = heights[:, None] - other[1]
        length, lengths = frames[2] - frames[0], other[0][2] - other[0][0]
        late = abs((other[0][1] - other[0][0]) / lengths - (frames[1] - frames[0]) / length)
        agree = abs(rises[1] - rises[0]) <= share * REACH.height
        agree &= abs(rises[2] - rises[0]) <= share * REACH.height
        agree &= abs(rises[2] - rises[1]) <= share * REACH.height
        off = (0.5 + 0.5 * lengths / length) * share * REACH.frames
        agree &= late * lengths <= off
        spare = (share - 1) * 0.5
        agree &= abs(rises.mean(0)) <= REACH.pitch + spare
        tempo = np.log(lengths / length)
        agree &= (tempo >= REACH.least_log - spare / 5) & (tempo <= REACH.most_log + spare / 5)
        count += int(agree.sum())
    return count


def test_an_anchor_with_many_hits_weighs_less():
    """The query's one triple stands four times in the first track and once in the second."""
    frames, heights = np.array([0.0, 20, 40]), np.array([60.0, 72, 55])
    often = Points(
        np.concatenate([frames + 100 * place for place in range(4)]), np.tile(heights, 4)
    )
    table = make_table([often, Points(frames, heights)], 2, REACH)
    first, second = found(Points(frames, heights), table)
    assert first.weight.tolist() == [0.5] * 4
    assert first.track.tolist() == [0, 100, 200, 300]
    assert (second.weight.tolist(), second.track.tolist()) == ([1], [0])


def test_a_table_that_points_beyond_itself_is_not_sound():
    rng = np.random.default_rng(1)
    table = make_table([random_points(rng, 50, 200) for _ in range(2)], 3, REACH)
    assert is_sound(table)
    assert len(table.starts) == key_count(REACH) + 1
    later, owners = table.starts.copy(), table.owners.copy()
    later[-1] += 1
    owners[0] = 2
    assert not is_sound(table._replace(starts=later))
    assert not is_sound(table._replace(starts=table.starts[::-1]))
    assert not is_sound(table._replace(owners=owners))
    # A row may say any time: it is of the last track then, and nothing is read beyond the table.
    anywhere = table._replace(late=table.late | np.uint16(0xFFFF), high=table.high | np.uint8(0xFF))
    query = random_points(np.random.default_rng(1), 50, 200)
    count = sum(len(each.lag) for each in found(query, table, 3))
    assert count > 20
    assert [len(each.lag) for each in found(query, anywhere, 3)] == [0, count]

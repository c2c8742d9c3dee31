"""A closer look at a track: what it finds is what a table of the track would tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.closer import Look, directory_of, equals_in, rows_of
from neuralsampleid.landmarks.hits import BLOCK
from neuralsampleid.landmarks.lookups import find_equals, lookups_of, shapes_of
from neuralsampleid.landmarks.table import make_table, scale_of
from neuralsampleid.landmarks.triples import Points, make_triples, reach_of

SETTINGS = Landmarks()
REACH = reach_of(SETTINGS)
SCALE = scale_of(REACH)


def random_points(rng, count, frames):
    return Points(np.sort(rng.uniform(0, frames, count)), rng.uniform(0, 198, count))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    height=st.sampled_from([0.1, 0.24, 0.39]),
    share=st.sampled_from([0.02, 0.3, 1.0]),
)
def test_equals_are_those_of_a_table(seed, height, share):
    """The track is a part of the query, higher, slower, and not quite in tune."""
    reach, rng = REACH._replace(height=height), np.random.default_rng(seed)
    query = random_points(rng, 150, 900)
    own = Points(*(values[: int(share * 150)] for values in query))
    track = Points(1.2 * own.frames, own.heights + rng.normal(10, 0.1, len(own.heights)))
    triples = make_triples(query, 5, reach)
    shapes, some = shapes_of(query, triples, SCALE, reach), np.arange(0, len(triples.first), 2)
    table = find_equals(
        shapes, lookups_of(shapes, some, reach), make_table([track], 4, reach), SCALE, reach
    )
    directory = directory_of(shapes, some, reach)
    closer = equals_in(directory, rows_of(track, 4, reach), SCALE, reach)
    told, asked = (
        sorted(zip(*(values.tolist() for values in equals), strict=True))
        for equals in (closer, table)
    )
    assert told == asked
    assert share < 1 or len(told) > 20


def test_a_part_of_a_long_query_is_proposed():
    """Moved up by 2 semitones and faster by a fifth, after seven minutes."""
    rng = np.random.default_rng(1)
    track = random_points(rng, 3000, 40 * BLOCK)
    inside = (track.frames >= 8000) & (track.frames < 8400)
    excerpt = Points((track.frames[inside] - 8000) / 1.2 + 42.3 * BLOCK, track.heights[inside] + 6)
    other = random_points(rng, 6000, 60 * BLOCK)
    order = np.argsort(np.concatenate([other.frames, excerpt.frames]))
    query = Points(*(np.concatenate(pair)[order] for pair in zip(other, excerpt, strict=True)))
    found = Look(query, 9, REACH).proposals(rows_of(track, 8, REACH))
    assert (np.diff(found.votes) <= 0).all()
    assert found.votes[0] > 2 * found.votes[1]
    assert (found.pitch[0], found.slope[0]) == pytest.approx((6, 1.2), rel=0.01)
    assert found.there[0] - 8000 == pytest.approx(1.2 * (found.here[0] - 42.3 * BLOCK), abs=1)
    assert (found.tracks == 0).all()


def test_a_query_without_triples_proposes_nothing():
    query = Points(np.array([3.0, 9.0]), np.array([50.0, 60.0]))
    track = random_points(np.random.default_rng(2), 100, 900)
    assert not len(Look(query, 9, REACH).proposals(rows_of(track, 8, REACH)).votes)

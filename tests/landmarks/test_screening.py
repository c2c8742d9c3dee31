"""Hits that the peaks around them confirm."""

import numpy as np
import pytest

from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.closer import Look, directory_of, equals_in, rows_of
from neuralsampleid.landmarks.excerpts import asked, expected_of, step_of
from neuralsampleid.landmarks.lookups import Equals, shapes_of
from neuralsampleid.landmarks.screening import grid_of, screen
from neuralsampleid.landmarks.table import TIMES, scale_of
from neuralsampleid.landmarks.triples import Points, make_triples, reach_of

REACH = reach_of(Landmarks())
SCALE = scale_of(REACH)
START, BEGIN, END = 700.0, 2000.0, 2200.0  # frames: of the query, and of the track's excerpt
SLOPE, PITCH = 1.2, 6.0  # a fifth faster, 2 semitones higher


def random_points(rng, count, frames):
    return Points(np.sort(rng.uniform(0, frames, count)), rng.uniform(0, 198, count))


def sampled(kept=0.4, seed=3):
    """A query in which some peaks of a track's excerpt are found, and the track."""
    rng = np.random.default_rng(seed)
    track, other = random_points(rng, 2000, 3000), random_points(rng, 1500, 2500)
    inside = (track.frames >= BEGIN) & (track.frames < END) & (rng.random(2000) < kept)
    excerpt = Points((track.frames[inside] - BEGIN) / SLOPE + START, track.heights[inside] + PITCH)
    order = np.argsort(np.concatenate([other.frames, excerpt.frames]))
    query = Points(*(np.concatenate(pair)[order] for pair in zip(other, excerpt, strict=True)))
    return query, track


def equals_of(query, track):
    shapes = shapes_of(query, make_triples(query, 9, REACH), SCALE, REACH)
    directory = directory_of(shapes, np.arange(len(shapes)), REACH)
    return equals_in(directory, rows_of(track, 7, REACH), SCALE, REACH), shapes


def later(equals, shapes):
    """How many frames of the track hits lie off the line of the excerpt."""
    here, there = shapes["begin"][equals.numbers], equals.times / TIMES
    return there - BEGIN - SLOPE * (here - START)


def true_hits(equals, shapes):
    there = equals.times / TIMES
    return (abs(later(equals, shapes)) < 2) & (there >= BEGIN) & (there < END)


def chosen(equals, places):
    return Equals(*(values[places] for values in equals))


def assert_is_the_excerpt(proposals, place):
    here, there = proposals.here[place], proposals.there[place]
    assert there - BEGIN == pytest.approx(SLOPE * (here - START), abs=2)
    assert proposals.pitch[place] == pytest.approx(PITCH, abs=0.5)
    assert proposals.slope[place] == pytest.approx(SLOPE, rel=0.04)
    assert proposals.first[place] >= BEGIN - 30
    assert proposals.last[place] <= END + 30


def test_one_true_hit_is_enough():
    query, track = sampled()
    equals, shapes = equals_of(query, track)
    true = true_hits(equals, shapes)
    false = np.flatnonzero(abs(later(equals, shapes)) > 50)
    assert len(false) > 300
    grid = grid_of(asked(query))
    for one in np.flatnonzero(true)[::10]:
        found = screen(chosen(equals, [*false, one]), shapes, SCALE, track, grid)
        assert_is_the_excerpt(found, 0)
        assert found.votes[0] > found.votes[1] + 3
    without = screen(chosen(equals, false), shapes, SCALE, track, grid)
    assert found.votes[0] > without.votes.max() + 3


def test_hits_of_one_line_are_one_proposal():
    query, track = sampled(kept=0.9)
    equals, shapes = equals_of(query, track)
    places = np.flatnonzero(true_hits(equals, shapes))
    assert len(places) > 50
    found = screen(chosen(equals, places), shapes, SCALE, track, grid_of(asked(query)))
    assert_is_the_excerpt(found, 0)
    middles = (found.first + found.last) / 2
    alike = (abs(found.pitch - PITCH) < 0.3) & (abs(found.slope / SLOPE - 1) < 0.01)
    assert np.diff(np.sort(middles[alike])).min(initial=np.inf) >= 43


def test_what_a_grid_tells():
    """A single peak: found within two frames and half a third of a semitone."""
    query = asked(Points(np.array([40.0, 100.0]), np.array([60.0, 90.0])))
    grid = grid_of(query)
    row = round((60 - grid.first) * 2)
    assert (np.flatnonzero(grid.told[:, row] > 0) == np.arange(38, 43)).all()
    assert (np.flatnonzero(grid.told[40] > 0) == np.arange(row - 1, row + 2)).all()
    assert (grid.told[50] < 0).all()
    assert len(grid.told) == 101
    expected = expected_of(query.heights, query.length, 2.0, 0.5)
    step = step_of(expected, 60.0)
    assert grid.told[40, row] / 32 == pytest.approx(expected.found[step], abs=1 / 64)
    assert grid.told[50, row] / 32 == pytest.approx(expected.missed[step], abs=1 / 64)


def test_peaks_outside_the_query_tell_nothing():
    """The same excerpt at the query's end: what would come later neither helps nor harms."""
    query, track = sampled(kept=0.9)
    cut = query.frames < START + 60
    short = Points(query.frames[cut], query.heights[cut])
    equals, shapes = equals_of(short, track)
    places = np.flatnonzero(true_hits(equals, shapes))
    found = screen(chosen(equals, places), shapes, SCALE, track, grid_of(asked(short)))
    assert_is_the_excerpt(found, 0)
    assert found.last.max() <= BEGIN + SLOPE * 63


def test_a_look_screens_the_hits_of_all_its_parts():
    """Two parts of a query that are five minutes apart."""
    query, track = sampled()
    later = 31 * 430.0
    twice = Points(np.concatenate([query.frames, query.frames + later]), np.tile(query.heights, 2))
    found = Look(twice, 9, REACH).screened(rows_of(track, 7, REACH), track, grid_of(asked(twice)))
    assert (np.diff(found.votes) <= 0).all()
    assert (found.tracks == 0).all()
    assert sorted(found.here[:2] > later) == [False, True]


def test_no_hits_propose_nothing():
    query, track = sampled()
    equals, shapes = equals_of(query, track)
    grid = grid_of(asked(query))
    for points in (track, Points(np.zeros(0), np.zeros(0))):
        none = screen(chosen(equals, slice(0)), shapes, SCALE, points, grid)
        assert not len(none.votes)

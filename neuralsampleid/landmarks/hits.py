"""Hits: triples of a table that equal those of a part of a query, at any pitch and tempo."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.lookups import Equals, Shapes
from neuralsampleid.landmarks.table import (
    HEIGHT_BIT,
    HEIGHTS,
    LENGTH_BIT,
    SLOT,
    TIMES,
    Scale,
    TripleTable,
    field,
)
from neuralsampleid.landmarks.triples import Integers, Points, Triples

# One record for each hit, since they are put in order by track: one line of the cache, not six.
_HIT = np.dtype(
    [
        ("anchor", np.int32),  # of the query
        ("query", np.float32),  # frames of the anchor in the query
        ("track", np.float32),  # in the track
        ("pitch", np.float32),  # thirds of a semitone by which the query is higher, ± 0.25
        ("tempo", np.float32),  # log of the query's speed over the track's
        ("lag", np.float32),  # frame of the track at the middle of the part of the query
        ("weight", np.float32),  # less where an anchor has many hits in a track
    ]
)


class Hits(NamedTuple):
    """Equal triples of a part of a query and of tracks; m of them."""

    rows: npt.NDArray[Any]  # (m,) of _HIT, by track, then by the query's time
    bounds: Integers  # (tracks + 1,) where each track's hits begin


def hits_of(
    equals: Equals,
    middle: float,
    query: Points,
    triples: Triples,
    shapes: Shapes,
    table: TripleTable,
    scale: Scale,
) -> Hits:
    """What equal rows tell.

    Args:
        equals: of a part of the query.
        middle: of the part, in frames.
        query: its peaks.
        triples: of the query.
        shapes: of these.
        table: of tracks.
        scale: of the table's lengths.
    """
    rows = np.empty(len(equals.rows), _HIT)
    bounds = _fill(rows, equals, middle, query, triples, shapes, table, scale)
    return Hits(rows, bounds)


@compiled
def _fill(
    hits: npt.NDArray[Any],
    equals: Equals,
    middle: float,
    query: Points,
    triples: Triples,
    shapes: Shapes,
    table: TripleTable,
    scale: Scale,
) -> Integers:
    """Fill in hits by track; within a track their order stays. Returns where each track's begin."""
    count = len(hits)
    owners = np.empty(count, np.int32)
    bounds = np.zeros(len(table.begins) + 1, np.int64)
    for each in range(count):
        # A damaged file may point anywhere.
        slot = min(equals.times[each] // (TIMES * SLOT), len(table.owners) - 1)
        owners[each] = table.owners[slot]
        bounds[owners[each] + 1] += 1
    bounds = np.cumsum(bounds)
    free = bounds.copy()
    for each in range(count):
        owner, row, number = owners[each], equals.rows[each], equals.numbers[each]
        hit, shape = hits[free[owner]], shapes[number]
        free[owner] += 1
        anchor = triples.first[number]
        here = query.frames[anchor]
        there = equals.times[each] / TIMES - table.begins[owner]
        length = field(row, LENGTH_BIT, 10)
        ratio = scale.lengths[length] / shape.length
        hit.anchor, hit.query, hit.track = anchor, here, there
        hit.pitch = shape.height - field(row, HEIGHT_BIT, 10) / HEIGHTS
        hit.tempo = scale.step_log * length - shape.tempo
        hit.lag = there - ratio * (here - middle)
    _weigh(hits, bounds)
    return bounds


@compiled
def _weigh(hits: npt.NDArray[Any], bounds: Integers) -> None:
    """One over the root of how many hits an anchor has in a track: they are not independent."""
    for track in range(len(bounds) - 1):
        first = bounds[track]
        for place in range(bounds[track], bounds[track + 1] + 1):
            if place == bounds[track + 1] or hits[place].anchor != hits[first].anchor:
                for own in range(first, place):
                    hits[own].weight = 1 / np.sqrt(place - first)
                first = place

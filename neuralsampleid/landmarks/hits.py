"""Hits: triples of a table that equal those of a part of a query, at any pitch and tempo."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.lookups import Equals, Shapes
from neuralsampleid.landmarks.table import (
    HEIGHT_BIT,
    HEIGHTS,
    LENGTH_BIT,
    SLOT,
    TIMES,
    Reals,
    Scale,
    TripleTable,
    field,
)
from neuralsampleid.landmarks.triples import Integers, Numbers

BLOCK = 430  # frames of a query whose hits are asked together: 10 s
_DIGIT = 8  # bits by which hits are put in order at once


class Hits(NamedTuple):
    """Triples of one track that equal a query's, by the query's time; m of them."""

    block: Numbers  # (m,) in which block of the query
    query: Reals  # (m,) frames of the anchor in the query
    track: Reals  # (m,) in the track
    pitch: Reals  # (m,) thirds of a semitone by which the query is higher, ± 0.25
    tempo: Reals  # (m,) log of the query's speed over the track's
    lag: Reals  # (m,) frame of the track at the middle of the block
    weight: Reals  # (m,) less where an anchor has many hits in a block


@compiled
def by_track(equals: Equals, table: TripleTable) -> tuple[Equals, Integers]:
    """Equal rows by track, those of one in their order, and where each track's begin."""
    bounds = np.zeros(len(table.begins) + 1, np.int64)
    for time in equals.times:
        bounds[_owner(time, table) + 1] += 1
    bounds = np.cumsum(bounds)
    free, count = bounds.copy(), len(equals.times)
    numbers = np.empty(count, np.int32)
    rows, times = np.empty(count, np.uint32), np.empty(count, np.uint32)
    for each in range(count):
        owner = _owner(equals.times[each], table)
        own = free[owner]
        free[owner] += 1
        numbers[own], rows[own] = equals.numbers[each], equals.rows[each]
        times[own] = equals.times[each]
    return Equals(numbers, rows, times), bounds


@compiled
def _owner(time: np.uint32, table: TripleTable) -> int:
    """The track to which a time belongs; a damaged file may tell any."""
    slot = min(int(np.int64(time) // (TIMES * SLOT)), len(table.owners) - 1)
    return int(table.owners[slot])


@compiled
def hits_of(equals: Equals, begin: int, shapes: Shapes, scale: Scale) -> Hits:
    """What equal rows of one track tell.

    Args:
        equals: of a part of the query.
        begin: frame of the table at which the track begins.
        shapes: of the query's triples.
        scale: of the table's lengths.
    """
    order, count = by_number(equals.numbers), len(equals.rows)
    block, anchors = np.empty(count, np.int32), np.empty(count, np.int32)
    query, track = np.empty(count, np.float32), np.empty(count, np.float32)
    pitch, tempo = np.empty(count, np.float32), np.empty(count, np.float32)
    lag, weight = np.empty(count, np.float32), np.empty(count, np.float32)
    now = 0
    for own in range(count):
        each = order[own]
        row, number = equals.rows[each], equals.numbers[each]
        shape = shapes[number]
        here = shape.begin
        while here >= (now + 1) * BLOCK:
            now += 1
        there = np.int64(equals.times[each]) / TIMES - begin
        length = field(row, LENGTH_BIT, 10)
        ratio = scale.lengths[length] / shape.length
        block[own], anchors[own] = now, shape.anchor
        query[own], track[own] = here, there
        pitch[own] = shape.height - field(row, HEIGHT_BIT, 10) / HEIGHTS
        tempo[own] = scale.step_log * length - shape.tempo
        lag[own] = there - ratio * (here - (now + 0.5) * BLOCK)
    _weigh(anchors, weight)
    return Hits(block, query, track, pitch, tempo, lag, weight)


@compiled
def by_number(numbers: Numbers) -> Numbers:
    """The order of numbers, of equals as they are."""
    count = len(numbers)
    order, other = np.arange(count).astype(np.int32), np.empty(count, np.int32)
    least = numbers.min() if count else 0
    most = numbers.max() - least if count else 0
    shift = 0
    while most >> shift:
        free = np.zeros((1 << _DIGIT) + 1, np.int64)
        for number in numbers:
            free[((number - least) >> shift & ((1 << _DIGIT) - 1)) + 1] += 1
        free = np.cumsum(free)
        for each in order:
            digit = (numbers[each] - least) >> shift & ((1 << _DIGIT) - 1)
            other[free[digit]] = each
            free[digit] += 1
        order, other = other, order
        shift += _DIGIT
    return order


@compiled
def _weigh(anchors: Numbers, weight: Reals) -> None:
    """One over the root of how many hits an anchor has: they are not independent."""
    first = 0
    for place in range(len(anchors) + 1):
        if place == len(anchors) or anchors[place] != anchors[first]:
            weight[first:place] = 1 / np.sqrt(max(place - first, 1))
            first = place


@compiled
def take(hits: Hits, places: Integers) -> Hits:
    """Some of them."""
    return Hits(
        hits.block[places],
        hits.query[places],
        hits.track[places],
        hits.pitch[places],
        hits.tempo[places],
        hits.lag[places],
        hits.weight[places],
    )

"""Hits: triples of a table that equal those of a part of a query, at any pitch and tempo."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.table import (
    HEIGHT_BIT,
    HEIGHTS,
    HIGH_BIT,
    LENGTH_BIT,
    LENGTHS,
    LOW_BIT,
    PARTS,
    RATIO_BIT,
    RATIOS,
    SLOT,
    TIMES,
    Reals,
    Rows,
    Scale,
    TripleTable,
    field,
)
from neuralsampleid.landmarks.triples import Integers, Numbers, Points, Reach, Triples

_ROOM = 1 << 18  # hits found at once
_PART = np.float32(1 / PARTS)
_RATIO_PART = np.float32(1 / PARTS / RATIOS)


class Hits(NamedTuple):
    """Equal triples of a query and of tracks, by track, then by the query's time; m of them."""

    query: Reals  # (m,) frames of the anchor in the query
    track: Reals  # (m,) in the track
    pitch: Reals  # (m,) thirds of a semitone by which the query is higher, the mean of three
    tempo: Reals  # (m,) log of the query's speed over the track's
    weight: Reals  # (m,) less where an anchor has many hits in a track
    bounds: Integers  # (tracks + 1,) where each track's hits begin


def find_hits(
    query: Points,
    triples: Triples,
    part: tuple[int, int],
    table: TripleTable,
    scale: Scale,
    reach: Reach,
) -> Hits:
    """All triples of the table that equal one of a query's.

    Args:
        query: its peaks.
        triples: of the query.
        part: numbers of the first triple that is looked up, and where to end.
        table: of tracks.
        scale: of the table's lengths.
        reach: what equal triples may differ by.
    """
    begin, end = part
    found = []
    while begin < end:
        numbers, places, begin = _find(query, triples, begin, end, table, scale, reach)
        found.append((numbers, places))
    if not found:
        found = [(np.zeros(0, np.int32), np.zeros(0, np.int32))]
    numbers, places = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _by_track(query, triples, numbers, places, table, scale)


@compiled
def _find(
    query: Points,
    triples: Triples,
    begin: int,
    end: int,
    table: TripleTable,
    scale: Scale,
    reach: Reach,
) -> tuple[Numbers, Numbers, int]:
    """Numbers of the query's triples and places in the table, and the triple to go on with."""
    numbers, places, count = np.empty(_ROOM, np.int32), np.empty(_ROOM, np.int32), 0
    width, height = 2 * reach.rise + 1, np.float32(reach.height)
    for number in range(begin, end):
        one, two, three = triples.first[number], triples.second[number], triples.third[number]
        rise = query.heights[two] - query.heights[one]
        top = query.heights[three] - query.heights[one]
        mean = (query.heights[one] + query.heights[two] + query.heights[three]) / 3
        whole = query.frames[three] - query.frames[one]
        share = (query.frames[two] - query.frames[one]) / whole
        least = max(int(np.ceil((mean - reach.pitch) * HEIGHTS)), 0) << HEIGHT_BIT
        most = (int(np.floor((mean + reach.pitch) * HEIGHTS)) + 1) << HEIGHT_BIT
        start = (np.log(whole) - scale.first_log) / scale.step_log
        shortest = int(np.ceil(start + reach.least_log / scale.step_log))
        longest = int(np.floor(start + reach.most_log / scale.step_log))
        # Each time is off by half of what both may be; a long triple's share is off by less.
        off, off_per_frame = np.float32(reach.frames / 2), np.float32(reach.frames / 2 / whole)
        widest = off / scale.lengths[min(max(shortest, 0), LENGTHS - 1)] + off_per_frame
        first_ratio = max(int((share - widest) * RATIOS), 0)
        last_ratio = min(int((share + widest) * RATIOS), RATIOS - 1)
        for low in range(int(np.ceil(rise - 0.5 - height)), int(np.floor(rise + 0.5 + height)) + 1):
            if abs(low) > reach.rise:
                continue
            below = np.float32(low - 0.5 + 0.5 / PARTS - rise)
            for high in range(
                int(np.ceil(top - 0.5 - height)), int(np.floor(top + 0.5 + height)) + 1
            ):
                if abs(high) > reach.rise:
                    continue
                above = np.float32(high - 0.5 + 0.5 / PARTS - top)
                key = ((low + reach.rise) * width + high + reach.rise) * RATIOS
                for ratio in range(first_ratio, last_ratio + 1):
                    late = np.float32((ratio + 0.5 / PARTS) / RATIOS - share)
                    last = table.starts[key + ratio + 1]
                    place = _from_height(table.rows, table.starts[key + ratio], last, least)
                    while count + last - place > len(places):
                        numbers = np.concatenate((numbers, np.empty_like(numbers)))
                        places = np.concatenate((places, np.empty_like(places)))
                    for each in range(place, last):
                        row = table.rows[each]
                        if row >= most:
                            break
                        length = field(row, LENGTH_BIT, 10)
                        second = below + field(row, LOW_BIT, 4) * _PART
                        third = above + field(row, HIGH_BIT, 4) * _PART
                        later = late + field(row, RATIO_BIT, 4) * _RATIO_PART
                        frames = scale.lengths[length]
                        # Without branches, which processors foresee badly here.
                        in_range = (length >= shortest) & (length <= longest)
                        in_height = (abs(second) <= height) & (abs(third) <= height)
                        in_height &= abs(second - third) <= height
                        in_time = abs(later) * frames <= off + off_per_frame * frames
                        numbers[count], places[count] = number, each
                        count += in_range & in_height & in_time
        if count >= _ROOM // 2:
            return numbers[:count], places[:count], number + 1
    return numbers[:count], places[:count], end


@compiled
def _from_height(rows: Rows, low: int, high: int, least: int) -> int:
    """The first of a key's rows that is at least so high."""
    while low < high:
        middle = (low + high) >> 1
        if rows[middle] < least:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _by_track(
    query: Points,
    triples: Triples,
    numbers: Numbers,
    places: Numbers,
    table: TripleTable,
    scale: Scale,
) -> Hits:
    """What the rows at some places tell, by track; within a track their order stays."""
    count = len(places)
    owners, times = np.empty(count, np.int32), np.empty(count, np.float32)
    bounds = np.zeros(len(table.begins) + 1, np.int64)
    for one in range(count):
        place = places[one]
        time = int(table.high[place]) << 16 | int(table.late[place])
        # A damaged file may point anywhere.
        owners[one] = table.owners[min(time // (TIMES * SLOT), len(table.owners) - 1)]
        times[one] = time / TIMES - table.begins[owners[one]]
        bounds[owners[one] + 1] += 1
    bounds = np.cumsum(bounds)
    free = bounds.copy()
    anchors = np.empty(count, np.int32)
    frames, there = np.empty(count, np.float32), np.empty(count, np.float32)
    pitch, tempo = np.empty(count, np.float32), np.empty(count, np.float32)
    for each in range(count):
        owner, row, number = owners[each], table.rows[places[each]], numbers[each]
        own = free[owner]
        free[owner] += 1
        one, two, three = triples.first[number], triples.second[number], triples.third[number]
        mean = (query.heights[one] + query.heights[two] + query.heights[three]) / 3
        length = field(row, LENGTH_BIT, 10) * scale.step_log + scale.first_log
        anchors[own] = one
        frames[own] = query.frames[one]
        there[own] = times[each]
        pitch[own] = mean - field(row, HEIGHT_BIT, 10) / HEIGHTS
        tempo[own] = length - np.log(query.frames[three] - query.frames[one])
    return Hits(frames, there, pitch, tempo, _weights(anchors, bounds), bounds)


@compiled
def _weights(anchors: Numbers, bounds: Integers) -> Reals:
    """One over the root of how many hits an anchor has in a track: they are not independent."""
    weights = np.empty(len(anchors), np.float32)
    for track in range(len(bounds) - 1):
        first = bounds[track]
        for place in range(bounds[track], bounds[track + 1] + 1):
            if place == bounds[track + 1] or anchors[place] != anchors[first]:
                weights[first:place] = 1 / np.sqrt(max(place - first, 1))
                first = place
    return weights

"""Rows of a table that equal a query's triples.

Each triple is looked up under several keys, since a key is rounded. Lookups are in the order of
the keys: the rows of one are compared with all triples one after the other, while they are in the
processor's cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

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
    Rows,
    Scale,
    TripleTable,
    field,
)
from neuralsampleid.landmarks.triples import Integers, Numbers, Points, Reach, Triples

_ROOM = 1 << 16  # rows that there is room for at first
RATIO_PART = np.float32(1 / PARTS / RATIOS)
_SHAPE = np.dtype(
    [
        ("rise", np.float64),  # of the second peak over the anchor, thirds of a semitone
        ("top", np.float64),  # and of the third
        ("share", np.float64),  # how late the second comes, of the whole
        # What each hit asks for, side by side.
        ("height", np.float64),  # the mean of three
        ("length", np.float64),  # frames
        ("tempo", np.float64),  # log of the speed over that of a triple of the shortest class
        ("begin", np.float64),  # frame of the anchor
        ("anchor", np.int32),  # its number
        ("least", np.int32),  # classes of mean height that it may equal
        ("most", np.int32),  # beyond the last
        ("shortest", np.int32),  # classes of length
        ("longest", np.int32),
        ("first_ratio", np.int32),  # classes of the share
        ("last_ratio", np.int32),
    ]
)
Shapes = npt.NDArray[Any]  # (triples,) of _SHAPE


class Lookups(NamedTuple):
    """Which keys are looked up for which triples, by key; m of them."""

    keys: Numbers  # (m,)
    numbers: Numbers  # (m,) of the triples; of one key as they were asked for


class Equals(NamedTuple):
    """Rows that equal a query's triples; m of them."""

    numbers: Numbers  # (m,) of the triples
    rows: Rows  # (m,)
    times: Rows  # (m,) in parts of a frame, on the table's axis


def shapes_of(query: Points, triples: Triples, scale: Scale, reach: Reach) -> Shapes:
    """What is looked up for each of a query's triples."""
    shapes = np.empty(len(triples.first), _SHAPE)
    _describe(query, triples, scale, reach, shapes)
    return shapes


@compiled
def _describe(query: Points, triples: Triples, scale: Scale, reach: Reach, shapes: Shapes) -> None:
    frames, heights = query.frames, query.heights
    for number in range(len(shapes)):
        one, two, three = triples.first[number], triples.second[number], triples.third[number]
        shape = shapes[number]
        shape.rise = heights[two] - heights[one]
        shape.top = heights[three] - heights[one]
        height = (heights[one] + heights[two] + heights[three]) / 3
        whole = frames[three] - frames[one]
        share = (frames[two] - frames[one]) / whole
        shape.height, shape.length, shape.share = height, whole, share
        shape.begin, shape.anchor = frames[one], one
        shape.least = max(int(np.ceil((height - reach.pitch) * HEIGHTS)), 0)
        shape.most = int(np.floor((height + reach.pitch) * HEIGHTS)) + 1
        shape.tempo = np.log(whole) - scale.first_log
        start = shape.tempo / scale.step_log
        shape.shortest = max(int(np.ceil(start + reach.least_log / scale.step_log)), 0)
        longest = int(np.floor(start + reach.most_log / scale.step_log))
        shape.longest = min(longest, LENGTHS - 1)
        widest = reach.frames / 2 / scale.lengths[min(shape.shortest, LENGTHS - 1)]
        widest += reach.frames / 2 / whole
        shape.first_ratio = max(int((share - widest) * RATIOS), 0)
        shape.last_ratio = min(int((share + widest) * RATIOS), RATIOS - 1)


@compiled
def lookups_of(shapes: Shapes, wanted: Integers, reach: Reach) -> Lookups:
    """The keys under which some triples may have equal ones.

    Args:
        shapes: of all triples of a query.
        wanted: numbers of those that are looked up.
        reach: what equal triples may differ by.
    """
    width = 2 * reach.rise + 1
    free = np.zeros(width * width * RATIOS + 1, np.int64)
    keys = np.empty(0, np.int32)
    numbers = np.empty(0, np.int32)
    for filling in (False, True):
        for number in wanted:
            shape = shapes[number]
            lows, highs = _whole(shape.rise, reach), _whole(shape.top, reach)
            for low in range(*lows):
                for high in range(*highs):
                    first = ((low + reach.rise) * width + high + reach.rise) * RATIOS
                    for key in range(first + shape.first_ratio, first + shape.last_ratio + 1):
                        if filling:
                            keys[free[key]], numbers[free[key]] = key, number
                        free[key + (not filling)] += 1
        if not filling:
            free = np.cumsum(free)
            keys, numbers = np.empty(free[-1], np.int32), np.empty(free[-1], np.int32)
    return Lookups(keys, numbers)


@compiled
def _whole(rise: float, reach: Reach) -> tuple[int, int]:
    """The whole thirds of a semitone that a rise may have been rounded to, and where to end."""
    first = int(np.ceil(rise - 0.5 - reach.height))
    last = int(np.floor(rise + 0.5 + reach.height))
    return max(first, -reach.rise), min(last, reach.rise) + 1


@compiled
def find_equals(
    shapes: Shapes, lookups: Lookups, table: TripleTable, scale: Scale, reach: Reach
) -> Equals:
    """All rows of a table that equal a query's triples, in the order of the lookups.

    Args:
        shapes: of all triples of the query.
        lookups: of some of them.
        table: of tracks.
        scale: of the table's lengths.
        reach: what equal triples may differ by.
    """
    numbers, rows, times = (
        np.empty(_ROOM, np.int32),
        np.empty(_ROOM, np.uint32),
        np.empty(_ROOM, np.uint32),
    )
    equal, near = np.empty(1 << 12, np.uint8), np.empty(1 << 12, np.int32)
    half, count = np.float32(reach.frames / 2), 0
    for lookup in range(len(lookups.keys)):
        key, number = lookups.keys[lookup], lookups.numbers[lookup]
        shape = shapes[number]
        last = table.starts[key + 1]
        place = _from_height(table.rows, table.starts[key], last, shape.least)
        last = _from_height(table.rows, place, last, shape.most)
        length = last - place
        if length > len(equal):
            equal, near = np.empty(2 * length, np.uint8), np.empty(2 * length, np.int32)
        while count + length > len(numbers):
            numbers = np.concatenate((numbers, np.empty_like(numbers)))
            rows = np.concatenate((rows, np.empty_like(rows)))
            times = np.concatenate((times, np.empty_like(times)))
        lengths = (shape.shortest, shape.longest)
        _compare(
            table.rows[place:last], (lengths, *parts_of(key, shape.rise, shape.top, reach)), equal
        )
        few = 0
        # Without branches, which processors foresee badly here.
        for each in range(length):
            near[few] = place + each
            few += equal[each]
        late = late_of(key, shape.share)
        # Each time is off by half of what both may be; a long triple's share is off by less.
        share = np.float32(reach.frames / 2 / shape.length)
        for each in range(few):
            own = near[each]
            row = table.rows[own]
            off = late + field(row, RATIO_BIT, 4) * RATIO_PART
            frames = scale.lengths[field(row, LENGTH_BIT, 10)]
            numbers[count], rows[count] = number, row
            times[count] = np.uint32(table.high[own]) << np.uint32(16) | np.uint32(table.late[own])
            count += abs(off) * frames <= half + share * frames
    return Equals(numbers[:count], rows[:count], times[:count])


@compiled
def parts_of(
    key: int, rise: float, top: float, reach: Reach
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Which parts of a third the rows of a key may tell of both rises, and of their difference."""
    width, above = 2 * reach.rise + 1, key // RATIOS
    # What is left of the rises after rounding, at part 0.
    second = above // width - reach.rise - 0.5 + 0.5 / PARTS - rise
    third = above % width - reach.rise - 0.5 + 0.5 / PARTS - top
    return (
        _parts_within(second, reach.height),
        _parts_within(third, reach.height),
        _parts_within(second - third, reach.height),
    )


@compiled
def late_of(key: int, share: float) -> np.float32:
    """How much later, of the whole, the second peak of a key's rows comes at part 0."""
    return np.float32((key % RATIOS + 0.5 / PARTS) / RATIOS - share)


@compiled
def _parts_within(off: float, height: float) -> tuple[int, int]:
    """The first and the last part, of a third of a semitone each, that are within a height."""
    return int(np.ceil((-height - off) * PARTS)), int(np.floor((height - off) * PARTS))


@compiled
def _compare(rows: Rows, limits: tuple[tuple[int, int], ...], equal: npt.NDArray[np.uint8]) -> None:
    """Which rows have a length and partners' heights within limits; eight at once."""
    (shortest, longest), (low, lower), (high, higher), (apart, wider) = limits
    for number in range(len(rows)):
        row = rows[number]
        length = np.int32(row >> np.uint32(LENGTH_BIT) & np.uint32(1023))
        second = np.int32(row >> np.uint32(LOW_BIT) & np.uint32(15))
        third = np.int32(row >> np.uint32(HIGH_BIT) & np.uint32(15))
        inside = (length >= shortest) & (length <= longest)
        inside &= (second >= low) & (second <= lower)
        inside &= (third >= high) & (third <= higher)
        inside &= (second - third >= apart) & (second - third <= wider)
        equal[number] = inside


@compiled
def _from_height(rows: Rows, low: int, high: int, least: int) -> int:
    """The first of a key's rows whose class of height is at least so high."""
    # Without branches, as above.
    length = high - low
    while length > 0:
        half = length >> 1
        below = rows[low + half] >> np.uint32(HEIGHT_BIT) < least
        low += below * (half + 1)
        length = half - (below & ~length & 1)
    return low

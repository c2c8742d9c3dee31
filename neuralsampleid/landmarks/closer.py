"""A closer look at a few tracks, by many more triples than tables hold.

Tables with so many would be five times as large. Here the query's triples stand by their keys, and
those of a track are made when it is looked at. Each is then compared with the query's of its key.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.hits import BLOCK
from neuralsampleid.landmarks.lookups import (
    RATIO_PART,
    Equals,
    Lookups,
    Shapes,
    late_of,
    lookups_of,
    parts_of,
    shapes_of,
)
from neuralsampleid.landmarks.proposals import LEAST, Proposals, join, propose_in
from neuralsampleid.landmarks.screening import Grid, screen
from neuralsampleid.landmarks.table import (
    HEIGHT_BIT,
    HIGH_BIT,
    LENGTH_BIT,
    LOW_BIT,
    RATIO_BIT,
    Scale,
    TrackRows,
    field,
    key_count,
    pack,
    scale_of,
)
from neuralsampleid.landmarks.triples import (
    Integers,
    Numbers,
    Points,
    Reach,
    make_triples,
)

_BLOCKS = 30  # of a query whose triples stand together: five minutes, 80 MB
_WIDE = 16  # classes of height that a bit of a mask stands for
_ENTRY = np.dtype(
    [
        ("number", np.int32),  # of the query's triple
        ("late", np.float32),  # as ``late_of``
        ("share", np.float32),  # frames by which the second peak may be off, of a row's length
        ("most", np.int16),  # the rest as in ``lookups``: classes of mean height
        ("shortest", np.int16),  # of length
        ("longest", np.int16),
        ("low", np.int8),  # parts of a third: of the second peak
        ("lower", np.int8),
        ("high", np.int8),  # of the third
        ("higher", np.int8),
        ("apart", np.int8),  # of their difference
        ("wider", np.int8),
    ]
)
Entries = npt.NDArray[Any]  # (m,) of _ENTRY
Masks = npt.NDArray[np.uint64]


class Directory(NamedTuple):
    """A query's triples by the keys that equal ones may have."""

    starts: Numbers  # (keys + 1,)
    least: npt.NDArray[np.int16]  # (m,) the least class of mean height, of each key by it
    entries: Entries  # (m,) the rest
    span: int  # classes of height that one may equal at most
    masks: Masks  # (keys,) bit b: an entry may equal a class of height from b times ``_WIDE`` on


class Look:
    """The triples of a query, to be looked for in one track after the other.

    Args:
        query: its peaks that make triples.
        partners: of a query's peak.
        reach: what equal triples may differ by.
    """

    def __init__(self, query: Points, partners: int, reach: Reach) -> None:
        self._reach = reach
        self._scale = scale_of(self._reach)
        triples = make_triples(query, partners, reach)
        self._shapes = shapes_of(query, triples, self._scale, self._reach)
        blocks = query.frames[triples.first] // (_BLOCKS * BLOCK)
        self._directories = [
            directory_of(self._shapes, np.flatnonzero(blocks == block), self._reach)
            for block in range(int(blocks.max(initial=0)) + 1)
        ]

    def proposals(self, track: TrackRows) -> Proposals:
        """The parts of a track in which most hits gather, most votes first; its number is 0."""
        scale, reach = self._scale, self._reach
        every = self._equals(track)
        return join([propose_in(each, self._shapes, scale, reach, LEAST) for each in every])

    def screened(self, track: TrackRows, points: Points, grid: Grid) -> Proposals:
        """The hits that peaks around them confirm, most nats first; the track's number is 0.

        Args:
            track: its triples.
            points: its peaks.
            grid: of the query.
        """
        every = self._equals(track)
        return join([screen(each, self._shapes, self._scale, points, grid) for each in every])

    def _equals(self, track: TrackRows) -> list[Equals]:
        return [equals_in(each, track, self._scale, self._reach) for each in self._directories]


def rows_of(track: Points, partners: int, reach: Reach) -> TrackRows:
    """What a look at a track asks for; it is the same for all queries.

    Args:
        track: its peaks.
        partners: of a peak.
        reach: of triples.
    """
    return pack(track, make_triples(track, partners, reach), 0, scale_of(reach), reach)


def directory_of(shapes: Shapes, wanted: Integers, reach: Reach) -> Directory:
    """Put some triples of a query under their keys.

    Args:
        shapes: of all triples of the query.
        wanted: numbers of those.
        reach: what equal triples may differ by.
    """
    ordered = wanted[np.argsort(shapes["least"][wanted], kind="stable")]
    lookups = lookups_of(shapes, ordered, reach)
    entries = np.empty(len(lookups.keys), _ENTRY)
    _fill(shapes, lookups, reach, entries)
    least = shapes["least"][lookups.numbers].astype(np.int16)
    starts = np.searchsorted(lookups.keys, np.arange(key_count(reach) + 1)).astype(np.int32)
    span = int((shapes["most"][wanted] - shapes["least"][wanted]).max(initial=0))
    masks = np.zeros(key_count(reach), np.uint64)
    _mark(lookups.keys, least, entries, masks)
    return Directory(starts, least, entries, span, masks)


@compiled
def _fill(shapes: Shapes, lookups: Lookups, reach: Reach, entries: Entries) -> None:
    for place in range(len(entries)):
        key, number = lookups.keys[place], lookups.numbers[place]
        shape, entry = shapes[number], entries[place]
        second, third, difference = parts_of(key, shape.rise, shape.top, reach)
        entry.number = number
        entry.late, entry.share = late_of(key, shape.share), reach.frames / 2 / shape.length
        entry.most = shape.most
        entry.shortest, entry.longest = shape.shortest, shape.longest
        entry.low, entry.lower = second
        entry.high, entry.higher = third
        entry.apart, entry.wider = difference


@compiled
def _mark(keys: Numbers, least: npt.NDArray[np.int16], entries: Entries, masks: Masks) -> None:
    for place in range(len(keys)):
        for bit in range(least[place] // _WIDE, (entries[place].most - 1) // _WIDE + 1):
            masks[keys[place]] |= np.uint64(1) << np.uint64(min(bit, 63))


@compiled
def equals_in(directory: Directory, track: TrackRows, scale: Scale, reach: Reach) -> Equals:
    """The triples of a track that equal a query's, as a table of the track would tell them.

    Args:
        directory: of the query's triples.
        track: its triples.
        scale: of the rows' lengths.
        reach: what equal triples may differ by.
    """
    room = 1 << 14
    numbers = np.empty(room, np.int32)
    rows, times = np.empty(room, np.uint32), np.empty(room, np.uint32)
    starts, least, entries, span, masks = directory
    half, count = np.float32(reach.frames / 2), 0
    for each in range(len(track.keys)):
        key, row = track.keys[each], track.rows[each]
        height = field(row, HEIGHT_BIT, 10)
        # Most have none: what it takes to say so is looked up in one small array.
        if not masks[key] >> np.uint64(height // _WIDE) & np.uint64(1):
            continue
        first, last = starts[key], starts[key + 1]
        first += np.searchsorted(least[first:last], height - span, side="right")
        if count + last - first > room:
            room = 2 * (count + last - first)
            numbers = _longer(numbers, room)
            rows, times = _longer(rows, room), _longer(times, room)
        own = field(row, LENGTH_BIT, 10)
        frames = scale.lengths[own]
        low, high = field(row, LOW_BIT, 4), field(row, HIGH_BIT, 4)
        ratio = field(row, RATIO_BIT, 4) * RATIO_PART
        for place in range(first, last):
            if least[place] > height:
                break
            entry = entries[place]
            inside = (height < entry.most) & (own >= entry.shortest) & (own <= entry.longest)
            inside &= (low >= entry.low) & (low <= entry.lower)
            inside &= (high >= entry.high) & (high <= entry.higher)
            inside &= (low - high >= entry.apart) & (low - high <= entry.wider)
            inside &= abs(entry.late + ratio) * frames <= half + entry.share * frames
            numbers[count], rows[count] = entry.number, row
            times[count] = track.times[each]
            count += inside
    return Equals(numbers[:count].copy(), rows[:count].copy(), times[:count].copy())


@compiled
def _longer(values: npt.NDArray[Any], room: int) -> npt.NDArray[Any]:
    longer = np.empty(room, values.dtype)
    longer[: len(values)] = values
    return longer

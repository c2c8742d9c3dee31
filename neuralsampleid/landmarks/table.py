"""The table of tracks' triples, seven bytes each, that finds those equal to a query's.

A triple's key is its shape, rounded: by how many thirds of a semitone its partners lie above the
anchor, and how late the second comes. Its row holds the rest, in a few bits each: what rounding
left, height, length. So a search reads runs of rows, and of those that are equal the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.triples import (
    LEAST_GAP,
    Integers,
    Numbers,
    Points,
    Reach,
    Triples,
    make_triples,
)

SLOT = 256  # frames; tracks begin at multiples of them
RATIOS = 12  # classes of the second peak's time as a share of the whole
PARTS = 16  # of a class or of a third of a semitone, that a row tells
HEIGHTS = 2  # parts of a third of a semitone that a row tells of the mean height
LENGTHS = 1024  # classes of a triple's length, on a logarithmic scale
TIMES = 2  # parts of a frame that a row tells

MOST_FRAMES = (1 << 24) // TIMES  # of a table's tracks together
# Of a row, from the highest bits: height 10, length 10, remainders 3 · 4.
HEIGHT_BIT, LENGTH_BIT, LOW_BIT, HIGH_BIT, RATIO_BIT = 22, 12, 8, 4, 0

Rows = npt.NDArray[np.uint32]
Reals = npt.NDArray[np.float32]


class Scale(NamedTuple):
    """The classes of lengths."""

    first_log: float  # of the shortest length, in frames
    step_log: float
    lengths: Reals  # (LENGTHS,) frames


class TripleTable(NamedTuple):
    """Of key k are the rows ``starts[k]`` … ``starts[k + 1]``, by height.

    The tracks stand on one time axis, one after the other.
    """

    starts: Numbers  # (keys + 1,)
    rows: Rows  # (triples,)
    late: npt.NDArray[np.uint16]  # (triples,) time, lowest bits
    high: npt.NDArray[np.uint8]  # (triples,) and highest
    owners: Numbers  # (slots,) number of the track to which each slot of frames belongs
    begins: Integers  # (tracks,) frame at which each begins


class TrackRows(NamedTuple):
    """A track's triples as a table holds them, by the time of their anchors; n of them."""

    keys: Numbers  # (n,)
    rows: Rows  # (n,)
    times: Rows  # (n,) parts of a frame


def scale_of(reach: Reach) -> Scale:
    """Between the shortest and the longest triple."""
    first = float(np.log(2 * LEAST_GAP))
    step = (float(np.log(max(reach.gap_frames, 2 * LEAST_GAP + 1))) - first) / (LENGTHS - 1)
    return Scale(first, step, np.exp(first + step * np.arange(LENGTHS)).astype(np.float32))


def make_table(tracks: Sequence[Points], partners: int, reach: Reach) -> TripleTable:
    """The triples of some tracks; each peak is joined with its next ``partners`` ones.

    What begins after ``MOST_FRAMES``, which is 54 hours, is left out.
    """
    slots = np.array([int(each.frames.max(initial=0)) // SLOT + 1 for each in tracks], np.int64)
    begins = (np.cumsum(slots) - slots) * SLOT
    scale, made = scale_of(reach), []
    for points, begin in zip(tracks, begins.tolist(), strict=True):
        made.append(pack(points, make_triples(points, partners, reach), begin, scale, reach))
    keys, rows, times = (np.concatenate(parts) for parts in zip(*made, strict=True))
    order = np.lexsort((times, rows, keys))
    times = times[order]
    counts = np.bincount(keys, minlength=key_count(reach))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    owners = np.repeat(np.arange(len(tracks), dtype=np.int32), slots)
    late, high = times.astype(np.uint16), (times >> 16).astype(np.uint8)
    table = TripleTable(starts, rows[order], late, high, owners, begins)
    for values in table:  # as those that files hold: functions are compiled for one kind
        values.setflags(write=False)
    return table


def is_sound(table: TripleTable) -> bool:
    """Whether nothing in a table points beyond it."""
    starts, rows, owners, begins = table.starts, table.rows, table.owners, table.begins
    if not len(owners) or not len(begins):
        return False
    ordered = starts[0] == 0 and starts[-1] == len(rows) and (starts[:-1] <= starts[1:]).all()
    return bool(ordered and owners.min() >= 0 and owners.max() < len(begins))


def key_count(reach: Reach) -> int:
    """How many keys there are."""
    return (2 * reach.rise + 1) ** 2 * RATIOS


@compiled
def pack(points: Points, triples: Triples, begin: int, scale: Scale, reach: Reach) -> TrackRows:
    """The rows of a track that begins at a frame of the common axis."""
    count = len(triples.first)
    keys, rows, times = (
        np.empty(count, np.int32),
        np.empty(count, np.uint32),
        np.empty(count, np.uint32),
    )
    width = 2 * reach.rise + 1
    for number in range(count):
        one, two, three = triples.first[number], triples.second[number], triples.third[number]
        rise = points.heights[two] - points.heights[one]
        top = points.heights[three] - points.heights[one]
        length = points.frames[three] - points.frames[one]
        share = (points.frames[two] - points.frames[one]) / length * RATIOS
        low, high = int(np.rint(rise)), int(np.rint(top))
        ratio = min(int(share), RATIOS - 1)
        keys[number] = ((low + reach.rise) * width + high + reach.rise) * RATIOS + ratio
        mean = (points.heights[one] + points.heights[two] + points.heights[three]) / 3
        row = _class(mean * HEIGHTS + 0.5, 1024) << HEIGHT_BIT
        place = (np.log(length) - scale.first_log) / scale.step_log + 0.5
        row |= _class(place, LENGTHS) << LENGTH_BIT
        row |= _class((rise - low + 0.5) * PARTS, PARTS) << LOW_BIT
        row |= _class((top - high + 0.5) * PARTS, PARTS) << HIGH_BIT
        rows[number] = row | _class((share - ratio) * PARTS, PARTS) << RATIO_BIT
        times[number] = int(np.rint((points.frames[one] + begin) * TIMES))
    kept = times < MOST_FRAMES * TIMES
    return TrackRows(keys[kept], rows[kept], times[kept])


@compiled
def _class(value: float, classes: int) -> int:
    return min(max(int(value), 0), classes - 1)


@compiled
def field(row: np.uint32, lowest_bit: int, bits: int) -> int:
    """A number that a row holds."""
    # Signed: a difference of unsigned numbers would not be below zero in compiled code.
    return int(np.int64(row >> np.uint32(lowest_bit) & np.uint32((1 << bits) - 1)))

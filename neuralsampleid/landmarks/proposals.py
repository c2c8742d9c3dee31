"""Where hits of a part of a query gather in a track: at one pitch, tempo and lag.

A lag is the track's frame at the middle of the part, by a hit's own tempo, so that a tempo that is
roughly known moves it little. Most hits have no others near them; counts over pitch and lag leave
these out. Of the rest, each is asked how much the hits weigh that agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.hits import BLOCK, Hits, by_track, hits_of, take
from neuralsampleid.landmarks.lookups import Equals, Shapes
from neuralsampleid.landmarks.table import Reals, Scale, TripleTable
from neuralsampleid.landmarks.triples import Floats, Integers, Reach

_PITCH = 1.0  # thirds of a semitone by which hits that agree differ
_TEMPO = 0.06  # and logs of ratios
_FRAMES, _FRAMES_PER_FRAME = 8.0, 0.02  # and how far they lie from one line, by their distance
_WIDE = _FRAMES + (_FRAMES_PER_FRAME + _TEMPO / 2) * BLOCK  # frames of lag between them
_CELL = 12.0  # frames of lag that are counted together
LEAST = 1.2  # votes of a proposal
_PER_BLOCK = 16  # proposals of a track in a part of a query
_MOST_HITS = 1024  # of a track, in the densest cells, that are asked
_KNOWN = 0.015  # how well a hit tells the slope, as a share of it


class Proposals(NamedTuple):
    """Parts of tracks that may be in a query; m of them."""

    votes: Floats  # (m,) what the hits weigh
    tracks: Integers  # (m,)
    pitch: Floats  # (m,) thirds of a semitone by which the query is higher
    slope: Floats  # (m,) the query's speed over the track's
    first: Floats  # (m,) frames of the track: where hits begin
    last: Floats  # (m,)
    here: Floats  # (m,) the middle of the hits, in frames of the query
    there: Floats  # (m,) and of the track

    def take(self, places: Integers | npt.NDArray[np.bool_] | slice) -> Proposals:
        """Some of them."""
        return Proposals._make(values[places] for values in self)


class Most:
    """The largest of numbers that several threads find, and what the least of them is.

    Args:
        count: of the largest.
    """

    def __init__(self, count: int) -> None:
        self._lock, self._count, self._numbers = Lock(), count, np.zeros(0)
        self.least = -np.inf  # until there are enough

    def add(self, numbers: Floats) -> None:
        """Take more of them."""
        with self._lock:
            every = np.concatenate([self._numbers, numbers])
            if len(every) >= self._count:
                every = np.partition(every, -self._count)[-self._count :]
                self.least = float(every[0])
            self._numbers = every


def join(parts: Sequence[Proposals]) -> Proposals:
    """All proposals, the most votes first; of equals, those of the first track."""
    every = Proposals._make(map(np.concatenate, zip(*parts, strict=True)))
    return every.take(np.lexsort((every.here, every.tracks, -every.votes)))


def leading(every: Sequence[Proposals], count: int) -> list[int]:
    """The tracks with the best proposals; each entry holds those of one track, best first."""
    best = sorted((-float(one.votes[0]), int(one.tracks[0])) for one in every if len(one.votes))
    return [track for _, track in best[:count]]


@compiled
def propose(
    equals: Equals,
    shapes: Shapes,
    table: TripleTable,
    wanted: npt.NDArray[np.bool_],
    scale: Scale,
    reach: Reach,
    least: float,
) -> Proposals:
    """The proposals of all tracks.

    Args:
        equals: rows of the table that equal triples of a part of the query.
        shapes: of the query's triples.
        table: of tracks.
        wanted: (tracks,) which of them are searched.
        scale: of the table's lengths.
        reach: of pitch.
        least: votes of a proposal, from ``LEAST`` on.
    """
    found, count = np.empty((64, 8)), 0
    cells = np.zeros(1, np.float32)
    ordered, bounds = by_track(equals, table)
    for track in range(len(bounds) - 1):
        own = slice(bounds[track], bounds[track + 1])
        if not wanted[track] or own.stop - own.start < 2:
            continue
        rows = Equals(ordered.numbers[own], ordered.rows[own], ordered.times[own])
        hits = hits_of(rows, table.begins[track], shapes, scale)
        found, count, cells = _in_track(hits, track, reach.pitch, least, found, count, cells)
    return proposals_of(found[:count])


@compiled
def propose_in(
    equals: Equals, shapes: Shapes, scale: Scale, reach: Reach, least: float
) -> Proposals:
    """The proposals of one track, whose equal triples are given; its number is 0."""
    found, cells = np.empty((64, 8)), np.zeros(1, np.float32)
    hits = hits_of(equals, 0, shapes, scale)
    found, count, _ = _in_track(hits, 0, reach.pitch, least, found, 0, cells)
    return proposals_of(found[:count])


@compiled
def _in_track(
    hits: Hits, track: int, pitch: float, least: float, found: Floats, count: int, cells: Reals
) -> tuple[Floats, int, Reals]:
    """Add a track's proposals of each block; returns all, their count, and cells as ``_dense``."""
    begin = 0
    for end in range(1, len(hits.block) + 1):
        if end < len(hits.block) and hits.block[end] == hits.block[begin]:
            continue
        if count + _PER_BLOCK > len(found):
            longer = np.empty((2 * len(found), 8))
            longer[:count] = found[:count]
            found = longer
        cells, dense = _dense(hits, begin, end, pitch, cells)
        if len(dense) > 1:
            by_lag = take(hits, dense[np.argsort(hits.lag[dense])])
            count = _gather(by_lag, track, found, count, least)
        begin = end
    return found, count, cells


@compiled
def proposals_of(found: Floats) -> Proposals:
    """Proposals from rows of their numbers."""
    return Proposals(
        found[:, 0].copy(),
        found[:, 1].astype(np.int64),
        found[:, 2].copy(),
        found[:, 3].copy(),
        found[:, 4].copy(),
        found[:, 5].copy(),
        found[:, 6].copy(),
        found[:, 7].copy(),
    )


@compiled
def _dense(hits: Hits, begin: int, end: int, pitch: float, cells: Reals) -> tuple[Reals, Integers]:
    """Which hits of a block have enough others in the cells around them.

    Args:
        hits: of a track.
        begin: the block's first.
        end: where its hits end.
        pitch: of the search.
        cells: of pitch and lag, zero before and after.

    Returns:
        The cells, and the hits.
    """
    lags = hits.lag[begin:end]
    lowest = lags.min() - _CELL
    width = int((lags.max() - lowest) / _CELL) + 2
    pitches = int(2 * pitch) + 5
    if len(cells) < pitches * width:
        cells = np.zeros(pitches * width, np.float32)
    places = np.empty(end - begin, np.int64)
    for row in range(begin, end):
        own = int(hits.pitch[row] + pitch + 2)
        places[row - begin] = own * width + int((hits.lag[row] - lowest) / _CELL)
        cells[places[row - begin]] += hits.weight[row]
    around, count = np.empty(len(places), np.float32), 0
    dense = np.empty(len(places), np.int64)
    for number, place in enumerate(places):
        around[number] = 0
        for middle in (place - width, place, place + width):
            around[number] += cells[middle - 1] + cells[middle] + cells[middle + 1]
        dense[count] = number
        count += around[number] >= LEAST
    dense = dense[:count]
    if len(dense) > _MOST_HITS:
        dense = dense[np.argsort(-around[dense], kind="mergesort")[:_MOST_HITS]]
    for place in places:
        cells[place] = 0
    return cells, begin + dense


@compiled
def _gather(hits: Hits, track: int, found: Floats, count: int, least: float) -> int:
    """Add a track's proposals, one after the other, each of hits that no other has; their count.

    Args:
        hits: of a block of the query, by lag.
        track: its number.
        found: rows are ``Proposals``.
        count: how many there are so far.
        least: votes of a proposal.
    """
    free = np.ones(len(hits.lag), np.bool_)
    votes = _all_votes(hits)
    end = count + _PER_BLOCK
    while count < end:
        one = int(np.argmax(votes))
        if votes[one] < least:
            break
        left = _votes(hits, free, one) if free[one] else np.float32(0)
        if left < votes[one]:  # others have taken some
            votes[one] = left
            continue
        found[count, 0], found[count, 1] = left, track
        _take(hits, free, one, found[count])
        votes[one] = 0
        count += 1
    return count


@compiled
def _all_votes(hits: Hits) -> Reals:
    """What ``_votes`` gives for each hit, as long as all are free."""
    votes = np.zeros(len(hits.lag), np.float32)
    for one in range(len(votes)):
        votes[one] += hits.weight[one]
        farthest = hits.lag[one] + _WIDE
        for other in range(one + 1, len(votes)):
            if hits.lag[other] > farthest:
                break
            if _alike(hits, one, other):
                if _agree(hits, one, other, np.exp(hits.tempo[one])):
                    votes[one] += hits.weight[other]
                if _agree(hits, other, one, np.exp(hits.tempo[other])):
                    votes[other] += hits.weight[one]
    return votes


@compiled
def _near(hits: Hits, one: int) -> tuple[int, int]:
    """Between which of the hits by lag those lie that may agree with one."""
    low = high = one
    while low > 0 and hits.lag[low - 1] >= hits.lag[one] - _WIDE:
        low -= 1
    while high < len(hits.lag) and hits.lag[high] <= hits.lag[one] + _WIDE:
        high += 1
    return low, high


@compiled
def _alike(hits: Hits, one: int, other: int) -> bool:
    """Whether two hits have about one pitch and tempo."""
    if abs(hits.pitch[other] - hits.pitch[one]) > _PITCH:
        return False
    return bool(abs(hits.tempo[other] - hits.tempo[one]) <= _TEMPO)


@compiled
def _agree(hits: Hits, one: int, other: int, slope: float) -> bool:
    """Whether two hits that are alike may be of one line, whose slope the first tells."""
    later = hits.query[other] - hits.query[one]
    off = hits.track[other] - hits.track[one] - slope * later
    return bool(abs(off) <= _FRAMES + _FRAMES_PER_FRAME * abs(later))


@compiled
def _votes(hits: Hits, free: npt.NDArray[np.bool_], one: int) -> np.float32:
    """What the free hits weigh that agree with one."""
    low, high = _near(hits, one)
    slope = np.exp(hits.tempo[one])
    total = np.float32(0)
    for other in range(low, high):
        if free[other] and _alike(hits, one, other) and _agree(hits, one, other, slope):
            total += hits.weight[other]
    return total


@compiled
def _take(hits: Hits, free: npt.NDArray[np.bool_], one: int, proposal: Floats) -> None:
    """Fill a proposal with the free hits that agree with one, which are free no longer."""
    low, high = _near(hits, one)
    slope = np.exp(hits.tempo[one])
    count, pitch, x, y, xx, xy = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    first, last = np.inf, -np.inf
    for own in range(low, high):
        if not (free[own] and _alike(hits, one, own) and _agree(hits, one, own, slope)):
            continue
        free[own] = False
        later = float(hits.query[own] - hits.query[one])
        there = float(hits.track[own] - hits.track[one])
        count += 1
        pitch += hits.pitch[own]
        x += later
        y += there
        xx += later * later
        xy += later * there
        first, last = min(first, hits.track[own]), max(last, hits.track[own])
    # The hit's own slope counts like others that lie off by two frames.
    prior = 4 / (_KNOWN * slope) ** 2
    proposal[2] = pitch / count
    proposal[3] = (xy - x * y / count + prior * slope) / (xx - x * x / count + prior)
    proposal[4], proposal[5] = first, last
    proposal[6], proposal[7] = hits.query[one] + x / count, hits.track[one] + y / count

"""Where hits of a part of a query gather in a track: at one pitch, tempo and lag.

A lag is the track's frame at the middle of the part, by a hit's own tempo, so that a tempo that is
roughly known moves it little. Most hits have no others near them; counts over pitch and lag leave
these out. Of the rest, each is asked how much the hits weigh that agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.hits import Hits
from neuralsampleid.landmarks.table import Reals
from neuralsampleid.landmarks.triples import Floats, Integers, Reach

BLOCK = 430  # frames of a query whose hits are asked together: 10 s
_PITCH = 1.0  # thirds of a semitone by which hits that agree differ
_TEMPO = 0.06  # and logs of ratios
_FRAMES, _FRAMES_PER_FRAME = 8.0, 0.02  # and how far they lie from one line, by their distance
_CELL = 12.0  # frames of lag that are counted together
_LEAST = 1.2  # votes of a proposal
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


def join(parts: Sequence[Proposals]) -> Proposals:
    """All proposals, the most votes first; of equals, those of the first track."""
    every = Proposals._make(map(np.concatenate, zip(*parts, strict=True)))
    return every.take(np.lexsort((every.here, every.tracks, -every.votes)))


@compiled
def propose(hits: Hits, reach: Reach) -> Proposals:
    """The proposals of all tracks.

    Args:
        hits: of a part of a query.
        reach: of pitch.
    """
    found, count = np.empty((64, 8)), 0
    cells = np.zeros(1, np.float32)
    pitches = int(2 * reach.pitch) + 4
    for track in range(len(hits.bounds) - 1):
        begin, end = hits.bounds[track], hits.bounds[track + 1]
        if end - begin < 2:
            continue
        lags = np.empty(end - begin, np.float32)
        for row in range(begin, end):
            lags[row - begin] = hits.rows[row].lag
        lowest = lags.min() - _CELL
        width = int((lags.max() - lowest) / _CELL) + 2
        if len(cells) < pitches * width:
            cells = np.zeros(pitches * width, np.float32)
        dense = _dense(hits, begin, end, lags - lowest, width, reach.pitch, cells)
        if len(dense) < 2:
            continue
        if count + _PER_BLOCK > len(found):
            longer = np.empty((2 * len(found), 8))
            longer[:count] = found[:count]
            found = longer
        by_lag = dense[np.argsort(lags[dense])]
        count = _gather(hits, begin, by_lag, lags, track, found, count)
    found = found[:count]
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
def _dense(
    hits: Hits, begin: int, end: int, lags: Reals, width: int, pitch: float, cells: Reals
) -> Integers:
    """Which of a track's hits have enough others in the cells around them.

    Args:
        hits: of a part of a query.
        begin: the track's first.
        end: where its hits end.
        lags: of each, from more than a cell on.
        width: cells of lag.
        pitch: of the search.
        cells: of pitch and lag, zero before and after.
    """
    places = np.empty(len(lags), np.int64)
    for row in range(begin, end):
        own = int(hits.rows[row].pitch + pitch + 2)
        places[row - begin] = own * width + int(lags[row - begin] / _CELL)
        cells[places[row - begin]] += hits.rows[row].weight
    around = np.empty(len(lags), np.float32)
    for number, place in enumerate(places):
        around[number] = 0
        for middle in (place - width, place, place + width):
            around[number] += cells[middle - 1] + cells[middle] + cells[middle + 1]
    for place in places:
        cells[place] = 0
    dense = np.flatnonzero(around >= _LEAST)
    if len(dense) > _MOST_HITS:
        dense = dense[np.argsort(-around[dense], kind="mergesort")[:_MOST_HITS]]
    return dense


@compiled
def _gather(
    hits: Hits,
    begin: int,
    dense: Integers,
    lags: Reals,
    track: int,
    found: Floats,
    count: int,
) -> int:
    """Add a track's proposals, one after the other, each of hits that no other has; their count.

    Args:
        hits: of a part of a query.
        begin: the track's first.
        dense: those that are asked, from ``begin`` on, by lag.
        lags: of each hit of the track.
        track: its number.
        found: rows are ``Proposals``.
        count: how many there are so far.
    """
    free = np.ones(len(dense), np.bool_)
    votes = np.empty(len(dense), np.float32)
    for one in range(len(dense)):
        votes[one] = _votes(hits, begin, dense, lags, free, one)
    most = count + _PER_BLOCK
    while count < most:
        one = int(np.argmax(votes))
        if votes[one] < _LEAST:
            break
        left = _votes(hits, begin, dense, lags, free, one) if free[one] else np.float32(0)
        if left < votes[one]:  # others have taken some
            votes[one] = left
            continue
        found[count, 0], found[count, 1] = left, track
        _take(hits, begin, dense, lags, free, one, found[count])
        votes[one] = 0
        count += 1
    return count


@compiled
def _near(dense: Integers, lags: Reals, one: int) -> tuple[int, int]:
    """Between which of the hits by lag those lie that may agree with one."""
    wide = _FRAMES + (_FRAMES_PER_FRAME + _TEMPO / 2) * BLOCK
    low = high = one
    while low > 0 and lags[dense[low - 1]] >= lags[dense[one]] - wide:
        low -= 1
    while high < len(dense) and lags[dense[high]] <= lags[dense[one]] + wide:
        high += 1
    return low, high


@compiled
def _agree(hits: Hits, one: int, other: int, slope: float) -> bool:
    """Whether two hits of a track may be of one line, whose slope the first tells."""
    if abs(hits.rows[other].pitch - hits.rows[one].pitch) > _PITCH:
        return False
    if abs(hits.rows[other].tempo - hits.rows[one].tempo) > _TEMPO:
        return False
    later = hits.rows[other].query - hits.rows[one].query
    off = hits.rows[other].track - hits.rows[one].track - slope * later
    return bool(abs(off) <= _FRAMES + _FRAMES_PER_FRAME * abs(later))


@compiled
def _votes(
    hits: Hits,
    begin: int,
    dense: Integers,
    lags: Reals,
    free: npt.NDArray[np.bool_],
    one: int,
) -> np.float32:
    """What the free hits weigh that agree with one."""
    low, high = _near(dense, lags, one)
    row = begin + dense[one]
    slope = np.exp(hits.rows[row].tempo)
    total = np.float32(0)
    for other in range(low, high):
        if free[other] and _agree(hits, row, begin + dense[other], slope):
            total += hits.rows[begin + dense[other]].weight
    return total


@compiled
def _take(
    hits: Hits,
    begin: int,
    dense: Integers,
    lags: Reals,
    free: npt.NDArray[np.bool_],
    one: int,
    proposal: Floats,
) -> None:
    """Fill a proposal with the free hits that agree with one, which are free no longer."""
    low, high = _near(dense, lags, one)
    row = begin + dense[one]
    slope = np.exp(hits.rows[row].tempo)
    count, pitch, x, y, xx, xy = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    first, last = np.inf, -np.inf
    for other in range(low, high):
        own = begin + dense[other]
        if not free[other] or not _agree(hits, row, own, slope):
            continue
        free[other] = False
        later = float(hits.rows[own].query - hits.rows[row].query)
        there = float(hits.rows[own].track - hits.rows[row].track)
        count += 1
        pitch += hits.rows[own].pitch
        x += later
        y += there
        xx += later * later
        xy += later * there
        first, last = min(first, hits.rows[own].track), max(last, hits.rows[own].track)
    # The hit's own slope counts like others that lie off by two frames.
    prior = 4 / (_KNOWN * slope) ** 2
    proposal[2] = pitch / count
    proposal[3] = (xy - x * y / count + prior * slope) / (xx - x * x / count + prior)
    proposal[4], proposal[5] = first, last
    proposal[6], proposal[7] = hits.rows[row].query + x / count, hits.rows[row].track + y / count

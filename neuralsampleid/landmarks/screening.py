"""Which hits of a track are true: the track's peaks around each hit tell.

A hit says at which pitch and tempo a place of the track is a place of the query. If that is true,
the track's peaks around it are found in the query, too. So one true hit among thousands is enough:
it needs no others that agree with it. A peak is looked up in a grid, since millions are asked.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.excerpts import STEPS, AskedQuery, expected_of
from neuralsampleid.landmarks.hits import by_number
from neuralsampleid.landmarks.lookups import Equals, Shapes
from neuralsampleid.landmarks.proposals import Proposals, proposals_of
from neuralsampleid.landmarks.table import (
    HEIGHT_BIT,
    HEIGHTS,
    LENGTH_BIT,
    TIMES,
    Scale,
    field,
)
from neuralsampleid.landmarks.triples import Floats, Numbers, Points

_ROWS = 2  # of a grid, in a third of a semitone
_PARTS = 32  # of a nat that a grid tells: a byte holds 3.9 nats, which a peak tells at most
_FRAMES, _HEIGHT = 2.0, 0.5  # a peak is found within so many frames and thirds of a semitone
_NEAR, _LEAST = 16, 6.0  # peaks before a hit and after it that are asked first, and their nats
_AROUND = 45  # peaks before it and after it that are asked then: 1.5 s
_MOST = 16  # proposals of a track
_ALIKE_PITCH, _ALIKE_SLOPE = 0.6, 0.04  # thirds of a semitone, and share: of equal proposals
_ALIKE_FRAMES = 43.0  # of the track, between the middles of equal proposals: 1 s

# Frame of the query at which the track would begin, frames of the query in one of the track, and
# thirds of a semitone by which the query is higher.
Hit = tuple[float, float, float]


class Grid(NamedTuple):
    """What a track's peak tells that would lie at a place of a query, by whether one is there."""

    first: float  # height of the first row, thirds of a semitone
    told: npt.NDArray[np.int8]  # (frames, rows) parts of a nat


def grid_of(query: AskedQuery) -> Grid:
    """Put a query's peaks on a grid."""
    expected = expected_of(query.heights, query.length, _FRAMES, _HEIGHT)
    rows = slice(None, None, STEPS // _ROWS)
    missed, found = (
        np.rint(nats[rows] * _PARTS).astype(np.int8) for nats in (expected.missed, expected.found)
    )
    told = np.tile(missed, (query.length, 1))
    _mark(query, expected.first, found, told)
    return Grid(expected.first, told)


@compiled
def _mark(
    query: AskedQuery, first: float, nats: npt.NDArray[np.int8], told: npt.NDArray[np.int8]
) -> None:
    frames, rows = told.shape
    for peak in range(len(query.frames)):
        place, height = query.frames[peak], (query.heights[peak] - first) * _ROWS
        low = max(int(np.ceil(height - _HEIGHT * _ROWS)), 0)
        high = min(int(np.floor(height + _HEIGHT * _ROWS)) + 1, rows)
        begin = max(int(np.ceil(place - _FRAMES)), 0)
        end = min(int(np.floor(place + _FRAMES)) + 1, frames)
        told[begin:end, low:high] = nats[low:high]


@compiled
def screen(equals: Equals, shapes: Shapes, scale: Scale, track: Points, grid: Grid) -> Proposals:
    """What the hits of one track propose; votes are nats, most first, and the track's number is 0.

    Args:
        equals: triples of the track that equal the query's.
        shapes: of the query's triples.
        scale: of the rows' lengths.
        track: its peaks.
        grid: of the query.
    """
    found, count = np.empty((len(equals.rows), 8)), 0
    numbers = _first_peaks(track.frames)
    # By the query's time, so that what is asked of the grid stays in the processor's cache.
    for each in by_number(equals.numbers):
        row, shape = equals.rows[each], shapes[equals.numbers[each]]
        here, there = shape.begin, np.int64(equals.times[each]) / TIMES
        slope = float(scale.lengths[field(row, LENGTH_BIT, 10)]) / shape.length
        pitch = shape.height - field(row, HEIGHT_BIT, 10) / HEIGHTS
        peak = numbers[min(int(there), len(numbers) - 1)]
        hit = (here - there / slope, 1 / slope, pitch)
        if _most(track, peak, hit, grid) < _LEAST * _PARTS:
            continue
        nats, first, last = _best_run(track, peak, hit, grid)
        own = found[count]
        own[0], own[1], own[2], own[3] = nats, 0, pitch, slope
        own[4], own[5] = track.frames[first], track.frames[last]
        own[6], own[7] = here, there
        count += 1
    return proposals_of(_different(found[:count]))


@compiled
def _first_peaks(frames: Floats) -> Numbers:
    """The first peak that comes at each frame or later."""
    numbers = np.empty(int(frames[-1]) + 1 if len(frames) else 0, np.int32)
    peak = 0
    for frame in range(len(numbers)):
        while frames[peak] < frame:
            peak += 1
        numbers[frame] = peak
    return numbers


@compiled
def _most(track: Points, peak: int, hit: Hit, grid: Grid) -> int:
    """What the best run of the peaks near a hit tells, in parts of a nat."""
    best, run = 0, 0
    for own in range(max(peak - _NEAR, 0), min(peak + _NEAR, len(track.frames))):
        run = max(run, 0) + _told(track, own, hit, grid)
        best = max(best, run)
    return best


@compiled
def _best_run(track: Points, peak: int, hit: Hit, grid: Grid) -> tuple[float, int, int]:
    """Nats of the best run of the peaks around a hit, and its first and last peak."""
    begin, end = max(peak - _AROUND, 0), min(peak + _AROUND, len(track.frames))
    best, run, opened, first, last = 0, 0, begin, begin, begin
    for own in range(begin, end):
        if run <= 0:
            run, opened = 0, own
        run += _told(track, own, hit, grid)
        if run > best:
            best, first, last = run, opened, own
    return best / _PARTS, first, last


@compiled
def _told(track: Points, peak: int, hit: Hit, grid: Grid) -> int:
    """What one of the track's peaks tells, in parts of a nat; of one beyond the query nothing."""
    begin, speed, pitch = hit
    frames, rows = grid.told.shape
    frame = int(begin + track.frames[peak] * speed + 0.5)
    if frame < 0 or frame >= frames:
        return 0
    row = int((track.heights[peak] + pitch - grid.first) * _ROWS + 0.5)
    return int(grid.told[frame, min(max(row, 0), rows - 1)])


@compiled
def _different(found: Floats) -> Floats:
    """The best rows of ``Proposals`` that are of different places, pitches or tempi."""
    chosen, count = np.empty((_MOST, 8)), 0
    for each in np.argsort(-found[:, 0], kind="mergesort"):
        one, is_new = found[each], True
        for other in chosen[:count]:
            is_new &= not (
                abs(one[2] - other[2]) < _ALIKE_PITCH
                and abs(one[3] / other[3] - 1) < _ALIKE_SLOPE
                and abs(one[4] + one[5] - other[4] - other[5]) < 2 * _ALIKE_FRAMES
            )
        if is_new:
            chosen[count] = one
            count += 1
            if count == _MOST:
                break
    return chosen[:count]

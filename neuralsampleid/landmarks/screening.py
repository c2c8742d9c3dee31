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
from neuralsampleid.landmarks.lookups import Equals, Shapes
from neuralsampleid.landmarks.proposals import Proposals, proposals_of
from neuralsampleid.landmarks.table import (
    HEIGHT_BIT,
    HEIGHTS,
    LENGTH_BIT,
    TIMES,
    Reals,
    Scale,
    field,
)
from neuralsampleid.landmarks.triples import Floats, Numbers, Points

_ROWS = 2  # of a grid, in a third of a semitone
_FRAMES, _HEIGHT = 2.0, 0.5  # a peak is found within so many frames and thirds of a semitone
_NEAR, _LEAST = 16, 6.0  # peaks before a hit and after it that are asked first, and their nats
_AROUND = 45  # peaks before it and after it that are asked then: 1.5 s
_MOST = 16  # proposals of a track
_ALIKE_PITCH, _ALIKE_SLOPE = 0.6, 0.04  # thirds of a semitone, and share: of equal proposals
_ALIKE_FRAMES = 43.0  # of the track, between the middles of equal proposals: 1 s


class Grid(NamedTuple):
    """Where a query has peaks, by frames and parts of a third of a semitone."""

    first: float  # height of the first row, thirds of a semitone
    found: npt.NDArray[np.uint8]  # (frames, rows) 1 near a peak of the query, else 0
    told: Reals  # (rows, 2) nats of a track's peak that is not found, and of one that is


def grid_of(query: AskedQuery) -> Grid:
    """Put a query's peaks on a grid."""
    expected = expected_of(query.heights, query.length, _FRAMES, _HEIGHT)
    rows = slice(None, None, STEPS // _ROWS)
    told = np.column_stack([expected.missed[rows], expected.found[rows]]).astype(np.float32)
    found = np.zeros((query.length, len(told)), np.uint8)
    _mark(query, expected.first, found)
    return Grid(expected.first, found, told)


@compiled
def _mark(query: AskedQuery, first: float, found: npt.NDArray[np.uint8]) -> None:
    frames, rows = found.shape
    for place, own in zip(query.frames, query.heights):
        height = (own - first) * _ROWS
        low = max(int(np.ceil(height - _HEIGHT * _ROWS)), 0)
        high = min(int(np.floor(height + _HEIGHT * _ROWS)) + 1, rows)
        begin = max(int(np.ceil(place - _FRAMES)), 0)
        end = min(int(np.floor(place + _FRAMES)) + 1, frames)
        found[begin:end, low:high] = 1


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
    for each in range(len(equals.rows)):
        row, shape = equals.rows[each], shapes[equals.numbers[each]]
        here, there = shape.begin, np.int64(equals.times[each]) / TIMES
        slope = float(scale.lengths[field(row, LENGTH_BIT, 10)]) / shape.length
        pitch = shape.height - field(row, HEIGHT_BIT, 10) / HEIGHTS
        peak, hit = numbers[min(int(there), len(numbers) - 1)], (here, there, 1 / slope, pitch)
        if _told(track, peak, _NEAR, hit, grid)[0] < _LEAST:
            continue
        nats, first, last = _told(track, peak, _AROUND, hit, grid)
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
def _told(
    track: Points, peak: int, around: int, hit: tuple[float, float, float, float], grid: Grid
) -> tuple[float, int, int]:
    """The run of a track's peaks around a hit that tells most.

    Args:
        track: its peaks.
        peak: the one at the hit.
        around: how many before it and after it are asked.
        hit: frames of the query and of the track, frames of the query in one of the track, and
            thirds of a semitone by which the query is higher.
        grid: of the query.

    Returns:
        Its nats, and the first and the last peak.
    """
    here, there, speed, pitch = hit
    frames, highest = len(grid.found), len(grid.told) - 1
    lift = (pitch - grid.first) * _ROWS + 0.5
    best, run = 0.0, 0.0
    begin, end = max(peak - around, 0), min(peak + around, len(track.frames))
    opened, first, last = begin, begin, begin
    for own in range(begin, end):
        frame = int(np.floor(here + (track.frames[own] - there) * speed + 0.5))
        if frame < 0 or frame >= frames:
            continue
        row = min(max(int(track.heights[own] * _ROWS + lift), 0), highest)
        if run <= 0:
            run, opened = 0.0, own
        run += float(grid.told[row, grid.found[frame, row]])
        if run > best:
            best, first, last = run, opened, own
    return best, first, last


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

"""Where equal triples of a query and one track gather: a pitch, a tempo and an offset in time.

Each hit votes in the cells beside it of a grid over the three, and what the fullest cells hold is
joined by a straight line.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neuralsampleid.compiled import compiled
from neuralsampleid.landmarks.triples import Floats, Hits, Integers, Reach

_TEMPO = 0.04  # width of a cell, as the log of the ratio
_OFFSET = 8.0  # frames
_FEWEST = 2.0  # votes of a cell that is looked at
_PITCH_OFF = 0.5  # thirds of a semitone by which a hit may lie off its line
_FRAMES_OFF = 3.0  # frames, too
_TEMPO_OFF = 0.08  # as the log of the ratio; a triple is too short to tell more
_KNOWN = 0.01  # how well a cell tells the tempo, as a share of it: a fit to few hits stays near
_FRAME_COST = 1 / 43  # hits that a frame between hits costs a run


class Grid(NamedTuple):
    """Votes by cell of pitch, tempo and offset, zero before and after use."""

    votes: Floats  # (pitches · tempi · offsets,)
    pitches: int
    tempi: int
    offsets: int
    lowest: float  # pitch at the first cell's lower border
    slowest: float  # log of the ratio, too
    earliest: float  # frames, too


class Found(NamedTuple):
    """A straight line through hits: the query's frame t lies at ``slope`` · t + ``lag``."""

    pitch: float  # thirds of a semitone by which the query is higher
    slope: float  # the query's speed over the track's
    lag: float  # frames of the track
    first: float  # frames of the query
    last: float


def make_grid(reach: Reach, longest_query: float, longest_track: float) -> Grid:
    """A grid for a query and tracks of these frames."""
    pitches = int(2 * reach.pitch) + 3
    tempi = int((reach.most_log - reach.least_log) / _TEMPO) + 2
    earliest = -float(np.exp(reach.most_log)) * longest_query - 2 * _OFFSET
    offsets = int((longest_track - earliest) / _OFFSET) + 3
    votes = np.zeros(pitches * tempi * offsets)
    lowest, slowest = -reach.pitch - 1, reach.least_log - _TEMPO / 2
    return Grid(votes, pitches, tempi, offsets, lowest, slowest, earliest)


@compiled
def fullest(hits: Hits, rows: Integers, grid: Grid, most: int) -> Floats:
    """Pitch, slope and lag of the fullest cells, none beside a fuller one; (cells, 3).

    Args:
        hits: of a query.
        rows: (2,) the first of the track's hits, and where they end.
        grid: of which nothing is left.
        most: cells.
    """
    touched = np.empty(8 * (rows[1] - rows[0]), np.int64)
    count = 0
    for row in range(rows[0], rows[1]):
        pitch = int(np.floor(hits.pitch[row] - grid.lowest - 0.5))
        tempo = int(np.floor((hits.tempo[row] - grid.slowest) / _TEMPO - 0.5))
        for own_pitch in range(max(pitch, 0), min(pitch + 2, grid.pitches)):
            for own_tempo in range(max(tempo, 0), min(tempo + 2, grid.tempi)):
                slope = np.exp(grid.slowest + (own_tempo + 0.5) * _TEMPO)
                lag = hits.track[row] - slope * hits.query[row]
                offset = int(np.floor((lag - grid.earliest) / _OFFSET - 0.5))
                for own_offset in range(max(offset, 0), min(offset + 2, grid.offsets)):
                    cell = (own_pitch * grid.tempi + own_tempo) * grid.offsets + own_offset
                    if grid.votes[cell] == 0:
                        touched[count] = cell
                        count += 1
                    grid.votes[cell] += 1
    cells = np.empty((most, 3))
    found = 0
    while found < most:
        best, cell = 0.0, -1
        for place in touched[:count]:
            if grid.votes[place] > best:
                best, cell = grid.votes[place], place
        if best < _FEWEST:
            break
        offset = cell % grid.offsets
        tempo = cell // grid.offsets % grid.tempi
        pitch = cell // grid.offsets // grid.tempi
        cells[found, 0] = grid.lowest + pitch + 0.5
        cells[found, 1] = np.exp(grid.slowest + (tempo + 0.5) * _TEMPO)
        cells[found, 2] = grid.earliest + (offset + 0.5) * _OFFSET
        found += 1
        for own_pitch in range(max(pitch - 1, 0), min(pitch + 2, grid.pitches)):
            for own_tempo in range(max(tempo - 1, 0), min(tempo + 2, grid.tempi)):
                first = (own_pitch * grid.tempi + own_tempo) * grid.offsets
                begin, end = max(offset - 3, 0), min(offset + 4, grid.offsets)
                grid.votes[first + begin : first + end] = 0
    for place in touched[:count]:
        grid.votes[place] = 0
    return cells[:found]


@compiled
def _on(hits: Hits, row: int, pitch: float, slope: float, lag: float, off: Floats) -> bool:
    """Whether a hit lies within some pitch, frames and tempo of a line."""
    if abs(hits.pitch[row] - pitch) > off[0]:
        return False
    if abs(hits.track[row] - slope * hits.query[row] - lag) > off[1]:
        return False
    return bool(abs(hits.tempo[row] - np.log(slope)) <= off[2])


@compiled
def straight(hits: Hits, rows: Integers, pitch: float, slope: float, lag: float) -> Found:
    """The line that is fitted to the hits near a cell, and the best run of hits on it."""
    off = np.array([_PITCH_OFF, _FRAMES_OFF, _TEMPO_OFF])
    for step in range(3):
        wide = off.copy()
        wide[0] *= 1.6 - 0.3 * step
        wide[1] *= 2.0 - 0.5 * step
        count, x, y, xx, xy, high = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for row in range(rows[0], rows[1]):
            if _on(hits, row, pitch, slope, lag, wide):
                count += 1
                x += hits.query[row]
                y += hits.track[row]
                xx += hits.query[row] ** 2
                xy += hits.query[row] * hits.track[row]
                high += hits.pitch[row]
        if count == 0:
            break
        pitch = high / count
        # The cell's slope counts like hits that lie off by two frames.
        prior = 4 / (_KNOWN * slope) ** 2
        slope = (xy - x * y / count + prior * slope) / (xx - x * x / count + prior)
        lag = (y - slope * x) / count
    near = [row for row in range(rows[0], rows[1]) if _on(hits, row, pitch, slope, lag, off)]
    times = np.array([hits.query[row] for row in near])
    times.sort()
    best, run, begin, first, last = 0.0, 0.0, 0.0, 0.0, 0.0
    for place in range(len(times)):
        if place and times[place] == times[place - 1]:
            continue  # a moment of the query counts once
        if place:
            run -= _FRAME_COST * (times[place] - times[place - 1])
        if run <= 0:
            run, begin = 0.0, times[place]
        run += 1
        if run > best:
            best, first, last = run, begin, times[place]
    return Found(pitch, slope, lag, first, last)

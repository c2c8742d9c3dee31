"""Where equal triples of a query and one track gather: a pitch, a tempo and a place in both.

The query is cut into blocks of ten seconds. In a block, each hit votes in the eight cells around it
of a grid over pitch, tempo and lag. The lag is measured at the middle of the block, so that a tempo
that is roughly known moves it little.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.triples import Floats, Hits, Integers, Reach

_BLOCK = 430.0  # frames of the query: 10 s
_TEMPO = 0.04  # width of a cell, as the log of the ratio
_OFFSET = 8.0  # frames
_KNOWN = 0.015  # how well a cell tells the slope, as a share of it
_FEWEST = 2  # hits of a proposal
_ANCHOR = -0.5  # power of an anchor's number of hits in the track that weighs each of them


class Grid(NamedTuple):
    """Votes by cell of pitch, tempo and lag, zero before and after use."""

    votes: Floats  # (pitches · tempi · lags,)
    pitches: int
    tempi: int
    lags: int
    lowest: float  # pitch at the first cell's lower border
    slowest: float  # log of the ratio, too
    earliest: float  # frames, too


class Proposals(NamedTuple):
    """Parts of a track that may be in the query; m of them."""

    pitch: Floats  # (m,) thirds of a semitone by which the query is higher
    slope: Floats  # (m,) the query's speed over the track's
    first: Floats  # (m,) frames of the track: where hits begin
    last: Floats  # (m,)


def make_grid(reach: Reach, longest_track: float) -> Grid:
    """A grid for tracks of up to these frames."""
    pitches = int(2 * reach.pitch) + 3
    tempi = int((reach.most_log - reach.least_log) / _TEMPO) + 2
    lags = int((longest_track + 2 * _BLOCK) / _OFFSET) + 3
    lowest, slowest = -reach.pitch - 1, reach.least_log - _TEMPO / 2
    votes = np.zeros(pitches * tempi * lags)
    return Grid(votes, pitches, tempi, lags, lowest, slowest, -_BLOCK)


@compiled
def propose(hits: Hits, rows: Integers, grid: Grid, most: int) -> Proposals:
    """The parts of a track in whose cells the most votes lie.

    Args:
        hits: of a query.
        rows: (2,) the first of the track's hits, and where they end.
        grid: of which nothing is left.
        most: proposals.
    """
    begin, end = rows[0], rows[1]
    times = np.zeros(0 if end == begin else hits.anchor[begin:end].max() + 1)
    for row in range(begin, end):
        times[hits.anchor[row]] += 1
    votes, found = np.zeros(most), np.zeros((most, 4))
    block = begin
    while block < end:  # hits come in the order of the query's time
        middle = (np.floor(hits.query[block] / _BLOCK) + 0.5) * _BLOCK
        after = block
        while after < end and hits.query[after] < middle + _BLOCK / 2:
            after += 1
        _propose_in_block(hits, block, after, middle, times, grid, votes, found)
        block = after
    count = int((votes > 0).sum())
    order = np.argsort(-votes)[:count]
    best = found[order]
    return Proposals(best[:, 0].copy(), best[:, 1].copy(), best[:, 2].copy(), best[:, 3].copy())


@compiled
def _propose_in_block(
    hits: Hits,
    begin: int,
    end: int,
    middle: float,
    times: Floats,
    grid: Grid,
    votes: Floats,
    found: Floats,
) -> None:
    """Put the fullest cells of a block in the place of what has fewer votes."""
    touched = np.empty(8 * (end - begin), np.int64)
    count = 0
    for row in range(begin, end):
        weight = times[hits.anchor[row]] ** _ANCHOR
        pitch, tempo, _ = _cell(hits, row, middle, 1.0, grid)
        for own_pitch in range(max(pitch, 0), min(pitch + 2, grid.pitches)):
            for own_tempo in range(max(tempo, 0), min(tempo + 2, grid.tempi)):
                _, _, lag = _cell(hits, row, middle, _slope(own_tempo, grid), grid)
                for own_lag in range(max(lag, 0), min(lag + 2, grid.lags)):
                    cell = (own_pitch * grid.tempi + own_tempo) * grid.lags + own_lag
                    if grid.votes[cell] == 0:
                        touched[count] = cell
                        count += 1
                    grid.votes[cell] += weight
    for _ in range(len(votes)):
        best, cell = 0.0, -1
        for place in touched[:count]:
            if grid.votes[place] > best:
                best, cell = grid.votes[place], place
        worst = int(np.argmin(votes))
        if cell < 0 or best <= votes[worst]:
            break
        part = _fit(hits, begin, end, middle, cell, grid)
        if part[0] >= _FEWEST:
            votes[worst] = best
            found[worst] = part[1:]
        _clear_around(cell, grid)
    for place in touched[:count]:
        grid.votes[place] = 0


@compiled
def _slope(tempo: int, grid: Grid) -> float:
    return float(np.exp(grid.slowest + (tempo + 0.5) * _TEMPO))


@compiled
def _cell(hits: Hits, row: int, middle: float, slope: float, grid: Grid) -> tuple[int, int, int]:
    """The lowest of the cells around a hit: of pitch, tempo and lag."""
    lag = hits.track[row] - slope * (hits.query[row] - middle)
    return (
        int(np.floor(hits.pitch[row] - grid.lowest - 0.5)),
        int(np.floor((hits.tempo[row] - grid.slowest) / _TEMPO - 0.5)),
        int(np.floor((lag - grid.earliest) / _OFFSET - 0.5)),
    )


@compiled
def _fit(hits: Hits, begin: int, end: int, middle: float, cell: int, grid: Grid) -> Floats:
    """Number of hits in a cell, their mean pitch, slope, and the track's frames between them."""
    lag = cell % grid.lags
    tempo = cell // grid.lags % grid.tempi
    pitch = cell // grid.lags // grid.tempi
    slope = _slope(tempo, grid)
    part = np.array([0.0, 0.0, 0.0, np.inf, -np.inf])
    x, y, xx, xy = 0.0, 0.0, 0.0, 0.0
    for row in range(begin, end):
        own_pitch, own_tempo, own_lag = _cell(hits, row, middle, slope, grid)
        inside = own_pitch <= pitch <= own_pitch + 1 and own_tempo <= tempo <= own_tempo + 1
        if inside and own_lag <= lag <= own_lag + 1:
            part[0] += 1
            part[1] += hits.pitch[row]
            part[3] = min(part[3], hits.track[row])
            part[4] = max(part[4], hits.track[row])
            x += hits.query[row]
            y += hits.track[row]
            xx += hits.query[row] ** 2
            xy += hits.query[row] * hits.track[row]
    if part[0] > 0:
        part[1] /= part[0]
        # The cell's slope counts like hits that lie off by two frames.
        prior = 4 / (_KNOWN * slope) ** 2
        part[2] = (xy - x * y / part[0] + prior * slope) / (xx - x * x / part[0] + prior)
    return part


@compiled
def _clear_around(cell: int, grid: Grid) -> None:
    """Take the votes from a cell and from those beside it, which hold the same hits."""
    lag = cell % grid.lags
    tempo = cell // grid.lags % grid.tempi
    pitch = cell // grid.lags // grid.tempi
    for own_pitch in range(max(pitch - 1, 0), min(pitch + 2, grid.pitches)):
        for own_tempo in range(max(tempo - 1, 0), min(tempo + 2, grid.tempi)):
            first = (own_pitch * grid.tempi + own_tempo) * grid.lags
            begin, end = max(lag - 2, 0), min(lag + 3, grid.lags)
            grid.votes[first + begin : first + end] = 0

"""Where two tracks match: pairs of segments that look alike → lines.

A sample that plays at a constant speed puts its pairs of segments on a line in the plane of query
time and reference time; its slope is the tempo ratio. Lines are found by voting (a Hough transform)
over a grid of slopes and offsets. Of each, the run of query segments with the most evidence counts:
each segment brings the largest vote that a neighbour near the line gives it and costs
``SEGMENT_COST``, so gaps are bridged where what lies behind them is worth it. This is a local
alignment without letters: best scores of unrelated tracks have an exponential tail (Karlin and
Altschul, 1990), by which ``identify`` judges them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from neuralsampleid.best_runs import best_runs
from neuralsampleid.fingerprints.segments import Floats, Integers, Segments
from neuralsampleid.line import Line
from neuralsampleid.matching.ranking import rank_votes

SLOWEST, FASTEST = 0.7, 1.4  # reference seconds per query second
SLOPE_STEP = 0.01  # relative: 0.15 s at the ends of a line of 30 s
SEGMENT_COST = 0.2  # votes; five segments without a match cost what one nearest neighbour brings
_LEAST_FOR_SLOPE = 4.0  # s between the middles of the outer segments, before a slope means anything
_LEAST_SCORE = 1e-9  # of a line at all


@dataclass(frozen=True)
class Neighbours:
    """Segments of a query, each with a segment that is among its nearest; m pairs, in any order."""

    query: Integers  # (m,) number of the query's segment, from 0; they follow each other evenly
    track: Integers  # (m,) number of the reference track
    query_s: Floats  # (m,) middle of the query's segment
    reference_s: Floats  # (m,) middle of the reference's segment
    votes: Floats  # (m,) in (0, 1]

    def where(self, chosen: npt.NDArray[np.bool_] | Integers) -> Neighbours:
        """Those that are chosen, by a mask (m,) or by their places."""
        return Neighbours(*(values[chosen] for values in vars(self).values()))

    def backwards(self) -> Neighbours:
        """The same with the query's time reversed: evidence that no sample played forwards gives.

        What two tracks have in common anyhow (long chords, a steady beat, segments that overlap)
        shows here as it does forwards.
        """
        return Neighbours(-self.query, self.track, -self.query_s, self.reference_s, self.votes)


def neighbours_of(
    query: Segments, rows: Integers, searched: Segments, segment_s: float
) -> Neighbours:
    """The nearest segments of a query's segments, with votes by rank.

    Args:
        query: segments of one track, n of them.
        rows: (n, k) of ``searched``, nearest first, −1 for none.
        searched: what was searched.
        segment_s: length of a segment, in seconds.
    """
    # Row -1 is the one beyond the last.
    tracks, starts_s = np.append(searched.tracks, -1)[rows], np.append(searched.starts_s, 0.0)[rows]
    return neighbours_at(query, tracks, starts_s, segment_s)


def neighbours_at(
    query: Segments, tracks: Integers, starts_s: Floats, segment_s: float
) -> Neighbours:
    """``neighbours_of``, where tracks and times of the nearest segments are known.

    Args:
        query: segments of one track, n of them.
        tracks: (n, k) of the nearest segments, nearest first, −1 for none.
        starts_s: (n, k) when these begin.
        segment_s: length of a segment, in seconds.
    """
    segment, place = np.nonzero(tracks >= 0)
    return Neighbours(
        query=query.numbers[segment],
        track=tracks[segment, place],
        query_s=query.starts_s[segment] + segment_s / 2,
        reference_s=starts_s[segment, place] + segment_s / 2,
        votes=rank_votes(tracks)[segment, place],
    )


@dataclass(frozen=True)
class _Best:
    """The best line of every track so far; (tracks,) each."""

    scores: Floats
    slopes: Floats
    bins: Integers
    shifts: Floats
    firsts: Integers
    lasts: Integers


def slope_grid() -> Floats:
    """Slopes from ``SLOWEST`` to ``FASTEST``, those nearest to 1 first, so that ties are 1."""
    steps = np.arange(
        np.ceil(np.log(SLOWEST) / SLOPE_STEP), np.floor(np.log(FASTEST) / SLOPE_STEP) + 1
    )
    return np.exp(SLOPE_STEP * steps[np.argsort(np.abs(steps), kind="stable")])


def best_scores(neighbours: Neighbours, tracks: int, tolerance_s: float) -> Floats:
    """Score of every track's best line, (tracks,); 0 for a track without any."""
    return np.maximum(_best_lines(neighbours, tracks, tolerance_s).scores, 0.0)


def lines_of_track(
    neighbours: Neighbours, segment_s: float, tolerance_s: float, least: float = _LEAST_SCORE
) -> Iterator[Line]:
    """One track's lines, best first.

    A moment of the query is explained once: after each line, all neighbours of its query interval
    are dropped. Several lines may lie on one interval of the reference, as those of a loop do.

    Args:
        neighbours: of one track.
        segment_s: length of a segment, in seconds.
        tolerance_s: how far a pair may lie from its line.
        least: score below which a line is none.
    """
    one = np.zeros(len(neighbours.track), np.int64)
    left = replace(neighbours, track=one)
    while len(left.query):
        best = _best_lines(left, 1, tolerance_s)
        if best.scores[0] < max(least, _LEAST_SCORE):
            return
        yield _fitted(left, best, segment_s, tolerance_s)
        left = left.where((left.query < best.firsts[0]) | (left.query > best.lasts[0]))


def _best_lines(neighbours: Neighbours, tracks: int, tolerance_s: float) -> _Best:
    """The best line of every track over all slopes and offsets."""
    best = _Best(
        np.full(tracks, -np.inf),
        np.ones(tracks),
        np.zeros(tracks, np.int64),
        np.zeros(tracks),
        np.zeros(tracks, np.int64),
        np.zeros(tracks, np.int64),
    )
    if not len(neighbours.query):
        return best
    # One order for all slopes: the sort by line is stable and keeps it.
    order = np.lexsort((-neighbours.votes, neighbours.query))
    ordered = neighbours.where(order)
    for slope in slope_grid():
        for shift in (0.0, 0.5):  # a line on a bin's border lies inside one of the shifted bins
            _improve(best, ordered, float(slope), shift, tolerance_s)
    return best


def _improve(
    best: _Best, neighbours: Neighbours, slope: float, shift: float, tolerance_s: float
) -> None:
    """Let the lines of one slope compete; ``neighbours`` by query segment, largest vote first."""
    bins = _bins(neighbours, slope, shift, tolerance_s)
    span = int(bins.max() - bins.min()) + 1
    line = neighbours.track * span + (bins - bins.min())
    order = np.argsort(line, kind="stable")
    line, query = line[order], neighbours.query[order]
    fresh = np.ones(len(line), bool)  # only the largest vote of a segment on a line counts
    fresh[1:] = (line[1:] != line[:-1]) | (query[1:] != query[:-1])
    order, line, query = order[fresh], line[fresh], query[fresh]
    scores, firsts = best_runs(line, query, neighbours.votes[order], SEGMENT_COST)
    track = line // span
    # The best of each track: tracks are in order, so the last of an order by score within them.
    by_score = np.lexsort((scores, track))
    last = np.ones(len(track), bool)
    last[:-1] = track[1:] != track[:-1]
    winners = by_score[last]
    winners = winners[scores[winners] > best.scores[track[winners]] + 1e-9]
    place = track[winners]
    best.scores[place] = scores[winners]
    best.slopes[place], best.shifts[place] = slope, shift
    best.bins[place] = bins[order[winners]]
    best.firsts[place], best.lasts[place] = firsts[winners], query[winners]


def _fitted(neighbours: Neighbours, best: _Best, segment_s: float, tolerance_s: float) -> Line:
    """One track's best line, fitted to the pairs on it."""
    slope, first, last = float(best.slopes[0]), int(best.firsts[0]), int(best.lasts[0])
    on_line = _bins(neighbours, slope, float(best.shifts[0]), tolerance_s) == best.bins[0]
    chosen = neighbours.where(on_line & (neighbours.query >= first) & (neighbours.query <= last))
    x, y, weights = chosen.query_s, chosen.reference_s, chosen.votes
    middle = np.average(x, weights=weights)
    tells_slope = np.ptp(x) >= _LEAST_FOR_SLOPE
    if tells_slope:
        # Within the bin there are no outliers, so least squares do; the grid's step bounds them.
        spread = np.sum(weights * (x - middle) ** 2)
        fitted = float(np.sum(weights * (x - middle) * (y - np.average(y, weights=weights))))
        slope = float(np.clip(fitted / spread, SLOWEST, FASTEST))
    offset = float(np.average(y - slope * x, weights=weights))
    # Segments are compared middle to middle; the line carries their ends along.
    start, end = float(x.min()) - segment_s / 2, float(x.max()) + segment_s / 2
    reference = (offset + slope * start, offset + slope * end)
    return Line(start, end, *reference, slope if tells_slope else None, float(best.scores[0]))


def _bins(neighbours: Neighbours, slope: float, shift: float, tolerance_s: float) -> Integers:
    offsets = neighbours.reference_s - slope * neighbours.query_s
    return np.floor(offsets / (2 * tolerance_s) + shift).astype(np.int64)

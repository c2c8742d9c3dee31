"""Where two tracks match: matches of single segments → passages along straight lines.

A sample that plays at a constant speed puts its matches on a line in the plane of query time and
reference time; its slope is the tempo ratio. Lines are found by voting (a Hough transform) over a
grid of slopes and offsets. On each line, the passage is the run of query segments with the most
evidence: each segment brings the largest vote that a match near the line gives it and costs
``SEGMENT_COST``, so gaps are bridged where what lies behind them is worth it. This is a local
alignment without letters: best scores of unrelated tracks have an exponential tail (Karlin and
Altschul, 1990), by which ``identify`` judges them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.best_runs import best_runs

SLOWEST, FASTEST = 0.7, 1.4  # reference seconds per query second
SLOPE_STEP = 0.01  # relative: 0.15 s at the ends of a passage of 30 s
SEGMENT_COST = 0.2  # votes; five segments without a match cost what one nearest match brings
_LEAST_FOR_SLOPE = 4.0  # s between the middles of the outer segments, before a slope means anything

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Matches:
    """Pairs of segments that look alike; m of them, in any order."""

    query: Integers  # (m,) number of the query's segment, from 0; they follow each other evenly
    track: Integers  # (m,) number of the reference track
    query_s: Floats  # (m,) middle of the query's segment
    reference_s: Floats  # (m,) middle of the reference's segment
    votes: Floats  # (m,) in (0, 1]

    def where(self, chosen: npt.NDArray[np.bool_] | Integers) -> Matches:
        """Those that are chosen, by a mask (m,) or by their places."""
        return Matches(
            self.query[chosen],
            self.track[chosen],
            self.query_s[chosen],
            self.reference_s[chosen],
            self.votes[chosen],
        )

    def backwards(self) -> Matches:
        """The same with the query's time reversed: evidence that no sample played forwards gives.

        What two tracks have in common anyhow (long chords, a steady beat, segments that overlap)
        shows here as it does forwards.
        """
        return Matches(-self.query, self.track, -self.query_s, self.reference_s, self.votes)


@dataclass(frozen=True)
class Passage:
    """A run of the query's segments on one line; reference_s = offset_s + slope · query_s."""

    first: int  # the query's segment that it begins with
    last: int  # and ends with
    slope: float
    offset_s: float
    score: float  # votes less cost
    support: int  # segments with a match near the line


@dataclass(frozen=True)
class _Lines:
    """The best passage of every track so far; (tracks,) each."""

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


def best_scores(matches: Matches, tracks: int, tolerance_s: float) -> Floats:
    """Score of every track's best passage, (tracks,); 0 for a track without matches."""
    return np.maximum(_best_lines(matches, tracks, tolerance_s).scores, 0.0)


def passages_of_track(matches: Matches, tolerance_s: float, least: float) -> Iterator[Passage]:
    """One track's passages, best first.

    A moment of the query is explained once: after each passage, all matches of its query range are
    dropped. Several passages may lie on one range of the reference, as those of a loop do.

    Args:
        matches: of one track.
        tolerance_s: how far a match may lie from its line.
        least: score below which a passage is none; above 0.
    """
    one = np.zeros(len(matches.track), np.int64)
    left = Matches(matches.query, one, matches.query_s, matches.reference_s, matches.votes)
    while len(left.query):
        lines = _best_lines(left, 1, tolerance_s)
        if lines.scores[0] < max(least, 1e-9):
            return
        yield _fitted(left, lines, tolerance_s)
        left = left.where((left.query < lines.firsts[0]) | (left.query > lines.lasts[0]))


def _best_lines(matches: Matches, tracks: int, tolerance_s: float) -> _Lines:
    """The best passage of every track over all slopes and offsets."""
    best = _Lines(
        np.full(tracks, -np.inf),
        np.ones(tracks),
        np.zeros(tracks, np.int64),
        np.zeros(tracks),
        np.zeros(tracks, np.int64),
        np.zeros(tracks, np.int64),
    )
    if not len(matches.query):
        return best
    # One order for all slopes: the sort by line is stable and keeps it.
    order = np.lexsort((-matches.votes, matches.query))
    ordered = matches.where(order)
    for slope in slope_grid():
        for shift in (0.0, 0.5):  # a line on a bin's border lies inside one of the shifted bins
            _improve(best, ordered, float(slope), shift, tolerance_s)
    return best


def _improve(
    best: _Lines, matches: Matches, slope: float, shift: float, tolerance_s: float
) -> None:
    """Let the lines of one slope compete; ``matches`` by query segment, largest vote first."""
    bins = _bins(matches, slope, shift, tolerance_s)
    span = int(bins.max() - bins.min()) + 1
    line = matches.track * span + (bins - bins.min())
    order = np.argsort(line, kind="stable")
    line, query = line[order], matches.query[order]
    fresh = np.ones(len(line), bool)  # only the largest vote of a segment on a line counts
    fresh[1:] = (line[1:] != line[:-1]) | (query[1:] != query[:-1])
    order, line, query = order[fresh], line[fresh], query[fresh]
    scores, firsts = best_runs(line, query, matches.votes[order], SEGMENT_COST)
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


def _fitted(matches: Matches, lines: _Lines, tolerance_s: float) -> Passage:
    """The passage of one track with its line fitted to the matches on it."""
    slope, first, last = float(lines.slopes[0]), int(lines.firsts[0]), int(lines.lasts[0])
    on_line = _bins(matches, slope, float(lines.shifts[0]), tolerance_s) == lines.bins[0]
    chosen = matches.where(on_line & (matches.query >= first) & (matches.query <= last))
    x, y, weights = chosen.query_s, chosen.reference_s, chosen.votes
    middle = np.average(x, weights=weights)
    if np.ptp(x) >= _LEAST_FOR_SLOPE:
        # Within the bin there are no outliers, so least squares do; the grid's step bounds them.
        spread = np.sum(weights * (x - middle) ** 2)
        fitted = float(np.sum(weights * (x - middle) * (y - np.average(y, weights=weights))))
        slope = float(np.clip(fitted / spread, SLOWEST, FASTEST))
    offset = float(np.average(y - slope * x, weights=weights))
    support = len(np.unique(chosen.query))
    return Passage(first, last, slope, offset, float(lines.scores[0]), support)


def tempo_is_known(query_seconds: float) -> bool:
    """Whether a passage is long enough to tell its slope.

    Args:
        query_seconds: between the middles of its first and last segment.
    """
    return query_seconds >= _LEAST_FOR_SLOPE


def _bins(matches: Matches, slope: float, shift: float, tolerance_s: float) -> Integers:
    offsets = matches.reference_s - slope * matches.query_s
    return np.floor(offsets / (2 * tolerance_s) + shift).astype(np.int64)

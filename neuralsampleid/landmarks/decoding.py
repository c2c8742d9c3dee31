"""Every occurrence of a region of a track in a query, at a known pitch and tempo.

Once it is known which part of a track is sampled, how fast and how high, its weak occurrences can
be told too, and those that are cut into slices or come in another order. Each moment of the query
is explained by one place of the region, or by none: of all ways to do so, the one with the most
evidence is taken (Viterbi 1967), where each change of place costs some nats. The query's own sound
hides the same peaks again and again, so each pass learns from the occurrences of the pass before
which peaks are found.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.excerpts import KEPT, AskedQuery, Excerpt, heard, step_of
from neuralsampleid.landmarks.triples import Floats, Integers, Points

LEAST_NATS = 9.0  # of an occurrence
_FIRST_COST, _COST = 12.0, 8.0  # nats of a change of place, in the first pass and later
_PASSES = 3
_MARGIN = 172.0  # frames of a region around what is known to be found: 4 s
_LONGEST = 2584.0  # frames of a region: a minute; the work grows with the square of its peaks
_PRIOR = 2.0  # occurrences that the share of all peaks counts for, when one peak's is estimated
_LEAST_KEPT, _MOST_KEPT = (0.15, 0.05), (0.6, 0.9)  # of all peaks together, and of one
_SHORTEST = 11  # frames of an occurrence: 0.25 s
_SHARE = 0.2  # of the best occurrence's score
_SAME_LAG, _GAP = 9, 129  # frames of lag and of a gap of 3 s, within which two are one

Flags = npt.NDArray[np.bool_]


class Region(NamedTuple):
    """Peaks of a part of a track, at a pitch and tempo."""

    frames: Floats  # (n,) of the track, ascending
    heights: Floats  # (n,) thirds of a semitone, as the query's
    slope: float  # the query's speed over the track's


class Occurrence(NamedTuple):
    """Where a part of the region is in the query."""

    begin: int  # frames of the query
    end: int  # inclusive
    first: int  # numbers of the region's peaks
    last: int  # inclusive
    score: float  # nats, less what the change to it costs
    lag: int  # frame of the query at which the region's first peak would lie


def region_of(query: AskedQuery, track: Points, excerpt: Excerpt) -> Region | None:
    """What to look for: all around that part of an excerpt which is found; None if it is too long.

    Args:
        query: its peaks.
        track: its peaks.
        excerpt: that is found at least once.
    """
    part, clear = excerpt.part, excerpt.scores >= min(LEAST_NATS, excerpt.scores.max())
    found = [heard(query, track, part, start) for start in excerpt.starts[clear].tolist()]
    begin = min(first for first, _ in found) - _MARGIN
    end = max(last for _, last in found) + _MARGIN
    low, high = np.searchsorted(track.frames, [begin, end])
    if end - begin > _LONGEST or high - low < 2:
        return None
    inside = slice(int(low), int(high))
    return Region(track.frames[inside], track.heights[inside] + part.pitch, part.slope)


def decode(query: AskedQuery, region: Region) -> list[Occurrence]:
    """All occurrences of a region's parts that are strong, by time.

    Args:
        query: its peaks.
        region: at least two peaks.
    """
    steps = np.array([step_of(query.fine, height) for height in region.heights.tolist()], np.int64)
    chance = query.fine.chance[steps]
    places = (region.frames - region.frames[0]) / region.slope
    found = _found(query, steps, places)
    kept, path = np.full(len(places), KEPT), list[Occurrence]()
    for number in range(_PASSES):
        if path:
            kept = _kept(found, places, chance, path)
        gains, losses = np.log((kept + (1 - kept) * chance) / chance), np.log(1 - kept)
        rows = _path(found, places, gains, losses, _COST if number else _FIRST_COST)
        path = [_occurrence(row) for row in rows.tolist()]
        if not path:
            break
    return strong(joined(path))


def _occurrence(row: list[float]) -> Occurrence:
    begin, end, first, last, score, lag = row
    return Occurrence(int(begin), int(end), int(first), int(last), score, int(lag))


def joined(path: list[Occurrence]) -> list[Occurrence]:
    """Those that last, and as one those that follow each other with a gap at the same lag."""
    whole: list[Occurrence] = []
    for one in path:
        if one.end - one.begin < _SHORTEST:
            continue
        if whole:
            last = whole[-1]
            is_near = one.begin - last.end <= _GAP and abs(one.lag - last.lag) <= _SAME_LAG
            if is_near and one.first >= last.first:
                score = last.score + one.score
                whole[-1] = Occurrence(last.begin, one.end, last.first, one.last, score, one.lag)
                continue
        whole.append(one)
    return whole


def strong(path: list[Occurrence]) -> list[Occurrence]:
    """Those that reach ``LEAST_NATS``, and a share of what the best of them has.

    Music with the same instruments resembles a sample for moments.
    """
    best = max((one.score for one in path), default=0.0)
    return [one for one in path if one.score >= max(LEAST_NATS, _SHARE * best)]


def _kept(found: Flags, places: Floats, chance: Floats, path: list[Occurrence]) -> Floats:
    """How often each peak is found beyond chance in the occurrences of a path, (n,)."""
    times, hits = np.zeros(len(places)), np.zeros(len(places))
    for one in path:
        own = np.arange(one.first, one.last + 1)
        frames = np.rint(one.lag + places[own]).astype(np.int64)
        inside = (frames >= 0) & (frames < found.shape[1])
        times[own[inside]] += 1
        hits[own[inside]] += found[own[inside], frames[inside]]
    together = float(_beyond(hits.sum() / times.sum(), chance.mean()))
    together = min(max(together, _LEAST_KEPT[0]), _MOST_KEPT[0])
    expected = _PRIOR * (together + (1 - together) * chance)
    kept = _beyond((hits + expected) / (times + _PRIOR), chance)
    return np.clip(kept, _LEAST_KEPT[1], _MOST_KEPT[1])


def _beyond(share: Floats, chance: Floats | float) -> Floats:
    """What of a share chance does not explain."""
    return np.asarray((share - chance) / (1 - chance), dtype=np.float64)


@compiled
def _found(query: AskedQuery, steps: Integers, places: Floats) -> Flags:
    """Whether each peak is found where it would lie near each frame of the query, (n, frames).

    Args:
        query: its peaks.
        steps: (n,) of the peaks' heights.
        places: (n,) frames of the query after the region's first peak.
    """
    expected, length = query.fine, query.length
    found = np.zeros((len(places), length), np.bool_)
    for peak in range(len(places)):
        for own in range(expected.low[steps[peak]], expected.high[steps[peak]]):
            at = query.frames[own]
            first = max(int(np.floor(at - expected.frames - 0.5)), 0)
            for frame in range(first, min(int(at + expected.frames + 0.5) + 2, length)):
                place = np.round(frame - places[peak]) + places[peak]
                if abs(place - at) <= expected.frames:
                    found[peak, frame] = True
    return found


@compiled
def _path(found: Flags, places: Floats, gains: Floats, losses: Floats, cost: float) -> Floats:
    """The best way to explain a query, rows of ``Occurrence`` by time.

    A state is a lag: the frame at which the region's first peak would lie. Only the frames at which
    one of the peaks would lie change a state's score.
    """
    peaks, length = found.shape
    ahead = int(places[-1]) + 2  # of the first lag before the query
    states = length + 2 * ahead
    scores, opened = np.full(states, -np.inf), np.zeros(states, np.int64)
    begins, firsts = np.zeros(states, np.int64), np.zeros(states, np.int64)
    rows, before, count = np.zeros((256, 6)), np.zeros(256, np.int64), 1
    best = 0.0  # of the query so far; row ``count`` − 1 is how, and row 0 that nothing is explained
    for frame in range(length):
        highest, winner, ending = best, -1, 0
        for peak in range(peaks):
            state = int(np.round(frame - places[peak])) + ahead
            hit = found[peak, frame]
            if best - cost > scores[state]:
                if not hit:
                    continue
                scores[state], opened[state] = best - cost, count - 1
                begins[state], firsts[state] = frame, peak
            scores[state] += gains[peak] if hit else losses[peak]
            if scores[state] > highest:
                highest, winner, ending = scores[state], state, peak
        if winner < 0:
            continue
        if count == len(rows):
            rows = np.concatenate((rows, np.zeros_like(rows)))
            before = np.concatenate((before, np.zeros_like(before)))
        best, before[count] = highest, opened[winner]
        rows[count, 0], rows[count, 1] = begins[winner], frame
        rows[count, 2], rows[count, 3] = firsts[winner], ending
        rows[count, 4], rows[count, 5] = best, winner - ahead
        count += 1
    path, last, length_of_path = np.empty((count, 6)), count - 1, 0
    while last > 0:
        path[length_of_path] = rows[last]
        path[length_of_path, 4] -= rows[before[last], 4]
        last = before[last]
        length_of_path += 1
    return path[:length_of_path][::-1].copy()

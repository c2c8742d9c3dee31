"""Deciding by single peaks whether a part of a track, an excerpt, is in a query, and where.

At a known pitch and tempo the excerpt is moved over the whole query. At each start, each of its
peaks is found at the predicted place or not. How much a peak that is found tells depends on how
often chance finds one of that height in this query: the score is the log-likelihood ratio of what
is found, in nats. A sample that is used again is found again, so the scores of all starts that do
not overlap are summed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.triples import Floats, Integers, Points

_FRAMES = 1.0  # a peak is found within so many frames
_HEIGHT = 0.4  # and so many thirds of a semitone
_ROUGH_FRAMES = 2.5  # before pitch and tempo are fitted
_ROUGH_HEIGHT = 0.6
_KEPT = 0.25  # share of a sample's peaks that are found again, beside those found by chance
_LEAST_CHANCE = 0.005
_CHANCE_NATS = 6.0  # that a start reaches by chance: a query has some thousand of them
_MOST = 12  # occurrences whose scores are summed
_KNOWN = 0.01  # how well a proposal tells the slope, as a share of it
_SHORTEST = 86.0  # frames of an excerpt: 2 s
_BEFORE, _BEYOND = 20.0, 40.0  # frames of an excerpt around the anchors of its hits
_FEWEST = 10  # peaks of an excerpt
_TIE = 0.01  # weight of the best start's score: it orders tracks that have no occurrence


class Heights(NamedTuple):
    """The peaks of a query in the order of their heights."""

    heights: Floats  # (n,) thirds of a semitone
    frames: Floats  # (n,)
    length: int  # frames of the query


class Part(NamedTuple):
    """Some of a track's peaks, at a pitch and tempo."""

    begin: int  # the first one's number
    end: int  # after the last one's
    pitch: float  # thirds of a semitone by which the query is higher
    slope: float  # the query's speed over the track's


class Excerpt(NamedTuple):
    """A part of a track, and how much of the query it explains."""

    part: Part
    score: float  # nats, of all occurrences
    starts: Floats  # (m,) frames of the query at which its first peak lies
    scores: Floats  # (m,) nats, of each occurrence


def by_height(points: Points) -> Heights:
    """The peaks of a query; there must be one."""
    order = np.argsort(points.heights, kind="stable")
    length = int(points.frames.max()) + 1
    return Heights(points.heights[order], points.frames[order], length)


@compiled
def judge(
    query: Heights,
    track: Points,
    bounds: tuple[int, int],
    proposal: tuple[float, float, float, float],
) -> Excerpt:
    """Fit a proposal's pitch and tempo to single peaks, and score it.

    Args:
        query: its peaks.
        track: peaks of all tracks.
        bounds: the track's first, and where its end.
        proposal: pitch, slope, and between which of the track's frames hits lie.
    """
    pitch, slope, first, last = proposal
    first, last = first - _BEFORE, last + _BEYOND
    lacking = max(_SHORTEST - (last - first), 0.0) / 2
    frames = track.frames[bounds[0] : bounds[1]]
    begin = bounds[0] + int(np.searchsorted(frames, first - lacking))
    end = bounds[0] + int(np.searchsorted(frames, last + lacking))
    if end - begin < _FEWEST:
        nothing = np.zeros(0)
        return Excerpt(Part(begin, end, pitch, slope), 0.0, nothing, nothing)
    part = Part(begin, end, pitch, slope)
    apart = max(lead(track, part), 10)
    scores = look_for(query, track, part, _ROUGH_FRAMES, _ROUGH_HEIGHT)
    starts = occurrences(scores, apart)
    if len(starts) == 0:
        starts = np.array([np.argmax(scores)])
    before = lead(track, part)
    for wider in (1.0, 0.0):
        part = fitted(query, track, part, starts - before, _ROUGH_FRAMES + wider)
    scores = look_for(query, track, part, _FRAMES, _HEIGHT)
    starts = occurrences(scores, apart)
    total = _TIE * max(scores.max(), 0.0)
    for start in starts:
        total += scores[start] - _CHANCE_NATS
    return Excerpt(part, total, starts.astype(np.float64) - lead(track, part), scores[starts])


@compiled
def look_for(query: Heights, track: Points, part: Part, frames: float, height: float) -> Floats:
    """The score of an excerpt at each start, (lead + length,) nats.

    The first start is ``lead`` frames before the query. Only peaks that would lie within it count.

    Args:
        query: its peaks.
        track: peaks.
        part: the excerpt's.
        frames: within which a peak is found.
        height: within which a peak is found.
    """
    begin, end, pitch, slope = part
    before = lead(track, part)
    count = before + query.length
    scores, last, missing = np.zeros(count), np.full(count, -1), np.zeros(count + 1)
    for peak in range(begin, end):
        low, high = _alike(query, track.heights[peak] + pitch, height)
        found, missed = _gains(high - low, query.length, frames)
        after = (track.frames[peak] - track.frames[begin]) / slope
        # It is missing at the starts at which it would lie within the query.
        missing[max(int(before - after), 0)] += missed
        missing[max(count - int(after), 0)] -= missed
        for own in range(low, high):
            place = query.frames[own] - after + before
            first = max(int(np.ceil(place - frames)), 0)
            for each in range(first, min(int(np.floor(place + frames)) + 1, count)):
                if last[each] != peak:
                    scores[each] += found - missed
                    last[each] = peak
    return scores + np.cumsum(missing)[:count]


@compiled
def lead(track: Points, part: Part) -> int:
    """Frames of an excerpt that may lie before a query begins: half of it."""
    return int((track.frames[part.end - 1] - track.frames[part.begin]) / part.slope / 2)


@compiled
def _alike(query: Heights, height: float, off: float) -> tuple[int, int]:
    """The query's peaks of a height, and where they end."""
    low = np.searchsorted(query.heights, height - off)
    return int(low), int(np.searchsorted(query.heights, height + off, side="right"))


@compiled
def _gains(alike: int, length: int, frames: float) -> tuple[float, float]:
    """What a peak tells that is found, and that is not; nats."""
    chance = 1 - np.exp(-(alike + 0.5) / length * (2 * frames + 1))
    chance = max(chance, _LEAST_CHANCE)
    expected = _KEPT + (1 - _KEPT) * chance
    return float(np.log(expected / chance)), float(np.log((1 - expected) / (1 - chance)))


@compiled
def occurrences(scores: Floats, apart: int) -> Integers:
    """The best starts, at least so many frames apart, that chance does not explain; best first."""
    left = scores.copy()
    starts = np.empty(_MOST, np.int64)
    count = 0
    while count < _MOST:
        best = int(np.argmax(left))
        if left[best] <= _CHANCE_NATS:
            break
        starts[count] = best
        count += 1
        left[max(best - apart, 0) : best + apart + 1] = -np.inf
    return starts[:count]


@compiled
def fitted(query: Heights, track: Points, part: Part, starts: Integers, frames: float) -> Part:
    """The part with pitch and slope by the peaks that are found at some starts, each free.

    Fewer than six peaks change nothing.
    """
    begin, end, pitch, slope = part
    square, product, rise, count = 0.0, 0.0, 0.0, 0
    for start in starts:
        own, x, y, xx, xy = 0, 0.0, 0.0, 0.0, 0.0
        for peak in range(begin, end):
            after = track.frames[peak] - track.frames[begin]
            low, high = _alike(query, track.heights[peak] + pitch, _ROUGH_HEIGHT)
            nearest, there = frames, -1
            for other in range(low, high):
                off = abs(query.frames[other] - start - after / slope)
                if off <= nearest:
                    nearest, there = off, other
            if there >= 0:
                place = query.frames[there] - start
                own += 1
                x += after
                y += place
                xx += after * after
                xy += after * place
                rise += query.heights[there] - track.heights[peak]
        count += own
        if own > 3:
            square += xx - x * x / own
            product += xy - x * y / own
    if count < 6:
        return part
    # The former slope counts like peaks that lie off by two frames.
    prior = 4 / (_KNOWN / slope) ** 2
    return Part(begin, end, rise / count, (square + prior) / (product + prior / slope))


@compiled
def heard(query: Heights, track: Points, part: Part, start: float) -> tuple[float, float]:
    """Between which of the track's frames an excerpt's occurrence has the best score.

    Args:
        query: its peaks.
        track: peaks.
        part: the excerpt's.
        start: frame of the query.
    """
    begin, end, pitch, slope = part
    best, run, opened, first, last = 0.0, 0.0, begin, begin, begin
    for peak in range(begin, end):
        predicted = start + (track.frames[peak] - track.frames[begin]) / slope
        low, high = _alike(query, track.heights[peak] + pitch, _HEIGHT)
        gain, missed = _gains(high - low, query.length, _FRAMES)
        found = False
        for own in range(low, high):
            found = found or abs(query.frames[own] - predicted) <= _FRAMES + 0.5
        if run <= 0:
            run, opened = 0.0, peak
        run += gain if found else missed
        if run > best:
            best, first, last = run, opened, peak
    return track.frames[first], track.frames[last]

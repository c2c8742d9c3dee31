"""Deciding by single peaks whether a part of a track, an excerpt, is in a query, and where.

A proposal is first asked where its hits lie: of the thousands, few have peaks there that chance
does not explain. At a known pitch and tempo the excerpt of these is moved over the whole query. At
each start, each of its peaks is found at the predicted place or not. How much a peak that is found
tells depends on how often chance finds one of that height in this query: the score is the
log-likelihood ratio of what is found, in nats. A sample that is used again is found again, so the
scores of all starts that do not overlap are summed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neuralsampleid.compilation import compiled
from neuralsampleid.landmarks.proposals import Proposals
from neuralsampleid.landmarks.triples import Floats, Integers, Points

_FRAMES = 1.0  # a peak is found within so many frames
_HEIGHT = 0.4  # and so many thirds of a semitone
_FIRST_FRAMES = 3.0  # where a proposal's hits lie
_ROUGH_FRAMES = 2.5  # before pitch and tempo are fitted
_ROUGH_HEIGHT = 0.6
KEPT = 0.25  # share of a sample's peaks that are found again, beside those found by chance
_LEAST_CHANCE = 0.005
_CHANCE_NATS = 6.0  # that a start reaches by chance: a query has some thousand of them
STEPS = 16  # of a third of a semitone
_GAP_NATS = 8.0  # lost before a run ends
_MOST = 12  # occurrences whose scores are summed
_KNOWN = 0.01  # how well a proposal tells the slope, as a share of it
_SHORTEST = 86.0  # frames of an excerpt: 2 s
_BEFORE, _BEYOND = 20.0, 40.0  # frames of an excerpt around the anchors of its hits
_FEWEST = 10  # peaks of an excerpt
_TIE = 0.01  # weight of the best start's score: it orders tracks that have no occurrence


class Expected(NamedTuple):
    """What a track's peak tells that is found in a query, or is not, by its height.

    Heights go in steps of 1/``STEPS`` from the first one on; outside of them nothing is found.
    """

    first: float  # thirds of a semitone
    low: Integers  # (heights,) the first of the query's peaks, by height, that are about as high
    high: Integers  # (heights,) where these end
    chance: Floats  # (heights,) how often one is found that is not of the sample, in (0, 1)
    found: Floats  # (heights,) nats
    missed: Floats  # (heights,) nats, below 0
    frames: float  # within which a peak is found


class AskedQuery(NamedTuple):
    """The peaks of a query in the order of their heights."""

    heights: Floats  # (n,) thirds of a semitone
    frames: Floats  # (n,)
    length: int  # frames of the query
    at_hits: Expected  # where a proposal's hits lie
    rough: Expected  # before pitch and tempo are fitted
    fine: Expected


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


def asked(points: Points) -> AskedQuery:
    """Put the peaks of a query in order; there must be one."""
    order = np.argsort(points.heights, kind="stable")
    heights, length = points.heights[order], int(points.frames.max()) + 1
    at_hits, rough, fine = (
        expected_of(heights, length, frames, height)
        for frames, height in (
            (_FIRST_FRAMES, _ROUGH_HEIGHT),
            (_ROUGH_FRAMES, _ROUGH_HEIGHT),
            (_FRAMES, _HEIGHT),
        )
    )
    return AskedQuery(heights, points.frames[order], length, at_hits, rough, fine)


def expected_of(heights: Floats, length: int, frames: float, height: float) -> Expected:
    """What to expect in a query.

    Args:
        heights: (n,) of its peaks, thirds of a semitone, ascending.
        length: its frames.
        frames: within which a peak is found.
        height: and thirds of a semitone.
    """
    first = float(heights[0]) - 2
    asked_for = first + np.arange(int((heights[-1] + 2 - first) * STEPS) + 1) / STEPS
    low = np.searchsorted(heights, asked_for - height)
    high = np.searchsorted(heights, asked_for + height, side="right")
    chance = 1 - np.exp(-(high - low + 0.5) / length * (2 * frames + 1))
    chance = np.maximum(chance, _LEAST_CHANCE)
    kept = KEPT + (1 - KEPT) * chance
    missed = np.log((1 - kept) / (1 - chance))
    return Expected(first, low, high, chance, np.log(kept / chance), missed, frames)


@compiled
def step_of(expected: Expected, height: float) -> int:
    """The place of a height."""
    place = int((height - expected.first) * STEPS + 0.5)
    return min(max(place, 0), len(expected.low) - 1)


@compiled
def sift(query: AskedQuery, track: Points, proposals: Proposals) -> Floats:
    """What the peaks of each proposal's excerpt tell where its hits lie, (m,) nats.

    Args:
        query: its peaks.
        track: its peaks.
        proposals: of this track.
    """
    scores, expected = np.zeros(len(proposals.tracks)), query.at_hits
    for number in range(len(scores)):
        part = _part(track, proposals, number)
        for peak in range(part.begin, part.end):
            later = (track.frames[peak] - proposals.there[number]) / part.slope
            predicted = proposals.here[number] + later
            if predicted < 0 or predicted >= query.length:
                continue
            height = track.heights[peak] + part.pitch
            scores[number] += _told(query, expected, height, predicted, expected.frames)
    return scores


@compiled
def _told(
    query: AskedQuery, expected: Expected, height: float, predicted: float, frames: float
) -> float:
    """What a peak of a height tells by being found within some frames of a place or not, nats."""
    step = step_of(expected, height)
    near = query.frames[expected.low[step] : expected.high[step]]
    found = _any_within(near, predicted, frames)
    return float(expected.found[step] if found else expected.missed[step])


@compiled
def _part(track: Points, proposals: Proposals, number: int) -> Part:
    """The excerpt of a proposal: the track's peaks around its hits."""
    first, last = proposals.first[number] - _BEFORE, proposals.last[number] + _BEYOND
    lacking = max(_SHORTEST - (last - first), 0.0) / 2
    begin = int(np.searchsorted(track.frames, first - lacking))
    end = int(np.searchsorted(track.frames, last + lacking))
    return Part(begin, end, proposals.pitch[number], proposals.slope[number])


@compiled
def judge(query: AskedQuery, track: Points, proposals: Proposals, number: int) -> Excerpt:
    """Fit a proposal's pitch and tempo to single peaks, and score it.

    Args:
        query: its peaks.
        track: its peaks.
        proposals: of this track.
        number: of the proposal.
    """
    part = _part(track, proposals, number)
    if part.end - part.begin < _FEWEST:
        nothing = np.zeros(0)
        return Excerpt(part, 0.0, nothing, nothing)
    apart = max(lead(track, part), 10)
    scores = look_for(query, track, part, query.rough)
    starts = occurrences(scores, apart)
    if len(starts) == 0:
        starts = np.array([np.argmax(scores)])
    before = lead(track, part)
    for wider in (1.0, 0.0):
        part = fitted(query, track, part, starts - before, _ROUGH_FRAMES + wider)
    scores = look_for(query, track, part, query.fine)
    starts = occurrences(scores, apart)
    total = _TIE * max(scores.max(), 0.0)
    for start in starts:
        total += scores[start] - _CHANCE_NATS
    return Excerpt(part, total, starts.astype(np.float64) - lead(track, part), scores[starts])


@compiled
def look_for(query: AskedQuery, track: Points, part: Part, expected: Expected) -> Floats:
    """The score of an excerpt at each start, (lead + length,) nats.

    The first starts lie before the query's beginning. Only peaks that would lie within it count.

    Args:
        query: its peaks.
        track: peaks.
        part: the excerpt's.
        expected: what they tell.
    """
    frames = expected.frames
    begin, end, pitch, slope = part
    before = lead(track, part)
    count = before + query.length
    scores, last, missing = np.zeros(count), np.full(count, -1), np.zeros(count + 1)
    for peak in range(begin, end):
        step = step_of(expected, track.heights[peak] + pitch)
        found, missed = expected.found[step], expected.missed[step]
        after = (track.frames[peak] - track.frames[begin]) / slope
        # It is missing at the starts at which it would lie within the query.
        missing[max(int(before - after), 0)] += missed
        missing[max(count - int(after), 0)] -= missed
        for own in range(expected.low[step], expected.high[step]):
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
def _any_within(frames: Floats, predicted: float, off: float) -> bool:
    found = False
    for frame in frames:
        if abs(frame - predicted) <= off:
            found = True
            break
    return found


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
def fitted(query: AskedQuery, track: Points, part: Part, starts: Integers, frames: float) -> Part:
    """The part with pitch and slope by the peaks that are found at some starts, each free.

    Fewer than six peaks change nothing.
    """
    begin, end, pitch, slope = part
    square, product, rise, count = 0.0, 0.0, 0.0, 0
    for start in starts:
        own, x, y, xx, xy = 0, 0.0, 0.0, 0.0, 0.0
        for peak in range(begin, end):
            after = track.frames[peak] - track.frames[begin]
            step = step_of(query.rough, track.heights[peak] + pitch)
            nearest, there = frames, -1
            for other in range(query.rough.low[step], query.rough.high[step]):
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
def heard(query: AskedQuery, track: Points, part: Part, start: float) -> tuple[float, float]:
    """Between which of the track's frames an excerpt's occurrence is heard.

    That is the run of its peaks with the best score, and what follows and precedes it in the track
    for as long as it is found, too.

    Args:
        query: its peaks.
        track: peaks.
        part: the excerpt's.
        start: frame of the query.
    """
    best, run, opened, first, last = 0.0, 0.0, part.begin, part.begin, part.begin
    for peak in range(part.begin, part.end):
        if run <= 0:
            run, opened = 0.0, peak
        run += _told_at(query, track, part, start, peak)
        if run > best:
            best, first, last = run, opened, peak
    last = _reached(query, track, part, start, last, 1)
    first = _reached(query, track, part, start, first, -1)
    return track.frames[first], track.frames[last]


@compiled
def _reached(
    query: AskedQuery, track: Points, part: Part, start: float, peak: int, step: int
) -> int:
    """The peak up to which a run goes on in one direction."""
    run, best, reached = 0.0, 0.0, peak
    peak += step
    while 0 <= peak < len(track.frames) and run > best - _GAP_NATS:
        run += _told_at(query, track, part, start, peak)
        if run > best:
            best, reached = run, peak
        peak += step
    return reached


@compiled
def _told_at(query: AskedQuery, track: Points, part: Part, start: float, peak: int) -> float:
    """What one of the track's peaks tells of an occurrence, nats; of beyond the query, much."""
    predicted = start + (track.frames[peak] - track.frames[part.begin]) / part.slope
    if predicted < -_FRAMES or predicted > query.length + _FRAMES:
        return -_GAP_NATS
    height = track.heights[peak] + part.pitch
    return _told(query, query.fine, height, predicted, _FRAMES + 0.5)

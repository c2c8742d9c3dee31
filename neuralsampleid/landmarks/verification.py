"""Deciding by single peaks whether a part of a query is a part of a track.

A line predicts where each peak of the query lies in the track. How much a peak that is found there
tells depends on how often one is found in the same track by chance: at other times and other
pitches, where sustained notes and drums are found as often. So every peak of the query has a
chance of its own, and a run along the line is scored by the log-likelihood ratio of what is found.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compiled import compiled
from neuralsampleid.landmarks.triples import Floats, Points

_FRAMES = 1.6  # a peak is found within so many frames
_HEIGHT = 0.6  # and so many thirds of a semitone
_NEAR = 3.0  # frames within which a peak counts for a fit
_KNOWN = 0.01  # how well a line's slope is known before it, as a share
_KEPT = 0.25  # share of a sample's peaks that are found again, beside those found by chance
_PRIOR = 8.0  # trials that a track's average chance counts beside a peak's own
_LEAST_CHANCE = 0.005
_SAME_NOTE = 0.3  # what a peak tells that follows one of the same note
_NOTE_FRAMES = 40.0  # within which it does
_NOTE_HEIGHT = 0.7


class Elsewhere(NamedTuple):
    """Other places at which a line's peaks are looked for, to know what chance finds."""

    frames: Floats  # (n,) added to the predicted times
    heights: Floats  # (m,) added to the predicted heights


class Run(NamedTuple):
    """The best run along a line."""

    score: float  # nats
    first: float  # frames of the query
    last: float


def elsewhere() -> Elsewhere:
    """24 other times within 6 s, drawn once for all, and 10 other pitches within 2.5 semitones."""
    away = np.random.default_rng(0).uniform(9, 250, 24) * np.repeat([1.0, -1.0], 12)
    pitches = np.array([2.0, 3.0, 4.0, 5.0, 7.0])
    return Elsewhere(away, np.concatenate([-pitches, pitches]))


@compiled
def _there(points: Points, begin: int, end: int, frame: float, height: float) -> bool:
    """Whether a track, points ``begin`` to ``end``, has a peak at a place."""
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if points.frames[middle] < frame - _FRAMES:
            low = middle + 1
        else:
            high = middle
    while low < end and points.frames[low] <= frame + _FRAMES:
        if abs(points.heights[low] - height) <= _HEIGHT:
            return True
        low += 1
    return False


@compiled
def verify(
    query: Points,
    part: tuple[int, int],
    track: Points,
    bounds: tuple[int, int],
    line: tuple[float, float, float],
    others: Elsewhere,
) -> Run:
    """Score the best run among some peaks of the query.

    Args:
        query: its peaks.
        part: first of the peaks that may be of the run, and where they end.
        track: peaks of all tracks.
        bounds: the track's first, and where its end.
        line: pitch (by how much the query is higher), slope and lag.
        others: where chance is measured.
    """
    pitch, slope, lag = line
    count = part[1] - part[0]
    trials = len(others.frames) + len(others.heights)
    found, chance = np.zeros(count, np.bool_), np.zeros(count)
    for place in range(count):
        frame = slope * query.frames[part[0] + place] + lag
        height = query.heights[part[0] + place] - pitch
        found[place] = _there(track, bounds[0], bounds[1], frame, height)
        for away in others.frames:
            chance[place] += _there(track, bounds[0], bounds[1], frame + away, height)
        for away in others.heights:
            chance[place] += _there(track, bounds[0], bounds[1], frame, height + away)
    average = max(chance.sum() / max(count * trials, 1), _LEAST_CHANCE)
    best, run, begin, first, last = 0.0, 0.0, 0, 0, 0
    for place in range(count):
        by_chance = (chance[place] + _PRIOR * average) / (trials + _PRIOR)
        expected = _KEPT + (1 - _KEPT) * by_chance
        if found[place]:
            gain = np.log(expected / by_chance)
            if _is_same_note(query, part[0], place, found):
                gain *= _SAME_NOTE
        else:
            gain = np.log((1 - expected) / (1 - by_chance))
        if run <= 0:
            run, begin = 0.0, place
        run += gain
        if run > best:
            best, first, last = run, begin, place
    if best == 0:
        return Run(0.0, 0.0, 0.0)
    return Run(best, query.frames[part[0] + first], query.frames[part[0] + last])


@compiled
def refit(
    query: Points,
    part: tuple[int, int],
    track: Points,
    bounds: tuple[int, int],
    line: tuple[float, float, float],
) -> tuple[float, float, float]:
    """Pitch, slope and lag fitted to the single peaks that are found, which are exact.

    Arguments are those of ``verify``; a line of fewer than 6 peaks found stays as it is.
    """
    pitch, slope, lag = line
    count, x, y, xx, xy, high = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    middle = (query.frames[part[0]] + query.frames[part[1] - 1]) / 2
    for own in range(part[0], part[1]):
        frame = slope * query.frames[own] + lag
        place = np.searchsorted(track.frames[bounds[0] : bounds[1]], frame - _NEAR) + bounds[0]
        nearest, there = _NEAR + 1, -1
        while place < bounds[1] and track.frames[place] <= frame + _NEAR:
            off = abs(track.frames[place] - frame)
            if abs(query.heights[own] - pitch - track.heights[place]) <= _HEIGHT and off < nearest:
                nearest, there = off, place
            place += 1
        if there >= 0:
            time = query.frames[own] - middle
            count += 1
            x += time
            y += track.frames[there]
            xx += time * time
            xy += time * track.frames[there]
            high += query.heights[own] - track.heights[there]
    if count < 6:
        return line
    # The former slope counts like peaks that lie off by a frame.
    prior = 1 / (_KNOWN * slope) ** 2
    slope = (xy - x * y / count + prior * slope) / (xx - x * x / count + prior)
    return high / count, slope, (y - slope * x) / count - slope * middle


@compiled
def _is_same_note(query: Points, begin: int, place: int, found: npt.NDArray[np.bool_]) -> bool:
    """Whether a peak of the same height was found shortly before."""
    own = begin + place
    for before in range(place - 1, -1, -1):
        other = begin + before
        if query.frames[own] - query.frames[other] > _NOTE_FRAMES:
            return False
        if found[before] and abs(query.heights[own] - query.heights[other]) < _NOTE_HEIGHT:
            return True
    return False

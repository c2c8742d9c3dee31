"""Triples of peaks, which neither pitch nor tempo changes.

A triple is an anchor and two of the next peaks after it. Two triples are equal if the partners lie
as many bins above the anchor, and the second as late among the three (after Panako, Six and Leman
2014, whose keys are exact; here each is looked up with a tolerance). The anchors then tell the
change of pitch and the offset, and the lengths of the triples the change of tempo.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.landmarks.peaks import Peaks

THIRDS = 36  # of a semitone in an octave: the unit of heights
LEAST_GAP = 2  # frames between two peaks of a triple
PAUSE = 256  # frames, longer than any triple and what is looked at around an excerpt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]


class Points(NamedTuple):
    """Places of peaks, by time."""

    frames: Floats  # (n,)
    heights: Floats  # (n,) thirds of a semitone above the lowest bin


class Triples(NamedTuple):
    """Numbers of the peaks of n triples, by the time of their anchors."""

    first: Numbers  # (n,) the anchor
    second: Numbers  # (n,)
    third: Numbers  # (n,)


class Reach(NamedTuple):
    """What two triples may differ by, and which triples are made."""

    gap_frames: float
    rise: int  # thirds of a semitone, as all heights
    height: float
    frames: float
    pitch: float
    least_log: float
    most_log: float


def points_of(peaks: Peaks, bins_per_octave: int) -> Points:
    """The places of a track's peaks."""
    return Points(peaks.frames, peaks.bins * THIRDS / bins_per_octave)


def in_turn(peaks: Peaks, settings: PeakFinding) -> tuple[Points, int]:
    """A track's peaks, those of its percussive part as if they came after all others and a pause.

    So the peaks of an excerpt are of one kind.

    Returns:
        The peaks, and the frame at which the percussive part begins.
    """
    begin, whole = peaks.length + PAUSE, points_of(peaks, settings.bins_per_octave)
    later = peaks.bins >= settings.percussive_bin
    if not later.any():  # as of a library, which reads thousands of tracks for a query
        return whole, begin
    frames = np.concatenate([whole.frames[~later], whole.frames[later] + begin])
    return Points(frames, np.concatenate([whole.heights[~later], whole.heights[later]])), begin


def reach_of(settings: Landmarks) -> Reach:
    """The settings in thirds of a semitone and logarithms."""
    tolerance = 3 * settings.tolerance_semitones
    return Reach(
        float(settings.gap_frames),
        3 * settings.rise_semitones,
        tolerance,
        settings.tolerance_frames,
        3 * settings.pitch_semitones + tolerance,
        float(np.log(settings.tempo_min)),
        float(np.log(settings.tempo_max)),
    )


@compiled
def make_triples(points: Points, partners: int, reach: Reach) -> Triples:
    """Join each peak with each two of its next ``partners`` peaks.

    A partner comes at least ``LEAST_GAP`` frames later, the second as much after the first.
    """
    frames, heights = points.frames, points.heights
    room = len(frames) * partners * (partners - 1) // 2
    first = np.empty(room, np.int32)
    second = np.empty(room, np.int32)
    third = np.empty(room, np.int32)
    near = np.empty(partners, np.int64)
    count = 0
    for anchor in range(len(frames)):
        found = 0
        for other in range(anchor + 1, len(frames)):
            gap = frames[other] - frames[anchor]
            if gap > reach.gap_frames or found == partners:
                break
            if gap >= LEAST_GAP and abs(heights[other] - heights[anchor]) <= reach.rise:
                near[found] = other
                found += 1
        for one in range(found):
            for two in range(one + 1, found):
                if frames[near[two]] - frames[near[one]] >= LEAST_GAP:
                    first[count], second[count], third[count] = anchor, near[one], near[two]
                    count += 1
    return Triples(first[:count].copy(), second[:count].copy(), third[:count].copy())

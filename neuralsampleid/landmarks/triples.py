"""Triples of peaks, which neither pitch nor tempo changes, and the table that finds equal ones.

A triple is an anchor and two of the next peaks after it. Two triples are equal if the partners lie
as many bins above the anchor, and the second as late among the three (after Panako, Six and Leman
2014, whose keys are exact; here each is looked up with a tolerance). The anchors then tell the
change of pitch and the offset, and the lengths of the triples the change of tempo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.config import TripleSearch
from neuralsampleid.landmarks.peaks import Peaks

THIRDS = 36  # of a semitone in an octave: the unit of heights
_RATIOS = 12  # classes of the first time as a share of the whole

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]


class Points(NamedTuple):
    """Interpolated places of peaks, by time."""

    frames: Floats  # (n,)
    heights: Floats  # (n,) thirds of a semitone above the lowest bin


class Triples(NamedTuple):
    """Numbers of the peaks of n triples."""

    first: Numbers  # (n,) the anchor
    second: Numbers  # (n,)
    third: Numbers  # (n,)


class TripleTable(NamedTuple):
    """All triples of some tracks; of key k they are rows ``starts[k]`` … ``starts[k + 1]``."""

    starts: Integers  # (keys + 1,)
    tracks: Numbers  # (triples,) numbers of tracks
    triples: Triples  # numbers of peaks among those of all tracks
    points: Points  # of all tracks, one after the other
    bounds: Integers  # (tracks + 1,) where each track's points begin


class Reach(NamedTuple):
    """What two triples may differ by, and which triples are made."""

    gap_frames: float
    rise: int  # thirds of a semitone, as all heights
    height: float
    frames: float
    pitch: float
    least_log: float
    most_log: float


class Hits(NamedTuple):
    """Equal triples of a query and of tracks, by track, then by the query's time; m of them."""

    anchor: Integers  # (m,) its number among the query's peaks
    query: Floats  # (m,) frames of the anchor in the query
    track: Floats  # (m,) in the track
    pitch: Floats  # (m,) by how much the query is higher, the mean of three
    tempo: Floats  # (m,) log of the query's speed over the track's
    bounds: Integers  # (tracks + 1,) where each track's hits begin


def points_of(peaks: Peaks, bins_per_octave: int) -> Points:
    """The places of a track's peaks in the order of their interpolated times."""
    order = np.argsort(peaks.fine[:, 0], kind="stable")
    frames, bins = peaks.fine[order].astype(np.float64).T
    return Points(np.ascontiguousarray(frames), bins * THIRDS / bins_per_octave)


def reach_of(settings: TripleSearch) -> Reach:
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

    A partner comes at least 2 frames later, the second at least 2 after the first.
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
            if gap >= 2 and abs(heights[other] - heights[anchor]) <= reach.rise:
                near[found] = other
                found += 1
        for one in range(found):
            for two in range(one + 1, found):
                if frames[near[two]] - frames[near[one]] >= 2:
                    first[count], second[count], third[count] = anchor, near[one], near[two]
                    count += 1
    return Triples(first[:count].copy(), second[:count].copy(), third[:count].copy())


def make_table(points: Sequence[Points], partners: int, reach: Reach) -> TripleTable:
    """The triples of some tracks; each peak is joined with its next ``partners`` ones."""
    bounds = np.concatenate([[0], np.cumsum([len(each.frames) for each in points])])
    made = [make_triples(each, partners, reach) for each in points]
    joined = Triples(
        *(
            np.concatenate(numbers, dtype=np.int32)
            for numbers in zip(
                *([own + start for own in each] for each, start in zip(made, bounds, strict=False)),
                strict=True,
            )
        )
    )
    everything = Points(*(np.concatenate(values) for values in zip(*points, strict=True)))
    keys = _keys(everything, joined, reach)
    order = np.argsort(keys, kind="stable")
    width = 2 * reach.rise + 1
    starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=width * width * _RATIOS))])
    owners = np.repeat(np.arange(len(made), dtype=np.int32), [len(each.first) for each in made])
    chosen = Triples(*(numbers[order] for numbers in joined))
    return TripleTable(starts.astype(np.int64), owners[order], chosen, everything, bounds)


@compiled
def _keys(points: Points, triples: Triples, reach: Reach) -> Integers:
    keys = np.empty(len(triples.first), np.int64)
    width = 2 * reach.rise + 1
    for row in range(len(keys)):
        one, two, three = triples.first[row], triples.second[row], triples.third[row]
        low = int(np.rint(points.heights[two] - points.heights[one])) + reach.rise
        high = int(np.rint(points.heights[three] - points.heights[one])) + reach.rise
        whole = points.frames[three] - points.frames[one]
        ratio = int((points.frames[two] - points.frames[one]) / whole * _RATIOS)
        keys[row] = (low * width + high) * _RATIOS + min(ratio, _RATIOS - 1)
    return keys


def find_hits(query: Points, triples: Triples, table: TripleTable, reach: Reach) -> Hits:
    """All triples of the table that equal one of the query's at an allowed pitch and tempo."""
    found, count, row = np.empty((6, 1 << 20)), 0, 0
    while True:
        count, row = _find(query, triples, table, reach, found, count, row)
        if row == len(triples.first):
            break
        found = np.concatenate([found, np.empty_like(found)], axis=1)
    order = np.argsort(found[0, :count], kind="stable")
    tracks, own, there, pitch, tempo, anchor = found[:, :count][:, order]
    bounds = np.searchsorted(tracks, np.arange(len(table.bounds)))
    return Hits(anchor.astype(np.int64), own, there, pitch, tempo, bounds)


@compiled
def _find(
    query: Points,
    triples: Triples,
    table: TripleTable,
    reach: Reach,
    found: Floats,
    count: int,
    begin_row: int,
) -> tuple[int, int]:
    """Fill ``found`` with track, times, pitch, tempo and anchor of hits, from a triple on.

    Returns:
        How many hits there are, and at which triple to go on: the last one's hits had no room.
    """
    width = 2 * reach.rise + 1
    points, own = table.points, table.triples
    for row in range(begin_row, len(triples.first)):
        before = count
        one, two, three = triples.first[row], triples.second[row], triples.third[row]
        rise = query.heights[two] - query.heights[one]
        top = query.heights[three] - query.heights[one]
        whole = query.frames[three] - query.frames[one]
        share = (query.frames[two] - query.frames[one]) / whole
        ratio = min(int(share * _RATIOS), _RATIOS - 1)
        for low in range(int(np.rint(rise)) - 1, int(np.rint(rise)) + 2):
            if abs(low) > reach.rise or abs(low - rise) > 0.5 + reach.height:
                continue
            for high in range(int(np.rint(top)) - 1, int(np.rint(top)) + 2):
                if abs(high) > reach.rise or abs(high - top) > 0.5 + reach.height:
                    continue
                base = ((low + reach.rise) * width + high + reach.rise) * _RATIOS
                # Keys that differ in the ratio alone follow each other.
                begin = table.starts[base + max(ratio - 1, 0)]
                end = table.starts[base + min(ratio + 1, _RATIOS - 1) + 1]
                for place in range(begin, end):
                    x, y, z = own.first[place], own.second[place], own.third[place]
                    shift = query.heights[one] - points.heights[x]
                    if abs(shift) > reach.pitch:
                        continue
                    second = query.heights[two] - points.heights[y]
                    third = query.heights[three] - points.heights[z]
                    if abs(second - shift) > reach.height or abs(third - shift) > reach.height:
                        continue
                    if abs(third - second) > reach.height:
                        continue
                    length = points.frames[z] - points.frames[x]
                    tempo = np.log(length / whole)
                    if tempo < reach.least_log or tempo > reach.most_log:
                        continue
                    off = points.frames[y] - points.frames[x] - share * length
                    if abs(off) > reach.frames * (0.5 + 0.5 * length / whole):
                        continue
                    if count == found.shape[1]:
                        return before, row
                    found[0, count] = table.tracks[place]
                    found[1, count] = query.frames[one]
                    found[2, count] = points.frames[x]
                    found[3, count] = (shift + second + third) / 3
                    found[4, count] = tempo
                    found[5, count] = one
                    count += 1
    return count, len(triples.first)

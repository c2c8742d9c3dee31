"""Aligning queries with tracks: how many landmarks agree on one time offset.

Landmarks of a query that stand in a track at one offset speak for that track (Wang 2003, section
2.3). The search over pitch and tempo moves and stretches the query's peaks, and counts for each
change of pitch and of tempo on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.pairs import (
    Integers,
    LandmarkTable,
    Pairs,
    each_row,
    free_margin,
    make_pairs,
)
from neuralsampleid.landmarks.peaks import Peaks

PLACE_BITS = 24  # of a packed number, for a query's landmark
PLACES = (1 << PLACE_BITS) - 1
_SHARD_FRAMES = 1 << 20  # of the tracks that one table holds; bounds the memory
_FEWEST = 2  # landmarks that must agree
_TOLERANCE_S = 1e-3  # queries' times are kept in milliseconds

Floats = npt.NDArray[np.float64]
Span = tuple[str, float, float]  # query track, start and end in seconds


@dataclass(frozen=True)
class Alignments:
    """The best alignment of one query with each track."""

    scores: Floats  # (tracks,) what speaks for it; 0 where hardly anything lines up
    reference_s: Floats  # (tracks, 2) where in the track
    matched_s: Floats  # (tracks, 2) where in the query

    @classmethod
    def none(cls, tracks: int) -> Alignments:
        return cls(np.zeros(tracks), np.zeros((tracks, 2)), np.zeros((tracks, 2)))

    def part(self, tracks: slice) -> Alignments:
        """A view of some tracks."""
        return Alignments(self.scores[tracks], self.reference_s[tracks], self.matched_s[tracks])

    def improve(self, tracks: Integers, better: Alignments) -> None:
        """Take over what is better for some tracks."""
        for name, values in vars(self).items():
            values[tracks] = getattr(better, name)[tracks]


def best_alignments(
    spans: Sequence[Span],
    query_peaks: Mapping[str, Peaks],
    tracks: Mapping[str, Peaks],
    settings: Landmarks,
    *,
    searched: bool,
) -> dict[Span, Alignments]:
    """Align each span of the queries with all tracks.

    Args:
        spans: any number, also of one query track; the same span may stand there twice.
        query_peaks: of the query tracks.
        tracks: peaks of noise and references.
        settings: of the landmarks and the search.
        searched: over pitch and tempo, or as it is.

    Returns:
        For each span the number of landmarks that agree, and where the middle half of them is.
    """
    best = {span: Alignments.none(len(tracks)) for span in spans}
    stretches = settings.stretches if searched else [1.0]
    longest = max((length_of(query_peaks[query_id]) for query_id, _, _ in best), default=0)
    margin = free_margin(longest, settings, stretches)
    for part, shard in shards(tracks):
        table = LandmarkTable.build(shard, settings, margin)
        for query_id in dict.fromkeys(query_id for query_id, _, _ in best):
            own = {span: best[span].part(part) for span in best if span[0] == query_id}
            for stretch in stretches:
                _update(own, query_peaks[query_id], table, settings, stretch, searched)
    return best


def within(peaks: Peaks, settings: Landmarks, start_s: float, end_s: float) -> Peaks:
    """The peaks of a part of a track, at the times that they have in the whole."""
    times_s = peaks.frames * settings.frame_s
    inside = (times_s >= start_s - _TOLERANCE_S) & (times_s <= end_s + _TOLERANCE_S)
    return Peaks(peaks.frames[inside], peaks.bins[inside])


def shards(tracks: Mapping[str, Peaks]) -> Iterator[tuple[slice, dict[str, Peaks]]]:
    """Consecutive tracks that fill a table, and their places."""
    first, shard, frames = 0, dict[str, Peaks](), 0
    for place, (track_id, peaks) in enumerate(tracks.items()):
        if shard and frames + length_of(peaks) > _SHARD_FRAMES:
            yield slice(first, place), shard
            first, shard, frames = place, {}, 0
        shard[track_id] = peaks
        frames += length_of(peaks)
    if shard:
        yield slice(first, len(tracks)), shard


def length_of(peaks: Peaks) -> int:
    """Frames up to the last peak."""
    return int(peaks.frames.max(initial=0)) + 1


def _update(
    best: Mapping[Span, Alignments],
    peaks: Peaks,
    table: LandmarkTable,
    settings: Landmarks,
    stretch: float,
    searched: bool,
) -> None:
    """Count for one change of tempo; better alignments replace those in ``best``."""
    pairs = make_pairs(peaks, settings, stretch)
    shift = settings.shift_bins if searched else 0
    cells, ends = _agreements(peaks, pairs, table, settings, stretch, shift)
    frame_s = settings.frame_s
    anchors_s = peaks.frames[pairs.anchors] * frame_s
    partners_s = peaks.frames[pairs.partners] * frame_s
    for (_, start_s, end_s), found in best.items():
        first, last = np.searchsorted(anchors_s, [start_s - _TOLERANCE_S, end_s])
        within = cells[ends[first] : ends[last]]
        inside = partners_s <= end_s + _TOLERANCE_S
        # What does not beat a track's best so far need not be counted.
        fewest = max(_FEWEST, int(found.scores.min()) + 1)
        peaked = _peaks_of_histogram(within[inside[within & PLACES]], fewest)
        offsets = (peaked.cells % _cell_count(table, settings)) * settings.offset_frames
        tracks = table.tracks_at(offsets)
        better = peaked.counts > found.scores[tracks]
        # The last of several assignments to one track stays: the largest.
        by_count = np.flatnonzero(better)[np.argsort(peaked.counts[better], kind="stable")]
        own = tracks[by_count]
        found.scores[own] = peaked.counts[by_count]
        matched = np.stack(
            [anchors_s[peaked.first[by_count]], partners_s[peaked.last[by_count]]], axis=1
        )
        lags_s = (offsets[by_count] + settings.offset_frames / 2 - table.origins[own]) * frame_s
        found.matched_s[own] = matched
        found.reference_s[own] = np.maximum(matched * stretch + lags_s[:, None], 0.0)


def _cell_count(table: LandmarkTable, settings: Landmarks) -> int:
    """Cells of the time axis; one stays empty between two shifts."""
    return table.frames // settings.offset_frames + 2


def _agreements(
    peaks: Peaks,
    pairs: Pairs,
    table: LandmarkTable,
    settings: Landmarks,
    stretch: float,
    shift: int,
) -> tuple[Integers, Integers]:
    """All equal landmarks of query and table.

    Returns:
        One number for each: the cell of (shift, offset) that it speaks for, and in the lowest bits
        the query's landmark; in the order of the latter. And how many there are before each of the
        query's landmarks, (landmarks + 1,).
    """
    first, counts = table.rows(pairs.keys, shift)
    ends = np.concatenate([[0], np.cumsum(counts)])
    places, rows = each_row(first, counts)
    times = np.rint(peaks.frames[pairs.anchors] * stretch).astype(np.int64)
    bins = peaks.bins[pairs.anchors].astype(np.int64) - shift
    offsets = (table.times[rows] - times[places]) // settings.offset_frames
    cells = (table.bins[rows] - bins[places]) * _cell_count(table, settings) + offsets
    return (cells << PLACE_BITS) + places, ends


@dataclass(frozen=True)
class _Histogram:
    """Cells in which enough landmarks agree, (cells,) each."""

    cells: Integers
    counts: Integers  # in the cell and the next one, lest a border divides what agrees
    first: Integers  # the query's landmarks at the first and third quartile
    last: Integers


def _peaks_of_histogram(packed: Integers, fewest: int) -> _Histogram:
    ordered = np.sort(_crowded(packed, fewest))
    cells = ordered >> PLACE_BITS
    begins = np.flatnonzero(np.diff(cells, prepend=-1))
    sizes = np.diff(begins, append=len(cells))
    cells = cells[begins]
    following = np.zeros_like(sizes)
    following[:-1] = np.where(np.diff(cells) == 1, sizes[1:], 0)
    kept = np.flatnonzero(sizes + following >= fewest)
    fuller = kept + (following > sizes)[kept]
    quarter = sizes[fuller] // 4
    return _Histogram(
        cells[kept],
        (sizes + following)[kept],
        ordered[begins[fuller] + quarter] & PLACES,
        ordered[begins[fuller] + sizes[fuller] - 1 - quarter] & PLACES,
    )


def _crowded(packed: Integers, fewest: int) -> Integers:
    """Without most of what is alone in its cell, so that less is sorted.

    Cells share counters, which can only let more through.
    """
    counters = 1 << len(packed).bit_length()
    own = (packed >> PLACE_BITS) & (counters - 1)
    counts = np.bincount(own, minlength=counters)
    with_next = counts + np.roll(counts, -1) >= fewest
    crowded: Integers = packed[(with_next | np.roll(with_next, 1))[own]]
    return crowded

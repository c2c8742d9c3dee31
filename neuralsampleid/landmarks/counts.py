"""Aligning queries with tracks: how many landmarks agree on one time offset.

Landmarks of a query that stand in a track at one offset speak for that track (Wang 2003, section
2.3). The search over pitch and tempo moves and stretches the query's peaks, and counts for each
change of pitch and of tempo on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.pairs import (
    SHARD_FRAMES,
    BestLines,
    Integers,
    LandmarkTable,
    Pairs,
    each_row,
    free_margin,
    make_pairs,
    shards,
)
from neuralsampleid.landmarks.peaks import Peaks

PLACE_BITS = 24  # of a packed number, for a query's landmark
PLACES = (1 << PLACE_BITS) - 1
_FEWEST = 2  # landmarks that must agree


class LandmarkCounts:
    """The landmarks of some tracks, to be asked about any number of queries.

    Args:
        tracks: peaks of each; numbers of tracks are their places.
        settings: of the landmarks and the search.
        longest: frames of the longest query.
        searched: over pitch and tempo, or as it is.
        shard_frames: see ``pairs.shards``.
    """

    def __init__(
        self,
        tracks: Sequence[Peaks],
        settings: Landmarks,
        longest: int,
        *,
        searched: bool,
        shard_frames: int = SHARD_FRAMES,
    ) -> None:
        self._settings = settings
        self._tracks = len(tracks)
        self._stretches = settings.stretches if searched else [1.0]
        self._shift = settings.shift_bins if searched else 0
        margin = free_margin(longest, settings, self._stretches)
        self._tables = [
            (part, LandmarkTable.build(shard, settings, margin))
            for part, shard in shards(tracks, shard_frames)
        ]

    def best(self, query: Peaks) -> BestLines:
        """For each track the number of landmarks that agree, and where their middle half is."""
        best = BestLines.none(self._tracks)
        for stretch in self._stretches:
            pairs = make_pairs(query, self._settings, stretch)
            for part, table in self._tables:
                self._improve(best.part(part), query, pairs, table, stretch)
        return best

    def _improve(
        self, best: BestLines, query: Peaks, pairs: Pairs, table: LandmarkTable, stretch: float
    ) -> None:
        """Count for one change of tempo."""
        settings, frame_s = self._settings, self._settings.frame_s
        # What does not beat a track's best so far need not be counted.
        fewest = max(_FEWEST, int(best.scores.min()) + 1)
        peaked = _peaks_of_histogram(self._agreements(query, pairs, table, stretch), fewest)
        offsets = (peaked.cells % _cell_count(table, settings)) * settings.offset_frames
        tracks = table.tracks_at(offsets)
        better = peaked.counts > best.scores[tracks]
        # The last of several assignments to one track stays: the largest.
        by_count = np.flatnonzero(better)[np.argsort(peaked.counts[better], kind="stable")]
        own = tracks[by_count]
        anchors = query.frames[pairs.anchors[peaked.first[by_count]]]
        partners = query.frames[pairs.partners[peaked.last[by_count]]]
        matched = np.stack([anchors, partners], axis=1) * frame_s
        lags_s = (offsets[by_count] + settings.offset_frames / 2 - table.origins[own]) * frame_s
        best.scores[own] = peaked.counts[by_count]
        best.matched_s[own] = matched
        best.reference_s[own] = np.maximum(matched * stretch + lags_s[:, None], 0.0)

    def _agreements(
        self, query: Peaks, pairs: Pairs, table: LandmarkTable, stretch: float
    ) -> Integers:
        """All equal landmarks of query and table.

        Returns:
            One number for each: the cell of (shift, offset) that it speaks for, and in the lowest
            bits the query's landmark.
        """
        settings, shift = self._settings, self._shift
        places, rows = each_row(*table.rows(pairs.keys, shift))
        times = np.rint(query.frames[pairs.anchors] * stretch).astype(np.int32)
        bins = query.bins[pairs.anchors].astype(np.int64) - shift
        packed: Integers = (table.bins[rows] - bins[places]) * _cell_count(table, settings)
        packed += (table.times[rows] - times[places]) // settings.offset_frames
        packed <<= PLACE_BITS
        packed += places
        return packed


def _cell_count(table: LandmarkTable, settings: Landmarks) -> int:
    """Cells of the time axis; one stays empty between two shifts."""
    return table.frames // settings.offset_frames + 2


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

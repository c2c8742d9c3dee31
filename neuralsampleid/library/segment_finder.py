"""Evidence by an encoder's fingerprints.

Every sounding segment of the query votes for its nearest segments of the whole catalogue, with 1
for the nearest, 1/2 for the second, and so on. ``matching.lines`` finds where the votes line up; a
track's score is that of its best line.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

import numpy as np
import numpy.typing as npt

from neuralsampleid.fingerprints.index import search_blocks
from neuralsampleid.library.chance import excesses_without
from neuralsampleid.library.finding import Evidence, Finder, TrackSegments
from neuralsampleid.library.store import Collection
from neuralsampleid.line import Line
from neuralsampleid.matching.lines import Neighbours, best_scores, lines_of_track
from neuralsampleid.matching.ranking import rank_votes

CANDIDATES = 20  # per query segment
_BLOCK_BYTES = 1 << 26  # of fingerprints, searched at once


class SegmentFinder(Finder):
    """Searches a catalogue's segments."""

    found_by = "fingerprints"

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def find(self, query: TrackSegments, without: Set[int], threads: int) -> Evidence:
        return SegmentEvidence(query, self.collection, without, threads)


class SegmentEvidence(Evidence):
    """Votes that line up."""

    def __init__(
        self, query: TrackSegments, collection: Collection, without: Set[int], threads: int
    ) -> None:
        """See ``Finder.find``."""
        self._query = query
        self._collection = collection
        self._neighbours = find_neighbours(query, collection, without, threads)
        tracks, hop = len(collection.sha256), self._hop_s
        self.scores = best_scores(self._neighbours, tracks, hop)
        backwards = best_scores(self._neighbours.backwards(), tracks, hop)
        self.excess = excesses_without(self.scores, without, backwards)

    def lines(self, track: int, least: float) -> Iterator[Line]:
        own = self._neighbours.where(self._neighbours.track == track)
        segment, length = self._collection.about["segment_s"], self._collection.seconds[track]
        for line in lines_of_track(own, float(segment), self._hop_s, least):
            yield line.within(self._query.seconds, float(length))

    @property
    def _hop_s(self) -> float:
        """Seconds between segments; also how far a match may lie from its line."""
        return float(self._collection.about["hop_s"])


def find_neighbours(
    query: TrackSegments, collection: Collection, without: Set[int], threads: int
) -> Neighbours:
    """The nearest segments of every query segment, with votes by rank.

    The catalogue is read once, block by block; memory does not grow with it.
    """
    blocks = (
        (first, collection.rows[first:last, 1:]) for first, last in _spans(collection, without)
    )
    _, rows = search_blocks(blocks, query.embeddings, CANDIDATES, threads)
    segment, rank = np.nonzero(rows >= 0)
    row = rows[segment, rank]
    middle = float(collection.about["segment_s"]) / 2
    return Neighbours(
        query=query.numbers[segment],
        track=_tracks_of(row, collection),
        query_s=query.starts_s[segment] + middle,
        reference_s=collection.rows[row, 0].astype(float) + middle,
        votes=rank_votes(rows)[segment, rank],
    )


def _spans(collection: Collection, without: Set[int]) -> list[tuple[int, int]]:
    """Ranges of rows that are in use, those of neighbouring tracks joined up to a block."""
    most = max(1, _BLOCK_BYTES // (4 * collection.rows.shape[1]))
    spans: list[tuple[int, int]] = []
    for track, (first, count) in enumerate(
        zip(collection.first_row.tolist(), collection.row_count.tolist(), strict=True)
    ):
        if track in without:
            continue
        if spans and spans[-1][1] == first and first + count - spans[-1][0] <= most:
            spans[-1] = (spans[-1][0], first + count)
        else:
            spans.append((first, first + count))
    return spans


def _tracks_of(rows: npt.NDArray[np.int64], collection: Collection) -> npt.NDArray[np.int64]:
    return np.searchsorted(collection.first_row, rows, side="right") - 1

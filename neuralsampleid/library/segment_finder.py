"""Evidence by an encoder's fingerprints.

Every sounding segment of the query votes for its nearest segments of the whole catalogue, with 1
for the nearest, 1/2 for the second, and so on. ``passages`` finds where the votes line up; a
track's score is that of its best passage.
"""

from __future__ import annotations

from collections.abc import Set

import faiss
import numpy as np
import numpy.typing as npt

from neuralsampleid.fingerprints.index import faiss_threads
from neuralsampleid.library.chance import excesses_without
from neuralsampleid.library.finding import Evidence, Finder
from neuralsampleid.library.store import Collection
from neuralsampleid.matching.lines import Matches, best_scores, passages_of_track
from neuralsampleid.matching.ranges import Range, TrackSegments, range_of

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
        self._matches = find_matches(query, collection, without, threads)
        tracks, hop = len(collection.sha256), self._hop_s
        self.scores = best_scores(self._matches, tracks, hop)
        backwards = best_scores(self._matches.backwards(), tracks, hop)
        self.excess = excesses_without(self.scores, without, backwards)

    def ranges(self, track: int, least: float) -> list[Range]:
        own = self._matches.where(self._matches.track == track)
        segment, length = self._collection.about["segment_s"], self._collection.seconds[track]
        found = [
            range_of(passage, self._query, float(segment), float(length))
            for passage in passages_of_track(own, self._hop_s, least)
        ]
        return sorted(found, key=lambda part: part.query_start_s)

    @property
    def _hop_s(self) -> float:
        """Seconds between segments; also how far a match may lie from its line."""
        return float(self._collection.about["hop_s"])


def find_matches(
    query: TrackSegments, collection: Collection, without: Set[int], threads: int
) -> Matches:
    """The nearest segments of every query segment, with votes by rank.

    The catalogue is read once, block by block; memory does not grow with it.
    """
    best = np.full((len(query.numbers), CANDIDATES), -np.inf, np.float32)
    rows = np.full(best.shape, -1, np.int64)
    with faiss_threads(threads):
        for first, last in _spans(collection, without):
            block = np.ascontiguousarray(collection.rows[first:last, 1:], dtype=np.float32)
            count = min(CANDIDATES, len(block))
            similar, places = faiss.knn(
                np.ascontiguousarray(query.embeddings), block, count, faiss.METRIC_INNER_PRODUCT
            )
            best, rows = _merged(best, rows, similar, places + first)
    segment, rank = np.nonzero(rows >= 0)
    row = rows[segment, rank]
    middle = float(collection.about["segment_s"]) / 2
    return Matches(
        query=query.numbers[segment],
        track=_tracks_of(row, collection),
        query_s=query.starts_s[segment] + middle,
        reference_s=collection.rows[row, 0].astype(float) + middle,
        votes=1.0 / (rank + 1),
    )


def _merged(
    best: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    similar: npt.NDArray[np.float32],
    places: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The most similar of two lists per query segment; of equals the first in the catalogue."""
    both = np.concatenate([best, similar], axis=1)
    all_rows = np.concatenate([rows, places], axis=1)
    order = np.argsort(-both, axis=1, kind="stable")[:, :CANDIDATES]
    return np.take_along_axis(both, order, axis=1), np.take_along_axis(all_rows, order, axis=1)


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

"""The nearest segments of many tracks: of some in tables on the disk, of the others in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

import numpy as np

from neuralsampleid.fingerprints.index import most_alike, search_blocks
from neuralsampleid.fingerprints.segments import Embeddings, Integers, Segments
from neuralsampleid.fingerprints.tables import FingerprintTable


class Nearest(NamedTuple):
    """The nearest segments of each of a query's, most alike first; -1 where there is no more."""

    tracks: Integers  # (segments, k) numbers of their tracks
    numbers: Integers  # (segments, k) of the segments within these


class FingerprintIndex:
    """Fingerprints of T tracks, to be asked about any number of queries.

    Args:
        searched: of all T tracks; those that a table holds have no segment here. These are
            searched exactly.
        tables: of other tracks, and which of the T tracks each number in the table is; -1: none.
    """

    def __init__(
        self, searched: Segments, tables: Sequence[tuple[FingerprintTable, Integers]] = ()
    ) -> None:
        self._searched, self._tables = searched, tables

    def nearest(
        self, queries: Embeddings, k: int, without: Set[int] = frozenset(), threads: int = 1
    ) -> Nearest:
        """Find the segments most like each query.

        Args:
            queries: float32 (queries, d).
            k: segments for each.
            without: numbers of tracks that are not searched.
            threads: of the CPU.
        """
        asked = np.ascontiguousarray(queries, np.float32)
        similar, rows = search_blocks(self._blocks(without), asked, k, threads)
        # Row -1 is the one beyond the last.
        tracks = np.append(self._searched.tracks, -1)[rows]
        numbers = np.append(self._searched.numbers, -1)[rows]
        for table, places in self._tables:
            left_out = np.flatnonzero(np.isin(places, list(without))).tolist()
            found, own, segments = table.search(asked, k, left_out, threads)
            known = (own >= 0) & (own < len(places))
            own = np.where(known, places[np.where(known, own, 0)], -1)
            found = np.where(own >= 0, found, -np.inf)
            similar, tracks, numbers = most_alike(
                k, (similar, found), (tracks, own), (numbers, segments)
            )
        return Nearest(np.where(similar > -np.inf, tracks, -1), numbers)

    def _blocks(self, without: Set[int]) -> Iterator[tuple[int, Embeddings]]:
        """The embeddings between those of tracks that are left out, each with its first row."""
        first = 0
        left_out = [self._searched.rows_of(track) for track in sorted(without)]
        for rows in [*left_out, slice(len(self._searched), None)]:
            if first < rows.start:
                yield first, self._searched.embeddings[first : rows.start]
            first = rows.stop

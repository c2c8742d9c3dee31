"""Evidence by landmarks: needs no weights, and searches over pitch and tempo."""

from __future__ import annotations

from collections.abc import Iterator, Set

import numpy as np

from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.lines import LandmarkIndex
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.chance import excesses_without
from neuralsampleid.library.finding import Evidence, Finder, TrackSegments
from neuralsampleid.library.fingerprinters import peaks_of
from neuralsampleid.library.store import Collection
from neuralsampleid.line import Line

_LEAST_OF_OTHERS = 8.0  # lines, landmarks less cost; unrelated tracks often reach 5 to 8
_LONGEST_S = 3600.0  # of a query; a longer one has the tables made anew


class LandmarkFinder(Finder):
    """Holds the tables of a catalogue's landmarks, which take longer to make than to ask."""

    found_by = "landmarks"

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.settings = Landmarks.model_validate(collection.about["settings"])
        self._index: LandmarkIndex | None = None

    def find(self, query: TrackSegments, without: Set[int], threads: int) -> Evidence:
        return LandmarkEvidence(
            peaks_of(query), self._reaching(query.seconds), self.collection, without, threads
        )

    def _reaching(self, seconds: float) -> LandmarkIndex:
        needed = int(max(seconds, _LONGEST_S) / self.settings.frame_s) + 1
        if self._index is None or self._index.longest < needed:
            tracks = [peaks_of(self.track(n)) for n in range(len(self.collection.sha256))]
            self._index = LandmarkIndex(tracks, self.settings, needed)
        return self._index


class LandmarkEvidence(Evidence):
    """Landmarks that line up."""

    least_of_others = _LEAST_OF_OTHERS  # chance brings many of less

    def __init__(
        self,
        query: Peaks,
        index: LandmarkIndex,
        collection: Collection,
        without: Set[int],
        threads: int,
    ) -> None:
        """See ``Finder.find``."""
        self._query = query
        self._index = index
        self._seconds = collection.seconds
        self.scores = index.best(query, threads).scores
        self.scores[list(without)] = 0.0
        # No reversed query beside it: that would double the search.
        self.excess = excesses_without(self.scores, without)

    def lines(self, track: int, least: float) -> Iterator[Line]:
        for line in self._index.lines(self._query, track, least):
            yield line.within(np.inf, float(self._seconds[track]))

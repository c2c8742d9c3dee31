"""Finders: evidence that tracks match a query, by an encoder's fingerprints and by landmarks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.fingerprints.nearest import FingerprintIndex
from neuralsampleid.fingerprints.segments import Floats, Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.chance import ASKED, FEWEST, Chance, excesses_without
from neuralsampleid.library.fingerprint_tables import index_of
from neuralsampleid.library.probability import Calibration
from neuralsampleid.library.store import Library, Track
from neuralsampleid.line import LEAST_SHARE, Line
from neuralsampleid.matching.lines import best_scores, lines_of_track, neighbours_at
from neuralsampleid.progress import progress

if TYPE_CHECKING:
    from neuralsampleid.landmarks.index import LandmarkIndex

CANDIDATES = 20  # per query segment
# A match by chance in a bar that the query loops comes as often as the bar, so that occurrences
# after the first tell less of whether a track is sampled than of which one is.
_OF_ALL = 0.25  # of the score of all occurrences, beside the clearest one's


@dataclass(frozen=True)
class Evidence:
    """What was found for one query, in T tracks.

    Attributes:
        scores: (T,) of each track; 0 for a track without a line, or left out.
        clear: (T,) what counts for the probability, in place of the score.
        excess: (T,) how far each track stands out from the others, see ``chance.excesses``.
        lines: of a track's number and a least score → its lines that reach it, best first.
        share: of the score of a track's best line that its others reach, to be shown.
        summed: whether a track's score is that of several lines together, else of its best one.
        places_s: (T, 2) where in the query each track's best line lies; None: not known.
    """

    scores: Floats
    clear: Floats
    excess: Floats
    lines: Callable[[int, float], Iterator[Line]]
    share: float = LEAST_SHARE
    summed: bool = False
    places_s: Floats | None = None


class Finder(ABC):
    """Searches tracks by one system; made once for any number of queries.

    Attributes:
        found_by: what it compares.
        calibration: of the probability that an answer is right; None: not calibrated.
        chance: what unrelated tracks reach; None: not measured.
    """

    found_by: ClassVar[str]
    calibration: Calibration | None = None
    chance: Chance | None = None

    @abstractmethod
    def find(self, query: Track, without: Set[int] = frozenset(), threads: int = 1) -> Evidence:
        """Search all tracks.

        Args:
            query: made as the tracks were.
            without: numbers of tracks that are not searched.
            threads: of the CPU.
        """


@dataclass(frozen=True)
class SegmentFinder(Finder):
    """Every segment of the query votes for its nearest segments.

    It gives 1 to the nearest, 1/2 to the second, and so on. A track's score is that of the best
    line along which its votes lie (``matching.lines``).
    """

    found_by: ClassVar[str] = "fingerprints"

    make_index: Callable[[], FingerprintIndex]  # called once, when it is needed
    seconds: Floats  # (T,) lengths of the tracks
    segment_s: float  # length of a segment, in seconds
    hop_s: float  # seconds from one segment to the next; also how far a vote lies from its line
    calibration: Calibration | None = None
    chance: Chance | None = None

    @classmethod
    def of(
        cls, searched: Segments, segment_s: float, hop_s: float, chance: Chance | None = None
    ) -> SegmentFinder:
        """Of tracks in memory: their sounding segments."""
        index = FingerprintIndex(searched)
        return cls(lambda: index, searched.seconds, segment_s, hop_s, chance=chance)

    @classmethod
    def of_library(cls, library: Library) -> SegmentFinder:
        """Of a library with fingerprints."""
        tracks, own = library.fingerprints, library.info.encoder
        assert tracks is not None
        assert own is not None
        trust = own.calibration, own.chance
        return cls(lambda: index_of(tracks), library.seconds, own.segment_s, own.hop_s, *trust)

    @cached_property
    def _index(self) -> FingerprintIndex:
        return self.make_index()

    def find(self, query: Track, without: Set[int] = frozenset(), threads: int = 1) -> Evidence:
        asked = query.fingerprints
        assert asked is not None
        nearest = self._index.nearest(asked.embeddings, CANDIDATES, without, threads)
        starts = self.hop_s * nearest.numbers.astype(np.float64)
        neighbours = neighbours_at(asked, nearest.tracks, starts, self.segment_s)
        tracks = len(self.seconds)
        scores = best_scores(neighbours, tracks, self.hop_s)
        backwards = best_scores(neighbours.backwards(), tracks, self.hop_s)

        def lines(track: int, least: float) -> Iterator[Line]:
            own = neighbours.where(neighbours.track == track)
            for line in lines_of_track(own, self.segment_s, self.hop_s, least):
                yield line.within(query.seconds, float(self.seconds[track]))

        return Evidence(scores, scores, excesses_without(scores, without, backwards), lines)

    def measure_chance(
        self, tracks: Sequence[Segments], names: Sequence[str], threads: int
    ) -> Chance | None:
        """What the tracks find in each other; None if they are too few.

        Args:
            tracks: sounding segments of each, (T,).
            names: (T,) which are as good as random, and stay where tracks come and go.
            threads: of the CPU.
        """
        if len(names) < FEWEST:
            return None
        measured = []
        for number in progress(np.argsort(names)[:ASKED].tolist(), "measure chance"):
            track = Track(float(self.seconds[number]), tracks[number])
            excess = self.find(track, {number}, threads).excess
            measured.append(np.delete(excess, number))
        return Chance.of(measured)


@dataclass(frozen=True)
class LandmarkFinder(Finder):
    """Parts of tracks whose peaks are found in the query, at any change of pitch and tempo."""

    found_by: ClassVar[str] = "landmarks"

    make_index: Callable[[], LandmarkIndex]  # called once, when it is needed
    seconds: Floats  # (T,) lengths of the tracks
    calibration: Calibration | None = None

    @classmethod
    def of(
        cls, tracks: Sequence[Peaks], seconds: Floats, peaks: PeakFinding, settings: Landmarks
    ) -> LandmarkFinder:
        """Of tracks in memory.

        Args:
            tracks: peaks of each, (T,).
            seconds: their lengths, (T,).
            peaks: how they were found.
            settings: of the triples and their search.
        """

        def make_index() -> LandmarkIndex:
            from neuralsampleid.landmarks.index import LandmarkIndex  # Numba takes half a second

            return LandmarkIndex.of(tracks, peaks, settings)

        return cls(make_index, seconds)

    @classmethod
    def of_library(cls, library: Library) -> LandmarkFinder:
        """Of a library with landmarks."""
        tracks, info = library.landmarks, library.info.landmarks
        assert tracks is not None
        assert info is not None

        def make_index() -> LandmarkIndex:
            from neuralsampleid.library.tables import index_of as landmarks_of  # as above

            return landmarks_of(tracks, info)

        return cls(make_index, library.seconds, info.calibration)

    @cached_property
    def _index(self) -> LandmarkIndex:
        return self.make_index()

    def find(self, query: Track, without: Set[int] = frozenset(), threads: int = 1) -> Evidence:
        asked = query.landmarks
        assert asked is not None
        best = self._index.best(asked, without, threads)
        scores = np.where(best.matched_s[:, 1] > 0, best.scores, 0.0)  # of tracks with a line

        def lines(track: int, least: float) -> Iterator[Line]:
            for line in self._index.lines(asked, track, least):
                yield line.within(np.inf, float(self.seconds[track]))

        clear = np.where(scores > 0, best.clearest + _OF_ALL * scores, 0.0)
        excess = excesses_without(scores, without)
        return Evidence(scores, clear, excess, lines, 0.0, True, best.matched_s)


def finders_of(library: Library) -> list[Finder]:
    """A finder for each system of a library."""
    finders: list[Finder] = []
    if library.fingerprints is not None:
        finders.append(SegmentFinder.of_library(library))
    if library.landmarks is not None:
        finders.append(LandmarkFinder.of_library(library))
    return finders

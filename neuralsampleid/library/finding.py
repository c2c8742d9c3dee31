"""What speaks for each track of a catalogue, when a query is asked about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.library.store import Collection
from neuralsampleid.line import Line

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrackSegments:
    """A query's rows."""

    numbers: npt.NDArray[np.int64]  # (n,) of all its segments, from 0, silent ones counted
    starts_s: npt.NDArray[np.float64]  # (n,)
    embeddings: npt.NDArray[np.float32]  # (n, d)
    seconds: float  # of the track


class Evidence(ABC):
    """What was found for one query.

    Attributes:
        scores: (tracks,) of each track's best line; 0 for one without, or left out.
        excess: (tracks,) how far it stands out from the others, see ``chance.excesses``.
    """

    scores: Floats
    excess: Floats

    least_of_others = 0.0  # score that all lines of a track but the best reach, to be shown

    @abstractmethod
    def lines(self, track: int, least: float) -> Iterator[Line]:
        """Where a track sounds in the query, best first.

        Args:
            track: its number.
            least: score below which a line is none.
        """


class Finder(ABC):
    """Finds evidence in a catalogue; made once for any number of queries.

    Attributes:
        collection: the catalogue.
        found_by: what of a track speaks, in a word.
    """

    collection: Collection
    found_by: str

    @abstractmethod
    def find(self, query: TrackSegments, without: Set[int], threads: int) -> Evidence:
        """Search the catalogue.

        Args:
            query: the query's rows, made as the catalogue's were.
            without: numbers of tracks that are not searched.
            threads: of the CPU.
        """

    def track(self, number: int) -> TrackSegments:
        """A track of the catalogue as a query."""
        collection = self.collection
        first, count = int(collection.first_row[number]), int(collection.row_count[number])
        rows = np.array(collection.rows[first : first + count])
        starts = rows[:, 0].astype(float)
        numbers = np.rint(starts / float(collection.about["hop_s"])).astype(np.int64)
        return TrackSegments(numbers, starts, rows[:, 1:], float(collection.seconds[number]))

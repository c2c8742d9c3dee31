"""What the page shows of a query: its time line beside those of the tracks found in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Found by a system: in a right track at an annotated place, in one at another place, in a wrong
# track, or where nobody knows the truth. Annotated: met by what was found, or not.
Found = Literal["right", "elsewhere", "false_alarm", "answer"]
Annotated = Literal["met", "missed"]
# How a query went: a right track first, among those shown, not; or, where the truth is not known,
# whether anything was found.
Outcome = Literal["first", "among", "missed", "answered", "nothing"]


@dataclass(frozen=True)
class Span:
    """A part of a track, in seconds."""

    start_s: float
    end_s: float

    def overlaps(self, other: Span) -> bool:
        return self.start_s < other.end_s and other.start_s < self.end_s


@dataclass(frozen=True)
class Link:
    """A part of the query and the part of the reference that it is, or is said to be, made of."""

    query: Span | None  # None: it is not known where
    reference: Span | None
    verdict: Found | Annotated
    tempo_ratio: float | None = None  # the query's speed over the reference's
    score: float = 0.0  # of what was found
    query_clip: str | None = None  # keys of the page's sound
    reference_clip: str | None = None
    pitch_semitones: float | None = None  # up from the reference
    row: int | None = None  # of the list below the time line; several of a loop share one


@dataclass(frozen=True)
class ReferenceView:
    """One track beside the query."""

    track_id: str
    title: str
    seconds: float
    rank: int | None  # None: it is sampled in the query, and not among the tracks that were found
    right: bool | None  # whether it is sampled in the query; None: nobody knows
    note: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class QueryView:
    """One query."""

    track_id: str
    title: str
    seconds: float
    outcome: Outcome
    note: str
    types: tuple[str, ...]  # of the samples in it
    references: tuple[ReferenceView, ...]

    @property
    def longest_s(self) -> float:
        """The longest track shown, to which all time lines are drawn."""
        return max([self.seconds, *(reference.seconds for reference in self.references)])


def is_annotated(link: Link) -> bool:
    """Whether it is the truth, and not what a system found."""
    return link.verdict in {"met", "missed"}

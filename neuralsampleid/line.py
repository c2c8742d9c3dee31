"""A line: the hypothesis that a part of a query is a part of a reference.

Both systems, fingerprints and landmarks, find lines. A *match* is a line that an answer shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

LEAST_SHARE = 0.5  # of a track's best line that its other lines reach, to be shown


@dataclass(frozen=True)
class Line:
    """The query's seconds, the reference's, and what speaks for it."""

    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float
    tempo_ratio: float | None  # the query's speed over the reference's; None: too short to tell
    score: float
    pitch_semitones: float | None = None  # up from the reference; None: not measured

    @property
    def slope(self) -> float:
        """The query's speed over the reference's, by the ends; 1 of a line without length."""
        length = self.query_end_s - self.query_start_s
        return (self.reference_end_s - self.reference_start_s) / length if length > 0 else 1.0

    def reference_at(self, query_s: float) -> float:
        """Where in the reference it is at a time of the query, also before and after it."""
        return self.reference_start_s + self.slope * (query_s - self.query_start_s)

    def between(self, first: Line, last: Line) -> Line:
        """The same from where one line begins to where another ends."""
        return replace(
            self,
            query_start_s=first.query_start_s,
            reference_start_s=first.reference_start_s,
            query_end_s=last.query_end_s,
            reference_end_s=last.reference_end_s,
        )

    def within(self, query_s: float, reference_s: float) -> Line:
        """As far as it lies in tracks of these lengths."""
        return replace(
            self,
            query_end_s=min(self.query_end_s, query_s),
            reference_start_s=min(max(self.reference_start_s, 0.0), reference_s),
            reference_end_s=min(max(self.reference_end_s, 0.0), reference_s),
        )

    def later(self, seconds: float) -> Line:
        """The same so much later in the query."""
        start, end = self.query_start_s + seconds, self.query_end_s + seconds
        return replace(self, query_start_s=start, query_end_s=end)


def least_shown(best: float, least: float = 0.0, share: float = LEAST_SHARE) -> float:
    """The score that further lines of a track reach to be shown, beside its best one."""
    return max(least, share * best)


def shown(lines: Iterable[Line], least: float = 0.0, share: float = LEAST_SHARE) -> list[Line]:
    """A track's matches: the best of its lines, and those at least half as good.

    Args:
        lines: of one track, best first; they are not asked for further than needed.
        least: score that all but the best reach besides.
        share: of the best line's score that the others reach.

    Returns:
        In the order of the query's time.
    """
    chosen: list[Line] = []
    for line in lines:
        if chosen and line.score < least_shown(chosen[0].score, least, share):
            break
        chosen.append(line)
    return sorted(chosen, key=lambda line: line.query_start_s)

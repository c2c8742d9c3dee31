"""Lines of one track that explain different moments of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from neuralsampleid.line import Line

_SAME_S = 0.2  # between two places of a track that are one
_MOST_OF_IT = 0.6  # of a line that no better one explains, to be shown


def is_joined(line: Line, others: list[Line]) -> bool:
    """Make one of other lines longer by a line that tells the same, if there is one."""
    for place, other in enumerate(others):
        if _tells_the_same(line, other):
            others[place] = _both(other, line)
            return True
    return False


def _tells_the_same(line: Line, other: Line) -> bool:
    """Whether two lines overlap in the query, and lie at the same place of the track there."""
    start = max(line.query_start_s, other.query_start_s)
    end = min(line.query_end_s, other.query_end_s)
    return start < end and abs(line.reference_at(start) - other.reference_at(start)) < _SAME_S


def _both(line: Line, other: Line) -> Line:
    """A line from the earlier start to the later end of two, otherwise as the first."""
    first = min(line, other, key=lambda each: each.query_start_s)
    last = max(line, other, key=lambda each: each.query_end_s)
    return line.between(first, last)


def beside(line: Line, others: Sequence[Line]) -> Line | None:
    """What of a line lies beside others in the query; None if it is less than most of it."""
    start, end = line.query_start_s, line.query_end_s
    for other in others:
        if start < other.query_end_s and end > other.query_start_s:
            before = other.query_start_s - start > end - other.query_end_s
            start, end = (start, other.query_start_s) if before else (other.query_end_s, end)
    length = line.query_end_s - line.query_start_s
    if end - start <= _MOST_OF_IT * length:
        return None
    return replace(
        line,
        query_start_s=start,
        query_end_s=end,
        reference_start_s=line.reference_at(start),
        reference_end_s=line.reference_at(end),
    )

"""Long queries, such as a mix of ten hours, are asked window by window.

A search looks at so many candidates of all tracks together, and what chance brings grows with a
query's length, so a window of ten minutes is a query by itself; nothing of it is kept but its
answers. The answers of a track in all windows become one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from neuralsampleid.config import PeakFinding
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.answer import Answer, is_same
from neuralsampleid.library.store import Track
from neuralsampleid.line import Line

LONGEST_S = 900.0  # of a query that is asked as one
WINDOW_S = 600.0  # at most
OVERLAP_S = 30.0  # what lasts no longer lies in one window whole
_CLEARER = 7.0  # ratio of the scores of two tracks from which on one explains the other
_SAME_S = 0.5  # between two lines that are one, in the reference
_TOLERANCE_S = 1e-3  # times of segments are kept in milliseconds


def windows_of(seconds: float) -> list[tuple[float, float]]:
    """Where the windows of a query of some length begin and end, in seconds; all are as long."""
    if seconds <= LONGEST_S:
        return [(0.0, seconds)]
    count = math.ceil((seconds - OVERLAP_S) / (WINDOW_S - OVERLAP_S))
    step = (seconds - OVERLAP_S) / count
    return [(place * step, (place + 1) * step + OVERLAP_S) for place in range(count)]


def window_of(query: Track, start_s: float, end_s: float, peaks: PeakFinding | None) -> Track:
    """A part of a query as a query by itself, whose times begin at 0.

    Args:
        query: the whole.
        start_s: of the part.
        end_s: of the part.
        peaks: how the query's were found; None: it has none.
    """
    fingerprints = landmarks = None
    if query.fingerprints is not None:
        fingerprints = _segments_within(query.fingerprints, start_s, end_s)
    if query.landmarks is not None and peaks is not None:
        inside = query.landmarks.within(start_s, end_s, peaks)
        landmarks = Peaks.at(inside.frames - start_s / peaks.frame_s, inside.bins, inside.quiet)
    return Track(end_s - start_s, fingerprints, landmarks)


def _segments_within(segments: Segments, start_s: float, end_s: float) -> Segments:
    """A track's segments that lie within a part of it, whole; their times from its start on."""
    starts, ends = segments.starts_s, segments.ends_s
    inside = (starts >= start_s - _TOLERANCE_S) & (ends <= end_s + _TOLERANCE_S)
    part = segments.rows(np.flatnonzero(inside))
    return replace(
        part,
        starts_s=part.starts_s - start_s,
        ends_s=part.ends_s - start_s,
        seconds=np.full(1, end_s - start_s),
    )


class Explained:
    """What of a window is explained by the answers so far, which are given the clearest first.

    Music that sounds like what plays lines up with it here and there. What lasts for most of a
    match, of a track that scores seven times as much by the same system, explains it.
    """

    def __init__(self) -> None:
        self._found: list[tuple[str, float, Line]] = []  # system, score and a match of a track

    def is_explained(self, found_by: str, score: float, start_s: float, end_s: float) -> bool:
        """Whether a match of a track of this score is, between these times of the query."""
        return any(
            system == found_by
            and clearer >= _CLEARER * score
            and 2 * (min(end_s, match.query_end_s) - max(start_s, match.query_start_s))
            > end_s - start_s
            for system, clearer, match in self._found
        )

    def rest(self, answer: Answer) -> Answer | None:
        """An answer's matches that are not explained, which explain others; None without the best.

        An answer without any match stays as it is.
        """
        own = answer.found_by, answer.score
        left = [
            match
            for match in answer.matches
            if not self.is_explained(*own, match.query_start_s, match.query_end_s)
        ]
        if answer.matches and max(answer.matches, key=lambda match: match.score) not in left:
            return None
        self._found += [(*own, match) for match in left]
        return replace(answer, matches=left)


def merged(answers: Iterable[Answer], seconds: float) -> list[Answer]:
    """One answer for each track, likeliest first.

    Its probability, score and false alarms are those of its best window: each window's say how far
    that window's matches are to be trusted, and the sum over windows of a track that chance brings
    now and then would grow with the query's length.

    Args:
        answers: of all windows, in the order of time; at the query's own times.
        seconds: length of the query.
    """
    by_track: dict[str, list[Answer]] = {}
    for answer in answers:
        by_track.setdefault(answer.paths[0], []).append(answer)
    return sorted((_one_of(parts, seconds) for parts in by_track.values()), key=_rank)


def unlikeliness(probability: float | None) -> float:
    """Smaller for the likelier of two answers; those without a probability come last."""
    return 1.0 if probability is None else -probability


def _rank(answer: Answer) -> tuple[float, float]:
    return unlikeliness(answer.probability), -answer.score


def _one_of(parts: Sequence[Answer], seconds: float) -> Answer:
    """The answers of one track in several windows as one."""
    best = min(parts, key=_rank)
    matches = sewn([match for part in parts for match in part.matches])
    return replace(
        best, matches=matches, same_recording=is_same(matches, max(seconds, best.seconds))
    )


def sewn(matches: Iterable[Line]) -> list[Line]:
    """A track's matches of all windows: a moment of the query belongs to at most one.

    Of matches that overlap, those on one line become one match, which keeps the better score; else
    the better one stays.
    """
    sewn: list[Line] = []
    for match in sorted(matches, key=lambda match: (match.query_start_s, -match.query_end_s)):
        if not sewn or match.query_start_s >= sewn[-1].query_end_s:
            sewn.append(match)
        elif _are_one(sewn[-1], match):
            sewn[-1] = _joined(sewn[-1], match)
        elif match.score > sewn[-1].score:
            sewn[-1] = match
    return sewn


def _are_one(one: Line, other: Line) -> bool:
    """Whether two matches that overlap say the same of where they do."""
    middle = (other.query_start_s + min(one.query_end_s, other.query_end_s)) / 2
    return abs(one.reference_at(middle) - other.reference_at(middle)) <= _SAME_S


def _joined(one: Line, other: Line) -> Line:
    """The first of two matches, up to the end of what ends last; the longer tells its tempo."""
    last = max((one, other), key=lambda line: line.query_end_s)
    longer = max((one, other), key=lambda line: line.query_end_s - line.query_start_s)
    return replace(longer.between(one, last), score=max(one.score, other.score))

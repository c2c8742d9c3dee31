"""The tracks that sound in a query, one after the other, as a Markdown table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neuralsampleid.audio.tags import NO_TAGS, Tags
from neuralsampleid.library.answer import Answer, percent
from neuralsampleid.line import Line
from neuralsampleid.report.text import clock, printable, track_name

LEAST_S = 15.0  # of a track that a tracklist holds
_GAP_S = 5.0  # between matches of a track, at most, that are one stretch


@dataclass(frozen=True)
class Entry:
    """A track of a tracklist."""

    start_s: float  # in the query
    end_s: float
    path: str
    tempo_ratio: float | None  # the query's speed over the track's; None: too short to tell
    probability: float | None  # that it is right; None: the system is not calibrated
    tags: Tags = NO_TAGS

    @property
    def title(self) -> str:
        """Artist, title and path; without tags the path, which then has no ending."""
        if self.tags.name:
            return track_name(self.path, self.tags)
        return printable(str(Path(self.path).with_suffix("")))


def entries_of(answers: Sequence[Answer]) -> list[Entry]:
    """What sounds when: at each moment the likeliest answer that does; no two overlap.

    A stretch is a track's matches with hardly a gap. What surer tracks leave of it counts from
    ``LEAST_S`` on: shorter matches are what a track samples, or chance. If nothing sounds between
    two stretches of a track, they are one.

    Args:
        answers: of one query, likeliest first.
    """
    entries: list[Entry] = []
    for answer in answers:
        for start_s, end_s in _stretches(answer.matches):
            for part in list(_left_by(entries, start_s, end_s)):
                tempo = _tempo(answer, *part)
                entries.append(
                    Entry(*part, answer.paths[0], tempo, answer.probability, answer.tags)
                )
    in_order: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: entry.start_s):
        if in_order and in_order[-1].path == entry.path:
            in_order[-1] = replace(in_order[-1], end_s=entry.end_s)
        else:
            in_order.append(entry)
    return in_order


def _stretches(matches: Sequence[Line]) -> Iterator[tuple[float, float]]:
    """Times of a query that a track's matches, in their order, cover with hardly a gap."""
    start_s = end_s = -math.inf
    for match in matches:
        if match.query_start_s > end_s + _GAP_S:
            if end_s > start_s:
                yield start_s, end_s
            start_s = match.query_start_s
        end_s = max(end_s, match.query_end_s)
    if end_s > start_s:
        yield start_s, end_s


def _left_by(
    entries: Sequence[Entry], start_s: float, end_s: float
) -> Iterator[tuple[float, float]]:
    """The parts of a stretch that no entry has and that are long enough."""
    for entry in sorted(entries, key=lambda entry: entry.start_s):
        if entry.start_s < end_s and entry.end_s > start_s:
            if entry.start_s - start_s >= LEAST_S:
                yield start_s, entry.start_s
            start_s = entry.end_s
    if end_s - start_s >= LEAST_S:
        yield start_s, end_s


def _tempo(answer: Answer, start_s: float, end_s: float) -> float | None:
    """That of the longest match between two times."""
    longest = max(
        answer.matches,
        key=lambda match: min(match.query_end_s, end_s) - max(match.query_start_s, start_s),
    )
    return longest.tempo_ratio


def as_markdown(tracklists: Mapping[str, Sequence[Entry]]) -> str:
    """A heading and a table for each query's file."""
    parts = []
    for query, entries in tracklists.items():
        lines = [f"# {printable(query)}", ""]
        if entries:
            lines += ["| start | track | tempo | likely |", "| ---: | --- | ---: | ---: |"]
        else:
            lines.append("No track found.")
        for entry in entries:
            title = entry.title.replace("\\", "\\\\").replace("|", "\\|")
            tempo = "" if entry.tempo_ratio is None else f"× {entry.tempo_ratio:.2f}"
            likely = "" if entry.probability is None else percent(entry.probability)
            lines.append(f"| {clock(entry.start_s)} | {title} | {tempo} | {likely} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)

"""The tracks that sound in a query, one after the other, as a tracklist or a cue sheet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neuralsampleid.library.answer import Answer, percent
from neuralsampleid.line import Line
from neuralsampleid.report.text import clock, printable

LEAST_S = 15.0  # of a track that a tracklist holds
CUE_TRACKS = 99  # of a cue sheet, by the format
_GAP_S = 5.0  # between matches of a track, at most, that are one stretch
_FRAMES_PER_SECOND = 75  # of a cue sheet
_CUE_KINDS = {".mp3": "MP3", ".aif": "AIFF", ".aiff": "AIFF"}  # of files; all others: WAVE


@dataclass(frozen=True)
class Entry:
    """A track of a tracklist."""

    start_s: float  # in the query
    end_s: float
    title: str
    tempo_ratio: float | None  # the query's speed over the track's; None: too short to tell
    probability: float | None  # that it is right; None: the system is not calibrated


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
                entries.append(
                    Entry(*part, _title(answer), _tempo(answer, *part), answer.probability)
                )
    in_order: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: entry.start_s):
        if in_order and in_order[-1].title == entry.title:
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


def _title(answer: Answer) -> str:
    return printable(str(Path(answer.paths[0]).with_suffix("")))


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


def as_cue(file: str, entries: Sequence[Entry]) -> str:
    """A cue sheet of a query, UTF-8.

    The first track's INDEX 00 is where the file begins, as the format wants it. Beyond the format's
    ``CUE_TRACKS`` the numbers go on: some programs read these, too.

    Args:
        file: the query's, as the sheet shall name it.
        entries: its tracklist.
    """
    kind = _CUE_KINDS.get(Path(file).suffix.lower(), "WAVE")
    lines = [f"FILE {_quoted(file)} {kind}"]
    for number, entry in enumerate(entries, 1):
        lines += [f"  TRACK {number:02d} AUDIO", f"    TITLE {_quoted(entry.title)}"]
        if number == 1 and _index(entry.start_s) != _index(0.0):
            lines.append(f"    INDEX 00 {_index(0.0)}")
        lines.append(f"    INDEX 01 {_index(entry.start_s)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A string of a cue sheet, which cannot hold a double quote."""
    return '"' + printable(text).replace('"', "'") + '"'


def _index(seconds: float) -> str:
    """Minutes, seconds and frames."""
    whole, frame = divmod(round(seconds * _FRAMES_PER_SECOND), _FRAMES_PER_SECOND)
    return f"{whole // 60:02d}:{whole % 60:02d}:{frame:02d}"

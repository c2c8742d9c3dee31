"""A tracklist as a cue sheet, for players."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from neuralsampleid.exports.tracklist import Entry
from neuralsampleid.report.text import printable

MOST_TRACKS = 99  # by the format
_FRAMES_PER_SECOND = 75
_KINDS = {".mp3": "MP3", ".aif": "AIFF", ".aiff": "AIFF"}  # of files; all others: WAVE


def as_cue(file: str, entries: Sequence[Entry]) -> str:
    """A cue sheet of a query, UTF-8.

    The first track's INDEX 00 is where the file begins, as the format wants it. Beyond the format's
    ``MOST_TRACKS`` the numbers go on: some programs read these, too.

    Args:
        file: the query's, as the sheet shall name it.
        entries: its tracklist.
    """
    kind = _KINDS.get(Path(file).suffix.lower(), "WAVE")
    lines = [f"FILE {_quoted(file)} {kind}"]
    for number, entry in enumerate(entries, 1):
        lines += [f"  TRACK {number:02d} AUDIO", *_about(entry)]
        if number == 1 and _index(entry.start_s) != _index(0.0):
            lines.append(f"    INDEX 00 {_index(0.0)}")
        lines.append(f"    INDEX 01 {_index(entry.start_s)}")
    return "\n".join(lines) + "\n"


def _about(entry: Entry) -> Iterator[str]:
    """The lines that name a track; a cue sheet has no place for its file but a remark."""
    yield f"    TITLE {_quoted(entry.tags.title or str(Path(entry.path).with_suffix('')))}"
    if entry.tags.artist:
        yield f"    PERFORMER {_quoted(entry.tags.artist)}"
    if entry.tags.name:
        yield f"    REM FILE {_quoted(entry.path)}"


def _quoted(text: str) -> str:
    """A string of a cue sheet, which cannot hold a double quote."""
    return '"' + printable(text).replace('"', "'") + '"'


def _index(seconds: float) -> str:
    """Minutes, seconds and frames."""
    whole, frame = divmod(round(seconds * _FRAMES_PER_SECOND), _FRAMES_PER_SECOND)
    return f"{whole // 60:02d}:{whole % 60:02d}:{frame:02d}"

"""Answers as a playlist for VLC: each match in the query, then in the reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from neuralsampleid.audio.tags import Tags
from neuralsampleid.library.answer import Findings
from neuralsampleid.report.text import clock, track_name


def as_m3u(findings: Findings) -> str:
    """Two entries for each match, in the order of the answers and of time.

    Files are named by addresses, which hold any name; other players than VLC play them whole.
    """
    lines = ["#EXTM3U"]
    for query in findings.queries:
        for answer in query.answers:
            for match in answer.matches:
                own = match.query_start_s, match.query_end_s
                its = match.reference_start_s, match.reference_end_s
                lines += _entry(query.path, query.tags, Path(query.path), *own)
                lines += _entry(answer.paths[0], answer.tags, findings.file_of(answer), *its)
    return "\n".join(lines) + "\n"


def _entry(name: str, tags: Tags, file: Path, start_s: float, end_s: float) -> Iterator[str]:
    yield f"#EXTINF:{round(end_s - start_s)},{track_name(name, tags)} {clock(start_s)}"
    yield f"#EXTVLCOPT:start-time={start_s:.3f}"
    yield f"#EXTVLCOPT:stop-time={end_s:.3f}"
    yield file.absolute().as_uri()

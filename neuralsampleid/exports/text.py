"""Answers as text, for a person."""

from __future__ import annotations

from collections.abc import Sequence

from neuralsampleid.library.answer import Answer, Findings, judgement
from neuralsampleid.library.loops import folded
from neuralsampleid.line import Line
from neuralsampleid.report.text import change, span, track_name


def as_text(findings: Findings) -> str:
    """A line for each query, below it a line for each answer, below that one for each match.

    The matches of a loop share a line.
    """
    lines = []
    for query in findings.queries:
        lines.append(track_name(query.path, query.tags))
        lines += [f"  {line}" for answer in query.answers for line in _answer_lines(answer)]
        if query.problem:
            lines.append("  could not be asked")
        elif not query.answers:
            lines.append("  no sample found")
    return "\n".join(lines or ["no sample found"]) + "\n"


def _answer_lines(answer: Answer) -> list[str]:
    others = f" (and {len(answer.paths) - 1} more of this content)" if answer.paths[1:] else ""
    name = track_name(answer.paths[0], answer.tags)
    head = f"{name}{others}: score {answer.score:.1f}, {judgement(answer)}"
    return [head, *(f"  {match_line(matches)}" for matches in folded(answer.matches))]


def match_line(matches: Sequence[Line]) -> str:
    """A match, or the matches of a loop, such as ``0:01–0:26, 12 times ← 1:04–1:07``.

    Args:
        matches: at least one, in the order of the query's time.
    """
    best = max(matches, key=lambda match: match.score)
    ends = matches[0].query_start_s, max(match.query_end_s for match in matches)
    times = f", {len(matches)} times" if len(matches) > 1 else ""
    source = span(best.reference_start_s, best.reference_end_s)
    changed = change(best.tempo_ratio, best.pitch_semitones)
    return f"{span(*ends)}{times} ← {source}{changed}"

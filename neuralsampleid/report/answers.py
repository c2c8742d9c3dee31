"""Answers of ``nsid identify`` as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from neuralsampleid.library.answer import Answer, judgement
from neuralsampleid.line import Line
from neuralsampleid.report.text import clock, printable

Answers = Mapping[str, Sequence[Answer]]  # query's file → its answers, best first
Problems = Mapping[str, str]  # query's file → why it could not be asked
NONE: Problems = {}

CSV_COLUMNS = (
    "query",
    "rank",
    "reference",
    "found_by",
    "score",
    "probability",
    "false_alarms",
    "query_start_s",
    "query_end_s",
    "reference_start_s",
    "reference_end_s",
    "tempo_ratio",
    "range_score",
    "pitch_semitones",
    "same_recording",
)
_JSON_NAMES = {"matches": "ranges"}  # as earlier versions wrote them: scripts read these files


def as_text(answers: Answers, problems: Problems = NONE) -> str:
    """For a person: one line per reference, one per match."""
    lines = []
    for query, found in answers.items():
        lines.append(printable(query))
        lines += [f"  {line}" for answer in found for line in _answer_lines(answer)]
        if not found:
            lines.append("  no sample found")
    for query in problems:
        lines += [printable(query), "  could not be asked"]
    return "\n".join(lines) + "\n"


def as_json(answers: Answers, problems: Problems = NONE) -> str:
    """A list of queries with their answers; seconds; six significant digits."""
    queries: list[dict[str, object]] = [
        {"query": query, "answers": [_rounded(_fields(answer)) for answer in found]}
        for query, found in answers.items()
    ]
    queries += [
        {"query": query, "answers": [], "problem": problem} for query, problem in problems.items()
    ]
    return json.dumps(queries, indent=2) + "\n"


def as_csv(answers: Answers, problems: Problems = NONE) -> str:
    """One line per match; a query without answer, or with a problem, has none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for query, found in answers.items():
        for rank, answer in enumerate(found, 1):
            for part in answer.matches:
                judged = (answer.score, answer.probability, answer.false_alarms)
                head = (query, rank, answer.paths[0], answer.found_by, *judged)
                place = (*_times(part), part.tempo_ratio, part.score, part.pitch_semitones)
                values = (*head, *place, answer.same_recording)
                writer.writerow([_rounded(value) for value in values])
    return out.getvalue()


def _fields(answer: Answer) -> dict[str, object]:
    return {_JSON_NAMES.get(name, name): value for name, value in asdict(answer).items()}


def _answer_lines(answer: Answer) -> list[str]:
    others = f" (and {len(answer.paths) - 1} more of this content)" if answer.paths[1:] else ""
    head = f"{printable(answer.paths[0])}{others}: score {answer.score:.1f}, {judgement(answer)}"
    return [head, *(f"  {_match_line(part)}" for part in answer.matches)]


def _match_line(part: Line) -> str:
    query_start, query_end, start, end = map(clock, _times(part))
    tempo = "" if part.tempo_ratio is None else f", tempo × {part.tempo_ratio:.2f}"
    semitones = round(part.pitch_semitones or 0.0, 1)
    pitch = f", pitch {semitones:+.1f}" if semitones else ""
    return f"{query_start}–{query_end} ← {start}–{end}{tempo}{pitch}"


def _times(part: Line) -> tuple[float, float, float, float]:
    return part.query_start_s, part.query_end_s, part.reference_start_s, part.reference_end_s


def _rounded(value: object) -> object:
    """Floats with six significant digits, in whatever holds them."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return value

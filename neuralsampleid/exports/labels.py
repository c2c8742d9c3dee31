"""Answers as label tracks of Audacity (File > Import > Labels)."""

from __future__ import annotations

from neuralsampleid.library.answer import QueryAnswers
from neuralsampleid.report.text import span, track_name


def as_labels(query: QueryAnswers) -> str:
    """A line for each match in the order of time: start, end (s) and what sounds, by tabs."""
    labels = []
    for answer in query.answers:
        for match in answer.matches:
            place = span(match.reference_start_s, match.reference_end_s)
            label = f"{track_name(answer.paths[0], answer.tags)} {place}"
            labels.append((match.query_start_s, match.query_end_s, label))
    return "".join(f"{start:.6f}\t{end:.6f}\t{label}\n" for start, end, label in sorted(labels))

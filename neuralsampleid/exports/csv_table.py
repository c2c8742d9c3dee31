"""Answers as a CSV table, for programs."""

from __future__ import annotations

import csv
import io

from neuralsampleid.exports.rounding import rounded
from neuralsampleid.library.answer import Findings

COLUMNS = (
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
    "range_score",  # of the match; earlier versions called it so, and scripts read this table
    "pitch_semitones",
    "same_recording",
    "query_artist",
    "query_title",
    "reference_artist",
    "reference_title",
)


def as_csv(findings: Findings) -> str:
    """A row for each match; a query without answer, or with a problem, has none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for query in findings.queries:
        for rank, answer in enumerate(query.answers, 1):
            for match in answer.matches:
                values = (
                    query.path,
                    rank,
                    answer.paths[0],
                    answer.found_by,
                    answer.score,
                    answer.probability,
                    answer.false_alarms,
                    match.query_start_s,
                    match.query_end_s,
                    match.reference_start_s,
                    match.reference_end_s,
                    match.tempo_ratio,
                    match.score,
                    match.pitch_semitones,
                    answer.same_recording,
                    query.tags.artist,
                    query.tags.title,
                    answer.tags.artist,
                    answer.tags.title,
                )
                writer.writerow(map(rounded, values))
    return out.getvalue()

"""Answers as JAMS, the JSON format for annotations of music (https://jams.readthedocs.io).

``sample_occurrence.json`` is the schema of their namespace: ``jams.schema.add_namespace`` takes it.
"""

from __future__ import annotations

import json

from neuralsampleid import __version__
from neuralsampleid.exports.rounding import rounded
from neuralsampleid.library.answer import Answer, QueryAnswers
from neuralsampleid.line import Line

NAMESPACE = "sample_occurrence"
_JAMS_VERSION = "0.3.5"


def as_jams(query: QueryAnswers) -> str:
    """One query's answers: an observation for each match, in the order of time."""
    found = [(answer, match) for answer in query.answers for match in answer.matches]
    found.sort(key=lambda one: one[1].query_start_s)
    about = {
        "curator": {"name": "", "email": ""},
        "annotator": {},
        "version": "",
        "corpus": "",
        "annotation_tools": f"nsid {__version__}",
        "annotation_rules": "",
        "validation": "",
        "data_source": "program",
    }
    annotation = {
        "annotation_metadata": about,
        "namespace": NAMESPACE,
        "data": [_observation(*one) for one in found],
        "sandbox": {},
        "time": 0.0,
        "duration": query.seconds,
    }
    file = {
        "title": query.tags.title or "",
        "artist": query.tags.artist or "",
        "release": "",
        "duration": query.seconds,
        "identifiers": {"file": query.path},
        "jams_version": _JAMS_VERSION,
    }
    whole = {"annotations": [annotation], "file_metadata": file, "sandbox": {}}
    return json.dumps(rounded(whole), indent=2) + "\n"


def _observation(answer: Answer, match: Line) -> dict[str, object]:
    return {
        "time": match.query_start_s,
        "duration": match.query_end_s - match.query_start_s,
        "value": {
            "reference": answer.paths[0],
            "artist": answer.tags.artist,
            "title": answer.tags.title,
            "reference_time": match.reference_start_s,
            "reference_duration": match.reference_end_s - match.reference_start_s,
            "tempo_ratio": match.tempo_ratio,
            "pitch_semitones": match.pitch_semitones,
            "found_by": answer.found_by,
            "score": match.score,
        },
        "confidence": answer.probability,
    }

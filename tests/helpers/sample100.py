"""A made-up data set with the irregularities of Sample100-ext, and where the real one may lie."""

import json
from pathlib import Path
from typing import Any

# The maintainers' copy lies beside the repository; nobody may commit it.
SHARED = Path(__file__).parents[3] / "shared"

TRACKS = """\
track_id, artist, title, year, genre\r
Q1, An Artist, The Title, 1994, Hip-hop\r
Q2, Another,  Blanks , 1995, Hip-hop\r
Q3, "One, Two", Three, 1996, Hip-hop\r
R1, Old, Older, 1968, Jazz\r
R2, NA, 007, 1969, Jazz\r
X1, Nobody, Unrelated, 1970, Jazz\r
"""
SAMPLES = """\
sample_id,target_track_id,query_track_id,t_target,t_query,n_repetitions,estimated_tempo_ratio,\
sample_type,interpolation,comments
A1,R1,Q1,0,0,19,1.03,riff,no, "quoted, with comma"
A2,R1,Q2,0,0,4,,beat,probably not,
A3,R2,Q2,3,5,4,0.95,1-note,maybe,
A4,R2,Q3,0,7,53,1.0,riff,yes,
A5,R1,Q3,0,7,53,1.0,beat,no, has no file
"""


def interval(start: float, end: float, label: int, kind: str | None = None) -> dict[str, Any]:
    values: dict[str, Any] = {"start_time": start, "end_time": end, "id": label}
    return values if kind is None else {**values, "type": kind}


def annotation(sample_id: str, query: str, reference: str, **sides: list) -> dict[str, Any]:
    return {
        "sample_id": sample_id,
        "query_track_id": query,
        "target_track_id": reference,
        "query_time_annotations": sides["at"],
        "target_time_annotations": sides["of"],
    }


ANNOTATIONS = [
    # A type given once per id; an interval below a second.
    annotation(
        "A1",
        "Q1",
        "R1",
        at=[
            interval(1.0, 4.0, 1, "occurrence"),
            interval(5.0, 9.0, 2, "partial occurrence"),
            interval(10.0, 12.0, 1),
            interval(13.0, 13.5, 2),
        ],
        of=[interval(0.0, 3.0, 1, "occurrence"), interval(7.0, 11.0, 2)],
    ),
    # Absences: what lies between them is implied, also what lies before the first.
    annotation(
        "A2",
        "Q2",
        "R1",
        at=[
            interval(6.0, 20.0, 0, "absence"),
            interval(20.2, 22.0, 1, " Occurrence "),
            interval(30.0, 31.0, 0),
            interval(31.5, 40.0, 0),
        ],
        of=[interval(2.0, 4.0, 1, "occurrence")],
    ),
    # No types at all, one id.
    annotation("A3", "Q2", "R2", at=[interval(5.0, 8.0, 1)], of=[interval(3.0, 6.0, 1)]),
    # No types at all, several ids: id 0 is an absence.
    annotation(
        "A4",
        "Q3",
        "R2",
        at=[interval(0.0, 7.0, 0), interval(7.0, 12.0, 1), interval(100.0, 101.0, 0)],
        of=[interval(8.0, 13.0, 1)],
    ),
]


def write_annotations(
    folder: Path, tracks: str = TRACKS, samples: str = SAMPLES, annotations: list = ANNOTATIONS
) -> Path:
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / "tracks.csv").write_bytes(tracks.encode())
    (folder / "samples.csv").write_bytes(samples.encode())
    for values in annotations:
        path = folder / "annotations" / f"{values['sample_id']}.json"
        path.write_text(json.dumps(values))
    return folder

"""Sample100-ext as its annotators wrote it: three kinds of files in one folder.

``tracks.csv`` (track_id, artist, title, year, genre), ``samples.csv`` (one row per relation: which
query samples which reference) and ``annotations/<sample id>.json`` (when the sample sounds in
both). The files are irregular, and read as follows:

- Blanks around headers and values are dropped.
- A relation may have no annotation file; it stays a relation.
- An interval without ``type`` has the type of the first interval with the same ``id`` on the same
  side that has one. Where none has, it is an ``occurrence``; but in a file that types no interval
  of the query at all and uses several ids, id 0 is an ``absence``, as it is where the annotators
  name their layers ("L1 first, L0 absence"). Only S092 is such a file, and its relation's first
  entry, at 7 s, is where id 0 ends.
- Where a query's file marks absences, it marks little else than the first occurrence: the sample
  sounds wherever no interval lies, see ``presences``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from neuralsampleid.catalogue.formats import Format, read_table
from neuralsampleid.catalogue.tables import ABSENCE
from neuralsampleid.errors import UserError
from neuralsampleid.files import read_json

OCCURRENCE = "occurrence"
IMPLIED = "implied"  # between marked absences
MIN_IMPLIED_S = 1.0  # a shorter pause between two intervals is imprecision of the annotators

INTERVAL_COLUMNS = ("sample_id", "side", "start_s", "end_s", "label", "type")
_TRACKS: Format = {"track_id": str, "artist": str, "title": str}
_OUR_NAMES = {  # of the columns of samples.csv
    "sample_id": "sample_id",
    "query_track_id": "query_id",
    "target_track_id": "reference_id",
    "sample_type": "sample_type",
    "interpolation": "interpolation",
    "estimated_tempo_ratio": "tempo_ratio",
    "comments": "comments",
}
_SAMPLES: Format = {name: float if name == "estimated_tempo_ratio" else str for name in _OUR_NAMES}


@dataclass(frozen=True)
class Annotations:
    """What the annotators say; nothing left out, nothing added but missing types.

    Attributes:
        tracks: track_id, artist, title; all text.
        relations: sample_id, query_id, reference_id, sample_type (riff, beat, 1-note),
            interpolation (no, yes, maybe, …), tempo_ratio (the query's speed over the reference's,
            NaN if empty), comments, annotated (whether there is a file of intervals).
        intervals: ``INTERVAL_COLUMNS``; side is query or reference, label the annotators' ``id``,
            times are in seconds; in the order of the files.
    """

    tracks: pd.DataFrame
    relations: pd.DataFrame
    intervals: pd.DataFrame

    def unannotated(self) -> list[str]:
        """Ids of the relations without a file of intervals."""
        relations = self.relations
        return list(relations.loc[~relations["annotated"], "sample_id"])


def read_annotations(folder: Path) -> Annotations:
    """Read the folder of Sample100-ext.

    Raises:
        UserError: a file or column is missing, a file is not what its name says, or two files
            contradict each other.
    """
    tracks = _read(folder / "tracks.csv", _TRACKS)
    samples_file = folder / "samples.csv"
    relations = _read(samples_file, _SAMPLES).rename(columns=_OUR_NAMES)
    _check_relations(samples_file, relations, set(tracks["track_id"]))
    files = {path.stem: path for path in sorted((folder / "annotations").glob("*.json"))}
    if not files:
        raise UserError(f"{folder / 'annotations'}: holds no *.json, expected one per relation")
    known = set(relations["sample_id"])
    for sample_id, path in files.items():
        if sample_id not in known:
            raise UserError(f"{path}: no row of samples.csv has the sample id '{sample_id}'")
    relations["annotated"] = relations["sample_id"].isin(files)
    rows: list[tuple[object, ...]] = []
    for relation in relations[relations["annotated"]].itertuples(index=False):
        rows += _read_intervals(files[relation.sample_id], relation)
    intervals = pd.DataFrame(rows, columns=list(INTERVAL_COLUMNS))
    return Annotations(tracks, relations, fill_types(intervals))


def fill_types(intervals: pd.DataFrame) -> pd.DataFrame:
    """Give every interval a type; the rules stand in the module's description.

    Args:
        intervals: ``INTERVAL_COLUMNS``; type is empty where missing.
    """
    filled = intervals.copy()
    for (_, side), rows in intervals.groupby(["sample_id", "side"], sort=False):
        typed = rows[rows["type"] != ""].drop_duplicates("label")
        types = dict(zip(typed["label"], typed["type"], strict=True))
        if side == "query" and not types and rows["label"].nunique() > 1:
            types["0"] = ABSENCE
        missing = rows.index[rows["type"] == ""]
        filled.loc[missing, "type"] = [
            types.get(label, OCCURRENCE) for label in rows.loc[missing, "label"]
        ]
    return filled


def presences(intervals: pd.DataFrame) -> pd.DataFrame:
    """Where the samples sound in their queries.

    These are the intervals of every type but absence and, where a query has absences, the stretches
    of at least ``MIN_IMPLIED_S`` before, between and after the intervals up to the last one's end.
    What follows the last interval is left open: the annotations do not say how long a track is.

    Args:
        intervals: of ``Annotations``.

    Returns:
        ``INTERVAL_COLUMNS`` of the query side by sample id, start and end; ``IMPLIED`` stretches
        have that type and no label.
    """
    query = intervals[intervals["side"] == "query"]
    implied = [
        row
        for sample_id, rows in query.groupby("sample_id", sort=False)
        if (rows["type"] == ABSENCE).any()
        for row in _stretches_between(str(sample_id), rows)
    ]
    found = pd.concat(
        [query[query["type"] != ABSENCE], pd.DataFrame(implied, columns=list(INTERVAL_COLUMNS))]
    )
    return found.sort_values(["sample_id", "start_s", "end_s"], kind="stable", ignore_index=True)


def _stretches_between(sample_id: str, rows: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    covered = 0.0
    for row in rows.sort_values(["start_s", "end_s"]).itertuples(index=False):
        if row.start_s - covered >= MIN_IMPLIED_S:
            yield sample_id, "query", covered, row.start_s, "", IMPLIED
        covered = max(covered, row.end_s)


def _read(path: Path, columns: Format) -> pd.DataFrame:
    table = read_table(path, columns, "a table of Sample100-ext", blanks=True)
    key = next(iter(columns))
    twice = table.index[table[key].duplicated()]
    if len(twice):
        line = int(twice[0]) + 2
        raise UserError(
            f"{path}, line {line}: {key} '{table[key][twice[0]]}' stands twice, expected unique ids"
        )
    return table


def _check_relations(path: Path, relations: pd.DataFrame, tracks: set[str]) -> None:
    for line, row in enumerate(relations.itertuples(index=False), 2):
        for track_id in (row.query_id, row.reference_id):
            if track_id not in tracks:
                raise UserError(f"{path}, line {line}: track '{track_id}' is not in tracks.csv")
    both = sorted(set(relations["query_id"]) & set(relations["reference_id"]))
    if both:
        raise UserError(f"{path}: track '{both[0]}' is a query and a reference, expected one role")


def _read_intervals(path: Path, relation: Any) -> Iterator[tuple[object, ...]]:  # noqa: ANN401
    """Rows of one file, the query's first; type is empty where missing."""
    content = read_json(path, dict, "an object with the intervals of one relation")
    expected = {
        "sample_id": relation.sample_id,
        "query_track_id": relation.query_id,
        "target_track_id": relation.reference_id,
    }
    for key, value in expected.items():
        if content.get(key, value) != value:
            raise UserError(f"{path}: {key} is '{content[key]}', but samples.csv says '{value}'")
    for side, key in (
        ("query", "query_time_annotations"),
        ("reference", "target_time_annotations"),
    ):
        intervals = content.get(key)
        if not isinstance(intervals, list):
            raise UserError(f"{path}: {key} is missing or no list, expected a list of intervals")
        for place, interval in enumerate(intervals, 1):
            yield relation.sample_id, side, *_checked(interval, f"{path}: {key}, interval {place}")


def _checked(interval: object, where: str) -> tuple[float, float, str, str]:
    if not isinstance(interval, dict):
        raise UserError(f"{where}: a {type(interval).__name__}, expected an object")
    start, end = interval.get("start_time"), interval.get("end_time")
    numbers = all(isinstance(value, int | float) for value in (start, end))
    if not numbers or not 0 <= start < end < math.inf:  # type: ignore[operator]
        raise UserError(f"{where}: from {start} to {end} s, expected 0 ≤ start_time < end_time")
    kind = interval.get("type") or ""
    return float(start), float(end), str(interval.get("id", "")), str(kind).strip().lower()  # type: ignore[arg-type]

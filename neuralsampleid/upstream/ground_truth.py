"""The released ground truth and query lists, derived from Sample100-ext and compared with it.

The release asks about each interval in which a sample sounds for at least a second
(``sample100_query_index.json``, 971 rows), has its ground truth in ``gt_dict.json`` and four
subsets of the queries by sample type and interpolation. All six follow from the annotations; what
differs has a reason, and ``explain_queries`` and ``explain_subset`` name it row by row.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from neuralsampleid.datasets.sample100_annotations import ABSENCE, IMPLIED, Annotations, presences
from neuralsampleid.errors import UserError
from neuralsampleid.files import read_json

MIN_QUERY_S = 1.0
QUERY_COLUMNS = ("sample_id", "query_id", "reference_id", "start_s", "end_s")
_RELEASED_KEYS = ("sample_id", "query_file", "ref_file", "start_time", "end_time")

# File of a subset → the relations' column, and its values in that subset. "1-note" is in none.
SUBSETS: dict[str, tuple[str, frozenset[str]]] = {
    "beat_query_type": ("sample_type", frozenset({"beat"})),
    "riff_query_type": ("sample_type", frozenset({"riff"})),
    "no_interpolation": ("interpolation", frozenset({"no", "probably not"})),
    "yes_interpolation": ("interpolation", frozenset({"yes", "maybe", "probably"})),
}
# In the list of queries, but in none of the four subsets.
DOUBTED = {
    "S084": "the annotators ask whether the reference's notes are the sample's",
    "S123": "the annotators think it was recorded anew and advise to leave it out",
}


def segment_queries(annotations: Annotations) -> pd.DataFrame:
    """The released segment queries: every presence that lasts at least a second.

    Returns:
        ``QUERY_COLUMNS``, times in seconds; by sample id and start. The released file has the same
        rows, with those of S028 at its end.
    """
    sounding = presences(annotations.intervals)
    long_enough = sounding[sounding["end_s"] - sounding["start_s"] >= MIN_QUERY_S]
    tracks = annotations.relations[["sample_id", "query_id", "reference_id"]]
    table = long_enough.merge(tracks, on="sample_id", how="left", validate="many_to_one")
    return table[list(QUERY_COLUMNS)]


def ground_truth(annotations: Annotations) -> dict[str, list[str]]:
    """Reference → the query of each of its relations, as in ``gt_dict.json``.

    Relations without intervals count; a query that samples a reference twice is named twice.
    """
    truth: dict[str, list[str]] = {}
    for row in annotations.relations.itertuples(index=False):
        truth.setdefault(row.reference_id, []).append(row.query_id)
    return truth


def subset(annotations: Annotations, name: str) -> pd.DataFrame:
    """The queries that belong into one of the ``SUBSETS`` by their relation's values."""
    column, values = SUBSETS[name]
    relations = annotations.relations
    chosen = relations.loc[relations[column].isin(values), "sample_id"]
    queries = segment_queries(annotations)
    return queries[queries["sample_id"].isin(chosen)].reset_index(drop=True)


def explain_queries(annotations: Annotations, released: pd.DataFrame) -> pd.DataFrame:
    """How the released queries differ from the annotated intervals, with the reason for each.

    Args:
        annotations: all of them.
        released: ``QUERY_COLUMNS``.

    Returns:
        ``QUERY_COLUMNS``, where (annotated or released: where the row stands alone) and reason,
        empty where none is known.
    """
    tracks = annotations.relations[["sample_id", "query_id", "reference_id"]]
    query_side = annotations.intervals[annotations.intervals["side"] == "query"]
    annotated = query_side.merge(tracks, on="sample_id", how="left")
    implied = presences(annotations.intervals).query("type == @kind", local_dict={"kind": IMPLIED})
    between = {(row.sample_id, row.start_s, row.end_s) for row in implied.itertuples(index=False)}
    rows: list[tuple[object, ...]] = []
    asked, marked = _keys(released), _keys(annotated)
    asked_set, marked_set = set(asked), set(marked)
    for key, kind in zip(marked, annotated["type"], strict=True):
        if key not in asked_set:
            short = key[4] - key[3] < MIN_QUERY_S
            reason = "absence" if kind == ABSENCE else "shorter than 1 s" if short else ""
            rows.append((*key, "annotated", reason))
    for key in asked:
        if key not in marked_set:
            reason = "implied between absences" if (key[0], *key[3:]) in between else ""
            rows.append((*key, "released", reason))
    return pd.DataFrame(rows, columns=[*QUERY_COLUMNS, "where", "reason"])


def explain_subset(annotations: Annotations, name: str, released: pd.DataFrame) -> pd.DataFrame:
    """How a released subset differs from the queries that belong into it.

    Returns:
        ``QUERY_COLUMNS``, where (derived or released: where the row stands alone) and reason, empty
        where none is known.
    """
    derived, found = _keys(subset(annotations, name)), _keys(released)
    derived_set, found_set = set(derived), set(found)
    rows = [(*key, "derived", DOUBTED.get(key[0], "")) for key in derived if key not in found_set]
    rows += [(*key, "released", "") for key in found if key not in derived_set]
    return pd.DataFrame(rows, columns=[*QUERY_COLUMNS, "where", "reason"])


def read_released_queries(path: Path) -> pd.DataFrame:
    """Read a released list of queries, as ``QUERY_COLUMNS``, in the order of the file.

    Raises:
        UserError: the file is missing or is no such list.
    """
    rows = read_json(path, list, "a released list of queries")
    values = []
    for place, row in enumerate(rows, 1):
        query = row if isinstance(row, dict) else {}
        missing = [key for key in _RELEASED_KEYS if key not in query]
        if missing:
            raise UserError(
                f"{path}: query {place} lacks '{missing[0]}', expected {_RELEASED_KEYS}"
            )
        values.append([query[key] for key in _RELEASED_KEYS])
    return pd.DataFrame(values, columns=list(QUERY_COLUMNS))


def _keys(queries: pd.DataFrame) -> list[tuple[str, str, str, float, float]]:
    """Rows to compare; both sides read their times from the same digits, so equality is exact."""
    return list(queries[list(QUERY_COLUMNS)].itertuples(index=False, name=None))

"""Groups of queries, by sample type and by interpolation, from the annotations or upstream's lists.

Upstream asks about each interval in which a sample sounds for at least a second
(``sample100_query_index.json``, 971 rows) and has a list of the queries of each group. All five
files follow from Sample100-ext, but for two relations that the groups' lists lack;
tests/upstream/test_groups.py compares them row by row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neuralsampleid.datasets.sample100_annotations import (
    Annotations,
    presences,
    read_annotations,
)
from neuralsampleid.errors import UserError
from neuralsampleid.files import read_json

MIN_QUERY_S = 1.0
QUERY_COLUMNS = ("sample_id", "query_id", "reference_id", "start_s", "end_s")
_UPSTREAM_KEYS = ("sample_id", "query_file", "ref_file", "start_time", "end_time")
# Two groups of one kind exclude each other: a track of both is of neither.
KINDS = (frozenset({"riff", "beat"}), frozenset({"interpolated", "not_interpolated"}))
# File of a subset → the relations' column, and its values in that subset. "1-note" is in none.
SUBSETS: dict[str, tuple[str, frozenset[str]]] = {
    "beat_query_type": ("sample_type", frozenset({"beat"})),
    "riff_query_type": ("sample_type", frozenset({"riff"})),
    "no_interpolation": ("interpolation", frozenset({"no", "probably not"})),
    "yes_interpolation": ("interpolation", frozenset({"yes", "maybe", "probably"})),
}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueryGroups:
    """Which groups a query belongs to.

    Attributes:
        subsets: group → its queries, ``QUERY_COLUMNS``.
        index: the list of all queries whose place is an occurrence's number; None where unknown.
    """

    subsets: Mapping[str, pd.DataFrame]
    index: pd.DataFrame | None = None

    def of_tracks(self, tracks: Iterable[str]) -> dict[str, frozenset[str]]:
        """Groups of whole tracks: of all their samples, but for those that exclude each other."""
        asked = {group: set(rows["query_id"]) for group, rows in self.subsets.items()}
        found = {}
        for track in tracks:
            groups = {group for group, queries in asked.items() if track in queries}
            for kind in KINDS:
                if len(groups & kind) > 1:
                    groups -= kind
            found[track] = frozenset(groups)
        return found

    def of_occurrences(self, occurrences: Mapping[str, str]) -> dict[str, frozenset[str]]:
        """Groups of occurrences, given as name ``<track>_<number>`` → track.

        The number is a place in ``index``. Where that names other tracks, or there is none, an
        occurrence has the groups of its track.
        """
        if not self.subsets:
            return dict.fromkeys(occurrences, frozenset())
        rows = self._rows(occurrences)
        if rows is None:
            of_track = self.of_tracks(set(occurrences.values()))
            return {name: of_track[track] for name, track in occurrences.items()}
        keys = {group: set(_keys(subset)) for group, subset in self.subsets.items()}
        return {
            name: frozenset(group for group, members in keys.items() if key in members)
            for name, key in zip(occurrences, rows, strict=True)
        }

    def _rows(self, occurrences: Mapping[str, str]) -> list[tuple[object, ...]] | None:
        """What each occurrence is in ``index``; None where the two do not belong together."""
        if self.index is None:
            return None
        keys, rows = _keys(self.index), []
        for name, track in occurrences.items():
            number = int(name.rpartition("_")[2])
            if number >= len(keys) or keys[number][1] != track:
                _LOG.warning(
                    "occurrence '%s' is not query %d of the list's %d; occurrences have the groups "
                    "of their tracks",
                    *(name, number, len(keys)),
                )
                return None
            rows.append(keys[number])
        return rows


def read_groups(
    names: Mapping[str, str],
    lists: Mapping[str, Path],
    index: Path | None,
    annotations: Path | None = None,
) -> QueryGroups:
    """Groups from the annotations, or else from upstream's lists of queries.

    Args:
        names: group → file name of its list.
        lists: file name → the list, for those that there are.
        index: the list of all queries; None where there is none.
        annotations: folder of Sample100-ext. Upstream's lists were made from it, but lack
            two relations; a group of the user's own still comes from its list.

    Raises:
        UserError: a file is broken.
    """
    known = None if annotations is None else read_annotations(annotations)
    queries = None if index is None else read_queries(index)
    subsets = {}
    for group, name in names.items():
        if known is not None and Path(name).stem in SUBSETS:
            subsets[group] = subset(known, Path(name).stem)
        elif name in lists:
            subsets[group] = read_queries(lists[name])
    if queries is None and known is not None:
        queries = segment_queries(known)
    return QueryGroups(subsets, queries)


def segment_queries(annotations: Annotations) -> pd.DataFrame:
    """Upstream's segment queries: every presence that lasts at least a second.

    Returns:
        ``QUERY_COLUMNS``, times in seconds; by sample id and start. Upstream's file has the same
        rows, with those of S028 at its end.
    """
    sounding = presences(annotations.intervals)
    long_enough = sounding[sounding["end_s"] - sounding["start_s"] >= MIN_QUERY_S]
    tracks = annotations.relations[["sample_id", "query_id", "reference_id"]]
    table = long_enough.merge(tracks, on="sample_id", how="left", validate="many_to_one")
    return table[list(QUERY_COLUMNS)]


def subset(annotations: Annotations, name: str) -> pd.DataFrame:
    """The queries that belong into one of the ``SUBSETS`` by their relation's values."""
    column, values = SUBSETS[name]
    relations = annotations.relations
    chosen = relations.loc[relations[column].isin(values), "sample_id"]
    queries = segment_queries(annotations)
    return queries[queries["sample_id"].isin(chosen)].reset_index(drop=True)


def read_queries(path: Path) -> pd.DataFrame:
    """Read an upstream list of queries, as ``QUERY_COLUMNS``, in the order of the file.

    Raises:
        UserError: the file is missing or is no such list.
    """
    rows = read_json(path, list, "an upstream list of queries")
    values = []
    for place, row in enumerate(rows, 1):
        query = row if isinstance(row, dict) else {}
        missing = [key for key in _UPSTREAM_KEYS if key not in query]
        if missing:
            raise UserError(
                f"{path}: query {place} lacks '{missing[0]}', expected {_UPSTREAM_KEYS}"
            )
        values.append([query[key] for key in _UPSTREAM_KEYS])
    return pd.DataFrame(values, columns=list(QUERY_COLUMNS))


def _keys(queries: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(queries[list(QUERY_COLUMNS)].itertuples(index=False, name=None))

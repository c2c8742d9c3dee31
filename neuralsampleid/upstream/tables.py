"""Answers about published fingerprints as a row per query and as rows of the metrics table.

In the tables of such a run ``protocol`` is released or corrected; ``task`` says which queries a row
is about, as in every other run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, METRICS, SEGMENT, Format, join, split
from neuralsampleid.config import UpstreamEvaluation
from neuralsampleid.datasets.sample100_annotations import read_annotations
from neuralsampleid.evaluation.intervals import Bootstrap
from neuralsampleid.evaluation.summary import metrics_table, written_length
from neuralsampleid.upstream.answers import Judged
from neuralsampleid.upstream.ground_truth import (
    SUBSETS,
    read_released_queries,
    segment_queries,
    subset,
)

PER_QUERY_COLUMNS = (
    "protocol",
    "task",
    "query_id",
    "occurrence",
    "query_seconds",
    "groups",
    "first_rank",
    "ap",
)
# Two groups of one kind exclude each other: a track of both is of neither.
KINDS = (frozenset({"riff", "beat"}), frozenset({"interpolated", "not_interpolated"}))
UPSTREAM_METRICS: Format = {"system": str, "protocol": str, **METRICS}
_KEY = ["sample_id", "query_id", "reference_id", "start_s", "end_s"]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueryGroups:
    """Which groups a query belongs to.

    Attributes:
        subsets: group → its queries, ``sample100_released.QUERY_COLUMNS``.
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
    """Groups from the annotations, or else from the released lists of queries.

    Args:
        names: group → file name of its list.
        lists: file name → the list, for those that there are.
        index: the list of all queries; None where there is none.
        annotations: folder of Sample100-ext. The released lists were made of it, but for two
            relations that they lack; a group of the user's own still comes from its list.

    Raises:
        UserError: a file is broken.
    """
    known = None if annotations is None else read_annotations(annotations)
    queries = None if index is None else read_released_queries(index)
    subsets = {}
    for group, name in names.items():
        if known is not None and Path(name).stem in SUBSETS:
            subsets[group] = subset(known, Path(name).stem)
        elif name in lists:
            subsets[group] = read_released_queries(lists[name])
    if queries is None and known is not None:
        queries = segment_queries(known)
    return QueryGroups(subsets, queries)


def per_query(
    judged: Judged, protocol: str, seconds: Mapping[float, int], groups: QueryGroups
) -> pd.DataFrame:
    """A row for each whole track, and one for each occurrence and length.

    Args:
        judged: one system's answers.
        protocol: by which.
        seconds: query length → number of segments, as asked about.
        groups: of the queries.

    Returns:
        ``PER_QUERY_COLUMNS``; groups as by ``formats.join``.
    """
    of_tracks = groups.of_tracks(answer.track for answer in judged.track_answers)
    of_occurrences = groups.of_occurrences(
        {answer.occurrence: answer.track for answer in judged.segment_answers}
    )
    rows: list[tuple[object, ...]] = []
    for track in judged.track_answers:
        about = (track.track, "", None, join(of_tracks[track.track]))
        rows.append((protocol, FULL_TRACK, *about, None, track.average_precision))
    for length, segments in seconds.items():
        for answer in judged.segment_answers:
            if answer.segments == segments:
                joined = join(of_occurrences[answer.occurrence])
                asked = (answer.track, answer.occurrence, length, joined)
                rows.append((protocol, SEGMENT, *asked, answer.first_rank, None))
    table = pd.DataFrame(rows, columns=list(PER_QUERY_COLUMNS))
    return table.astype({"first_rank": "Int64", "ap": "float64", "query_seconds": "float64"})


def summarise(
    answers: pd.DataFrame,
    system: str,
    protocol: str,
    groups: Sequence[str],
    evaluation: UpstreamEvaluation,
    seed: int,
) -> pd.DataFrame:
    """Average over queries, with intervals over query tracks.

    Args:
        answers: what ``per_query`` returned.
        system: its name in the config.
        protocol: released or corrected.
        groups: beside ``all``; one without queries has rows with 0 queries and no value.
        evaluation: lengths, cutoffs, and the bootstrap's settings.
        seed: of the bootstrap.

    Returns:
        ``UPSTREAM_METRICS``, fractions to six decimals.
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    rows: list[tuple[object, ...]] = []
    members = {"all": answers} | {
        group: answers[[group in split(joined) for joined in answers["groups"]]] for group in groups
    }
    for group, chosen in members.items():
        tracks = chosen[chosen["task"] == FULL_TRACK]
        mean = bootstrap.mean(tracks["ap"], tracks["query_id"])
        rows.append((system, FULL_TRACK, "map", None, None, group, *mean))
    for seconds in sorted(evaluation.query_seconds):
        length = written_length(seconds)
        for k in sorted(evaluation.cutoffs):
            for group, chosen in members.items():
                segments = chosen[chosen["query_seconds"] == seconds]
                hits = (segments["first_rank"] <= k).fillna(value=False).astype(float)
                mean = bootstrap.mean(hits, segments["query_id"])
                rows.append((system, SEGMENT, "hit_rate", k, length, group, *mean))
    return metrics_table(rows).assign(protocol=protocol)[list(UPSTREAM_METRICS)]


def _keys(queries: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(queries[_KEY].itertuples(index=False, name=None))

"""The queries of the two tasks, derived from a catalogue.

``full_track``: every query track that samples something is one query; all references that are
sampled in it are relevant.

``segment``: an excerpt of fixed length from where a sample begins. A *passage* is a maximal run of
occurrences of one sample in one query track whose gaps are at most ``max_gap_s``. For each length
L, the query [start, start + L) begins where the passage begins, if passage and track last that
long. Relevant are the passage's own reference and every other of which at least one second sounds
in the interval, all its occurrences there together: slices of a chopped sample count as one.

Upstream makes each annotated occurrence of at least 1 s a query of its own, leaves it out at
lengths that it does not reach, and counts every reference of the whole track as relevant
(docs/upstream.md, "Queries"). A loop of 2 s that comes back each bar would then never be asked
about at 5 s, and its repetitions would count as many queries; a passage is one. With
``max_gap_s: 0`` only occurrences that touch or overlap are joined, which is nearest to upstream.

Each query of either task has a counterpart that nothing in the catalogue answers, because all
references that its track samples are excluded (``full_track_absent``, ``segment_absent``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from neuralsampleid.catalogue.formats import ABSENT, FULL_TRACK, QUERIES, SEGMENT, join, split
from neuralsampleid.catalogue.tables import Catalogue
from neuralsampleid.config import Queries
from neuralsampleid.errors import UserError

# Times are compared in whole milliseconds, so that they survive a CSV file.
_TOLERANCE_MS = 1
_AUDIBLE_MS = 1000


def derive_queries(catalogue: Catalogue, settings: Queries) -> pd.DataFrame:
    """All queries of both tasks.

    Args:
        catalogue: tracks and occurrences.
        settings: ``query_seconds`` and ``max_gap_s``, both in seconds.

    Returns:
        One row per query with the columns ``formats.QUERIES``; first the full tracks, then the
        segments by track, start and length. ``query_seconds`` is NaN for full tracks; ``group`` is
        the sample type, empty where unknown or mixed. Nothing is excluded, and ``conditions`` are
        left to ``conditions.describe``.

    Raises:
        UserError: the catalogue has no occurrence.
    """
    if catalogue.occurrences.empty:
        raise UserError("occurrences.csv: no occurrence, expected at least one to ask about")
    rows = [
        *_full_track_queries(catalogue),
        *_segment_queries(catalogue, settings.query_seconds, settings.max_gap_s),
    ]
    about = [column for column in QUERIES if column not in {"conditions", "excluded"}]
    table = pd.DataFrame(rows, columns=about).assign(conditions="", excluded="")
    table = table[list(QUERIES)].astype(dict(QUERIES))
    order = ["task", "query_id", "query_start_s", "query_seconds"]
    return table.sort_values(order, ignore_index=True)


def leave_out(queries: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """The queries with tracks that their rankings leave out.

    Args:
        queries: of ``derive_queries``.
        left_out: ``formats.LEFT_OUT``.
    """
    names = left_out.groupby("query_id")["track_id"].agg(join)
    return queries.assign(excluded=queries["query_id"].map(names).fillna(""))


def without_answers(queries: pd.DataFrame, occurrences: pd.DataFrame) -> pd.DataFrame:
    """The counterparts of queries in a catalogue without the references of their tracks.

    Args:
        queries: of ``derive_queries`` or ``leave_out``.
        occurrences: of the catalogue.

    Returns:
        As many rows: the task as in ``ABSENT``, nothing relevant, and every reference that the
        track samples anywhere, also outside the queried interval, excluded beside what already is.
    """
    sampled = occurrences.groupby("query_id")["reference_id"].agg(join)
    excluded = zip(queries["excluded"], queries["query_id"], strict=True)
    return queries.assign(
        task=queries["task"].map(ABSENT),
        relevant="",
        excluded=[join([*split(own), *split(sampled[query])]) for own, query in excluded],
    )


def find_passages(occurrences: pd.DataFrame, max_gap_s: float) -> pd.DataFrame:
    """Join the repetitions of a sample into passages.

    Args:
        occurrences: with the catalogue's ``OCCURRENCE_COLUMNS``.
        max_gap_s: seconds that the sample may pause within a passage.

    Returns:
        query_id, reference_id, sample_id, start_ms, end_ms, group; sorted by the first four.
    """
    key = ["query_id", "reference_id", "sample_id"]
    # Where a sample sounds may be unknown; its query is asked about as a whole only.
    occurrences = occurrences.dropna(subset=["query_start_s", "query_end_s"])
    table = occurrences.assign(
        start_ms=milliseconds(occurrences["query_start_s"]),
        end_ms=milliseconds(occurrences["query_end_s"]),
    ).sort_values([*key, "start_ms", "end_ms"], ignore_index=True)
    # A short occurrence may lie inside a longer one: the sample pauses after the latest end so far.
    latest = table.assign(end_ms=table.groupby(key)["end_ms"].cummax())
    gap = table["start_ms"] - latest.groupby(key)["end_ms"].shift()
    begins = gap.isna() | (gap > 1000 * max_gap_s + _TOLERANCE_MS)
    runs = table.groupby(begins.cumsum().to_numpy())
    return runs.agg(
        **{column: (column, "first") for column in key},
        start_ms=("start_ms", "first"),
        end_ms=("end_ms", "max"),
        group=("sample_type", common_group),
    ).reset_index(drop=True)


def common_group(sample_types: Iterable[str]) -> str:
    """The one sample type that all have, else the empty text."""
    types = set(sample_types)
    return types.pop() if len(types) == 1 else ""


def milliseconds(seconds: pd.Series[float]) -> pd.Series[int]:
    """Seconds as whole milliseconds; −1 where unknown."""
    return (1000 * seconds).round().fillna(-1).astype("int64")


def _full_track_queries(catalogue: Catalogue) -> Iterator[tuple[object, ...]]:
    durations = dict(zip(catalogue.tracks["track_id"], catalogue.tracks["duration_s"], strict=True))
    for query_id, rows in catalogue.occurrences.groupby("query_id"):
        group, relevant = common_group(rows["sample_type"]), join(rows["reference_id"])
        yield FULL_TRACK, query_id, 0.0, durations[query_id], None, group, relevant


def _segment_queries(
    catalogue: Catalogue, lengths_s: Sequence[float], max_gap_s: float
) -> Iterator[tuple[object, ...]]:
    passages = find_passages(catalogue.occurrences, max_gap_s)
    occurrences = dict(iter(catalogue.occurrences.groupby("query_id")))
    durations = dict(
        zip(catalogue.tracks["track_id"], milliseconds(catalogue.tracks["duration_s"]), strict=True)
    )
    for seconds in sorted(set(lengths_s)):
        length = round(1000 * seconds)
        long_enough = passages[passages["end_ms"] - passages["start_ms"] + _TOLERANCE_MS >= length]
        # Passages that begin together are the same audio, hence one query.
        for (query_id, start), begun in long_enough.groupby(["query_id", "start_ms"]):
            end = start + length
            if 0 <= durations[query_id] < end - _TOLERANCE_MS:
                continue
            sounding = _audible_references(occurrences[query_id], start, end)
            relevant = join([*begun["reference_id"], *sounding])
            group = common_group(begun["group"])
            yield SEGMENT, query_id, start / 1000, end / 1000, seconds, group, relevant


def _audible_references(occurrences: pd.DataFrame, start_ms: int, end_ms: int) -> list[str]:
    """References whose occurrences overlap [start, end) by at least one second in sum."""
    starts = milliseconds(occurrences["query_start_s"]).clip(lower=start_ms)
    ends = milliseconds(occurrences["query_end_s"]).clip(upper=end_ms)
    overlap = (ends - starts).clip(lower=0).groupby(occurrences["reference_id"]).sum()
    return list(overlap.index[overlap + _TOLERANCE_MS >= _AUDIBLE_MS])

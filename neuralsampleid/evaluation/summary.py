"""What every kind of run needs to get from values per query to rows of the metrics table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from neuralsampleid.catalogue.formats import ABSENT, FULL_TRACK, METRICS, SEGMENT
from neuralsampleid.evaluation.conditions import conditions_of, has_condition
from neuralsampleid.evaluation.queries import milliseconds

Groups = Sequence[tuple[str, pd.DataFrame]]  # name, queries


def metrics_table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    """Rows of ``formats.METRICS`` as a table with its types."""
    table = pd.DataFrame(rows, columns=list(METRICS), dtype=object)
    numbers = dict.fromkeys(("value", "low", "high"), "float64")
    texts = dict.fromkeys(("system", "task", "metric", "group"), "str")
    return table.astype({**texts, **numbers, "k": "Int64", "queries": "int64"})


def written_length(seconds: float) -> float:
    """A query length for the table: whole seconds as integers, so that the CSV says 5, not 5.0."""
    return int(seconds) if seconds == int(seconds) else seconds


def sample_types(judged: pd.DataFrame) -> list[str]:
    """The groups among queries: the sample types that are known, sorted."""
    return sorted(set(judged["group"]) - {""})


def by_type(queries: pd.DataFrame) -> Groups:
    """All queries, then those of each sample type."""
    types = [(name, queries[queries["group"] == name]) for name in sample_types(queries)]
    return [("all", queries), *types]


def at_length(judged: pd.DataFrame, seconds: float) -> pd.Series[bool]:
    """Which queries have a length, to the millisecond."""
    return milliseconds(judged["query_seconds"]) == round(1000 * seconds)


def by_condition(queries: pd.DataFrame) -> Groups:
    """The queries that have each condition."""
    return [(name, queries[has_condition(queries, name)]) for name in conditions_of(queries)]


def all_groups(queries: pd.DataFrame) -> Groups:
    """All queries, then those of each sample type, then those of each condition."""
    return [*by_type(queries), *by_condition(queries)]


def asked(
    judged: pd.DataFrame, lengths: Sequence[float]
) -> Iterator[tuple[str, float | None, pd.DataFrame]]:
    """Full tracks, then segments by length: task, length as written, queries."""
    yield FULL_TRACK, None, judged[judged["task"] == FULL_TRACK]
    segments = judged[judged["task"] == SEGMENT]
    for seconds in sorted(set(lengths)):
        yield SEGMENT, written_length(seconds), segments[at_length(segments, seconds)]


def decisions(
    judged: pd.DataFrame, lengths: Sequence[float]
) -> Iterator[tuple[str, float | None, pd.DataFrame, pd.DataFrame]]:
    """Where there are any: task, length as written, queries with and without their answers."""
    absent = judged.assign(task=judged["task"].map({v: k for k, v in ABSENT.items()}))
    counterparts = asked(absent, lengths)
    for (task, length, present), (_, _, without) in zip(
        asked(judged, lengths), counterparts, strict=True
    ):
        if len(present) and len(without):
            yield task, length, present, without

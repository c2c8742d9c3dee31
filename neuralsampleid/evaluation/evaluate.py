"""From the matches of one system to a row per query, and from those to the long metrics table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from neuralsampleid.config import Evaluation
from neuralsampleid.data.formats import per_query_format
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.metrics import average_precision, first_rank, hit_at_k
from neuralsampleid.evaluation.protocol import FULL_TRACK, SEGMENT, milliseconds
from neuralsampleid.evaluation.summary import (
    DECIMALS,
    mean_with_interval,
    metrics_table,
    written_length,
)

Key = tuple[str, str, int, int]  # protocol, query_id, start and end in milliseconds


def per_query(matches: pd.DataFrame, queries: pd.DataFrame, cutoffs: Sequence[int]) -> pd.DataFrame:
    """Judge the ranking of each query.

    Args:
        matches: one system's answers, columns ``formats.MATCHES``, in any order; the columns that
            name the query repeat those of ``queries`` (to the millisecond).
        queries: columns ``formats.QUERIES``. A query without matches retrieved nothing.
        cutoffs: the k of the hit rates, each once.

    Returns:
        One row per query, in the order of ``queries``, columns ``per_query_format(cutoffs)``.

    Raises:
        UserError: matches of an unknown query; ranks that are not 1, 2, …; a track ranked twice.
    """
    rankings = _rankings(matches)
    keys = _keys(queries)
    unknown = rankings.keys() - set(keys)
    if unknown:
        raise UserError(f"matches: {_named(min(unknown))} is not among the queries")
    rows = []
    for key, query in zip(keys, queries.itertuples(index=False), strict=True):
        ranking, relevant = rankings.get(key, ()), set(query.relevant.split("|"))
        try:
            judged = (
                first_rank(ranking, relevant),
                average_precision(ranking, relevant),
                *(hit_at_k(ranking, relevant, k) for k in cutoffs),
            )
        except UserError as error:
            raise UserError(f"matches: {_named(key)}: {error}") from error
        about = (query.query_start_s, query.query_seconds, query.group, query.relevant)
        rows.append((query.protocol, query.query_id, *about, *judged))
    table = pd.DataFrame(rows, columns=list(per_query_format(cutoffs)))
    return table.astype({"first_rank": "Int64"}).round({"ap": DECIMALS})


def summarise(judged: pd.DataFrame, system: str, evaluation: Evaluation, seed: int) -> pd.DataFrame:
    """Average over queries, with intervals over query tracks.

    Args:
        judged: what ``per_query`` returned for the system.
        system: its name in the config.
        evaluation: lengths, cutoffs (as in ``judged``), and the bootstrap's settings.
        seed: of the bootstrap; the same for all systems that are to be compared.

    Returns:
        Columns ``formats.METRICS``, fractions in [0, 1] to six decimals. First ``map`` over full
        tracks, then ``hit_rate`` over segments by length and k; each for the group ``all`` and
        every sample type. Where there is no query, value, low and high are NaN and queries is 0.
    """
    tracks = judged[judged["protocol"] == FULL_TRACK]
    segments = judged[judged["protocol"] == SEGMENT]
    rows: list[tuple[object, ...]] = []
    for group, chosen in _groups(tracks):
        mean = _mean(chosen, "ap", evaluation, seed)
        rows.append((system, FULL_TRACK, "map", None, None, group, *mean))
    for seconds in sorted(evaluation.query_seconds):
        for k in sorted(evaluation.cutoffs):
            for group, chosen in _groups(segments):
                answers = chosen[milliseconds(chosen["query_seconds"]) == round(1000 * seconds)]
                mean = _mean(answers, f"hit_{k}", evaluation, seed)
                rows.append((system, SEGMENT, "hit_rate", k, written_length(seconds), group, *mean))
    return metrics_table(rows)


def _mean(
    answers: pd.DataFrame, column: str, evaluation: Evaluation, seed: int
) -> tuple[float, float, float, int]:
    return mean_with_interval(answers[column], answers["query_id"].tolist(), evaluation, seed)


def _groups(answers: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "all", answers
    for group in sorted(set(answers["group"]) - {""}):
        yield group, answers[answers["group"] == group]


def _rankings(matches: pd.DataFrame) -> dict[Key, tuple[str, ...]]:
    """Retrieved ids by query, best first."""
    found: dict[Key, dict[int, str]] = {}
    rows = zip(_keys(matches), matches["rank"], matches["reference_id"], strict=True)
    for key, rank, reference_id in rows:
        ranking = found.setdefault(key, {})
        if rank in ranking:
            raise UserError(f"matches: {_named(key)}: rank {rank:g} twice, expected 1, 2, …")
        ranking[rank] = reference_id
    for key, ranking in found.items():
        if sorted(ranking) != list(range(1, len(ranking) + 1)):
            gap = next(rank for rank in range(1, len(ranking) + 1) if rank not in ranking)
            raise UserError(f"matches: {_named(key)}: rank {gap} is missing, expected 1, 2, …")
    return {key: tuple(found[key][rank] for rank in sorted(found[key])) for key in found}


def _keys(table: pd.DataFrame) -> list[Key]:
    starts, ends = milliseconds(table["query_start_s"]), milliseconds(table["query_end_s"])
    return list(zip(table["protocol"], table["query_id"], starts, ends, strict=True))


def _named(key: Key) -> str:
    protocol, query_id, start, end = key
    return f"{protocol} query '{query_id}' at {start / 1000:g}–{end / 1000:g} s"

"""From the matches of one system to a row per query, and from those to the long metrics table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import ABSENT, FULL_TRACK, SEGMENT, per_query_format, split
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation import metrics
from neuralsampleid.evaluation.intervals import DECIMALS, Bootstrap
from neuralsampleid.evaluation.queries import milliseconds
from neuralsampleid.evaluation.summary import (
    Groups,
    at_length,
    by_condition,
    by_type,
    metrics_table,
    written_length,
)

Key = tuple[str, str, int, int]  # task, query_id, start and end in milliseconds


def asked_of(matches: pd.DataFrame, queries: pd.DataFrame) -> pd.DataFrame:
    """The queries that another program was asked: those of tasks and lengths that it answered.

    Args:
        matches: its answers, columns ``formats.MATCHES``.
        queries: columns ``formats.QUERIES``.

    Returns:
        Some of the queries: full tracks if it found something in one of them, segments of a length
        likewise, each with their counterparts that nothing answers. Without the others its tables
        show that nothing is known there, and not that nothing was found.
    """
    present = queries["task"].replace({absent: task for task, absent in ABSENT.items()})
    parts = list(zip(present, queries["query_seconds"].fillna(0.0), strict=True))
    answered = set(_keys(matches))
    asked = {part for part, key in zip(parts, _keys(queries), strict=True) if key in answered}
    return queries[[part in asked for part in parts]].reset_index(drop=True)


def per_query(matches: pd.DataFrame, queries: pd.DataFrame, cutoffs: Sequence[int]) -> pd.DataFrame:
    """Judge the ranking of each query.

    Args:
        matches: one system's answers, columns ``formats.MATCHES``, in any order; the columns that
            name the query repeat those of ``queries`` (to the millisecond).
        queries: columns ``formats.QUERIES``. A query without matches retrieved nothing.
        cutoffs: the k of the hit rates, each once.

    Returns:
        One row per query, in the order of ``queries``, columns ``per_query_format(cutoffs)``. Of a
        query to which nothing is relevant only the best score is judged.

    Raises:
        UserError: matches of an unknown query; ranks that are not 1, 2, …; a track ranked twice, or
            though the query excludes it.
    """
    rankings = _rankings(matches)
    keys = _keys(queries)
    unknown = rankings.keys() - set(keys)
    if unknown:
        raise UserError(f"matches: {_named(min(unknown))} is not among the queries")
    columns = list(per_query_format(cutoffs))
    rows = []
    for key, query in zip(keys, queries.to_dict("records"), strict=True):
        found = rankings.get(key)
        ranking = () if found is None else tuple(found["reference_id"])
        judged = {"best_score": np.nan if found is None else found["score"].iloc[0]}
        try:
            _check_excluded(ranking, query["excluded"])
            if query["relevant"]:
                relevant = set(split(query["relevant"]))
                judged |= metrics.evaluate(ranking, relevant, cutoffs)
        except UserError as error:
            raise UserError(f"matches: {_named(key)}: {error}") from error
        rows.append(query | judged)
    table = pd.DataFrame(rows, columns=columns)
    whole = dict.fromkeys(["first_rank", *(f"hit_{k}" for k in cutoffs)], "Int64")
    decimals = dict.fromkeys(("ap", "ap_retrieved"), DECIMALS)
    return table.astype({**whole, **dict.fromkeys(decimals, "float64")}).round(decimals)


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
        every sample type. Then the same for every condition, and ``map_retrieved``. Where there is
        no query, value, low and high are NaN and queries is 0.
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    tracks = judged[judged["task"] == FULL_TRACK]
    segments = judged[judged["task"] == SEGMENT]
    rows: list[tuple[object, ...]] = []
    for groups in (by_type, by_condition):
        rows += _precision(groups(tracks), "map", "ap", bootstrap)
        rows += _hit_rates(groups(segments), evaluation, bootstrap)
    rows += _precision(by_type(tracks), "map_retrieved", "ap_retrieved", bootstrap)
    return metrics_table([(system, *row) for row in rows])


def _precision(
    groups: Groups, metric: str, column: str, bootstrap: Bootstrap
) -> Iterator[tuple[object, ...]]:
    for group, tracks in groups:
        mean = bootstrap.mean(tracks[column], tracks["query_id"])
        yield FULL_TRACK, metric, None, None, group, *mean


def _hit_rates(
    groups: Groups, evaluation: Evaluation, bootstrap: Bootstrap
) -> Iterator[tuple[object, ...]]:
    for seconds in sorted(evaluation.query_seconds):
        asked = [(group, rows[at_length(rows, seconds)]) for group, rows in groups]
        for k in sorted(evaluation.cutoffs):
            for group, segments in asked:
                mean = bootstrap.mean(segments[f"hit_{k}"], segments["query_id"])
                yield SEGMENT, "hit_rate", k, written_length(seconds), group, *mean


def _check_excluded(ranking: Sequence[str], excluded: str) -> None:
    ranked = set(split(excluded)).intersection(ranking)
    if ranked:
        raise UserError(f"ranking: holds '{min(ranked)}', which the query excludes")


def _rankings(matches: pd.DataFrame) -> dict[Key, pd.DataFrame]:
    """Answers by query, best first."""
    keys = pd.Series(_keys(matches), index=matches.index)
    found = {}
    for key, rows in matches.groupby(keys, sort=False):
        ranked = rows.sort_values("rank", kind="stable")
        wrong = ranked["rank"].to_numpy() != np.arange(1, len(ranked) + 1)
        if wrong.any():
            place = int(wrong.argmax())
            rank = ranked["rank"].iloc[place]
            raise UserError(f"matches: {_named(key)}: rank {rank:g}, expected {place + 1}")
        found[key] = ranked
    return found


def _keys(table: pd.DataFrame) -> list[Key]:
    starts, ends = milliseconds(table["query_start_s"]), milliseconds(table["query_end_s"])
    return list(zip(table["task"], table["query_id"], starts, ends, strict=True))


def _named(key: Key) -> str:
    task, query_id, start, end = key
    return f"{task} query '{query_id}' at {start / 1000:g}–{end / 1000:g} s"

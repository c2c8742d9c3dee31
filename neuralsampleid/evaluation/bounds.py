"""What no system can be better or worse than: a perfect ranking, and a random one.

Both answer as any system does, so that every table and figure has them beside the others (Luecken
et al. 2025, "Defining and benchmarking open problems in single-cell analysis").
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, LINES, MATCHES, split
from neuralsampleid.catalogue.tables import SEARCHED_ROLES, Catalogue
from neuralsampleid.matching.external import TIMES, lines_of

_RANDOM_S = 5.0  # a random match's length
_QUERY = ("task", "query_id", "query_start_s", "query_end_s")


def oracle(
    queries: pd.DataFrame, catalogue: Catalogue, ranks: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All that is relevant to a query, first and alone, at every place that is annotated.

    Args:
        queries: columns of ``formats.QUERIES``.
        catalogue: says where the samples are.
        ranks: tracks kept per query: what is relevant beyond them is missed.

    Returns:
        Columns of ``formats.MATCHES``, each with the score 1 and its first occurrence in the query;
        and of ``formats.LINES``, every occurrence in full tracks. Queries without answers found
        nothing. Times are NaN where they are not annotated.
    """
    places = dict(iter(catalogue.occurrences.groupby(["query_id", "reference_id"])))
    matches, lines = [], []
    for query in queries.itertuples(index=False):
        about = [getattr(query, name) for name in _QUERY]
        for rank, track in enumerate(split(query.relevant)[:ranks], 1):
            rows = places[query.query_id, track]
            overlap = (rows["query_start_s"] < query.query_end_s) & (
                rows["query_end_s"] > query.query_start_s
            )
            first = (rows[overlap] if overlap.any() else rows).iloc[0]
            times = (*first[["reference_start_s", "reference_end_s"]],)
            times += (*first[["query_start_s", "query_end_s"]],)
            matches.append((*about, rank, track, 1.0, *times, np.nan))
            if query.task == FULL_TRACK:
                lines.append(rows.assign(rank=rank, score=1.0))
    found = pd.concat(lines).reindex(columns=list(LINES)) if lines else pd.DataFrame(columns=LINES)
    return _table(matches), found.dropna(subset=TIMES).reset_index(drop=True)


def random_ranking(
    queries: pd.DataFrame, catalogue: Catalogue, ranks: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tracks in random order, with random scores and places; arguments as of ``oracle``.

    Args:
        queries: columns of ``formats.QUERIES``.
        catalogue: its references and noise are ranked.
        ranks: tracks kept per query.
        seed: of the order, scores and places.

    Returns:
        As of ``oracle``; scores are uniform in [0, 1), of every track in every query. A match lasts
        ``_RANDOM_S`` or as long as query or track do; a track's only line is its match.
    """
    rng = np.random.default_rng(seed)
    searched = catalogue.tracks[catalogue.tracks["role"].isin(SEARCHED_ROLES)]
    names, seconds = searched["track_id"].to_numpy(str), searched["duration_s"].to_numpy(float)
    rows = []
    for query in queries.itertuples(index=False):
        about = [getattr(query, name) for name in _QUERY]
        allowed = ~np.isin(names, split(query.excluded))
        scores = np.where(allowed, rng.random(len(names)), -1.0)
        order = np.argsort(-scores)[: min(ranks, allowed.sum())]
        length = np.fmin(_RANDOM_S, np.fmin(seconds[order], about[3] - about[2]))
        free = rng.random((2, len(order)))
        start = free[0] * (seconds[order] - length)
        matched = about[2] + free[1] * (about[3] - about[2] - length)
        times = np.round([start, start + length, matched, matched + length], 3).T
        for rank, (track, place) in enumerate(zip(order, times, strict=True), 1):
            rows.append((*about, rank, names[track], scores[track], *place, np.nan))
    matches = _table(rows)
    return matches, lines_of(matches, matches)


def _table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(MATCHES)).round({"score": 6})

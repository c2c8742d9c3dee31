"""Where the first tracks of a ranking sound in the query: passages of the benchmark's queries.

The votes are those of ``matching`` without a re-ranker, which judges pairs of segments whatever
their times; ``passages`` finds where they line up. So systems that differ in the re-ranker alone
show other tracks, but the same passages of each.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, PASSAGES
from neuralsampleid.fingerprints.database import Database
from neuralsampleid.fingerprints.index import SearchIndex
from neuralsampleid.fingerprints.store import FingerprintStore
from neuralsampleid.matching.lines import Matches, passages_of_track
from neuralsampleid.matching.ranges import Range, TrackSegments, range_of, segments_of_track
from neuralsampleid.matching.votes import Candidates, rank_votes

MOST_PASSAGES = 8  # of a reference, the best of them
LEAST_SHARE = 0.5  # of a reference's best passage that its others reach


def locate_passages(
    matches: pd.DataFrame,
    seconds: Mapping[str, float],
    query_store: FingerprintStore,
    database: Database,
    index: SearchIndex,
    *,
    candidates: int,
    references: int,
    threads: int = 1,
) -> pd.DataFrame:
    """Passages of the tracks that a system ranks first for each whole query track.

    Args:
        matches: columns of ``formats.MATCHES``.
        seconds: length of every query and of every track in the database; NaN where unknown.
        query_store: fingerprints of the query tracks.
        database: fingerprints of noise and references.
        index: over the database's rows.
        candidates: per query segment.
        references: how many tracks of each ranking are looked at.
        threads: of the search.

    Returns:
        Columns of ``formats.PASSAGES``, by query, rank and time in the query. A track whose votes
        line up nowhere has no row.
    """
    shown = matches[(matches["task"] == FULL_TRACK) & (matches["rank"] <= references)]
    number = {track_id: place for place, track_id in enumerate(database.track_ids)}
    segment_s, hop_s = query_store.segment_s, query_store.hop_s
    rows: list[tuple[object, ...]] = []
    for query_id, ranking in shown.groupby("query_id", sort=True):
        query, found = _search(
            str(query_id), seconds, query_store, database, index, candidates, threads
        )
        for hit in ranking.sort_values("rank").itertuples():
            own = found.where(found.track == number[hit.reference_id])
            length = seconds[hit.reference_id] if seconds[hit.reference_id] > 0 else np.inf
            ranges = _ranges(own, query, segment_s, hop_s, length)
            head = (query_id, int(hit.rank), hit.reference_id)
            rows += [(*head, *_rounded(part)) for part in ranges]
    return pd.DataFrame(rows, columns=list(PASSAGES))


def _search(
    query_id: str,
    seconds: Mapping[str, float],
    store: FingerprintStore,
    database: Database,
    index: SearchIndex,
    candidates: int,
    threads: int,
) -> tuple[TrackSegments, Matches]:
    """A query's sounding segments and what they match, with votes by rank."""
    query = segments_of_track(store, query_id, seconds[query_id])
    similarities, found = index.search(query.embeddings, candidates, threads)
    votes = rank_votes(Candidates(found, similarities))
    segment, place = np.nonzero(found >= 0)
    row = found[segment, place]
    middle = store.segment_s / 2
    matches = Matches(
        query=query.numbers[segment],
        track=database.tracks[row],
        query_s=query.starts_s[segment] + middle,
        reference_s=database.starts_s[row] + middle,
        votes=votes[segment, place],
    )
    return query, matches


def _ranges(
    matches: Matches, query: TrackSegments, segment_s: float, hop_s: float, seconds: float
) -> list[Range]:
    """One track's passages by their time in the query, the best of them if they are many."""
    best: list[Range] = []
    for passage in passages_of_track(matches, hop_s, 1e-9):
        if (best and passage.score < LEAST_SHARE * best[0].score) or len(best) == MOST_PASSAGES:
            break
        best.append(range_of(passage, query, segment_s, seconds))
    return sorted(best, key=lambda part: part.query_start_s)


def _rounded(part: Range) -> tuple[float, ...]:
    times = (part.query_start_s, part.query_end_s, part.reference_start_s, part.reference_end_s)
    tempo = np.nan if part.tempo_ratio is None else part.tempo_ratio
    return (*(round(time, 3) for time in times), round(tempo, 4), round(part.score, 4))

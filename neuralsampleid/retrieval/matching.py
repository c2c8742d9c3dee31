"""Matching: candidates of single segments → a ranking of tracks, with where they match.

Each segment of a query votes for the tracks that its nearest segments belong to, with 1 for the
nearest, 1/2 for the second, and so on: similarities are on another scale with every encoder, and
benchmarks/votes.md shows that ranks serve trained encoders at least as well. A re-ranker adds its
probability, weighted, where it does not reject.
References and noise tracks are ranked alike, so noise can be a wrong answer; the released
evaluation skips it (released README, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.data.formats import MATCHES
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.retrieval.index import SearchIndex
from neuralsampleid.retrieval.pair_scores import PairScorer
from neuralsampleid.retrieval.store import FingerprintStore, NodeRows, open_stores

_TOLERANCE_S = 1e-3  # queries' times are kept in milliseconds
_KEPT_BYTES = 1 << 28  # of projected node matrices


@dataclass(frozen=True)
class Candidates:
    """Nearest database rows of every query segment, most similar first."""

    rows: npt.NDArray[np.int64]  # (segments, k), −1 where there are fewer
    similarities: npt.NDArray[np.float32]  # (segments, k), −inf where there are fewer


@dataclass(frozen=True)
class Database:
    """All segments that may answer a query; row r of the index is row r here.

    ``tracks`` numbers the tracks and ``track_ids`` names them.
    """

    embeddings: npt.NDArray[np.float32]  # (rows, d)
    nodes: NodeRows | None  # (rows, channels, nodes)
    silent: npt.NDArray[np.bool_]  # (rows,)
    tracks: npt.NDArray[np.int64]  # (rows,)
    starts_s: npt.NDArray[np.float64]  # (rows,)
    ends_s: npt.NDArray[np.float64]  # (rows,)
    track_ids: list[str]

    @classmethod
    def open(cls, folders: list[Path]) -> Database:
        """All segments of the stores in the given order; errors as for ``open_stores``."""
        store = open_stores(folders)
        number = {track: place for place, track in enumerate(store.tracks)}
        return cls(
            embeddings=store.embeddings,
            nodes=store.nodes,
            silent=store.segments["silent"].to_numpy(bool),
            tracks=store.segments["track_id"].map(number).to_numpy(np.int64),
            starts_s=store.segments["start_s"].to_numpy(float),
            ends_s=store.segments["end_s"].to_numpy(float),
            track_ids=list(store.tracks),
        )


def match_queries(
    queries: pd.DataFrame,
    query_store: FingerprintStore,
    database: Database,
    index: SearchIndex,
    *,
    candidates: int,
    ranks: int,
    reranker: CrossAttentionReranker | None = None,
    reranked: int = 0,
    weight: float = 1.0,
    threads: int = 1,
) -> pd.DataFrame:
    """Rank the database's tracks for every query.

    Args:
        queries: columns of ``formats.QUERIES``.
        query_store: fingerprints of the query tracks.
        database: fingerprints of noise and references.
        index: over the database's rows.
        candidates: per query segment.
        ranks: tracks kept per query.
        reranker: adds its probabilities to the votes; None keeps the similarities. In evaluation
            mode; both sides then need node matrices.
        reranked: how many candidates per query segment the re-ranker sees.
        weight: of the re-ranker's probability beside a vote of 1.
        threads: of the search and the re-ranker.

    Returns:
        Columns of ``formats.MATCHES``: the best ``ranks`` tracks of each query, and
        the database segment that brought the largest vote. A query in which everything is silent
        has no row.
    """
    found = _search(query_store, index, candidates, threads)
    votes = rank_votes(found)
    if reranker is not None:
        database_nodes = database.nodes
        assert query_store.nodes is not None
        assert database_nodes is not None
        scorer = PairScorer(reranker, lambda wanted: database_nodes[wanted], threads, _KEPT_BYTES)
        passing = scorer.passing(query_store.nodes[:], found.rows[:, :reranked])
        votes[:, : passing.shape[1]] += weight * passing
    rows: list[tuple[object, ...]] = []
    for query in queries.itertuples(index=False):
        chosen = segments_within(
            query_store, query.query_id, query.query_start_s, query.query_end_s
        )
        head = (query.protocol, query.query_id, query.query_start_s, query.query_end_s)
        ranking = rank_tracks(found.rows[chosen], votes[chosen], database)
        for rank, hit in enumerate(ranking[:ranks], 1):
            place = hit.row
            times = (database.starts_s[place], database.ends_s[place])
            rows.append((*head, rank, database.track_ids[hit.track], round(hit.score, 6), *times))
    table = pd.DataFrame(rows, columns=list(MATCHES))
    return table.astype({"rank": int})


@dataclass(frozen=True)
class RankedTrack:
    """One line of a ranking."""

    track: int  # number in the database
    score: float
    row: int  # the segment with the largest vote


def rank_tracks(
    rows: npt.NDArray[np.int64], votes: npt.NDArray[np.float64], database: Database
) -> list[RankedTrack]:
    """Add up votes per track.

    Args:
        rows: (segments, candidates) database rows, −1 for none.
        votes: (segments, candidates), at least 0.
        database: says which track a row belongs to.

    Returns:
        Tracks by descending score: the sum over the query's segments of the largest vote that a
        segment gives the track. Ties keep the order of the database.
    """
    size = len(database.track_ids)
    scores, best_vote = np.zeros(size), np.full(size, -1.0)
    best_row = np.zeros(size, np.int64)
    for segment_rows, segment_votes in zip(rows, votes, strict=True):
        found = segment_rows >= 0
        tracks = database.tracks[segment_rows[found]]
        largest = np.full(size, -1.0)
        np.maximum.at(largest, tracks, segment_votes[found])
        scores += np.maximum(largest, 0.0)
        # Descending candidates: the first that reaches the track's largest vote is the nearest.
        for row, track, vote in zip(segment_rows[found], tracks, segment_votes[found], strict=True):
            if vote > best_vote[track]:
                best_vote[track], best_row[track] = vote, row
    ranked = [int(track) for track in np.argsort(-scores, kind="stable") if best_vote[track] >= 0]
    return [RankedTrack(track, float(scores[track]), int(best_row[track])) for track in ranked]


def segments_within(
    store: FingerprintStore, track_id: str, start_s: float, end_s: float
) -> npt.NDArray[np.int64]:
    """Rows of a track's segments that lie within a time range and are not silent.

    If none lies wholly inside, because the range is shorter than a segment, the one whose middle is
    nearest to the range's middle is taken.
    """
    rows = store.rows_of_track(track_id)
    segments = store.segments.iloc[rows]
    starts, ends = segments["start_s"].to_numpy(float), segments["end_s"].to_numpy(float)
    inside = (starts >= start_s - _TOLERANCE_S) & (ends <= end_s + _TOLERANCE_S)
    if not inside.any():
        distance = np.abs((starts + ends) / 2 - (start_s + end_s) / 2)
        inside[int(distance.argmin())] = True
    sounding = inside & ~segments["silent"].to_numpy(bool)
    chosen: npt.NDArray[np.int64] = np.flatnonzero(sounding) + rows.start
    return chosen


def _search(store: FingerprintStore, index: SearchIndex, count: int, threads: int) -> Candidates:
    similarities, rows = index.search(store.embeddings, count, threads)
    return Candidates(rows, similarities)


def rank_votes(candidates: Candidates) -> npt.NDArray[np.float64]:
    """The reciprocal of each candidate's rank, (segments, k); 0 where there is none."""
    votes = 1.0 / np.arange(1, candidates.rows.shape[1] + 1)
    return np.where(candidates.rows >= 0, votes, 0.0)

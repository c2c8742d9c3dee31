"""Matching: candidates of single segments → a ranking of tracks, with where they match.

Each segment of a query votes for the tracks that its nearest segments belong to, with 1 for the
nearest, 1/2 for the second, and so on: similarities are on another scale with every encoder, and
ranks serve trained encoders about as well (benchmarks/votes.md). A re-ranker adds its probability,
weighted, where it does not reject.

References and noise tracks are ranked alike, so noise can be a wrong answer; upstream skips it
(docs/upstream.md, "Search").

A query may exclude tracks: then their segments are passed over in the search itself, so that its
ranking is that of a catalogue without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.catalogue.formats import MATCHES
from neuralsampleid.fingerprints.database import Database
from neuralsampleid.fingerprints.index import SearchIndex
from neuralsampleid.fingerprints.store import FingerprintStore
from neuralsampleid.matching.votes import Candidates, accepted, rank_votes

if TYPE_CHECKING:  # torch, which only a re-ranker needs
    from neuralsampleid.devices import Exact
    from neuralsampleid.matching.pair_scores import PairScorer
    from neuralsampleid.models.reranker import CrossAttentionReranker

_TOLERANCE_S = 1e-3  # queries' times are kept in milliseconds
_KEPT_BYTES = 1 << 28  # of projected node matrices


@dataclass(frozen=True)
class Reranking:
    """A re-ranker and how it takes part.

    Attributes:
        reranker: in evaluation mode.
        candidates: how many per query segment it sees.
        weight: of its probability beside a vote of 1.
        precision: of its products.
    """

    reranker: CrossAttentionReranker
    candidates: int
    weight: float
    precision: Exact = "float32"


@dataclass(frozen=True)
class Votes:
    """What some consecutive segments of the query store found; arrays are (segments, k)."""

    first: int  # row of the store that the arrays begin with

    rows: npt.NDArray[np.int64]  # of the database, −1 for none
    votes: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]  # the re-ranker's; NaN where it did not look

    def part(self, segments: slice) -> Votes:
        """Those of some of the segments, given as rows of the store."""
        own = slice(segments.start - self.first, segments.stop - self.first)
        return Votes(segments.start, self.rows[own], self.votes[own], self.probabilities[own])

    def probabilities_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """What is known of other candidates of the same segments, (segments, any k)."""
        same = rows[:, :, None] == self.rows[:, None, :]
        known = np.take_along_axis(self.probabilities, same.argmax(axis=2), axis=1)
        return np.where(same.any(axis=2), known, np.nan)


def match_queries(
    queries: pd.DataFrame,
    query_store: FingerprintStore,
    database: Database,
    index: SearchIndex,
    *,
    candidates: int,
    ranks: int,
    reranking: Reranking | None = None,
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
        reranking: adds a re-ranker's probabilities to the votes; both sides then have node
            matrices.
        threads: of the search and the re-ranker.

    Returns:
        Columns of ``formats.MATCHES``: the best ``ranks`` tracks of each query, and the pair of
        segments that brought the largest vote, the query's as ``matched``. A query in which
        everything is silent has no row.

    Raises:
        UserError: a query excludes a track that is not in the database.
    """
    scorer = _scorer(reranking, query_store, database, threads)
    searched = _Search(query_store, database, index, candidates, reranking, scorer, threads)
    everything = searched.votes(slice(0, len(query_store.embeddings)))
    starts, ends = (query_store.segments[name].to_numpy(float) for name in ("start_s", "end_s"))
    rows: list[tuple[object, ...]] = []
    # The queries of one track that exclude the same share their search.
    for (query_id, excluded), asked in queries.groupby(["query_id", "excluded"], sort=False):
        found = everything
        if excluded:
            passed_over = database.rows_of(str(excluded).split("|"))
            own = query_store.rows_of_track(query_id)
            found = searched.votes(own, passed_over, everything.part(own))
        for query in asked.itertuples():
            chosen = segments_within(query_store, query_id, query.query_start_s, query.query_end_s)
            head = (query.task, query_id, query.query_start_s, query.query_end_s)
            asking = chosen - found.first
            ranking = rank_tracks(found.rows[asking], found.votes[asking], database)
            for rank, hit in enumerate(ranking[:ranks], 1):
                times = (database.starts_s[hit.row], database.ends_s[hit.row])
                matched = (starts[chosen[hit.segment]], ends[chosen[hit.segment]])
                probability = found.probabilities[asking[hit.segment], hit.place]
                answer = (database.track_ids[hit.track], round(hit.score, 6))
                pair = (*times, *matched, round(float(probability), 6))
                rows.append((query.Index, *head, rank, *answer, *pair))
    table = pd.DataFrame(rows, columns=["query", *MATCHES])
    in_order = table.sort_values(["query", "rank"], ignore_index=True)
    return in_order[list(MATCHES)].astype({"rank": int})


@dataclass(frozen=True)
class _Search:
    """All that a search needs but the query."""

    query_store: FingerprintStore
    database: Database
    index: SearchIndex
    candidates: int
    reranking: Reranking | None
    scorer: PairScorer | None  # where there is a re-ranker
    threads: int

    def votes(
        self,
        segments: slice,
        excluded: npt.NDArray[np.int64] | None = None,
        earlier: Votes | None = None,
    ) -> Votes:
        """Candidates of some segments of the query store, and what they weigh.

        What an ``earlier`` search of these segments re-ranked is not re-ranked again.
        """
        store, reranking = self.query_store, self.reranking
        similarities, rows = self.index.search(
            store.embeddings[segments], self.candidates, self.threads, excluded
        )
        candidates = Candidates(rows, similarities)
        votes, probabilities = rank_votes(candidates), np.full(rows.shape, np.nan)
        if reranking is not None and self.scorer is not None:
            assert store.nodes is not None
            seen = rows[:, : reranking.candidates]
            known = np.full(seen.shape, np.nan)
            if earlier is not None:
                known = earlier.probabilities_of(seen)
            new = np.where(np.isnan(known), seen, -1)
            found = self.scorer.pairs(store.nodes[segments], new)
            probabilities[:, : found.shape[1]] = np.where(np.isnan(found), known, found)
            votes += reranking.weight * accepted(probabilities)
        return Votes(segments.start, rows, votes, probabilities)


def _scorer(
    reranking: Reranking | None, query_store: FingerprintStore, database: Database, threads: int
) -> PairScorer | None:
    if reranking is None:
        return None
    from neuralsampleid.matching.pair_scores import PairScorer

    nodes = database.nodes
    assert query_store.nodes is not None
    assert nodes is not None
    return PairScorer(
        reranking.reranker,
        lambda wanted: nodes[wanted],
        threads,
        _KEPT_BYTES,
        reranking.precision,
    )


@dataclass(frozen=True)
class RankedTrack:
    """One line of a ranking."""

    track: int  # number in the database
    score: float
    row: int  # of the database: the segment with the largest vote
    segment: int  # of the query: which voted so; a row of what ``rank_tracks`` was given
    place: int  # among that segment's candidates


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
    best = np.zeros((size, 2), np.int64)  # segment and place of the largest vote
    for segment, (segment_rows, segment_votes) in enumerate(zip(rows, votes, strict=True)):
        places = np.flatnonzero(segment_rows >= 0)
        tracks = database.tracks[segment_rows[places]]
        largest = np.full(size, -1.0)
        np.maximum.at(largest, tracks, segment_votes[places])
        scores += np.maximum(largest, 0.0)
        # Descending candidates: the first that reaches the track's largest vote is the nearest.
        for place, track, vote in zip(places, tracks, segment_votes[places], strict=True):
            if vote > best_vote[track]:
                best_vote[track], best[track] = vote, (segment, place)
    ranked = [int(track) for track in np.argsort(-scores, kind="stable") if best_vote[track] >= 0]
    return [
        RankedTrack(track, float(scores[track]), int(rows[segment, place]), segment, place)
        for track, (segment, place) in zip(ranked, best[ranked].tolist(), strict=True)
    ]


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

"""Ranking tracks by fingerprints: queries → the table of rankings; and where they line up.

References and noise tracks are ranked alike, so noise can be a wrong answer; upstream skips it
(docs/upstream.md, "Search").

A query may exclude tracks: then their segments are passed over in the search itself, so that its
ranking is that of a catalogue without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import MATCHES, split
from neuralsampleid.fingerprints.index import SearchIndex
from neuralsampleid.fingerprints.segments import Floats, Integers, Segments
from neuralsampleid.line import Line
from neuralsampleid.matching.lines import lines_of_track, neighbours_of
from neuralsampleid.matching.locating import Locator
from neuralsampleid.matching.ranking import accepted, rank_tracks, rank_votes

if TYPE_CHECKING:  # torch, which only a re-ranker needs
    from neuralsampleid.devices import Exact
    from neuralsampleid.matching.pair_scores import PairScorer
    from neuralsampleid.models.reranker import CrossAttentionReranker

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


def rank_by_fingerprints(
    queries: pd.DataFrame,
    query_segments: Segments,
    searched: Segments,
    index: SearchIndex,
    *,
    candidates: int,
    ranks: int,
    reranking: Reranking | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Rank tracks for every query.

    Args:
        queries: columns of ``formats.QUERIES``.
        query_segments: of the query tracks.
        searched: segments of noise and references.
        index: over the rows of ``searched``.
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
        UserError: a query is of a track that has no fingerprints, or excludes one.
    """
    search = _Search(query_segments, searched, index, candidates, reranking, threads)
    everything = search.votes(slice(0, len(query_segments)))
    starts, ends = query_segments.starts_s, query_segments.ends_s
    rows: list[tuple[object, ...]] = []
    # The queries of one track that exclude the same share their search.
    for (query_id, excluded), asked in queries.groupby(["query_id", "excluded"], sort=False):
        found = everything
        if excluded:
            passed_over = searched.rows_of_tracks(split(str(excluded)))
            own = query_segments.rows_of(query_id)
            found = search.votes(own, passed_over, everything.part(own))
        for query in asked.itertuples():
            span = (query_id, query.query_start_s, query.query_end_s)
            chosen = query_segments.sounding_within(*span)
            asking = chosen - found.first
            ranking = rank_tracks(found.rows[asking], found.votes[asking], searched)
            for rank, hit in enumerate(ranking[:ranks], 1):
                times = (searched.starts_s[hit.row], searched.ends_s[hit.row])
                matched = (starts[chosen[hit.segment]], ends[chosen[hit.segment]])
                probability = found.probabilities[asking[hit.segment], hit.place]
                answer = (rank, searched.track_ids[hit.track], round(hit.score, 6))
                pair = (*times, *matched, round(float(probability), 6))
                rows.append((query.Index, query.task, *span, *answer, *pair))
    table = pd.DataFrame(rows, columns=["query", *MATCHES])
    in_order = table.sort_values(["query", "rank"], ignore_index=True)
    return in_order[list(MATCHES)].astype({"rank": int})


def lines_by_fingerprints(
    queries: Segments, searched: Segments, index: SearchIndex, *, candidates: int, threads: int = 1
) -> Locator:
    """Lines of an encoder.

    Args:
        queries: segments of the query tracks.
        searched: segments of noise and references.
        index: over the rows of ``searched``.
        candidates: per query segment.
        threads: of the search.
    """
    segment_s, hop_s = queries.segment_s, queries.hop_s

    def lines_in(query_id: str) -> Callable[[str], Iterator[Line]]:
        query = queries.track(query_id).sounding()
        _, rows = index.search(query.embeddings, candidates, threads)
        neighbours = neighbours_of(query, rows, searched, segment_s)

        def lines_of(track_id: str) -> Iterator[Line]:
            track = searched.number_of(track_id)
            own = neighbours.where(neighbours.track == track)
            lengths = float(query.seconds[0]), float(searched.seconds[track])
            return (line.within(*lengths) for line in lines_of_track(own, segment_s, hop_s))

        return lines_of

    return lines_in


@dataclass(frozen=True)
class _Votes:
    """What some consecutive segments of the queries found; arrays are (segments, k)."""

    first: int  # row that the arrays begin with

    rows: Integers  # of what is searched, −1 for none
    votes: Floats
    probabilities: Floats  # the re-ranker's; NaN where it did not look

    def part(self, segments: slice) -> _Votes:
        """Those of some of the segments, given by their rows."""
        own = slice(segments.start - self.first, segments.stop - self.first)
        return _Votes(segments.start, self.rows[own], self.votes[own], self.probabilities[own])

    def probabilities_of(self, rows: Integers) -> Floats:
        """What is known of other candidates of the same segments, (segments, any k)."""
        same = rows[:, :, None] == self.rows[:, None, :]
        known = np.take_along_axis(self.probabilities, same.argmax(axis=2), axis=1)
        return np.where(same.any(axis=2), known, np.nan)


class _Search:
    """All that a search needs but the query."""

    def __init__(
        self,
        queries: Segments,
        searched: Segments,
        index: SearchIndex,
        candidates: int,
        reranking: Reranking | None,
        threads: int,
    ) -> None:
        self._queries, self._index = queries, index
        self._candidates, self._threads = candidates, threads
        self._reranking = reranking
        self._scorer: PairScorer | None = None
        if reranking is not None:
            from neuralsampleid.matching.pair_scores import PairScorer

            nodes = searched.nodes
            assert nodes is not None
            self._scorer = PairScorer(
                reranking.reranker,
                lambda wanted: nodes[wanted],
                threads,
                _KEPT_BYTES,
                reranking.precision,
            )

    def votes(
        self, segments: slice, excluded: Integers | None = None, earlier: _Votes | None = None
    ) -> _Votes:
        """Candidates of some segments of the queries, and what they weigh.

        What an ``earlier`` search of these segments re-ranked is not re-ranked again.
        """
        embeddings = self._queries.embeddings[segments]
        _, rows = self._index.search(embeddings, self._candidates, self._threads, excluded)
        votes, probabilities = rank_votes(rows), np.full(rows.shape, np.nan)
        if self._reranking is not None and self._scorer is not None:
            assert self._queries.nodes is not None
            seen = rows[:, : self._reranking.candidates]
            known = np.full(seen.shape, np.nan)
            if earlier is not None:
                known = earlier.probabilities_of(seen)
            new = np.where(np.isnan(known), seen, -1)
            found = self._scorer.pairs(self._queries.nodes[segments], new)
            probabilities[:, : found.shape[1]] = np.where(np.isnan(found), known, found)
            votes += self._reranking.weight * accepted(probabilities)
        return _Votes(segments.start, rows, votes, probabilities)

"""``protocol: released``: what the public release's evaluation returns for its fingerprints.

Everything here is as released, mistakes included (docs/upstream.md, "Queries", "Search", "Scores"),
so that upstream's figures can be regenerated; ``corrected`` is the evaluation to trust. Sums are
taken in upstream's order and precision, because equal scores keep the order in which references
were found.

What is odd, by intention:

- Candidates of the query's own track and of noise are skipped *after* the search: noise takes
  places among the k nearest but is never ranked.
- Without re-ranker, a candidate's score is the mean inner product of the query with the rows from
  the candidate on, even where these belong to the next track; at the database's end the query is
  cut. It counts each time that the candidate was found.
- The baseline sums the largest squared *distance* of each distinct candidate: farther is better.
- The re-ranker's score is the largest over the query's node matrices. For hit rates these are the
  first ones of the *last* occurrence in the query's file, which replaced the others; a score of at
  least 0.5 counts each time the candidate was found. For mAP it must exceed 0.5 and counts once.
- One NaN among a query's node matrices (a constant segment) rejects every candidate, since the
  largest of NaN and any number is NaN.
- AP averages over the right answers that were found among the first 20; mAP without re-ranker
  leaves out queries of 10 or fewer segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid import config
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.index import build_index
from neuralsampleid.fingerprints.segments import Embeddings, Integers
from neuralsampleid.matching.pair_scores import PairScorer
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.upstream.layout import UpstreamFingerprints, query_track
from neuralsampleid.upstream.nodes import Nodes
from neuralsampleid.upstream.protocol import (
    OCCURRENCE_NODES,
    TRACK_NODES,
    Answers,
    IndexKind,
    SegmentAnswer,
    SystemName,
    TrackAnswer,
    Truth,
    index_threads,
    make_scorer,
    query_nodes,
)

_HIT_RATE_LISTS, _MAP_LISTS = 64, 32  # of the IVF-PQ index
_CANDIDATES = 20  # per query segment, without re-ranker
_RERANKED_HIT_RATE, _RERANKED_MAP = 5, 3  # and with it
_MAP_AT = 20
_TOO_SHORT = 10  # segments
_PASSED = 0.5


class Candidates(NamedTuple):
    """Reference rows that a query found, segment by segment and nearest first; m of them."""

    rows: Integers  # (m,), a row as often as it was found
    distances: npt.NDArray[np.float32]  # (m,) squared


# What a candidate adds to its track; floats or NumPy's, whose precision is that of the sum.
Scores = Iterable[tuple[int, Any]]


@dataclass(frozen=True)
class _Scoring:
    """How a system scores the candidates of one query."""

    # Reference rows and what they add to their track, in the order of counting.
    scores: Callable[[str, Embeddings, Candidates], Scores]
    count: int = _CANDIDATES  # per query segment
    shortest: int = _TOO_SHORT + 1  # segments of a whole track that is asked about


def evaluate_released(
    fingerprints: UpstreamFingerprints,
    truth: Truth,
    system: SystemName,
    index: IndexKind,
    query_segments: Sequence[int],
    reranker: CrossAttentionReranker | None = None,
    *,
    threads: int = 1,
) -> Answers:
    """Hit rates and mAP as upstream's evaluation computes them.

    Args:
        fingerprints: of noise, references and queries; they stay as they are.
        truth: reference → query tracks that sample it; one that is missing is sampled by none.
        system: which of the three.
        index: ``flat`` or upstream's ``ivfpq``.
        query_segments: lengths of the segment queries; an occurrence with fewer is left out.
        reranker: in evaluation mode; only ``proposed`` needs it.
        threads: of the search.

    Raises:
        UserError: there is too little noise to train the index, or node matrices that the
            re-ranker needs are missing or of another size than it expects.
    """
    workers = min(threads, 2)
    with ThreadPoolExecutor(workers) as pool:
        # Trained side by side, each with its share of the threads.
        by_occurrence, by_track = (
            pool.submit(_Search, fingerprints, index, lists, threads // workers)
            for lists in (_HIT_RATE_LISTS, _MAP_LISTS)
        )
        if system == "proposed":
            assert reranker is not None
            scorer = make_scorer(fingerprints, reranker, threads)
            nodes = query_nodes(fingerprints, OCCURRENCE_NODES, reranker)
            scoring = _reranked_occurrences(fingerprints, scorer, nodes)
            segments = _ask_occurrences(by_occurrence.result(), scoring, truth, query_segments)
            nodes = query_nodes(fingerprints, TRACK_NODES, reranker)
            scoring = _reranked_tracks(fingerprints, scorer, nodes)
        else:
            scoring = _Scoring(_distances) if system == "baseline" else _sequences(fingerprints)
            segments = _ask_occurrences(by_occurrence.result(), scoring, truth, query_segments)
        tracks = _ask_tracks(by_track.result(), scoring, truth)
    return Answers(tuple(query_segments), segments, tracks)


class _Search:
    """The index of one of the two metrics."""

    def __init__(
        self, fingerprints: UpstreamFingerprints, kind: IndexKind, lists: int, threads: int
    ) -> None:
        self.fingerprints = fingerprints
        self._threads = index_threads(fingerprints, threads)
        settings = config.Index(kind=kind, lists=lists)
        rows = np.concatenate([fingerprints.noise.embeddings, fingerprints.references.embeddings])
        self._index = build_index(
            rows,
            settings,
            training=fingerprints.noise.embeddings,
            device="cpu",
            threads=self._threads,
        )
        if self._index.kind != kind:
            raise UserError(f"{fingerprints.folder / 'dummy_db.mm'}: {self._index.reason}")

    def candidates(self, queries: Embeddings, count: int, own: str) -> Candidates:
        """References among the nearest ``count`` of each segment, but for the track ``own``."""
        distances, rows = self._index.search(queries, count, self._threads)
        first = len(self.fingerprints.noise)
        is_reference = rows >= first
        found = Candidates(rows[is_reference] - first, distances[is_reference])
        names, numbers = self.fingerprints.references.track_ids, self.fingerprints.references.tracks
        others = np.array([names[number] != own for number in numbers[found.rows]], bool)
        return Candidates(found.rows[others], found.distances[others])


def _distances(_track: str, _query: Embeddings, candidates: Candidates) -> Scores:
    """The baseline: the largest squared distance at which each distinct candidate was found."""
    distinct, places = np.unique(candidates.rows, return_inverse=True)
    largest = np.full(len(distinct), -np.inf, np.float32)
    np.maximum.at(largest, places, candidates.distances)
    return zip(distinct.tolist(), largest, strict=True)


def _sequences(fingerprints: UpstreamFingerprints) -> _Scoring:
    """Without re-ranker: mean inner product with what follows the candidate in the database."""

    def similarity(query: Embeddings, row: int) -> np.float32:
        sequence = fingerprints.references.embeddings[row : row + len(query)]
        products = np.sum(query[: len(sequence)] * sequence, axis=1)
        return np.mean(products, dtype=np.float32)

    def scores(_track: str, query: Embeddings, candidates: Candidates) -> Scores:
        score = {row: similarity(query, row) for row in np.unique(candidates.rows).tolist()}
        return [(row, score[row]) for row in candidates.rows.tolist()]

    return _Scoring(scores)


def _reranked_occurrences(
    fingerprints: UpstreamFingerprints, scorer: PairScorer, nodes: dict[str, Nodes]
) -> _Scoring:
    """For hit rates: the largest score over the first matrices of the file's last occurrence."""
    # track → reference row → largest score over the first 1, 2, … node matrices
    largest: dict[str, dict[int, npt.NDArray[np.float32]]] = {}

    def scores(track: str, query: Embeddings, candidates: Candidates) -> Scores:
        known = largest.setdefault(track, {})
        rows = candidates.rows[fingerprints.has_reference_nodes(candidates.rows)]
        new = np.unique([row for row in rows.tolist() if row not in known]).astype(np.int64)
        if len(new):
            grid = scorer.grid(_nodes_of(track, nodes, fingerprints), new)
            # Of NaN and a number NaN is the larger, here as in torch.
            columns = np.maximum.accumulate(grid, axis=0).T
            known.update(zip(new.tolist(), columns, strict=True))
        for row in rows.tolist():
            score = float(known[row][min(len(query), len(known[row])) - 1])
            if score >= _PASSED:
                yield row, score

    return _Scoring(scores, _RERANKED_HIT_RATE, shortest=1)


def _reranked_tracks(
    fingerprints: UpstreamFingerprints, scorer: PairScorer, nodes: dict[str, Nodes]
) -> _Scoring:
    """For mAP: the largest score over all node matrices of the track."""

    def scores(track: str, _query: Embeddings, candidates: Candidates) -> Scores:
        rows = np.unique(candidates.rows)
        rows = rows[fingerprints.has_reference_nodes(rows)]
        if not len(rows):
            return
        largest = scorer.grid(_nodes_of(track, nodes, fingerprints), rows).max(axis=0)
        for row, score in zip(rows.tolist(), largest, strict=True):
            # A rejected reference stays in the ranking, with 0.
            yield row, float(score) if score > _PASSED else 0.0

    return _Scoring(scores, _RERANKED_MAP, shortest=1)


def _nodes_of(track: str, nodes: dict[str, Nodes], fingerprints: UpstreamFingerprints) -> Nodes:
    if track not in nodes:
        raise UserError(
            f"{fingerprints.folder}: no node matrices of query '{track}', "
            "expected those of every query track"
        )
    return nodes[track]


def _ask_occurrences(
    search: _Search, scoring: _Scoring, truth: Truth, lengths: Sequence[int]
) -> tuple[SegmentAnswer, ...]:
    """Ask about the beginning of every occurrence, at the lengths that it reaches."""
    fingerprints, answers = search.fingerprints, []
    for name, occurrence in fingerprints.occurrences.each_track():
        track, ranks = query_track(name), dict[int, int | None]()
        # From the longest on, so that its candidates go through the re-ranker together.
        for length in sorted((n for n in set(lengths) if n <= len(occurrence)), reverse=True):
            ranking = _rank(search, scoring, track, occurrence.embeddings[:length])
            ranks[length] = _first_right(ranking, truth, track)
        answers += [
            SegmentAnswer(name, track, length, ranks[length])
            for length in dict.fromkeys(lengths)
            if length in ranks
        ]
    return tuple(answers)


def _ask_tracks(search: _Search, scoring: _Scoring, truth: Truth) -> tuple[TrackAnswer, ...]:
    fingerprints, answers = search.fingerprints, []
    for name, track in fingerprints.queries.each_track():
        if len(track) < scoring.shortest:
            continue
        ranking = _rank(search, scoring, name, track.embeddings)
        precision = released_average_precision(ranking, truth, name)
        answers.append(TrackAnswer(name, precision, tuple(ranking)))
    return tuple(answers)


def _rank(search: _Search, scoring: _Scoring, track: str, query: Embeddings) -> list[str]:
    """References by descending sum of scores; ties keep the order of first appearance."""
    references = search.fingerprints.references
    totals: dict[str, Any] = {}
    candidates = search.candidates(query, scoring.count, track)
    for row, score in scoring.scores(track, query, candidates):
        found = references.track_ids[references.tracks[row]]
        totals[found] = totals.get(found, 0) + score
    return sorted(totals, key=lambda track: totals[track], reverse=True)


def _first_right(ranking: Sequence[str], truth: Truth, query: str) -> int | None:
    """Rank of the first reference that the query samples."""
    right = (rank for rank, found in enumerate(ranking, 1) if query in truth.get(found, ()))
    return next(right, None)


def released_average_precision(ranking: Sequence[str], truth: Truth, query: str) -> float:
    """AP as released, in [0, 1]: the mean precision at the right answers *found* in the top 20.

    It is 0 if none was found, and forgives those that were missed; compare
    ``metrics.average_precision``.
    """
    ranks = [
        rank for rank, found in enumerate(ranking[:_MAP_AT], 1) if query in truth.get(found, ())
    ]
    precisions = [count / rank for count, rank in enumerate(ranks, 1)]
    return float(np.mean(precisions)) if precisions else 0.0

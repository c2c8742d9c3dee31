"""``protocol: corrected``: upstream's fingerprints under this project's matching and metrics.

What differs from ``released``, and why:

- Candidates vote by *rank*, for every system: 1 for the nearest, 1/2 for the second and so on
  (``matching.ranking``). A track's score is the sum over the query's segments of the largest vote
  that each gives it. Upstream's baseline adds up distances.
- The re-ranker adds its probability to the vote of each of the 5 nearest candidates, where that is
  at least 0.5. It compares the query segment's own node matrix with the candidates that *this*
  segment found. Where an occurrence's matrices were replaced by those of a later one, it has none
  and is ranked by votes alone; the same holds for a candidate without one.
- Noise is ranked like any other track and so can be a wrong answer. The layout does not say where
  a noise track ends, so the noise is cut into pieces as long as the mean reference: one track of
  all the noise would gather votes from everywhere, and single rows could not gather any. If there
  is a ``dummy_db_lookup.json``, which the release lacks, it names the tracks. The archive has no
  node matrices of noise either, so the re-ranker can only add to references: the figures with it
  are to that extent too good.
- Every query counts: an occurrence that is shorter than the length asked for is asked about as a
  whole, and short tracks are not left out. Only tracks that the ground truth does not know as
  queries cannot be judged; a notice tells of them.
- AP divides by all relevant references, and the ranking is not cut off at 20.

As released, a query's own track is no answer to it; here it does not take places among the nearest.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neuralsampleid import config
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.metrics import average_precision, first_rank
from neuralsampleid.fingerprints.index import SearchIndex, build_index
from neuralsampleid.fingerprints.segments import Integers, Segments
from neuralsampleid.matching.pair_scores import PairScorer
from neuralsampleid.matching.ranking import rank_tracks, rank_votes
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

Votes = npt.NDArray[np.float64]

_LOG = logging.getLogger(__name__)
_CANDIDATES = 20  # nearest rows of other tracks, per query segment
_RERANKED = 5  # of these, the nearest, that the re-ranker scores
_WEIGHT = 1.0  # of its probability beside a vote of 1


def evaluate_corrected(
    fingerprints: UpstreamFingerprints,
    truth: Truth,
    system: SystemName,
    index: IndexKind,
    query_segments: Sequence[int],
    reranker: CrossAttentionReranker | None = None,
    *,
    threads: int = 1,
) -> Answers:
    """Hit rates and mAP of upstream's fingerprints, evaluated as this module describes.

    Args:
        fingerprints: of noise, references and queries; they stay as they are.
        truth: reference → query tracks that sample it.
        system: ``proposed`` uses the re-ranker; the other two differ by their fingerprints only.
        index: ``flat`` or ``ivfpq``; too little noise to train it gives a simpler one.
        query_segments: lengths of the segment queries.
        reranker: in evaluation mode; only ``proposed`` needs it.
        threads: of the CPU.

    Raises:
        UserError: node matrices are missing altogether or of another size than the re-ranker's, or
            a noise track bears a reference's name.
    """
    relevant = _relevant(truth, fingerprints)
    ranker = _Ranker(fingerprints, index, threads)
    of_occurrences: dict[str, Nodes] = {}
    of_tracks: dict[str, Nodes] = {}
    if system == "proposed":
        assert reranker is not None
        ranker.scorer = make_scorer(fingerprints, reranker, threads)
        stored = _occurrence_nodes(fingerprints, reranker)
        of_occurrences = _fitting(stored, fingerprints.occurrences, "occurrences")
    segments = []
    for name, occurrence in fingerprints.occurrences.each_track():
        track = query_track(name)
        if track not in relevant:
            continue
        rows, votes = ranker.votes(occurrence, track, of_occurrences.get(name))
        for length in dict.fromkeys(query_segments):
            ranking = ranker.rank(rows[:length], votes[:length])
            rank = first_rank(ranking, relevant[track])
            segments.append(SegmentAnswer(name, track, length, rank))
    if system == "proposed":
        assert reranker is not None
        stored = query_nodes(fingerprints, TRACK_NODES, reranker)
        of_tracks = _fitting(stored, fingerprints.queries, "query tracks")
    tracks = []
    for track, query in fingerprints.queries.each_track():
        if track not in relevant:
            continue
        ranking = ranker.rank(*ranker.votes(query, track, of_tracks.get(track)))
        precision = average_precision(ranking, relevant[track])
        tracks.append(TrackAnswer(track, precision, tuple(ranking)))
    return Answers(tuple(query_segments), tuple(segments), tuple(tracks))


def noise_tracks(fingerprints: UpstreamFingerprints) -> Segments:
    """The noise as tracks: as its lookup names them, else pieces as long as the mean reference.

    Raises:
        UserError: a noise track bears a reference's name.
    """
    noise, references = fingerprints.noise, fingerprints.references
    if noise.track_ids == [""]:
        length = max(1, round(len(references) / len(references.track_ids)))
        counts = np.diff([*range(0, len(noise), length), len(noise)])
        names = [f"noise_{number:04d}" for number in range(1, len(counts) + 1)]
        pieces = dict(zip(names, counts.tolist(), strict=True))
        noise = Segments.of(pieces, noise.embeddings, silent=noise.silent)
    both = set(noise.track_ids) & set(references.track_ids)
    if both:
        raise UserError(
            f"{fingerprints.folder}: '{min(both)}' is both a noise track and a reference"
        )
    return noise


class _Ranker:
    """Ranks the tracks, noise and references, for a query."""

    def __init__(self, fingerprints: UpstreamFingerprints, kind: IndexKind, threads: int) -> None:
        self._threads = index_threads(fingerprints, threads)
        self._fingerprints = fingerprints
        self._settings = config.Index(kind=kind)
        self.scorer: PairScorer | None = None
        self._searched = Segments.join([noise_tracks(fingerprints), fingerprints.references])
        self._index: SearchIndex = build_index(
            self._searched.embeddings,
            self._settings,
            training=fingerprints.noise.sounding().embeddings,
            silent=self._searched.silent,
            device="cpu",
            threads=self._threads,
        )

    def votes(self, query: Segments, track: str, nodes: Nodes | None) -> tuple[Integers, Votes]:
        """Candidates of each segment of a track, or a part of it, and their votes; (segments, k).

        Node matrices of the segments let the re-ranker add to the votes.
        """
        rows = self._candidates(query, track)
        votes = rank_votes(rows)
        if self.scorer is not None and nodes is not None:
            first = rows[:, :_RERANKED]
            passing = self.scorer.passing(nodes, self._rerankable(first))
            votes[:, : first.shape[1]] += _WEIGHT * passing
        return rows, votes

    def rank(self, rows: Integers, votes: Votes) -> list[str]:
        """Names of the tracks found, best first."""
        ranked = rank_tracks(rows, votes, self._searched)
        return [self._searched.track_ids[track.track] for track in ranked]

    def _candidates(self, query: Segments, own: str) -> Integers:
        """The nearest rows of other tracks; none for a silent segment."""
        own_rows = slice(0, 0)
        if own in self._searched.track_ids:
            own_rows = self._searched.rows_of(own)
        count = _CANDIDATES + own_rows.stop - own_rows.start
        _, rows = self._index.search(query.embeddings, count, self._threads)
        excluded = (rows < 0) | ((rows >= own_rows.start) & (rows < own_rows.stop))
        excluded |= query.silent[:, None]
        order = np.argsort(excluded, axis=1, kind="stable")[:, :_CANDIDATES]
        return np.take_along_axis(np.where(excluded, -1, rows), order, axis=1)

    def _rerankable(self, rows: Integers) -> Integers:
        """Integers of what is searched → reference rows that have a node matrix, else −1."""
        references = rows - len(self._fingerprints.noise)
        known = references >= 0
        known[known] = self._fingerprints.has_reference_nodes(references[known])
        return np.where(known, references, -1)


def _relevant(truth: Truth, fingerprints: UpstreamFingerprints) -> dict[str, set[str]]:
    """Query track → references that it samples, for the tracks that can be judged."""
    relevant: dict[str, set[str]] = {}
    for reference, queries in truth.items():
        for query in queries:
            relevant.setdefault(query, set()).add(reference)
    asked = {*map(query_track, fingerprints.occurrences.track_ids), *fingerprints.queries.track_ids}
    unknown = asked - relevant.keys()
    if unknown:
        _LOG.warning(
            "%d query tracks that sample nothing by the ground truth are left out: %s",
            *(len(unknown), ", ".join(sorted(unknown))),
        )
    return relevant


def _occurrence_nodes(
    fingerprints: UpstreamFingerprints, reranker: CrossAttentionReranker
) -> dict[str, Nodes]:
    """Occurrence → its own node matrices.

    Upstream keeps those of a track's last occurrence, by the track's name. Entries named as the
    lookup names occurrences are taken first.
    """
    stored = query_nodes(fingerprints, OCCURRENCE_NODES, reranker)
    last = {query_track(name): name for name in fingerprints.occurrences.track_ids}
    return {last[name]: nodes for name, nodes in stored.items() if name in last} | stored


def _fitting(stored: dict[str, Nodes], asked: Segments, what: str) -> dict[str, Nodes]:
    """The node matrices of what has as many as segments; a notice tells of the others."""
    fitting = {
        name: stored[name]
        for name, own in asked.each_track()
        if len(stored.get(name, ())) == len(own)
    }
    if len(fitting) < len(asked.track_ids):
        _LOG.warning(
            "%d of %d %s have node matrices of their own; the others are ranked by votes alone",
            *(len(fitting), len(asked.track_ids), what),
        )
    return fitting

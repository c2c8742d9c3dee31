"""What the two protocols have in common: systems, the answers that they return, the re-ranker."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.segments import Integers
from neuralsampleid.matching.pair_scores import PairScorer
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.upstream.layout import UpstreamFingerprints
from neuralsampleid.upstream.nodes import Nodes, read_node_dictionary

SystemName = Literal["proposed", "proposed_no_reranker", "baseline"]
IndexKind = Literal["flat", "ivfpq"]
Protocol = Literal["released", "corrected"]
_WORTH_SHARING = 20_000  # rows of noise
Truth = Mapping[str, AbstractSet[str]]  # reference → query tracks that sample it
OCCURRENCE_NODES, TRACK_NODES = "query_nmatrix.npy", "query_full_nmatrix.npy"
CUTOFFS = (1, 3, 10)  # rows of the table of hit rates


@dataclass(frozen=True)
class SegmentAnswer:
    """One occurrence asked about at one length."""

    occurrence: str  # as the lookup names it: <track>_<number>
    track: str
    segments: int  # the length asked for
    first_rank: int | None  # of a right answer; None if none was found


@dataclass(frozen=True)
class TrackAnswer:
    """One whole query track."""

    track: str
    average_precision: float  # in [0, 1]
    ranking: tuple[str, ...]  # best first


@dataclass(frozen=True)
class Answers:
    """All answers of one system under one protocol."""

    query_segments: tuple[int, ...]  # lengths, in the order of the columns
    segment_answers: tuple[SegmentAnswer, ...]
    track_answers: tuple[TrackAnswer, ...]

    def hit_rates(self) -> list[list[float]]:
        """Percent of the queries with a right answer among the first k.

        Returns:
            One row per k of ``CUTOFFS``, one column per length; NaN where there is no query.
        """
        columns = [
            [answer.first_rank for answer in self.segment_answers if answer.segments == length]
            for length in self.query_segments
        ]
        return [
            [
                100 * (sum(rank is not None and rank <= k for rank in ranks) / len(ranks))
                if ranks
                else math.nan
                for ranks in columns
            ]
            for k in CUTOFFS
        ]

    def queries(self) -> list[int]:
        """Number of queries behind each column of ``hit_rates``."""
        return [
            sum(answer.segments == length for answer in self.segment_answers)
            for length in self.query_segments
        ]

    def mean_average_precision(self) -> float:
        """The mean over the tracks asked about, in [0, 1]; NaN if there is none."""
        if not self.track_answers:
            return math.nan
        return float(np.mean([answer.average_precision for answer in self.track_answers]))

    def rankings(self) -> dict[str, list[str]]:
        """Query track → tracks found, best first."""
        return {answer.track: list(answer.ranking) for answer in self.track_answers}

    def as_json(self) -> dict[str, Any]:
        """Averages and rankings for a JSON file, which knows no NaN: None stands for it."""
        score = self.mean_average_precision()
        return {
            "query_segments": list(self.query_segments),
            "queries": self.queries(),
            "hit_rates": [
                [None if math.isnan(rate) else rate for rate in row] for row in self.hit_rates()
            ],
            "map": None if math.isnan(score) else score,
            "rankings": self.rankings(),
        }


def make_scorer(
    fingerprints: UpstreamFingerprints, reranker: CrossAttentionReranker, threads: int
) -> PairScorer:
    """A scorer of query segments against reference rows.

    Its methods raise a ``UserError`` where a reference's node matrices are of another size than the
    re-ranker's.
    """

    def nodes_of(rows: Integers) -> npt.NDArray[np.float32]:
        nodes = fingerprints.reference_nodes(rows)
        _check_size(nodes.shape[1:], reranker, fingerprints.folder / "ref_nmatrix")
        return nodes

    return PairScorer(reranker, nodes_of, threads)


def index_threads(fingerprints: UpstreamFingerprints, threads: int) -> int:
    """Threads for FAISS: one where its loops are so short that more would wait for each other."""
    return threads if len(fingerprints.noise) >= _WORTH_SHARING else 1


def query_nodes(
    fingerprints: UpstreamFingerprints, name: str, reranker: CrossAttentionReranker
) -> dict[str, Nodes]:
    """Node matrices of queries: track (or occurrence) → (segments, channels, nodes).

    Args:
        fingerprints: in whose folder they lie.
        name: ``TRACK_NODES``; or ``OCCURRENCE_NODES``, where a track's entry is that of its last
            occurrence, which replaced the others.
        reranker: that must be able to read them.

    Raises:
        UserError: the file is missing or not what it should be; a track's matrices are of another
            size than the re-ranker's, or it has none at all.
    """
    source = fingerprints.folder / name
    nodes = read_node_dictionary(source)
    for track, matrices in nodes.items():
        if not len(matrices):
            raise UserError(f"{source}: '{track}' has no node matrix, expected at least one")
        _check_size(matrices.shape[1:], reranker, source)
    return nodes


def _check_size(size: tuple[int, ...], reranker: CrossAttentionReranker, source: Path) -> None:
    _, count, channels = reranker.positional_embedding.shape
    if size != (channels, count):
        raise UserError(
            f"{source}: node matrices of {size[0]} channels × {size[1]} nodes, expected the "
            f"{channels} × {count} of the re-ranker's weights"
        )

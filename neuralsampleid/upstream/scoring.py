"""What the released and the corrected protocol have in common."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError
from neuralsampleid.matching.pair_scores import PairScorer
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.upstream.layout import ReleasedFingerprints, Rows
from neuralsampleid.upstream.nodes import Nodes

SystemName = Literal["proposed", "proposed_no_reranker", "baseline"]
IndexKind = Literal["flat", "ivfpq"]
_WORTH_SHARING = 20_000  # rows of noise
Truth = Mapping[str, AbstractSet[str]]  # reference → query tracks that sample it


def make_scorer(
    fingerprints: ReleasedFingerprints, reranker: CrossAttentionReranker, threads: int
) -> PairScorer:
    """A scorer of query segments against reference rows.

    Its methods raise a ``UserError`` where a reference's node matrices are of another size than the
    re-ranker's.
    """

    def nodes_of(rows: Rows) -> npt.NDArray[np.float32]:
        nodes = fingerprints.reference_nodes(rows)
        _check_size(nodes.shape[1:], reranker, fingerprints.folder / "ref_nmatrix")
        return nodes

    return PairScorer(reranker, nodes_of, threads)


def index_threads(fingerprints: ReleasedFingerprints, threads: int) -> int:
    """Threads for FAISS: one where its loops are so short that more would wait for each other."""
    return threads if len(fingerprints.noise) >= _WORTH_SHARING else 1


def check_nodes(nodes: Mapping[str, Nodes], reranker: CrossAttentionReranker, source: Path) -> None:
    """Check that the re-ranker can read every query's node matrices.

    Raises:
        UserError: a track's matrices are of another size, or it has none at all.
    """
    for track, matrices in nodes.items():
        if not len(matrices):
            raise UserError(f"{source}: '{track}' has no node matrix, expected at least one")
        _check_size(matrices.shape[1:], reranker, source)


def _check_size(size: tuple[int, ...], reranker: CrossAttentionReranker, source: Path) -> None:
    _, count, channels = reranker.positional_embedding.shape
    if size != (channels, count):
        raise UserError(
            f"{source}: node matrices of {size[0]} channels × {size[1]} nodes, expected the "
            f"{channels} × {count} of the re-ranker's weights"
        )

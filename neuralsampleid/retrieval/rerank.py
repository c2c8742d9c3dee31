"""Re-ranking: the classifier's probability for every candidate of every query segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.retrieval.store import FingerprintStore, NodeRows

BATCH = 2048  # pairs scored at once
REJECTED_BELOW = 0.5  # probability; as released


@dataclass(frozen=True)
class Candidates:
    """Nearest database rows of every query segment, most similar first."""

    rows: npt.NDArray[np.int64]  # (segments, k), −1 where there are fewer
    similarities: npt.NDArray[np.float32]  # (segments, k), −inf where there are fewer

    def first(self, count: int) -> Candidates:
        """The most similar ``count`` of each segment."""
        return Candidates(self.rows[:, :count], self.similarities[:, :count])


@torch.inference_mode()
def rerank(
    reranker: CrossAttentionReranker,
    query_store: FingerprintStore,
    database_nodes: NodeRows | None,
    candidates: Candidates,
) -> npt.NDArray[np.float64]:
    """Score candidates pair by pair; rejected ones score 0.

    Args:
        reranker: in evaluation mode.
        query_store: fingerprints of the queries, with node matrices.
        database_nodes: (rows, channels, nodes).
        candidates: of every segment of the store.

    Returns:
        (segments, k): the probability where it is at least ``REJECTED_BELOW``, else 0.
    """
    assert query_store.nodes is not None
    assert database_nodes is not None
    segments, places = np.nonzero(candidates.rows >= 0)
    scores = np.zeros(candidates.rows.shape)
    for start in range(0, len(segments), BATCH):
        batch = slice(start, start + BATCH)
        rows = candidates.rows[segments[batch], places[batch]]
        probability = reranker.score(
            _tensor(query_store.nodes[segments[batch]]), _tensor(database_nodes[rows])
        )
        scores[segments[batch], places[batch]] = probability.double().numpy()
    return np.where(scores >= REJECTED_BELOW, scores, 0.0)


def _tensor(nodes: npt.NDArray[np.float16]) -> torch.Tensor:
    return torch.from_numpy(nodes.astype(np.float32))

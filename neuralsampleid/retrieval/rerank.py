"""Re-ranking: the classifier's probability for every candidate of every query segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from neuralsampleid.models.reranker import CrossAttentionReranker

BATCH = 2048  # pairs scored at once
_Real = TypeVar("_Real", np.float32, np.float64)

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
    query_nodes: npt.NDArray[np.float16],
    database_nodes: npt.NDArray[np.float16] | None,
    candidates: Candidates,
) -> npt.NDArray[np.float64]:
    """Score candidates pair by pair.

    Args:
        reranker: in evaluation mode.
        query_nodes: (segments, channels, nodes).
        database_nodes: (rows, channels, nodes).
        candidates: of these segments.

    Returns:
        (segments, k): the probability; NaN where there is no candidate.
    """
    assert database_nodes is not None
    segments, places = np.nonzero(candidates.rows >= 0)
    scores = np.full(candidates.rows.shape, np.nan)
    for start in range(0, len(segments), BATCH):
        batch = slice(start, start + BATCH)
        rows = candidates.rows[segments[batch], places[batch]]
        probability = reranker.score(
            _tensor(query_nodes[segments[batch]]), _tensor(database_nodes[rows])
        )
        scores[segments[batch], places[batch]] = probability.double().numpy()
    return scores


def accepted(probabilities: npt.NDArray[_Real]) -> npt.NDArray[_Real]:
    """The probability where it is at least ``REJECTED_BELOW``, else 0."""
    return np.where(probabilities >= REJECTED_BELOW, probabilities, probabilities.dtype.type(0))


def _tensor(nodes: npt.NDArray[np.float16]) -> torch.Tensor:
    return torch.from_numpy(nodes.astype(np.float32))

"""Which candidates the re-ranker's training scores for which query (docs/upstream.md, "Re-ranker").

Two flaws of upstream's miner can be had for comparison. It excludes only the query itself, so
that the true match is usually mined as the hardest *negative*; and it lists negatives query by
query while it repeats the queries block by block, so that most meet another query than their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralsampleid.models.encoder import Encoding


@dataclass(frozen=True)
class MinedBatch:
    """Node matrices of B pairs, and which of C candidates are compared with which query.

    Each row is a comparison: first the B positives, then the negatives.
    """

    queries: Tensor  # (B, channels, nodes)
    candidates: Tensor  # (C, channels, nodes)
    query_rows: Tensor  # (B·(1 + negatives),)
    candidate_rows: Tensor  # (B·(1 + negatives),)
    labels: Tensor  # (B·(1 + negatives),) 1 for positives

    def to(self, device: torch.device) -> MinedBatch:
        """The same batch on another device; Lightning calls this."""
        return MinedBatch(**{name: value.to(device) for name, value in vars(self).items()})


Miner = Callable[[Encoding, Encoding, int], MinedBatch]


def mine(queries: Encoding, references: Encoding, negatives: int) -> MinedBatch:
    """Pair each query with its own reference and with the most similar other ones.

    Args:
        queries: of B pairs, with node matrices.
        references: of the same pairs, in the same order; they are the candidates.
        negatives: per query; fewer where B is smaller.
    """
    assert references.nodes is not None
    hardest = _hardest(queries.embedding, references.embedding, negatives)
    own = torch.arange(len(hardest), device=hardest.device)
    return _batch(queries, references.nodes, own.repeat_interleave(hardest.shape[1]), hardest)


def mine_as_released(queries: Encoding, references: Encoding, negatives: int) -> MinedBatch:
    """Pair as upstream's code does, whose "negatives" are often true matches of another query.

    Candidates are all views, queries after references, of which only the query itself is excluded.

    Args:
        queries: see ``mine``.
        references: see ``mine``.
        negatives: see ``mine``.
    """
    assert queries.nodes is not None
    assert references.nodes is not None
    # With the queries first, what stands on the diagonal is the query itself.
    views = torch.cat([queries.embedding, references.embedding])
    size = len(queries.embedding)
    hardest = (_hardest(queries.embedding, views, negatives) + size) % (2 * size)
    own = torch.arange(size, device=hardest.device)
    nodes = torch.cat([references.nodes, queries.nodes])
    return _batch(queries, nodes, own.repeat(hardest.shape[1]), hardest)


def _hardest(queries: Tensor, candidates: Tensor, negatives: int) -> Tensor:
    """(B, negatives) rows of the most similar candidates, of which the query's own row is none."""
    similarities = (queries @ candidates.T).fill_diagonal_(-torch.inf)
    return similarities.topk(min(negatives, len(candidates) - 1), dim=1).indices


def _batch(queries: Encoding, candidates: Tensor, met: Tensor, hardest: Tensor) -> MinedBatch:
    assert queries.nodes is not None
    own = torch.arange(len(hardest), device=hardest.device)
    labels = torch.cat([torch.ones(len(own)), torch.zeros(hardest.numel())])
    return MinedBatch(
        queries.nodes,
        candidates,
        query_rows=torch.cat([own, met]),
        candidate_rows=torch.cat([own, hardest.flatten()]),
        labels=labels.to(hardest.device),
    )

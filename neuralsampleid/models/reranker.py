"""The re-ranker: cross-attention between two node matrices (docs/upstream.md, "Re-ranker")."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from neuralsampleid.config import Reranker


class ProjectedCandidate(NamedTuple):
    """A candidate's keys and values, each (batch, heads, nodes, channels / heads)."""

    keys: Tensor
    values: Tensor

    def rows(self, chosen: Tensor) -> ProjectedCandidate:
        """Some of a batch of candidates, perhaps repeated, by int64 row."""
        return ProjectedCandidate(self.keys[chosen], self.values[chosen])


class CrossAttentionReranker(nn.Module):
    """Probability that a candidate segment is what a query segment samples.

    Scoring is split so that a segment is projected once, however many pairs it is in; the released
    code projects both sides of every pair. The mean over positions is taken before the output
    projection, which is linear, so the result is the same.
    """

    positional_embedding: Tensor

    def __init__(self, settings: Reranker, channels: int, nodes: int) -> None:
        super().__init__()
        if channels % settings.heads:
            raise ValueError(f"{channels} channels do not split into {settings.heads} heads")
        self.heads = settings.heads
        self.attn = nn.MultiheadAttention(channels, settings.heads, batch_first=True)
        self.fc = nn.Sequential(
            nn.Linear(channels, settings.hidden_size),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.hidden_size, 1),
        )
        # Shared by both sides and fixed, but part of upstream's state dict.
        self.register_buffer("positional_embedding", torch.randn(1, nodes, channels))

    def forward(self, query: Tensor, candidate: Tensor) -> Tensor:
        """Logits (batch,) of node matrices (batch, channels, nodes), pair by pair."""
        return self.logits(self.project_query(query), self.project_candidate(candidate))

    def score(self, query: Tensor, candidate: Tensor) -> Tensor:
        """Probabilities (batch,) in [0, 1]: the sigmoid of ``forward``."""
        logits: Tensor = self(query, candidate)
        return logits.sigmoid()

    def project_query(self, nodes: Tensor) -> Tensor:
        """(batch, channels, nodes) → queries (batch, heads, nodes, channels / heads)."""
        return self._project(nodes, 0)

    def project_candidate(self, nodes: Tensor) -> ProjectedCandidate:
        """(batch, channels, nodes) → keys and values."""
        return ProjectedCandidate(self._project(nodes, 1), self._project(nodes, 2))

    def logits(self, queries: Tensor, candidate: ProjectedCandidate) -> Tensor:
        """Logits (batch,) of projected pairs."""
        scale = queries.shape[-1] ** -0.5
        weights = (queries * scale @ candidate.keys.transpose(2, 3)).softmax(dim=3)
        pooled = weights.mean(dim=2, keepdim=True) @ candidate.values
        logits: Tensor = self.fc(self.attn.out_proj(pooled.flatten(1)))
        return logits[:, 0]

    def _project(self, nodes: Tensor, part: int) -> Tensor:
        rows = nodes.transpose(1, 2) + self.positional_embedding
        weight = self.attn.in_proj_weight.chunk(3)[part]
        bias = self.attn.in_proj_bias.chunk(3)[part]
        projected = nn.functional.linear(rows, weight, bias)
        return projected.view(*rows.shape[:2], self.heads, -1).transpose(1, 2)

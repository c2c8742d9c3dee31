"""The re-ranker: the released scores, and the split that projects each segment once."""

import pytest
import torch

from helpers.paper import RERANKER
from helpers.parity import node_matrices, released_scalars, released_weights
from neuralsampleid.config import Reranker
from neuralsampleid.models.checkpoint import make_reranker
from neuralsampleid.models.reranker import CrossAttentionReranker


@pytest.fixture(scope="module")
def released_reranker() -> CrossAttentionReranker:
    reranker = CrossAttentionReranker(RERANKER, 512, 32).eval()
    reranker.load_state_dict(released_weights("classifier"))
    return reranker


@torch.no_grad()
def test_equals_the_released_scores(released_reranker: CrossAttentionReranker):
    scores = released_reranker.score(node_matrices("open/clf/a", 8), node_matrices("open/clf/b", 8))
    expected = torch.tensor(released_scalars()["classifier_scores"])
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_equals_torch_attention(released_reranker: CrossAttentionReranker):
    query, candidate = node_matrices("query", 3), node_matrices("candidate", 3)
    place = released_reranker.positional_embedding
    rows, others = query.transpose(1, 2) + place, candidate.transpose(1, 2) + place
    attended, _ = released_reranker.attn(rows, others, others)
    expected = released_reranker.fc(attended.mean(dim=1))[:, 0]
    torch.testing.assert_close(released_reranker(query, candidate), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_every_pair_from_segments_projected_once(released_reranker: CrossAttentionReranker):
    queries, candidates = node_matrices("q", 2), node_matrices("c", 3)
    pairs = torch.cartesian_prod(torch.arange(2), torch.arange(3))
    projected = released_reranker.project_candidate(candidates).rows(pairs[:, 1])
    logits = released_reranker.logits(
        released_reranker.project_query(queries)[pairs[:, 0]], projected
    )
    expected = released_reranker(queries[pairs[:, 0]], candidates[pairs[:, 1]])
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=0)


def test_query_and_candidate_are_not_interchangeable(released_reranker: CrossAttentionReranker):
    first, second = node_matrices("q", 4), node_matrices("c", 4)
    there = released_reranker.score(first, second)
    assert (there - released_reranker.score(second, first)).abs().max() > 1e-3
    assert there.min() >= 0
    assert there.max() <= 1


def test_the_positional_embedding_is_kept_but_not_learned():
    reranker = make_reranker(Reranker(heads=2, hidden_size=4), (8, 6), seed=0)
    assert "positional_embedding" in reranker.state_dict()
    assert "positional_embedding" not in dict(reranker.named_parameters())
    reranker(torch.randn(2, 8, 6), torch.randn(2, 8, 6)).sum().backward()
    assert all(value.grad is not None for value in reranker.parameters())


def test_channels_must_split_into_heads():
    with pytest.raises(ValueError, match="10 channels do not split into 4 heads"):
        make_reranker(RERANKER, (10, 6), seed=0)

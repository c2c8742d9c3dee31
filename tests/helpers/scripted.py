"""A re-ranker whose opinion a test writes into the node matrices."""

import numpy as np
import torch

from neuralsampleid.config import Reranker
from neuralsampleid.models.reranker import CrossAttentionReranker


def scripted_reranker() -> CrossAttentionReranker:
    """2 channels, 1 node: the logit is the candidate's first channel, whatever the query is."""
    model = CrossAttentionReranker(Reranker(heads=1, hidden_size=2, dropout=0.0), 2, 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.positional_embedding.zero_()
        model.attn.in_proj_weight[4:] = torch.eye(2)  # values
        model.attn.out_proj.weight.copy_(torch.eye(2))
        model.fc[0].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        model.fc[-1].weight.copy_(torch.tensor([[1.0, -1.0]]))
    return model.eval()


def matrices(*logits: float) -> np.ndarray:
    """Node matrices (segments, 2, 1) whose first channel is a logit."""
    return np.array([[[logit], [0.0]] for logit in logits], np.float32)

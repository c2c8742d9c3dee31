"""The contrastive loss over windows whose queries hold two samples."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from neuralsampleid.training.windows import WindowBatch


class WindowLoss(NamedTuple):
    """Scalars; ``hits`` and ``asked`` count the segments' own samples."""

    loss: Tensor
    hits: Tensor  # those whose reference is nearer than all of other tracks
    asked: Tensor


def window_loss(
    queries: Tensor, references: Tensor, batch: WindowBatch, temperature: float
) -> WindowLoss:
    """Cross-entropy of each sample's reference among those of other tracks, and the other way.

    A query's segment has two right references, which do not compete with each other; segments of
    their tracks are no negatives either, because music repeats.

    Args:
        queries: (B, S, d), L2-normalised.
        references: (B, S, d), L2-normalised; segment s of pair b belongs to that of ``queries``.
        batch: tracks, and which samples sound where.
        temperature: divides the similarities.

    Returns:
        The mean over both directions of all samples that sound; 0 where none does.
    """
    pairs, segments = queries.shape[:2]
    similarities = queries.flatten(0, 1) @ references.flatten(0, 1).T / temperature
    own = batch.tracks.repeat_interleave(segments)
    other = batch.tracks[batch.others].repeat_interleave(segments)
    right = (own[:, None] == own) | (other[:, None] == own)
    wrong = similarities.masked_fill(right, -torch.inf)
    of_query, of_reference = torch.logsumexp(wrong, 1), torch.logsumexp(wrong, 0)
    places = torch.arange(pairs * segments, device=queries.device).view(pairs, segments)
    total, weights = similarities.new_zeros(()), similarities.new_zeros(())
    for partners, sounds in ((places, batch.first), (places[batch.others], batch.second)):
        found = similarities[places.flatten(), partners.flatten()]
        among_references = torch.logaddexp(of_query, found) - found
        among_queries = torch.logaddexp(of_reference[partners.flatten()], found) - found
        weight = sounds.flatten().to(total.dtype)
        total = total + ((among_references + among_queries) / 2 * weight).sum()
        weights = weights + weight.sum()
    own_found = similarities.diagonal()
    hits = ((own_found > wrong.amax(1)) & batch.first.flatten()).sum()
    return WindowLoss(total / weights.clamp(min=1), hits, batch.first.sum())

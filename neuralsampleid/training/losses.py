"""Losses over two views of a batch; no loop over the batch anywhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuralsampleid.config import ClassificationTriplet, Loss, NtXent


def contrastive_loss(queries: Tensor, references: Tensor, settings: Loss) -> Tensor:
    """The loss that a configuration section describes; see the functions below."""
    if isinstance(settings, NtXent):
        return nt_xent(queries, references, settings.temperature)
    return classification_triplet(queries, references, settings)


def nt_xent(queries: Tensor, references: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy over 2B views (Chen et al. 2020).

    Args:
        queries: (B, d), L2-normalised.
        references: (B, d), L2-normalised; row i belongs to row i of ``queries``.
        temperature: divides the similarities.

    Returns:
        Scalar: the mean over all 2B views of −log softmax of the other view among the 2B − 1.
    """
    logits, partners = _similarities(queries, references)
    return nn.functional.cross_entropy(logits.fill_diagonal_(-torch.inf) / temperature, partners)


def classification_triplet(
    queries: Tensor, references: Tensor, settings: ClassificationTriplet
) -> Tensor:
    """β · classification + γ · triplet: the baseline's loss (docs/upstream.md, "Baseline").

    Args:
        queries: (B, d), L2-normalised.
        references: (B, d), L2-normalised; row i belongs to row i of ``queries``.
        settings: weights, margin, temperature and the triplet's sign.
    """
    classification = nt_xent(queries, references, settings.temperature)
    triplet = semi_hard_triplet(
        queries, references, settings.margin, reverse=settings.triplet == "released"
    )
    return settings.classification_weight * classification + settings.triplet_weight * triplet


def semi_hard_triplet(
    queries: Tensor, references: Tensor, margin: float, reverse: bool = False
) -> Tensor:
    """Triplet loss on cosine similarity, over all 2B views as anchors.

    The positive is the other view. The negative is, among those more similar than positive −
    margin, the least similar; an anchor without one contributes 0. The loss is
    relu(negative − positive + margin). Upstream's code has relu(positive − negative + margin) on
    similarities, which pushes positives apart; ``reverse`` reproduces it.

    Returns:
        Scalar: the mean over the 2B anchors.
    """
    similarities, partners = _similarities(queries, references)
    positive = similarities.gather(1, partners[:, None])
    candidates = similarities.masked_fill(similarities <= positive - margin, torch.inf)
    candidates.fill_diagonal_(torch.inf)
    candidates.scatter_(1, partners[:, None], torch.inf)
    negative = candidates.amin(dim=1)
    found = negative.isfinite()
    gap = torch.where(found, negative, 0.0) - positive[:, 0]
    losses = ((-gap if reverse else gap) + margin).relu()
    return torch.where(found, losses, 0.0).mean()


def _similarities(queries: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Inner products of all 2B views (2B, 2B), and each view's partner (2B,)."""
    views = torch.cat([queries, references])
    size = queries.shape[0]
    partners = torch.arange(2 * size, device=views.device).roll(size)
    return views @ views.T, partners

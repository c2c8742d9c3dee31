"""Training of the re-ranker on a frozen encoder (released README, section 2).

The released miner excludes only the query itself, so a query's true match is usually mined as its
hardest *negative*, and it scores most negatives against another query than their own. Here the
true match is excluded and each negative is scored against its own query.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from neuralsampleid.config import Gnn, Reranker
from neuralsampleid.models.checkpoint import make_reranker
from neuralsampleid.models.encoder import Encoding, SegmentEncoder
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.training.curves import CURVE_COLUMNS
from neuralsampleid.training.packed import PackedStems
from neuralsampleid.training.pairs import PairSource
from neuralsampleid.training.pretrain import make_views, split_tracks, without_curriculum

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedReranker:
    """What the training leaves behind."""

    model: CrossAttentionReranker  # of the epoch with the best validation AUROC
    curves: pd.DataFrame  # ``CURVE_COLUMNS``: train_loss, validation_loss, validation_auroc


@dataclass(frozen=True)
class MinedBatch:
    """Node matrices of B pairs, and which candidates are compared with which query."""

    queries: Tensor  # (B, channels, nodes)
    references: Tensor  # (B, channels, nodes)
    query_rows: Tensor  # (B·(1 + negatives),) first the B positives, then the negatives
    reference_rows: Tensor  # (B·(1 + negatives),)
    labels: Tensor  # (B·(1 + negatives),) 1 for positives


def train_reranker(
    settings: Reranker,
    encoder: SegmentEncoder,
    encoder_settings: Gnn,
    packed: PackedStems,
    seed: int,
) -> TrainedReranker:
    """Train on pairs drawn as in pretraining; the encoder stays as it is.

    Args:
        settings: the re-ranker and its training.
        encoder: trained, with node matrices.
        encoder_settings: pairs, augmentation and held-out share are those of its training.
        packed: stems at the front end's sample rate.
        seed: fixes weights, pairs and dropout.
    """
    assert encoder.node_shape is not None
    batches = _Batches(settings, encoder.eval(), encoder_settings, packed, seed)
    validation = list(batches.validation())
    model = make_reranker(settings, encoder.node_shape, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    rows: list[tuple[int, int, str, float]] = []
    best_auroc, best_state, step = -1.0, model.state_dict(), 0
    torch.manual_seed(seed)
    for epoch in range(settings.epochs):
        losses = []
        model.train()
        for batch in batches.training(epoch):
            loss = reranking_loss(model, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            step += 1
        values = {"train_loss": sum(losses) / len(losses)} | validate(model.eval(), validation)
        rows += [(epoch, step, name, value) for name, value in values.items()]
        _LOG.info(
            "epoch %d of %d: training loss %.3f, held-out loss %.3f, held-out AUROC %.3f",
            epoch + 1,
            settings.epochs,
            *values.values(),
        )
        if values["validation_auroc"] > best_auroc:
            best_auroc = values["validation_auroc"]
            best_state = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(best_state)
    return TrainedReranker(model.eval(), pd.DataFrame(rows, columns=list(CURVE_COLUMNS)))


def mine(queries: Encoding, references: Encoding, negatives: int) -> MinedBatch:
    """Pair each query with its own reference and with the most similar other ones.

    Args:
        queries: of B pairs, with node matrices.
        references: of the same pairs, in the same order.
        negatives: per query; fewer where B is smaller.
    """
    assert queries.nodes is not None
    assert references.nodes is not None
    size = len(queries.embedding)
    similarities = queries.embedding @ references.embedding.T
    similarities.fill_diagonal_(-torch.inf)
    hardest = similarities.topk(min(negatives, size - 1), dim=1).indices
    own = torch.arange(size, device=hardest.device)
    return MinedBatch(
        queries.nodes,
        references.nodes,
        query_rows=torch.cat([own, own.repeat_interleave(hardest.shape[1])]),
        reference_rows=torch.cat([own, hardest.flatten()]),
        labels=torch.cat([torch.ones(size), torch.zeros(hardest.numel())]).to(hardest.device),
    )


def reranking_loss(model: CrossAttentionReranker, batch: MinedBatch) -> Tensor:
    """Binary cross-entropy of the positives plus that of the negatives, each a mean."""
    logits = _logits(model, batch)
    losses = nn.functional.binary_cross_entropy_with_logits(logits, batch.labels, reduction="none")
    positive = batch.labels == 1
    return losses[positive].mean() + losses[~positive].mean()


@torch.no_grad()
def validate(model: CrossAttentionReranker, batches: list[MinedBatch]) -> dict[str, float]:
    """Loss and area under the ROC curve of positives against mined negatives."""
    losses = [float(reranking_loss(model, batch)) for batch in batches]
    logits = torch.cat([_logits(model, batch) for batch in batches])
    labels = torch.cat([batch.labels for batch in batches])
    return {
        "validation_loss": sum(losses) / len(losses),
        "validation_auroc": float(roc_auc_score(labels.numpy(), logits.numpy())),
    }


def _logits(model: CrossAttentionReranker, batch: MinedBatch) -> Tensor:
    projected = model.project_query(batch.queries)[batch.query_rows]
    candidates = model.project_candidate(batch.references)
    return model.logits(projected, candidates.rows(batch.reference_rows))


class _Batches:
    """Mined batches of an epoch, and of the held-out tracks."""

    def __init__(
        self,
        settings: Reranker,
        encoder: SegmentEncoder,
        encoder_settings: Gnn,
        packed: PackedStems,
        seed: int,
    ) -> None:
        training = encoder_settings.training
        held_out, kept = split_tracks(len(packed.tracks), training.validation_share, seed)
        self.settings = settings
        self.encoder = encoder
        self.per_epoch = settings.pairs_per_epoch or len(kept)
        self.size = min(settings.batch_pairs, self.per_epoch)
        fixed = without_curriculum(training)
        front_end = encoder_settings.front_end
        total = self.per_epoch * settings.epochs
        self.pairs = PairSource(packed, kept, front_end, fixed, seed + 2, total)
        count = training.validation_pairs
        self.held_out = PairSource(packed, held_out, front_end, fixed, seed + 3, count)
        self.views = make_views(encoder.front_end, training, self.pairs.geometry)

    def training(self, epoch: int) -> Iterator[MinedBatch]:
        first = epoch * self.per_epoch
        for start in range(first, first + self.per_epoch - self.size + 1, self.size):
            yield self._mined(self.pairs, range(start, start + self.size))

    def validation(self) -> Iterator[MinedBatch]:
        for start in range(0, len(self.held_out), self.size):
            indices = range(start, min(start + self.size, len(self.held_out)))
            if len(indices) > 1:
                yield self._mined(self.held_out, indices)

    @torch.no_grad()
    def _mined(self, source: PairSource, indices: range) -> MinedBatch:
        batch = self.views.collate([source[index] for index in indices])
        queries, references = self.views.features(batch)  # type: ignore[arg-type]
        encode = self.encoder.encode
        return mine(encode(queries), encode(references), self.settings.negatives)

"""The Lightning module of pretraining: two views, one contrastive loss."""

from __future__ import annotations

import logging
import math
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from neuralsampleid.config import Cosine, Training
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.training.batched import BatchedViews, PowerBatch
from neuralsampleid.training.losses import contrastive_loss
from neuralsampleid.training.waveform import WaveformBatch, WaveformViews

_LOG = logging.getLogger(__name__)


class Pretraining(lightning.LightningModule):
    """Trains an encoder to give both views of a pair similar fingerprints."""

    bad_batches: Tensor  # so far: those whose loss was not finite

    def __init__(
        self,
        encoder: SegmentEncoder,
        views: BatchedViews | WaveformViews,
        settings: Training,
        steps_per_epoch: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.views = views
        self.settings = settings
        self.steps_per_epoch = steps_per_epoch
        self.seed = seed
        self.register_buffer("bad_batches", torch.zeros((), dtype=torch.long))
        self._validation: list[tuple[Tensor, Tensor]] = []

    def on_train_batch_start(self, batch: PowerBatch | WaveformBatch, batch_idx: int) -> None:
        # Dropout depends on the step alone: loaders draw from the same generator, more or less
        # often by the number of workers and by what was resumed.
        torch.manual_seed(self.seed + 1_000_003 * (self.global_step + 1))

    def training_step(self, batch: PowerBatch | WaveformBatch, _: int) -> Tensor | None:
        """The loss of one batch; None (the step is skipped) where it is not finite."""
        queries, references = self._embed(batch)
        loss = contrastive_loss(queries, references, self.settings.loss)
        if not torch.isfinite(loss):
            self.bad_batches += 1
            _LOG.warning("step %d: the loss is %s, skipped", self.global_step, loss.item())
            return None
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(queries))
        return loss

    def validation_step(self, batch: PowerBatch | WaveformBatch, _: int) -> None:
        self._validation.append(self._embed(batch))

    def on_validation_epoch_end(self) -> None:
        queries = torch.cat([queries for queries, _ in self._validation])
        references = torch.cat([references for _, references in self._validation])
        self._validation.clear()
        loss = contrastive_loss(queries, references, self.settings.loss)
        hits = (queries @ references.T).argmax(dim=1) == torch.arange(
            len(queries), device=queries.device
        )
        self.log("validation_loss", loss)
        self.log("validation_hit_rate_1", hits.float().mean(), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = torch.optim.Adam(
            self.encoder.parameters(), lr=self.settings.learning_rate.initial
        )
        schedule = LambdaLR(optimizer, self._learning_rate_factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _learning_rate_factor(self, step: int) -> float:
        return learning_rate_factor(self.settings, step, self.steps_per_epoch)

    def _embed(self, batch: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401 - the views' own type
        queries, references = self.views.features(batch)
        embeddings = self.encoder(torch.cat([queries, references]))
        first, second = embeddings.chunk(2)
        return first, second


def learning_rate_factor(settings: Training, step: int, steps_per_epoch: int) -> float:
    """The learning rate at a step, as a share of the initial one."""
    schedule = settings.learning_rate
    if not isinstance(schedule, Cosine):
        return float(schedule.factor ** (step // steps_per_epoch // schedule.every))
    total = settings.epochs * steps_per_epoch
    warmup = schedule.warmup * total
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = min(1.0, (step - warmup) / max(1.0, total - warmup))
    lowest = schedule.final / schedule.initial
    return lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * progress))

"""The Lightning module of pretraining: two views, one contrastive loss."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import MeanMetric

from neuralsampleid.config import AnyTraining, Cosine, Training
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.training.losses import contrastive_loss
from neuralsampleid.training.views import Batch, BatchedViews

_LOG = logging.getLogger(__name__)


class AnyPretraining(lightning.LightningModule, ABC):
    """Trains an encoder; what it has in common whatever the encoder learns from."""

    bad_batches: Tensor  # so far: those whose loss was not finite

    def __init__(
        self, encoder: SegmentEncoder, settings: AnyTraining, steps_per_epoch: int, seed: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = settings
        self.steps_per_epoch = steps_per_epoch
        self.seed = seed
        self.register_buffer("bad_batches", torch.zeros((), dtype=torch.long))
        self.train_loss = epoch_mean()
        self._skipped = False

    @abstractmethod
    def batch_loss(self, batch: Any) -> Tensor:  # noqa: ANN401 - each kind has its own batches
        """The loss of one batch over all processes, with its gradients."""

    def on_train_epoch_start(self) -> None:
        self.train_loss.reset()

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        # Dropout depends on the step and the process alone: neither workers nor a resumption
        # change it. Processes differ, or the same places of all their shares would be dropped.
        step = 1_000_003 * (self.global_step + 1)
        torch.manual_seed(self.seed + step + 7_919 * self.global_rank)

    def training_step(self, batch: object, _: int) -> Tensor:
        """The loss of one batch over all processes; the step is skipped where it is not finite."""
        loss = self.batch_loss(batch)
        self._skipped = not bool(torch.isfinite(loss))
        if self._skipped:
            self.bad_batches += 1
            _LOG.warning("step %d: the loss is %s, skipped", self.global_step, loss.item())
        else:
            self.train_loss.update(loss.detach(), self.settings.batch_pairs)
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        if self._skipped:  # without gradients the optimiser leaves everything as it is
            optimizer.zero_grad(set_to_none=True)

    def log_epoch(self, loss: Tensor, hit_rate: Tensor) -> None:
        """Log an epoch's curves, once its held-out pairs are judged."""
        # Here, because callbacks write the curves before the module's own end of an epoch.
        if self.train_loss.weight > 0:
            self.log("train_loss", self.train_loss.compute())
        self.log("validation_loss", loss, sync_dist=True)
        self.log("validation_hit_rate_1", hit_rate, prog_bar=True, sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = torch.optim.Adam(
            self.encoder.parameters(), lr=self.settings.learning_rate.initial
        )
        schedule = LambdaLR(
            optimizer, lambda step: learning_rate_factor(self.settings, step, self.steps_per_epoch)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def in_full_precision(self) -> torch.autocast:
        """A context in which nothing is rounded to bfloat16."""
        return torch.autocast(self.device.type, enabled=False)


class Pretraining(AnyPretraining):
    """Trains an encoder to give both views of a pair of segments similar fingerprints."""

    def __init__(
        self,
        encoder: SegmentEncoder,
        views: BatchedViews,
        settings: Training,
        steps_per_epoch: int,
        seed: int,
    ) -> None:
        super().__init__(encoder, settings, steps_per_epoch, seed)
        self.views = views
        self.loss_settings = settings.loss
        self._validation: list[tuple[Tensor, Tensor]] = []

    def batch_loss(self, batch: Batch) -> Tensor:
        """The loss of one batch over all processes, with its gradients."""
        return self._loss(*self.gather(*self._embed(batch)))

    def gather(self, queries: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
        """Both views' embeddings (B / processes, d) of all processes, each (B, d).

        All processes then compute the same loss of the whole batch. Each gets gradients from the
        losses of all, P times its part of the whole; the mean over processes, which Lightning's
        strategy takes of the parameters' gradients, makes that exact.
        """
        if self.trainer.world_size == 1:
            return queries, references
        views = torch.stack([queries, references])
        gathered = self.all_gather(views, sync_grads=True)  # (P, 2, B / P, d)
        assert isinstance(gathered, Tensor)
        first, second = gathered.transpose(0, 1).flatten(1, 2)
        return first, second

    def validation_step(self, batch: Batch, _: int) -> None:
        self._validation.append(self._embed(batch))

    def on_validation_epoch_end(self) -> None:
        queries = torch.cat([queries for queries, _ in self._validation])
        references = torch.cat([references for _, references in self._validation])
        self._validation.clear()
        loss = self._loss(queries, references)
        hits = (queries @ references.T).argmax(dim=1) == torch.arange(
            len(queries), device=queries.device
        )
        self.log_epoch(loss, hits.float().mean())

    def _embed(self, batch: Batch) -> tuple[Tensor, Tensor]:
        # Powers span more than bfloat16 can tell apart, and so do similarities over a temperature.
        with self.in_full_precision():
            queries, references = self.views.features(batch)
        embeddings = self.encoder(torch.cat([queries, references])).float()
        first, second = embeddings.chunk(2)
        return first, second

    def _loss(self, queries: Tensor, references: Tensor) -> Tensor:
        with self.in_full_precision():
            return contrastive_loss(queries, references, self.loss_settings)


def epoch_mean() -> MeanMetric:
    """The mean over an epoch's pairs, kept in checkpoints: an epoch may be continued midway."""
    mean = MeanMetric(nan_strategy="disable", sync_on_compute=False)
    mean.persistent(True)
    return mean


def learning_rate_factor(settings: AnyTraining, step: int, steps_per_epoch: int) -> float:
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

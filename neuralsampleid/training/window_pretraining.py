"""The Lightning module of pretraining on windows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neuralsampleid.config import WindowTraining
from neuralsampleid.models.reading_cnn import STEP_FRAMES, ReadingCnnEncoder
from neuralsampleid.training.contrastive import AnyPretraining
from neuralsampleid.training.window_loss import WindowLoss, window_loss
from neuralsampleid.training.windows import WindowBatch, WindowCollator


class WindowPretraining(AnyPretraining):
    """Trains an encoder on pairs of windows.

    Several processes each compute the loss of their own share of a batch, with its negatives.
    """

    encoder: ReadingCnnEncoder
    settings: WindowTraining

    def __init__(
        self, encoder: ReadingCnnEncoder, settings: WindowTraining, steps_per_epoch: int, seed: int
    ) -> None:
        super().__init__(encoder, settings, steps_per_epoch, seed)
        self._outcomes: list[WindowLoss] = []

    def batch_loss(self, batch: WindowBatch) -> Tensor:
        """The loss of one batch of windows, with its gradients."""
        return self._outcome(batch).loss

    def validation_step(self, batch: WindowBatch, _: int) -> None:
        self._outcomes.append(self._outcome(batch))

    def on_validation_epoch_end(self) -> None:
        losses, hits, asked = (torch.stack(values) for values in zip(*self._outcomes, strict=True))
        self._outcomes.clear()
        weights = asked.to(losses.dtype)
        self.log_epoch(
            (losses * weights).sum() / weights.sum().clamp(min=1),
            hits.sum() / asked.sum().clamp(min=1),
        )

    def _outcome(self, batch: WindowBatch) -> WindowLoss:
        count, chosen = len(batch.queries), learned_steps(self.encoder)
        mapped = self.encoder.map(torch.cat([batch.queries, batch.references]))
        found = self.encoder.fingerprints(mapped, 0)[:, list(chosen)]
        with self.in_full_precision():
            return window_loss(found[:count], found[count:], batch, self.settings.temperature)


def learned_steps(encoder: ReadingCnnEncoder) -> tuple[int, ...]:
    """Steps of the map at which segments begin that are learned from: not the outermost.

    Two for each segment's length that fits into a window, and one more.
    """
    segment = encoder.front_end.frames // STEP_FRAMES
    last = encoder.window.frames // STEP_FRAMES - segment
    steps = np.linspace(min(1, last), max(last - 1, 0), 2 * last // segment + 1)
    return tuple(sorted({round(step) for step in steps.tolist()}))


def collator(encoder: ReadingCnnEncoder) -> WindowCollator:
    """What mixes the pairs for an encoder's windows."""
    starts = tuple(STEP_FRAMES * step for step in learned_steps(encoder))
    return WindowCollator(starts, encoder.front_end.frames)

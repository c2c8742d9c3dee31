"""Learning curves: a long CSV, and a line per epoch in the log."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import lightning
import pandas as pd
from lightning.pytorch.callbacks import TQDMProgressBar

from neuralsampleid.files import write_csv

CURVE_COLUMNS = ("epoch", "step", "metric", "value")
_LOG = logging.getLogger(__name__)


class CurveWriter(lightning.Callback):
    """Rewrites ``curves.csv`` after every epoch; a resumed run continues it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        epoch, step = trainer.current_epoch, trainer.global_step
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        values["learning_rate"] = float(rate)
        rows = [(epoch, step, name, value) for name, value in sorted(values.items())]
        table = pd.DataFrame(rows, columns=list(CURVE_COLUMNS))
        if self.path.exists() and epoch > 0:
            earlier = pd.read_csv(self.path)
            table = pd.concat([earlier[earlier["epoch"] < epoch], table])
        write_csv(self.path, table)


class EpochLog(lightning.Callback):
    """One line per epoch, for logs that no progress bar can be drawn in."""

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        metrics = trainer.callback_metrics
        steps = trainer.num_training_batches
        _LOG.info(
            "epoch %d of %d: training loss %.3f, held-out loss %.3f, held-out hit rate %.3f, "
            "%.2f s per step",
            trainer.current_epoch + 1,
            trainer.max_epochs,
            metrics.get("train_loss", float("nan")),
            metrics.get("validation_loss", float("nan")),
            metrics.get("validation_hit_rate_1", float("nan")),
            (time.monotonic() - self.started) / max(1, steps),
        )


def progress_bars() -> list[lightning.Callback]:
    """A progress bar if a person watches, none in a log file."""
    return [TQDMProgressBar()] if sys.stderr.isatty() else []

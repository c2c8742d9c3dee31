"""Learning curves: a long CSV, and a line per epoch in the log."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import lightning
import pandas as pd
import torch
from lightning.pytorch.callbacks import TQDMProgressBar

from neuralsampleid.files import write_csv

CURVE_COLUMNS = ("epoch", "step", "metric", "value")
_LABELS = {
    "train_loss": "training loss",
    "validation_loss": "held-out loss",
    "validation_hit_rate_1": "held-out hit rate",
    "validation_auroc": "held-out AUROC",
}
_LOG = logging.getLogger(__name__)


class EpochLog(lightning.Callback):
    """After every epoch rewrites ``curves.csv``, which a resumed run continues, and logs a line.

    The line is for logs that no progress bar can be drawn in. Its throughput counts the steps of
    training and the waiting for their pairs, not the validation.

    Args:
        path: of ``curves.csv``.
        batch_pairs: of all processes.
    """

    def __init__(self, path: Path, batch_pairs: int) -> None:
        self.path, self.batch_pairs = path, batch_pairs
        self.started, self.seconds, self.steps = 0.0, 0.0, 0

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        # An epoch that is continued does not start again.
        self.started, self.seconds, self.steps = time.monotonic(), 0.0, 0

    on_train_epoch_start = on_train_start

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        self.steps += 1
        if trainer.is_last_batch and _on_gpu(trainer):
            torch.cuda.synchronize()  # what was queued is not done yet
        self.seconds = time.monotonic() - self.started

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        known = [f"{label} {values[name]:.3f}" for name, label in _LABELS.items() if name in values]
        rate = self.steps / max(self.seconds, 1e-9)
        _LOG.info(
            "epoch %d of %d: %s; %.1f pairs/s, %.2f steps/s, %.2f GB",
            trainer.current_epoch + 1,
            trainer.max_epochs,
            ", ".join(known),
            rate * self.batch_pairs,
            rate,
            _peak_memory_gb(trainer),
        )
        if not trainer.is_global_zero:
            return
        epoch, step = trainer.current_epoch, trainer.global_step
        values["learning_rate"] = float(trainer.optimizers[0].param_groups[0]["lr"])
        rows = [(epoch, step, name, value) for name, value in sorted(values.items())]
        table = pd.DataFrame(rows, columns=list(CURVE_COLUMNS))
        if self.path.exists() and epoch > 0:
            earlier = pd.read_csv(self.path)
            table = pd.concat([earlier[earlier["epoch"] < epoch], table])
        write_csv(self.path, table)


def _on_gpu(trainer: lightning.Trainer) -> bool:
    return trainer.strategy.root_device.type == "cuda"


def _peak_memory_gb(trainer: lightning.Trainer) -> float:
    """The most memory that this process has held so far; on its GPU if it uses one."""
    if _on_gpu(trainer):
        return torch.cuda.max_memory_allocated() / 1e9
    if sys.platform == "win32":
        return float("nan")
    import resource  # Unix has it

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def progress_bars() -> list[lightning.Callback]:
    """A progress bar if a person watches, none in a log file."""
    return [TQDMProgressBar()] if sys.stderr.isatty() else []

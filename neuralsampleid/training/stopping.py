"""Stopping on a signal, so that nothing is lost: a checkpoint, then one line and the end.

SLURM sends SIGTERM (or what ``--signal`` names) before it kills. Where training is stopped in the
middle of an epoch, the next run continues with the very next batch.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning

from neuralsampleid.errors import UserError

# Windows has but the first.
SIGNALS = tuple(signal.Signals[name] for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Processes that are started meanwhile never see ``SIGNALS``, from their first moment on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def outlive_signals(_: int) -> None:
    """Keep a process that makes pairs alive when all processes of a job are told to stop.

    The step in progress, and the checkpoint after it, still need it; the trainer ends it then, and
    Python's own exit waits until it has ended: so the parent's signal is obeyed. To be called in a
    process that was started within ``signals_blocked``.
    """
    threading.Thread(target=_obey_parent_alone, daemon=True).start()


def _obey_parent_alone() -> None:
    while signal.sigwaitinfo(SIGNALS).si_pid != os.getppid():
        pass
    os._exit(0)


class StoppedError(UserError):
    """Training was told to stop; another run continues it."""


class StopOnSignal(lightning.Callback):
    """Saves a checkpoint and ends the training once one of ``SIGNALS`` has come."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.received = 0  # the signal's number

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        # Lightning has set its own handlers, which talk to other processes from inside the handler;
        # these take their place. It puts the original ones back at the end.
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._note)

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        if self._all_stop(trainer):  # the last epoch's end has been saved already
            self._stop(trainer)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,  # noqa: ANN401 - as Lightning declares it
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        # After an epoch's last batch comes its end, with its validation and its checkpoint.
        if batch_idx + 1 < trainer.num_training_batches and self._all_stop(trainer):
            trainer.save_checkpoint(self.checkpoint)
            self._stop(trainer)

    def _note(self, number: int, _: object) -> None:
        self.received = number

    def _all_stop(self, trainer: lightning.Trainer) -> bool:
        """Whether any process was told to stop: all must stop after the same batch."""
        told = bool(self.received)
        return bool(trainer.strategy.reduce_boolean_decision(told, all=False))

    def _stop(self, trainer: lightning.Trainer) -> None:
        name = signal.Signals(self.received).name if self.received else "another process's signal"
        raise StoppedError(
            f"training: stopped by {name} after step {trainer.global_step}; the next run continues"
        )

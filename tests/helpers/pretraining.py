"""A tiny pretraining that tests run, stop and compare."""

import os
import signal
import subprocess
from multiprocessing import active_children
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers.songs import packed_songs, small_gnn, small_training
from neuralsampleid.config import Gnn, ResNetIbn
from neuralsampleid.training import curves
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.pretraining import Pretrained, pretrain

PACKED = packed_songs(6, 3.0)
# Where it is stopped lies in the middle of an epoch; dropout shows whether its state is kept.
SETTINGS = small_gnn(small_training(pairs_per_epoch=14), edge_dropout=0.2, drop_path=0.2)
STEPS = 3  # of an epoch; two pairs are left out


def run(
    folder: Path, settings: Gnn | ResNetIbn = SETTINGS, seed: int = 1, workers: int = 0
) -> Pretrained:
    return pretrain(settings, PACKED, seed, folder, Machine(workers=workers))


def weights(trained: Pretrained) -> dict[str, torch.Tensor]:
    return trained.encoder.state_dict()


def differing(first: Pretrained, second: Pretrained) -> list[str]:
    ours, theirs = weights(first), weights(second)
    return [name for name in ours if not torch.equal(ours[name], theirs[name])]


def curve(folder: Path, metric: str) -> list[float]:
    table = pd.read_csv(folder / "curves.csv")
    return table.loc[table["metric"] == metric, "value"].tolist()


def stop_after(step: int, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process and its workers a signal once so many steps are done, as SLURM does."""
    original = curves.EpochLog.on_train_batch_end

    def send(self: curves.EpochLog, trainer, *rest: object) -> None:
        original(self, trainer, *rest)
        if trainer.global_step == step:
            everyone = [os.getpid(), *(worker.pid for worker in active_children())]
            kill = f"kill -s {number.name.removeprefix('SIG')} {' '.join(map(str, everyone))}"
            subprocess.run(["sh", "-c", kill], check=True)

    monkeypatch.setattr(curves.EpochLog, "on_train_batch_end", send)

"""A training on two real processes; run as a script, because Lightning starts it once for each."""

import signal
import sys
from pathlib import Path

import torch
from torch import nn

from helpers.songs import SMALL_LOG_MEL, packed_songs, small_gnn, small_training
from neuralsampleid.audio.front_ends import make_front_end
from neuralsampleid.config import ClassificationTriplet, Gnn, NtXent
from neuralsampleid.models.encoder import Encoding, SegmentEncoder
from neuralsampleid.processes import is_first_process
from neuralsampleid.training import curves
from neuralsampleid.training.batches import PairData
from neuralsampleid.training.contrastive import Pretraining
from neuralsampleid.training.fitting import Plan, fit
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.pairs import PairSource
from neuralsampleid.training.pretraining import pretrain
from neuralsampleid.training.views import BatchedViews

PACKED = packed_songs(6, 3.0)
TWO = Machine(devices=2)
LOSSES = {
    "nt_xent": NtXent(temperature=0.1),
    # A wide margin: each anchor has negatives to choose from.
    "classification_triplet": ClassificationTriplet(temperature=0.1, margin=1.0),
}
PAIRS, BATCH = 14, 4  # an epoch of three batches


class PlainEncoder(SegmentEncoder):
    """Two layers without normalisation over a batch, so that processes can be compared."""

    def __init__(self) -> None:
        super().__init__()
        self.front_end = make_front_end(SMALL_LOG_MEL)
        size = SMALL_LOG_MEL.mel_bands * SMALL_LOG_MEL.frames
        self.layers = nn.Sequential(nn.Linear(size, 32), nn.ELU(), nn.Linear(32, 8))

    def encode(self, features: torch.Tensor) -> Encoding:
        flat = features.flatten(1) / 100  # decibels
        return Encoding(nn.functional.normalize(self.layers(flat), dim=1), None)


class Recording(Pretraining):
    """Keeps the first step's loss and gradients as the optimiser gets them."""

    first_loss: torch.Tensor
    first_gradients: dict[str, torch.Tensor]

    def training_step(self, batch, number):
        loss = super().training_step(batch, number)
        if self.global_step == 0:
            self.first_loss = loss.detach().clone()
        return loss

    def on_before_optimizer_step(self, optimizer):
        super().on_before_optimizer_step(optimizer)
        if self.global_step == 0:
            parameters = self.encoder.named_parameters()
            self.first_gradients = {name: value.grad.clone() for name, value in parameters}


def train_plainly(loss: str, folder: Path, machine: Machine) -> dict[str, object]:
    """First loss and gradients, final weights and held-out loss."""
    training = small_training(pairs_per_epoch=PAIRS, batch_pairs=BATCH, loss=LOSSES[loss])
    torch.manual_seed(5)
    encoder = PlainEncoder()
    source = PairSource(PACKED, [0, 1, 2, 3], SMALL_LOG_MEL, training, 1, 3 * PAIRS)
    held_out = PairSource(PACKED, [4, 5], SMALL_LOG_MEL, training, 2, 6)
    views = BatchedViews(encoder.front_end, True)
    data = PairData(source, held_out, views.collate, PAIRS, BATCH)
    module = Recording(encoder, views, training, data.steps_per_epoch, seed=1)
    fit(module, data, Plan(3, BATCH, "validation_loss", "min"), folder, machine)
    return {
        "loss": module.first_loss,
        "gradients": module.first_gradients,
        "weights": module.encoder.state_dict(),
        "curves": (folder / "curves.csv").read_text(),
    }


def gnn() -> Gnn:
    """With dropout, which must survive a stop."""
    training = small_training(pairs_per_epoch=PAIRS, batch_pairs=BATCH)
    return small_gnn(training, edge_dropout=0.2)


def stop_second_process_after(step: int) -> None:
    """Send one process alone a signal."""
    original = curves.EpochLog.on_train_batch_end

    def send(self, trainer, *rest):
        original(self, trainer, *rest)
        if trainer.global_step == step and not is_first_process():
            signal.raise_signal(signal.SIGTERM)

    curves.EpochLog.on_train_batch_end = send


def main(task: str, out: Path) -> None:
    torch.set_num_threads(1)
    rank = 0 if is_first_process() else 1
    if task == "everything":
        for loss in LOSSES:
            torch.save(train_plainly(loss, out / loss, TWO), out / f"{loss}_{rank}.pt")
    elif task == "stopped":
        stop_second_process_after(5)
    trained = pretrain(gnn(), PACKED, 1, out / "checkpoints", TWO)
    torch.save(trained.encoder.state_dict(), out / f"gnn_{rank}.pt")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

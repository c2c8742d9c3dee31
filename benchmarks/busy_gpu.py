"""How busy the training input keeps a GPU: pairs from loader workers against the training step.

Command: ``python benchmarks/busy_gpu.py --workers 4 8 15`` on a machine with a GPU. It makes its
own stems. For each encoder of the paper's run, at full size and with its own batches: the step on a
batch that lies on the device already, then training as it is, fed by some loader workers.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from training_step import synthetic_stems

from neuralsampleid.config import Gnn, ResNetIbn, read_config
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.training.losses import contrastive_loss
from neuralsampleid.training.pairs import PairSource, RawPair
from neuralsampleid.training.views import BatchedViews, PowerBatch

WARM_UP = 3  # steps that are not counted


class Trainer:
    """An encoder and its optimiser on a device, in the precision of the workflow's training."""

    def __init__(self, settings: Gnn | ResNetIbn, pairs: PairSource, device: str) -> None:
        self.device = torch.device(device)
        self.encoder = make_encoder(settings, seed=1).to(self.device)
        change_rest = settings.training.pairs.rest == "same_song"
        self.views = BatchedViews(self.encoder.front_end, change_rest)
        self.optimiser = torch.optim.Adam(self.encoder.parameters(), lr=1e-4)
        self.loss = settings.training.loss

    def step(self, batch: PowerBatch) -> None:
        """One step on a batch that lies on the device."""
        queries, references = self.views.features(batch)  # type: ignore[arg-type]
        with torch.autocast(self.device.type, torch.bfloat16):
            embeddings = self.encoder(torch.cat([queries, references]))
        self.optimiser.zero_grad()
        contrastive_loss(*embeddings.float().chunk(2), self.loss).backward()
        self.optimiser.step()

    def seconds(self, batch: PowerBatch) -> float:
        """How long a step takes until the device has done it."""
        self.wait()
        started = time.perf_counter()
        self.step(batch)
        self.wait()
        return time.perf_counter() - started

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def main() -> None:
    """Print one row per encoder and number of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("config/paper.yaml"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, help="pairs; left out: the configuration's")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    name = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    print(f"{name}, torch {torch.__version__}; {options.steps} steps\n")
    print("| encoder | pairs | step alone, ms | pairs/s | workers | trained pairs/s | busy, % |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for encoder, settings in read_config(options.config).encoders.items():
        batch = options.batch or settings.training.batch_pairs
        stems = synthetic_stems(64, 30.0, settings.front_end.sample_rate)
        tracks = list(range(len(stems.tracks)))
        pairs = PairSource(stems, tracks, settings.front_end, settings.training, 1, 10**6)
        trainer = Trainer(settings, pairs, options.device)
        ready = trainer.views.collate([pairs[index] for index in range(batch)])
        ready = ready.to(trainer.device)  # type: ignore[arg-type, assignment]
        alone = [trainer.seconds(ready) for _ in range(WARM_UP + options.steps)][WARM_UP:]  # type: ignore[arg-type]
        step = statistics.median(alone)
        for workers in options.workers:
            trained = fed(trainer, pairs, batch, workers, options.steps)
            print(
                f"| {encoder} | {batch} | {1000 * step:.0f} | {batch / step:.0f} | {workers} "
                f"| {trained:.0f} | {100 * trained * step / batch:.0f} |",
                flush=True,
            )


def fed(trainer: Trainer, pairs: PairSource, batch: int, workers: int, steps: int) -> float:
    """Pairs per second of training on what some workers make meanwhile."""
    wanted = range((steps + WARM_UP + workers) * batch)
    loader: DataLoader[RawPair] = DataLoader(
        pairs, batch, sampler=wanted, collate_fn=trainer.views.collate, num_workers=workers
    )
    batches = iter(loader)
    for _ in range(WARM_UP + workers):  # what lay ready when the first step was done
        trainer.step(next(batches).to(trainer.device))
    started = time.perf_counter()
    for _ in range(steps):
        trainer.step(next(batches).to(trainer.device))
    trainer.wait()
    return steps * batch / (time.perf_counter() - started)


if __name__ == "__main__":
    main()

"""A training step of the demo's encoders, part by part, and what torch.compile makes of it.

Command: ``python benchmarks/training_step.py`` (minutes; compiling needs a C++ compiler). It makes
its own stems. On a CPU one thread works and CPU time counts, so that other work on the machine does
not; bfloat16, with channels last, is tried where the CPU has it. On a GPU (``--device cuda``) wall
time counts and bfloat16 is used, as in training.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from neuralsampleid.config import Gnn, ResNetIbn, read_config
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.processes import keep_freed_memory
from neuralsampleid.training.losses import contrastive_loss
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.pairs import PairSource
from neuralsampleid.training.views import BatchedViews

PARTS = ("pairs", "features", "forward", "backward", "optimiser")


class Step:
    """One step after another, timed part by part."""

    def __init__(
        self, settings: Gnn | ResNetIbn, device: str, batch: int, *, half: bool, compiled: bool
    ) -> None:
        training = settings.training
        stems = synthetic_stems(16, 20.0, settings.front_end.sample_rate)
        tracks = list(range(len(stems.tracks)))
        self.pairs = PairSource(stems, tracks, settings.front_end, training, 1, 10**6)
        self.encoder = make_encoder(settings, seed=1).to(device)
        if half and device == "cpu":
            self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.precision = torch.autocast(device, torch.bfloat16, enabled=half)
        self.embed: Callable[[torch.Tensor], torch.Tensor] = self.encoder
        if compiled:
            self.embed = torch.compile(self.encoder)
        self.views = BatchedViews(self.encoder.front_end, training.pairs.rest == "same_song")
        self.optimiser = torch.optim.Adam(self.encoder.parameters(), lr=1e-4)
        self.loss = training.loss
        self.device = torch.device(device)
        self.batch = batch
        self.drawn = 0

    def run(self) -> dict[str, float]:
        """Seconds of each part."""
        marks = [self._clock()]
        first, self.drawn = self.drawn, self.drawn + self.batch
        raw = self.views.collate([self.pairs[index] for index in range(first, self.drawn)])
        marks.append(self._clock())
        queries, references = self.views.features(raw.to(self.device))
        marks.append(self._clock())
        with self.precision:
            embeddings = self.embed(torch.cat([queries, references]))
        loss = contrastive_loss(*embeddings.float().chunk(2), self.loss)
        marks.append(self._clock())
        self.optimiser.zero_grad()
        loss.backward()
        marks.append(self._clock())
        self.optimiser.step()
        marks.append(self._clock())
        return {part: marks[at + 1] - marks[at] for at, part in enumerate(PARTS)}

    def _clock(self) -> float:
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def synthetic_stems(songs: int, seconds: float, rate: int) -> PackedStems:
    """Songs of decaying notes, noise bursts, bass tones and chords, each with its own rhythm."""
    blocks = []
    for seed in range(songs):
        rng = np.random.default_rng(seed)
        clock = np.arange(round(seconds * rate)) / rate
        beat, root = rng.uniform(0.35, 0.6), rng.uniform(50, 110)
        since = clock % (beat / 2)
        notes = root * 8 * 2 ** (rng.integers(0, 12, 16) / 12)
        phase = 2 * np.pi * np.cumsum(notes[(clock // (beat / 2)).astype(int) % 16]) / rate
        lead = sum(np.sin(n * phase) / n for n in (1, 2, 3)) * np.exp(-since / 0.2)
        drums = rng.standard_normal(clock.size) * np.exp(-(clock % beat) / 0.05)
        bass = np.sin(2 * np.pi * np.cumsum(notes[(clock // beat).astype(int) % 4] / 8) / rate)
        chord = sum(np.sin(2 * np.pi * 4 * root * ratio * clock) for ratio in (1.0, 1.26, 1.5))
        stems = np.stack([0.15 * lead, 0.25 * drums, 0.25 * bass, 0.08 * chord], axis=1)
        blocks.append((stems * 32767).clip(-32768, 32767).astype(np.int16))
    samples = [len(block) for block in blocks]
    table = pd.DataFrame({"track_id": [f"s{place}" for place in range(songs)], "samples": samples})
    table.insert(1, "first", np.cumsum([0, *samples[:-1]]))
    return PackedStems((np.concatenate(blocks),), table.assign(shard=0, sha256=""), rate)


def main() -> None:
    """Print one row per encoder, eager and compiled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("config.yaml"))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--steps", type=int, default=10, help="the median of each part counts")
    parser.add_argument("--give-back", action="store_true", help="freed memory, as by default")
    parser.add_argument("--filled", action="store_true", help="new memory, as if deterministic")
    parser.add_argument("--eager", action="store_true", help="compile nothing")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    if not arguments.give_back:
        keep_freed_memory()
    # As trainings have it, but for what deterministic torch fills new memory with.
    torch.use_deterministic_algorithms(True, warn_only=arguments.device == "cuda")
    torch.utils.deterministic.fill_uninitialized_memory = arguments.filled  # type: ignore[attr-defined]
    config = read_config(arguments.config)
    print(f"{arguments.device}, torch {torch.__version__}; median of {arguments.steps} steps, ms\n")
    print(f"| encoder | {' | '.join(PARTS)} | step | first step, s |")
    print(f"|---|{'---:|' * (len(PARTS) + 2)}")
    for name, settings in config.encoders.items():
        for half, compiled in _ways(arguments.device, arguments.eager):
            batch = settings.training.batch_pairs
            step = Step(settings, arguments.device, batch, half=half, compiled=compiled)
            started = time.perf_counter()
            step.run()
            warm_up = time.perf_counter() - started
            runs = [step.run() for _ in range(arguments.steps)]
            parts = [1000 * statistics.median(run[part] for run in runs) for part in PARTS]
            row = " | ".join(f"{value:.0f}" for value in [*parts, sum(parts)])
            way = ", bfloat16" * half + ", compiled" * compiled
            print(f"| {name}{way} | {row} | {warm_up:.1f} |", flush=True)


def _ways(device: str, eager: bool) -> list[tuple[bool, bool]]:
    """In bfloat16 or not, compiled or not."""
    precisions = [True] if device == "cuda" else [False]
    if device == "cpu" and torch.cpu.get_capabilities().get("amx_bf16"):
        precisions.append(True)
    return [(half, done) for half in precisions for done in ((False,) if eager else (False, True))]


if __name__ == "__main__":
    main()

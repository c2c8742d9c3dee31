"""Training pairs from packed stems against decoding a track's five MP3 files for each pair.

Command: ``python benchmarks/training_input.py`` (some minutes). It makes its own tracks: a mix and
four stems of 30 s as stereo MP3 at 44.1 kHz, which the released loader reads. Both ways draw the
released pairs (``neuralsampleid/training/pairs.py``) and take turns on the same two workers.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch
from torch.utils.data import DataLoader

from neuralsampleid.audio.front_ends import make_front_end
from neuralsampleid.audio.io import write_audio
from neuralsampleid.config import read_config
from neuralsampleid.separation.stems import STEMS
from neuralsampleid.training.packs import PackedStems, open_packed, pack_stems
from neuralsampleid.training.pairs import PairSource, RawPair
from neuralsampleid.training.views import BatchedViews

SETTINGS = read_config(Path(__file__).parents[1] / "config/paper.yaml").encoders["gnn"]
RATE = 44100  # Hz, of the MP3 files
BATCH = 4


class DecodedStems:
    """As ``PackedStems``, but decodes all five files of a track in full for each pair."""

    def __init__(self, packed: PackedStems, folder: Path, resampled: bool) -> None:
        self.tracks = packed.tracks
        self.sample_rate = packed.sample_rate
        self.folder = folder
        self.resampled = resampled
        self.decoded, self.waves = -1, np.zeros((len(STEMS), 0), np.float32)

    def window(self, track: int, start: int, samples: int) -> npt.NDArray[np.float32]:
        """See ``PackedStems``; another window of the same track is not decoded again."""
        if self.decoded != track:
            self.decoded, self.waves = track, self._decode(self.tracks["track_id"].iat[track])
        part = self.waves[:, start : start + samples]
        return np.pad(part, ((0, 0), (0, samples - part.shape[1])))

    def _decode(self, track_id: str) -> npt.NDArray[np.float32]:
        waves = []
        for name in ("mix", *STEMS):
            path = self.folder / track_id / f"{name}.mp3"
            wave = soundfile.read(path, dtype="float32")[0].mean(axis=1)
            # Without resampling windows are too slow to train on, and cost the least.
            waves.append(soxr.resample(wave, RATE, self.sample_rate) if self.resampled else wave)
        return np.stack(waves[1:])


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        packed = prepare(Path(folder), options.tracks)
        ways = {
            "packed, one short read": (packed, 100),
            "five MP3 files decoded": (DecodedStems(packed, Path(folder), False), 2),
            "five MP3 files decoded and resampled": (DecodedStems(packed, Path(folder), True), 2),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, (stems, batches) in ways.items():
                taken[name].append(seconds_per_pair(stems, batches, options.workers))
    print(
        f"{options.tracks} tracks of 30 s, {options.workers} workers, batches of {BATCH}, "
        f"torch {torch.__version__}; median of {options.rounds} rounds\n"
    )
    print("| way | pairs/s | CPU ms/pair | times as fast | by CPU time |")
    print("|---|---:|---:|---:|---:|")
    medians = {
        name: [statistics.median(column) for column in zip(*rounds, strict=True)]
        for name, rounds in taken.items()
    }
    best = medians["packed, one short read"]
    for name, (wall, cpu) in medians.items():
        print(
            f"| {name} | {1 / wall:.1f} | {1000 * cpu:.2f} | {wall / best[0]:.0f} "
            f"| {cpu / best[1]:.0f} |"
        )


def prepare(folder: Path, tracks: int) -> PackedStems:
    """Write the MP3 files of a track, copy them for the others, and pack their stems at 16 kHz."""
    names = [f"{number:06}" for number in range(tracks)]
    clock, rng = np.arange(30 * RATE) / RATE, np.random.default_rng(1)
    mix = np.zeros((len(clock), 2), np.float32)
    for stem in STEMS:
        tone = np.sin(2 * np.pi * rng.uniform(60, 2000) * clock)[:, None]
        noise = rng.standard_normal((len(clock), 2)) * np.exp(-(clock % 0.5) / 0.1)[:, None]
        wave = (0.1 * tone + 0.05 * noise).astype(np.float32)
        write_audio(folder / names[0] / f"{stem}.mp3", wave, RATE)
        mix += wave
    write_audio(folder / names[0] / "mix.mp3", mix, RATE)
    for name in names[1:]:
        shutil.copytree(folder / names[0], folder / name)
    pack_stems(folder, names, SETTINGS.front_end.sample_rate, folder / "packed")
    return open_packed([folder / "packed"])


def seconds_per_pair(
    stems: PackedStems | DecodedStems, batches: int, workers: int
) -> tuple[float, float]:
    """Wall time between batches, and CPU time of the workers, each per pair."""
    training = SETTINGS.training
    everything = list(range(len(stems.tracks)))
    pairs = batches * BATCH
    source = PairSource(stems, everything, SETTINGS.front_end, training, 1, pairs + BATCH * workers)
    collate = BatchedViews(make_front_end(SETTINGS.front_end), change_rest=True).collate
    loader: DataLoader[RawPair] = DataLoader(source, BATCH, collate_fn=collate, num_workers=workers)
    before = cpu_of_children()
    batch = iter(loader)
    for _ in range(workers):
        next(batch)  # the workers have started
    started = time.perf_counter()
    counted = sum(1 for _ in batch)
    wall = time.perf_counter() - started
    del batch, loader
    return wall / (counted * BATCH), (cpu_of_children() - before) / len(source)


def cpu_of_children() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

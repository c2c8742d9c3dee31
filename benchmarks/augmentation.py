"""Batched changes of powers against audiomentations' changes of waveforms: speed and result.

Command: ``python benchmarks/augmentation.py`` (about a minute). It makes its own stems. One thread;
the two backends take turns in one run, and CPU time counts, so that other work on the machine
does not.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
import warnings

import numpy as np
import pandas as pd
import torch

from neuralsampleid.audio.front_ends import make_front_end
from neuralsampleid.config import Augmentation, Change, LogMel, Pairs, Training
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.pairs import PairSource, RawPair
from neuralsampleid.training.views import BatchedViews
from neuralsampleid.training.waveform import WaveformViews

FRONT_END = LogMel(frames=64)  # the demo's
FLOOR_DB = 60.0  # levels further below the loudest count as that


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


def draw_pairs(stems: PackedStems, change: Change, count: int) -> list[RawPair]:
    """The released ranges of T1 (gain) and one kind of T2."""
    training = Training(pairs=Pairs(jitter_s=0.0), augmentation=Augmentation(changes=[change]))
    source = PairSource(stems, list(range(len(stems.tracks))), FRONT_END, training, 1, count)
    return [source[index] for index in range(count)]


def without_offset(pair: RawPair) -> RawPair:
    """Shift a pair for the waveform backend, whose frames lie a quarter of a hop later."""
    shift = round(FRONT_END.hop_length / 4 * pair.changes.tempo)
    return dataclasses.replace(
        pair, sampled=np.roll(pair.sampled, shift), rest=np.roll(pair.rest, shift)
    )


def clipped(levels: torch.Tensor) -> torch.Tensor:
    """Levels (batch, bands, frames) raised to at most ``FLOOR_DB`` below each loudest."""
    return torch.maximum(levels, levels.amax(dim=(1, 2), keepdim=True) - FLOOR_DB)


def main() -> None:
    """Print one row per kind of change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3, help="the median CPU time counts")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    stems = synthetic_stems(16, 20.0, FRONT_END.sample_rate)
    front_end = make_front_end(FRONT_END)
    samples = (FRONT_END.frames - 1) * FRONT_END.hop_length + FRONT_END.hop_length // 2
    batched = BatchedViews(front_end, change_rest=True)
    waveform = WaveformViews(front_end, change_rest=True, segment=samples)
    print(
        f"{arguments.pairs} pairs of {FRONT_END.frames} frames, one thread, "
        f"torch {torch.__version__}; median of {arguments.rounds} rounds\n"
    )
    print(
        "| change | batched, pairs/s | audiomentations, pairs/s | ratio "
        "| apart, dB | the change itself, dB |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    kinds: tuple[Change, ...] = ("none", "pitch", "tempo", "both")
    for change in kinds:
        pairs = draw_pairs(stems, change, arguments.pairs)
        times: dict[str, list[float]] = {"batched": [], "waveform": []}
        waveform.features(waveform.collate(pairs[:4]))  # warm up
        batched.features(batched.collate(pairs))
        for _ in range(arguments.rounds):
            started = time.process_time()
            ours, _ = batched.features(batched.collate(pairs))
            times["batched"].append(time.process_time() - started)
            started = time.process_time()
            waveform.features(waveform.collate(pairs))
            times["waveform"].append(time.process_time() - started)
        theirs, _ = waveform.features(waveform.collate([without_offset(pair) for pair in pairs]))
        plain = [
            dataclasses.replace(
                pair, changes=dataclasses.replace(pair.changes, tempo=1.0, pitch_semitones=0.0)
            )
            for pair in pairs
        ]
        unchanged, _ = batched.features(batched.collate(plain))
        apart = (clipped(ours) - clipped(theirs)).abs().mean()
        moved = (clipped(ours) - clipped(unchanged)).abs().mean()
        speed = {name: arguments.pairs / statistics.median(taken) for name, taken in times.items()}
        print(
            f"| {change} | {speed['batched']:.0f} | {speed['waveform']:.0f} "
            f"| {speed['batched'] / speed['waveform']:.1f} | {apart:.1f} | {moved:.1f} |"
        )


if __name__ == "__main__":
    main()

"""Tiny synthetic songs, and settings small enough to train on them in a second."""

import hashlib
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from helpers.paper import CONSTANT_Q, LOG_MEL, changed, paper_gnn, paper_resnet_ibn, paper_training
from neuralsampleid.config import (
    ConstantQ,
    Cosine,
    Fingerprints,
    Gnn,
    ReadingCnn,
    ResNetIbn,
    Training,
    WindowTraining,
)
from neuralsampleid.training.level_packs import PackedLevels, open_levels, pack_levels
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.source_levels import levels_of_stems

RATE = 8000  # Hz
SMALL_LOG_MEL = changed(
    LOG_MEL, sample_rate=RATE, n_fft=256, hop_length=128, mel_bands=16, f_max=4000.0, frames=32
)
SMALL_CONSTANT_Q = ConstantQ(
    sample_rate=RATE, hop_length=128, f_min=55.0, bins=72, frames=16, log_magnitude=False
)


SHORT_TRAINING: dict[str, object] = {
    "epochs": 3,
    "pairs_per_epoch": 8,
    "batch_pairs": 4,
    "validation_share": 0.34,
    "validation_pairs": 4,
    "learning_rate": Cosine(initial=2e-3, final=7e-7, warmup=0.0),
}


def song_stems(seed: int, seconds: float = 4.0, rate: int = RATE) -> np.ndarray:
    """Vocals, drums, bass, other as int16 (samples, 4): own tones, rhythm and noise per song."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    beat = rng.uniform(0.3, 0.6)
    since_beat = time % beat
    drums = rng.standard_normal(time.size) * np.exp(-since_beat / rng.uniform(0.02, 0.08))
    steps = (time // beat).astype(int) % 4
    root = rng.uniform(80, 160)
    notes = root * 2 ** (rng.integers(0, 12, 4) / 12)
    bass = np.sin(2 * np.pi * np.cumsum(notes[steps]) / rate)
    melody = 4 * root * 2 ** (rng.integers(0, 12, 8) / 12)
    lead = np.sin(2 * np.pi * np.cumsum(melody[(time // (beat / 2)).astype(int) % 8]) / rate)
    chord = sum(np.sin(2 * np.pi * 2 * root * ratio * time) for ratio in (1.0, 1.25, 1.5))
    stems = np.stack([0.2 * lead, 0.3 * drums, 0.3 * bass, 0.08 * chord], axis=1)
    return np.clip(stems * 32767, -32768, 32767).astype(np.int16)


def packed_songs(songs: int = 6, seconds: float = 4.0, rate: int = RATE) -> PackedStems:
    """Songs packed in memory."""
    blocks = [song_stems(seed, seconds, rate) for seed in range(songs)]
    return packed(blocks, rate)


def packed(blocks: list[np.ndarray], rate: int = RATE) -> PackedStems:
    """int16 (samples, 4) blocks, one per track, as packed stems."""
    samples = [len(block) for block in blocks]
    table = pd.DataFrame(
        {
            "track_id": [f"song_{place}" for place in range(len(blocks))],
            "first": np.concatenate([[0], np.cumsum(samples)[:-1]]),
            "samples": samples,
            "shard": 0,
            "sha256": [hashlib.sha256(block.tobytes()).hexdigest() for block in blocks],
        }
    )
    return PackedStems((np.concatenate(blocks),), table, rate)


def packed_levels(
    songs: int = 6, seconds: float = 4.0, front_end: ConstantQ = SMALL_CONSTANT_Q
) -> PackedLevels:
    """Songs' levels in memory."""
    stems = packed_songs(songs, seconds, front_end.sample_rate)
    with TemporaryDirectory() as folder:
        pack_levels(levels_of_stems(stems, front_end), Path(folder) / "levels")
        found = open_levels([Path(folder) / "levels"], front_end.bins)
        return replace(found, levels=tuple(np.array(levels) for levels in found.levels))


def small_training(**others: object) -> Training:
    """A training of three epochs of two steps."""
    return paper_training(**(SHORT_TRAINING | others))


def small_gnn(training: Training | None = None, **others: object) -> Gnn:
    """A graph network of some thousand parameters on ``SMALL_LOG_MEL``: 16 points of 8 channels."""
    values: dict[str, object] = {
        "front_end": SMALL_LOG_MEL,
        "fingerprints": Fingerprints(segment_hop=8),
        "channels": [8, 16],
        "blocks": [1, 1],
        "neighbours": 3,
        "max_dilation": 2,
        "feature_size": 16,
        "projection_size": 32,
        "embedding_size": 8,
        "training": training or small_training(),
    }
    return paper_gnn(**(values | others))


def small_resnet(**others: object) -> ResNetIbn:
    """A ResNet-IBN of some thousand parameters."""
    values: dict[str, object] = {
        "front_end": changed(
            CONSTANT_Q, sample_rate=RATE, hop_length=128, f_min=65.4, bins=60, frames=32
        ),
        "fingerprints": Fingerprints(segment_hop=16),
        "stem_channels": 4,
        "channels": [8, 8],
        "blocks": [1, 1],
        "strides": [1, 2],
        "embedding_size": 8,
    }
    return paper_resnet_ibn(**(values | others))


def small_window_training(**others: object) -> WindowTraining:
    """A training on windows of three epochs of two steps."""
    return WindowTraining(**(SHORT_TRAINING | others))


def small_reading_cnn(training: WindowTraining | None = None, **others: object) -> ReadingCnn:
    """A convolutional network of some thousand parameters on ``SMALL_CONSTANT_Q``."""
    values: dict[str, object] = {
        "architecture": "reading_cnn",
        "front_end": SMALL_CONSTANT_Q,
        "window_frames": 32,
        "fingerprints": Fingerprints(segment_hop=8),
        "channels": [4, 6, 8],
        "squeezed_channels": 4,
        "embedding_size": 16,
        "training": training or small_window_training(),
    }
    return ReadingCnn(**(values | others))


def sine(frequency: float, seconds: float, rate: int) -> np.ndarray:
    """float32 (samples,), amplitude 0.5."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)

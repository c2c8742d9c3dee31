"""Tunes of plucked notes and clicks, and files of them in any format."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

TUNE_RATE = 22050  # Hz
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def tune(seed: int, seconds: float = 20.0, rate: int = TUNE_RATE) -> np.ndarray:
    """float32 (samples,), up to 0.7; another seed is another tune."""
    rng = np.random.default_rng(seed)
    audio = np.zeros(int(seconds * rate))
    for step in range(int(seconds * 4)):
        first, count = int(step * rate / 4), int(rate * 0.5)
        time, pitch = np.arange(count) / rate, 110 * 2 ** (rng.integers(0, 36) / 12)
        for harmonic in (1, 2, 3):
            note = 0.2 / harmonic * np.sin(2 * np.pi * pitch * harmonic * time) * np.exp(-6 * time)
            audio[first : first + count] += note[: len(audio) - first]
        count = int(rate * 0.05)
        click = rng.normal(0, 0.1, count) * np.exp(-np.arange(count) / 300)
        audio[first : first + count] += click[: len(audio) - first]
    return (audio / np.abs(audio).max() * 0.7).astype(np.float32)


def put(path: Path, audio: np.ndarray, rate: int = TUNE_RATE, **kind: str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate, **kind)
    return path


def convert(source: Path, target: Path, *options: str) -> Path:
    """Make a file of another by ffmpeg."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(source), *options, str(target)]
    subprocess.run(command, check=True)
    return target

"""A small FMA in the archive's layout, and a small Sample100 with audio."""

from pathlib import Path
from typing import Any

import numpy as np

from helpers.sample100 import write_annotations
from helpers.songs import song_stems
from neuralsampleid.audio.io import write_audio

# Two header rows, and a third that names the first column; as the archive has it.
METADATA = """\
,album,artist,track,track
,title,name,genre_top,title
track_id,,,,
2,AWOL - A Way Of Life,"AWOL, and others",Hip-Hop,Food
3,AWOL - A Way Of Life,AWOL,Hip-Hop,Electric Ave
"""
RATE = 22050


def write_clip(path: Path, seconds: float, seed: int = 0, rate: int = RATE) -> Path:
    """A song of four stems as one file."""
    mix = song_stems(seed, seconds, rate).sum(axis=1, dtype=np.float32) / 65536
    write_audio(path, mix, rate)
    return path


def write_clips(folder: Path, numbers: list[int], seconds: float = 7.0) -> Path:
    """Clips of these numbers below ``fma_medium`` in the folder."""
    for number in numbers:
        name = f"{number:06}"
        write_clip(folder / f"fma_medium/{name[:3]}/{name}.mp3", seconds, number)
    return folder


def write_evaluation(folder: Path, seconds: float = 1.0) -> dict[str, Any]:
    """Annotations with audio of all related tracks and two noise tracks; the section's values."""
    write_annotations(folder / "annotations")
    for seed, track_id in enumerate(("Q1", "Q2", "Q3", "R1", "R2")):
        write_clip(folder / f"audio/{track_id}.mp3", seconds, seed)
    for seed in (10, 11):
        write_clip(folder / f"noise/{seed}.mp3", seconds, seed)
    return {
        "kind": "sample100",
        "annotations": str(folder / "annotations"),
        "audio": str(folder / "audio"),
        "noise": str(folder / "noise"),
    }

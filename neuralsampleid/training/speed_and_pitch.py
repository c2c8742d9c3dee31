"""What happens to a query view: drawn here, carried out by ``views``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.config import Augmentation

EQUALISER_POINTS = 6  # gains at this many places, evenly spaced over the front end's bins
EASY_GAIN_DB = 15.0  # how far a curriculum's first pairs lift the sampled part over the rest
FRAME_SECONDS = 0.5  # how long a duplicated, removed or silenced stretch may be


@dataclass(frozen=True)
class Changes:
    """One pair's changes. T1 acts on the sampled part, T2 as the pairs' settings say."""

    gain_db: float  # of the sampled part over the rest
    equaliser_db: npt.NDArray[np.float32]  # (EQUALISER_POINTS,) low to high; zeros: none
    compressor_threshold_db: float  # re the loudest moment
    compressor_ratio: float  # 1: none
    tempo: float  # speed of the query over the reference's
    pitch_semitones: float  # upwards
    edit: str  # "", "duplicate", "remove" or "silence"
    edit_start: float  # share of the segment
    edit_seconds: float


def draw_changes(
    settings: Augmentation, rng: np.random.Generator, strength: float = 1.0
) -> Changes:
    """Draw one pair's changes.

    Args:
        settings: ranges, in dB, semitones and speed ratios.
        rng: the pair's own generator.
        strength: 0 to 1, how much of the ranges is used (a curriculum starts below 1).
    """
    effects = rng.choice(settings.effects, settings.effects_drawn, replace=False)
    gain_db = strength * rng.uniform(settings.gain_db_min, settings.gain_db_max)
    gain_db += (1 - strength) * EASY_GAIN_DB
    equaliser = strength * settings.equaliser_db * rng.uniform(-1, 1, EQUALISER_POINTS)
    threshold, ratio = rng.uniform(-30, -6), rng.uniform(1.5, 8)
    change = str(rng.choice(settings.changes))
    pitch = strength * settings.pitch_semitones * rng.uniform(-1, 1)
    # Uniform in the logarithm: halving and doubling are equally far.
    bounds = np.log([settings.tempo_min, settings.tempo_max])
    tempo = float(np.exp(strength * rng.uniform(*bounds)))
    if change == "varispeed":  # a tape runs faster: both go together
        pitch = float(np.clip(pitch, *(12 * bounds / np.log(2))))
        tempo = 2 ** (pitch / 12)
    edit = str(rng.choice(["duplicate", "remove", "silence"])) if change == "frames" else ""
    return Changes(
        gain_db=gain_db if "gain" in effects else 0.0,
        equaliser_db=(equaliser * ("equaliser" in effects)).astype(np.float32),
        compressor_threshold_db=threshold,
        compressor_ratio=ratio if "compressor" in effects else 1.0,
        tempo=tempo if change in ("tempo", "varispeed", "both") else 1.0,
        pitch_semitones=pitch if change in ("pitch", "varispeed", "both") else 0.0,
        edit=edit,
        edit_start=rng.uniform(0.1, 0.8),
        edit_seconds=strength * rng.uniform(0.05, FRAME_SECONDS),
    )


def read_positions(
    changes: Changes, frames: int, frame_rate: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Where each frame of the query view is read, and which frames sound.

    Args:
        changes: tempo and edit.
        frames: of a segment.
        frame_rate: frames per second.

    Returns:
        Positions float32 (frames,) in frames relative to the middle of the window that is read,
        and a mask float32 (frames,) that is 0 where the view is silenced. Positions lie within
        (frames / 2) × tempo + one edit of the middle.
    """
    # Whole frames: an unchanged view shall be read, not interpolated between neighbours.
    place = np.arange(frames, dtype=np.float32) - frames // 2
    mask = np.ones(frames, np.float32)
    length = max(1, round(changes.edit_seconds * frame_rate))
    start = int(changes.edit_start * frames)
    if changes.edit == "duplicate":
        place[start + length :] -= length
    elif changes.edit == "remove":
        place[start:] += length
    elif changes.edit == "silence":
        mask[start : start + length] = 0.0
    return (place * changes.tempo).astype(np.float32), mask

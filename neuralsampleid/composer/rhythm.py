"""Time and touch: patterns to notes, swing, and the small deviations of players."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.composer.form import BEATS, Sketch

STEPS = 16  # of a bar
STEP = BEATS / STEPS  # beats
Notes = npt.NDArray[np.float64]
"""Rows of (start in s, duration in s, MIDI pitch, loudness 0–1)."""

LOUDNESS = {"X": 1.0, "x": 0.78, "o": 0.4, "R": 0.85, "r": 0.5}


@dataclass(frozen=True)
class Event:
    """A note as it is written: times in beats from the start of the song."""

    beat: float
    length: float
    pitch: int
    loudness: float


@dataclass(frozen=True)
class Feel:
    """How exactly a player plays."""

    swing: float  # 0 straight, 1 triplets
    swing_steps: int  # 2: eighths swing, 1: sixteenths
    late_s: float  # behind the beat on average
    loose_s: float  # standard deviation


def swung(beats: npt.NDArray[np.float64], swing: float, steps: int) -> npt.NDArray[np.float64]:
    """Delay the second of each pair of notes; pairs themselves stay in place.

    Args:
        beats: straight positions.
        swing: 0 leaves them, 1 moves the second note to two thirds of the pair.
        steps: length of a note of the pair in sixteenths.
    """
    pair = 2 * steps * STEP
    phase = np.mod(beats, pair) / pair
    middle = 0.5 + swing / 6.0
    warped = np.where(
        phase < 0.5, phase * middle / 0.5, middle + (phase - 0.5) * (1.0 - middle) / 0.5
    )
    return beats + (warped - phase) * pair


def perform(rng: np.random.Generator, events: Sequence[Event], sketch: Sketch, feel: Feel) -> Notes:
    """Play written events: swing, delay, uneven touch.

    Notes are never early, so that what is cut on a beat keeps its attacks.

    Returns:
        Notes in order of time, shape (events, 4).
    """
    if not events:
        return np.zeros((0, 4))
    beats = np.array([event.beat for event in events])
    lengths = np.array([event.length for event in events])
    start = swung(beats, feel.swing, feel.swing_steps) * sketch.beat_s
    delay = np.clip(rng.normal(feel.late_s, feel.loose_s, len(events)), 0.0, 0.03)
    duration = np.maximum(0.04, lengths * sketch.beat_s * rng.uniform(0.92, 1.0, len(events)))
    loudness = np.array([event.loudness for event in events])
    loudness = np.clip(loudness * rng.normal(1.0, 0.07, len(events)), 0.05, 1.0)
    pitch = np.array([event.pitch for event in events], dtype=float)
    notes = np.stack([start + delay, duration, pitch, loudness], axis=1)
    return notes[np.argsort(notes[:, 0], kind="stable")]


def held_steps(pattern: str, step: int) -> int:
    """How many steps the stroke at ``step`` lasts: itself and the ``-`` after it."""
    end = step + 1
    while end < len(pattern) and pattern[end] == "-":
        end += 1
    return end - step


def bar_of(pattern: str, bar: int) -> str:
    """The 16 steps of a one- or two-bar pattern that sound in a bar."""
    start = bar * STEPS % len(pattern)
    return pattern[start : start + STEPS]


def choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of several patterns."""
    return options[int(rng.integers(len(options)))]

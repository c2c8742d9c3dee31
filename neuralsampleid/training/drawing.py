"""What is drawn for a pair of windows: how each view is read from a track's levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.config import ConstantQ, WindowChanges

Floats = npt.NDArray[np.float32]
_EQUALISER_POINTS = 7  # evenly spaced over the bins
_SLOPES_DB = (12.0, 24.0)  # of filters, per octave
_REFERENCE_DB = 4.0  # ±, by which a reference's own equaliser may differ
_LOW_PASS, _HIGH_PASS = (2.5, 7.0), (0.0, 3.0)  # octaves above the lowest bin
_DECAY_S = (0.1, 0.8)  # of reverberation, until the power is 1/e
_SQUASH = 0.6  # of compression at most: power of a frame to this exponent is taken away
_NOISE = (1e-4, 10**-1.5)  # power beside a mean power of 1
_SHORTEST = 0.16  # of a window, in which a sample that is cut sounds


@dataclass(frozen=True)
class View:
    """How one view is read: what ``rendering.render`` needs."""

    speed: float  # frames of the track per frame of the view
    transposition: float  # bins upwards
    shift: float  # frames of the track between the middles of window and view
    sources: npt.NDArray[np.bool_]  # (sources,) which of them sound
    gains: Floats  # (bins,) of power
    decay: float  # of reverberation per frame
    wet: float  # reverberated power over the direct one; 0: none
    squash: float  # 0: not compressed
    sounds: tuple[int, int]  # frames of the view from and to which there is anything


@dataclass(frozen=True)
class Changes:
    """A pair's two views and their mix."""

    reference: View
    query: View
    gain_db: float
    alone: bool
    noise: float


def draw_changes(
    settings: WindowChanges,
    front_end: ConstantQ,
    frames: int,
    sounding: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> Changes:
    """Draw one pair's changes.

    Args:
        settings: ranges and shares.
        front_end: its bins and rate.
        frames: of a view.
        sounding: (sources,) which of the track's sources sound here.
        rng: the pair's own generator.
    """
    per_semitone = front_end.bins_per_octave / 12
    rate = front_end.sample_rate / front_end.hop_length
    speed = _ratio(settings.both_tempo, rng)
    transposition = per_semitone * _around(settings.both_semitones, rng)
    octaves = np.arange(front_end.bins) / front_end.bins_per_octave
    everything = np.ones(len(sounding), bool)
    reference = View(
        speed,
        transposition,
        0.0,
        everything,
        _gains(_equaliser(_REFERENCE_DB, octaves, rng)),
        0.0,
        0.0,
        0.0,
        (0, frames),
    )
    sampled = everything
    if rng.random() < settings.parts and sounding.sum() > 1:
        sampled = np.arange(len(sounding)) == rng.choice(np.flatnonzero(sounding))
    filters = _filters(settings.filtered, octaves, rng)
    reverberated = rng.random() < settings.reverberated
    query = View(
        speed * _ratio(settings.tempo, rng),
        transposition + per_semitone * _around(settings.pitch_semitones, rng),
        rate * _around(settings.jitter_s, rng),
        sampled,
        _gains(_equaliser(settings.equaliser_db, octaves, rng) + filters),
        float(np.exp(-1 / (rng.uniform(*_DECAY_S) * rate))),
        reverberated * rng.uniform(0.1, 1.0),
        (rng.random() < settings.compressed) * rng.uniform(0, _SQUASH),
        _cut(frames, settings.cut, rng),
    )
    noise = float(np.exp(rng.uniform(*np.log(_NOISE)))) if rng.random() < settings.noisy else 0.0
    gain_db = _around(settings.gain_db, rng)
    return Changes(reference, query, gain_db, bool(rng.random() < settings.alone), noise)


def _around(largest: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(-largest, largest))


def _ratio(largest: float, rng: np.random.Generator) -> float:
    """Uniform in the logarithm: halving and doubling are equally far."""
    return float(np.exp(_around(np.log(largest), rng)))


def _gains(level_db: npt.NDArray[np.float64]) -> Floats:
    return (10 ** (level_db / 10)).astype(np.float32)


def _equaliser(
    largest_db: float, octaves: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    points = rng.uniform(-largest_db, largest_db, _EQUALISER_POINTS)
    places = np.linspace(octaves[0], octaves[-1], _EQUALISER_POINTS)
    return np.interp(octaves, places, points)


def _filters(
    share: float, octaves: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """A low-pass filter, a high-pass filter, both or none, in dB."""
    level_db = np.zeros(len(octaves))
    for over, (least, most) in ((1, _LOW_PASS), (-1, _HIGH_PASS)):
        corner, slope = rng.uniform(least, most), rng.choice(_SLOPES_DB)
        if rng.random() < share:
            level_db -= slope * np.maximum(0, over * (octaves - corner))
    return level_db


def _cut(frames: int, share: float, rng: np.random.Generator) -> tuple[int, int]:
    length = int(rng.integers(max(1, int(_SHORTEST * frames)), frames))
    start = int(rng.integers(frames - length + 1))
    return (start, start + length) if rng.random() < share else (0, frames)

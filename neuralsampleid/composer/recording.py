"""A recording: a song that was played, mixed and cut to length, stem by stem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.compose import STEMS, Part, Song
from neuralsampleid.composer.mixing import (
    compressor_gain,
    db,
    draw_channel,
    draw_room,
    mix_channels,
    normalised,
    pan_to_mono,
)
from neuralsampleid.composer.render import render_part

FADE_S = 1.5  # how long a recording takes to end
_LIMITER = (9.0, 6.0)  # threshold in dB over the mean level, ratio
_PEAK = 0.89  # of the loudest sample, −1 dBFS


@dataclass(frozen=True)
class Recording:
    """A song as sound; the stems sum to the mix."""

    song: Song
    stems: Mapping[str, Waveform]
    sample_rate: int  # Hz

    @property
    def half_bars(self) -> int:
        """How many half bars sound in full, before the fade."""
        seconds = len(self.stems["drums"]) / self.sample_rate - FADE_S
        return int(seconds / self.song.sketch.half_bar_s)

    @property
    def mix(self) -> Waveform:
        return self.layer(STEMS)

    def layer(self, stems: Sequence[str]) -> Waveform:
        """The sum of some stems, float32 (samples,)."""
        chosen = [self.stems[stem] for stem in STEMS if stem in stems]
        return np.asarray(np.sum(chosen, axis=0), dtype=np.float32)


def record(
    rng: np.random.Generator, song: Song, seconds: float, sample_rate: int, soundfont: Path
) -> Recording:
    """Play and mix a song.

    Args:
        rng: source of chance for the desk.
        song: what to play.
        seconds: length of the recording, which is faded out at its end.
        sample_rate: Hz.
        soundfont: the mended General MIDI soundfont.
    """
    drum_tuning = float(rng.normal(0.0, 1.5))
    tracks = []
    for stem in STEMS:
        parts = [part for part in song.parts if part.stem == stem and len(part.notes)]
        tuning = drum_tuning if stem == "drums" else song.sketch.tuning
        tracks.append(_play(parts, soundfont, seconds, sample_rate, tuning))
    channels = [draw_channel(rng, stem) for stem in STEMS]
    mixed = mix_channels(tracks, channels, draw_room(rng), sample_rate)
    # The limiter acts on all stems alike, so that they still sum to the mix.
    gain = compressor_gain(np.sum(mixed, axis=0), sample_rate, *_LIMITER)
    gain *= _ending(len(gain), sample_rate)
    mastered = [stem * gain for stem in mixed]
    scale = _PEAK / max(_peak(np.sum(mastered, axis=0)), *(_peak(stem) for stem in mastered), 1e-9)
    stems = {name: stem * np.float32(scale) for name, stem in zip(STEMS, mastered, strict=True)}
    return Recording(song, stems, sample_rate)


def _play(
    parts: Sequence[Part], soundfont: Path, seconds: float, sample_rate: int, tuning: float
) -> Waveform:
    """The parts of one stem, each brought to one loudness and then to its place."""
    total = np.zeros(round(seconds * sample_rate), np.float32)
    for part in parts:
        track = render_part(part, soundfont, seconds, sample_rate, tuning)
        gain = db(part.gain_db) * pan_to_mono(part.pan)
        total += normalised(track, sample_rate) * np.float32(gain)
    return total


def _ending(samples: int, sample_rate: int) -> Waveform:
    """A gain that falls to nothing at the end of a recording."""
    fade = np.ones(samples, np.float32)
    length = min(round(FADE_S * sample_rate), samples)
    fade[samples - length :] = np.linspace(1.0, 0.0, length, dtype=np.float32)
    return fade


def _peak(audio: Waveform) -> float:
    return float(np.abs(audio).max())

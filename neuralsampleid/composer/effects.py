"""What is done to the sound of a sample, written as text: ``lowpass 2400;drive 8;reverb 1.2 -14``.

Each effect takes and returns float32 mono (samples,), delays nothing and keeps the length. Those
that depend on how loud the sound is take it as ``apply`` brings it to them: at −20 dBFS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, signal

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.grades import Range
from neuralsampleid.composer.mixing import (
    Room,
    compress,
    db,
    equaliser_curve,
    impulse_response,
    normalised,
)
from neuralsampleid.errors import UserError

_HZ: Range = (30.0, 10000.0)
_ROOM_SEED = 1  # one noise for all rooms: a room is its decay and its level


@dataclass(frozen=True)
class Effect:
    """A function of (audio, sample rate in Hz, numbers …) and the ranges of its numbers."""

    apply: Callable[..., Waveform]
    ranges: tuple[Range, ...]
    repeated: bool = False  # whether the numbers may stand more than once


Step = tuple[str, tuple[float, ...]]  # an effect's name and its numbers


def lowpass(audio: Waveform, sample_rate: int, hertz: float) -> Waveform:
    """Keep what is below: −6 dB there, 24 dB per octave above."""
    return _butterworth(audio, sample_rate, hertz, "lowpass")


def highpass(audio: Waveform, sample_rate: int, hertz: float) -> Waveform:
    """Keep what is above: −6 dB there, 24 dB per octave below."""
    return _butterworth(audio, sample_rate, hertz, "highpass")


def bandpass(audio: Waveform, sample_rate: int, low_hz: float, high_hz: float) -> Waveform:
    """Keep what is between, as ``highpass`` and ``lowpass`` do."""
    return lowpass(highpass(audio, sample_rate, low_hz), sample_rate, high_hz)


def equalise(audio: Waveform, sample_rate: int, *points: float) -> Waveform:
    """Gains (Hz, dB, Hz, dB, …) joined by straight lines over the logarithm of frequency."""
    pairs = sorted(zip(points[::2], points[1::2], strict=True))
    length = fft.next_fast_len(2 * len(audio), real=True)
    curve = equaliser_curve(pairs, length, sample_rate)
    changed = fft.irfft(fft.rfft(audio, length) * curve, length)[: len(audio)]
    return np.asarray(changed, dtype=np.float32)


def drive(audio: Waveform, _sample_rate: int, gain_db: float) -> Waveform:
    """Overdrive: a soft clipper (tanh) behind a gain."""
    return np.asarray(np.tanh(audio * np.float32(db(gain_db))), dtype=np.float32)


def crush(audio: Waveform, sample_rate: int, bits: float, rate_hz: float) -> Waveform:
    """An old sampler: values held at a lower rate, in steps of 2^(1−bits) of the peak."""
    held = np.arange(len(audio)) * rate_hz // sample_rate * sample_rate / rate_hz
    coarse = audio[np.ceil(held).astype(int).clip(max=len(audio) - 1)]
    step = np.float32(max(float(np.abs(audio).max()), 1e-9) * 2.0 ** (1 - bits))
    return np.asarray(np.round(coarse / step) * step, dtype=np.float32)


def reverb(audio: Waveform, sample_rate: int, decay_s: float, wet_db: float) -> Waveform:
    """A room: noise that falls by 60 dB in ``decay_s``, ``wet_db`` over the dry sound."""
    response = impulse_response(Room(_ROOM_SEED, decay_s, 0.01, 0.5), sample_rate)
    wet = signal.fftconvolve(audio, response)[: len(audio)]
    return np.asarray(audio + np.float32(db(wet_db)) * wet, dtype=np.float32)


EFFECTS: dict[str, Effect] = {
    "lowpass": Effect(lowpass, (_HZ,)),
    "highpass": Effect(highpass, (_HZ,)),
    "bandpass": Effect(bandpass, (_HZ, _HZ)),
    "equaliser": Effect(equalise, (_HZ, (-24.0, 24.0)), repeated=True),
    "drive": Effect(drive, ((0.0, 40.0),)),  # dB
    "compressor": Effect(compress, ((-30.0, 12.0), (1.0, 20.0))),  # dB over the mean; ratio
    "crush": Effect(crush, ((2.0, 16.0), (2000.0, 22050.0))),  # bits; Hz
    "reverb": Effect(reverb, ((0.1, 5.0), (-40.0, 6.0))),  # s; dB over the dry sound
}


def parse_effects(text: str, where: str) -> tuple[Step, ...]:
    """Read a chain of effects; none in an empty text.

    Raises:
        UserError: an effect is unknown, or its numbers are too few, too many or out of range.
    """
    return tuple(_parse_step(step.split(), where) for step in text.split(";") if text)


def apply_effects(audio: Waveform, sample_rate: int, steps: Sequence[Step]) -> Waveform:
    """Apply a chain; each effect gets the sound at −20 dBFS."""
    for name, numbers in steps:
        audio = EFFECTS[name].apply(normalised(audio, sample_rate), sample_rate, *numbers)
    return audio


def _parse_step(words: Sequence[str], where: str) -> Step:
    name, *texts = words or [""]
    if name not in EFFECTS:
        raise UserError(f"{where}: effect '{name}', expected one of {', '.join(EFFECTS)}")
    ranges = EFFECTS[name].ranges
    if EFFECTS[name].repeated:
        ranges *= max(1, len(texts) // len(ranges))
    try:
        numbers = tuple(map(float, texts))
    except ValueError:
        numbers = ()
    if len(numbers) != len(ranges):
        wanted = f"{len(ranges)} number{'s' * (len(ranges) > 1)}"
        raise UserError(f"{where}: effect '{' '.join(words)}', expected {wanted} after {name}")
    for number, (low, high) in zip(numbers, ranges, strict=True):
        if not low <= number <= high:
            found = f"{number:g} in '{' '.join(words)}'"
            raise UserError(f"{where}: {found} is out of range, expected {low:g} to {high:g}")
    return name, numbers


def _butterworth(audio: Waveform, sample_rate: int, hertz: float, kind: str) -> Waveform:
    """Second order, forward and backward."""
    sections = signal.butter(2, hertz, kind, fs=sample_rate, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, audio), dtype=np.float32)

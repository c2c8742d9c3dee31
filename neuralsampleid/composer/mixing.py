"""The mixing desk: loudness, equaliser, reverb, compression. Audio is float32 (samples,)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from neuralsampleid.audio.sound import Waveform

Spectrum = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class Channel:
    """How one stem is treated."""

    gain_db: float
    equaliser: tuple[tuple[float, float], ...]  # (Hz, dB), straight lines between them in log f
    wet_db: float  # reverb over dry sound
    compressor: tuple[float, float] | None = None  # threshold in dB over the mean, ratio


@dataclass(frozen=True)
class Room:
    """A reverberation: exponentially decaying noise, darker than its source."""

    seed: int
    decay_s: float  # time to fall by 60 dB
    delay_s: float
    darkness: float  # 0 bright … 0.9 dark


def db(decibels: float) -> float:
    """An amplitude factor."""
    return float(10.0 ** (decibels / 20.0))


def active_rms(audio: Waveform, sample_rate: int) -> float:
    """Root mean square over the blocks of 50 ms that are not silent; 0 where all are."""
    block = sample_rate // 20
    if len(audio) < block:
        return 0.0
    power = np.square(audio[: len(audio) // block * block].reshape(-1, block)).mean(axis=1)
    loud = power > 1e-4 * power.max()
    return float(np.sqrt(power[loud].mean())) if loud.any() else 0.0


def normalised(audio: Waveform, sample_rate: int, level_db: float = -20.0) -> Waveform:
    """Bring a track to a mean level (dBFS); silence stays silence."""
    level = active_rms(audio, sample_rate)
    return audio if level == 0.0 else (audio * np.float32(db(level_db) / level))


def pan_to_mono(pan: float) -> float:
    """The gain that a panned source keeps in a mono mix (constant power, −3 dB at the sides)."""
    angle = (pan + 1.0) * np.pi / 4
    return float((np.cos(angle) + np.sin(angle)) / np.sqrt(2.0))


def impulse_response(room: Room, sample_rate: int) -> Waveform:
    """The reverberation's response of unit energy, without the direct sound."""
    rng = np.random.default_rng(room.seed)
    length = max(64, round(room.decay_s * sample_rate))
    noise = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    dark = signal.lfilter([1.0 - room.darkness], [1.0, -room.darkness], noise)
    response = np.concatenate([np.zeros(round(room.delay_s * sample_rate)), dark])
    return np.asarray(response / np.sqrt(np.square(response).sum()), dtype=np.float32)


def mix_channels(
    tracks: Sequence[Waveform], channels: Sequence[Channel], room: Room, sample_rate: int
) -> list[Waveform]:
    """Treat each stem: compressor, then equaliser and reverb in one pass over the spectrum."""
    samples = len(tracks[0])
    response = impulse_response(room, sample_rate)
    length = fft.next_fast_len(samples + len(response) + sample_rate // 2, real=True)
    reverb: Spectrum = fft.rfft(response, length)
    treated = []
    for track, channel in zip(tracks, channels, strict=True):
        if not track.any():
            treated.append(track)
            continue
        audio = normalised(track, sample_rate)
        if channel.compressor is not None:
            audio = normalised(compress(audio, sample_rate, *channel.compressor), sample_rate)
        curve = equaliser_curve(channel.equaliser, length, sample_rate) * db(channel.gain_db)
        spectrum = fft.rfft(audio, length) * (
            curve * (1.0 + np.float32(db(channel.wet_db)) * reverb)
        )
        treated.append(fft.irfft(spectrum, length)[:samples].astype(np.float32))
    return treated


def equaliser_curve(
    points: Sequence[tuple[float, float]], length: int, sample_rate: int
) -> npt.NDArray[np.float32]:
    """Gains for the bins of a real FFT of ``length``: points (Hz, dB) joined in log frequency."""
    bins = length // 2 + 1
    # The curve is smooth: a coarse grid in frequency is enough and far cheaper than every bin.
    coarse = np.linspace(0.0, sample_rate / 2, 2048)
    hertz, decibels = zip(*points, strict=True)
    gains = 10.0 ** (np.interp(np.log(np.maximum(coarse, 1.0)), np.log(hertz), decibels) / 20)
    curve = np.interp(np.linspace(0, 2047, bins), np.arange(2048), gains)
    return np.asarray(curve, dtype=np.float32)


def compress(audio: Waveform, sample_rate: int, threshold_db: float, ratio: float) -> Waveform:
    """Turn down what is louder than ``threshold_db`` over the mean level."""
    return audio * compressor_gain(audio, sample_rate, threshold_db, ratio)


def compressor_gain(
    audio: Waveform, sample_rate: int, threshold_db: float, ratio: float
) -> Waveform:
    """The gain of a compressor for each sample.

    The level is measured in blocks of 5 ms; it rises at once and falls within 120 ms.
    """
    block = max(1, sample_rate // 200)
    padded = np.pad(audio, (0, -len(audio) % block))
    level = np.abs(padded.reshape(-1, block)).max(axis=1)
    reach = 24  # blocks
    weights = np.exp(-np.arange(reach) / 8.0)
    held = np.zeros_like(level)
    for delay, weight in enumerate(weights):
        np.maximum(held[delay:], level[: len(level) - delay] * weight, out=held[delay:])
    threshold = active_rms(audio, sample_rate) * db(threshold_db)
    over = np.maximum(held / max(threshold, 1e-9), 1.0)
    gain = over ** (1.0 / ratio - 1.0)
    centres = (np.arange(len(level)) + 0.5) * block
    return np.asarray(np.interp(np.arange(len(audio)), centres, gain), dtype=np.float32)


def filtered(
    audio: Waveform, sample_rate: int, low_hz: float | None, high_hz: float | None
) -> Waveform:
    """Keep what lies between two frequencies (second order Butterworth; None: no limit).

    Forward and backward, so that nothing is delayed.
    """
    if low_hz is None and high_hz is None:
        return audio
    if low_hz is not None and high_hz is not None:
        sections = signal.butter(1, (low_hz, high_hz), "bandpass", fs=sample_rate, output="sos")
    elif low_hz is not None:
        sections = signal.butter(1, low_hz, "highpass", fs=sample_rate, output="sos")
    else:
        sections = signal.butter(1, high_hz, "lowpass", fs=sample_rate, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, audio), dtype=np.float32)


def draw_channel(rng: np.random.Generator, stem: str) -> Channel:
    """Draw how a stem is mixed: every song sounds like its own desk."""
    gain = {"drums": 1.5, "bass": 0.0, "other": 0.0, "vocals": -0.5}[stem]
    low_cut = {"drums": 30.0, "bass": 30.0, "other": 140.0, "vocals": 160.0}[stem]
    points = (
        (low_cut / 4, -24.0),
        (low_cut, -1.0),
        (250.0, float(rng.normal(0.0, 2.0))),
        (900.0, float(rng.normal(0.0, 2.0))),
        (3000.0, float(rng.normal(0.0, 3.0))),
        (9000.0, float(rng.normal(-1.0, 4.0))),
    )
    wet = {"drums": -17.0, "bass": -28.0, "other": -13.0, "vocals": -11.0}[stem]
    squeezed = stem == "drums" and rng.random() < 0.45
    squeeze = (float(rng.uniform(0.0, 8.0)), float(rng.uniform(2.0, 5.0)))
    return Channel(
        gain + float(rng.normal(0.0, 1.5)),
        points,
        wet + float(rng.normal(0.0, 3.0)),
        squeeze if squeezed else None,
    )


def draw_room(rng: np.random.Generator) -> Room:
    """Draw the reverberation of a song, from a small booth to a hall."""
    return Room(
        int(rng.integers(2**31)),
        float(rng.uniform(0.3, 2.0)),
        float(rng.uniform(0.0, 0.03)),
        float(rng.uniform(0.2, 0.8)),
    )

"""Time–frequency front ends: waveform → power → features.

Both keep the two steps apart, because training changes pitch, tempo and gain on the *power* before
it becomes features. The mel filters and constant-Q kernels are our own few lines rather than
torchaudio's and nnAudio's: the former has no wheel that loads beside a CPU torch, the latter
convolves every bin with the longest kernel.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from neuralsampleid.config import ConstantQ, LogMel


def segment_samples(front_end: LogMel | ConstantQ) -> int:
    """Samples that give exactly one segment's frames; 65,280 (4.08 s) at upstream's size."""
    return (front_end.frames - 1) * front_end.hop_length + front_end.hop_length // 2


class LogMelFrontEnd(nn.Module):
    """Log-mel levels in dB as upstream computes them (docs/upstream.md, "Log-mel front end")."""

    bins_per_octave = 0
    window: Tensor
    filters: Tensor

    def __init__(self, settings: LogMel) -> None:
        super().__init__()
        self.sample_rate = settings.sample_rate
        self.hop_length = settings.hop_length
        self.frames = settings.frames
        self.bins = settings.mel_bands
        self.n_fft = settings.n_fft
        self.reach = settings.n_fft // 2  # samples on either side of a frame's centre
        self.register_buffer("window", torch.hann_window(settings.n_fft), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters(settings)), persistent=False)

    def power(self, waveform: Tensor) -> Tensor:
        """(batch, samples) → |STFT|² (batch, 1 + n_fft // 2, 1 + samples // hop)."""
        spectrum = torch.stft(
            waveform,
            self.n_fft,
            self.hop_length,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return spectrum.real.square() + spectrum.imag.square()

    def features(self, power: Tensor) -> Tensor:
        """|STFT|² → mel levels in dB, not below −100 (batch, mel bands, frames)."""
        return 10.0 * torch.log10((self.filters @ power).clamp(min=1e-10))

    def forward(self, waveform: Tensor) -> Tensor:
        return self.features(self.power(waveform))


class ConstantQFrontEnd(nn.Module):
    """Constant-Q magnitudes, equal to nnAudio's default ``CQT`` (docs/upstream.md, "Baseline").

    Every bin is a windowed complex exponential of Q periods. A kernel that is cut into pieces of
    one hop turns the strided convolution into a dense one with a "channel" per sample of the hop;
    grouping bins by octave lets the high ones use short kernels.
    """

    def __init__(self, settings: ConstantQ) -> None:
        super().__init__()
        self.sample_rate = settings.sample_rate
        self.hop_length = settings.hop_length
        self.frames = settings.frames
        self.bins = settings.bins
        self.bins_per_octave = settings.bins_per_octave
        self.log_magnitude = settings.log_magnitude
        self.reach = 0  # samples on either side of a frame's centre
        self.groups = 0
        for group, kernel in enumerate(constant_q_kernels(settings)):
            self.register_buffer(f"kernel_{group}", torch.from_numpy(kernel), persistent=False)
            self.reach = max(self.reach, kernel.shape[-1] * settings.hop_length // 2)
            self.groups += 1

    def power(self, waveform: Tensor) -> Tensor:
        """(batch, samples) → squared magnitudes (batch, bins, 1 + samples // hop)."""
        hop, reach = self.hop_length, self.reach
        frames, longest = 1 + waveform.shape[-1] // hop, 2 * reach // hop
        padded = nn.functional.pad(
            waveform[:, None], (reach, reach + hop), mode=self._padding(waveform)
        )[:, 0]
        pieces = padded[:, : (frames + longest - 1) * hop].unflatten(1, (-1, hop))
        pieces = pieces.transpose(1, 2).contiguous()  # once, not for every octave
        octaves = []
        for group in range(self.groups):
            kernel: Tensor = getattr(self, f"kernel_{group}")
            first = (longest - kernel.shape[-1]) // 2
            own = pieces[:, :, first : first + frames + kernel.shape[-1] - 1]
            real, imaginary = nn.functional.conv1d(own, kernel).chunk(2, dim=1)
            octaves.append(real.square() + imaginary.square())
        return torch.cat(octaves, dim=1)

    def features(self, power: Tensor) -> Tensor:
        """Squared magnitudes → magnitudes, or with ``log_magnitude`` log(1 + 100·magnitude)."""
        magnitude = (power + 1e-12).sqrt()
        return torch.log1p(100.0 * magnitude) if self.log_magnitude else magnitude

    def forward(self, waveform: Tensor) -> Tensor:
        return self.features(self.power(waveform))

    def _padding(self, waveform: Tensor) -> str:
        # Reflection needs more samples than it pads; short clips are padded with silence.
        return "reflect" if waveform.shape[-1] > self.reach + self.hop_length else "constant"


def mel_filters(settings: LogMel) -> np.ndarray:
    """Triangular HTK mel filters without area normalisation, float32 (bands, 1 + n_fft // 2)."""

    def mel(frequency: float) -> float:
        return 2595.0 * math.log10(1.0 + frequency / 700.0)

    mels = np.linspace(mel(settings.f_min), mel(settings.f_max), settings.mel_bands + 2)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins = np.linspace(0.0, settings.sample_rate / 2, settings.n_fft // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def constant_q_kernels(settings: ConstantQ) -> list[np.ndarray]:
    """Kernels grouped by octave, each float32 (2 × bins in the group, hop, pieces).

    The first half of a group's rows are real parts, the second half imaginary parts. Bin k has
    frequency f_min·2^(k / bins_per_octave) and ceil(Q·sample_rate / f) samples under a periodic
    Hann window, scaled to unit L1 norm; magnitudes are multiplied by √length as in nnAudio.
    """
    hop, rate, per_octave = settings.hop_length, settings.sample_rate, settings.bins_per_octave
    quality = 1.0 / (2.0 ** (1.0 / per_octave) - 1.0)
    frequencies = settings.f_min * 2.0 ** (np.arange(settings.bins) / per_octave)
    lengths = np.ceil(quality * rate / frequencies).astype(int)
    longest = 2 ** math.ceil(math.log2(lengths[0]))
    groups = []
    for first in range(0, settings.bins, per_octave):
        chosen = range(first, min(first + per_octave, settings.bins))
        # An even number of pieces keeps the kernel's middle on a frame's centre.
        pieces = 2 * math.ceil((lengths[first] / 2 + 1) / hop)
        kernel = np.zeros((2, len(chosen), pieces * hop))
        for row, k in enumerate(chosen):
            length = int(lengths[k])
            # nnAudio centres odd kernels half a sample early in a frame of even length.
            start = math.ceil(longest / 2 - length / 2) - (length % 2) - longest // 2
            samples = np.arange(length)
            window = 0.5 - 0.5 * np.cos(2 * np.pi * samples / length)
            phase = 2 * np.pi * frequencies[k] / rate * (samples - length // 2 - length % 2 / 2)
            wave = window * np.exp(1j * phase)
            wave *= math.sqrt(length) / np.abs(wave).sum()
            place = slice(start + pieces * hop // 2, start + pieces * hop // 2 + length)
            kernel[0, row, place], kernel[1, row, place] = wave.real, wave.imag
        flat = kernel.reshape(2 * len(chosen), pieces, hop)
        groups.append(np.ascontiguousarray(flat.transpose(0, 2, 1), dtype=np.float32))
    return groups


def make_front_end(settings: LogMel | ConstantQ) -> LogMelFrontEnd | ConstantQFrontEnd:
    """The front end that a configuration section describes."""
    if isinstance(settings, LogMel):
        return LogMelFrontEnd(settings)
    return ConstantQFrontEnd(settings)

"""The percussive part of a sound that comes in blocks.

Median filters over time and across frequency with soft masks of their squares, as
``composer/parts.py`` does it for a whole sound.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, rfft

from neuralsampleid.audio.sound import Stretch, Waveform
from neuralsampleid.audio.spectra import median_along_rows

_LASTING_S = 0.2  # median over time
_BROAD_HZ = 500.0  # median across frequency
BLOCK = 512  # frames at once
_OVERLAP = 4  # frames that a sample is in


class PercussivePart:
    """Gives as many samples as it takes, some seconds later.

    Args:
        size: samples of a window, a multiple of four.
        sample_rate: Hz.
    """

    def __init__(self, size: int, sample_rate: int) -> None:
        self._hop = size // _OVERLAP
        phase = 2 * np.pi * np.arange(size) / size
        self._window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
        self._frames = round(_LASTING_S * sample_rate / self._hop)
        self._bins = round(_BROAD_HZ * size / sample_rate)
        self._around = (self._frames + 2 * _OVERLAP) * self._hop  # samples that tell of others
        self._audio, self._done = Stretch(), 0

    def feed(self, audio: Waveform) -> Waveform:
        """Take more samples, float32 (samples,); those that are ready."""
        self._audio.append(audio)
        ready = [np.zeros(0, np.float32)]
        while self._done + BLOCK * self._hop + self._around <= self._audio.end:
            ready.append(self._part(self._done + BLOCK * self._hop))
        return np.concatenate(ready)

    def finish(self) -> Waveform:
        """The samples that are left."""
        return self._part(self._audio.end)

    def _part(self, end: int) -> Waveform:
        """What is percussive up to a place."""
        begin, after = self._done - self._around, end + self._around
        # Beyond the sound lies silence.
        padded = np.pad(
            self._audio.part(begin, after), (max(-begin, 0), max(after - self._audio.end, 0))
        )
        found = self._separated(padded)[self._around : self._around + end - self._done]
        self._done = end
        self._audio.drop(end - self._around)
        return found

    def _separated(self, audio: Waveform) -> Waveform:
        """What is percussive but for the outer samples, which are in too few frames."""
        hop, size = self._hop, len(self._window)
        frames = np.lib.stride_tricks.sliding_window_view(audio, size)[::hop]
        spectrum = rfft(frames * self._window, axis=1)
        magnitude = np.abs(spectrum)
        lasting = median_along_rows(np.ascontiguousarray(magnitude.T), self._frames).T ** 2
        sudden = median_along_rows(magnitude, self._bins) ** 2
        spectrum *= sudden / (sudden + lasting + np.finfo(np.float32).tiny)
        strokes = (irfft(spectrum, size, axis=1) * self._window).reshape(-1, _OVERLAP, hop)
        total = np.zeros((len(strokes) + _OVERLAP - 1, hop), np.float32)
        for place in range(_OVERLAP):
            total[place : place + len(strokes)] += strokes[:, place]
        separated: Waveform = total.ravel() / np.square(self._window[::hop]).sum()
        return separated

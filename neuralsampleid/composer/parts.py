"""The percussive or the harmonic part of a recording, as a producer takes only drums or chords.

Median filters over time and across frequency with soft masks of their squares (FitzGerald,
"Harmonic/percussive separation using median filtering", DAFx 2010). ``separation/hpss.py`` makes
four stems instead.
"""

from __future__ import annotations

import numpy as np

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.audio.spectra import hann_transform, median_along_rows

PARTS = ("mix", "percussive", "harmonic")
_WINDOW_S = 0.093
_LASTING_S = 0.2  # median over time
_BROAD_HZ = 500.0  # median across frequency


def part_of(audio: Waveform, sample_rate: int, part: str) -> Waveform:
    """A part of mono audio; percussive and harmonic part add up to the mix."""
    if part == "mix":
        return audio
    transform = hann_transform(_WINDOW_S, sample_rate)
    padded = np.pad(audio, (0, max(0, transform.m_num - len(audio))))
    spectrum = transform.stft(padded)
    magnitude = np.abs(spectrum).astype(np.float32)
    lasting = median_along_rows(magnitude, round(_LASTING_S / transform.delta_t))
    sudden = median_along_rows(magnitude.T, round(_BROAD_HZ / transform.delta_f)).T
    mask = sudden**2 / (sudden**2 + lasting**2 + np.finfo(np.float32).tiny)
    percussive: Waveform = transform.istft(spectrum * mask, k1=len(padded)).astype(np.float32)
    percussive = percussive[: len(audio)]
    return percussive if part == "percussive" else audio - percussive

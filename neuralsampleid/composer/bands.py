"""The checksum of a query: its level in octave bands, to be compared with a tolerance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft

from neuralsampleid.audio.sound import Waveform

OCTAVES_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000)  # middles; the last is cut at Nyquist
TOLERANCE_DB = 0.3
_FLOOR_DB = -70.0  # below, 16 bits of a file begin to matter


def band_levels(audio: Waveform, sample_rate: int) -> tuple[float, ...]:
    """Root mean square of mono audio in each octave, dBFS rounded to 0.1, at least −70."""
    power = np.square(np.abs(fft.rfft(audio.astype(np.float64)))) * 2 / len(audio) ** 2
    edges = np.array(OCTAVES_HZ)[:, None] * np.sqrt([0.5, 2.0])  # Hz
    bins = np.round(edges * len(audio) / sample_rate).astype(int)
    levels = [10 * np.log10(power[low:high].sum() + 1e-12) for low, high in bins]
    return tuple(round(max(float(level), _FLOOR_DB), 1) for level in levels)


def difference_db(levels: Sequence[float], expected: Sequence[float]) -> float:
    """By how much two checksums differ in the octave where they do most."""
    return float(np.abs(np.subtract(levels, expected)).max())

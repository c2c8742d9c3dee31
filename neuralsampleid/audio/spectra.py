"""Spectrograms and their running medians, from which separation without a trained model is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

if TYPE_CHECKING:
    from scipy.signal import ShortTimeFFT

Spectrogram = npt.NDArray[np.float32]  # (frequencies, frames)


def hann_transform(window_s: float, sample_rate: int) -> ShortTimeFFT:
    """A Hann window of a power of two samples near ``window_s``, moved by a quarter."""
    from scipy.signal import ShortTimeFFT  # takes a second to load

    size = 2 ** max(4, round(np.log2(window_s * sample_rate)))
    return ShortTimeFFT.from_window("hann", sample_rate, size, 3 * size // 4)


def median_along_rows(values: Spectrogram, length: int) -> Spectrogram:
    """Median over ``length`` columns (made odd) around each column, edges mirrored.

    All rows in one: SciPy's fast algorithm is for one dimension only, and the mirrored edges
    keep the rows apart.
    """
    half = max(1, length // 2)
    padded = np.pad(values, ((0, 0), (half, half)), mode="symmetric")
    filtered: Spectrogram = median_filter(padded.ravel(), size=2 * half + 1)
    return filtered.reshape(padded.shape)[:, half : half + values.shape[1]]

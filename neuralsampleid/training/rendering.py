"""Views of a track: levels read at another speed and pitch, with effects, all on power."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled
from neuralsampleid.training.drawing import View
from neuralsampleid.training.level_packs import powers

_BELOW = np.float32(0.03)  # of the lowest bin's power, in bins that a transposition leaves open


def render(
    block: npt.NDArray[np.uint8], middle: float, view: View, power: npt.NDArray[np.float32]
) -> None:
    """Fill a view's power.

    Args:
        block: (frames, sources, bins) codes of levels.
        middle: frame of ``block`` on which the view's middle lies.
        view: how it is read.
        power: (bins, frames) of zeros; filled.
    """
    start, end = view.sounds
    _read(
        block,
        powers(),
        middle,
        view.speed,
        view.transposition,
        view.sources,
        view.gains,
        view.squash,
        start,
        end,
        power,
    )
    if view.wet > 0:
        _reverberate(power, np.float32(view.decay), np.float32(view.wet))


@compiled
def _transpose(
    row: npt.NDArray[np.float32],
    transposition: float,
    gains: npt.NDArray[np.float32],
    power: npt.NDArray[np.float32],
) -> np.float32:
    """Fill one frame's power (bins,), and give its sum."""
    total, bins = np.float32(0), len(row)
    for k in range(bins):
        read = k - transposition
        value = np.float32(0)
        if read < 0:
            value = row[0] * _BELOW
        elif read <= bins - 1:
            low = int(read)
            high = min(low + 1, bins - 1)
            value = row[low] + np.float32(read - low) * (row[high] - row[low])
        power[k] = value * gains[k]
        total += power[k]
    return total


@compiled
def _read(
    block: npt.NDArray[np.uint8],
    powers_of: npt.NDArray[np.float32],
    middle: float,
    speed: float,
    transposition: float,
    sources: npt.NDArray[np.bool_],
    gains: npt.NDArray[np.float32],
    squash: float,
    start: int,
    end: int,
    power: npt.NDArray[np.float32],
) -> None:
    """Interpolate linearly between frames, then between bins; compress frames."""
    bins, frames = power.shape
    row = np.empty(bins, np.float32)
    for frame in range(start, end):
        place = middle + speed * (frame - frames // 2)
        if place < 0 or place > len(block) - 1:
            continue
        before = int(place)
        following = min(before + 1, len(block) - 1)
        after = np.float32(place - before)
        for k in range(bins):
            row[k] = 0
        for source in range(len(sources)):
            if sources[source]:
                for k in range(bins):
                    row[k] += (1 - after) * powers_of[block[before, source, k]]
                    row[k] += after * powers_of[block[following, source, k]]
        total = _transpose(row, transposition, gains, power[:, frame])
        if squash > 0 and total > 0:
            less = np.float32((total + 1e-11) ** -squash)
            for k in range(bins):
                power[k, frame] *= less


@compiled
def _reverberate(power: npt.NDArray[np.float32], decay: np.float32, wet: np.float32) -> None:
    """Add to each frame what is left of those before, which decays by a factor per frame."""
    bins, frames = power.shape
    for k in range(bins):
        tail = np.float32(0)
        for frame in range(frames):
            direct = power[k, frame]
            power[k, frame] = direct + wet * tail
            tail = decay * tail + (1 - decay) * direct

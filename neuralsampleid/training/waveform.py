"""Changes carried out on waveforms, clip by clip on worker processes, by audiomentations.

The slower alternative to ``batched``; ``benchmarks/augmentation.md`` compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neuralsampleid.audio.front_ends import ConstantQFrontEnd, LogMelFrontEnd
from neuralsampleid.training.pairs import Audio, RawPair
from neuralsampleid.training.speed_and_pitch import Changes

Transform = Callable[[Audio, int], Audio]  # of audiomentations: audio, sample rate in Hz → audio


@dataclass(frozen=True)
class WaveformBatch:
    """Both views' waveforms, each (B, segment samples)."""

    query: Tensor
    reference: Tensor

    def to(self, device: torch.device) -> WaveformBatch:
        """The same batch on another device; Lightning calls this."""
        return WaveformBatch(self.query.to(device), self.reference.to(device))


class WaveformViews:
    """Makes query waveforms on a worker, and both views' features on the batch's device."""

    def __init__(
        self, front_end: LogMelFrontEnd | ConstantQFrontEnd, change_rest: bool, segment: int
    ) -> None:
        """See ``BatchedViews``; ``segment`` is the length of a view in samples."""
        self.front_end = front_end
        self.change_rest = change_rest
        self.segment = segment

    def collate(self, pairs: list[RawPair]) -> WaveformBatch:
        """Change, mix and stack pairs on a worker process."""
        queries = np.stack([self._query(pair) for pair in pairs])
        references = np.stack([pair.reference for pair in pairs])
        return WaveformBatch(torch.from_numpy(queries), torch.from_numpy(references))

    @torch.no_grad()
    def features(self, batch: WaveformBatch) -> tuple[Tensor, Tensor]:
        """Query and reference features, each (B, bins, frames)."""
        frames = self.front_end.frames
        query, reference = self.front_end(batch.query), self.front_end(batch.reference)
        return query[:, :, :frames], reference[:, :, :frames]

    def _query(self, pair: RawPair) -> Audio:
        rate, changes = self.front_end.sample_rate, pair.changes
        sampled = apply_effects(pair.sampled, rate, changes)
        if self.change_rest:
            query = apply_changes(sampled + pair.rest, rate, changes)
        else:
            query = apply_changes(sampled, rate, changes)
            query = _middle(query, self.segment) + _middle(pair.rest, self.segment)
        return _edited(_middle(query, self.segment), rate, changes)


def apply_effects(audio: Audio, sample_rate: int, changes: Changes) -> Audio:
    """T1: equaliser, compressor and gain; only the gain changes the level."""
    import audiomentations as am  # takes a second, and only this backend needs it

    level = float(np.square(audio).mean())
    if np.any(changes.equaliser_db):
        gains = np.interp(
            np.linspace(0, 1, 7), np.linspace(0, 1, len(changes.equaliser_db)), changes.equaliser_db
        )
        for band, gain in zip(_BANDS_HZ, gains, strict=True):
            peak: Transform = am.PeakingFilter(
                min_center_freq=band, max_center_freq=band, min_gain_db=gain, max_gain_db=gain,
                min_q=0.7, max_q=0.7, p=1.0,
            )  # fmt: skip
            if band < sample_rate / 2:
                audio = peak(audio, sample_rate)
    if changes.compressor_ratio > 1.0:
        audio = _compressed(audio, changes)
    makeup = level / max(float(np.square(audio).mean()), 1e-10)
    changed: Audio = audio * np.float32(np.sqrt(makeup) * 10 ** (changes.gain_db / 20))
    return changed


def apply_changes(audio: Audio, sample_rate: int, changes: Changes) -> Audio:
    """T2: pitch and tempo; the middle stays the middle, the length follows the tempo."""
    import audiomentations as am

    if changes.pitch_semitones:
        pitch = changes.pitch_semitones
        shift: Transform = am.PitchShift(min_semitones=pitch, max_semitones=pitch, p=1.0)
        audio = shift(audio, sample_rate)
    if changes.tempo != 1.0:
        stretch: Transform = am.TimeStretch(
            min_rate=changes.tempo, max_rate=changes.tempo, leave_length_unchanged=False, p=1.0
        )
        audio = stretch(audio, sample_rate)
    return audio


_BANDS_HZ = (60.0, 150.0, 400.0, 1000.0, 2400.0, 6000.0, 10000.0)


def _compressed(audio: Audio, changes: Changes) -> Audio:
    """Reduce blocks of 512 samples above the threshold; the same curve as ``batched.compress``."""
    block = 512
    padded = np.pad(audio, (0, -len(audio) % block))
    power = np.square(padded.reshape(-1, block)).mean(axis=1)
    level = 10 * np.log10(np.maximum(power, 1e-10))
    over = np.maximum(level - (level.max() + changes.compressor_threshold_db), 0.0)
    gain = 10 ** (-over * (1 - 1 / changes.compressor_ratio) / 20)
    places = (np.arange(len(gain)) + 0.5) * block
    smooth = np.interp(np.arange(len(audio)), places, gain)
    compressed: Audio = audio * smooth.astype(np.float32)
    return compressed


def _edited(audio: Audio, sample_rate: int, changes: Changes) -> Audio:
    """Duplicate, remove or silence a stretch; the length stays."""
    start = int(changes.edit_start * len(audio))
    length = max(1, round(changes.edit_seconds * sample_rate))
    if changes.edit == "duplicate":
        repeated = [audio[: start + length], audio[start : len(audio) - length]]
        return np.concatenate(repeated)[: len(audio)]
    if changes.edit == "remove":
        return np.pad(np.delete(audio, slice(start, start + length)), (0, length))[: len(audio)]
    if changes.edit == "silence":
        audio = audio.copy()
        audio[start : start + length] = 0.0
    return audio


def _middle(audio: Audio, samples: int) -> Audio:
    """The middle ``samples`` of audio, padded with silence on both sides if it is shorter."""
    missing = max(0, samples - len(audio))
    padded = np.pad(audio, (missing // 2, missing - missing // 2))
    start = (len(padded) - samples) // 2
    return padded[start : start + samples]

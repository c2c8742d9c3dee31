"""Changes carried out on a batch of powers: pitch and tempo by one interpolation.

Reading the time axis of a power spectrogram at another rate changes the tempo; reading its
frequency axis at f·2^(−p/12) (a logarithmic axis: p bins lower) shifts the pitch. The powers of two
sources add.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from neuralsampleid.audio.front_ends import ConstantQFrontEnd, LogMelFrontEnd
from neuralsampleid.training.batches import TensorBatch
from neuralsampleid.training.pairs import Audio, RawPair
from neuralsampleid.training.speed_and_pitch import read_positions


@dataclass(frozen=True)
class PowerBatch(TensorBatch):
    """Stacked raw pairs and changes; B pairs, W window samples, S segment samples, T frames.

    On its way to a GPU the audio may have half precision; whoever computes makes it single.
    """

    sampled: Tensor  # (B, W)
    rest: Tensor  # (B, W)
    reference: Tensor  # (B, S)
    positions: Tensor  # (B, T) frames re the window's middle
    mask: Tensor  # (B, T)
    pitch: Tensor  # (B,) semitones
    gain_db: Tensor  # (B,)
    equaliser_db: Tensor  # (B, points)
    compressor: Tensor  # (B, 2) threshold in dB re the loudest frame, ratio


FeatureBatch = tuple[Tensor, Tensor]  # of queries and references, each (B, bins, frames)
Batch = PowerBatch | FeatureBatch


class BatchedViews:
    """Makes both views' features of a batch on its device.

    Args:
        front_end: whose power is changed.
        change_rest: T2 acts on sampled + rest (as upstream, both from one song) or only on the
            sampled part (the rest is new music).
        half: hand audio over in half precision, 11 bits of each value: a GPU waits for the copies
            of full size (benchmarks/busy_gpu.md).
        ready: features are made when pairs are collated: by workers, where there are any.
    """

    def __init__(
        self,
        front_end: LogMelFrontEnd | ConstantQFrontEnd,
        change_rest: bool,
        *,
        half: bool = False,
        ready: bool = False,
    ) -> None:
        self.front_end = front_end
        self.change_rest = change_rest
        self.audio_type = np.float16 if half else np.float32
        self.ready = ready

    def collate(self, pairs: list[RawPair]) -> Batch:
        """Stack pairs, in the process that makes them."""
        batch = self._stacked(pairs)
        return self.features(batch) if self.ready else batch

    def _stacked(self, pairs: list[RawPair]) -> PowerBatch:
        frames = self.front_end.frames
        rate = self.front_end.sample_rate / self.front_end.hop_length
        changes = [pair.changes for pair in pairs]
        positions, masks = zip(
            *(read_positions(change, frames, rate) for change in changes), strict=True
        )
        compressor = [(c.compressor_threshold_db, c.compressor_ratio) for c in changes]
        return PowerBatch(
            sampled=self._audio([pair.sampled for pair in pairs]),
            rest=self._audio([pair.rest for pair in pairs]),
            reference=self._audio([pair.reference for pair in pairs]),
            positions=_stack(list(positions)),
            mask=_stack(list(masks)),
            pitch=torch.tensor([change.pitch_semitones for change in changes]),
            gain_db=torch.tensor([change.gain_db for change in changes]),
            equaliser_db=_stack([change.equaliser_db for change in changes]),
            compressor=torch.tensor(compressor),
        )

    @torch.no_grad()
    def features(self, batch: Batch) -> FeatureBatch:
        """Query and reference features, each (B, bins, frames)."""
        if not isinstance(batch, PowerBatch):
            return batch
        original = self.front_end.power(batch.sampled.float())
        power = compress(equalise(original, batch.equaliser_db), batch.compressor)
        # Make-up gain: only ``gain_db`` shall change the sampled part's level.
        makeup = _energy(original) / _energy(power).clamp(min=1e-10)
        power = power * (makeup * 10 ** (batch.gain_db / 10))[:, None, None]
        rest = self.front_end.power(batch.rest.float())
        if self.change_rest:
            query = self._warp(power + rest, batch.positions, batch.pitch)
        else:
            query = self._warp(power, batch.positions, batch.pitch)
            query = query + middle_frames(rest, query.shape[2])
        query = query * batch.mask[:, None, :]
        reference = self.front_end(batch.reference.float())[:, :, : self.front_end.frames]
        return self.front_end.features(query), reference

    def _audio(self, arrays: list[Audio]) -> Tensor:
        return torch.from_numpy(np.stack(arrays, dtype=self.audio_type, casting="same_kind"))

    def _warp(self, power: Tensor, positions: Tensor, pitch: Tensor) -> Tensor:
        return warp(power, positions, pitch, self.front_end.bins_per_octave)


def warp(power: Tensor, positions: Tensor, pitch: Tensor, bins_per_octave: int) -> Tensor:
    """Read powers at other times and frequencies, by one bilinear interpolation.

    Args:
        power: (B, bins, frames in the window).
        positions: (B, T) where to read, in frames relative to the window's middle frame.
        pitch: (B,) semitones upwards.
        bins_per_octave: of a logarithmic frequency axis; 0: the axis is linear and begins at 0 Hz.

    Returns:
        (B, bins, T); 0 where the reading lies outside.
    """
    bins, frames = power.shape[1:]
    bin_index = torch.arange(bins, device=power.device, dtype=power.dtype)
    if bins_per_octave:
        read_bin = bin_index - pitch[:, None] * (bins_per_octave / 12)
    else:
        read_bin = bin_index * 2 ** (-pitch[:, None] / 12)
    read_frame = positions + (frames - 1) / 2
    # grid_sample wants coordinates in [−1, 1] with corners aligned, x (time) before y.
    x = (read_frame * (2 / (frames - 1)) - 1)[:, None, :].expand(-1, bins, -1)
    y = (read_bin * (2 / (bins - 1)) - 1)[:, :, None].expand(-1, -1, positions.shape[1])
    grid = torch.stack([x, y], dim=-1)
    return nn.functional.grid_sample(power[:, None], grid, align_corners=True)[:, 0]


def middle_frames(power: Tensor, frames: int) -> Tensor:
    """The ``frames`` frames around the middle one, which is the later of two: (B, bins, frames).

    What ``warp`` reads where nothing changes, at no cost.
    """
    first = (power.shape[2] - 1) // 2 - frames // 2
    return power[:, :, first : first + frames]


def equalise(power: Tensor, gains_db: Tensor) -> Tensor:
    """Apply smooth gains over frequency: (B, bins, frames) and (B, points) low to high."""
    curve = nn.functional.interpolate(
        gains_db[:, None], size=power.shape[1], mode="linear", align_corners=True
    )[:, 0]
    return power * (10 ** (curve / 10))[:, :, None]


def compress(power: Tensor, settings: Tensor) -> Tensor:
    """Reduce frames above a threshold, as a compressor without attack and release does.

    Args:
        power: (B, bins, frames).
        settings: (B, 2): threshold in dB re the loudest frame, ratio (1 changes nothing).
    """
    level = 10 * torch.log10(power.sum(dim=1).clamp(min=1e-10))
    threshold = level.amax(dim=1, keepdim=True) + settings[:, :1]
    over = (level - threshold).clamp(min=0)
    reduction = over * (1 - 1 / settings[:, 1:])
    return power * (10 ** (-reduction / 10))[:, None, :]


def _energy(power: Tensor) -> Tensor:
    return power.sum(dim=(1, 2))


def _stack(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))

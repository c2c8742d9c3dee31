"""Pairs of windows from packed levels, changed as samples are.

A window holds several segments. Its reference view is the whole mix; its query view has a part of
it, changed, beside that of another track. So a query holds two samples, each with a reference of
its own. Both views may be transposed and stretched alike, which makes more music out of the same.
A query is later read at several speeds and pitches, so views differ by little in both.

An item is made from its index and the seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from neuralsampleid.config import ConstantQ, WindowTraining
from neuralsampleid.training.batches import TensorBatch
from neuralsampleid.training.drawing import View, draw_changes
from neuralsampleid.training.level_packs import PackedLevels
from neuralsampleid.training.pairs import drawn_track
from neuralsampleid.training.rendering import render

Powers = npt.NDArray[np.float32]
_LEAST_COVER = 0.45  # share of a segment in which a sample sounds, for it to be one
_QUIETEST = 1e-6  # noise beside a mean power of 1


@dataclass(frozen=True)
class WindowPair:
    """One track's two views, powers (bins, frames), and what becomes of the query's."""

    track: int
    reference: Powers
    sampled: Powers  # of mean power 1 while it sounds
    sounds: tuple[int, int]  # frames from and to
    gain_db: float  # of this sample over the other one
    alone: bool  # without the other one
    noise: float  # power beside a mean power of 1


@dataclass(frozen=True)
class WindowBatch(TensorBatch):
    """B pairs: magnitudes (B, bins, frames), and which query holds a sample of which track.

    ``first`` and ``second`` (B, segments) tell in which segments a query's own sample and that of
    the next pair, ``others``, sound for long enough.
    """

    queries: Tensor
    references: Tensor
    tracks: Tensor  # (B,)
    others: Tensor  # (B,) place in the batch
    first: Tensor
    second: Tensor


class WindowSource(Dataset[WindowPair]):
    """Pairs of windows by global index: epoch × pairs per epoch + place.

    Args:
        packed: levels as the front end makes them.
        tracks: which of the packed tracks to draw from.
        front_end: of the encoder.
        frames: of a window.
        training: changes.
        seed: of the whole run.
        total: pairs that the whole training will draw.
    """

    def __init__(
        self,
        packed: PackedLevels,
        tracks: list[int],
        front_end: ConstantQ,
        frames: int,
        training: WindowTraining,
        seed: int,
        total: int,
    ) -> None:
        self.packed, self.tracks, self.training = packed, tracks, training
        self.front_end, self.frames, self.seed, self.total = front_end, frames, seed, total
        # Frames on either side of a window's middle that its views may read.
        fastest = training.changes.both_tempo * training.changes.tempo
        self.reach = int(fastest * frames / 2 + training.changes.jitter_s * self.rate) + 2

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.front_end.sample_rate / self.front_end.hop_length

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, index: int) -> WindowPair:
        rng = np.random.default_rng([self.seed, index])
        track = drawn_track(self.tracks, index, self.seed)
        length, edge = self.packed.frames(track), self.frames // 3
        middle = int(rng.integers(edge, max(edge, length - edge) + 1))
        block = self.packed.part(track, middle - self.reach, 2 * self.reach + 1)
        sounding = np.array(block.any(axis=(0, 2)))
        changes = draw_changes(self.training.changes, self.front_end, self.frames, sounding, rng)
        sampled = self._view(block, changes.query)
        start, end = changes.query.sounds
        mean = sampled.sum() / (sampled.shape[0] * (end - start))
        sampled /= max(mean, 1e-12)
        return WindowPair(
            track,
            self._view(block, changes.reference),
            sampled,
            changes.query.sounds,
            changes.gain_db,
            changes.alone,
            changes.noise,
        )

    def _view(self, block: npt.NDArray[np.uint8], view: View) -> Powers:
        power = np.zeros((self.front_end.bins, self.frames), np.float32)
        render(block, self.reach + view.shift, view, power)
        return power


@dataclass(frozen=True)
class WindowCollator:
    """Mixes each pair's sample with the next one's.

    Args:
        starts: frames at which the segments that are learned from begin.
        segment_frames: their length.
    """

    starts: tuple[int, ...]
    segment_frames: int

    def collate(self, pairs: list[WindowPair]) -> WindowBatch:
        """Stack pairs, in the process that makes them."""
        count = len(pairs)
        others = (np.arange(count) + 1) % count
        sampled = np.stack([pair.sampled for pair in pairs])
        gain_db = np.array([pair.gain_db for pair in pairs], np.float32)
        alone = np.array([pair.alone for pair in pairs]) | (count == 1)
        noise = np.array([max(pair.noise, _QUIETEST) for pair in pairs], np.float32)
        loud, quiet = 10 ** (gain_db / 20), np.where(alone, 0, 10 ** (-gain_db / 20))
        power = sampled * loud[:, None, None]
        power += sampled[others] * quiet.astype(np.float32)[:, None, None]
        power += noise[:, None, None]
        covered = self._covered(np.array([pair.sounds for pair in pairs]))
        references = np.stack([pair.reference for pair in pairs])
        return WindowBatch(
            queries=torch.from_numpy(np.sqrt(power)),
            references=torch.from_numpy(np.sqrt(references)),
            tracks=torch.tensor([pair.track for pair in pairs]),
            others=torch.from_numpy(others),
            first=torch.from_numpy(covered),
            second=torch.from_numpy(covered[others] & ~alone[:, None]),
        )

    def _covered(self, sounds: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        starts = np.array(self.starts)
        begin = np.maximum(sounds[:, :1], starts)
        end = np.minimum(sounds[:, 1:], starts + self.segment_frames)
        covered: npt.NDArray[np.bool_] = (end - begin) / self.segment_frames > _LEAST_COVER
        return covered

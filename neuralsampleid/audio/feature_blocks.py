"""A track's features, made block by block."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from neuralsampleid.audio.front_ends import ConstantQFrontEnd, LogMelFrontEnd
from neuralsampleid.audio.sound import Stretch, Waveform

BLOCK = 1 << 10  # frames whose features are computed at once; more leave the cache


class FeatureBlocks:
    """The features of a track that comes in blocks, as the front end makes them of the whole of it.

    Its spectrum needs much more memory than its features.
    """

    def __init__(self, front_end: LogMelFrontEnd | ConstantQFrontEnd) -> None:
        self._front_end, self._audio, self._frame = front_end, Stretch(), 0
        self._device = next(front_end.buffers()).device
        # Frames beside a block that its features depend on.
        self._margin = front_end.reach // front_end.hop_length + 2

    def feed(self, audio: Waveform) -> Iterator[Tensor]:
        """What can be said after more samples, (samples,): blocks (bins, frames)."""
        self._audio.append(audio)
        while (self._frame + BLOCK + self._margin) * self._front_end.hop_length <= self._audio.end:
            yield self._block(self._frame + BLOCK)

    def finish(self) -> Iterator[Tensor]:
        """The blocks that are left."""
        total = 1 + self._audio.end // self._front_end.hop_length
        while self._frame < total:
            yield self._block(min(self._frame + BLOCK, total))

    @torch.inference_mode()
    def _block(self, last: int) -> Tensor:
        hop, begin = self._front_end.hop_length, max(0, self._frame - self._margin)
        piece = torch.tensor(self._audio.part(begin * hop, (last + self._margin) * hop))
        own = slice(self._frame - begin, last - begin)
        self._frame = last
        self._audio.drop((last - self._margin) * hop)
        features: Tensor = self._front_end(piece.to(self._device)[None])
        return features[0, :, own]
